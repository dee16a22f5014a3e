"""Where paper orders meet quotes: stops, fills as the profile plans them, waiting, reports."""

from collections.abc import Callable
from functools import partial
from typing import Protocol

from phalanx.brokers.paper.agenda import Agenda
from phalanx.brokers.paper.book import PaperBook
from phalanx.brokers.paper.days import ClosesAt, Days
from phalanx.brokers.paper.fills import fill_price, next_slice, reports_twice
from phalanx.brokers.paper.orders import PaperOrder
from phalanx.brokers.paper.sessions import Sessions
from phalanx.brokers.paper.waiting import Waiting
from phalanx.brokers.port import ReportListener
from phalanx.domain.accounts import AccountId
from phalanx.domain.instruments import InstrumentKey, Quote
from phalanx.domain.numbers import Price, Quantity, format_fixed
from phalanx.domain.orders import ExecType, ExecutionReport
from phalanx.domain.time import Clock


class Quotes(Protocol):
    """What paper asks of a market: the latest quote, and word of every change."""

    def get(self, key: InstrumentKey, /) -> Quote | None:
        """The latest quote, or None for an unknown instrument."""
        ...

    def listen(self, listener: Callable[[InstrumentKey, Quote], None], /) -> Callable[[], None]:
        """Call at every change; returns how to stop that."""
        ...


