"""Intake: answers after the disk, idempotency, overload, and clients who go away."""

import asyncio
import gc
from collections.abc import Callable
from functools import partial

import msgspec
import pytest

from phalanx.brokers.port import PlaceRequest, Ticket
from phalanx.desk.errors import Overloaded, Stopped
from phalanx.desk.intake import only_lessens_risk
from phalanx.desk.pace import Pace
from phalanx.domain.allocation import Allocation, Method
from phalanx.domain.capabilities import BrokerKind
from phalanx.domain.events import (
    CancelRequested,
    InstructionPlanned,
    OrderEnded,
    OrdersDispatched,
)
from phalanx.domain.instructions import (
    AllocatedRequest,
    BatchRequest,
    BatchRow,
    CancelOpenRequest,
    CancelRestRequest,
    ExitRequest,
    InstructionRequest,
    PriorityBuyRequest,
)
from phalanx.domain.kills import EVERYBODY
from phalanx.domain.numbers import whole
from phalanx.domain.orders import ExecType, ExecutionReport, OrdStatus, OrdType, Product, Side
from phalanx.domain.reasons import ReasonCode
from phalanx.domain.time import SECOND
from phalanx.engine import commands as c
from phalanx.engine.reconciliation.commands import CloseBreak, JudgeDoubt, TakeBreak
from phalanx.engine.refused import Refused
from phalanx.engine.snapshot import state_hash
from tests.fakes.kills import of_account
from tests.fakes.rig import ORIGIN, Rig, ids, on_virtual_time, play


@on_virtual_time
async def test_the_answer_comes_when_the_record_is_durable(rig: Rig) -> None:
    await rig.start()
    await rig.account()
    rig.commit_ns = 100_000_000
    before = len(rig.records())

    asking = asyncio.create_task(rig.desk.execute(rig.buy()))
    await rig.wait(0.04)
    assert not asking.done()
    executed = await asking

    assert len(rig.records()) == before + 1
    assert executed.seq == rig.desk.durable_seq == rig.state.seq
    assert not executed.replayed


@on_virtual_time
async def test_what_may_pass_is_executed_at_once_and_told_once_it_is_durable(rig: Rig) -> None:
    await rig.start()
    await rig.account()
    rig.commit_ns = 100_000_000

    executed = rig.desk.execute_at_once(rig.buy())
    assert executed is not None
    assert executed.seq == rig.state.seq > rig.desk.durable_seq
    assert rig.broker.placed == []

    await rig.desk.durable(executed.seq)
    assert rig.desk.durable_seq >= executed.seq
    assert rig.broker.placed == ids(executed)


@on_virtual_time
async def test_a_key_that_was_used_is_never_executed_at_once(rig: Rig) -> None:
    await rig.start()
    await rig.account()
    assert rig.desk.execute_at_once(rig.buy(key="one", quantity=10)) is not None
    seq = rig.state.seq

    assert rig.desk.execute_at_once(rig.buy(key="one", quantity=10)) is None
    with pytest.raises(Refused, match="IDEMPOTENCY_KEY_REUSED"):
        rig.desk.execute_at_once(rig.buy(key="one", quantity=11))

    assert rig.state.seq == seq


@on_virtual_time
async def test_a_command_without_events_waits_for_what_it_saw(rig: Rig) -> None:
    await rig.start()
    await rig.account()
    await rig.desk.execute(c.PutKill(ORIGIN))
    await rig.desk.execute(c.LiftKill(ORIGIN))

    rig.desk.handle(c.PutKill(ORIGIN))
    executed = await rig.desk.execute(c.PutKill(ORIGIN))

    assert executed.events == ()
    assert executed.seq == rig.desk.durable_seq


@on_virtual_time
async def test_what_is_refused_leaves_nothing_behind(rig: Rig) -> None:
    await rig.start()
    seq = rig.state.seq

    with pytest.raises(Refused, match="NO_SUCH_KILL"):
        await rig.desk.execute(c.LiftKill(ORIGIN))

    assert rig.state.seq == seq


