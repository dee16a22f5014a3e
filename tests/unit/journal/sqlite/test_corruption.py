"""Whatever happens to the files, nothing acknowledged is lost without being named."""

import asyncio
import random
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import apsw
import pytest

from phalanx.journal import JournalCorrupt, JournalError, SqliteJournal, SqliteJournalReader
from phalanx.journal.record import HEADER_BYTES
from phalanx.journal.sqlite.database import Places
from tests.contract.journal.backends import batch_id, fill
from tests.unit.journal.sqlite.folders import (
    bodies_of,
    contents,
    copy,
    make_killed,
    overwrite,
    restore,
)

IN_DATABASE = 60
IN_LOG = 20


@pytest.fixture(scope="module")
def killed(tmp_path_factory: pytest.TempPathFactory) -> tuple[dict[str, bytes], list[bytes]]:
    """The files of a killed writer and the bodies it had acknowledged."""
    folder = tmp_path_factory.mktemp("killed") / "data"
    bodies = asyncio.run(make_killed(folder, in_database=IN_DATABASE, in_log=IN_LOG))
    return contents(folder), bodies


def refused_or_whole(folder: Path, acknowledged: list[bytes]) -> str | None:
    """The code of the refusal; None when the journal holds exactly what was acknowledged."""
    try:
        bodies = bodies_of(SqliteJournalReader(folder))
    except JournalCorrupt as error:
        return error.code
    assert bodies == acknowledged, "a loss that nobody named"
    return None


@contextmanager
def collected(codes: set[str]) -> Iterator[None]:
    """Note the code of a refusal and go on."""
    try:
        yield
    except JournalCorrupt as error:
        codes.add(error.code)


def positions(size: int, rng: random.Random, dense: int, sparse: int) -> list[int]:
    """The first ``dense`` bytes, where headers are, and ``sparse`` of the rest."""
    head = range(min(dense, size))
    return [*head, *rng.sample(range(len(head), size), min(sparse, size - len(head)))]


@pytest.mark.parametrize("name", ["journal.db", "journal.db-wal", "anchor"])
def test_a_flipped_bit_anywhere_is_named_or_harmless(
    killed: tuple[dict[str, bytes], list[bytes]], tmp_path: Path, name: str
) -> None:
    files, bodies = killed
    rng = random.Random(name)
    codes: set[str | None] = set()
    restore(tmp_path, files)
    for at in positions(len(files[name]), rng, 128, 300):
        data = bytearray(files[name])
        data[at] ^= 1 << rng.randrange(8)
        overwrite(tmp_path, name, bytes(data))
        codes.add(refused_or_whole(tmp_path, bodies))
    # An anchor survives a flip in either slot; the two others do not survive all of them.
    assert (codes == {None}) == (name == "anchor")
    assert "UNEXPECTED_RECORD" not in codes