class Matcher:
    """Fills the orders of a book. Every method but ``quote_changed`` is called from the agenda.

    The work per order is constant, and per quote as well while nobody waits for it. A stop is
    triggered by the very quote that reaches it, also by one that is gone on the next turn; what it
    trades at then is another matter.
    """

    __slots__ = (
        "_agenda",
        "_book",
        "_clock",
        "_looks",
        "_quotes",
        "_sessions",
        "_stops",
        "_waiting",
        "days",
        "listener",
    )

    def __init__(
        self,
        book: PaperBook,
        quotes: Quotes,
        agenda: Agenda,
        clock: Clock,
        sessions: Sessions,
        zone_offset_s: Callable[[], int],
        closes_at: ClosesAt,
    ) -> None:
        self.days = Days(book, agenda, clock, zone_offset_s, closes_at, self._expire)
        self._book = book
        self._sessions = sessions
        self._quotes = quotes
        self._agenda = agenda
        self._clock = clock
        self._waiting: dict[InstrumentKey, Waiting] = {}
        self._stops: dict[InstrumentKey, Waiting] = {}
        self._looks: set[InstrumentKey] = set()
        self.listener: ReportListener | None = None

    def resume(self, order: PaperOrder) -> None:
        """Let a restored order go on: its next slice an interval from now, or on the next turn."""
        order.plan()
        if order.is_triggered:
            self._work_later(order)
        else:
            order.step = self._agenda.add(0, partial(self._begin, order))

    def start(self, order: PaperOrder) -> None:
        """Let an order that was just accepted begin: a stop waits unless the price is there already."""
        order.plan()
        self._begin(order)

    def fill_by_hand(
        self, order: PaperOrder, quantity: Quantity, price: Price, exec_id: str
    ) -> str:
        """Fill what a person ordered of a working order, as far as it is left and within the limit; each
        ExecID once. What is left of a stop waits on for its price. Returns why it is not done, empty
        when it is or was.
        """
        if self.expire_if_over(order):
            return ""
        if any(trade.exec_id == exec_id for trade in order.trades):
            return ""
        quantity = min(quantity, order.quantity - order.cum_quantity)
        if quantity <= 0:
            return "nothing is left of it"
        if not order.may_trade_at(price):
            return f"{format_fixed(price)} is beyond its limit {format_fixed(order.limit)}"
        waited = self._wait_no_longer(order)
        order.fill_by_hand(quantity)
        self._report(order, ExecType.TRADE, exec_id, quantity, price, text="by hand")
        if order.is_ended or not order.slices_left:
            self._drop_step(order)
        elif waited and order.is_triggered:
            self._work(order)
        elif waited:
            self._wait(order)
        return ""

    def replace(self, order: PaperOrder, quantity: Quantity, limit: Price, mark: str) -> None:
        """Give an order new terms. A slice that waited for the price is due at once; one that has
        its time keeps it.
        """
        waited = self._wait_no_longer(order)
        order.replace(quantity, limit)
        self._report(order, ExecType.REPLACED, f"{order.cl_ord_id}-{mark}")
        if order.is_ended:
            self._drop_step(order)
        elif not order.is_triggered:
            self._drop_step(order)
            self._begin(order)
        elif not order.slices_left:
            self._drop_step(order)
        elif waited:
            self._work(order)
        elif order.step is None:
            self._go_on(order)

    def cancel(self, order: PaperOrder, text: str) -> None:
        """Take what is left of an order out of the market."""
        self._wait_no_longer(order)
        self._drop_step(order)
        self._report(order, ExecType.CANCELED, f"{order.cl_ord_id}-C", text=text)

    def expire_if_over(self, order: PaperOrder) -> bool:
        """Whether the order's trading day is over; then it has ended, whatever was due of it."""
        if self._clock.now() < order.ends_at:
            return False
        if not order.is_ended:
            self._wait_no_longer(order)
            self._drop_step(order)
            text = "its trading day is over"
            self._report(order, ExecType.EXPIRED, f"{order.cl_ord_id}-X", text=text)
        return True

    def _expire(self, order: PaperOrder) -> None:
        self.expire_if_over(order)

    def quote_changed(self, key: InstrumentKey, quote: Quote) -> None:
        """Trigger the stops that this price reaches. If somebody waits for it, look on the next turn,
        once for many changes.
        """
        stops = self._stops.get(key)
        if stops is not None and stops.allows(quote.last):
            self._trigger(key, stops, quote.last)
        waiting = self._waiting.get(key)
        if waiting is not None and waiting.allows(quote.last) and key not in self._looks:
            self._looks.add(key)
            self._agenda.add(0, partial(self._look, key))

    def _trigger(self, key: InstrumentKey, stops: Waiting, last: Price) -> None:
        """From here on they work as what they are beside their stops, from the next turn at the earliest."""
        for order in stops.take(last):
            order.is_triggered = True
            self._work_later(order)
        if not stops:
            del self._stops[key]

    def _look(self, key: InstrumentKey) -> None:
        """Fill those who waited, at the quote of this moment; the oldest order first."""
        self._looks.discard(key)
        waiting = self._waiting.get(key)
        quote = self._quotes.get(key)
        if waiting is None or quote is None:
            return
        taken = waiting.take(quote.last)
        if not waiting:
            del self._waiting[key]
        for order in taken:
            self._work(order)

    def _begin(self, order: PaperOrder) -> None:
        """The order is at the market: a stop that the price has not reached waits, the others work."""
        order.step = None
        if self.expire_if_over(order):
            return
        if not order.is_triggered:
            quote = self._quotes.get(order.instrument)
            order.is_triggered = quote is not None and order.allows(quote.last)
        if order.is_triggered:
            self._go_on(order)
        elif order.is_ioc:
            self.cancel(order, "IOC: not triggered at once")
        else:
            self._wait(order)

    def _go_on(self, order: PaperOrder) -> None:
        """Fill the next slice when its time has come, which without an interval is now."""
        if order.interval_ns and order.slices_left:
            self._work_later(order)
        else:
            self._work(order)

    def _work_later(self, order: PaperOrder) -> None:
        order.step = self._agenda.add(order.interval_ns, partial(self._work, order))

    def _work(self, order: PaperOrder) -> None:
        """A slice is due: fill it, and the others too where there is no time between them."""
        order.step = None
        if self.expire_if_over(order):
            return
        while order.slices_left:
            price = self._price(order)
            if price is None:
                break
            self._fill(order, price)
            if order.interval_ns and order.slices_left:
                self._work_later(order)
                return
        if order.is_ended:
            return
        if order.is_ioc:
            self.cancel(order, "IOC: not filled at once")
        elif order.slices_left:
            self._wait(order)

    def _price(self, order: PaperOrder) -> Price | None:
        """What the order trades at now, if it does."""
        quote = self._quotes.get(order.instrument)
        if quote is None:
            return None
        slippage_bps = order.profile.slippage_bps
        return fill_price(order.side, order.limit, quote.last, slippage_bps, order.tick_size)

    def _fill(self, order: PaperOrder, price: Price) -> None:
        quantity = next_slice(order.remaining, order.slices_left, order.lot_size)
        order.remaining -= quantity
        order.slices_left -= 1
        total = order.cum_quantity + quantity
        self._report(order, ExecType.TRADE, f"{order.cl_ord_id}-{total}", quantity, price)

    def _places(self, order: PaperOrder) -> dict[InstrumentKey, Waiting]:
        """Where it waits: for its stop, or to trade."""
        return self._waiting if order.is_triggered else self._stops

    def _wait(self, order: PaperOrder) -> None:
        places = self._places(order)
        waiting = places.get(order.instrument)
        if waiting is None:
            waiting = places[order.instrument] = Waiting()
        waiting.add(order)

    def _wait_no_longer(self, order: PaperOrder) -> bool:
        """Whether the order waited for its price."""
        places = self._places(order)
        waiting = places.get(order.instrument)
        if waiting is None or not waiting.discard(order):
            return False
        if not waiting:
            del places[order.instrument]
        return True

    def _drop_step(self, order: PaperOrder) -> None:
        if order.step is not None:
            self._agenda.drop(order.step)
            order.step = None

    def _report(
        self,
        order: PaperOrder,
        exec_type: ExecType,
        exec_id: str,
        quantity: Quantity = 0,
        price: Price = 0,
        *,
        text: str = "",
    ) -> None:
        """Book and tell one event of an order; its ExecID stays the same for ever."""
        report = ExecutionReport(
            cl_ord_id=order.cl_ord_id,
            exec_type=exec_type,
            order_id=order.order_id,
            exec_id=exec_id,
            cum_quantity=order.cum_quantity + quantity,
            last_quantity=quantity,
            last_price=price,
            charges=order.charges_of(quantity, price) if quantity else 0,
            text=text,
            time=self._clock.now(),
            quantity=order.quantity,
            price=order.limit,
        )
        order.record(report)
        if order.is_ended:
            self._book.end(order)
        tell = partial(self._tell, order.account, report)
        tell()
        if reports_twice(order.profile, order.cl_ord_id):
            self._agenda.add(0, tell)

    def _tell(self, account: AccountId, report: ExecutionReport) -> None:
        assert self.listener is not None
        if self._sessions.is_up(account):
            self.listener(report)