@on_virtual_time
async def test_the_same_key_twice_at_once_is_one_instruction(rig: Rig) -> None:
    await rig.start()
    await rig.account()
    command = rig.buy(key="one")

    first, second = await asyncio.gather(rig.desk.execute(command), rig.desk.execute(command))

    assert (first.replayed, second.replayed) == (False, True)
    assert first.events[0] == second.events[0]
    assert len(rig.events(InstructionPlanned)) == 1
    assert rig.broker.placed == ids(first)


@on_virtual_time
async def test_the_second_waits_for_the_first(rig: Rig) -> None:
    await rig.start()
    await rig.account()
    rig.commit_ns = 100_000_000
    command = rig.buy(key="one")
    first = asyncio.create_task(rig.desk.execute(command))
    await rig.wait(0.02)
    second = asyncio.create_task(rig.desk.execute(command))
    await rig.wait(0.02)

    assert not second.done()
    assert (await second).events[0] == (await first).events[0]


@on_virtual_time
async def test_another_body_under_the_same_key_is_refused(rig: Rig) -> None:
    await rig.start()
    await rig.account()
    await rig.submit(rig.buy(key="one", quantity=10))

    with pytest.raises(Refused, match="IDEMPOTENCY_KEY_REUSED"):
        await rig.desk.execute(rig.buy(key="one", quantity=11))


@on_virtual_time
async def test_the_answer_is_the_same_after_a_restart(rig: Rig) -> None:
    await rig.start()
    await rig.account()
    command = rig.buy(key="one")
    first = await rig.desk.execute(command)

    await rig.restart()
    again = await rig.desk.execute(command)

    assert again.replayed
    assert again.events[0] == first.events[0]
    assert len(rig.events(InstructionPlanned)) == 1


@pytest.mark.parametrize("landed", [True, False])
def test_after_a_crash_a_retry_is_the_same_instruction_or_the_first(landed: bool) -> None:
    async def story(rig: Rig) -> None:
        await rig.start()
        await rig.account()
        rig.commit_ns = 100_000_000
        command = rig.buy(key="one")
        asking = asyncio.create_task(rig.desk.execute(command))
        await rig.wait(0.02)
        rig.crash(landed=landed)
        asking.cancel()
        await rig.start()

        again = await rig.desk.execute(command)

        assert again.replayed is landed
        assert len(rig.events(InstructionPlanned)) == 1

    play(story)


@on_virtual_time
async def test_a_rejected_instruction_uses_its_key_and_a_refused_command_does_not(
    rig: Rig,
) -> None:
    await rig.start()
    await rig.account()
    nobody = rig.buy("A9", key="one")
    assert (await rig.desk.execute(nobody)).events
    assert (await rig.desk.execute(nobody)).replayed
    with pytest.raises(Refused, match="UNKNOWN_ORDER"):
        await rig.desk.execute(c.CancelOrder(rig.buy(key="two").origin, "AA00000000"))

    assert not (await rig.desk.execute(rig.buy(key="two"))).replayed


@on_virtual_time
async def test_a_cancel_is_idempotent_too(rig: Rig) -> None:
    await rig.start()
    await rig.account()
    cl_ord_id = await rig.bought()
    command = c.CancelOrder(rig.buy(key="stop").origin, cl_ord_id)

    first = await rig.desk.execute(command)
    again = await rig.desk.execute(command)

    assert again.replayed
    assert again.events[0] == first.events[0]
    assert len(rig.events(CancelRequested)) == 1


@on_virtual_time
async def test_a_client_that_goes_away_does_not_take_its_command_along(rig: Rig) -> None:
    await rig.start()
    await rig.account()
    rig.commit_ns = 100_000_000
    leaving = asyncio.create_task(rig.desk.execute(rig.buy(key="one")))
    staying = asyncio.create_task(rig.desk.execute(rig.buy(key="two")))
    await rig.wait(0.01)

    leaving.cancel()
    await staying
    await rig.wait(0.3)

    assert len(rig.broker.placed) == 2
    assert (await rig.desk.execute(rig.buy(key="one"))).replayed


@on_virtual_time
async def test_before_the_doors_open_and_after_they_closed_nothing_is_taken(rig: Rig) -> None:
    desk = rig.build()
    with pytest.raises(Stopped, match="starting"):
        await desk.execute(rig.buy())
    rig.crash()
    await rig.start()
    await rig.desk.stop()

    with pytest.raises(Stopped, match="stopping"):
        await rig.desk.execute(rig.buy())


