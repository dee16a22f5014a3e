"""With ``two_persons`` on, what loosens is asked first, and done when another person approves it."""

import msgspec
import pytest

from phalanx.domain.changes import GroupsChange, KillLift, LimitsChange, SettingsChange
from phalanx.domain.events import (
    ChangeApproved,
    ChangeAsked,
    ChangeDeclined,
    ChangesExpired,
    Event,
    GroupPut,
    GroupRemoved,
    KillLifted,
    KillPut,
    LimitPut,
    LimitRemoved,
    SettingsPut,
)
from phalanx.domain.groups import Group, Member
from phalanx.domain.instructions import Door, Origin
from phalanx.domain.kills import EVERYBODY
from phalanx.domain.limits import Limit, LimitLevel
from phalanx.domain.numbers import whole
from phalanx.domain.settings import RiskSettings
from phalanx.engine import commands as c
from phalanx.engine.idempotency import first_use
from phalanx.engine.persons import asking, describing
from phalanx.engine.refused import Refused
from phalanx.engine.snapshot import decode_state, encode_state
from tests.engine_world import LOCAL, World
from tests.fakes.kills import of_account

ANN, BOB = Origin("ann", Door.SETTINGS), Origin("bob", Door.CHANGES)
KEYED = Origin("ann", Door.KILL, "", "key", b"1")
TIGHT = Limit(LimitLevel.GLOBAL, value_max=whole(100), restricted=("NSE:6",))
LOOSE = Limit(LimitLevel.GLOBAL, value_max=whole(200))
OF_GROUP = Limit(LimitLevel.GROUP, "core", position_max=whole(10))


@pytest.fixture
def world() -> World:
    """Two accounts in a group that has a limit; a global limit; a kill. Two persons are needed."""
    world = World()
    world.account(1)
    world.account(2)
    world.do(c.PutGroups(ANN, (Group("core", (Member("A1"), Member("A2"))),)))
    world.do(c.PutLimits(ANN, (TIGHT, OF_GROUP)))
    world.do(c.PutKill(ANN, note="fire"))
    settings(world, two_persons=True)
    return world


def settings(world: World, **changes: int | bool) -> list[Event]:
    """Change settings, the others stay."""
    wanted = msgspec.structs.replace(world.state.settings, **changes)
    return world.do(c.PutReference(ANN, settings=wanted))


def ask(world: World, command: c.Command) -> ChangeAsked:
    """What is asked and not done."""
    return world.one(command, ChangeAsked)


def refusal(world: World, command: c.Command) -> str:
    with pytest.raises(Refused) as caught:
        world.do(command)
    return caught.value.code


def approve(world: World, asked: ChangeAsked, by: Origin = BOB) -> list[Event]:
    return world.do(c.ApproveChange(by, asked.asked.id, "seen"))


def test_without_it_one_person_does_all_of_it() -> None:
    world = World()
    world.do(c.PutKill(ANN))
    world.do(c.PutLimits(ANN, (TIGHT,)))

    world.one(c.LiftKill(ANN), KillLifted)
    world.one(c.PutLimits(ANN, (LOOSE,)), LimitPut)
    world.one(c.PutLimits(ANN, removed=((LimitLevel.GLOBAL, ""),)), LimitRemoved)
    world.one(c.PutReference(ANN, settings=RiskSettings(value_max=whole(10**8))), SettingsPut)


def test_a_kill_is_lifted_when_another_person_says_so_in_one_record(world: World) -> None:
    asked = ask(world, c.LiftKill(ANN, EVERYBODY, "out"))
    assert asked.asked.change == KillLift(EVERYBODY, "out")
    assert asked.asked.details == ("lift the kill for everybody",)
    assert world.state.kills

    approved, lifted = approve(world, asked)

    assert isinstance(approved, ChangeApproved)
    assert (approved.origin, approved.events, approved.note) == (BOB, 1, "seen")
    assert isinstance(lifted, KillLifted)
    assert (lifted.origin.actor, lifted.note) == ("ann", "out")
    assert not world.state.kills
    assert not world.state.changes


@pytest.mark.parametrize(
    "command",
    [
        c.PutLimits(ANN, (LOOSE,)),
        c.PutLimits(ANN, removed=((LimitLevel.GLOBAL, ""),)),
        c.PutGroups(ANN, (Group("core", (Member("A1"),)),)),
        c.PutGroups(ANN, removed=("core",)),
        c.PutReference(ANN, settings=RiskSettings(two_persons=False)),
        c.PutReference(ANN, settings=RiskSettings(two_persons=True, stale_after_s=60)),
    ],
    ids=["raised", "removed", "left a group", "no group", "one person", "older prices"],
)
def test_what_loosens_is_asked_and_done_just_so_when_approved(
    world: World, command: c.Command
) -> None:
    before = (world.state.limits.copy(), world.state.groups.copy(), world.state.settings)

    asked = ask(world, command)

    assert (world.state.limits, world.state.groups, world.state.settings) == before
    approved, *events = approve(world, asked)
    assert isinstance(approved, ChangeApproved)
    assert approved.events == len(events) > 0
    assert all(
        isinstance(e, LimitPut | LimitRemoved | GroupPut | GroupRemoved | SettingsPut)
        for e in events
    )
    assert (world.state.limits, world.state.groups, world.state.settings) != before


