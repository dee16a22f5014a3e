"""From a plan to bytes: who goes at once, who waits for how long, and nobody twice."""

import gc

import pytest

from phalanx.brokers.port import Accepted, Ticket
from phalanx.desk.firing import ways as ways_module
from phalanx.domain.accounts import Account, RateLimit
from phalanx.domain.events import (
    DispatchLapsed,
    InstructionPlanned,
    OrderEnded,
    OrdersDispatched,
)
from phalanx.domain.numbers import whole
from phalanx.domain.orders import OrdStatus, Side
from phalanx.domain.reasons import ReasonCode
from phalanx.engine import commands as c
from tests.fakes.rig import ORIGIN, Rig, ids, on_virtual_time, play
from tests.fakes.scripted_broker import Request, accept, fail, keep, unreachable, write

TWO_A_SECOND = RateLimit(2, 1_000)


@on_virtual_time
async def test_the_dispatch_is_in_the_record_of_the_plan_and_before_any_write(rig: Rig) -> None:
    await rig.start()
    await rig.account("A1")
    await rig.account("A2")
    await rig.subscribe("A1", "A2")
    on_disk: list[int] = []

    def note(request: Request, ticket: Ticket) -> None:
        on_disk.append(len(rig.events(OrdersDispatched)))
        write(request, ticket)

    rig.broker.usual = note
    orders = await rig.submit(rig.signal(Side.BUY))

    planned, dispatched = rig.records()[-1]
    assert isinstance(planned, InstructionPlanned)
    assert isinstance(dispatched, OrdersDispatched)
    assert list(dispatched.cl_ord_ids) == orders == rig.broker.placed
    assert dispatched.epoch == rig.desk.epoch
    assert on_disk == [1, 1]


@on_virtual_time
async def test_nothing_is_written_while_the_record_is_on_its_way(rig: Rig) -> None:
    await rig.start()
    await rig.account()
    rig.commit_ns = 100_000_000

    rig.desk.handle(rig.buy())
    await rig.wait(0.09)
    assert rig.broker.asked == []
    await rig.wait(0.02)

    assert len(rig.broker.placed) == 1


@on_virtual_time
async def test_who_has_no_place_is_dispatched_when_the_turn_comes(rig: Rig) -> None:
    await rig.start()
    await rig.account(limit=TWO_A_SECOND)
    orders = [order for _ in range(5) for order in await rig.submit(rig.buy())]

    assert rig.broker.placed == orders[:2]
    assert [rig.status(order) for order in orders] == [OrdStatus.SENT] * 2 + [
        OrdStatus.PENDING_NEW
    ] * 3
    assert rig.desk.firing.waiting_count() == 3
    await rig.wait(1)
    assert rig.broker.placed == orders[:4]
    await rig.wait(1)

    assert rig.broker.placed == orders
    dispatched = [list(event.cl_ord_ids) for event in rig.events(OrdersDispatched)]
    assert [order for ids in dispatched for order in ids] == orders


@on_virtual_time
async def test_a_place_that_is_still_reserved_when_somebody_comes_is_not_forgotten(
    rig: Rig,
) -> None:
    """The second comes while the first is between its turn and its write: it must be woken later."""
    await rig.start()
    await rig.account(limit=RateLimit(1, 1_000))
    rig.commit_ns = 50_000_000

    rig.desk.handle(rig.buy())
    rig.desk.handle(rig.buy())
    await rig.wait(2)

    assert len(rig.broker.placed) == 2


@on_virtual_time
async def test_who_was_turned_back_at_the_gate_leaves_the_place_to_the_next(rig: Rig) -> None:
    await rig.start()
    await rig.account(limit=RateLimit(1, 60_000))
    rig.broker.script.append(keep)
    (first,) = await rig.submit(rig.buy())
    (second,) = await rig.submit(rig.buy())
    assert rig.broker.placed == [first]
    rig.desk.handle(c.PutKill(ORIGIN))

    write(rig.broker.asked[0], rig.broker.tickets[first])
    rig.desk.handle(c.LiftKill(ORIGIN))
    await rig.wait()

    assert rig.status(first) is OrdStatus.REJECTED
    assert rig.order(first).hold == 0
    assert rig.broker.placed == [first, second]