def crowded(rig: Rig, monkeypatch: pytest.MonkeyPatch, limit: int, hard: int) -> None:
    """Something waits for the disk, and the bounds are as small as that."""
    pace = Pace(easy_bytes=limit, urgent_bytes_max=hard)
    monkeypatch.setattr(rig.desk._intake, "_pace", pace)
    rig.commit_ns = 3_000_000_000
    rig.desk.handle(c.PutKill(ORIGIN, of_account("A1")))


LESSENING: list[tuple[str, Callable[[Rig, str], c.Command]]] = [
    ("cancel", lambda rig, order: c.CancelOrder(ORIGIN, order)),
    ("exit", lambda rig, order: rig.buy(side=Side.SELL)),
    ("sell signal", lambda rig, order: rig.signal(Side.SELL)),
]

OPENING: list[tuple[str, Callable[[Rig, str], c.Command]]] = [
    ("buy", lambda rig, order: rig.buy()),
    ("buy signal", lambda rig, order: rig.signal(Side.BUY)),
    ("replace", lambda rig, order: c.ReplaceOrder(ORIGIN, order, 5 * 10**8)),
    ("import", lambda rig, order: c.ImportProfiles(ORIGIN, {"x": {}}, 0)),
    ("lift", lambda rig, order: c.LiftKill(ORIGIN, of_account("A1"))),
]


@pytest.mark.parametrize(("_", "make"), OPENING, ids=[name for name, _ in OPENING])
def test_new_risk_is_turned_away_before_anything_is_decided(
    _: str, make: Callable[[Rig, str], c.Command], monkeypatch: pytest.MonkeyPatch
) -> None:
    async def story(rig: Rig) -> None:
        await rig.start()
        await rig.account()
        order = await rig.bought()
        crowded(rig, monkeypatch, 1, 10**6)
        command = make(rig, order)
        seq = rig.state.seq

        with pytest.raises(Overloaded) as turned_away:
            await rig.desk.execute(command)

        assert turned_away.value.retry_after_s == 1
        assert rig.state.seq == seq
        await rig.wait(3)
        assert (await rig.desk.execute(rig.buy())).events

    play(story)


@pytest.mark.parametrize(("_", "make"), LESSENING, ids=[name for name, _ in LESSENING])
def test_what_lessens_risk_still_passes(
    _: str, make: Callable[[Rig, str], c.Command], monkeypatch: pytest.MonkeyPatch
) -> None:
    async def story(rig: Rig) -> None:
        await rig.start()
        await rig.account()
        order = await rig.bought()
        crowded(rig, monkeypatch, 1, 10**6)

        assert (await rig.desk.execute(make(rig, order))).events

        crowded(rig, monkeypatch, 1, 1)
        rig.desk.handle(c.PutKill(ORIGIN))
        rig.desk.handle(c.LiftKill(ORIGIN))
        with pytest.raises(Overloaded):
            await rig.desk.execute(make(rig, order))

    play(story)


@on_virtual_time
async def test_an_answer_that_is_known_is_given_under_load_too(rig: Rig) -> None:
    await rig.start()
    await rig.account()
    command = rig.buy(key="one")
    await rig.desk.execute(command)
    patch = pytest.MonkeyPatch()
    try:
        crowded(rig, patch, 1, 1)
        assert (await rig.desk.execute(command)).replayed
    finally:
        patch.undo()


def plans_of_records(rig: Rig) -> list[int]:
    """How many instructions were planned into each record that has any."""
    counts = [sum(isinstance(e, InstructionPlanned) for e in record) for record in rig.records()]
    return [count for count in counts if count]


async def five(rig: Rig) -> c.Submit:
    """Five accounts, and a basket that buys for each."""
    names = [f"A{n}" for n in range(1, 6)]
    for name in names:
        await rig.account(name)
    one = msgspec.structs.replace(row(Side.BUY), client=0)
    rows = tuple(msgspec.structs.replace(one, account=name) for name in names)
    return c.Submit(ORIGIN, BatchRequest(rows))


