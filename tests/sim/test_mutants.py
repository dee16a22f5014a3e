"""The stories can fail: each bug planted here is found within a few seeds."""

from collections.abc import Callable

import msgspec
import pytest

from phalanx.desk import desk as desk_module
from phalanx.desk import firing as firing_module
from phalanx.desk.boards import Boards
from phalanx.desk.commit import Group
from phalanx.desk.desk import Desk, Executed
from phalanx.desk.gate import Gate
from phalanx.desk.held import HeldInstructions
from phalanx.desk.lanes import MovingWindow
from phalanx.desk.turns import Turns
from phalanx.domain.accounts import RateLimit
from phalanx.domain.events import DispatchLapsed, Event, InstructionPlanned, TermBegan
from phalanx.domain.numbers import FIXED_MAX
from phalanx.domain.orders import OrdStatus
from phalanx.engine import commands as c
from phalanx.engine import decide as decide_module
from phalanx.engine import instructions as instructions_module
from phalanx.engine import risk
from phalanx.engine.context import Context
from phalanx.engine.plans import batch
from phalanx.engine.plans.plan import Plan
from phalanx.engine.state import HeldInstruction, State
from phalanx.engine.tally import Tally
from phalanx.simulation.virtual import Deadlock
from tests.sim.story import run

SEEDS_MAX = 120

FOUND = (AssertionError, Deadlock)
"""What a story says when something is wrong; any other error is one of the plant's own."""

Plant = Callable[[pytest.MonkeyPatch], None]


def fire_before_durable(patch: pytest.MonkeyPatch) -> None:
    decide = Desk._decide

    def decide_and_fire(
        desk: Desk, command: c.Command, context: Context | None = None
    ) -> list[Event]:
        decided = decide(desk, command, context)
        desk.firing.released(decided)
        return decided

    patch.setattr(Desk, "_decide", decide_and_fire)
    patch.setattr(Desk, "_released", lambda desk, group: None)


def answer_before_durable(patch: pytest.MonkeyPatch) -> None:
    async def at_once(desk: Desk, command: c.Command) -> Executed:
        return Executed(tuple(desk._decide(command)), desk.state.seq)

    patch.setattr(Desk, "execute", at_once)


def resend_what_is_in_doubt(patch: pytest.MonkeyPatch) -> None:
    def requeue(state: State, command: c.BookUnknown, context: Context) -> list[Event]:
        order = state.orders.get(command.cl_ord_id)
        if order is None or command.request_id or order.status is not OrdStatus.SENT:
            return []
        return [DispatchLapsed(context.now, (command.cl_ord_id,))]

    patch.setitem(decide_module._DECIDERS, c.BookUnknown, requeue)


def forget_idempotency_keys(patch: pytest.MonkeyPatch) -> None:
    patch.setattr(desk_module, "first_use", lambda state, origin: None)


def resend_after_a_restart(patch: pytest.MonkeyPatch) -> None:
    begin_otherwise(patch, lambda term: [DispatchLapsed(term.time, term.doubted), calm(term)])


def doubt_nothing_after_a_restart(patch: pytest.MonkeyPatch) -> None:
    begin_otherwise(patch, lambda term: [calm(term)])


def calm(term: TermBegan) -> TermBegan:
    """A term that doubts nobody."""
    return msgspec.structs.replace(term, doubted=())


def begin_otherwise(patch: pytest.MonkeyPatch, change: Callable[[TermBegan], list[Event]]) -> None:
    begin_term = decide_module._DECIDERS[c.BeginTerm]

    def begin(state: State, command: c.BeginTerm, context: Context) -> list[Event]:
        *founded, term = begin_term(state, command, context)
        assert isinstance(term, TermBegan)
        return [*founded, *change(term)]

    patch.setitem(decide_module._DECIDERS, c.BeginTerm, begin)


def let_everything_through_the_gate(patch: pytest.MonkeyPatch) -> None:
    patch.setattr(Gate, "admit_order", lambda gate, order: None)


def start_with_an_empty_window(patch: pytest.MonkeyPatch) -> None:
    change = MovingWindow.change

    def change_and_empty(window: MovingWindow, limit: RateLimit, now: int) -> None:
        change(window, limit, now)
        window._times.clear()

    patch.setattr(MovingWindow, "change", change_and_empty)


def keep_the_places_of_what_was_not_written(patch: pytest.MonkeyPatch) -> None:
    patch.setattr(MovingWindow, "give_back", lambda window: None)


def forget_who_waits(patch: pytest.MonkeyPatch) -> None:
    patch.setattr(Turns, "look", lambda turns, lane: None)


def show_no_cancels(patch: pytest.MonkeyPatch) -> None:
    patch.setattr(Boards, "_cancel", lambda *_: None)


def lose_a_group_now_and_then(patch: pytest.MonkeyPatch) -> None:
    released = Desk._released

    def release(desk: Desk, group: Group) -> None:
        if group.last_seq % 50:
            released(desk, group)

    patch.setattr(Desk, "_released", release)


def forget_who_was_held(patch: pytest.MonkeyPatch) -> None:
    def open_empty(held: HeldInstructions) -> None:
        held._closed = False

    patch.setattr(HeldInstructions, "open", open_empty)


def plan_what_was_held_under_a_new_id(patch: pytest.MonkeyPatch) -> None:
    planned = instructions_module._planned

    def plan_anew(
        context: Context,
        instruction_id: str,
        asked: c.Submit | HeldInstruction,
        plan: Plan,
        expires_at: int,
    ) -> InstructionPlanned:
        if isinstance(asked, HeldInstruction):
            instruction_id += "X"
        return planned(context, instruction_id, asked, plan, expires_at)

    patch.setattr(instructions_module, "_planned", plan_anew)


def fire_who_moved(patch: pytest.MonkeyPatch) -> None:
    patch.setattr(instructions_module, "leave_out_moved", lambda *_: None)


def sell_what_is_not_there(patch: pytest.MonkeyPatch) -> None:
    patch.setattr(risk, "sellable", lambda *_: FIXED_MAX)


def lose_fills_by_hand(patch: pytest.MonkeyPatch) -> None:
    patch.setattr(firing_module, "send_hand_fill", lambda *_: None)


def retry_for_ever(patch: pytest.MonkeyPatch) -> None:
    patch.setattr(batch._Basket, "_follow_refusal", lambda basket, row: None)


def forget_what_the_plan_spent(patch: pytest.MonkeyPatch) -> None:
    patch.setattr(Tally, "take", lambda tally, draft, position: None)


@pytest.mark.parametrize(
    "plant",
    [
        fire_before_durable,
        answer_before_durable,
        resend_what_is_in_doubt,
        resend_after_a_restart,
        doubt_nothing_after_a_restart,
        forget_idempotency_keys,
        let_everything_through_the_gate,
        start_with_an_empty_window,
        keep_the_places_of_what_was_not_written,
        forget_who_waits,
        show_no_cancels,
        lose_a_group_now_and_then,
        forget_who_was_held,
        plan_what_was_held_under_a_new_id,
        fire_who_moved,
        sell_what_is_not_there,
        lose_fills_by_hand,
        retry_for_ever,
        forget_what_the_plan_spent,
    ],
    ids=lambda plant: plant.__name__,
)
def test_a_planted_bug_is_found(plant: Plant, monkeypatch: pytest.MonkeyPatch) -> None:
    plant(monkeypatch)

    for seed in range(SEEDS_MAX):
        try:
            run(seed)
        except FOUND:
            return
    pytest.fail(f"{SEEDS_MAX} seeds did not notice")
