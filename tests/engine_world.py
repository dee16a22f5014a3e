"""An engine, its journal and nothing else: commands go in, events come out and are applied.

After every command the invariants of ``simulation.invariants`` are checked, and a second state fed
with the encoded and decoded events must have the same hash.
"""

from collections.abc import Iterable, Sequence
from typing import TypeVar

from phalanx.domain.accounts import Account, AccountId, Client, Mode, book_id
from phalanx.domain.broker_books import BrokerOrder
from phalanx.domain.capabilities import BrokerKind, Capabilities
from phalanx.domain.events import (
    CancelRequested,
    Event,
    InstructionPlanned,
    ReplaceRequested,
    RequestDispatched,
    decode_events,
    encode_event,
    join_events,
)
from phalanx.domain.groups import Group, Member
from phalanx.domain.instructions import (
    BatchRequest,
    BatchRow,
    CancelRestRequest,
    Door,
    ExitRequest,
    FollowUp,
    InstructionRequest,
    OrderRequest,
    Origin,
    SignalRequest,
)
from phalanx.domain.instruments import (
    Instrument,
    InstrumentIndex,
    InstrumentKey,
    Quote,
    QuoteSource,
)
from phalanx.domain.limits import Limit, LimitLevel
from phalanx.domain.numbers import Price, Quantity, parse_fixed, whole
from phalanx.domain.orders import (
    ClOrdId,
    ExecType,
    ExecutionReport,
    OrdStatus,
    OrdType,
    Product,
    Side,
    TimeInForce,
)
from phalanx.domain.sessions import Calendar
from phalanx.domain.settings import RiskSettings
from phalanx.domain.strategies import Strategy, Subscription
from phalanx.domain.time import MILLISECOND, SECOND, Nanoseconds
from phalanx.engine import commands as c
from phalanx.engine.apply import apply
from phalanx.engine.context import Context
from phalanx.engine.decide import decide
from phalanx.engine.snapshot import state_hash
from phalanx.engine.state import Book, Instruction, Lot, Order, State
from phalanx.simulation.invariants.ledger import Ledger
from phalanx.simulation.invariants.persons import SecondPerson
from phalanx.simulation.invariants.state import check_state

START: Nanoseconds = 1_750_000_000 * SECOND
"""A Sunday in June 2025, 20:36:40 in India."""

LOCAL = Origin("local", Door.INSTRUCTIONS)

PAPER = Capabilities(
    name="paper",
    kind=BrokerKind.LOOK_UP,
    modes=frozenset({Mode.PAPER}),
    ord_types=frozenset({OrdType.MARKET, OrdType.LIMIT}),
    products=frozenset(Product),
    times_in_force=frozenset(TimeInForce),
    market_orders=True,
    replace=True,
    tag_length_max=10,
    definite_codes=frozenset(),
    streaming=True,
    late_ms=None,
    looks_to_prove=1,
)

_E = TypeVar("_E", bound=Event)


def fixed(text: str) -> int:
    """A number as a person writes it: ``fixed("1364.5")``."""
    return parse_fixed(text)


def stock(token: str, symbol: str, *, lot: str = "1", tick: str = "0.05") -> Instrument:
    """A stock of NSE."""
    return Instrument(f"NSE:{token}", "NSE", token, symbol, "EQ", fixed(lot), fixed(tick))


STOCKS = (
    stock("1", "BSOFT"),
    stock("2", "GRASIM"),
    stock("3", "EICHERMOT"),
    stock("4", "UNOMINDA"),
    stock("5", "ACC"),
    stock("6", "INFY"),
    stock("7", "LOTS25", lot="25"),
    stock("8", "COIN", lot="0.001", tick="0.01"),
)

ALIASES = {"MINDA": "UNOMINDA", "EICHER": "EICHERMOT", "BIRLASOFT": "BSOFT"}