async def busy(rig: Rig, commit_ns: int = 600_000_000) -> None:
    """Something is being committed, and whatever waits for the disk is too much for anything new."""
    await rig.start()
    await rig.account()
    await rig.account("A2")
    rig.commit_ns = commit_ns
    rig.desk.handle(c.PutKill(ORIGIN, of_account("A2")))


@on_virtual_time
async def test_who_waits_has_a_turn_when_what_was_before_is_done_with(rig: Rig) -> None:
    rig.pace = Pace(easy_bytes=1)
    await busy(rig)
    asking = asyncio.create_task(rig.desk.execute(rig.buy()))

    await rig.wait(0.5)
    assert len(rig.desk._intake) == 1
    assert b"phalanx_intake_waiting 1.0" in rig.desk.metrics()
    await rig.wait(0.2)

    assert len(rig.desk._intake) == 0
    rig.commit_ns = 1_000
    assert (await asking).events


@on_virtual_time
async def test_nobody_is_executed_at_once_before_those_who_wait(rig: Rig) -> None:
    rig.pace = Pace(easy_bytes=1)
    await busy(rig)
    sell = c.Submit(ORIGIN, BatchRequest((row(Side.SELL),)))
    assert rig.desk.execute_at_once(rig.buy()) is None
    assert rig.desk.execute_at_once(sell) is not None

    waiting = asyncio.create_task(rig.desk.execute(rig.buy()))
    await rig.wait(0.1)
    rig.desk._commit.waiting_bytes = 0
    assert rig.desk.execute_at_once(rig.buy()) is None
    waiting.cancel()


@on_virtual_time
async def test_turns_come_in_the_order_of_asking_and_one_by_one(rig: Rig) -> None:
    rig.pace = Pace(easy_bytes=1, turn_weight=1)
    await busy(rig)
    asking = [asyncio.create_task(rig.desk.execute(rig.buy(key=f"{n}"))) for n in range(5)]
    await rig.wait(0.1)
    rig.commit_ns = 1_000
    answers = await asyncio.gather(*asking)

    seqs = [answer.seq for answer in answers]
    assert seqs == sorted(seqs)
    assert plans_of_records(rig)[-5:] == [1] * 5


@on_virtual_time
async def test_small_ones_have_their_turn_together_and_a_large_one_alone(rig: Rig) -> None:
    rig.pace = Pace(easy_bytes=100_000, turn_weight=8)
    await busy(rig)
    intake, commit = rig.desk._intake, rig.desk._commit
    commit.waiting_bytes += 100_000
    basket = c.Submit(ORIGIN, BatchRequest((row(Side.BUY),) * 9))
    commands = [*[rig.buy() for _ in range(5)], basket, rig.buy()]
    asking = [asyncio.create_task(rig.desk.execute(command)) for command in commands]
    await rig.wait(1)
    commit.waiting_bytes -= 100_000
    intake.look()
    assert [turn.future.done() for turn in intake._queue] == [True] * 4 + [False] * 3
    while not asking[4].done():
        await rig.wait(0.000_001)
        granted = [turn.weight for turn in intake._queue if turn.future.done()]
        assert len(granted) <= 1 or sum(granted) <= 8
    await asyncio.gather(*asking)


@on_virtual_time
async def test_of_those_let_in_together_the_first_may_be_enough(rig: Rig) -> None:
    rig.pace = Pace(easy_bytes=1)
    await busy(rig)
    asking = [asyncio.create_task(rig.desk.execute(rig.buy())) for _ in range(5)]
    await rig.wait(0.1)
    rig.commit_ns = 1_000
    await asyncio.gather(*asking)

    assert plans_of_records(rig)[-5:] == [1] * 5


@on_virtual_time
async def test_a_kill_goes_past_those_who_wait(rig: Rig) -> None:
    rig.pace = Pace(easy_bytes=1)
    await busy(rig)
    asking = asyncio.create_task(rig.desk.execute(rig.buy()))
    await rig.wait(0.1)

    killing = asyncio.create_task(rig.desk.execute(c.PutKill(ORIGIN)))
    await rig.wait(0.001)

    assert len(rig.desk._intake) == 1
    assert EVERYBODY.key in rig.state.kills
    rig.commit_ns = 1_000
    await killing
    planned = (await asking).events[0]
    assert isinstance(planned, InstructionPlanned)
    assert planned.orders == ()
    assert rig.broker.placed == []


