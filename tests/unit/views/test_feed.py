"""The thread that follows: in time for who waits, out of the way of everybody else, never fatal."""

import asyncio
import logging
import threading
import time
from collections.abc import AsyncIterator, Callable, Sequence
from pathlib import Path

import apsw
import pytest

from phalanx.domain.events import encode_event, join_events
from phalanx.domain.numbers import whole
from phalanx.journal.sqlite import SqliteJournal, SqliteJournalReader
from phalanx.views import feed as feeding
from phalanx.views.feed import ViewsFeed
from phalanx.views.projector import Projector
from phalanx.views.queries import Views
from phalanx.views.source import SourceRecord
from tests.unit.views.lives import Lives
from tests.unit.views.records import Records, contents, follow

SOON_S = 20.0
"""Long enough on any machine; nothing here waits for it when all is well."""


@pytest.fixture
def lives() -> Lives:
    return Lives()


@pytest.fixture
def source(lives: Lives) -> Records:
    made = Records()
    made.append(*lives.people())
    made.append(*lives.whole_life())
    return made


@pytest.fixture
async def feed(
    path: Path, source: Records, monkeypatch: pytest.MonkeyPatch
) -> AsyncIterator[ViewsFeed]:
    monkeypatch.setattr(feeding, "RETRY_S_FIRST", 0.01)
    monkeypatch.setattr(feeding, "RETRY_S_MAX", 0.05)
    monkeypatch.setattr(feeding, "QUIET_S", 0.02)
    made = ViewsFeed(path, source)
    yield made
    made.stop()


async def until(condition: Callable[[], bool]) -> None:
    """Wait until something that another thread does has happened."""
    async with asyncio.timeout(SOON_S):
        while not condition():  # noqa: ASYNC110  another thread tells nobody
            await asyncio.sleep(0.002)


def identity(path: Path) -> int:
    """Which file that is; zero for none."""
    return path.stat().st_ino if path.exists() else 0


async def test_what_was_durable_at_the_start_is_taken_in(feed: ViewsFeed, source: Records) -> None:
    feed.start(source.seq)

    assert await feed.wait_for(source.seq, SOON_S)
    assert (feed.seq, feed.healthy, feed.error) == (source.seq, True, None)


async def test_only_what_is_announced_is_taken_in(feed: ViewsFeed, source: Records) -> None:
    first = source.made[0].count
    feed.start(first)
    assert await feed.wait_for(first, SOON_S)

    assert not await feed.wait_for(source.seq, 0.05)
    assert feed.seq == first
    feed.notify(source.seq)
    assert await feed.wait_for(source.seq, SOON_S)


async def test_a_reader_sees_its_own_writes(
    feed: ViewsFeed, source: Records, lives: Lives, path: Path
) -> None:
    feed.start(source.seq)
    views = Views(path, feed.distrust)
    for _ in range(20):
        planned = lives.signal()
        feed.notify(source.append(planned))

        assert await feed.wait_for(source.seq, SOON_S)

        assert (await views.ask(views.orders)).items[0].cl_ord_id == planned.orders[-1].cl_ord_id
    views.close()


async def test_waiting_begins_before_the_announcement(feed: ViewsFeed, source: Records) -> None:
    feed.start(source.made[0].count)
    waits = [asyncio.ensure_future(feed.wait_for(source.seq, SOON_S)) for _ in range(5)]
    await asyncio.sleep(0.01)
    feed.notify(source.seq)

    assert await asyncio.gather(*waits) == [True] * 5


async def test_who_waits_too_long_hears_so(feed: ViewsFeed, source: Records) -> None:
    feed.start(source.seq)

    assert not await feed.wait_for(source.seq + 1, 0.02)
    assert not feed._waiters


async def test_a_wait_may_be_abandoned(feed: ViewsFeed, source: Records) -> None:
    feed.start(source.seq)
    wait = asyncio.ensure_future(feed.wait_for(source.seq + 1, SOON_S))
    await asyncio.sleep(0.01)
    wait.cancel()

    with pytest.raises(asyncio.CancelledError):
        await wait
    assert not feed._waiters


