"""The paper broker behind the port: its session, its answers, its restart.

Order of things, which callers may rely on: ``place``, ``cancel`` and ``replace`` call the ticket's
``admit`` and ``written``, and ``done`` only for what was never written. Everything a broker answers
(every other ``done``, and every report) comes later, from the agenda, in one turn of the loop for
all that is due in it. So nobody is called back while still planning or sending.
"""

from collections.abc import Callable, Iterable
from functools import partial

from phalanx.brokers.paper.agenda import Agenda
from phalanx.brokers.paper.answers import Answers
from phalanx.brokers.paper.book import PaperBook
from phalanx.brokers.paper.days import ClosesAt
from phalanx.brokers.paper.fills import drops_session, is_rejected, loses_answer
from phalanx.brokers.paper.matcher import Matcher, Quotes
from phalanx.brokers.paper.orders import STOPS, PaperOrder, RestoredOrder
from phalanx.brokers.paper.sessions import Sessions
from phalanx.brokers.paper.terms import CAPABILITIES, TEXTS, Code
from phalanx.brokers.placing import unsupported
from phalanx.brokers.port import (
    Accepted,
    BrokerBook,
    CancelRequest,
    NeverWritten,
    PlaceRequest,
    Refused,
    ReplaceRequest,
    ReportListener,
    SessionListener,
    Ticket,
)
from phalanx.domain.accounts import Account, AccountId
from phalanx.domain.capabilities import Capabilities
from phalanx.domain.instruments import Instrument, InstrumentKey
from phalanx.domain.numbers import Price, Quantity
from phalanx.domain.orders import ClOrdId, OrdStatus
from phalanx.domain.reasons import Reason, ReasonCode
from phalanx.domain.settings import RiskSettings
from phalanx.domain.time import MILLISECOND, Clock, Nanoseconds, Timer


