"""A journal in which something went without the word it needed, or too soon, is a breach."""

from collections.abc import Sequence

import pytest
from msgspec.structs import replace

from phalanx.domain.events import (
    ApprovalAsked,
    Event,
    InstructionApproved,
    InstructionEnded,
    InstructionHeld,
    InstructionPlanned,
    OrdersDispatched,
    OrdersReleased,
    SettingsPut,
)
from phalanx.domain.instructions import Door, InstructionRequest, Origin
from phalanx.domain.numbers import whole
from phalanx.domain.settings import RiskSettings
from phalanx.domain.time import MILLISECOND, SECOND
from phalanx.engine import commands as c
from phalanx.simulation.invariants.named import Invariant, Violation
from phalanx.simulation.invariants.second_looks import SecondLooks
from tests.engine_world import LOCAL, World

BOB = Origin("bob", Door.INSTRUCTIONS)


def breached(journal: Sequence[Event]) -> Invariant | None:
    """What the journal breaches first."""
    looks = SecondLooks()
    try:
        for event in journal:
            looks.take(event)
    except Violation as violation:
        return violation.invariant
    return None


@pytest.fixture
def world() -> World:
    """Something was held for approval, approved, undoable for a second, and went."""
    world = World()
    world.account()
    world.settings(approve_above=whole(100), undo_ms=1_000)
    (held,) = world.do(c.Submit(LOCAL, _buy()))
    assert isinstance(held, InstructionHeld)
    _, planned = world.do(c.Approve(BOB, held.instruction_id))
    assert isinstance(planned, InstructionPlanned)
    world.wait(1)
    world.do(c.ReleaseOrders(held.instruction_id))
    world.sent(planned.orders[0].cl_ord_id)
    return world


def _buy() -> InstructionRequest:
    world = World()
    world.account()
    return world.order().request


def without(journal: Sequence[Event], kind: type[Event]) -> list[Event]:
    return [event for event in journal if not isinstance(event, kind)]


def changed(journal: Sequence[Event], kind: type[Event], **more: object) -> list[Event]:
    return [replace(event, **more) if isinstance(event, kind) else event for event in journal]


def test_what_went_as_it_should_breaches_nothing(world: World) -> None:
    kinds = {type(event) for event in world.journal}

    assert {InstructionHeld, InstructionApproved, OrdersReleased, OrdersDispatched} <= kinds
    assert breached(world.journal) is None


def test_a_plan_that_nobody_approved_is_one(world: World) -> None:
    journal = without(world.journal, InstructionApproved)

    assert breached(journal) is Invariant.APPROVED_FIRST


def test_an_approval_by_who_asked_is_one(world: World) -> None:
    journal = changed(world.journal, InstructionApproved, origin=LOCAL)

    assert breached(journal) is Invariant.APPROVED_FIRST


def test_an_approval_that_came_too_late_is_one(world: World) -> None:
    late = world.now + 3_600 * SECOND
    journal = changed(world.journal, InstructionApproved, time=late, expires_at=late)

    assert breached(journal) is Invariant.APPROVED_FIRST


def test_a_large_plan_that_was_never_held_is_one(world: World) -> None:
    journal = without(without(world.journal, InstructionHeld), InstructionApproved)

    assert breached(journal) is Invariant.APPROVED_FIRST
    assert breached(without(journal, SettingsPut)) is None


def test_a_decline_by_who_asked_is_one() -> None:
    world = World()
    world.account()
    world.settings(approve_above=1)
    (held,) = world.do(c.Submit(LOCAL, _buy()))
    assert isinstance(held, InstructionHeld)
    world.do(c.Decline(BOB, held.instruction_id))
    assert breached(world.journal) is None

    journal = changed(world.journal, InstructionEnded, origin=LOCAL)

    assert breached(journal) is Invariant.APPROVED_FIRST


def test_one_that_expired_while_there_was_time_is_one() -> None:
    world = World()
    world.account()
    fire_at = world.now + SECOND
    (held,) = world.do(c.Submit(LOCAL, _buy(), fire_at=fire_at))
    assert isinstance(held, InstructionHeld)
    world.settings(approve_above=1)
    world.wait(2)
    world.one(c.Release(held.instruction_id), ApprovalAsked)
    world.wait(900)
    world.do(c.Release(held.instruction_id))
    assert breached(world.journal) is None

    journal = changed(world.journal, InstructionEnded, time=fire_at)

    assert breached(journal) is Invariant.APPROVED_FIRST


def test_a_dispatch_within_the_window_is_one(world: World) -> None:
    (planned,) = (event for event in world.journal if isinstance(event, InstructionPlanned))
    early = planned.undo_until - MILLISECOND

    assert breached(changed(world.journal, OrdersDispatched, time=early)) is Invariant.UNDO_KEPT


def test_the_settings_in_force_decide(world: World) -> None:
    journal = changed(
        without(without(world.journal, InstructionHeld), InstructionApproved),
        SettingsPut,
        settings=RiskSettings(),
    )

    assert breached(journal) is None