@on_virtual_time
async def test_too_many_who_wait_are_turned_away_at_once(rig: Rig) -> None:
    rig.pace = Pace(easy_bytes=1, waiting_max=2)
    await busy(rig)
    asking = [asyncio.create_task(rig.desk.execute(rig.buy())) for _ in range(3)]
    await rig.wait(0.001)

    assert [task.done() for task in asking] == [False, False, True]
    assert isinstance(asking[2].exception(), Overloaded)
    rig.commit_ns = 1_000
    await asyncio.gather(*asking[:2])


@on_virtual_time
async def test_many_rows_that_wait_are_too_many_as_well(rig: Rig) -> None:
    rig.pace = Pace(easy_bytes=1, waiting_weight_max=7)
    await busy(rig)
    basket = c.Submit(ORIGIN, BatchRequest((row(Side.BUY),) * 3))
    asking = [asyncio.create_task(rig.desk.execute(basket)) for _ in range(2)]
    single = asyncio.create_task(rig.desk.execute(rig.buy()))
    await rig.wait(0.001)

    assert [task.done() for task in asking] == [False, True]
    assert isinstance(asking[1].exception(), Overloaded)
    rig.commit_ns = 1_000
    await asyncio.gather(asking[0], single)
    assert rig.desk._intake._weight == 0


@on_virtual_time
async def test_who_goes_away_while_waiting_leaves_the_turn_to_the_next(rig: Rig) -> None:
    rig.pace = Pace(easy_bytes=1)
    await busy(rig)
    asking = [asyncio.create_task(rig.desk.execute(rig.buy(key=f"{n}"))) for n in range(3)]
    await rig.wait(0.1)
    asking[0].cancel()
    rig.commit_ns = 1_000
    began = rig.clock.monotonic()
    results = await asyncio.gather(*asking, return_exceptions=True)

    assert isinstance(results[0], asyncio.CancelledError)
    assert len(rig.broker.placed) == 2
    # They had their turns when the disk was done, not at the desk's next tick.
    assert rig.clock.monotonic() - began < 520_000_000


@on_virtual_time
async def test_who_goes_away_in_the_turn_in_which_it_was_his_leaves_it_to_the_next(
    rig: Rig,
) -> None:
    rig.pace = Pace(easy_bytes=1)
    await busy(rig)
    asking = [asyncio.create_task(rig.desk.execute(rig.buy(key=f"{n}"))) for n in range(3)]
    await rig.wait(0.1)
    rig.commit_ns = 1_000
    intake = rig.desk._intake
    look = intake.look

    def look_and_cancel() -> None:
        look()
        asking[0].cancel()

    intake.look = look_and_cancel  # type: ignore[method-assign]
    results = await asyncio.gather(*asking, return_exceptions=True)

    assert isinstance(results[0], asyncio.CancelledError)
    assert len(rig.broker.placed) == 2
    assert len(intake) == 0


@on_virtual_time
async def test_nobody_goes_past_one_whose_turn_has_come(rig: Rig) -> None:
    rig.pace = Pace(easy_bytes=1)
    await busy(rig)
    first = asyncio.create_task(rig.desk.execute(rig.buy()))
    await rig.wait(0.1)
    rig.commit_ns = 1_000
    intake = rig.desk._intake
    look, late = intake.look, intake.turn(rig.buy())
    waits_for: list[object] = []

    def look_and_come() -> None:
        look()
        if intake.is_at_ease() and not waits_for:
            waits_for.append(late.send(None))

    intake.look = look_and_come  # type: ignore[method-assign]
    await first

    assert asyncio.isfuture(waits_for[0])
    late.close()


@on_virtual_time
async def test_many_that_leave_at_once_give_the_others_one_turn_at_a_time(rig: Rig) -> None:
    rig.pace = Pace(easy_bytes=1, turn_weight=1)
    await busy(rig)
    gone = [asyncio.create_task(rig.desk.execute(rig.buy(key=f"gone{n}"))) for n in range(5)]
    asking = [asyncio.create_task(rig.desk.execute(rig.buy(key=f"{n}"))) for n in range(5)]
    await rig.wait(0.1)
    rig.commit_ns = 1_000
    for one in gone:
        one.cancel()
    await asyncio.gather(*gone, *asking, return_exceptions=True)

    assert plans_of_records(rig)[-5:] == [1] * 5


