"""From events to facts."""

import pytest

from phalanx.alerts.matching import KIND_OF, Fact, Standing, facts_of
from phalanx.domain.alerts import WITHOUT_SOURCE, AlertKind
from phalanx.domain.audit import Act
from phalanx.domain.breaks import Break, BreakKind
from phalanx.domain.changes import AskedChange, KillLift
from phalanx.domain.events import (
    AccessRecorded,
    BreakFiled,
    ChangeAsked,
    Event,
    InstructionHeld,
    InstructionPlanned,
    KillLifted,
    KillPut,
    OrderDoubted,
    OrderEnded,
    OrderFlagged,
    OrderReported,
)
from phalanx.domain.instructions import Door, OrderRequest, Origin, Skip
from phalanx.domain.kills import KillLevel, KillScope
from phalanx.domain.limits import LimitLevel
from phalanx.domain.numbers import whole
from phalanx.domain.orders import ExecType, OrdStatus, OrdType, Product, Side
from phalanx.domain.reasons import Reason, ReasonCode
from phalanx.domain.time import SECOND
from phalanx.engine import commands as c
from tests.engine_world import LOCAL, World

ANN = Origin("ann", Door.KILL)
ORDER = (1, "", "INFY", Side.BUY, Product.DELIVERY, OrdType.MARKET, whole(1))


@pytest.fixture
def world() -> World:
    world = World()
    world.account(1)
    world.account(2)
    world.subscribe("A1", "S", "INFY", "ACC")
    world.subscribe("A2", "S", "INFY", "ACC")
    world.subscribe("A1", "T", "ACC")
    return world


def told(world: World, *events: Event) -> list[Fact]:
    return [one for event in events for one in facts_of(event, world.state, lambda key: key)]


def test_a_reject_names_order_account_and_why(world: World) -> None:
    order = world.buy("T", "ACC")
    world.sent(order)
    (fact,) = told(world, *world.report(order, ExecType.REJECTED, "<b>margin</b> short"))

    assert (fact.kind, fact.subject, fact.accounts) == (
        AlertKind.REJECT_STORM,
        "paper",
        ("A1",),
    )
    assert fact.instruction == world.state.orders[order].instruction_id
    assert fact.text.startswith(f"{order} A1 BUY NSE:")
    assert "margin" in fact.text
    assert "<" not in fact.text


def test_an_order_that_was_never_written_is_a_reject(world: World) -> None:
    order = world.buy("T", "ACC")
    reason = Reason(ReasonCode.BROKER_UNREACHABLE)
    ended = OrderEnded(world.now, order, OrdStatus.REJECTED, reason)

    assert [fact.kind for fact in told(world, ended)] == [AlertKind.REJECT_STORM]
    canceled = OrderEnded(world.now, order, OrdStatus.CANCELED, reason)
    assert told(world, canceled) == []


def test_fills_and_plans_that_went_well_tell_nothing(world: World) -> None:
    planned = world.signal("S", "INFY", Side.BUY)
    events = world.filled(planned.orders[0].cl_ord_id)

    assert any(isinstance(event, OrderReported) for event in events)
    assert told(world, planned, *events) == []


def test_doubts_are_told_by_account(world: World) -> None:
    order = world.buy("T", "ACC")
    (fact,) = told(world, OrderDoubted(world.now, order, "time-out"))

    assert (fact.kind, fact.subject) == (AlertKind.IN_DOUBT, "A1")
    assert "time-out" in fact.text


def test_an_order_that_is_not_in_memory_tells_nothing(world: World) -> None:
    assert told(world, OrderDoubted(1, "GONE", "x"), OrderFlagged(1, "GONE", "UNFILLED")) == []


def test_an_exit_that_stands_unfilled_is_told(world: World) -> None:
    order = world.buy("T", "ACC")

    (fact,) = told(world, OrderFlagged(world.now, order, ReasonCode.UNFILLED))
    assert (fact.kind, fact.subject) == (AlertKind.UNFILLED_EXIT, order)
    assert told(world, OrderFlagged(world.now, order, "OVERFILL")) == []


def test_a_break_is_told(world: World) -> None:
    found = Break("b", "A1", BreakKind.CASH, "", "1", "2", "cash differs", 1, 2)

    (fact,) = told(world, BreakFiled(1, found))
    assert (fact.kind, fact.accounts) == (AlertKind.BREAK, ("A1",))
    assert "CASH" in fact.text


@pytest.mark.parametrize(
    ("scope", "accounts"),
    [(KillScope(), ()), (KillScope(KillLevel.ACCOUNT, "A1"), ("A1",))],
)
def test_kills_are_told_when_they_are_put_and_lifted(
    world: World, scope: KillScope, accounts: tuple[str, ...]
) -> None:
    put, lifted = told(
        world, KillPut(1, ANN, "", "@all hands", scope), KillLifted(2, ANN, "", "", scope)
    )

    assert put.subject == lifted.subject == scope.key
    assert put.accounts == accounts
    assert "stopped by ann" in put.text
    assert "@" not in put.text
    assert "allowed again by ann" in lifted.text


