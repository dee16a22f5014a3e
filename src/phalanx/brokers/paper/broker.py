"""The paper broker behind the port: its session, its answers, its restart.

Order of things, which callers may rely on: ``place``, ``cancel`` and ``replace`` call the ticket's
``admit`` and ``written``, and ``done`` only for what was never written. Everything a broker answers
(every other ``done``, and every report) comes later, from the agenda, in one turn of the loop for
all that is due in it. So nobody is called back while still planning or sending.
"""

from collections.abc import Callable, Iterable, Sequence
from functools import partial

from phalanx.brokers.paper.agenda import Agenda
from phalanx.brokers.paper.fills import is_rejected
from phalanx.brokers.paper.matcher import Matcher, Quotes
from phalanx.brokers.paper.orders import STOPS, PaperBook, PaperOrder, RestoredOrder
from phalanx.brokers.paper.terms import CAPABILITIES, TEXTS, Code, unable
from phalanx.brokers.port import (
    Accepted,
    BrokerOrder,
    CancelRequest,
    NeverWritten,
    PlaceRequest,
    Refused,
    ReplaceRequest,
    ReportListener,
    Ticket,
    Unknown,
)
from phalanx.domain.accounts import Account, AccountId
from phalanx.domain.capabilities import Capabilities
from phalanx.domain.instruments import Instrument, InstrumentKey
from phalanx.domain.numbers import Price, Quantity
from phalanx.domain.orders import ClOrdId, OrdStatus
from phalanx.domain.reasons import Reason, ReasonCode
from phalanx.domain.time import MILLISECOND, Clock, Nanoseconds, Timer


