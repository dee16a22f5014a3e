"""What another person has to approve first, who may, and what becomes of it."""

import pytest
from msgspec.structs import replace

from phalanx.domain.events import (
    ApprovalAsked,
    Event,
    InstructionApproved,
    InstructionEnded,
    InstructionHeld,
    InstructionPlanned,
)
from phalanx.domain.instructions import (
    BatchRequest,
    CancelOpenRequest,
    CancelRestRequest,
    Door,
    ExitRequest,
    FollowUp,
    InstructionRequest,
    InstructionStatus,
    OrderRequest,
    Origin,
    SignalRequest,
    WaitsFor,
)
from phalanx.domain.kills import EVERYBODY
from phalanx.domain.numbers import whole
from phalanx.domain.orders import ExecType, OrdType, Product, Side
from phalanx.domain.reasons import ReasonCode
from phalanx.domain.settings import RiskSettings
from phalanx.domain.strategies import SizingRule
from phalanx.domain.time import HOUR, SECOND, day_begins
from phalanx.engine import commands as c
from phalanx.engine.held.approval import approve_by
from phalanx.engine.instructions import preview
from phalanx.engine.refused import Refused
from phalanx.engine.snapshot import decode_state, encode_state, state_hash
from tests.engine_world import LOCAL, World

ANN = Origin("ann", Door.INSTRUCTIONS)
BOB = Origin("bob", Door.INSTRUCTIONS)


def buy(quantity: int = 10, price: str = "100", side: Side = Side.BUY) -> OrderRequest:
    """So many at 100 each."""
    terms = (side, Product.DELIVERY, OrdType.LIMIT, whole(quantity))
    return OrderRequest(1, "", "INFY", *terms, int(price) * whole(1))


@pytest.fixture
def world(world: World) -> World:
    """A desk where more than 1,000 needs another person."""
    world.settings(approve_above=whole(1_000), duplicate_window_s=0)
    return world


def held(world: World, request: InstructionRequest, **more: object) -> InstructionHeld:
    """Ann asks for it, and it waits for approval."""
    event = world.one(c.Submit(ANN, request, **more), InstructionHeld)  # type: ignore[arg-type]
    assert event.waits_for is WaitsFor.APPROVAL
    return event


def approve(world: World, event: InstructionHeld, note: str = "") -> list[Event]:
    return world.do(c.Approve(BOB, event.instruction_id, note))


def ended(event: Event) -> tuple[InstructionStatus, ReasonCode]:
    assert isinstance(event, InstructionEnded)
    return event.status, event.reason.code


# --- what is held -------------------------------------------------------------------------------


def test_what_is_not_above_the_bound_is_planned_at_once(world: World) -> None:
    assert world.one(c.Submit(ANN, buy(10)), InstructionPlanned).orders


def test_above_the_bound_it_is_held_unplanned_and_says_why(world: World) -> None:
    event = held(world, buy(11), note="big", parent="I1", follow_up=FollowUp.RETRY)

    assert event.cause is not None
    assert event.cause.code is ReasonCode.ABOVE_APPROVAL
    assert str(event.cause) == "opens risk of 1100, above 1000: another person has to approve it"
    assert (event.fire_at, event.approve_by) == (0, event.time + 900 * SECOND)
    assert event.expires_at == event.approve_by + 30 * SECOND
    assert world.state.orders == {}
    assert next(iter(world.state.books.values())).holds == 0


def test_without_the_setting_nothing_is_held(world: World) -> None:
    world.settings()

    assert world.one(c.Submit(ANN, buy(1_000)), InstructionPlanned).orders


def test_a_basket_is_counted_whole_however_it_is_split(world: World) -> None:
    rows = tuple(world.row(quantity="1", price="100") for _ in range(11))

    held(world, BatchRequest(rows))
    assert len(world.one(c.Submit(ANN, BatchRequest(rows[1:])), InstructionPlanned).orders) == 10


def test_a_signal_is_counted_over_all_accounts(world: World) -> None:
    three = SizingRule(amount=whole(3))
    for number in range(2, 7):
        world.subscribe(world.account(number), "RED", "INFY", sizing=three)

    held(world, SignalRequest("RED", "INFY", Side.BUY))