@on_virtual_time
async def test_who_was_turned_away_takes_nobodys_place(rig: Rig) -> None:
    rig.pace = Pace(easy_bytes=1, waiting_max=2)
    await busy(rig, 5_000_000_000)
    asking = [asyncio.create_task(rig.desk.execute(rig.buy())) for _ in range(2)]
    await rig.wait(2.5)
    assert [type(task.exception()) for task in asking] == [Overloaded, Overloaded]
    assert len(rig.desk._intake) == 0

    again = asyncio.create_task(rig.desk.execute(rig.buy()))
    await rig.wait(0.1)
    assert not again.done()
    rig.commit_ns = 1_000
    with pytest.raises(Overloaded):
        await again


@on_virtual_time
async def test_who_had_his_turn_when_the_desk_stopped_decides_nothing(rig: Rig) -> None:
    rig.pace = Pace(easy_bytes=1)
    await busy(rig)
    asking = asyncio.create_task(rig.desk.execute(rig.buy()))
    await rig.wait(0.1)
    intake = rig.desk._intake
    look = intake.look

    def look_and_die() -> None:
        look()
        if next(iter(intake._queue)).future.done():
            rig.desk._die(RuntimeError("the disk is gone"))

    intake.look = look_and_die  # type: ignore[method-assign]
    orders = len(rig.state.orders)
    with pytest.raises(Stopped, match="the disk is gone"):
        await asking

    assert len(rig.state.orders) == orders


@on_virtual_time
async def test_what_is_held_goes_before_those_who_wait(rig: Rig) -> None:
    rig.pace = Pace(easy_bytes=1)
    await rig.start()
    await rig.account()
    rig.commit_ns = 2_000_000
    fire_at = rig.clock.now() + 3_000_000_000
    await rig.desk.execute(msgspec.structs.replace(rig.buy(key="held"), fire_at=fire_at))

    async def ask_for_ever(number: int) -> None:
        for count in range(10_000):
            await rig.desk.execute(rig.buy(key=f"{number} {count}"))

    asking = [asyncio.create_task(ask_for_ever(number)) for number in range(20)]
    await rig.wait(4)
    for one in asking:
        one.cancel()

    assert not rig.state.held
    fired = [e for e in rig.events(InstructionPlanned) if e.origin.idempotency_key == "held"]
    assert len(fired) == 1
    assert fired[0].time - fire_at < 100_000_000


@on_virtual_time
async def test_a_kill_passes_whatever_waits_for_the_disk(rig: Rig) -> None:
    rig.pace = Pace(easy_bytes=1, urgent_bytes_max=1)
    await busy(rig)
    killing = asyncio.create_task(rig.desk.execute(c.PutKill(ORIGIN)))
    await rig.wait(0.001)

    assert EVERYBODY.key in rig.state.kills
    rig.commit_ns = 1_000
    await killing


@on_virtual_time
async def test_one_key_that_waits_twice_is_one_instruction(rig: Rig) -> None:
    rig.pace = Pace(easy_bytes=1)
    await busy(rig)
    asking = [asyncio.create_task(rig.desk.execute(rig.buy(key="one"))) for _ in range(2)]
    await rig.wait(0.1)
    rig.commit_ns = 1_000
    first, second = await asyncio.gather(*asking)

    assert (first.replayed, second.replayed) == (False, True)
    assert len(rig.broker.placed) == 1


@on_virtual_time
async def test_who_waits_when_the_desk_stops_is_told_so(rig: Rig) -> None:
    rig.pace = Pace(easy_bytes=1)
    await busy(rig)
    asking = asyncio.create_task(rig.desk.execute(rig.buy()))
    await rig.wait(0.1)
    await rig.desk.stop()

    with pytest.raises(Stopped, match="stopping"):
        await asking
    assert rig.broker.placed == []