def test_a_flipped_bit_in_the_log_shows_as_a_journal_behind_its_anchor(
    killed: tuple[dict[str, bytes], list[bytes]], tmp_path: Path
) -> None:
    files, bodies = killed
    log = bytearray(files["journal.db-wal"])
    log[len(log) // 2] ^= 1
    restore(tmp_path, {**files, "journal.db-wal": bytes(log)})
    assert refused_or_whole(tmp_path, bodies) == "BEHIND_ANCHOR"


def test_each_byte_of_a_record_that_was_copied_back_names_the_record(
    killed: tuple[dict[str, bytes], list[bytes]], tmp_path: Path
) -> None:
    files, bodies = killed
    data = files["journal.db"]
    number = IN_DATABASE // 2  # the log has newer versions of the first and the last page only
    body_at = data.index(bodies[number - 1])
    restore(tmp_path, files)
    for at in range(body_at - HEADER_BYTES, body_at + len(bodies[number - 1]), 7):
        altered = bytearray(data)
        altered[at] ^= 1
        overwrite(tmp_path, "journal.db", bytes(altered))
        with pytest.raises(JournalCorrupt) as error:
            bodies_of(SqliteJournalReader(tmp_path))
        assert (error.value.code, error.value.record) == ("ALTERED_RECORD", number)


def test_a_log_cut_anywhere_is_named_or_harmless(
    killed: tuple[dict[str, bytes], list[bytes]], tmp_path: Path
) -> None:
    files, bodies = killed
    log = files["journal.db-wal"]
    rng = random.Random(1)
    cuts = [0, 1, 31, 32, 33, len(log) - 1, *rng.sample(range(len(log)), 150)]
    restore(tmp_path, files)
    for length in cuts:
        overwrite(tmp_path, "journal.db-wal", log[:length])
        assert refused_or_whole(tmp_path, bodies) == "BEHIND_ANCHOR", length


def test_a_log_with_rubbish_behind_it_is_whole(
    killed: tuple[dict[str, bytes], list[bytes]], tmp_path: Path
) -> None:
    files, bodies = killed
    for tail in (b"\0" * 5_000, files["journal.db-wal"][32:4_000], b"rubbish"):
        restore(tmp_path, {**files, "journal.db-wal": files["journal.db-wal"] + tail})
        assert refused_or_whole(tmp_path, bodies) is None


def test_a_deleted_log_is_named(
    killed: tuple[dict[str, bytes], list[bytes]], tmp_path: Path
) -> None:
    files, bodies = killed
    restore(tmp_path, {name: files[name] for name in ("journal.db", "anchor")})
    assert refused_or_whole(tmp_path, bodies) == "BEHIND_ANCHOR"


@pytest.mark.parametrize("database", [None, b""])
def test_a_deleted_database_is_named_and_its_log_is_left_alone(
    killed: tuple[dict[str, bytes], list[bytes]], tmp_path: Path, database: bytes | None
) -> None:
    files, bodies = killed
    files = {name: data for name, data in files.items() if name != "journal.db"}
    files |= {} if database is None else {"journal.db": database}
    restore(tmp_path, files)
    assert refused_or_whole(tmp_path, bodies) == "BEHIND_ANCHOR"
    with pytest.raises(JournalCorrupt):
        SqliteJournal(tmp_path).acquire()
    assert contents(tmp_path) == files


def test_a_log_alone_is_not_taken_for_a_new_journal(
    killed: tuple[dict[str, bytes], list[bytes]], tmp_path: Path
) -> None:
    files, bodies = killed
    restore(tmp_path, {"journal.db-wal": files["journal.db-wal"]})
    assert refused_or_whole(tmp_path, bodies) == "DATABASE_DAMAGED"


def test_a_database_cut_anywhere_is_named(
    killed: tuple[dict[str, bytes], list[bytes]], tmp_path: Path
) -> None:
    files, bodies = killed
    data = files["journal.db"]
    for length in (1, 99, 100, 4_096, 5_000, len(data) - 4_096, len(data) - 1):
        restore(tmp_path, {"journal.db": data[:length], "anchor": files["anchor"]})
        assert refused_or_whole(tmp_path, bodies) is not None, length


async def test_an_older_copy_of_the_journal_is_behind_the_anchor(tmp_path: Path) -> None:
    old = tmp_path / "old"
    bodies = await make_killed(old, in_database=3, in_log=3)
    now = tmp_path / "now"
    copy(old, now)
    journal = SqliteJournal(now)
    journal.acquire()
    bodies += await fill(journal, 1, first=7)
    journal.close()
    restore(now, {**contents(old), "anchor": contents(now)["anchor"]})
    assert refused_or_whole(now, bodies) == "BEHIND_ANCHOR"


async def test_an_old_database_under_a_newer_log_is_never_believed(tmp_path: Path) -> None:
    old, new = tmp_path / "old", tmp_path / "new"
    await make_killed(old, in_database=80, in_log=0)
    copy(old, new)
    journal = SqliteJournal(new)
    journal.acquire()
    bodies = [*bodies_of(SqliteJournalReader(old)), *await fill(journal, 80, first=81)]
    journal.close()
    journal = SqliteJournal(new)
    journal.acquire()
    bodies += await fill(journal, 5, first=161)
    mixed = tmp_path / "mixed"
    restore(mixed, {**contents(new), "journal.db": contents(old)["journal.db"]})
    journal.close()
    assert refused_or_whole(mixed, bodies) is not None


@pytest.mark.parametrize(
    ("statement", "code"),
    [
        ("DELETE FROM records WHERE record > 19", "MISSING_RECORD"),
        ("DELETE FROM records", "MISSING_RECORD"),
        ("DELETE FROM meta", "DATABASE_DAMAGED"),
        ("UPDATE meta SET shard = 4", "WRONG_SHARD"),
        ("UPDATE meta SET seq = seq + 1", "CHAIN_BROKEN"),
        ("UPDATE meta SET chain = zeroblob(32)", "CHAIN_BROKEN"),
        ("UPDATE records SET first_seq = first_seq + 1 WHERE record = 7", "ALTERED_RECORD"),
        ("UPDATE records SET bytes = x'' WHERE record = 7", "ALTERED_RECORD"),
        ("UPDATE records SET record = -1 WHERE record = 1", "MISSING_RECORD"),
        ("DROP TRIGGER append", "DATABASE_DAMAGED"),
        ("PRAGMA user_version = 2", "UNKNOWN_FORMAT"),
        ("PRAGMA application_id = 0", "UNKNOWN_FORMAT"),
    ],
)
def test_what_somebody_did_with_sql_is_named(
    killed: tuple[dict[str, bytes], list[bytes]], tmp_path: Path, statement: str, code: str
) -> None:
    files, bodies = killed
    restore(tmp_path, files)
    database = apsw.Connection(str(Places(tmp_path).database))
    database.execute(statement)
    database.close()
    assert refused_or_whole(tmp_path, bodies) == code


@pytest.mark.parametrize("first_seq", [3, 45])
async def test_a_wrong_row_never_leads_to_a_wrong_answer(tmp_path: Path, first_seq: int) -> None:
    folder = tmp_path / "data"
    bodies = await make_killed(folder, in_database=30, in_log=0)
    database = apsw.Connection(str(Places(folder).database))
    database.execute("UPDATE records SET first_seq = ? WHERE record = 15", (first_seq,))
    database.close()
    reader = SqliteJournalReader(folder)
    codes: set[str] = set()
    for seq in range(1, 61):
        with collected(codes):
            found = reader.record_at(seq)
            assert found.first_seq <= seq <= found.last_seq
            assert found.body == bodies[found.record - 1]
        with collected(codes):
            after = [record.body for record in reader.records(seq)]
            assert after == bodies[len(bodies) - len(after) :]
    assert codes == {"ALTERED_RECORD"}


@pytest.mark.parametrize("content", [b"rubbish" * 1_000, None])
def test_a_file_that_is_not_ours_is_refused(tmp_path: Path, content: bytes | None) -> None:
    places = Places(tmp_path)
    places.folder.mkdir()
    if content is None:
        foreign = apsw.Connection(str(places.database))
        foreign.execute("CREATE TABLE t (a)")
        foreign.close()
    else:
        places.database.write_bytes(content)
    with pytest.raises(JournalCorrupt) as error:
        SqliteJournal(tmp_path).acquire()
    assert error.value.code == ("UNKNOWN_FORMAT" if content is None else "DATABASE_DAMAGED")


def test_a_refused_journal_is_left_as_it_was_found(
    killed: tuple[dict[str, bytes], list[bytes]], tmp_path: Path
) -> None:
    files, _ = killed
    log = bytearray(files["journal.db-wal"])
    log[len(log) // 2] ^= 1
    damaged = {**files, "journal.db-wal": bytes(log)}
    restore(tmp_path, damaged)
    for _ in range(2):
        journal = SqliteJournal(tmp_path)
        with pytest.raises(JournalError):
            journal.acquire()
        journal.close()
        assert contents(tmp_path) == damaged


async def test_what_a_crash_left_of_the_creation_is_in_nobodys_way(tmp_path: Path) -> None:
    places = Places(tmp_path)
    places.folder.mkdir()
    for name in ("journal.db.new", "journal.db.new-journal", "anchor.new"):
        (places.folder / name).write_bytes(b"half")
    journal = SqliteJournal(tmp_path)
    journal.acquire()
    await journal.append(b"x", 1, batch_id(1))
    journal.close()
    assert bodies_of(SqliteJournalReader(tmp_path)) == [b"x"]