def test_tightening_is_done_at_once(world: World) -> None:
    tighter = msgspec.structs.replace(TIGHT, value_max=whole(50), position_max=whole(1))
    world.one(c.PutLimits(ANN, (tighter,)), LimitPut)
    world.one(c.PutLimits(ANN, (Limit(LimitLevel.ACCOUNT, "A1", value_max=whole(9)),)), LimitPut)
    world.one(c.PutKill(ANN, of_account("A1")), KillPut)
    world.one(c.PutGroups(ANN, (Group("other", (Member("A1"),)),)), GroupPut)
    (event,) = settings(world, stale_after_s=5)
    assert isinstance(event, SettingsPut)


def test_turning_it_on_needs_one_person_and_off_needs_two(world: World) -> None:
    (asked,) = settings(world, two_persons=False)
    assert isinstance(asked, ChangeAsked)
    assert asked.asked.details == ("setting two_persons: on -> off",)
    on = world.state.settings

    approve(world, asked)

    assert (on.two_persons, world.state.settings.two_persons) == (True, False)
    world.one(c.LiftKill(ANN), KillLifted)


def test_a_request_that_mixes_waits_as_a_whole(world: World) -> None:
    tighter = Limit(LimitLevel.ACCOUNT, "A1", value_max=whole(1))
    asked = ask(world, c.PutLimits(ANN, (tighter, LOOSE)))

    assert asked.asked.change == LimitsChange((tighter, LOOSE))
    assert "account/A1" not in world.state.limits
    _, *events = approve(world, asked)
    assert [type(event) for event in events] == [LimitPut, LimitPut]


def test_only_the_settings_that_were_named_are_changed_by_an_approval(world: World) -> None:
    (asked,) = settings(world, stale_after_s=60)
    assert isinstance(asked, ChangeAsked)
    assert asked.asked.change == SettingsChange((("stale_after_s", 60),))
    settings(world, value_max=whole(1))

    approve(world, asked)

    assert world.state.settings.value_max == whole(1)
    assert world.state.settings.stale_after_s == 60


def test_nobody_approves_what_he_asked_for_himself_and_machines_approve_nothing(
    world: World,
) -> None:
    asked = ask(world, c.LiftKill(ANN))
    id = asked.asked.id

    assert refusal(world, c.ApproveChange(ANN, id)) == "SAME_PERSON"
    for actor in ("key:algo1", "hook:alerts"):
        machine = Origin(actor, Door.CHANGES)
        assert refusal(world, c.ApproveChange(machine, id)) == "PERSON_NEEDED"
        assert refusal(world, c.DeclineChange(machine, id)) == "PERSON_NEEDED"
    assert refusal(world, c.ApproveChange(BOB, "C0")) == "NO_SUCH_CHANGE"
    assert list(world.state.changes) == [id]


def test_where_everybody_is_local_the_refusal_says_that_nothing_is_loosened(world: World) -> None:
    asked = world.one(c.LiftKill(LOCAL), ChangeAsked)

    with pytest.raises(Refused, match="there is no other person"):
        world.do(c.ApproveChange(LOCAL, asked.asked.id))


def test_a_machine_may_ask(world: World) -> None:
    asked = ask(world, c.LiftKill(Origin("key:algo1", Door.KILL)))

    assert isinstance(approve(world, asked)[1], KillLifted)


def test_a_change_is_declined_by_another_person_or_taken_back(world: World) -> None:
    first, second = ask(world, c.LiftKill(ANN)), ask(world, c.PutLimits(ANN, (LOOSE,)))

    declined = world.one(c.DeclineChange(BOB, first.asked.id, "not yet"), ChangeDeclined)
    assert (declined.origin.actor, declined.note) == ("bob", "not yet")
    world.one(c.DeclineChange(ANN, second.asked.id), ChangeDeclined)

    assert not world.state.changes
    assert refusal(world, c.ApproveChange(BOB, first.asked.id)) == "NO_SUCH_CHANGE"
    assert world.state.kills


def test_it_expires_also_before_the_tick_that_says_so(world: World) -> None:
    world.do(c.Tick())
    asked = ask(world, c.LiftKill(ANN))
    world.now = asked.asked.expires_at - 2
    assert world.decided(c.ApproveChange(BOB, asked.asked.id))
    world.now = asked.asked.expires_at
    assert refusal(world, c.ApproveChange(BOB, asked.asked.id)) == "CHANGE_EXPIRED"
    assert refusal(world, c.DeclineChange(BOB, asked.asked.id)) == "CHANGE_EXPIRED"

    expired = world.one(c.Tick(), ChangesExpired)

    assert expired.change_ids == (asked.asked.id,)
    assert not world.state.changes
    assert world.state.kills


