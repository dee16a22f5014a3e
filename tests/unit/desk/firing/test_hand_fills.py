"""Fills that a person orders: durable first, then the broker's, never lost and never doubled."""

from collections.abc import Awaitable, Callable, Coroutine
from typing import Any

import pytest

from phalanx.desk.recovery import events_after
from phalanx.domain.accounts import Account, FillProfile
from phalanx.domain.events import Event, FillOrdered, OrderFlagged, OrderReported
from phalanx.domain.instructions import Door, OrderRequest, Origin
from phalanx.domain.numbers import parse_fixed, round_down, whole
from phalanx.domain.orders import ClOrdId, OrdStatus, OrdType, Product, Side
from phalanx.engine import commands as c
from phalanx.journal.memory import MemoryJournal
from phalanx.simulation.paper_link import FaultPlan
from phalanx.simulation.virtual import VirtualLoop, simulate
from phalanx.simulation.world import COMMIT_NS, Landing, World, sample_instruments
from tests.fakes.rig import Rig, on_virtual_time

ORIGIN = Origin("local", Door.ORDERS)
RESTS = Account("", 0, fill_profile=FillProfile(filled_bps=0))
HALF_S = COMMIT_NS / 2 / 10**9


def play(story: Callable[[World], Awaitable[None]], plan: FaultPlan = FaultPlan()) -> None:  # noqa: B008
    """Tell a story about a world in which a market order of one share rests."""

    def begin(loop: VirtualLoop) -> Coroutine[Any, Any, None]:
        async def tell() -> None:
            world = World(loop, sample_instruments(("INFY",)), plan=plan)
            await world.start()
            await world.import_profiles({"somebody": {"ALPHA": ["INFY"]}}, account=RESTS)
            await world.signal("ALPHA", Side.BUY, "INFY")
            await world.wait(0.1)
            await story(world)

        return tell()

    simulate(begin)


def resting(world: World) -> ClOrdId:
    (order,) = world.desk.state.open_orders()
    assert order.status is OrdStatus.NEW
    return order.draft.cl_ord_id


def journaled(world: World, kind: type[Event]) -> list[Any]:
    events = events_after(MemoryJournal(world.disk), 0)
    return [event for _, event in events if isinstance(event, kind)]


def fills(world: World) -> list[tuple[str, int]]:
    """(ExecID, shares) of every fill on the disk."""
    reports = [event for event in journaled(world, OrderReported) if event.last_quantity]
    return [(event.report.exec_id, event.last_quantity // whole(1)) for event in reports]


async def order_fill(world: World) -> str:
    """Order the fill of the one share; durable when this returns, and its ExecID."""
    command = c.FillByHand(ORIGIN, resting(world), whole(1))
    (event,) = (await world.desk.execute(command)).events
    assert isinstance(event, FillOrdered)
    return event.exec_id


def test_what_is_ordered_is_filled_by_the_broker() -> None:
    async def story(world: World) -> None:
        cl_ord_id = resting(world)
        exec_id = await order_fill(world)
        await world.wait(0.1)

        assert fills(world) == [(exec_id, 1)]
        assert world.desk.state.orders[cl_ord_id].status is OrdStatus.FILLED
        assert world.desk.state.hand_fills == {}

    play(story, FaultPlan(repeated_report_bps=10_000))


def test_a_key_that_is_used_again_fills_once() -> None:
    async def story(world: World) -> None:
        origin = Origin("local", Door.ORDERS, "", "key", b"x")
        command = c.FillByHand(origin, resting(world), whole(1))
        first = await world.desk.execute(command)
        again = await world.desk.execute(command)
        await world.wait(0.1)

        assert again.replayed
        assert again.events == first.events
        assert len(fills(world)) == 1

    play(story)


@pytest.mark.parametrize("landed", [False, True])
@pytest.mark.parametrize("wait_s", [0, HALF_S / 2, HALF_S, 3 * HALF_S])
def test_a_crash_before_the_report_is_durable_loses_nothing_and_doubles_nothing(
    wait_s: float, landed: bool
) -> None:
    async def story(world: World) -> None:
        exec_id = await order_fill(world)
        await world.wait(wait_s)
        world.kill(Landing.DURABLE if landed else Landing.LOST)
        assert len(journaled(world, FillOrdered)) == 1

        await world.start()
        await world.wait(0.1)

        assert fills(world) == [(exec_id, 1)]
        assert world.desk.state.hand_fills == {}
        assert list(world.desk.state.open_orders()) == []

    play(story)


def test_a_crash_before_the_order_is_durable_fills_nothing() -> None:
    async def story(world: World) -> None:
        world.desk.handle(c.FillByHand(ORIGIN, resting(world), whole(1)))
        world.kill()
        await world.start()
        await world.wait(0.1)

        assert journaled(world, FillOrdered) == []
        assert fills(world) == []
        resting(world)

    play(story)


@pytest.mark.parametrize("crash", [False, True])
def test_what_the_broker_does_not_do_is_told_and_can_be_ordered_again(crash: bool) -> None:
    async def story(world: World) -> None:
        market = world.desk.state.orders[resting(world)]
        quote = world.desk.quote(market.draft.instrument)
        assert quote is not None
        below = round_down(quote.last, parse_fixed("0.05")) - whole(1)
        wanted = OrderRequest(
            *(1, "", "INFY", Side.BUY, Product.DELIVERY, OrdType.LIMIT, whole(1), market.limit)
        )
        await world.desk.execute(c.CancelOrder(ORIGIN, market.draft.cl_ord_id))
        await world.desk.execute(c.Submit(ORIGIN, wanted))
        await world.wait(0.1)
        cl_ord_id = resting(world)
        world.desk.handle(c.ReplaceOrder(ORIGIN, cl_ord_id, price=below))
        await world.desk.execute(c.FillByHand(ORIGIN, cl_ord_id, whole(1)))
        await world.wait(0.1)
        assert world.desk.state.orders[cl_ord_id].limit == below
        if crash:
            world.kill()
            await world.start()
            await world.wait(0.1)

        (flagged,) = journaled(world, OrderFlagged)
        assert (flagged.cl_ord_id, flagged.flag) == (cl_ord_id, "NOT_FILLED_BY_HAND")
        assert world.desk.state.hand_fills == {}
        again = c.FillByHand(ORIGIN, resting(world), whole(1), below)
        (event,) = (await world.desk.execute(again)).events
        assert isinstance(event, FillOrdered)
        await world.wait(0.1)
        assert fills(world) == [(event.exec_id, 1)]

    play(story)


@on_virtual_time
async def test_a_broker_that_does_not_fill_by_hand_is_not_asked_to(rig: Rig) -> None:
    await rig.start()
    await rig.account()
    cl_ord_id = await rig.bought()

    await rig.desk.execute(c.FillByHand(ORIGIN, cl_ord_id, whole(1)))
    await rig.wait()

    assert rig.status(cl_ord_id) is OrdStatus.NEW
    assert len(rig.state.hand_fills) == 1