@on_virtual_time
async def test_waiting_orders_expire_with_their_instruction_and_give_way(rig: Rig) -> None:
    await rig.start()
    await rig.account(limit=RateLimit(1, 20_000))
    (first,) = await rig.submit(rig.buy())
    late = [order for _ in range(3) for order in await rig.submit(rig.buy(expires_s=2))]
    (patient,) = await rig.submit(rig.buy(expires_s=60))

    await rig.wait(3)
    assert [rig.status(order) for order in late] == [OrdStatus.EXPIRED] * 3
    assert rig.desk.firing.waiting_count() == 1
    (ended, *_) = rig.events(OrderEnded)
    assert ended.reason.code is ReasonCode.INSTRUCTION_EXPIRED
    await rig.wait(18)

    assert rig.broker.placed == [first, patient]


@on_virtual_time
async def test_a_cancelled_order_leaves_no_hole_in_the_window(rig: Rig) -> None:
    await rig.start()
    await rig.account(limit=RateLimit(1, 1_000))
    await rig.submit(rig.buy())
    orders = [order for _ in range(4) for order in await rig.submit(rig.buy())]
    for order in orders[:3]:
        await rig.cancel(order)

    await rig.wait(1.1)

    assert rig.broker.placed[1:] == [orders[3]]
    (lane,) = rig.desk.firing.turns
    assert lane.window._pending == 0


@on_virtual_time
async def test_what_was_never_written_waits_again_and_before_the_others(rig: Rig) -> None:
    await rig.start()
    await rig.account()
    rig.broker.script.append(unreachable)
    (first,) = await rig.submit(rig.buy())
    (second,) = await rig.submit(rig.buy())

    assert rig.status(first) is OrdStatus.PENDING_NEW
    assert rig.events(DispatchLapsed)
    await rig.wait(0.2)

    assert rig.broker.placed == [first, first, second]
    assert rig.status(first) is OrdStatus.SENT


@on_virtual_time
async def test_a_broker_that_cannot_be_reached_is_not_asked_without_end(rig: Rig) -> None:
    await rig.start()
    await rig.account()
    rig.broker.usual = unreachable
    (order,) = await rig.submit(rig.buy(expires_s=30))

    await rig.wait(40)

    assert rig.status(order) is OrdStatus.EXPIRED
    assert 10 < len(rig.broker.placed) < 40


@on_virtual_time
async def test_a_lane_recovers_when_its_broker_does(rig: Rig) -> None:
    await rig.start()
    await rig.account()
    rig.broker.usual = unreachable
    (first,) = await rig.submit(rig.buy(expires_s=1))
    await rig.wait(5)
    assert rig.status(first) is OrdStatus.EXPIRED
    rig.broker.usual = write

    (second,) = await rig.submit(rig.buy())
    await rig.wait(1.1)

    assert rig.status(second) is OrdStatus.SENT


@on_virtual_time
async def test_a_broker_may_answer_before_it_returns(rig: Rig) -> None:
    await rig.start()
    await rig.account("A1")
    await rig.account("A2")
    await rig.subscribe("A1", "A2")
    rig.broker.usual = accept

    orders = await rig.submit(rig.signal(Side.BUY))

    assert [rig.status(order) for order in orders] == [OrdStatus.NEW] * 2


@on_virtual_time
async def test_a_fill_may_come_before_the_answer_and_before_place_returns(rig: Rig) -> None:
    await rig.start()
    await rig.account()

    def fill_at_once(request: Request, ticket: Ticket) -> None:
        write(request, ticket)
        rig.broker.fill(request.cl_ord_id, whole(10))
        ticket.done(Accepted("B1"))

    rig.broker.usual = fill_at_once
    (order,) = await rig.submit(rig.buy())

    assert rig.status(order) is OrdStatus.FILLED


@on_virtual_time
async def test_a_broken_broker_module_is_a_doubt_about_its_order_and_nobody_else(rig: Rig) -> None:
    await rig.start()
    await rig.account("A1")
    await rig.account("A2")
    await rig.subscribe("A1", "A2")
    rig.broker.script.append(fail)

    first, second = await rig.submit(rig.signal(Side.BUY))

    assert rig.status(first) is OrdStatus.IN_DOUBT
    assert rig.status(second) is OrdStatus.SENT
    assert rig.desk.stopped is None