def test_a_market_order_counts_with_its_protected_price(world: World) -> None:
    market = replace(buy(10), ord_type=OrdType.MARKET, price=0)

    assert held(world, market).cause is not None


def test_exits_are_not_held_whatever_their_size(world: World) -> None:
    world.settings()
    world.filled(world.order(quantity="100").orders[0].cl_ord_id)
    world.settings(approve_above=whole(1_000))

    sell = world.one(c.Submit(ANN, buy(50, side=Side.SELL)), InstructionPlanned)
    assert sell.orders
    assert world.one(c.Submit(ANN, ExitRequest("INFY")), InstructionPlanned).orders


def test_who_is_to_ask_is_held_whatever_its_size_exits_too(world: World) -> None:
    event = held(world, buy(1), ask=True)
    assert event.cause is not None
    assert event.cause.code is ReasonCode.ASKED_FOR_APPROVAL
    held(world, ExitRequest("INFY"), ask=True)


@pytest.mark.parametrize("kind", ["rest", "open"])
def test_cancels_wait_for_nobody(world: World, kind: str) -> None:
    planned = world.one(c.Submit(ANN, buy(5)), InstructionPlanned)
    request: InstructionRequest = CancelRestRequest(planned.instruction_id)
    if kind == "open":
        request = CancelOpenRequest(EVERYBODY)

    assert world.one(c.Submit(ANN, request, ask=True), InstructionPlanned).cancels


def test_what_is_never_journaled_is_refused_before_anybody_is_asked(world: World) -> None:
    rows = tuple(world.row(quantity="1", price="100") for _ in range(20_001))

    with pytest.raises(Refused, match="PLAN_TOO_LARGE"):
        world.do(c.Submit(ANN, BatchRequest(rows), ask=True))


def test_those_that_wait_for_approval_count_among_the_held(world: World) -> None:
    world.settings(approve_above=whole(1_000), held_max=1)
    held(world, buy(11))

    with pytest.raises(Refused, match="TOO_MANY_HELD"):
        world.do(c.Submit(ANN, buy(11)))


def test_a_preview_plans_and_is_not_held(world: World) -> None:
    planned, _ = preview(world.state, c.Submit(ANN, buy(11)), world.context())

    assert planned.orders


# --- approved, declined, too late -----------------------------------------------------------------


def test_another_person_approves_it_and_it_is_planned_anew_under_its_id(world: World) -> None:
    event = held(world, buy(11), note="big")
    world.wait(600)
    world.price("INFY", "95")

    approved, planned = approve(world, event, "fine")

    assert isinstance(approved, InstructionApproved)
    assert (approved.origin, approved.note) == (BOB, "fine")
    assert isinstance(planned, InstructionPlanned)
    assert planned.instruction_id == event.instruction_id
    assert (planned.origin, planned.note) == (ANN, "big")
    assert planned.instruments[0].last == whole(95)
    assert planned.expires_at == approved.expires_at == approved.time + 30 * SECOND
    assert world.state.held == {}


@pytest.mark.parametrize(
    ("price", "after"), [("100.9", InstructionPlanned), ("102", ApprovalAsked)]
)
def test_a_price_may_move_as_far_as_from_a_preview(
    world: World, price: str, after: type[Event]
) -> None:
    event = held(world, replace(buy(11), ord_type=OrdType.MARKET, price=0))
    world.price("INFY", price)

    assert isinstance(approve(world, event)[1], after)


def test_what_cannot_go_any_more_is_refused_by_its_plan(world: World) -> None:
    event = held(world, buy(11))
    world.do(c.PutKill(LOCAL))

    _, planned = approve(world, event)

    assert isinstance(planned, InstructionPlanned)
    assert planned.orders == ()
    assert planned.skips[0].reason.code is ReasonCode.KILL_ALL