@on_virtual_time
async def test_a_broker_with_more_to_tell_than_is_booked_holds_new_risk_back(rig: Rig) -> None:
    class Late:
        behind_ns = Pace().behind_ns

    await rig.start()
    await rig.account()
    late = Late()
    rig.desk._intake._brokers = [late]
    asking = asyncio.create_task(rig.desk.execute(rig.buy()))
    await rig.wait(0.3)
    assert len(rig.desk._intake) == 1
    assert (await rig.desk.execute(c.PutKill(ORIGIN, of_account("A1")))).events

    late.behind_ns = 0
    assert (await asking).events


@on_virtual_time
async def test_a_kill_comes_between_the_writes_of_a_large_instruction(rig: Rig) -> None:
    rig.pace = Pace(writes_per_turn=2)
    await rig.start()
    basket = await five(rig)
    broker_place = rig.broker.place

    def place(request: PlaceRequest, ticket: Ticket) -> None:
        broker_place(request, ticket)
        if len(rig.broker.placed) == 1:
            rig.timer.call_later(0, lambda: rig.desk.handle(c.PutKill(ORIGIN)))

    rig.broker.place = place  # type: ignore[method-assign]
    await rig.desk.execute(basket)
    await rig.wait(1)

    statuses = [order.status for order in rig.state.orders.values()]
    assert statuses.count(OrdStatus.SENT) == 2
    assert statuses.count(OrdStatus.REJECTED) == 3


@on_virtual_time
async def test_what_is_cancelled_between_the_writes_is_not_written(rig: Rig) -> None:
    rig.pace = Pace(writes_per_turn=2)
    await rig.start()
    basket = await five(rig)
    place = rig.broker.place

    def place_and_cancel(request: PlaceRequest, ticket: Ticket) -> None:
        place(request, ticket)
        if len(rig.broker.placed) == 1:
            cancels = [c.CancelOrder(ORIGIN, cl_ord_id) for cl_ord_id in rig.state.orders]
            for one in cancels:
                rig.timer.call_later(0, partial(rig.desk.handle, one))

    rig.broker.place = place_and_cancel  # type: ignore[method-assign]
    await rig.desk.execute(basket)
    await rig.wait(0.1)

    statuses = [order.status for order in rig.state.orders.values()]
    assert statuses.count(OrdStatus.CANCELED) == 3
    reasons = [event.reason.code for event in rig.events(OrderEnded)]
    assert reasons == [ReasonCode.CANCELED_BEFORE_SENT] * 3


def puts_off(rig: Rig) -> list[tuple[bool, int]]:
    """What the rig's broker is told about answers that may wait, and how many orders it has by then."""
    told: list[tuple[bool, int]] = []

    def put_off(*, wait: bool) -> None:
        told.append((wait, len(rig.broker.placed)))

    rig.broker.put_off = put_off  # type: ignore[attr-defined]
    return told


@on_virtual_time
async def test_answers_wait_between_the_writes_of_a_large_instruction_and_no_longer(
    rig: Rig,
) -> None:
    rig.pace = Pace(writes_per_turn=2)
    await rig.start()
    basket = await five(rig)
    told = puts_off(rig)
    await rig.desk.execute(basket)

    assert told == [(True, 2), (True, 4), (False, 5)]


@on_virtual_time
async def test_answers_of_a_broker_without_our_tags_never_wait(rig: Rig) -> None:
    rig.pace = Pace(writes_per_turn=2)
    rig.broker.capabilities = msgspec.structs.replace(
        rig.broker.capabilities, kind=BrokerKind.NO_TAG
    )
    await rig.start()
    basket = await five(rig)
    told = puts_off(rig)
    await rig.desk.execute(basket)

    assert told == []


@on_virtual_time
async def test_answers_do_not_wait_for_what_is_written_in_one_go(rig: Rig) -> None:
    rig.pace = Pace(writes_per_turn=6)
    await rig.start()
    basket = await five(rig)
    told = puts_off(rig)
    await rig.desk.execute(basket)

    assert told == []


@on_virtual_time
async def test_answers_do_not_wait_for_writes_that_were_given_up(rig: Rig) -> None:
    await rig.start()
    await rig.desk.execute(await five(rig))
    told = puts_off(rig)
    for _ in rig.desk.firing.wire.released(rig.events(OrdersDispatched), 1):
        break
    gc.collect()

    assert [wait for wait, _ in told] == [True, False]


