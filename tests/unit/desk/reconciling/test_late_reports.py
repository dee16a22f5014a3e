"""Reports that no order in memory fits: told by the broker's own id, looked up, or read from the book."""

import asyncio

import msgspec
import pytest

from phalanx.brokers.port import Accepted
from phalanx.desk.reconciling import late_reports as late_module
from phalanx.domain.breaks import BreakKind
from phalanx.domain.broker_books import BrokerTrade
from phalanx.domain.events import BreakFiled, ForeignFillBooked, OrdersRetired
from phalanx.domain.numbers import whole
from phalanx.domain.orders import ClOrdId, ExecType, ExecutionReport, OrdStatus, Product, Side
from phalanx.engine.commands import ArchivedOrder, PutReference
from tests.fakes.rig import INFY, ORIGIN, PRICE, Rig, on_virtual_time


class FakeArchive:
    """Knows what a test puts in; ``failures`` times it cannot say."""

    def __init__(self) -> None:
        self.orders: dict[ClOrdId, ArchivedOrder] = {}
        self.asked: list[ClOrdId] = []
        self.failures = 0

    async def order(self, cl_ord_id: ClOrdId) -> ArchivedOrder | None:
        self.asked.append(cl_ord_id)
        if self.failures:
            self.failures -= 1
            raise OSError("not now")
        return self.orders.get(cl_ord_id)

    def keep(self, cl_ord_id: ClOrdId, *exec_ids: str) -> None:
        self.orders[cl_ord_id] = ArchivedOrder(
            cl_ord_id, "A1/P", INFY, Side.BUY, Product.DELIVERY, whole(4), frozenset(exec_ids)
        )


async def retire_soon(rig: Rig) -> None:
    settings = msgspec.structs.replace(rig.state.settings, retire_after_s=5)
    await rig.desk.execute(PutReference(ORIGIN, settings=settings))


async def retired(rig: Rig) -> tuple[FakeArchive, ClOrdId]:
    """An order that was cancelled and has left memory; the archive knows it."""
    archive = FakeArchive()
    rig.archive = archive
    asyncio.get_running_loop().set_exception_handler(lambda *_: None)
    await rig.start()
    await rig.account()
    await retire_soon(rig)
    cl_ord_id = await rig.bought()
    rig.broker.end(cl_ord_id)
    await rig.wait(6)
    assert cl_ord_id not in rig.state.orders
    assert rig.events(OrdersRetired)
    archive.keep(cl_ord_id)
    rig.broker.read.clear()
    return archive, cl_ord_id


def fill(cl_ord_id: ClOrdId, exec_id: str = "E77", account: str = "") -> ExecutionReport:
    return ExecutionReport(
        cl_ord_id,
        ExecType.TRADE,
        f"B{cl_ord_id}",
        exec_id,
        whole(4),
        whole(4),
        PRICE,
        account=account,
    )


def faults(rig: Rig) -> bytes:
    lines = rig.desk.metrics().splitlines()
    return b" ".join(line for line in lines if b'phalanx_faults_total{where="report"}' in line)


@on_virtual_time
async def test_a_fill_of_an_order_that_left_memory_is_booked_late(rig: Rig) -> None:
    archive, cl_ord_id = await retired(rig)

    rig.broker.say(fill(cl_ord_id))
    rig.broker.say(fill(cl_ord_id))
    await rig.wait()

    (booked,) = rig.events(ForeignFillBooked)
    assert (booked.cl_ord_id, booked.exec_id, booked.quantity) == (cl_ord_id, "E77", whole(4))
    assert archive.asked == [cl_ord_id, cl_ord_id]
    assert faults(rig) == b""


@on_virtual_time
async def test_a_fill_that_was_booked_in_its_time_is_not_booked_again(rig: Rig) -> None:
    archive, cl_ord_id = await retired(rig)
    archive.keep(cl_ord_id, "E77")

    rig.broker.say(fill(cl_ord_id))
    await rig.wait()

    assert rig.events(ForeignFillBooked) == []