def test_what_was_touched_meanwhile_is_not_changed_by_an_old_approval(world: World) -> None:
    of_limit, of_kill = ask(world, c.PutLimits(ANN, (LOOSE,))), ask(world, c.LiftKill(ANN))
    tighter = msgspec.structs.replace(TIGHT, position_max=whole(1))
    world.do(c.PutLimits(ANN, (tighter,)))
    put = world.one(c.PutKill(BOB, note="again"), KillPut)

    for asked in (of_limit, of_kill):
        (refused,) = approve(world, asked)
        assert isinstance(refused, ChangeApproved)
        assert (refused.refusal, refused.events) == ("CHANGE_MOVED", 0)

    assert world.state.limits["global/"] == tighter
    assert world.state.kills[EVERYBODY.key].note == put.note
    assert not world.state.changes


def test_a_kill_that_stands_is_put_again_by_no_event_where_nobody_would_lift_it(
    world: World,
) -> None:
    ask(world, c.LiftKill(ANN))
    world.do(c.PutKill(ANN, of_account("A1")))

    assert world.do(c.PutKill(BOB, of_account("A1"))) == []


def test_what_is_refused_when_it_is_decided_anew_ends_the_change_with_why(world: World) -> None:
    world.do(c.PutGroups(ANN, (Group("other", ()),)))
    asked = ask(
        world, c.PutLimits(ANN, (LOOSE, Limit(LimitLevel.GROUP, "other", value_max=whole(1))))
    )
    world.do(c.PutGroups(ANN, removed=("other",)))

    (refused,) = approve(world, asked)

    assert isinstance(refused, ChangeApproved)
    assert refused.refusal == "UNKNOWN_LEVEL_NAME"
    assert "other" in refused.detail
    assert world.state.limits["global/"] == TIGHT


def test_what_could_not_be_done_anyway_is_refused_and_not_asked(world: World) -> None:
    assert refusal(world, c.LiftKill(ANN, of_account("A1"))) == "NO_SUCH_KILL"
    assert refusal(world, c.PutLimits(ANN, (LOOSE,), ((LimitLevel.GROUP, "x"),))) == "NO_SUCH_LIMIT"
    assert world.do(c.PutLimits(ANN, (TIGHT,))) == []
    assert not world.state.changes


def test_settings_are_not_asked_for_together_with_reference_data(world: World) -> None:
    account = world.state.accounts["A1"]
    wanted = RiskSettings(two_persons=False)

    command = c.PutReference(ANN, accounts=(account,), settings=wanted)

    assert refusal(world, command) == "SETTINGS_ALONE"


def test_all_that_wait_name_only_so_many_things(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    first = ask(world, c.PutGroups(ANN, (Group("core", (Member("A1"),)),)))
    assert isinstance(first.asked.change, GroupsChange)
    monkeypatch.setattr(asking, "PARTS_MAX", 2)
    assert refusal(world, c.LiftKill(ANN)) == "TOO_MANY_CHANGES"
    monkeypatch.setattr(asking, "PARTS_MAX", 3)
    ask(world, c.LiftKill(ANN))


def test_as_many_wait_as_the_setting_says() -> None:
    world = World()
    world.do(c.PutKill(ANN))
    settings(world, two_persons=True, changes_max=2)
    ask(world, c.LiftKill(ANN))
    ask(world, c.LiftKill(BOB))

    assert refusal(world, c.LiftKill(ANN)) == "TOO_MANY_CHANGES"


def test_the_key_leads_to_the_asking_and_stays_with_it(world: World) -> None:
    asked = ask(world, c.LiftKill(KEYED))
    seq = world.state.seq

    approved, lifted = world.do(
        c.ApproveChange(Origin("bob", Door.CHANGES, "", "mine", b"2"), asked.asked.id)
    )

    assert isinstance(lifted, KillLifted)
    assert lifted.origin.idempotency_key == ""
    assert first_use(world.state, KEYED) == seq
    assert isinstance(approved, ChangeApproved)
    assert first_use(world.state, approved.origin) == seq + 1


def test_it_survives_a_snapshot_and_goes_on(world: World) -> None:
    asked = ask(world, c.PutLimits(ANN, (LOOSE,)))
    world.state = decode_state(encode_state(world.state))

    assert isinstance(approve(world, asked)[1], LimitPut)


def test_what_a_change_would_do_is_said_in_words(world: World) -> None:
    wider = Limit(LimitLevel.GLOBAL, quantity_max=whole(5), orders_per_day_max=7)
    asked = ask(world, c.PutLimits(ANN, (wider,), ((LimitLevel.GROUP, "core"),)))
    left = ask(world, c.PutGroups(ANN, (Group("core", (Member("A2"),)),)))

    assert asked.asked.details == (
        (
            "limits of everybody: quantity_max none -> 5; value_max 100 -> none; "
            "orders_per_day_max none -> 7; no longer restricted: NSE:6"
        ),
        "remove the limits of group core",
    )
    assert left.asked.details == ("group core: 2 -> 1 members, without A1",)


def test_of_many_parts_the_first_are_said_and_the_others_counted(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(describing, "SENTENCES_MAX", 1)
    asked = ask(
        world,
        c.PutReference(ANN, settings=RiskSettings(two_persons=False, value_max=whole(2 * 10**7))),
    )

    assert asked.asked.details == ("setting value_max: 10000000 -> 20000000", "and 1 more")