class PaperBroker:
    """Kind L, paper mode only. Trades against our own quotes as the account's FillProfile says.

    An order fills only while the last price is within its limit (of a MARKET order: its protected
    price); otherwise it rests and is looked at again when the quote changes. A stop first waits until
    the last price reaches it. IOC fills what it can when it is accepted, in one go, and is canceled
    for the rest, a stop that is not reached by then for all of it. Every order expires with the trading
    day (``zone_offset_s``: of the exchange's zone) in which it was written; lots and ticks are the desk's
    business. An order is in the book from when it is written; the acknowledgement delay is the delay of
    every answer. It keeps no file.
    """

    def __init__(
        self,
        quotes: Quotes,
        instruments: Callable[[InstrumentKey], Instrument | None],
        accounts: Callable[[AccountId], Account | None],
        timer: Timer,
        clock: Clock,
        zone_offset_s: Callable[[], int] = lambda: RiskSettings().zone_offset_s,
        closes_at: ClosesAt = lambda _time: None,
    ) -> None:
        self._quotes = quotes
        self._instruments = instruments
        self._accounts = accounts
        self._book = PaperBook()
        self._clock = clock
        self._agenda = Agenda(timer, clock)
        self._sessions = Sessions(self._agenda)
        self._answers = Answers(self._agenda)
        self._matcher = Matcher(
            self._book, quotes, self._agenda, clock, self._sessions, zone_offset_s, closes_at
        )
        self._days = self._matcher.days
        self._stop_quotes: Callable[[], None] | None = None
        self._closed = False

    # --- session ---------------------------------------------------------------------------------

    @property
    def capabilities(self) -> Capabilities:
        """The capability table."""
        return CAPABILITIES

    @property
    def behind_ns(self) -> Nanoseconds:
        """How long what is to be told by now waits for its turn."""
        return self._agenda.behind_ns

    def listen(
        self,
        listener: ReportListener,
        sessions: SessionListener = lambda _account, _why: None,
    ) -> None:
        """Set who hears of reports, and of sessions that a profile drops; once, before ``connect``."""
        assert self._matcher.listener is None, "one listener"
        self._matcher.listener = listener
        self._sessions.listener = sessions

    def restore(self, orders: Iterable[RestoredOrder]) -> None:
        """Rebuild the book from what the journal says; before ``connect``.

        Only orders that paper had accepted and that are not at their end: what it had not reported
        had not happened. They go on from ``connect`` with what is left of their fills, and those of an
        earlier trading day expire.
        """
        assert self._stop_quotes is None, "before connect"
        for restored in orders:
            request = restored.request
            account = self._accounts(request.account) or Account(request.account, 0)
            instrument = self._instruments(request.instrument)
            ends_at = self._days.end_of(restored.time)
            order = PaperOrder(
                request, restored.order_id, account, instrument, restored.time, ends_at
            )
            order.restore(restored)
            self._book.take(order)
            if order.is_ended:
                self._book.end(order)

    async def connect(self) -> None:
        """Begin to trade."""
        assert not self._closed, "closed for good"
        assert self._matcher.listener is not None, "listen first"
        assert self._stop_quotes is None, "connected already"
        self._stop_quotes = self._quotes.listen(self._matcher.quote_changed)
        self._days.watch(0)
        for order in self._book.working.values():
            self._matcher.resume(order)

    async def close(self) -> None:
        """Stop. Requests without an answer get Unknown before this returns; after it, nothing."""
        self._closed = True
        if self._stop_quotes is not None:
            self._stop_quotes()
        self._agenda.close()
        self._answers.close()

    async def book(self, account: AccountId) -> BrokerBook:
        """The account's working orders and those of the last 10,000 that ended, with all their trades.

        Orders that ended before the last start are not in it; the journal has them. Of those that
        were working then it has the trades that the journal knows (see `restored_orders`). Positions
        and cash are not told: on paper only ours exist. Raises OSError while not connected, or while
        the account's session is down.
        """
        if not self._is_open:
            raise ConnectionError("the paper broker is not connected")
        if not self._sessions.is_up(account):
            raise ConnectionError(f"the session of {account} is down")
        orders = self._book.of(account)
        trades = sorted(
            (trade for order in orders for trade in order.trades), key=lambda trade: trade.time
        )
        return BrokerBook(
            account, self._clock.now(), tuple(order.shown() for order in orders), tuple(trades)
        )

    # --- requests --------------------------------------------------------------------------------

    def place(self, request: PlaceRequest, ticket: Ticket) -> None:
        """Take a new order, or refuse it, after the account's acknowledgement delay."""
        reason = unsupported(request, CAPABILITIES)
        if reason is not None:
            ticket.done(NeverWritten(reason))
            return
        if not self._write(request.account, ticket):
            return
        account = self._accounts(request.account)
        instrument = self._instruments(request.instrument)
        code = self._objection(request, account, instrument)
        if account is None or code is not None:
            answer = partial(_refuse, code or Code.UNKNOWN_ACCOUNT)
            self._answers.owe(request.account, ticket, _ack_delay_ns(account), answer)
            return
        order = self._take(request, account, instrument)
        lost = loses_answer(order.profile, order.cl_ord_id)
        answer = partial(self._accept, order)
        if order.is_ended:
            answer = partial(_refuse, Code.REJECTED)
        self._answers.owe(order.account, ticket, order.ack_delay_ns, answer, lost=lost)

    def cancel(self, request: CancelRequest, ticket: Ticket) -> None:
        """Cancel a working order; who wins the race is decided after the acknowledgement delay."""
        order = self._order(request.account, request.cl_ord_id, request.order_id)
        self._request(request, order, ticket, partial(self._cancel, order))

    def replace(self, request: ReplaceRequest, ticket: Ticket) -> None:
        """Change a working order; who wins the race is decided after the acknowledgement delay."""
        order = self._order(request.account, request.cl_ord_id, request.order_id)
        self._request(request, order, ticket, partial(self._replace, order, request))

    def fill_by_hand(
        self,
        cl_ord_id: ClOrdId,
        quantity: Quantity,
        price: Price,
        exec_id: str,
        refused: Callable[[str], None] | None = None,
    ) -> None:
        """Have a working order filled by a person; the report, or the refusal, comes on the next turn.

        See `FillsByHand`: what has happened to the order until then is looked at then.
        """
        fill = partial(self._fill_by_hand, cl_ord_id, quantity, price, exec_id, refused)
        if self._is_open:
            self._agenda.add(0, fill)

    @property
    def _is_open(self) -> bool:
        return self._stop_quotes is not None and not self._closed

    def _write(self, account: AccountId, ticket: Ticket) -> bool:
        """The gate's last look and the write, in one synchronous block; whether it was written."""
        if not self._is_open or not self._sessions.is_up(account):
            ticket.done(NeverWritten(Reason(ReasonCode.BROKER_UNREACHABLE), again=True))
            return False
        reason = ticket.admit()
        if reason is not None:
            ticket.done(NeverWritten(reason))
            return False
        ticket.written()
        return True

    def _take(
        self, request: PlaceRequest, account: Account, instrument: Instrument | None
    ) -> PaperOrder:
        """Into the book, as one that works or as one that the profile rejects."""
        order_id, now = f"P{request.cl_ord_id}", self._clock.now()
        ends_at = self._days.end_of(now)
        order = PaperOrder(request, order_id, account, instrument, now, ends_at)
        self._book.take(order)
        if is_rejected(order.profile, order.cl_ord_id):
            order.status, order.text = OrdStatus.REJECTED, TEXTS[Code.REJECTED]
            self._book.end(order)
        self._days.watch()
        return order

    def _request(
        self,
        request: CancelRequest | ReplaceRequest,
        order: PaperOrder | None,
        ticket: Ticket,
        answer: Callable[[Ticket], None],
    ) -> None:
        """Write a cancel or replace and owe its answer.

        The delay, and what may go wrong, is by the order's own profile: a request that was written after
        its order is decided after it too. One that was written before its order does not know it,
        then or later.
        """
        if not self._write(request.account, ticket):
            return
        if order is None:
            delay_ns = _ack_delay_ns(self._accounts(request.account))
            self._answers.owe(request.account, ticket, delay_ns, answer)
            return
        lost = loses_answer(order.profile, request.request_id)
        self._answers.owe(request.account, ticket, order.ack_delay_ns, answer, lost=lost)

    # --- answers ---------------------------------------------------------------------------------

    def _objection(
        self, request: PlaceRequest, account: Account | None, instrument: Instrument | None
    ) -> Code | None:
        """Why an order is not taken at all."""
        if not 0 < len(request.cl_ord_id) <= CAPABILITIES.tag_length_max:
            return Code.INVALID_TAG
        if request.cl_ord_id in self._book:
            return Code.DUPLICATE_TAG
        if account is None:
            return Code.UNKNOWN_ACCOUNT
        if instrument is None:
            return Code.UNKNOWN_INSTRUMENT
        if request.quantity <= 0:
            return Code.INVALID_QUANTITY
        if request.limit <= 0 or (request.ord_type in STOPS and request.stop_price <= 0):
            return Code.INVALID_PRICE
        return None

    def _accept(self, order: PaperOrder, ticket: Ticket) -> None:
        assert not order.is_ended, "nothing overtakes the acceptance"
        order.is_accepted = True
        ticket.done(Accepted(order.order_id))
        if drops_session(order.profile, order.cl_ord_id) and self._sessions.is_up(order.account):
            self._sessions.drop(order.account)
            self._answers.cut(order.account)
        self._matcher.start(order)

    def _cancel(self, order: PaperOrder | None, ticket: Ticket) -> None:
        if order is None:
            _refuse(Code.UNKNOWN_ORDER, ticket)
        elif order.is_ended or self._matcher.expire_if_over(order):
            _refuse(Code.TOO_LATE, ticket)
        else:
            ticket.done(Accepted(order.order_id))
            self._matcher.cancel(order, "canceled on request")

    def _replace(self, order: PaperOrder | None, request: ReplaceRequest, ticket: Ticket) -> None:
        if order is None:
            _refuse(Code.UNKNOWN_ORDER, ticket)
        elif order.is_ended or self._matcher.expire_if_over(order):
            _refuse(Code.TOO_LATE, ticket)
        elif request.quantity <= 0:
            _refuse(Code.INVALID_QUANTITY, ticket)
        elif request.limit <= 0:
            _refuse(Code.INVALID_PRICE, ticket)
        elif request.quantity < order.cum_quantity:
            _refuse(Code.BELOW_FILLED, ticket)
        else:
            ticket.done(Accepted(order.order_id))
            self._matcher.replace(order, request.quantity, request.limit, request.request_id)

    def _fill_by_hand(
        self,
        cl_ord_id: ClOrdId,
        quantity: Quantity,
        price: Price,
        exec_id: str,
        refused: Callable[[str], None] | None,
    ) -> None:
        order = self._book.working.get(cl_ord_id)
        if order is None:
            # Its end is reported, and ends what was ordered of it as well.
            return
        why = "it is not at the market yet"
        if order.is_accepted:
            why = self._matcher.fill_by_hand(order, quantity, price, exec_id)
        if why and refused is not None:
            refused(why)

    def _order(
        self, account: AccountId, cl_ord_id: ClOrdId, order_id: str = ""
    ) -> PaperOrder | None:
        """The order, if it is this account's and, where an id is given, has this id."""
        order = self._book.get(cl_ord_id)
        if order is None or order.account != account:
            return None
        return order if order_id in ("", order.order_id) else None


def _ack_delay_ns(account: Account | None) -> Nanoseconds:
    return max(0, account.fill_profile.ack_delay_ms) * MILLISECOND if account is not None else 0


def _refuse(code: Code, ticket: Ticket) -> None:
    ticket.done(Refused(code.value, TEXTS[code]))
