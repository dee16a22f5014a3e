"""What waits for another person, what they decided, and what stands in its undo window, as rows."""

import pytest

from phalanx.domain.events import InstructionHeld
from phalanx.domain.instructions import (
    CancelRestRequest,
    Door,
    InstructionStatus,
    OrderRequest,
    Origin,
    WaitsFor,
)
from phalanx.domain.numbers import whole
from phalanx.domain.orders import OrdStatus, OrdType, Product, Side
from phalanx.domain.time import SECOND
from phalanx.engine import commands as c
from phalanx.views.rows import ApprovalRow, InstructionRow, LogEntry
from tests.engine_world import LOCAL
from tests.unit.views.watched import Watched

BOB = Origin("bob", Door.INSTRUCTIONS)
BUY = OrderRequest(1, "A1", "INFY", Side.BUY, Product.DELIVERY, OrdType.LIMIT, whole(10), whole(99))


def ask(watched: Watched, **more: object) -> InstructionHeld:
    return watched.world.one(c.Submit(LOCAL, BUY, ask=True, **more), InstructionHeld)  # type: ignore[arg-type]


def row(watched: Watched, held: InstructionHeld) -> InstructionRow:
    return watched.tree(held.instruction_id).instruction


def approval(watched: Watched, held: InstructionHeld) -> ApprovalRow:
    found = row(watched, held).approval
    assert found is not None
    return found


def waiting(watched: Watched, what: WaitsFor) -> list[str]:
    page = watched.views.instructions(waits_for=what)
    assert page.total == len(page.items)
    return [one.id for one in page.items]


def test_what_waits_for_approval_is_found_apart_from_what_waits_for_its_time(
    watched: Watched,
) -> None:
    world = watched.world
    asked = ask(watched)
    timed = world.one(c.Submit(LOCAL, BUY, fire_at=world.now + 60 * SECOND), InstructionHeld)
    world.do(c.Submit(LOCAL, BUY))

    assert waiting(watched, WaitsFor.APPROVAL) == [asked.instruction_id]
    assert waiting(watched, WaitsFor.TIME) == [timed.instruction_id]
    both = watched.views.instructions(waits_for=WaitsFor.APPROVAL, kind="order")
    assert [one.id for one in both.items] == [asked.instruction_id]
    assert both.total == 1
    assert watched.views.instructions(waits_for=WaitsFor.APPROVAL, kind="exit").total == 0
    assert row(watched, asked).waits_for is WaitsFor.APPROVAL
    assert row(watched, timed).waits_for is WaitsFor.TIME


def test_it_says_why_and_until_when(watched: Watched) -> None:
    held = ask(watched)

    found = approval(watched, held)
    assert (found.asked_at_ns, found.approve_by_ns) == (held.time, held.approve_by)
    assert (found.reason_code, found.decision, found.actor) == ("ASKED_FOR_APPROVAL", "", "")


@pytest.mark.parametrize("reopened", [False, True], ids=["same process", "another process"])
def test_who_approved_it_when_and_with_which_note(watched: Watched, reopened: bool) -> None:
    held = ask(watched)
    if reopened:
        assert waiting(watched, WaitsFor.APPROVAL) == [held.instruction_id]
    approved, planned = watched.world.do(c.Approve(BOB, held.instruction_id, "fine"))

    found = approval(watched, held)
    assert (found.decision, found.actor, found.door, found.note) == (
        *("approved", "bob", Door.INSTRUCTIONS),
        "fine",
    )
    assert found.ended_at_ns == approved.time
    tree = watched.tree(held.instruction_id)
    assert tree.instruction.status is InstructionStatus.WORKING
    assert tree.instruction.waits_for is None
    assert tree.instruction.actor == "local"
    assert tree.instruction.expires_at_ns == planned.time + 30 * SECOND
    assert len(tree.orders) == 1
    assert waiting(watched, WaitsFor.APPROVAL) == []


def test_approved_before_its_time_it_waits_for_that(watched: Watched) -> None:
    held = ask(watched, fire_at=watched.world.now + 60 * SECOND)
    watched.world.do(c.Approve(BOB, held.instruction_id))

    assert waiting(watched, WaitsFor.TIME) == [held.instruction_id]
    assert row(watched, held).expires_at_ns == held.fire_at + 30 * SECOND


def test_declined_expired_and_canceled_are_told_apart(watched: Watched) -> None:
    world = watched.world
    declined, canceled, expired = ask(watched), ask(watched), ask(watched)
    world.do(c.Decline(BOB, declined.instruction_id, "no"))
    world.do(c.Submit(LOCAL, CancelRestRequest(canceled.instruction_id)))
    world.wait(900)
    world.do(c.Release(expired.instruction_id))

    found = [approval(watched, one) for one in (declined, canceled, expired)]
    assert [one.decision for one in found] == ["declined", "canceled", "expired"]
    assert [(one.actor, one.note) for one in found] == [("bob", "no"), ("", ""), ("", "")]
    assert [row(watched, one).refusal_code for one in (declined, canceled, expired)] == [
        *("DECLINED", "HELD_CANCELED"),
        "APPROVAL_EXPIRED",
    ]
    assert waiting(watched, WaitsFor.APPROVAL) == []


def test_one_that_grew_too_large_waits_from_its_time_on(watched: Watched) -> None:
    world = watched.world
    held = world.one(c.Submit(LOCAL, BUY, fire_at=world.now + 60 * SECOND), InstructionHeld)
    world.settings(approve_above=1)
    world.wait(60)
    (asked,) = world.do(c.Release(held.instruction_id))

    assert waiting(watched, WaitsFor.APPROVAL) == [held.instruction_id]
    assert approval(watched, held).asked_at_ns == asked.time
    assert row(watched, held).expires_at_ns == approval(watched, held).approve_by_ns + 30 * SECOND


def test_within_its_undo_window_an_order_is_held_and_then_as_any_other(watched: Watched) -> None:
    world = watched.world
    world.settings(undo_ms=1_000)
    planned = world.order()
    cl_ord_id = planned.orders[0].cl_ord_id
    assert watched.order(cl_ord_id).status is OrdStatus.HELD
    assert watched.tree(planned.instruction_id).instruction.undo_until_ns == planned.undo_until

    world.wait(1)
    world.do(c.ReleaseOrders(planned.instruction_id))

    assert watched.order(cl_ord_id).status is OrdStatus.PENDING_NEW


def test_an_undone_order_says_so(watched: Watched) -> None:
    world = watched.world
    world.settings(undo_ms=1_000, duplicate_window_s=0)
    first, second = world.order(), world.order()
    world.cancel_rest(first)
    world.cancel(second.orders[0].cl_ord_id)

    for planned in (first, second):
        found = watched.order(planned.orders[0].cl_ord_id)
        assert (found.status, found.reason_code) == (OrdStatus.CANCELED, "UNDONE")
        ends = [one for one in watched.log() if one.cl_ord_id == found.cl_ord_id]
        assert (ends[-1].entry, ends[-1].text) == (LogEntry.END, found.reason_text)
