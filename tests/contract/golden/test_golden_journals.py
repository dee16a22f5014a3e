"""Journals of earlier versions replay for ever, and say what they said."""

import shutil
from collections.abc import Iterator
from pathlib import Path
from typing import get_args

import msgspec
import pytest

from phalanx.bootstrap import verify_folder
from phalanx.desk.recovery import events_after
from phalanx.domain.events import Event, InstructionPlanned
from phalanx.domain.instructions import KINDS, FollowUp
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


def test_the_newest_golden_journal_has_every_event_every_kind_and_every_follow_up(
    tmp_path: Path,
) -> None:
    copy = tmp_path / "data"
    shutil.copytree(FOLDERS[-1], copy)
    events = list(events_of(copy))
    planned = [event for event in events if isinstance(event, InstructionPlanned)]

    assert {type(event) for event in events} == set(get_args(Event))
    assert {type(event.request) for event in planned} == KINDS.keys()
    assert {event.follow_up for event in planned} == {None, *FollowUp}
