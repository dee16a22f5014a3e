"""Following a journal: exactly once, across restarts, kills, other versions and other journals."""

import subprocess
import sys
from pathlib import Path

import apsw
import msgspec
import pytest

from phalanx.domain.events import TermBegan
from phalanx.views import follower as following
from phalanx.views.follower import Follower
from phalanx.views.projector import AnotherWriter, Projector, RecordsDoNotFit
from phalanx.views.schema import open_for_writing
from tests.unit.views.lives import Lives
from tests.unit.views.records import MadeRecord, Records, contents, follow, rows


@pytest.fixture
def source() -> Records:
    """Forty-one records; the orders of the last are open."""
    lives, made = Lives(), Records()
    made.append(*lives.people())
    for number in range(13):
        events = lives.whole_life(instrument=f"NSE:{number % 3}")
        made.append(*events[:2])
        made.append(*events[2:4])
        made.append(*events[4:])
    made.append(lives.signal())
    return made


def test_records_are_taken_in_once(path: Path, source: Records) -> None:
    assert follow(path, source) == source.seq
    once = contents(path)

    assert follow(path, source) == source.seq

    assert contents(path) == once
    assert once["cursor"][0][1] == source.seq
    assert len(once["orders"]) == 42
    assert len(once["fills"]) == 39
    assert len(once["order_log"]) == 81


def test_a_restart_anywhere_changes_nothing(tmp_path: Path, source: Records) -> None:
    straight, broken = tmp_path / "straight.db", tmp_path / "broken.db"
    follow(straight, source)

    for record in source.made:
        follow(broken, source, until_seq=record.first_seq + record.count - 1)

    assert contents(broken) == contents(straight)