def test_what_cannot_be_planned_any_more_ends_with_why(world: World) -> None:
    event = held(world, buy(11))
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("phalanx.engine.plans.plan.ORDERS_MAX", 0)
        _, end = approve(world, event)

    assert ended(end) == (InstructionStatus.REJECTED, ReasonCode.NOT_PLANNABLE)
    assert world.state.held == {}


@pytest.mark.parametrize("command", [c.Approve, c.Decline])
@pytest.mark.parametrize(
    ("actor", "code"),
    [
        ("ann", "SAME_PERSON"),
        ("key:ann", "PERSON_NEEDED"),
        ("hook:charts", "PERSON_NEEDED"),
    ],
)
def test_nobody_decides_about_their_own_and_no_machine_about_any(
    world: World, command: type[c.Approve | c.Decline], actor: str, code: str
) -> None:
    event = held(world, buy(11))

    with pytest.raises(Refused, match=code):
        world.do(command(replace(BOB, actor=actor), event.instruction_id))


def test_alone_at_a_machine_there_is_no_second_person(world: World) -> None:
    event = world.one(c.Submit(LOCAL, buy(11)), InstructionHeld)

    with pytest.raises(Refused, match="SAME_PERSON"):
        world.do(c.Approve(LOCAL, event.instruction_id))


def test_what_a_machine_asked_for_a_person_may_approve(world: World) -> None:
    key = Origin("key:charts", Door.INSTRUCTIONS)
    event = world.one(c.Submit(key, buy(1), ask=True), InstructionHeld)

    assert len(world.do(c.Approve(LOCAL, event.instruction_id))) == 2


@pytest.mark.parametrize("command", [c.Approve, c.Decline])
def test_what_does_not_wait_is_told_from_what_never_was(
    world: World, command: type[c.Approve | c.Decline]
) -> None:
    timed = world.one(c.Submit(ANN, buy(1), fire_at=world.now + 60 * SECOND), InstructionHeld)
    event = held(world, buy(11))
    approve(world, event)

    for known in (timed.instruction_id, event.instruction_id):
        with pytest.raises(Refused, match="NOT_WAITING"):
            world.do(command(BOB, known))
    for unknown in ("IAA00000009", "IZZ00000000", "nonsense"):
        with pytest.raises(Refused, match="UNKNOWN_INSTRUCTION"):
            world.do(command(BOB, unknown))


def test_declined_it_ends_and_says_by_whom(world: World) -> None:
    event = held(world, buy(11))

    end = world.one(c.Decline(BOB, event.instruction_id, "too much"), InstructionEnded)

    assert ended(end) == (InstructionStatus.REJECTED, ReasonCode.DECLINED)
    assert (end.origin, end.note, str(end.reason)) == (BOB, "too much", "bob declined it")
    assert world.state.held == {}


def test_nobody_approves_it_in_time(world: World) -> None:
    event = held(world, buy(11))
    assert world.do(c.Release(event.instruction_id)) == []
    world.wait(900)

    with pytest.raises(Refused, match="NOT_WAITING"):
        approve(world, event)
    (end,) = world.do(c.Release(event.instruction_id))

    assert ended(end) == (InstructionStatus.EXPIRED, ReasonCode.APPROVAL_EXPIRED)
    assert world.state.held == {}


def test_who_asked_takes_it_back_with_a_cancel(world: World) -> None:
    event = held(world, buy(11))

    _, end = world.do(c.Submit(ANN, CancelRestRequest(event.instruction_id)))

    assert ended(end) == (InstructionStatus.CANCELED, ReasonCode.HELD_CANCELED)
    with pytest.raises(Refused, match="NOT_WAITING"):
        approve(world, event)


def test_decisions_use_their_keys(world: World) -> None:
    keyed = replace(BOB, idempotency_key="k", fingerprint=b"1")
    first, second = held(world, buy(11)), held(world, buy(12))
    world.do(c.Approve(keyed, first.instruction_id))
    approved_at = world.state.keys["bob\nk"].seq
    world.do(c.Decline(replace(keyed, idempotency_key="l"), second.instruction_id))

    assert approved_at == world.state.seq - 2
    assert world.state.keys["bob\nl"].seq == world.state.seq


