from pathlib import Path

import pytest

from phalanx.journal.errors import JournalError
from phalanx.journal.sqlite import SqliteJournal
from phalanx.views.rebuild import rebuild
from phalanx.views.schema import database_path
from tests.unit.views.lives import Lives
from tests.unit.views.records import Records, contents, follow


async def test_a_folder_s_views_are_made_from_its_journal(tmp_path: Path) -> None:
    lives, source = Lives(), Records()
    source.append(*lives.people())
    for _ in range(5):
        source.append(*lives.whole_life())
    journal = SqliteJournal(tmp_path)
    journal.acquire()
    for record in source.made:
        await journal.append(record.body, record.count, bytes(16))
    journal.close()
    follow(tmp_path / "expected.db", source)

    assert rebuild(tmp_path) == source.seq

    assert contents(database_path(tmp_path)) == contents(tmp_path / "expected.db")


def test_what_was_there_is_dropped(tmp_path: Path) -> None:
    path = database_path(tmp_path)
    old, new = Records(), Records()
    old.append(*Lives(7).people())
    new.append(*Lives(2).people())
    follow(path, old)

    assert rebuild(tmp_path, new) == new.seq

    assert len(contents(path)["accounts"]) == 2


def test_without_a_journal_there_is_nothing_to_build_from(tmp_path: Path) -> None:
    with pytest.raises(JournalError):
        rebuild(tmp_path)