@on_virtual_time
async def test_anything_else_about_it_has_the_account_read(rig: Rig) -> None:
    _, cl_ord_id = await retired(rig)

    rig.broker.say(ExecutionReport(cl_ord_id, ExecType.CANCELED))
    rig.broker.say(fill(cl_ord_id, exec_id=""))
    await rig.wait(1)

    assert rig.broker.read == ["A1"], "once for both"
    assert rig.events(ForeignFillBooked) == []


@on_virtual_time
async def test_an_archive_that_cannot_say_is_asked_again(rig: Rig) -> None:
    archive, cl_ord_id = await retired(rig)
    archive.failures = 3

    rig.broker.say(fill(cl_ord_id))
    await rig.wait(5)

    assert len(rig.events(ForeignFillBooked)) == 1


@on_virtual_time
async def test_an_archive_that_never_says_is_not_asked_for_ever(rig: Rig) -> None:
    archive, cl_ord_id = await retired(rig)
    archive.failures = 1_000

    rig.broker.say(fill(cl_ord_id, account="A1"))
    await rig.wait(60)

    assert len(archive.asked) == late_module.LOOK_UPS_MAX
    assert faults(rig).endswith(b" 1.0"), "it is seen"
    assert rig.broker.read == ["A1"]


@on_virtual_time
async def test_beyond_the_bound_they_are_dropped_and_the_account_is_read(rig: Rig) -> None:
    _, cl_ord_id = await retired(rig)
    patch = pytest.MonkeyPatch()
    patch.setattr(late_module, "LATE_MAX", 3)

    for n in range(5):
        rig.broker.say(fill(cl_ord_id, f"E{n}", "A1"))
    await rig.wait(1)
    patch.undo()

    assert len(rig.events(ForeignFillBooked)) == 3
    assert faults(rig).endswith(b" 2.0")
    assert rig.broker.read == ["A1"]


@on_virtual_time
async def test_a_report_of_nobodys_order_has_its_account_read(rig: Rig) -> None:
    await retired(rig)

    rig.broker.say(fill("", account="A1"))
    rig.broker.say(fill("SOMEBODYS", account="A1"))
    await rig.wait(1)

    assert rig.broker.read == ["A1"]
    assert faults(rig) == b""


@on_virtual_time
async def test_a_report_that_nobody_can_place_is_a_fault_that_is_seen(rig: Rig) -> None:
    await retired(rig)

    rig.broker.say(fill("SOMEBODYS"))
    rig.broker.say(fill("AA0ZZZZZZZ", account="nobody's"))

    assert faults(rig).endswith(b" 2.0")


@on_virtual_time
async def test_one_that_the_archive_does_not_know_is_a_fault_that_is_seen(rig: Rig) -> None:
    archive, cl_ord_id = await retired(rig)
    archive.orders.clear()

    rig.broker.say(fill(cl_ord_id))
    await rig.wait()

    assert faults(rig).endswith(b" 1.0")


@on_virtual_time
async def test_a_fill_that_only_the_book_shows_is_looked_up_once(rig: Rig) -> None:
    archive, cl_ord_id = await retired(rig)
    archive.keep(cl_ord_id, "E1")
    rig.broker.show(cl_ord_id, OrdStatus.CANCELED)
    what = ("A1", INFY, Side.BUY, Product.DELIVERY, whole(2), PRICE)
    for exec_id in ("E1", "E2"):
        rig.broker.trades.append(BrokerTrade(exec_id, f"B{cl_ord_id}", *what, cl_ord_id=cl_ord_id))

    for _ in range(3):
        await rig.desk.reconciler.reconcile()
        await rig.wait()

    (booked,) = rig.events(ForeignFillBooked)
    assert booked.exec_id == "E2"
    assert archive.asked == [cl_ord_id, cl_ord_id]