def test_a_change_that_waits_is_told(world: World) -> None:
    asked = AskedChange("CC1", ANN, KillLift(KillScope()), 1, 2, ("lift the kill",), b"")

    (fact,) = told(world, ChangeAsked(1, asked))
    assert fact.text == "CC1 of kill by ann: lift the kill"


def test_limits_that_were_hit_are_told_once_an_instruction_and_limit(world: World) -> None:
    world.limit(LimitLevel.GLOBAL, value_max=whole(1))
    planned = world.signal("S", "INFY", Side.BUY)

    facts = told(world, planned)
    assert {skip.reason.code for skip in planned.skips} >= {ReasonCode.VALUE_CAP}
    (fact,) = facts
    assert (fact.kind, fact.subject) == (AlertKind.LIMIT_HIT, "VALUE_CAP")
    assert set(fact.accounts) == {"A1", "A2"}
    assert "and 1 more" in fact.text


def test_of_very_many_skips_a_part_is_looked_at(world: World) -> None:
    planned = world.signal("S", "INFY", Side.BUY)
    reason = Reason(ReasonCode.RESTRICTED, ("x", "y", "z"))
    skips = tuple(Skip(f"X{n}", reason) for n in range(5_000))
    event = InstructionPlanned(1, "I", LOCAL, planned.request, 2, skips=skips)

    (fact,) = told(world, event)
    assert len(fact.accounts) == 2_000


def test_breaks_are_told_once_when_they_are_overdue(world: World) -> None:
    standing = Standing()
    late = Break("b", "A1", BreakKind.CASH, "", "1", "2", "cash differs", 1, 100)
    world.state.breaks["b"] = late

    assert standing.look(world.state, {}, 99) == []
    (fact,) = standing.look(world.state, {}, 100)
    assert fact.kind is AlertKind.BREAK_OVERDUE
    assert standing.look(world.state, {}, 101) == []
    del world.state.breaks["b"]
    standing.look(world.state, {}, 102)
    world.state.breaks["b"] = late
    assert len(standing.look(world.state, {}, 103)) == 1


def test_accounts_without_a_session_are_told_by_broker_after_a_while(world: World) -> None:
    standing = Standing()
    closed = {"A1": "logged out", "A2": "logged out"}

    assert standing.look(world.state, closed, 0) == []
    assert standing.look(world.state, {"A2": "logged out"}, 10 * SECOND) == []
    assert standing.look(world.state, closed, 20 * SECOND) == []
    (fact,) = standing.look(world.state, closed, 30 * SECOND)
    assert (fact.kind, fact.subject, fact.accounts) == (AlertKind.DEAD_LOGIN, "paper", ("A2",))
    (later,) = standing.look(world.state, closed, 50 * SECOND)
    assert later.accounts == ("A1",)
    assert standing.look(world.state, closed, 500 * SECOND) == []
    assert "logged out" in later.text


def test_every_kind_has_a_source_or_is_said_to_have_none() -> None:
    standing = {AlertKind.BREAK_OVERDUE, AlertKind.DEAD_LOGIN}

    assert set(KIND_OF.values()) | standing | WITHOUT_SOURCE == set(AlertKind)
    assert not (set(KIND_OF.values()) | standing) & WITHOUT_SOURCE


def test_what_waits_for_approval_says_whose_and_why(world: World) -> None:
    event = world.one(c.Submit(ANN, OrderRequest(*ORDER), ask=True), InstructionHeld)
    (fact,) = told(world, event)

    assert (fact.kind, fact.subject) == (AlertKind.APPROVAL_WAITING, event.instruction_id)
    assert fact.text.startswith(f"{event.instruction_id} by ann: ")


def test_what_waits_for_its_time_is_no_news(world: World) -> None:
    later = world.now + 60 * SECOND
    event = world.one(c.Submit(ANN, OrderRequest(*ORDER), fire_at=later), InstructionHeld)

    assert told(world, event) == []


def test_failed_logins_are_counted_and_say_from_where(world: World) -> None:
    origin = Origin("nobody", Door.ACCESS, address="198.51.100.7")
    event = AccessRecorded(world.now, origin, Act.LOGIN_FAILED, "ann", "", 3, world.now)
    (fact,) = told(world, event)

    assert (fact.kind, fact.subject, fact.count) == (AlertKind.LOGIN_FAILED, "ann", 3)
    assert fact.text == "login_failed of ann from 198.51.100.7"
    assert told(world, AccessRecorded(world.now, origin, Act.LOGIN, "ann")) == []