async def test_there_is_room_for_so_many_only(
    feed: ViewsFeed, source: Records, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(feeding, "WAITERS_MAX", 1)
    feed.start(source.seq)
    wait = asyncio.ensure_future(feed.wait_for(source.seq + 1, SOON_S))
    await asyncio.sleep(0.01)

    assert not await feed.wait_for(source.seq + 1, SOON_S)
    wait.cancel()


async def test_nobody_waits_for_a_feed_that_does_not_run(feed: ViewsFeed, source: Records) -> None:
    assert not await feed.wait_for(1, SOON_S)
    feed.start(source.seq)
    assert await feed.wait_for(source.seq, SOON_S)
    wait = asyncio.ensure_future(feed.wait_for(source.seq + 1, SOON_S))
    await asyncio.sleep(0.01)
    feed.stop()

    assert not await wait
    assert not await feed.wait_for(source.seq + 1, SOON_S)
    assert await feed.wait_for(source.seq, SOON_S), "what is there may still be read"


async def test_many_announcements_become_few_looks(
    feed: ViewsFeed, source: Records, lives: Lives
) -> None:
    feed.start(source.seq)
    assert await feed.wait_for(source.seq, SOON_S)
    before = source.reads
    for _ in range(200):
        feed.notify(source.append(lives.signal()))

    assert await feed.wait_for(source.seq, SOON_S)

    assert source.reads - before <= 3


async def test_an_old_announcement_changes_nothing(feed: ViewsFeed, source: Records) -> None:
    feed.start(source.seq)
    assert await feed.wait_for(source.seq, SOON_S)
    before = source.reads
    feed.notify(1)
    await asyncio.sleep(0.03)

    assert (source.reads, feed.seq) == (before, source.seq)


async def test_a_failure_is_told_and_tried_again(
    feed: ViewsFeed, source: Records, caplog: pytest.LogCaptureFixture
) -> None:
    source.fail_with = OSError("the disk is gone")
    feed.start(source.seq)
    await until(lambda: not feed.healthy)
    assert feed.error == "OSError: the disk is gone"
    assert not await feed.wait_for(source.seq, SOON_S)
    await asyncio.sleep(0.1)
    said = [record for record in caplog.records if record.levelno == logging.ERROR]
    source.fail_with = None

    await until(lambda: feed.healthy and feed.seq == source.seq)

    assert len(said) == 1, "the same failure is logged once"
    assert await feed.wait_for(source.seq, SOON_S)


async def test_who_waits_hears_of_a_failure(feed: ViewsFeed, source: Records) -> None:
    feed.start(source.seq)
    assert await feed.wait_for(source.seq, SOON_S)
    wait = asyncio.ensure_future(feed.wait_for(source.seq + 1, SOON_S))
    await asyncio.sleep(0.01)
    source.append(Lives().filled("AA0NOBODY0"))
    feed.notify(source.seq)

    assert not await wait
    assert feed.error is not None
    assert "AA0NOBODY0" in feed.error


async def test_records_that_were_announced_and_are_not_there(
    feed: ViewsFeed, source: Records
) -> None:
    feed.start(source.seq + 5)
    await until(lambda: not feed.healthy)

    assert feed.error is not None
    assert feed.error.startswith("RecordsMissing")
    assert feed.seq == source.seq


async def test_a_file_that_a_reader_found_damaged_is_built_again(
    feed: ViewsFeed, source: Records, path: Path
) -> None:
    feed.start(source.seq)
    assert await feed.wait_for(source.seq, SOON_S)
    views = Views(path, feed.distrust)
    before, found = identity(path), views.orders()
    connection = apsw.Connection(str(path))
    connection.execute("UPDATE orders SET quantity = 1")
    assert views.orders() != found

    feed.distrust()
    await until(lambda: identity(path) not in {before, 0})

    assert await feed.wait_for(source.seq, SOON_S)
    assert views.orders() == found, "the reader noticed that the file is another one"
    connection.close()
    views.close()


async def test_a_file_that_turns_out_to_be_damaged_is_built_again(
    feed: ViewsFeed, source: Records, lives: Lives, path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    feed.start(source.seq)
    assert await feed.wait_for(source.seq, SOON_S)
    connection = apsw.Connection(str(path))
    connection.execute("UPDATE orders SET quantity = 1")
    connection.close()
    damage = [apsw.CorruptError("database disk image is malformed")]
    write = Projector.write

    def write_or_find_damage(projector: Projector, records: Sequence[SourceRecord]) -> None:
        if damage:
            raise damage.pop()
        write(projector, records)

    monkeypatch.setattr(Projector, "write", write_or_find_damage)
    feed.notify(source.append(lives.signal()))

    await until(lambda: feed.healthy and feed.seq == source.seq)
    views = Views(path)
    assert {row.quantity for row in views.orders().items} == {whole(1)}
    views.close()


async def test_the_log_is_copied_when_it_is_quiet(
    feed: ViewsFeed, source: Records, path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("phalanx.views.follower.LOG_PAGES_WORTH", 1)
    feed.start(source.seq)
    assert await feed.wait_for(source.seq, SOON_S)

    await until(lambda: path.stat().st_size > 100_000)


async def test_the_thread_ends_with_the_feed(feed: ViewsFeed, source: Records) -> None:
    before = set(threading.enumerate())
    feed.start(source.seq)
    assert await feed.wait_for(source.seq, SOON_S)
    own = [thread for thread in set(threading.enumerate()) - before if thread.name == "views-feed"]
    feed.stop()

    assert len(own) == 1
    assert not own[0].is_alive()


async def test_what_was_missed_is_taken_in_at_the_next_start(
    path: Path, source: Records, lives: Lives, tmp_path: Path
) -> None:
    first = ViewsFeed(path, source)
    first.start(source.seq)
    assert await first.wait_for(source.seq, SOON_S)
    first.stop()
    source.append(*lives.whole_life())

    second = ViewsFeed(path, source)
    second.start(source.seq)
    assert await second.wait_for(source.seq, SOON_S)
    second.stop()

    follow(tmp_path / "fresh.db", source)
    assert contents(path) == contents(tmp_path / "fresh.db")


async def test_a_real_journal_is_followed(tmp_path: Path) -> None:
    lives = Lives()
    journal = SqliteJournal(tmp_path)
    journal.acquire()
    path = tmp_path / "views.db"
    feed = ViewsFeed(path, SqliteJournalReader(tmp_path))
    feed.start()
    views = Views(path, feed.distrust)
    events = [*lives.people(), *lives.whole_life(), *lives.whole_life("BLUE")]
    for number, event in enumerate(events):
        body = join_events([encode_event(event)], 1)
        tail = await journal.append(body, 1, number.to_bytes(16, "big"))
        feed.notify(tail.seq)

    assert await feed.wait_for(len(events), SOON_S)

    page = views.orders()
    assert (page.total, page.as_of) == (6, len(events))
    feed.stop()
    views.close()
    journal.close()


def test_announcing_is_cheap_while_the_thread_is_busy(path: Path, source: Records) -> None:
    feed = ViewsFeed(path, source)
    feed._condition = None  # type: ignore[assignment]  # touching it would fail

    for seq in range(1, 1_000):
        feed.notify(seq)

    assert feed._target == 999


@pytest.mark.parametrize(
    ("late_s", "slept_s"),
    [
        pytest.param(0.000_1, [0.000_05] * 4, id="quiet"),
        pytest.param(0.001, [0.000_05, 0.000_1, 0.000_2, 0.000_4], id="busy"),
    ],
)
def test_breaths_are_longer_while_others_are_busy(
    path: Path,
    source: Records,
    monkeypatch: pytest.MonkeyPatch,
    late_s: float,
    slept_s: list[float],
) -> None:
    feed = ViewsFeed(path, source)
    now, slept = [0.0], []

    def sleep(duration_s: float) -> None:
        slept.append(duration_s)
        now[0] += duration_s + late_s

    monkeypatch.setattr(time, "sleep", sleep)
    monkeypatch.setattr(time, "perf_counter", lambda: now[0])
    for _ in range(4):
        feed._breathe()
    for _ in range(20):
        feed._breathe()
    longest = max(slept)
    feed._waiters = {None: 1}  # type: ignore[dict-item]  # somebody waits
    feed._breathe()

    assert slept[:4] == slept_s
    assert longest <= feeding.BREATH_S_MAX
    assert slept[-1] == feeding.BREATH_S