def test_what_waits_survives_a_snapshot(world: World) -> None:
    held(world, buy(11))

    assert state_hash(decode_state(encode_state(world.state))) == state_hash(world.state)


# --- with a time of its own -----------------------------------------------------------------------


def test_approved_before_its_time_it_goes_on_waiting_for_it(world: World) -> None:
    fire_at = world.now + 3_600 * SECOND
    event = held(world, buy(11), fire_at=fire_at)
    assert (event.fire_at, event.approve_by) == (fire_at, fire_at + 900 * SECOND)

    (approved,) = approve(world, event)
    assert world.do(c.Release(event.instruction_id)) == []
    world.wait(3_600)
    planned = world.one(c.Release(event.instruction_id), InstructionPlanned)

    assert isinstance(approved, InstructionApproved)
    assert planned.expires_at == approved.expires_at == fire_at + 30 * SECOND
    assert planned.orders


def test_one_whose_time_passed_unapproved_goes_when_it_is(world: World) -> None:
    event = held(world, buy(11), fire_at=world.now + 60 * SECOND)
    world.wait(120)
    assert world.do(c.Release(event.instruction_id)) == []

    approved, planned = approve(world, event)

    assert isinstance(planned, InstructionPlanned)
    assert planned.expires_at == approved.time + 30 * SECOND


def test_one_whose_time_passed_unapproved_expires_by_the_approvals_bound(world: World) -> None:
    event = held(world, buy(11), fire_at=world.now + 60 * SECOND)
    world.wait(60 + 900)

    (end,) = world.do(c.Release(event.instruction_id))

    assert ended(end) == (InstructionStatus.EXPIRED, ReasonCode.APPROVAL_EXPIRED)


def grown(world: World) -> InstructionHeld:
    """Small when it was asked for, and too large when its time comes."""
    market = replace(buy(10), ord_type=OrdType.MARKET, price=0)
    world.price("INFY", "95")
    fire_at = world.now + 60 * SECOND
    event = world.one(c.Submit(ANN, market, fire_at=fire_at), InstructionHeld)
    assert (event.waits_for, event.cause) == (WaitsFor.TIME, None)
    world.wait(60)
    world.price("INFY", "110")
    return event


def test_one_that_turns_out_too_large_at_its_time_waits_for_approval_then(world: World) -> None:
    event = grown(world)

    asked = world.one(c.Release(event.instruction_id), ApprovalAsked)

    assert asked.cause.code is ReasonCode.ABOVE_APPROVAL
    assert asked.approve_by == asked.time + 900 * SECOND
    assert world.state.orders == {}
    world.wait(100)
    approved, planned = world.do(c.Approve(BOB, event.instruction_id))
    assert isinstance(planned, InstructionPlanned)
    assert planned.expires_at == approved.time + 30 * SECOND


def test_one_that_was_approved_is_not_asked_about_again_at_its_time(world: World) -> None:
    event = held(world, buy(11), fire_at=world.now + 60 * SECOND)
    approve(world, event)
    world.settings(approve_above=1)
    world.wait(60)

    assert world.one(c.Release(event.instruction_id), InstructionPlanned).orders


def test_what_cannot_be_planned_yet_waits_for_its_time_alone(world: World) -> None:
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("phalanx.engine.plans.plan.ORDERS_MAX", 0)
        fire_at = world.now + SECOND
        event = world.one(c.Submit(ANN, buy(11), fire_at=fire_at), InstructionHeld)

    assert event.waits_for is WaitsFor.TIME


# --- ways around ------------------------------------------------------------------------------------


def working(world: World, *quantities: str) -> list[str]:
    """The orders of one basket, at the broker."""
    planned = world.one(
        c.Submit(ANN, BatchRequest(tuple(world.row(quantity=q, price="100") for q in quantities))),
        InstructionPlanned,
    )
    ids = [draft.cl_ord_id for draft in planned.orders]
    for cl_ord_id in ids:
        world.accepted(cl_ord_id)
    return ids


