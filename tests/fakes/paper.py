"""A paper broker in a world of its own: one share, one lot-traded instrument, prices by hand."""

from phalanx.brokers.paper import PaperBroker, RestoredOrder
from phalanx.brokers.port import (
    Accepted,
    CancelRequest,
    Outcome,
    PlaceRequest,
    Refused,
    ReplaceRequest,
)
from phalanx.domain.accounts import Account, AccountId, FillProfile
from phalanx.domain.broker_books import BrokerTrade
from phalanx.domain.instruments import (
    Instrument,
    InstrumentIndex,
    InstrumentKey,
    Quote,
    QuoteSource,
)
from phalanx.domain.numbers import Price, parse_fixed, whole
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
from phalanx.domain.time import Nanoseconds
from phalanx.market.quotes import QuoteBoard
from tests.fakes.clock import START, ManualClock
from tests.fakes.desk import RecordingTicket, Reports

SHARE = Instrument("NSE:7", "NSE", "7", "X", "EQ", whole(1), parse_fixed("0.05"))
FUTURE = Instrument("NSE:8", "NSE", "8", "XFUT", "FUT", whole(75), parse_fixed("0.05"))
ACCOUNT: AccountId = "A"


class PaperWorld:
    """Everything a paper broker touches. Prices start at 100; ``log`` has outcomes and reports."""

    def __init__(self, profile: FillProfile = FillProfile(), charge_bps: int = 0) -> None:  # noqa: B008
        self.clock = ManualClock()
        self.index = InstrumentIndex([SHARE, FUTURE])
        self.quotes = QuoteBoard(self.index.get)
        self.accounts: dict[AccountId, Account] = {}
        self.open_account(ACCOUNT, profile, charge_bps)
        self.reports = Reports()
        self.sessions: list[tuple[AccountId, str]] = []
        self.zone_offset_s = 19_800
        self.closes_at: int | None = None
        self.log: list[object] = []
        for key in (SHARE.key, FUTURE.key):
            self.price("100", key)
        self.broker = self.new_broker()

    def new_broker(self) -> PaperBroker:
        """A broker as after a restart: same market, same accounts, empty book."""
        broker = PaperBroker(
            self.quotes,
            self.index.get,
            self.accounts.get,
            self.clock,
            self.clock,
            lambda: self.zone_offset_s,
            lambda _time: self.closes_at,
        )
        broker.listen(self._hear, lambda account, why: self.sessions.append((account, why)))
        self.broker = broker
        return broker

    def open_account(self, account: AccountId, profile: FillProfile, charge_bps: int = 0) -> None:
        self.accounts[account] = Account(account, 1, charge_bps=charge_bps, fill_profile=profile)

    def price(self, last: str, key: InstrumentKey = SHARE.key) -> None:
        """The last price changes; nobody has acted on it yet."""
        price = parse_fixed(last)
        time = self.clock.now()
        self.quotes.put(key, Quote(price, parse_fixed("100"), time, QuoteSource.FEED))

    def place(self, request: PlaceRequest) -> RecordingTicket:
        ticket = RecordingTicket(log=self.log)
        self.broker.place(request, ticket)
        return ticket

    def cancel(self, cl_ord_id: ClOrdId, *, account: AccountId = ACCOUNT) -> RecordingTicket:
        ticket = RecordingTicket(log=self.log)
        self.broker.cancel(
            CancelRequest(f"{cl_ord_id}C", cl_ord_id, f"P{cl_ord_id}", account), ticket
        )
        return ticket

    def replace(
        self, cl_ord_id: ClOrdId, quantity: int, limit: str, mark: str = "R1"
    ) -> RecordingTicket:
        ticket = RecordingTicket(log=self.log)
        request = ReplaceRequest(
            mark, cl_ord_id, f"P{cl_ord_id}", ACCOUNT, whole(quantity), parse_fixed(limit)
        )
        self.broker.replace(request, ticket)
        return ticket

    def filled(self, cl_ord_id: ClOrdId) -> list[tuple[int, Price]]:
        """(quantity, price) of every fill so far; quantities in whole units."""
        return [
            (report.last_quantity // whole(1), report.last_price)
            for report in self.reports.of(cl_ord_id)
            if report.exec_type == ExecType.TRADE
        ]

    def quantities(self, cl_ord_id: ClOrdId) -> list[int]:
        return [quantity for quantity, _ in self.filled(cl_ord_id)]

    def exec_types(self, cl_ord_id: ClOrdId) -> list[ExecType]:
        return [report.exec_type for report in self.reports.of(cl_ord_id)]

    @property
    def steps(self) -> int:
        """What the broker has still to do, beside looking for the end of the day."""
        return len(self.broker._agenda) - self.broker._days.watches

    def _hear(self, report: ExecutionReport) -> None:
        self.log.append(report)
        self.reports.append(report)


def order(
    cl_ord_id: ClOrdId = "AA00000001",
    side: Side = Side.BUY,
    quantity: int = 10,
    limit: str = "101",
    ord_type: OrdType = OrdType.MARKET,
    *,
    account: AccountId = ACCOUNT,
    instrument: InstrumentKey = SHARE.key,
    product: Product = Product.DELIVERY,
    time_in_force: TimeInForce = TimeInForce.DAY,
    stop: str = "0",
) -> PlaceRequest:
    return PlaceRequest(
        cl_ord_id,
        account,
        instrument,
        side,
        product,
        ord_type,
        time_in_force,
        whole(quantity),
        parse_fixed(limit),
        parse_fixed(stop),
    )


def restored(
    request: PlaceRequest,
    filled: int = 0,
    *,
    by_hand: bool = False,
    ended: OrdStatus | None = None,
    time: Nanoseconds = START,
) -> RestoredOrder:
    """What the journal says of an order that was filled so far in one execution, at its limit."""
    order_id = f"P{request.cl_ord_id}"
    trade = BrokerTrade(
        f"{request.cl_ord_id}-{whole(filled)}",
        order_id,
        request.account,
        request.instrument,
        request.side,
        request.product,
        whole(filled),
        request.limit,
        time=time,
        cl_ord_id=request.cl_ord_id,
    )
    return RestoredOrder(request, order_id, (trade,) if filled else (), by_hand, time, ended)


def code(outcome: Outcome) -> str:
    """The code of a refusal, ``ACCEPTED``, or what else it is."""
    if isinstance(outcome, Refused):
        return outcome.code
    return "ACCEPTED" if isinstance(outcome, Accepted) else type(outcome).__name__