@on_virtual_time
async def test_the_answer_comes_when_all_that_it_allows_is_written(rig: Rig) -> None:
    rig.pace = Pace(writes_per_turn=1)
    await rig.start()
    basket = await five(rig)
    executed = await rig.desk.execute(basket)

    assert len(rig.broker.placed) == 5
    for cl_ord_id in ids(executed):
        report = ExecutionReport(cl_ord_id, ExecType.NEW, f"B{cl_ord_id}")
        rig.timer.call_later(SECOND, partial(rig.broker.say, report))
    assert len(await rig.desk.settled(ids(executed), 2 * SECOND)) == 5


@on_virtual_time
async def test_what_is_decided_still_goes_out_when_the_desk_stops(rig: Rig) -> None:
    rig.pace = Pace(writes_per_turn=2)
    await rig.start()
    basket = await five(rig)
    await rig.desk.execute(basket)

    await rig.desk.stop()

    assert len(rig.broker.placed) == 5


@on_virtual_time
async def test_a_command_that_would_write_too_much_is_refused_whole(rig: Rig) -> None:
    await rig.start()
    seq = rig.state.seq
    people: dict[str, dict[str, list[str]]] = {f"user {n} {'x' * 4_000}": {} for n in range(3_000)}

    with pytest.raises(Refused, match="PLAN_TOO_LARGE"):
        await rig.desk.execute(c.ImportProfiles(ORIGIN, people, 0))

    assert rig.state.seq == seq
    await rig.account()


@on_virtual_time
async def test_a_number_that_cannot_be_stored_is_found_before_anything_changes(rig: Rig) -> None:
    await rig.start()
    await rig.account()
    before = state_hash(rig.state)
    command = rig.buy(key="one")

    with pytest.raises(OverflowError):
        await rig.desk.execute(msgspec.structs.replace(command, received=2**70))

    assert state_hash(rig.state) == before
    assert rig.desk.stopped is None
    assert not (await rig.desk.execute(command)).replayed


def row(side: Side) -> BatchRow:
    return BatchRow(1, "", "INFY", side, Product.DELIVERY, OrdType.MARKET, whole(1))


SIDED: list[tuple[InstructionRequest, bool]] = [
    (ExitRequest("INFY"), True),
    (CancelRestRequest("I"), True),
    (CancelOpenRequest(EVERYBODY), True),
    (BatchRequest((row(Side.SELL), row(Side.SELL))), True),
    (BatchRequest((row(Side.SELL), row(Side.BUY))), False),
    (PriorityBuyRequest("nifty"), False),
    *(
        (
            AllocatedRequest(
                "INFY", side, Product.DELIVERY, OrdType.MARKET, Allocation(Method.FIXED_CASH, 1)
            ),
            side is Side.SELL,
        )
        for side in Side
    ),
]


@pytest.mark.parametrize(("request_", "lessens"), SIDED)
def test_every_kind_says_whether_it_only_lessens_risk(
    request_: InstructionRequest, lessens: bool
) -> None:
    assert only_lessens_risk(c.Submit(ORIGIN, request_)) is lessens


def test_what_a_person_settles_passes() -> None:
    assert only_lessens_risk(TakeBreak(ORIGIN, "X", owner="Ada"))
    assert only_lessens_risk(CloseBreak(ORIGIN, "X", "settled"))
    assert only_lessens_risk(JudgeDoubt(ORIGIN, "X", "", "asked by telephone"))
    assert only_lessens_risk(c.DeclineChange(ORIGIN, "C1"))
    assert only_lessens_risk(c.DisarmAccounts(ORIGIN, ("A1",)))
    assert only_lessens_risk(c.Decline(ORIGIN, "X"))


def test_no_other_command_lessens_risk() -> None:
    assert not only_lessens_risk(c.LiftKill(ORIGIN))
    assert not only_lessens_risk(c.ApproveChange(ORIGIN, "C1"))
    assert not only_lessens_risk(c.ArmAccounts(ORIGIN, ("A1",)))
    assert not only_lessens_risk(c.Approve(ORIGIN, "X"))
    assert not only_lessens_risk(c.FillByHand(ORIGIN, "X", 1))
