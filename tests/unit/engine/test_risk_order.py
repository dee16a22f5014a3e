"""The checks come in the order of the codes: everything is wrong at once, and repaired one by one."""

from collections.abc import Callable

import msgspec

from phalanx.domain.accounts import Account, Client, Mode
from phalanx.domain.instruments import InstrumentIndex, QuoteSource
from phalanx.domain.kills import KillLevel, KillScope
from phalanx.domain.limits import LimitLevel
from phalanx.domain.numbers import whole
from phalanx.domain.orders import Side
from phalanx.domain.reasons import ReasonCode
from phalanx.domain.sessions import DAY_S, Calendar, DayChange, DayKind, Phase, PhaseWindow
from phalanx.engine import commands as c
from tests.engine_world import LOCAL, PAPER, STOCKS, World
from tests.fakes.kills import of_account

LIVE = msgspec.structs.replace(PAPER, name="live", modes=frozenset(Mode))
NARROW = msgspec.structs.replace(LIVE, ord_types=frozenset())
GOOD = Account("A1", 1, broker="live", mode=Mode.LIVE)
OFF = msgspec.structs.replace(GOOD, enabled=False)
BROKER = KillScope(KillLevel.BROKER, "live")
CLIENT = KillScope(KillLevel.CLIENT, "1")
HALTED = InstrumentIndex([msgspec.structs.replace(STOCKS[5], tradable=False)])


class Trouble:
    """A live account with every trouble there is; ``repairs`` are in the order of the checks."""

    def __init__(self) -> None:
        self.world = World()
        self.quantity, self.price = "1.5", "140.01"
        self.index = self.world.index
        self.world.capabilities["live"] = LIVE
        self.world.do(c.PutReference(LOCAL, (Client(1, "One"),), (GOOD,)))
        self.world.arm("A1")
        self.cash(1_000)
        self.world.price("INFY", "100", QuoteSource.FEED)
        (self.doubtful,) = self.world.order(quantity="1").orders
        self.world.unknown(self.doubtful.cl_ord_id)
        self.cash(-1_000)
        self.world.closed["A1"] = "not asked yet"
        self.world.capabilities["live"] = PAPER
        self.world.do(c.Tick())
        self.world.calendar = Calendar()
        self.world.index = HALTED
        self.world.quotes.clear()
        self.world.do(c.PutReference(LOCAL, accounts=(OFF,)))
        self.world.do(c.PutKill(LOCAL))
        for scope in (BROKER, CLIENT, of_account("A1")):
            self.world.do(c.PutKill(LOCAL, scope))
        self.caps(quantity_max=0, value_max=0, open_orders_max=0, orders_per_day_max=0)
        self.limit(restricted=("NSE:6",), position_max=0)

    def cash(self, rupees: int) -> None:
        self.world.do(c.PutReference(LOCAL, cash=((GOOD.book, whole(rupees), ""),)))

    def caps(self, **settings: int) -> None:
        self.world.settings(**settings)

    def limit(self, **bounds: object) -> None:
        self.world.limit(LimitLevel.ACCOUNT, "A1", **bounds)

    def terms(self, quantity: str, price: str) -> None:
        self.quantity, self.price = quantity, price

    def use(self, index: InstrumentIndex) -> None:
        self.world.index = index

    def stale(self) -> None:
        self.world.price("INFY", "100", QuoteSource.FEED)
        self.world.wait(16)

    def session(self, phase: Phase) -> None:
        windows = (PhaseWindow(phase, 0, DAY_S),)
        today = DayChange(self.world.state.day, DayKind.SPECIAL, windows)
        self.world.do(c.PutCalendar(LOCAL, (today,)))

    def says(self) -> ReasonCode | None:
        planned = self.world.order(Side.BUY, "INFY", self.quantity, self.price)
        return planned.skips[0].reason.code if planned.skips else None

    def repairs(self) -> list[tuple[ReasonCode, Callable[[], object]]]:
        world, code = self.world, ReasonCode
        two = {"open_orders_max": 0, "orders_per_day_max": 0}
        live = world.capabilities
        return [
            (code.ACCOUNT_DISABLED, lambda: world.do(c.PutReference(LOCAL, accounts=(GOOD,)))),
            (code.ACCOUNT_NOT_RECONCILED, world.closed.clear),
            (code.LIVE_NOT_AVAILABLE, lambda: live.update(live=NARROW)),
            (code.NOT_ARMED, lambda: world.arm("A1")),
            (code.KILL_ALL, lambda: world.do(c.LiftKill(LOCAL))),
            (code.KILL_BROKER, lambda: world.do(c.LiftKill(LOCAL, BROKER))),
            (code.KILL_CLIENT, lambda: world.do(c.LiftKill(LOCAL, CLIENT))),
            (code.KILL_ACCOUNT, lambda: world.do(c.LiftKill(LOCAL, of_account("A1")))),
            (code.INSTRUMENT_NOT_TRADABLE, lambda: self.use(self.index)),
            (code.ORDER_TYPE_NOT_SUPPORTED, lambda: live.update(live=LIVE)),
            (code.SESSION_CLOSED, lambda: self.session(Phase.POST_CLOSE)),
            (code.NOT_IN_PHASE, lambda: self.session(Phase.CONTINUOUS)),
            (code.LOT_MULTIPLE, lambda: self.terms("1", "140.01")),
            (code.OFF_TICK, lambda: self.terms("1", "140")),
            (code.NO_PRICE, lambda: world.price("INFY", "100", QuoteSource.SYNTHETIC)),
            (code.SYNTHETIC_PRICE, self.stale),
            (code.STALE_PRICE, lambda: world.price("INFY", "100", QuoteSource.FEED)),
            (code.OUTSIDE_BAND, lambda: self.terms("1", "111")),
            (code.FAR_FROM_LAST, lambda: self.terms("1", "100")),
            (code.QUANTITY_CAP, lambda: self.caps(value_max=0, **two)),
            (code.VALUE_CAP, lambda: self.caps(**two)),
            (code.ORDER_IN_DOUBT, lambda: world.found(self.doubtful.cl_ord_id)),
            (code.RESTRICTED, lambda: self.limit(position_max=0)),
            (code.POSITION_CAP, self.limit),
            (code.INSUFFICIENT_CASH, lambda: self.cash(10_000)),
            (code.TOO_MANY_OPEN_ORDERS, lambda: self.caps(orders_per_day_max=0)),
            (code.TOO_MANY_ORDERS_TODAY, self.caps),
        ]


