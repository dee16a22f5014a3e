"""The audit's rows: of what somebody did, and of nothing that the desk did."""

from typing import get_args

import msgspec
import pytest

from phalanx.domain import events as e
from phalanx.domain.audit import DETAIL_CHARACTERS_MAX, Act
from phalanx.domain.groups import Group, Member, PriorityList
from phalanx.domain.instructions import DESK_ORIGIN, Door, Origin
from phalanx.domain.kills import KillLevel, KillScope
from phalanx.domain.limits import Limit, LimitLevel
from phalanx.domain.numbers import whole
from phalanx.domain.settings import RiskSettings
from phalanx.domain.strategies import Strategy
from phalanx.domain.time import SECOND
from phalanx.engine import commands as c
from phalanx.views import audited as module
from phalanx.views.audit_list import AuditFilters, AuditRow
from phalanx.views.audited import ACTS, audited
from tests.engine_world import LOCAL
from tests.unit.views.watched import Watched

ANN = Origin("ann", Door.LIMITS, "r7", address="192.0.2.7")


def listed(watched: Watched, **filters: object) -> list[AuditRow]:
    asked: AuditFilters = msgspec.convert(filters, AuditFilters)
    return list(watched.views.audit(asked, limit=1_000).items)


def test_every_event_with_an_origin_says_what_it_is_about() -> None:
    with_origin = {kind for kind in get_args(e.Event) if hasattr(kind, "origin")}

    assert with_origin == set(module._WORDS) == set(ACTS)


def test_an_act_has_who_what_and_from_where(watched: Watched) -> None:
    limit = Limit(LimitLevel.CLIENT, "1", value_max=whole(500), restricted=("NSE:1",))
    (event,) = watched.world.do(c.PutLimits(ANN, (limit,)))

    (row,) = listed(watched, actor="ann")

    assert row == AuditRow(
        watched.world.state.seq,
        event.time,
        "ann",
        "192.0.2.7",
        Door.LIMITS,
        "limit_put",
        "client 1",
        "value_max 500, restricted NSE:1",
        "r7",
        1,
        0,
    )


def test_an_instruction_is_one_row_whatever_came_of_it(watched: Watched) -> None:
    planned = watched.world.order()

    rows = listed(watched, act="instruction_planned")

    assert [(row.subject, row.detail) for row in rows] == [(planned.instruction_id, "order, INFY")]


def test_reference_data_and_kills_are_acts(watched: Watched) -> None:
    world = watched.world
    scope = KillScope(KillLevel.ACCOUNT, "A1")
    before = len(listed(watched))
    for command in (
        c.PutGroups(ANN, (Group("core", (Member("A1"),)),)),
        c.PutGroups(ANN, removed=("core",)),
        c.PutLists(ANN, (PriorityList("nifty", ("NSE:1",)),)),
        c.PutLists(ANN, removed=("nifty",)),
        c.PutKill(ANN, scope, "why"),
        c.LiftKill(ANN, scope, "over"),
        c.PutReference(ANN, strategies=(Strategy("BLUE", ()),)),
        c.PutReference(ANN, cash=(("A1/P", whole(5), "fees"),)),
        c.PutReference(ANN, settings=RiskSettings(value_max=whole(7), collar_bps=9)),
    ):
        world.do(command)

    rows = listed(watched)
    new = [(row.act, row.subject, row.detail) for row in reversed(rows[: len(rows) - before])]

    assert new == [
        ("group_put", "core", "1 members"),
        ("group_removed", "core", ""),
        ("list_put", "nifty", ""),
        ("list_removed", "nifty", ""),
        ("kill_put", "account A1", "why"),
        ("kill_lifted", "account A1", "over"),
        ("strategy_put", "BLUE", ""),
        ("cash_adjusted", "A1/P", "5, fees"),
        ("settings_put", "settings", "value_max=7, collar_bps=9"),
    ]


def test_cancels_by_hand_are_acts(watched: Watched) -> None:
    world = watched.world
    cl_ord_id = world.order().orders[0].cl_ord_id
    world.do(c.CancelOrder(ANN, cl_ord_id))

    (row,) = listed(watched, actor="ann")

    assert (row.act, row.subject) == ("cancel_requested", cl_ord_id)