@on_virtual_time
async def test_a_fill_in_the_book_that_cannot_be_looked_up_waits_for_the_next_reading(
    rig: Rig,
) -> None:
    archive, cl_ord_id = await retired(rig)
    archive.failures = late_module.LOOK_UPS_MAX
    rig.broker.show(cl_ord_id, OrdStatus.CANCELED)
    what = ("A1", INFY, Side.BUY, Product.DELIVERY, whole(2), PRICE)
    rig.broker.trades.append(BrokerTrade("E2", f"B{cl_ord_id}", *what, cl_ord_id=cl_ord_id))

    await rig.desk.reconciler.reconcile()
    await rig.wait(60)
    assert rig.broker.read == ["A1"]
    assert faults(rig).endswith(b" 1.0")
    await rig.desk.reconciler.reconcile()
    await rig.wait()

    assert len(rig.events(ForeignFillBooked)) == 1


@on_virtual_time
async def test_a_fill_in_the_book_that_no_archive_knows_is_a_persons(rig: Rig) -> None:
    _, cl_ord_id = await retired(rig)
    rig.archive = None
    await rig.restart()
    what = ("A1", INFY, Side.BUY, Product.DELIVERY, whole(2), PRICE)
    rig.broker.trades.append(BrokerTrade("E2", f"B{cl_ord_id}", *what, cl_ord_id=cl_ord_id))

    await rig.desk.reconciler.reconcile()
    await rig.wait()

    kinds = [filed.found.kind for filed in rig.events(BreakFiled)]
    assert kinds == [BreakKind.FILL_UNBOOKABLE]


@on_virtual_time
async def test_what_waits_when_the_desk_stops_is_not_looked_up(rig: Rig) -> None:
    archive, cl_ord_id = await retired(rig)
    archive.failures = 1_000
    rig.broker.say(fill(cl_ord_id))
    rig.broker.say(fill(cl_ord_id))
    await rig.wait()

    await rig.desk.stop()
    await rig.wait(60)

    assert archive.asked == [cl_ord_id]


# --- the broker's own id -------------------------------------------------------------------------


@on_virtual_time
async def test_a_report_without_a_tag_is_told_by_account_and_order_id(rig: Rig) -> None:
    await rig.start()
    await rig.account()
    await rig.account("A2")
    cl_ord_id = await rig.bought()
    (other,) = await rig.submit(rig.buy("A2"))
    rig.broker.tickets[other].done(Accepted(f"B{cl_ord_id}"))

    rig.broker.say(
        ExecutionReport(
            "", ExecType.TRADE, f"B{cl_ord_id}", "E1", whole(4), whole(4), PRICE, account="A1"
        )
    )

    assert rig.order(cl_ord_id).cum_quantity == whole(4)
    assert rig.order(other).cum_quantity == 0


@on_virtual_time
async def test_the_id_is_known_after_a_restart(rig: Rig) -> None:
    await rig.start()
    await rig.account()
    cl_ord_id = await rig.bought()
    rig.broker.show(cl_ord_id)

    await rig.restart()
    rig.broker.say(ExecutionReport("", ExecType.CANCELED, f"B{cl_ord_id}", account="A1"))

    assert rig.status(cl_ord_id) is OrdStatus.CANCELED


@on_virtual_time
async def test_ids_of_orders_that_left_memory_are_forgotten(rig: Rig) -> None:
    patch = pytest.MonkeyPatch()
    patch.setattr("phalanx.desk.reconciling.order_ids.KEPT_MIN", 2)
    await rig.start()
    await rig.account()
    await retire_soon(rig)
    for _ in range(5):
        rig.broker.end(await rig.bought())
    await rig.wait(6)
    await rig.bought()
    patch.undo()

    order_ids = rig.desk._decisions.order_ids
    assert not rig.desk.state.ended
    assert len(order_ids) == 1
    assert order_ids.find("A1", "BAA00000000") == ""
