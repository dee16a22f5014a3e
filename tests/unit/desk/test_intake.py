"""Intake: answers after the disk, idempotency, overload, and clients who go away."""

import asyncio
from collections.abc import Callable

import msgspec
import pytest

from phalanx.brokers.port import PlaceRequest, Ticket
from phalanx.desk.errors import Overloaded, Stopped
from phalanx.desk.intake import only_lessens_risk
from phalanx.desk.pace import Pace
from phalanx.domain.allocation import Allocation, Method
from phalanx.domain.events import CancelRequested, InstructionPlanned
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
from phalanx.domain.orders import OrdStatus, OrdType, Product, Side
from phalanx.engine import commands as c
from phalanx.engine.reconciliation.commands import CloseBreak, JudgeDoubt, TakeBreak
from phalanx.engine.refused import Refused
from phalanx.engine.state import state_hash
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
    ("kill", lambda rig, order: c.PutKill(ORIGIN)),
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


async def busy(rig: Rig, commit_ns: int = 600_000_000) -> None:
    """An instruction is being committed, and one more of them fills what may wait for the disk."""
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
async def test_turns_come_in_the_order_of_asking_and_one_by_one(rig: Rig) -> None:
    rig.pace = Pace(easy_bytes=1)
    await busy(rig)
    asking = [asyncio.create_task(rig.desk.execute(rig.buy(key=f"{n}"))) for n in range(5)]
    await rig.wait(0.1)
    rig.commit_ns = 1_000
    answers = await asyncio.gather(*asking)

    seqs = [answer.seq for answer in answers]
    assert seqs == sorted(seqs)
    # What is to be durable before the next one is let in is not in one record with it.
    assert len({tuple(seqs)}) == 1
    assert len(set(seqs)) == 5


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
    rig.pace = Pace(easy_bytes=1, waiting_rows_max=5)
    await busy(rig)
    basket = c.Submit(ORIGIN, BatchRequest((row(Side.BUY),) * 3))
    asking = [asyncio.create_task(rig.desk.execute(basket)) for _ in range(2)]
    single = asyncio.create_task(rig.desk.execute(rig.buy()))
    await rig.wait(0.001)

    assert [task.done() for task in asking] == [False, True]
    assert isinstance(asking[1].exception(), Overloaded)
    rig.commit_ns = 1_000
    await asyncio.gather(asking[0], single)
    assert rig.desk._intake._rows == 0


@on_virtual_time
async def test_who_goes_away_while_waiting_leaves_the_turn_to_the_next(rig: Rig) -> None:
    rig.pace = Pace(easy_bytes=1)
    await busy(rig)
    asking = [asyncio.create_task(rig.desk.execute(rig.buy(key=f"{n}"))) for n in range(3)]
    await rig.wait(0.1)
    asking[0].cancel()
    rig.commit_ns = 1_000
    results = await asyncio.gather(*asking, return_exceptions=True)

    assert isinstance(results[0], asyncio.CancelledError)
    assert len(rig.broker.placed) == 2


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
    for n in range(1, 6):
        await rig.account(f"A{n}")
    rows = tuple(
        msgspec.structs.replace(row(Side.BUY), client=0, account=f"A{n}") for n in range(1, 6)
    )
    broker_place = rig.broker.place

    def place(request: PlaceRequest, ticket: Ticket) -> None:
        broker_place(request, ticket)
        if len(rig.broker.placed) == 1:
            rig.timer.call_later(0, lambda: rig.desk.handle(c.PutKill(ORIGIN)))

    rig.broker.place = place  # type: ignore[method-assign]
    await rig.desk.execute(c.Submit(ORIGIN, BatchRequest(rows)))
    await rig.wait(1)

    statuses = [order.status for order in rig.state.orders.values()]
    assert statuses.count(OrdStatus.SENT) == 2
    assert statuses.count(OrdStatus.REJECTED) == 3


@on_virtual_time
async def test_what_is_decided_still_goes_out_when_the_desk_stops(rig: Rig) -> None:
    rig.pace = Pace(writes_per_turn=2)
    await rig.start()
    for n in range(1, 6):
        await rig.account(f"A{n}")
    rows = tuple(
        msgspec.structs.replace(row(Side.BUY), client=0, account=f"A{n}") for n in range(1, 6)
    )
    await rig.desk.execute(c.Submit(ORIGIN, BatchRequest(rows)))

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


def test_no_other_command_lessens_risk() -> None:
    assert not only_lessens_risk(c.LiftKill(ORIGIN))
    assert not only_lessens_risk(c.FillByHand(ORIGIN, "X", 1))
