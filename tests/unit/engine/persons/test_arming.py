"""Arming: who may, until when, and what new risk of a live account is told without it."""

import msgspec
import pytest

from phalanx.domain.accounts import Mode
from phalanx.domain.events import AccountsArmed, AccountsDisarmed, DayRolled
from phalanx.domain.instructions import DESK_ORIGIN, Door, Origin
from phalanx.domain.instruments import QuoteSource
from phalanx.domain.orders import Side
from phalanx.domain.strategies import SellScope
from phalanx.domain.time import DAY, HOUR, SECOND, trading_day
from phalanx.engine import commands as c
from phalanx.engine.refused import Refused
from phalanx.engine.snapshot import decode_state, encode_state
from tests.engine_world import LOCAL, PAPER, World
from tests.fakes.kills import of_account

ANN = Origin("ann", Door.ARMING)
LIVE = msgspec.structs.replace(PAPER, modes=frozenset(Mode))


@pytest.fixture
def world() -> World:
    """Two live accounts at a broker that takes them, not armed, and one on paper."""
    world = World()
    world.capabilities["paper"] = LIVE
    for client in (1, 2):
        world.account(client, mode=Mode.LIVE)
    world.account(3)
    world.do(c.DisarmAccounts(LOCAL, ("A1", "A2")))
    return world


def code(world: World, side: Side = Side.BUY, quantity: str = "1") -> str | None:
    """Why an order of the first account is refused."""
    world.wait(2)
    world.price("INFY", "100", QuoteSource.FEED)
    planned = world.order(side, quantity=quantity)
    return planned.skips[0].reason.code if planned.skips else None


def refusal(world: World, command: c.Command) -> str:
    with pytest.raises(Refused) as caught:
        world.do(command)
    return caught.value.code


def test_new_risk_of_a_live_account_needs_arming_and_its_exits_do_not(world: World) -> None:
    assert code(world) == "NOT_ARMED"

    world.do(c.ArmAccounts(ANN, ("A1",)))
    world.filled(world.order(quantity="5").orders[0].cl_ord_id)
    world.do(c.DisarmAccounts(ANN, ("A1",)))

    assert code(world) == "NOT_ARMED"
    assert code(world, Side.SELL, "5") is None


def test_a_plan_that_chooses_accounts_passes_over_who_is_not_armed(world: World) -> None:
    world.subscribe("A1", "RED", "INFY", sell_scope=SellScope.ACCOUNT)
    world.subscribe("A2", "RED", "INFY", sell_scope=SellScope.ACCOUNT)
    world.do(c.ArmAccounts(ANN, ("A2",)))

    planned = world.signal("RED", "INFY", Side.BUY)

    assert [draft.book for draft in planned.orders] == ["A2/L"]
    assert [(skip.account, skip.reason.code) for skip in planned.skips] == [("A1", "NOT_ARMED")]


def test_a_broker_without_live_accounts_is_told_before_it_and_a_kill_after_it(world: World) -> None:
    world.do(c.PutKill(LOCAL, of_account("A1")))
    assert code(world) == "NOT_ARMED"

    world.capabilities["paper"] = PAPER
    assert code(world) == "LIVE_NOT_AVAILABLE"


def test_a_kill_disarms_nobody(world: World) -> None:
    world.do(c.ArmAccounts(ANN, ("A1",)))
    world.do(c.PutKill(LOCAL))
    assert code(world) == "KILL_ALL"

    world.do(c.LiftKill(LOCAL))
    assert code(world) is None


def test_it_is_over_with_the_trading_day_also_where_the_event_of_that_is_late(world: World) -> None:
    zone = world.state.settings.zone_offset_s
    world.do(c.Tick())
    armed = world.one(c.ArmAccounts(ANN, ("A1", "A1"), "open"), AccountsArmed)

    assert (armed.accounts, armed.note) == (("A1",), "open")
    assert trading_day(armed.until - 1, zone) == trading_day(world.now, zone)
    assert trading_day(armed.until, zone) == trading_day(world.now, zone) + 1

    world.now = armed.until - SECOND * 10
    assert code(world) is None
    world.now = armed.until
    assert "A1" in world.state.armed
    assert code(world) == "NOT_ARMED"


def test_the_tick_that_rolls_the_day_disarms_who_was_armed_on_the_day_before(world: World) -> None:
    world.do(c.Tick())
    world.do(c.ArmAccounts(ANN, ("A1",)))
    until = world.state.armed["A1"].until
    world.now = until + HOUR
    world.do(c.ArmAccounts(ANN, ("A2",)))

    disarmed, rolled = world.do(c.Tick())

    assert isinstance(disarmed, AccountsDisarmed)
    assert (disarmed.accounts, disarmed.origin) == (("A1",), DESK_ORIGIN)
    assert isinstance(rolled, DayRolled)
    assert world.state.armed["A2"].until == until + DAY


@pytest.mark.parametrize(
    "change",
    [{"mode": Mode.PAPER}, {"enabled": False}, {"login": "other"}, {"broker": "elsewhere"}],
    ids=str,
)
def test_another_mode_broker_or_login_and_the_switch_disarm(
    world: World, change: dict[str, object]
) -> None:
    world.do(c.ArmAccounts(ANN, ("A1", "A2")))
    before = world.state.accounts["A1"]
    world.do(c.PutReference(LOCAL, accounts=(msgspec.structs.replace(before, **change),)))
    world.do(c.PutReference(LOCAL, accounts=(before,)))

    assert list(world.state.armed) == ["A2"]


def test_other_terms_of_an_account_leave_it_armed(world: World) -> None:
    world.do(c.ArmAccounts(ANN, ("A1",)))
    before = world.state.accounts["A1"]
    world.do(c.PutReference(LOCAL, accounts=(msgspec.structs.replace(before, charge_bps=3),)))

    assert list(world.state.armed) == ["A1"]


@pytest.mark.parametrize("actor", ["key:algo1", "hook:alerts"])
def test_machines_arm_nobody_and_may_disarm(world: World, actor: str) -> None:
    machine = Origin(actor, Door.ARMING)
    assert refusal(world, c.ArmAccounts(machine, ("A1",))) == "PERSON_NEEDED"

    world.do(c.ArmAccounts(ANN, ("A1",)))
    world.do(c.DisarmAccounts(machine, ("A1",)))

    assert world.state.armed == {}


def test_all_or_nothing_is_armed(world: World) -> None:
    assert refusal(world, c.ArmAccounts(ANN, ("A1", "A3"))) == "ACCOUNT_NOT_LIVE"
    assert refusal(world, c.ArmAccounts(ANN, ("A1", "A9"))) == "UNKNOWN_ACCOUNT"
    assert refusal(world, c.DisarmAccounts(ANN, ("A9",))) == "UNKNOWN_ACCOUNT"
    assert world.state.armed == {}


def test_who_is_not_armed_is_disarmed_by_no_event_but_a_key_is_kept(world: World) -> None:
    assert world.do(c.DisarmAccounts(ANN, ("A1",))) == []
    assert world.do(c.ArmAccounts(ANN, ())) == []

    keyed = Origin("ann", Door.ARMING, "", "k", b"1")
    event = world.one(c.DisarmAccounts(keyed, ("A1",)), AccountsDisarmed)

    assert event.accounts == ()
    assert list(world.state.keys) == ["ann\nk"]


def test_it_survives_a_snapshot(world: World) -> None:
    world.do(c.ArmAccounts(ANN, ("A1",), "open"))

    assert decode_state(encode_state(world.state)).armed == world.state.armed