def test_the_first_thing_that_is_wrong_is_the_reason() -> None:
    trouble = Trouble()
    repairs = trouble.repairs()
    assert [code for code, _ in repairs] == sorted(
        [code for code, _ in repairs], key=list(ReasonCode).index
    )

    for code, repair in repairs:
        assert trouble.says() is code
        repair()

    assert trouble.says() is None
    assert trouble.says() is ReasonCode.DUPLICATE_ORDER


def test_every_risk_code_of_a_limit_buy_of_a_listed_stock_is_among_them() -> None:
    codes = list(ReasonCode)
    risk = codes[codes.index(ReasonCode.ACCOUNT_DISABLED) :]
    risk = risk[: risk.index(ReasonCode.DUPLICATE_ORDER)]
    repaired = {code for code, _ in Trouble().repairs()}

    assert set(risk) - repaired == {
        ReasonCode.KILL_STRATEGY,
        ReasonCode.KILL_DIRECT,
        ReasonCode.INSTRUMENT_PAPER_ONLY,
        ReasonCode.PAST_SQUARE_OFF,
        ReasonCode.BAN_PERIOD,
        ReasonCode.TRADE_TO_TRADE,
        ReasonCode.STOP_NOT_BEYOND_LAST,
        ReasonCode.STOP_BEYOND_LIMIT,
        ReasonCode.NOT_SELLABLE,
        ReasonCode.NOT_SHORT,
    }