class World:
    """One engine with its clock, quotes and capability table; everything is public and may be changed.

    Every instrument costs 100 at first, from the last close. ``journal`` has every event.
    """

    def __init__(self, instruments: Iterable[Instrument] = STOCKS) -> None:
        self.state = State()
        self.replica = State()
        self.ledger = Ledger()
        self.second_person = SecondPerson()
        self.journal: list[Event] = []
        self.now: Nanoseconds = START
        self.seed = 0
        self.index = InstrumentIndex(instruments, ALIASES, "first")
        self.quotes: dict[InstrumentKey, Quote] = {}
        self.capabilities: dict[str, Capabilities] = {"paper": PAPER}
        self.closed: dict[AccountId, str] = {}
        self.calendar: Calendar | None = None
        self.executions = 0
        for instrument in self.index:
            self.price(instrument.symbol, "100")
        self.do(c.BeginTerm(1, "0.1", "AA"))

    # --- driving -------------------------------------------------------------------------------

    def context(self) -> Context:
        """The outside as it is now."""
        return Context(
            self.now,
            self.index,
            self.quotes.get,
            self.capabilities,
            self.seed,
            dict(self.closed),
            calendar=self.calendar,
        )

    def do(self, command: c.Command) -> list[Event]:
        """Decide, apply, replay, check; the clock moves a millisecond. Raises Refused."""
        self.now += MILLISECOND
        events = self.decided(command)
        for event in events:
            apply(self.state, event)
        self.journal += events
        copies = decode_events(join_events(map(encode_event, events), len(events)))
        assert copies == events
        self.second_person.begin_record()
        self.second_person.take(copies)
        for event in copies:
            apply(self.replica, event)
            self.ledger.book(event)
        assert state_hash(self.replica) == state_hash(self.state)
        check_state(self.state)
        self.ledger.check(self.state)
        return events

    def decided(self, command: c.Command) -> list[Event]:
        """What the command would cause: the same when asked twice, and nothing changes by asking."""
        before = state_hash(self.state)
        try:
            events = decide(self.state, command, self.context())
            assert events == decide(self.state, command, self.context())
        finally:
            assert state_hash(self.state) == before
        return events

    def one(self, command: c.Command, kind: type[_E]) -> _E:
        """The one event that the command causes, which is of this kind."""
        (event,) = self.do(command)
        assert isinstance(event, kind), event
        return event

    def wait(self, seconds: float) -> None:
        """Let time pass."""
        self.now += int(seconds * SECOND)

    # --- reference data ------------------------------------------------------------------------

    def price(
        self, symbol: str, last: str, source: QuoteSource = QuoteSource.CLOSE, close: str = ""
    ) -> None:
        """Set the price of an instrument, known by its symbol or key."""
        instrument = self.index.resolve(symbol)
        key = instrument.key if instrument is not None else symbol
        self.quotes[key] = Quote(fixed(last), fixed(close or last), self.now, source)

    def account(
        self,
        client: int = 1,
        cash: str = "1000000",
        *,
        charge_bps: int = 0,
        mode: Mode = Mode.PAPER,
        id: AccountId = "",
        primary: bool = True,
        enabled: bool = True,
    ) -> AccountId:
        """Make (or change) a client with an account; cash goes to the book of its mode. A live one is
        armed.
        """
        account = Account(
            id or f"A{client}",
            client,
            mode=mode,
            primary=primary,
            enabled=enabled,
            charge_bps=charge_bps,
        )
        adjustments = ((account.book, fixed(cash), "opening"),) if fixed(cash) else ()
        self.do(
            c.PutReference(
                LOCAL, (Client(client, f"Client {client}"),), (account,), cash=adjustments
            )
        )
        if mode is Mode.LIVE:
            self.arm(account.id)
        return account.id

    def arm(self, *accounts: AccountId) -> None:
        """Arm live accounts until the day ends."""
        self.do(c.ArmAccounts(LOCAL, accounts))

    def subscribe(self, account: AccountId, strategy: str, *symbols: str, **more: object) -> None:
        """Subscribe an account; the strategy is made, or extended, with the same instruments."""
        keys = tuple(self.key(symbol) for symbol in symbols)
        known = self.state.strategies.get(strategy)
        instruments = dict.fromkeys((*(known.instruments if known else ()), *keys))
        subscription = Subscription(account, strategy, keys, **more)  # type: ignore[arg-type]
        self.do(
            c.PutReference(
                LOCAL,
                strategies=(Strategy(strategy, tuple(instruments)),),
                subscriptions=(subscription,),
            )
        )

    def settings(self, **changes: int) -> None:
        """Change deciding settings."""
        wanted = RiskSettings(**changes)  # type: ignore[arg-type]
        self.do(c.PutReference(LOCAL, settings=wanted))

    def key(self, symbol: str) -> InstrumentKey:
        """The key of a symbol or alias."""
        instrument = self.index.resolve(symbol)
        assert instrument is not None, symbol
        return instrument.key

    # --- instructions --------------------------------------------------------------------------

    def signal(self, strategy: str, instrument: str, side: Side) -> InstructionPlanned:
        """STRATEGY says BUY or SELL."""
        return self.one(
            c.Submit(LOCAL, SignalRequest(strategy, instrument, side)), InstructionPlanned
        )

    def order(
        self,
        side: Side = Side.BUY,
        instrument: str = "INFY",
        quantity: str = "10",
        price: str = "",
        *,
        client: int = 1,
        account: AccountId = "",
        product: Product = Product.DELIVERY,
        time_in_force: TimeInForce = TimeInForce.DAY,
        origin: Origin = LOCAL,
    ) -> InstructionPlanned:
        """A single order, LIMIT when it has a price."""
        request = OrderRequest(
            client,
            account,
            instrument,
            side,
            product,
            OrdType.LIMIT if price else OrdType.MARKET,
            fixed(quantity),
            fixed(price or "0"),
            time_in_force,
        )
        return self.one(c.Submit(origin, request), InstructionPlanned)

    def buy(self, strategy: str, instrument: str) -> ClOrdId:
        """A BUY signal that makes exactly one order, not dispatched yet."""
        (draft,) = self.signal(strategy, instrument, Side.BUY).orders
        return draft.cl_ord_id

    def sell(self, strategy: str, instrument: str) -> ClOrdId:
        """A SELL signal that makes exactly one order, not dispatched yet."""
        (draft,) = self.signal(strategy, instrument, Side.SELL).orders
        return draft.cl_ord_id

    def bought(self, strategy: str, instrument: str) -> ClOrdId:
        """A BUY signal, filled at once."""
        cl_ord_id = self.buy(strategy, instrument)
        self.filled(cl_ord_id)
        return cl_ord_id

    def submit(
        self, request: InstructionRequest, follow_up: FollowUp | None = None
    ) -> InstructionPlanned:
        """Any instruction, without an idempotency key."""
        return self.one(c.Submit(LOCAL, request, follow_up=follow_up), InstructionPlanned)

    def row(
        self,
        side: Side = Side.BUY,
        instrument: str = "INFY",
        quantity: str = "10",
        price: str = "",
        *,
        client: int = 1,
        account: AccountId = "",
        product: Product = Product.DELIVERY,
        source: ClOrdId = "",
    ) -> BatchRow:
        """A line of a basket, LIMIT when it has a price."""
        return BatchRow(
            client,
            account,
            instrument,
            side,
            product,
            OrdType.LIMIT if price else OrdType.MARKET,
            fixed(quantity),
            fixed(price or "0"),
            source=source,
        )

    def basket(self, *rows: BatchRow, follow_up: FollowUp | None = None) -> InstructionPlanned:
        """A batch of these rows."""
        return self.submit(BatchRequest(rows), follow_up)

    def group(self, name: str, **multipliers: str) -> None:
        """Make a group; its accounts with their multipliers."""
        members = tuple(Member(account, fixed(text)) for account, text in multipliers.items())
        self.do(c.PutGroups(LOCAL, (Group(name, members),)))

    def limit(self, level: LimitLevel, name: str = "", **bounds: object) -> None:
        """Set the limits of a level."""
        self.do(c.PutLimits(LOCAL, (Limit(level, name, **bounds),)))  # type: ignore[arg-type]

    def exit(self, instrument: str = "", **more: object) -> InstructionPlanned:
        """Get out of one instrument, or of whatever else the request says."""
        return self.submit(ExitRequest(instrument, **more))  # type: ignore[arg-type]

    def cancel_rest(self, planned: InstructionPlanned) -> InstructionPlanned:
        """Cancel what is still open of an earlier instruction."""
        return self.submit(CancelRestRequest(planned.instruction_id))

    # --- requests ------------------------------------------------------------------------------

    def cancel(self, cl_ord_id: ClOrdId) -> str:
        """Ask for a cancel; the id of the request."""
        return self.one(c.CancelOrder(LOCAL, cl_ord_id), CancelRequested).request_id

    def replace(self, cl_ord_id: ClOrdId, quantity: str = "", price: str = "") -> str:
        """Ask for a replace; the id of the request."""
        terms = [fixed(text) if text else None for text in (quantity, price)]
        return self.one(c.ReplaceOrder(LOCAL, cl_ord_id, *terms), ReplaceRequested).request_id

    def request_sent(self, cl_ord_id: ClOrdId) -> RequestDispatched:
        """Dispatch the pending request."""
        return self.one(c.DispatchRequest(cl_ord_id, self.state.epoch), RequestDispatched)

    def replaced(self, cl_ord_id: ClOrdId, quantity: str = "0", price: str = "0") -> None:
        """The broker granted a replace; nothing is said of a term that is zero."""
        report = ExecutionReport(
            cl_ord_id, ExecType.REPLACED, quantity=fixed(quantity), price=fixed(price)
        )
        self.do(c.BookReport(report))

    # --- the broker's side -----------------------------------------------------------------------

    def sent(self, *cl_ord_ids: ClOrdId) -> None:
        """Dispatch orders."""
        self.do(c.Dispatch(cl_ord_ids, self.state.epoch))

    def accepted(self, cl_ord_id: ClOrdId) -> None:
        """Dispatch an order and have it acknowledged."""
        self.sent(cl_ord_id)
        self.report(cl_ord_id, ExecType.NEW)

    def filled(self, cl_ord_id: ClOrdId, quantity: str = "", price: str = "100") -> list[Event]:
        """Fill an order, by default what is left of it; acknowledge it first where that is missing."""
        order = self.state.orders[cl_ord_id]
        if order.status is OrdStatus.PENDING_NEW:
            self.accepted(cl_ord_id)
        part = fixed(quantity) if quantity else order.quantity - order.cum_quantity
        self.executions += 1
        return self.do(
            c.BookReport(
                ExecutionReport(
                    cl_ord_id,
                    ExecType.TRADE,
                    f"B{cl_ord_id}",
                    f"E{self.executions}",
                    order.cum_quantity + part,
                    part,
                    fixed(price),
                )
            )
        )

    def report(self, cl_ord_id: ClOrdId, exec_type: ExecType, text: str = "") -> list[Event]:
        """A report that fills nothing."""
        report = ExecutionReport(cl_ord_id, exec_type, f"B{cl_ord_id}", text=text)
        return self.do(c.BookReport(report))

    def unknown(self, cl_ord_id: ClOrdId) -> None:
        """Sent, and no trustworthy answer."""
        self.sent(cl_ord_id)
        self.do(c.BookUnknown(cl_ord_id, "time-out"))

    def absent(self, cl_ord_id: ClOrdId) -> None:
        """A doubtful order was proved absent."""
        self.do(self.absence(cl_ord_id))

    def absence(self, cl_ord_id: ClOrdId) -> c.BookAbsent:
        """The broker's book proves that it never received the order."""
        return c.BookAbsent(cl_ord_id, looks=1, book_time=self.now)

    def found(
        self,
        cl_ord_id: ClOrdId,
        status: OrdStatus = OrdStatus.NEW,
        quantity: str = "",
        limit: str = "0",
    ) -> list[Event]:
        """The broker's book shows the order; like ``shown``."""
        return self.do(self.shown(cl_ord_id, status, quantity, limit))

    def shown(
        self,
        cl_ord_id: ClOrdId,
        status: OrdStatus = OrdStatus.NEW,
        quantity: str = "",
        limit: str = "0",
    ) -> c.BookFound:
        """An order as the broker's book has it: working, with the quantity that we know."""
        order = self.state.orders[cl_ord_id]
        draft = order.draft
        shown = BrokerOrder(
            f"B{cl_ord_id}",
            self.state.book_of(order).account,
            draft.instrument,
            draft.side,
            draft.product,
            fixed(quantity) if quantity else order.quantity,
            order.cum_quantity,
            status,
            cl_ord_id,
            fixed(limit),
        )
        return c.BookFound(cl_ord_id, shown, looks=1, book_time=self.now)

    # --- looking -------------------------------------------------------------------------------

    def book(self, account: AccountId = "A1", mode: Mode = Mode.PAPER) -> Book:
        return self.state.books[book_id(account, mode)]

    def status(self, cl_ord_id: ClOrdId) -> OrdStatus:
        return self.state.orders[cl_ord_id].status

    def an_order(self, cl_ord_id: ClOrdId) -> Order:
        return self.state.orders[cl_ord_id]

    def instruction(self, planned: InstructionPlanned) -> Instruction:
        return self.state.instructions[planned.instruction_id]

    def lots(self, account: AccountId = "A1") -> list[Lot]:
        return list(self.book(account).all_lots())

    def open_buys(self, account: AccountId = "A1") -> list[tuple[str | None, InstrumentKey]]:
        """(strategy, instrument) of the open lots."""
        return [(lot.strategy, lot.instrument) for lot in self.lots(account) if lot.is_open]

    def held(
        self, instrument: str, account: AccountId = "A1", product: Product = Product.DELIVERY
    ) -> Quantity:
        """The net position."""
        position = self.book(account).positions.get(f"{self.key(instrument)}|{product.value}")
        return position.quantity if position is not None else 0

    def reasons(self, planned: InstructionPlanned) -> list[str]:
        """The codes of its skips."""
        return [skip.reason.code.value for skip in planned.skips]


def rupees(count: int) -> Price:
    """Whole rupees."""
    return whole(count)


def replayed(events: Sequence[Event]) -> State:
    """The state after these events."""
    state = State()
    for event in events:
        apply(state, event)
    return state