@pytest.mark.parametrize("desk", [True, False])
def test_what_the_desk_does_by_itself_is_none(watched: Watched, *, desk: bool) -> None:
    origin = DESK_ORIGIN if desk else ANN
    watched.world.journal.append(e.StrategyPut(watched.world.now, origin, Strategy("BLUE", ())))

    assert len(listed(watched, act="strategy_put", subject="BLUE")) == (0 if desk else 1)


def test_a_read_of_a_secret_is_one_whoever_did_it(watched: Watched) -> None:
    watched.world.do(c.RecordAccess(DESK_ORIGIN, Act.CREDENTIAL_READ, "dealer-1"))

    (row,) = listed(watched, act="credential_read")

    assert (row.actor, row.subject) == ("desk", "dealer-1")


def test_failures_that_were_gathered_say_how_many(watched: Watched) -> None:
    first = watched.world.now - 30 * SECOND
    watched.world.do(c.RecordAccess(ANN, Act.LOGIN_FAILED, "bob", "", 250, first))

    (row,) = listed(watched, act="login_failed")

    assert (row.count, row.first_ns, row.time_ns) == (250, first, watched.world.now)


def test_a_long_note_is_cut(watched: Watched) -> None:
    note = "n" * 1_000
    event = e.KillPut(1, ANN, "", note)

    act = audited(event)

    assert act is not None
    assert act.detail == f"{'n' * (DETAIL_CHARACTERS_MAX - 1)}…"


class TestTheList:
    @pytest.fixture
    def busy(self, watched: Watched) -> Watched:
        for number in range(6):
            who = Origin(f"user{number % 2}", Door.KILL if number % 3 else Door.ACCESS)
            act = Act.LOGIN if number % 2 else Act.LOGOUT
            watched.world.do(c.RecordAccess(who, act, f"s{number}"))
            watched.world.order()
            watched.world.now += SECOND
        return watched

    def test_it_is_newest_first_and_paged_by_seq(self, busy: Watched) -> None:
        views = busy.views
        everything = views.audit(AuditFilters(), limit=1_000)
        seqs = [row.seq for row in everything.items]
        assert seqs == sorted(seqs, reverse=True)
        assert everything.total == len(seqs)
        assert everything.as_of == busy.world.state.seq

        paged: list[int] = []
        before = None
        while items := views.audit(AuditFilters(), limit=4, before=before).items:
            paged += [row.seq for row in items]
            before = paged[-1]
        assert paged == seqs

    def test_a_page_counts_what_is_still_to_come(self, busy: Watched) -> None:
        seqs = [row.seq for row in busy.views.audit(AuditFilters(), limit=1_000).items]

        page = busy.views.audit(AuditFilters(), limit=2, before=seqs[3])

        assert [row.seq for row in page.items] == seqs[4:6]
        assert page.total == len(seqs) - 4

    @pytest.mark.parametrize(
        "filters",
        [
            AuditFilters(actor="user1"),
            AuditFilters(act="login"),
            AuditFilters(act="instruction_planned"),
            AuditFilters(door="kill"),
            AuditFilters(subject="s3"),
            AuditFilters(actor="user1", act="login", door="kill"),
            AuditFilters(act="nothing"),
        ],
    )
    def test_filters_are_combined(self, busy: Watched, filters: AuditFilters) -> None:
        every = busy.views.audit(AuditFilters(), limit=1_000).items
        wanted = {name: value for name, value in msgspec.structs.asdict(filters).items() if value}

        found = busy.views.audit(filters, limit=1_000)

        expected = [r for r in every if all(getattr(r, name) == v for name, v in wanted.items())]
        assert list(found.items) == expected
        assert found.total == len(expected)

    def test_times_are_included(self, busy: Watched) -> None:
        times = [row.time_ns for row in busy.views.audit(AuditFilters(act="login")).items]

        found = busy.views.audit(AuditFilters(act="login", since=times[1], until=times[1]))

        assert [row.time_ns for row in found.items] == [times[1]]

    def test_a_rare_act_is_found_by_its_index(self, busy: Watched) -> None:
        plan = "EXPLAIN QUERY PLAN SELECT key FROM audit INDEXED BY audit_rare WHERE {} ORDER BY key DESC"
        conditions, values = AuditFilters(act="login").conditions(None)

        rows = list(busy.connection().execute(plan.format(conditions), values))

        assert ["USING COVERING INDEX audit_rare" in str(row) for row in rows] == [True]


def test_the_origin_of_a_test_world_is_somebody() -> None:
    assert LOCAL.actor != DESK_ORIGIN.actor
