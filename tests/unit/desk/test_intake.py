"""Intake: answers after the disk, idempotency, overload, and clients who go away."""

import asyncio
from collections.abc import Callable

import msgspec
import pytest

from phalanx.desk import desk as desk_module
from phalanx.desk.errors import Overloaded, Stopped
from phalanx.desk.intake import only_lessens_risk
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
from phalanx.domain.orders import OrdType, Product, Side
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
    monkeypatch.setattr(desk_module, "WAITING_BYTES_MAX", limit)
    monkeypatch.setattr(desk_module, "WAITING_BYTES_HARD_MAX", hard)
    rig.commit_ns = 100_000_000
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
        await rig.wait(0.3)
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
