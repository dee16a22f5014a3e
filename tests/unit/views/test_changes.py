"""Changes that wait for another person, and what became of them, as the lists show them."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from phalanx.domain.changes import ChangeStatus
from phalanx.domain.events import ChangeAsked
from phalanx.domain.instructions import Door, Origin
from phalanx.domain.limits import Limit, LimitLevel
from phalanx.domain.numbers import whole
from phalanx.domain.settings import RiskSettings
from phalanx.engine import commands as c
from phalanx.views.change_list import ChangeRow
from tests.fakes.kills import of_account
from tests.unit.views.watched import Watched

ANN = Origin("ann", Door.KILL, "r-1")
BOB = Origin("bob", Door.CHANGES, "r-2")


@pytest.fixture
def watched(tmp_path: Path) -> Iterator[Watched]:
    """Two kills stand, and two persons are needed."""
    watched = Watched(tmp_path / "views.db")
    watched.world.do(c.Tick())
    watched.world.do(c.PutKill(ANN))
    watched.world.do(c.PutKill(ANN, of_account("A1")))
    watched.world.do(c.PutLimits(ANN, (Limit(LimitLevel.GLOBAL, value_max=whole(1)),)))
    watched.world.settings(two_persons=True)
    yield watched
    watched.close()


def ask(watched: Watched, command: c.Command | None = None) -> str:
    asked = watched.world.one(command or c.LiftKill(ANN), ChangeAsked)
    return asked.asked.id


def one(watched: Watched, change_id: str) -> ChangeRow:
    row = watched.views.one_change(change_id)
    assert row is not None
    return row


def test_one_that_waits(watched: Watched) -> None:
    change_id = ask(watched)
    asked = watched.world.state.changes[change_id]

    row = one(watched, change_id)

    assert (row.kind, row.status, row.details) == ("kill", ChangeStatus.WAITING, asked.details)
    assert (row.actor, row.door, row.request_id) == ("ann", Door.KILL, "r-1")
    assert (row.asked_at_ns, row.expires_at_ns) == (asked.asked_at, asked.expires_at)
    assert (row.decided_by, row.ended_at_ns) == ("", 0)


def test_what_became_of_each(watched: Watched) -> None:
    declined = ask(watched)
    done = watched.world.do(c.DeclineChange(BOB, declined, "not yet"))
    approved = ask(watched, c.LiftKill(ANN, of_account("A1")))
    watched.world.do(c.ApproveChange(BOB, approved, "fine"))
    moved = ask(watched, c.PutLimits(ANN, removed=((LimitLevel.GLOBAL, ""),)))
    watched.world.do(c.PutLimits(ANN, (Limit(LimitLevel.GLOBAL, value_max=1),)))
    watched.world.do(c.ApproveChange(BOB, moved))
    expired = ask(watched, c.PutReference(ANN, settings=RiskSettings()))
    assert watched.views.changes(ChangeStatus.WAITING).total == 1
    watched.world.wait(901)
    watched.world.do(c.Tick())

    rows = [one(watched, change_id) for change_id in (declined, approved, moved, expired)]

    assert [(row.kind, row.status.value) for row in rows] == [
        ("kill", "DECLINED"),
        ("kill", "APPROVED"),
        ("limits", "REFUSED"),
        ("settings", "EXPIRED"),
    ]
    assert [row.decided_by for row in rows] == ["bob", "bob", "bob", ""]
    assert [row.decision_note for row in rows[:2]] == ["not yet", "fine"]
    assert rows[0].ended_at_ns == done[0].time
    assert (rows[2].refusal, bool(rows[2].refusal_text)) == ("CHANGE_MOVED", True)
    assert all(row.ended_at_ns for row in rows)


def test_lists_are_newest_first_and_of_one_status(watched: Watched) -> None:
    first, second = ask(watched), ask(watched)
    watched.world.do(c.DeclineChange(BOB, first))

    page = watched.views.changes(None)

    assert [row.id for row in page.items] == [second, first]
    assert page.total == 2
    assert [row.id for row in watched.views.changes(ChangeStatus.DECLINED).items] == [first]
    assert [row.id for row in watched.views.changes(None, skip=1).items] == [first]
    assert watched.views.one_change("C0") is None
    with pytest.raises(ValueError, match="limit"):
        watched.views.changes(None, limit=0)