@on_virtual_time
async def test_a_broker_that_went_away_after_the_dispatch_was_not_written_to(rig: Rig) -> None:
    await rig.start()
    await rig.account()

    rig.desk.handle(rig.buy())
    del rig.brokers["script"]
    await rig.wait()

    (ended,) = rig.events(OrderEnded)
    assert (ended.status, ended.reason.code) == (
        OrdStatus.REJECTED,
        ReasonCode.BROKER_UNREACHABLE,
    )
    assert rig.desk.stopped is None


@on_virtual_time
async def test_another_rate_limit_holds_from_when_it_was_put(rig: Rig) -> None:
    await rig.start()
    await rig.account()
    await rig.account(limit=RateLimit(1, 1_000))

    for _ in range(3):
        await rig.submit(rig.buy())

    assert len(rig.broker.placed) == 1
    await rig.account()
    await rig.wait()
    assert len(rig.broker.placed) == 3


@on_virtual_time
async def test_an_order_is_dispatched_once_even_when_it_is_put_into_its_lane_twice(
    rig: Rig,
) -> None:
    await rig.start()
    await rig.account(limit=RateLimit(1, 1_000))
    await rig.submit(rig.buy())
    (waiting,) = await rig.submit(rig.buy())

    rig.desk.firing.resume()
    rig.desk.firing.resume()
    await rig.account()
    await rig.wait(3)

    assert rig.broker.placed.count(waiting) == 1


@on_virtual_time
async def test_an_order_that_is_on_its_way_is_not_handed_over_again(rig: Rig) -> None:
    await rig.start()
    await rig.account()
    (order,) = await rig.submit(rig.buy())

    for _ in rig.desk.firing.wire.released(rig.events(OrdersDispatched), 1):
        pass

    assert rig.broker.placed == [order]


@on_virtual_time
async def test_exits_go_before_new_risk_and_have_headroom(rig: Rig) -> None:
    await rig.start()
    await rig.account(limit=RateLimit(3, 10_000, 2))
    bought = await rig.bought()
    rig.broker.fill(bought, whole(10))
    (waiting,) = await rig.submit(rig.buy())
    assert rig.status(waiting) is OrdStatus.PENDING_NEW

    (sell,) = await rig.submit(rig.buy(side=Side.SELL))

    assert rig.status(sell) is OrdStatus.SENT
    assert rig.status(waiting) is OrdStatus.PENDING_NEW


@pytest.mark.parametrize("count", [1, 300])
def test_a_fan_out_is_one_record_and_one_dispatch(count: int) -> None:
    async def story(rig: Rig) -> None:
        await rig.start()
        await rig.account("A0")
        accounts = [Account(f"A{n}", 1, "script") for n in range(count)]
        cash = tuple((account.book, whole(10_000), "") for account in accounts)
        await rig.desk.execute(c.PutReference(ORIGIN, accounts=tuple(accounts), cash=cash))
        await rig.subscribe(*(account.id for account in accounts))
        await rig.desk.reconciler.reconcile()

        await rig.submit(rig.signal(Side.BUY))

        assert [type(event) for event in rig.records()[-1]] == [
            InstructionPlanned,
            OrdersDispatched,
        ]
        assert len(rig.broker.placed) == count

    play(story)


@on_virtual_time
async def test_what_is_remembered_of_plans_is_bounded(rig: Rig) -> None:
    patch = pytest.MonkeyPatch()
    patch.setattr(ways_module, "PLANNED_MAX", 3)
    await rig.start()
    await rig.account()
    for _ in range(5):
        await rig.submit(rig.buy())
    patch.undo()

    assert len(rig.desk.firing._ways._planned) == 3


@on_virtual_time
async def test_the_hot_path_makes_no_cycles(rig: Rig) -> None:
    """Garbage collection is the tail of every latency: it must find nothing to do."""
    await rig.start()
    await rig.account()
    rig.broker.usual = accept

    async def trade(count: int) -> None:
        for _ in range(count):
            (order,) = ids(await rig.desk.execute(rig.buy(quantity=1)))
            rig.broker.fill(order, whole(1))

    await trade(20)
    gc.collect()
    gc.disable()
    try:
        await trade(100)
        assert gc.collect() == 0
    finally:
        gc.enable()
