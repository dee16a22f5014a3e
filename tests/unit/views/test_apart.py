"""Views that a process of its own writes: the same views, whatever becomes of that process."""

import asyncio
import os
import signal
from collections.abc import AsyncIterator, Iterator
from functools import partial
from io import BytesIO
from pathlib import Path

import apsw
import msgspec
import pytest

from phalanx.domain.events import Event, encode_event, join_events
from phalanx.journal.errors import Damage, JournalCorrupt
from phalanx.journal.sqlite import SqliteJournal, SqliteJournalReader
from phalanx.views import feed as feeding
from phalanx.views.apart import ApartFollower, ChildEnded, ChildFailed
from phalanx.views.child import DONE, FAILED, REST, Failed, serve
from phalanx.views.feed import ViewsFeed
from phalanx.views.follower import Follower
from phalanx.views.projector import RecordsDoNotFit
from tests.canary import CANARY, found_in
from tests.unit.views.lives import Lives
from tests.unit.views.records import Records, contents

SOON_S = 30.0


class Written:
    """A real journal in a folder."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.journal = SqliteJournal(folder)
        self.journal.acquire()
        self.seq = 0

    async def append(self, *events: Event) -> int:
        body = join_events([encode_event(event) for event in events], len(events))
        batch = (self.seq + 1).to_bytes(16, "big")
        self.seq = (await self.journal.append(body, len(events), batch)).seq
        return self.seq


@pytest.fixture
def lives() -> Lives:
    return Lives()


@pytest.fixture
async def written(tmp_path: Path, lives: Lives) -> AsyncIterator[Written]:
    made = Written(tmp_path)
    await made.append(*lives.people())
    await made.append(*lives.whole_life())
    yield made
    made.journal.close()


@pytest.fixture
def apart(written: Written, path: Path) -> Iterator[ApartFollower]:
    made = ApartFollower(written.folder, path, SqliteJournalReader(written.folder))
    yield made
    made.close()


def test_a_key_in_the_servers_environment_is_not_handed_on(
    written: Written, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("THE_KEY", CANARY)
    monkeypatch.setenv("PHALANX_KEK", "env:THE_KEY")
    follower = ApartFollower(tmp_path, tmp_path / "views.db", written.journal)
    try:
        environment = Path(f"/proc/{follower.process_id}/environ").read_bytes()
    finally:
        follower.close()

    assert b"PATH=" in environment
    assert b"KEK" not in environment
    assert not found_in(environment)


def is_running(process_id: int) -> bool:
    try:
        os.kill(process_id, 0)
    except ProcessLookupError:
        return False
    return True


async def test_it_writes_what_a_follower_writes(
    apart: ApartFollower, written: Written, path: Path, tmp_path: Path
) -> None:
    assert apart.seq == 0
    assert list(apart.advance(written.seq)) == [written.seq]
    assert apart.seq == written.seq
    apart.rest()
    assert list(apart.advance(written.seq)) == []

    here = Follower(tmp_path / "here.db", SqliteJournalReader(written.folder))
    assert list(here.advance()) == [written.seq]
    here.close()
    assert contents(path) == contents(tmp_path / "here.db")


async def test_it_takes_in_no_more_than_it_is_told(apart: ApartFollower, written: Written) -> None:
    first = next(SqliteJournalReader(written.folder).records()).last_seq

    assert list(apart.advance(first)) == [first]
    assert first < written.seq


async def test_its_process_ends_with_it(apart: ApartFollower) -> None:
    assert is_running(apart.process_id)
    apart.close()

    assert not is_running(apart.process_id)


async def test_it_ends_in_the_middle(apart: ApartFollower, written: Written) -> None:
    reached = apart.advance(written.seq)
    next(reached)
    reached.close()
    apart.close()

    assert not is_running(apart.process_id)


async def test_the_signals_of_a_server_are_not_for_it(
    apart: ApartFollower, written: Written
) -> None:
    for number in (signal.SIGINT, signal.SIGTERM):
        os.kill(apart.process_id, number)

    assert list(apart.advance(written.seq)) == [written.seq]


async def test_a_process_that_is_gone_is_noticed(apart: ApartFollower, written: Written) -> None:
    os.kill(apart.process_id, signal.SIGKILL)

    with pytest.raises(ChildEnded):
        list(apart.advance(written.seq))


async def test_a_process_that_cannot_open_the_views_says_so(
    written: Written, tmp_path: Path
) -> None:
    nowhere = tmp_path / "no-folder" / "views.db"

    with pytest.raises(ChildFailed, match="CantOpenError"):
        ApartFollower(written.folder, nowhere, SqliteJournalReader(written.folder))


async def test_damage_that_it_meets_is_met_here_too(written: Written, path: Path) -> None:
    damage = JournalCorrupt(Damage.ALTERED_RECORD, "record 1")
    here = Records()
    here.append(Lives().signal())
    here.fail_with = damage

    apart = ApartFollower(written.folder / "empty", path, here)
    with pytest.raises(JournalCorrupt) as caught:
        list(apart.advance(1))
    apart.close()

    assert caught.value is damage


@pytest.fixture
async def feed(
    written: Written, path: Path, monkeypatch: pytest.MonkeyPatch
) -> AsyncIterator[ViewsFeed]:
    monkeypatch.setattr(feeding, "RETRY_S_FIRST", 0.01)
    follow = partial(ApartFollower, written.folder)
    made = ViewsFeed(path, SqliteJournalReader(written.folder), follow=follow)
    yield made
    made.stop()


async def test_a_feed_survives_the_end_of_its_process(
    feed: ViewsFeed,
    written: Written,
    lives: Lives,
    path: Path,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    started: list[int] = []
    begin = ApartFollower.__init__

    def remember(follower: ApartFollower, *args: object) -> None:
        begin(follower, *args)  # type: ignore[arg-type]
        started.append(follower.process_id)

    monkeypatch.setattr(ApartFollower, "__init__", remember)
    feed.start(written.seq)
    assert await feed.wait_for(written.seq, SOON_S)
    os.kill(started[0], signal.SIGKILL)
    feed.notify(await written.append(*lives.whole_life("BLUE")))
    async with asyncio.timeout(SOON_S):
        while feed.seq < written.seq or not feed.healthy:  # noqa: ASYNC110  a thread tells nobody
            await asyncio.sleep(0.01)
    feed.stop()

    assert len(started) == 2
    assert not any(map(is_running, started))
    here = Follower(tmp_path / "here.db", SqliteJournalReader(written.folder))
    list(here.advance())
    here.close()
    assert contents(path) == contents(tmp_path / "here.db")


async def test_a_feed_builds_anew_what_its_process_cannot_use(
    feed: ViewsFeed, written: Written, path: Path
) -> None:
    feed.start(written.seq)
    assert await feed.wait_for(written.seq, SOON_S)
    before = contents(path)
    connection = apsw.Connection(str(path))
    connection.execute("UPDATE orders SET quantity = 1")
    connection.close()
    assert contents(path) != before

    feed.distrust()
    async with asyncio.timeout(SOON_S):
        while feed.seq or not feed.healthy:  # noqa: ASYNC110  the same
            await asyncio.sleep(0)

    assert await feed.wait_for(written.seq, SOON_S)
    assert contents(path) == before


async def test_the_process_answers_line_by_line(written: Written, path: Path) -> None:
    said = BytesIO()

    serve(BytesIO(b"%d\n" % written.seq + REST), said, written.folder, path)

    assert said.getvalue() == b"0\n%d\n" % written.seq + DONE


@pytest.mark.parametrize(
    ("failure", "error"),
    [
        (Failed("CorruptError: malformed", rebuild=True, journal=False), RecordsDoNotFit),
        (Failed("OSError: the disk", rebuild=False, journal=False), ChildFailed),
    ],
)
async def test_what_it_says_of_a_failure_is_what_it_means(
    apart: ApartFollower, failure: Failed, error: type[Exception]
) -> None:
    apart._from.close()
    apart._from = BytesIO(FAILED + msgspec.json.encode(failure) + b"\n")

    with pytest.raises(error, match=failure.said):
        list(apart.advance(1))


async def test_the_process_says_what_kind_of_failure_it_was(written: Written, path: Path) -> None:
    said = BytesIO()
    serve(BytesIO(b""), said, written.folder / "empty", path)
    serve(BytesIO(b"what\n"), said, written.folder, path)
    serve(BytesIO(b"1\n"), said, written.folder / "empty", path.with_name("other.db"))

    failures = [
        msgspec.json.decode(line.removeprefix(FAILED), type=Failed)
        for line in said.getvalue().splitlines()
        if line.startswith(FAILED)
    ]
    assert [(failed.rebuild, failed.journal) for failed in failures] == [
        (False, False),
        (False, True),
    ]
    assert failures[1].said.startswith("JournalMissing")