def changed(world: World, cl_ord_id: str, quantity: str) -> None:
    """The order has another quantity, and its broker agrees."""
    world.replace(cl_ord_id, quantity=quantity)
    world.request_sent(cl_ord_id)
    world.replaced(cl_ord_id, quantity=quantity)


def test_an_order_does_not_grow_past_the_bound_with_all_its_instruction_has(world: World) -> None:
    first, second = working(world, "4", "4")

    changed(world, first, "6")
    with pytest.raises(Refused, match="ABOVE_APPROVAL"):
        world.replace(second, quantity="5")
    with pytest.raises(Refused, match="ABOVE_APPROVAL"):
        world.replace(second, price="100.05")
    world.replace(second, quantity="3")


def test_what_an_order_gave_up_unfilled_is_room_for_its_siblings(world: World) -> None:
    first, second = working(world, "5", "5")
    world.filled(first, "2")
    world.cancel(first)
    world.request_sent(first)
    world.report(first, ExecType.CANCELED)

    world.replace(second, quantity="8")


def test_what_an_order_filled_counts_after_it_left_memory(world: World) -> None:
    first, second = working(world, "5", "5")
    world.filled(first)
    world.wait(4_000)
    world.do(c.Tick())
    assert first not in world.state.orders

    with pytest.raises(Refused, match="ABOVE_APPROVAL"):
        world.replace(second, quantity="6")


def test_what_a_sibling_has_asked_to_grow_to_counts_before_its_broker_agrees(world: World) -> None:
    first, second = working(world, "4", "4")
    world.replace(first, quantity="6")

    with pytest.raises(Refused, match="ABOVE_APPROVAL"):
        world.replace(second, quantity="5")
    world.request_sent(first)
    world.report(first, ExecType.REPLACE_REJECTED)
    world.replace(second, quantity="6")


def test_what_was_approved_may_change_up_to_what_was_planned(world: World) -> None:
    event = held(world, buy(20))
    _, planned = approve(world, event)
    assert isinstance(planned, InstructionPlanned)
    cl_ord_id = planned.orders[0].cl_ord_id
    world.accepted(cl_ord_id)
    changed(world, cl_ord_id, "12")

    changed(world, cl_ord_id, "20")
    with pytest.raises(Refused, match="ABOVE_APPROVAL"):
        world.replace(cl_ord_id, quantity="21")


def test_who_answers_for_a_machine_is_no_other_person(world: World) -> None:
    key = Origin("key:algo", Door.INSTRUCTIONS, sponsor="bob")
    event = world.one(c.Submit(key, buy(11)), InstructionHeld)

    with pytest.raises(Refused, match="SAME_PERSON"):
        approve(world, event)
    assert len(world.do(c.Approve(ANN, event.instruction_id))) == 2


def test_what_grew_since_it_was_asked_for_is_asked_for_again(world: World) -> None:
    three = SizingRule(amount=whole(3))
    for number in range(2, 7):
        world.subscribe(world.account(number), "RED", "INFY", sizing=three)
    event = held(world, SignalRequest("RED", "INFY", Side.BUY))
    for number in range(7, 12):
        world.subscribe(world.account(number), "RED", "INFY", sizing=three)

    approved, asked = approve(world, event)

    assert isinstance(approved, InstructionApproved)
    assert isinstance(asked, ApprovalAsked)
    assert world.state.orders == {}
    with pytest.raises(Refused, match="SAME_PERSON"):
        world.do(c.Approve(ANN, event.instruction_id))
    assert isinstance(approve(world, event)[1], InstructionPlanned)


def test_an_approval_comes_on_the_day_that_it_was_asked_for_or_on_the_day_of_its_time() -> None:
    settings = RiskSettings(approval_expires_s=3_600)
    midnight = day_begins(20_000, settings.zone_offset_s)

    assert approve_by(settings, midnight - HOUR) == midnight
    assert approve_by(settings, midnight - 1) == midnight
    assert approve_by(settings, midnight) == midnight + HOUR
    assert approve_by(settings, midnight - HOUR, midnight + HOUR) == midnight + 2 * HOUR
