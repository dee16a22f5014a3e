"""Journals of earlier versions replay for ever, and say what they said."""

import shutil
from collections.abc import Iterator
from pathlib import Path
from typing import get_args

import msgspec
import pytest

from phalanx.bootstrap import verify_folder
from phalanx.desk.recovery import events_after
from phalanx.domain.events import (
    DoubtJudged,
    Event,
    InstructionPlanned,
    KillPut,
    OrderDoubted,
    OrderEnded,
    OrderReported,
)
from phalanx.domain.instructions import KINDS, CancelOpenRequest, FollowUp
from phalanx.domain.kills import KillLevel
from phalanx.domain.reasons import ReasonCode
from phalanx.journal.sqlite.reader import SqliteJournalReader
from tests.contract.golden.facts import facts

JOURNALS = Path(__file__).parents[2] / "data" / "journals"
FOLDERS = sorted(path for path in JOURNALS.iterdir() if path.is_dir())


def test_there_are_golden_journals() -> None:
    assert FOLDERS


@pytest.mark.parametrize("folder", FOLDERS, ids=lambda folder: folder.name)
def test_a_golden_journal_replays_to_what_it_said(folder: Path, tmp_path: Path) -> None:
    copy = tmp_path / "data"
    shutil.copytree(folder, copy)
    report, state = verify_folder(copy)

    assert report.problem is None
    assert state is not None
    expected = msgspec.json.decode((folder / "expected.json").read_bytes())
    replayed = facts(state)
    assert {name: replayed[name] for name in expected} == expected


def events_of(folder: Path) -> Iterator[Event]:
    reader = SqliteJournalReader(folder)
    try:
        for _, event in events_after(reader, 0):
            yield event
    finally:
        reader.close()


@pytest.fixture
def newest(tmp_path: Path) -> list[Event]:
    """Every event of the newest golden journal."""
    copy = tmp_path / "data"
    shutil.copytree(FOLDERS[-1], copy)
    return list(events_of(copy))


def test_the_newest_golden_journal_has_every_event_every_kind_and_every_follow_up(
    newest: list[Event],
) -> None:
    planned = [event for event in newest if isinstance(event, InstructionPlanned)]

    assert {type(event) for event in newest} == set(get_args(Event))
    assert {type(event.request) for event in planned} == KINDS.keys()
    assert {event.follow_up for event in planned} == {None, *FollowUp}


def test_the_newest_golden_journal_has_kills_that_cancel_on_every_level(
    newest: list[Event],
) -> None:
    canceled = {
        event.request.scope.level
        for event in newest
        if isinstance(event, InstructionPlanned)
        and isinstance(event.request, CancelOpenRequest)
        and event.cancels
    }

    assert canceled == set(KillLevel)
    assert {event.whom.level for event in newest if isinstance(event, KillPut)} == set(KillLevel)


def test_the_newest_golden_journal_has_doubts_that_ended_in_every_way(
    newest: list[Event],
) -> None:
    doubted = {event.cl_ord_id for event in newest if isinstance(event, OrderDoubted)}
    judged = {event.cl_ord_id: event for event in newest if isinstance(event, DoubtJudged)}
    absent = {
        event.cl_ord_id
        for event in newest
        if isinstance(event, OrderEnded) and event.reason.code is ReasonCode.ABSENT_AT_BROKER
    }
    found = {event.cl_ord_id for event in newest if isinstance(event, OrderReported)} & doubted

    assert {bool(event.order_id) for event in judged.values()} == {True, False}
    assert absent & doubted - judged.keys()
    assert found - judged.keys()
