"""Journals of earlier versions replay for ever, and say what they said."""

import shutil
from pathlib import Path

import msgspec
import pytest

from phalanx.bootstrap import verify_folder
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