class PaperBroker:
    """Kind L, paper mode only. Trades against our own quotes as the account's FillProfile says.

    An order fills only while the last price is within its limit (of a MARKET order: its protected
    price); otherwise it rests and is looked at again when the quote changes. A stop first waits until
    the last price reaches it. IOC fills what it can when it is accepted, in one go, and is canceled
    for the rest, a stop that is not reached by then for all of it. DAY works until it is canceled:
    days are the desk's business, and so are lots and ticks. An order is in the book (``find``) from
    when it is written; the acknowledgement delay is the delay of every answer. It keeps no file.
    """

    def __init__(
        self,
        quotes: Quotes,
        instruments: Callable[[InstrumentKey], Instrument | None],
        accounts: Callable[[AccountId], Account | None],
        timer: Timer,
        clock: Clock,
    ) -> None:
        self._quotes = quotes
        self._instruments = instruments
        self._accounts = accounts
        self._book = PaperBook()
        self._agenda = Agenda(timer, clock)
        self._matcher = Matcher(self._book, quotes, self._agenda, clock)
        self._unanswered: dict[int, Ticket] = {}
        self._tickets = 0
        self._stop_quotes: Callable[[], None] | None = None
        self._closed = False

    # --- session ---------------------------------------------------------------------------------

    @property
    def capabilities(self) -> Capabilities:
        """The capability table."""
        return CAPABILITIES

    def listen(self, listener: ReportListener) -> None:
        """Set who hears of reports; once, before ``connect``."""
        assert self._matcher.listener is None, "one listener"
        self._matcher.listener = listener

    def restore(self, orders: Iterable[RestoredOrder]) -> None:
        """Rebuild the book from what the journal says; before ``connect``.

        Only orders that paper had accepted and that are not at their end: what it had not reported
        had not happened. They go on from ``connect`` with what is left of their fills.
        """
        assert self._stop_quotes is None, "before connect"
        for restored in orders:
            request, filled = restored.request, restored.cum_quantity
            assert 0 <= filled <= request.quantity, "no more than asked"
            assert request.cl_ord_id not in self._book, "once each"
            account = self._accounts(request.account) or Account(request.account, 0)
            instrument = self._instruments(request.instrument)
            order = PaperOrder(
                request, restored.order_id, account, instrument, filled, by_hand=restored.by_hand
            )
            order.is_accepted = True
            self._book.working[order.cl_ord_id] = order
            if filled == request.quantity:
                # A replace to more was under way and never reported: it had not happened.
                order.status = OrdStatus.FILLED
                self._book.end(order)

    async def connect(self) -> None:
        """Begin to trade."""
        assert not self._closed, "closed for good"
        assert self._matcher.listener is not None, "listen first"
        assert self._stop_quotes is None, "connected already"
        self._stop_quotes = self._quotes.listen(self._matcher.quote_changed)
        for order in self._book.working.values():
            self._matcher.resume(order)

    async def close(self) -> None:
        """Stop. Requests without an answer get Unknown before this returns; after it, nothing."""
        self._closed = True
        if self._stop_quotes is not None:
            self._stop_quotes()
        self._agenda.close()
        unanswered, self._unanswered = list(self._unanswered.values()), {}
        for ticket in unanswered:
            ticket.done(Unknown("closed before the answer"))

    async def find(
        self, account: AccountId, cl_ord_ids: Sequence[ClOrdId]
    ) -> Sequence[BrokerOrder]:
        """What the book knows of these: every working order and the last 10,000 that ended.

        Orders that ended before the last start are not in it; the journal has them. Raises OSError
        while not connected.
        """
        if not self._is_open:
            raise ConnectionError("the paper broker is not connected")
        orders = [self._order(account, cl_ord_id) for cl_ord_id in cl_ord_ids]
        return [order.shown() for order in orders if order is not None]

    # --- requests --------------------------------------------------------------------------------

    def place(self, request: PlaceRequest, ticket: Ticket) -> None:
        """Take a new order, or refuse it, after the account's acknowledgement delay."""
        reason = unable(request)
        if reason is not None:
            ticket.done(NeverWritten(reason))
            return
        if not self._write(ticket):
            return
        account = self._accounts(request.account)
        instrument = self._instruments(request.instrument)
        code = self._objection(request, account, instrument)
        if account is None or code is not None:
            answer = partial(_refuse, code or Code.UNKNOWN_ACCOUNT)
            self._answer(ticket, _ack_delay_ns(account), answer)
            return
        order = PaperOrder(request, f"P{request.cl_ord_id}", account, instrument)
        if is_rejected(order.profile, order.cl_ord_id):
            order.status = OrdStatus.REJECTED
            self._book.end(order)
            self._answer(ticket, order.ack_delay_ns, partial(_refuse, Code.REJECTED))
            return
        self._book.working[order.cl_ord_id] = order
        self._answer(ticket, order.ack_delay_ns, partial(self._accept, order))

    def cancel(self, request: CancelRequest, ticket: Ticket) -> None:
        """Cancel a working order; who wins the race is decided after the acknowledgement delay."""
        if self._write(ticket):
            order = self._order(request.account, request.cl_ord_id, request.order_id)
            delay_ns = self._request_delay_ns(order, request.account)
            self._answer(ticket, delay_ns, partial(self._cancel, order))

    def replace(self, request: ReplaceRequest, ticket: Ticket) -> None:
        """Change a working order; who wins the race is decided after the acknowledgement delay."""
        if self._write(ticket):
            order = self._order(request.account, request.cl_ord_id, request.order_id)
            delay_ns = self._request_delay_ns(order, request.account)
            self._answer(ticket, delay_ns, partial(self._replace, order, request))

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

    def _write(self, ticket: Ticket) -> bool:
        """The gate's last look and the write, in one synchronous block; whether it was written."""
        if not self._is_open:
            ticket.done(NeverWritten(Reason(ReasonCode.BROKER_UNREACHABLE), again=True))
            return False
        reason = ticket.admit()
        if reason is not None:
            ticket.done(NeverWritten(reason))
            return False
        ticket.written()
        return True

    def _request_delay_ns(self, order: PaperOrder | None, account: AccountId) -> Nanoseconds:
        # By the order's own profile: a request that was written after its order is decided after
        # it too. One that was written before its order does not know it, then or later.
        if order is not None:
            return order.ack_delay_ns
        return _ack_delay_ns(self._accounts(account))

    # --- answers ---------------------------------------------------------------------------------

    def _answer(
        self, ticket: Ticket, delay_ns: Nanoseconds, answer: Callable[[Ticket], None]
    ) -> None:
        """Have ``answer`` called with the ticket after the delay."""
        self._tickets = number = self._tickets + 1
        self._unanswered[number] = ticket
        self._agenda.add(delay_ns, partial(self._answer_now, number, answer))

    def _answer_now(self, number: int, answer: Callable[[Ticket], None]) -> None:
        answer(self._unanswered.pop(number))

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
        self._matcher.start(order)

    def _cancel(self, order: PaperOrder | None, ticket: Ticket) -> None:
        if order is None:
            _refuse(Code.UNKNOWN_ORDER, ticket)
        elif order.is_ended:
            _refuse(Code.TOO_LATE, ticket)
        else:
            ticket.done(Accepted(order.order_id))
            self._matcher.cancel(order, "canceled on request")

    def _replace(self, order: PaperOrder | None, request: ReplaceRequest, ticket: Ticket) -> None:
        if order is None:
            _refuse(Code.UNKNOWN_ORDER, ticket)
        elif order.is_ended:
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