@pytest.mark.parametrize("at_once", [1, 7, 10_000])
def test_the_size_of_transactions_changes_nothing(
    tmp_path: Path, source: Records, at_once: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    usual, other = tmp_path / "usual.db", tmp_path / "other.db"
    follow(usual, source)
    monkeypatch.setattr(following, "EVENTS_AT_ONCE", at_once)

    follow(other, source)

    assert contents(other) == contents(usual)


@pytest.mark.parametrize("rows_in_hand", [1, 3])
def test_writing_earlier_within_a_transaction_changes_nothing(
    tmp_path: Path, source: Records, rows_in_hand: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    usual, other = tmp_path / "usual.db", tmp_path / "other.db"
    follow(usual, source)
    monkeypatch.setattr("phalanx.views.workspace.ROWS_PER_BREATH", 1)
    monkeypatch.setattr("phalanx.views.workspace.ROWS_IN_HAND_MAX", rows_in_hand)

    follow(other, source)

    assert contents(other) == contents(usual)


def test_forgetting_open_orders_changes_nothing(
    tmp_path: Path, source: Records, monkeypatch: pytest.MonkeyPatch
) -> None:
    usual, other = tmp_path / "usual.db", tmp_path / "other.db"
    follow(usual, source)
    monkeypatch.setattr("phalanx.views.table.ENTRIES_KEPT_MAX", 0)
    monkeypatch.setattr(following, "EVENTS_AT_ONCE", 1)

    follow(other, source)

    assert contents(other) == contents(usual)


def test_no_record_that_ends_behind_the_announced_seq_is_taken_in(
    path: Path, source: Records
) -> None:
    first, second = source.made[:2]
    assert second.count == 2

    assert follow(path, source, until_seq=second.first_seq) == first.count
    assert follow(path, source, until_seq=1) == first.count
    assert follow(path, source, until_seq=second.first_seq + 1) == first.count + 2


def test_a_transaction_takes_whole_records_and_stops_when_told(path: Path, source: Records) -> None:
    following_it = Follower(path, source)

    steps = following_it.advance(source.made[0].first_seq + source.made[0].count - 1)
    assert list(steps) == [source.made[0].count]
    steps = following_it.advance()
    next(steps)
    steps.close()

    assert source.open == 0
    following_it.close()
    assert rows(open_for_writing(path), "SELECT seq FROM cursor") == [following_it.seq]


@pytest.mark.parametrize("kept", [0, 1, -1], ids=["empty", "one record", "all but one"])
def test_a_journal_that_lost_its_end_gets_new_views(
    tmp_path: Path, source: Records, kept: int
) -> None:
    path, fresh = tmp_path / "views.db", tmp_path / "fresh.db"
    follow(path, source)
    del source.made[kept:]

    follow(path, source)
    follow(fresh, source)

    assert contents(path) == contents(fresh)


def test_another_journal_gets_views_of_its_own(tmp_path: Path, source: Records) -> None:
    path, fresh = tmp_path / "views.db", tmp_path / "fresh.db"
    follow(path, source)
    last = source.made.pop()
    source.append(*list(Lives(9).people())[-last.count :])

    follow(path, source)
    follow(fresh, source)

    assert contents(path) == contents(fresh)
    assert len(contents(path)["orders"]) == 39


def test_another_version_is_built_again(tmp_path: Path, source: Records) -> None:
    path, fresh = tmp_path / "views.db", tmp_path / "fresh.db"
    follow(path, source)
    connection = apsw.Connection(str(path))
    connection.execute("DELETE FROM orders")
    connection.pragma("user_version", 99)
    connection.close()

    follow(path, source)
    follow(fresh, source)

    assert contents(path) == contents(fresh)


@pytest.mark.parametrize("where", ["head", "cursor", "everywhere", "cut"])
def test_a_damaged_file_is_built_again(tmp_path: Path, source: Records, where: str) -> None:
    path, fresh = tmp_path / "views.db", tmp_path / "fresh.db"
    follow(path, source)
    content = bytearray(path.read_bytes())
    if where == "head":
        content[:16] = b"something else  "
    elif where == "cut":
        del content[2_000:]
    else:
        content[100 if where == "everywhere" else 4_096 :] = bytes(len(content) - 4_096)
    path.write_bytes(content)

    follow(path, source)
    follow(fresh, source)

    assert contents(path) == contents(fresh)


def test_a_source_that_fails_at_the_start_leaves_the_file_alone(
    path: Path, source: Records
) -> None:
    follow(path, source)
    before = contents(path)
    source.fail_with = OSError("gone")

    with pytest.raises(OSError, match="gone"):
        Follower(path, source)

    assert source.open == 0
    assert contents(path) == before


def test_a_gap_in_the_records_is_refused(path: Path, source: Records) -> None:
    del source.made[5]

    with pytest.raises(RecordsDoNotFit, match="not behind"):
        follow(path, source)


def test_a_record_that_lies_about_its_events_is_refused(path: Path, source: Records) -> None:
    first = source.made[0]
    source.made[0] = MadeRecord(1, first.count + 1, first.body)

    with pytest.raises(RecordsDoNotFit, match="events"):
        follow(path, source)


def test_a_record_that_cannot_be_read_leaves_nothing_behind(path: Path, source: Records) -> None:
    good = source.made[0].count
    source.made[1] = MadeRecord(good + 1, 2, b"\x92\xc0\xc0")

    with pytest.raises(msgspec.DecodeError):
        follow(path, source)

    assert rows(open_for_writing(path), "SELECT seq FROM cursor") == [0]
    assert follow(path, source, until_seq=good) == good


def test_an_order_nobody_planned_is_refused(path: Path) -> None:
    source = Records()
    source.append(Lives().filled("AA00000009"))

    with pytest.raises(KeyError, match="AA00000009"):
        follow(path, source)


def test_two_writers_cannot_both_write(path: Path, source: Records) -> None:
    one, other = Projector(open_for_writing(path)), Projector(open_for_writing(path))
    one.write(source.made[:1])
    quiet = Records()
    quiet.append(TermBegan(1, 1, "0.1"))

    with pytest.raises(AnotherWriter, match="seq 0"):
        other.write(quiet.made)


def test_the_log_is_checkpointed_in_quiet_moments_or_when_it_is_long(
    path: Path, source: Records, monkeypatch: pytest.MonkeyPatch
) -> None:
    log = path.with_name("views.db-wal")
    monkeypatch.setattr(following, "LOG_PAGES_WORTH", 1)
    one = Follower(path, source)
    list(one.advance())
    before = path.stat().st_size
    one.rest()
    rested = path.stat().st_size
    one.close()
    path.unlink()
    monkeypatch.setattr(following, "LOG_PAGES_MAX", 1)
    other = Follower(path, source)
    list(other.advance())

    assert before < rested == path.stat().st_size
    assert log.exists()
    other.close()
    assert not log.exists()


def test_breath_is_taken_now_and_then(path: Path, source: Records) -> None:
    breaths = []
    projector = Projector(open_for_writing(path), lambda: breaths.append(1))

    projector.write(source.made)

    steps = sum(record.count for record in source.made)
    assert steps // 64 <= len(breaths) <= 4 * steps // 64


KILLED = """
import sys
from pathlib import Path
from tests.unit.views.lives import Lives
from tests.unit.views.records import Records
from tests.unit.views.test_follower import a_long_journal
from phalanx.views import follower

follower.EVENTS_AT_ONCE = 20
follower.LOG_PAGES_MAX = 50
one = follower.Follower(Path(sys.argv[1]), a_long_journal())
for seq in one.advance():
    print(seq, flush=True)
"""


def a_long_journal() -> Records:
    """The same thousand records every time."""
    lives, made = Lives(20), Records()
    made.append(*lives.people())
    for number in range(500):
        events = lives.whole_life(instrument=f"NSE:{number % 7}")
        made.append(*events[:2])
        made.append(*events[2:])
    return made


def test_a_kill_at_any_moment_costs_nothing(tmp_path: Path) -> None:
    path, fresh = tmp_path / "views.db", tmp_path / "fresh.db"
    source = a_long_journal()
    reached = [0]
    for attempt in range(5):
        child = subprocess.Popen(
            [sys.executable, "-c", KILLED, str(path)], stdout=subprocess.PIPE, text=True
        )
        assert child.stdout is not None
        said = [int(child.stdout.readline()) for _ in range(11 + 7 * attempt)]
        child.kill()
        child.wait()
        child.stdout.close()
        reached.append(whole_up_to(path, source))
        assert reached[-2] < said[0] < said[-1] <= reached[-1] < source.seq

    assert follow(path, source) == source.seq
    follow(fresh, source)
    assert contents(path) == contents(fresh)


def whole_up_to(path: Path, source: Records) -> int:
    """The cursor of a file that somebody was killed over; its rows are those of exactly that seq."""
    (seq,) = (row[1] for row in contents(path)["cursor"])
    expected = path.with_name(f"up-to-{seq}.db")
    follow(expected, source, until_seq=seq)
    assert contents(path) == contents(expected)
    return int(seq)
