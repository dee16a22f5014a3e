"""The desk fires the square-off when its time comes, once, also in the next process."""

from phalanx.brokers.port import Accepted
from phalanx.desk.desk import Desk
from phalanx.desk.square_off import SquareOff
from phalanx.domain.events import InstructionPlanned
from phalanx.domain.instructions import ExitRequest, OrderRequest
from phalanx.domain.numbers import whole
from phalanx.domain.orders import ExecType, ExecutionReport, OrdType, Product, Side
from phalanx.domain.sessions import Calendar
from phalanx.domain.settings import RiskSettings
from phalanx.domain.time import SECOND, iso
from phalanx.engine import commands as c
from phalanx.simulation.virtual import MONDAY_0915_IST
from tests.fakes.rig import INFY, ORIGIN, PRICE, Rig, on_virtual_time

FIVE_BEFORE = 6 * 3_600 * SECOND - 5 * SECOND
"""From a quarter past nine to five seconds before a quarter past three."""


def watch(desk: Desk) -> None:
    square_off = SquareOff(
        desk.state,
        Calendar(),
        desk.clock,
        desk.timer,
        lambda: desk.instruments,
        desk.closed,
        desk.handle,
    )
    desk.run(square_off.run(), "square off")


async def intraday(rig: Rig) -> None:
    """Just before the time, an account holds ten intraday."""
    rig.clock.skew = FIVE_BEFORE
    watch(await rig.start())
    await rig.account()
    await rig.desk.execute(c.PutReference(ORIGIN, settings=RiskSettings(square_off=True)))
    request = OrderRequest(
        1, "A1", "INFY", Side.BUY, Product.INTRADAY, OrdType.LIMIT, whole(10), PRICE
    )
    (cl_ord_id,) = await rig.submit(c.Submit(ORIGIN, request))
    rig.broker.tickets[cl_ord_id].done(Accepted(f"B{cl_ord_id}"))
    fill = ExecutionReport(
        cl_ord_id,
        ExecType.TRADE,
        exec_id="E1",
        cum_quantity=whole(10),
        last_quantity=whole(10),
        last_price=PRICE,
    )
    rig.desk.report(fill)
    await rig.wait()


def exits(rig: Rig) -> list[InstructionPlanned]:
    found: list[InstructionPlanned] = rig.events(InstructionPlanned)
    return [event for event in found if isinstance(event.request, ExitRequest)]


@on_virtual_time
async def test_the_exit_is_fired_within_a_second_of_its_time_and_once(rig: Rig) -> None:
    await intraday(rig)
    assert rig.clock.now() < MONDAY_0915_IST + FIVE_BEFORE + 4 * SECOND
    assert exits(rig) == []

    await rig.wait(6)

    (planned,) = exits(rig)
    assert iso(planned.time, 19_800)[:16] == "2026-01-05T15:15"
    assert planned.time < MONDAY_0915_IST + FIVE_BEFORE + 6 * SECOND
    (draft,) = planned.orders
    assert (draft.instrument, draft.side, draft.product) == (INFY, Side.SELL, Product.INTRADAY)
    assert rig.broker.placed[-1] == draft.cl_ord_id
    await rig.wait(60)
    assert len(exits(rig)) == 1


@on_virtual_time
async def test_the_next_process_does_not_fire_it_again(rig: Rig) -> None:
    await intraday(rig)
    await rig.wait(6)
    watch(await rig.restart())
    await rig.wait(10)

    assert len(exits(rig)) == 1


@on_virtual_time
async def test_a_process_that_starts_after_the_time_fires_what_is_missing(rig: Rig) -> None:
    await intraday(rig)
    rig.crash()
    rig.clock.skew += 60 * SECOND
    watch(await rig.start())
    await rig.wait(2)

    assert len(exits(rig)) == 1


@on_virtual_time
async def test_where_nobody_wants_it_nothing_is_fired(rig: Rig) -> None:
    await intraday(rig)
    await rig.desk.execute(c.PutReference(ORIGIN, settings=RiskSettings()))
    await rig.wait(30)

    assert exits(rig) == []


@on_virtual_time
async def test_an_account_that_opens_after_the_time_is_seen_to_then(rig: Rig) -> None:
    await intraday(rig)
    rig.desk.closed["A1"] = "its session is down"
    await rig.wait(10)
    assert exits(rig) == []

    del rig.desk.closed["A1"]
    await rig.wait(2)

    (planned,) = exits(rig)
    assert len(planned.orders) == 1
