"""What goes wrong at a broker, in a golden journal: doubts, reports out of order, breaks."""

from collections.abc import Callable

from phalanx.bootstrap import System
from phalanx.brokers.stub import NAME
from phalanx.domain.accounts import Account, AccountId
from phalanx.domain.breaks import BreakKind
from phalanx.domain.broker_books import BrokerOrder
from phalanx.domain.instructions import BatchRequest, BatchRow
from phalanx.domain.numbers import whole
from phalanx.domain.orders import ClOrdId, OrdStatus, OrdType, Product, Side
from phalanx.domain.settings import RiskSettings
from phalanx.domain.time import HOUR, MINUTE
from phalanx.engine.commands import (
    AdoptedLot,
    AdoptLots,
    CloseBreak,
    JudgeDoubt,
    PutReference,
    TakeBreak,
)
from tests.contract.golden.elsewhere import ForgetfulServer
from tests.contract.golden.hand import ORIGIN, Hand, orders_of

OURS = "ELSE-1"
UNREAD = "ELSE-2"
CASH = whole(500_000)
IMPATIENT = RiskSettings(
    duplicate_window_s=0, send_timeout_s=1, entry_cancel_after_s=0, retire_after_s=2
)


class _Stage(Hand):
    """A hand at a system with an account elsewhere, and the server there."""

    def __init__(self, system: System, server: ForgetfulServer) -> None:
        super().__init__(system)
        self.server = server
        self.exchange = server.exchange

    async def buy(self, quantity: int) -> ClOrdId:
        """An order that rests elsewhere until the exchange is told to fill it."""
        row = BatchRow(
            0, OURS, "INFY", Side.BUY, Product.DELIVERY, OrdType.LIMIT,
            whole(quantity), self.price("INFY", -100),
        )  # fmt: skip
        (cl_ord_id,) = orders_of(await self.give(BatchRequest((row,))))
        return cl_ord_id

    def status(self, cl_ord_id: ClOrdId) -> OrdStatus:
        return self.desk.state.orders[cl_ord_id].status

    def there(self, cl_ord_id: ClOrdId) -> str:
        """Its id at the exchange."""
        return self.exchange.taken[cl_ord_id][-1].order_id

    def shown(self, cl_ord_id: ClOrdId) -> BrokerOrder:
        """It, as the broker's screen has it."""
        draft = self.desk.state.orders[cl_ord_id].draft
        what = (draft.instrument, draft.side, draft.product, draft.quantity)
        return BrokerOrder(self.there(cl_ord_id), OURS, *what, 0, OrdStatus.NEW)

    def fill(self, cl_ord_id: ClOrdId, quantity: int) -> None:
        self.exchange.fill(self.there(cl_ord_id), whole(quantity), self.price("INFY", -100))

    def break_of(self, kind: BreakKind) -> str:
        """The open break of this kind, or empty."""
        breaks = self.desk.state.breaks.values()
        return next((one.id for one in breaks if one.kind is kind), "")

    async def read_until(self, holds: Callable[[], object], account: AccountId = OURS) -> None:
        """Read the account's book again and again."""
        while not holds():
            await self.desk.reconciler.reconcile([account])
            await self.wait(0.1)


async def doubts(system: System, server: ForgetfulServer) -> None:
    """Two accounts elsewhere; in one of them everything happens, the other one has no book yet."""
    stage = _Stage(system, server)
    await _open(stage)
    await _out_of_order(stage)
    await _settled_by_the_book(stage)
    await _judged(stage)
    await _traded_past_us(stage)
    await _filled_late(stage)
    await _paper_forgets(stage)
    await _differences(stage)


async def _open(stage: _Stage) -> None:
    stage.exchange.open(OURS, CASH)
    accounts = tuple(Account(id, 3, NAME, primary=False, charge_bps=8) for id in (OURS, UNREAD))
    cash = tuple((account.book, CASH, "opening") for account in accounts)
    await stage.do(PutReference(ORIGIN, accounts=accounts, cash=cash, settings=IMPATIENT))
    await stage.read_until(lambda: OURS not in stage.desk.closed)


async def _out_of_order(stage: _Stage) -> None:
    """Fills before the acknowledgement, one of them twice, and one after the end."""
    stage.server.hold_reports()
    cl_ord_id = await stage.buy(9)
    await stage.wait(0.1)
    for quantity in (2, 3, 1):
        stage.fill(cl_ord_id, quantity)
    stage.exchange.cancel_outside(stage.there(cl_ord_id))
    stage.server.tell_reports((2, 1, 4, 2, 0, 3))
    await stage.wait(0.3)


async def _settled_by_the_book(stage: _Stage) -> None:
    """One whose answer is lost is found, filled in part; one that never arrived is proved absent."""
    stage.server.mute = 1
    found = await stage.buy(4)
    await stage.wait(0.05)
    stage.server.hold_reports()
    stage.fill(found, 1)
    stage.server.tell_reports(())
    stage.server.deaf = 1
    absent = await stage.buy(5)
    await stage.wait(0.1)
    await stage.read_until(lambda: stage.status(found) is OrdStatus.PARTIALLY_FILLED)
    assert stage.status(absent) is OrdStatus.IN_DOUBT
    await stage.read_until(lambda: stage.status(absent) is OrdStatus.NOT_RECEIVED)


async def _judged(stage: _Stage) -> None:
    """A person names the order at the broker; of one that nothing proves, that it is not there."""
    stage.server.hold_reports()
    stage.server.mute = 1
    named = await stage.buy(6)
    while stage.status(named) is not OrdStatus.IN_DOUBT:
        await stage.wait(0.01)
    seen = stage.shown(named)
    await stage.do(JudgeDoubt(ORIGIN, named, seen.order_id, "on the broker's screen", seen))
    stage.server.tell_reports((0,))
    stage.exchange.skew = -HOUR
    stage.server.deaf = 1
    unproved = await stage.buy(7)
    await stage.read_until(lambda: stage.break_of(BreakKind.ORDER_IN_DOUBT))
    await stage.do(JudgeDoubt(ORIGIN, unproved, "", "their desk says so"))
    stage.exchange.skew = 0
    assert not stage.break_of(BreakKind.ORDER_IN_DOUBT)


async def _traded_past_us(stage: _Stage) -> None:
    """Somebody buys and sells on the broker's own screen."""
    for side, quantity in ((Side.BUY, 8), (Side.SELL, 3), (Side.SELL, 7)):
        terms = (side, Product.DELIVERY, whole(quantity), stage.price("TCS"))
        stage.exchange.trade(OURS, stage.key("TCS"), *terms)
    await stage.read_until(lambda: len(stage.desk.state.foreign_fills) == 3)


async def _filled_late(stage: _Stage) -> None:
    """An order that left memory is filled after all: the exchange takes its cancel back."""
    cl_ord_id = await stage.buy(10)
    await stage.wait(0.1)
    stage.exchange.cancel_outside(stage.there(cl_ord_id))
    while cl_ord_id in stage.desk.state.orders:
        await stage.wait(0.1)
    stage.exchange.order(stage.there(cl_ord_id)).status = OrdStatus.NEW
    stage.fill(cl_ord_id, 10)
    while len(stage.desk.state.foreign_fills) < 4:
        await stage.wait(0.1)


async def _paper_forgets(stage: _Stage) -> None:
    """Answers that are lost, reports that come twice, and sessions that are cut, on paper."""
    forgetful = {"lost_ack_bps": 5_000, "duplicate_report_bps": 5_000, "dropped_socket_bps": 3_000}
    await stage.treat("PAPER-1", slices=2, fill_duration_ms=100, seed=4, **forgetful)
    for quantity in range(1, 7):
        await stage.order(1, Side.BUY, quantity, instrument="WIPRO")
        await stage.wait(0.2)
    await stage.treat("PAPER-1")
    await stage.wait(0.6)


async def _differences(stage: _Stage) -> None:
    """A position that nobody explains and is put right; cash that is taken; a book that is not there."""
    book = stage.exchange.accounts[OURS]
    held = stage.key("SBIN"), Product.DELIVERY
    book.positions[held] = whole(11)
    book.cash -= whole(250)
    await stage.read_until(lambda: stage.break_of(BreakKind.POSITION))
    now = stage.desk.clock.now()
    position = stage.break_of(BreakKind.POSITION)
    await stage.do(TakeBreak(ORIGIN, position, "asha", "asked the broker", now + 30 * MINUTE))
    lot = AdoptedLot(f"{OURS}/P", held[0], held[1], whole(11), whole(8_800), now)
    await stage.do(AdoptLots(ORIGIN, (lot,)))
    await stage.read_until(lambda: not stage.break_of(BreakKind.POSITION))
    await stage.read_until(lambda: stage.break_of(BreakKind.CASH))
    note = "a fee that they take once a year"
    await stage.do(CloseBreak(ORIGIN, stage.break_of(BreakKind.CASH), note))
    book.positions[held] = whole(12)
    await stage.read_until(lambda: stage.break_of(BreakKind.POSITION))
    await stage.do(TakeBreak(ORIGIN, stage.break_of(BreakKind.POSITION), "ravi"))
    await stage.read_until(lambda: stage.break_of(BreakKind.BOOK_UNREADABLE), UNREAD)
