"""Whatever is wrong with the journal of a running server, it stops firing, says why, and ends."""

import asyncio
import os
import sys
from collections.abc import Callable, Iterator
from contextlib import suppress
from pathlib import Path

import httpx
import msgspec
import pytest
from typer.testing import CliRunner

from phalanx.cli import app
from phalanx.journal import JournalCorrupt, SqliteJournal, SqliteJournalReader, verify
from phalanx.journal.sqlite.database import Places
from tests.contract.journal.backends import batch_id
from tests.e2e.checks import check, check_journal, settle
from tests.e2e.load import PROFILES, Client, set_up
from tests.e2e.server import Server
from tests.unit.journal.sqlite.folders import alter_record

KEY = "the-first-of-all-keys"
SIGNAL = {"STRATEGY": "STRATEGY_1", "INSTRUMENT": "INFY", "POSITION": "BUY"}


@pytest.fixture
def profiles(tmp_path: Path) -> Path:
    path = tmp_path / "profiles.json"
    path.write_bytes(msgspec.json.encode(PROFILES))
    return path


@pytest.fixture
def server(tmp_path: Path, profiles: Path) -> Iterator[Server]:
    server = Server(tmp_path / "data", "--profiles", str(profiles))
    server.start()
    yield server
    server.kill()


def post(server: Server, key: str) -> httpx.Response:
    headers = {"Idempotency-Key": key}
    return httpx.post(f"{server.url}/create_order", json=SIGNAL, headers=headers, timeout=30)


def alter(data: Path) -> None:
    """One bit of the record that holds the key, wherever the disk keeps it now."""
    places = Places(data)
    try:
        (body,) = [r.body for r in SqliteJournalReader(data).records() if KEY.encode() in r.body]
    except JournalCorrupt:
        return
    paths = (places.database, places.wal)
    contents = {path: path.read_bytes() for path in paths}
    # A record lies on several pages: a piece of it may lie on two.
    pieces = (body[at : at + 12] for at in range(0, len(body), 12))
    piece = next(p for p in pieces if any(p in content for content in contents.values()))
    for path, content in contents.items():
        at = content.find(piece)
        while at >= 0:
            descriptor = os.open(path, os.O_WRONLY)
            os.pwrite(descriptor, bytes([content[at] ^ 1]), at)
            os.close(descriptor)
            at = content.find(piece, at + 1)


def lose_the_anchor(data: Path) -> None:
    Places(data).anchor.unlink(missing_ok=True)


def lose_the_folder(data: Path) -> None:
    folder = Places(data).folder
    if folder.exists():
        folder.rename(data / "elsewhere")


@pytest.mark.parametrize(
    ("damage", "code"),
    [
        (alter, "ALTERED_RECORD"),
        (lose_the_anchor, "ANCHOR_MISSING"),
        (lose_the_folder, "JOURNAL_MISSING"),
    ],
)
def test_damage_under_a_running_server_ends_it_and_the_next_start_is_refused(
    server: Server, damage: Callable[[Path], None], code: str
) -> None:
    assert post(server, KEY).json()["RESPONSE"] == "ACCEPTED"
    # Again until it is seen: the server may just then be writing the same page once more.
    with suppress(httpx.TransportError):
        for number in range(50):
            damage(server.data)
            # Both read the journal: the answer to a repeat, and the views behind a new instruction.
            post(server, KEY)
            post(server, f"another-{number}")

    assert server.wait() == 1
    said = [line for line in server.complaints if line.startswith("error: the desk had to stop: ")]
    assert [f"[{code}]" in line for line in said] == [True], server.complaints
    assert any("the server ends" in line and code in line for line in server.complaints)
    assert server.start_in_vain() == 1
    assert any(f"[{code}]" in line for line in server.complaints), server.complaints


def test_damage_before_the_newest_snapshot_is_found_while_the_server_runs(server: Server) -> None:
    assert post(server, KEY).json()["RESPONSE"] == "ACCEPTED"
    assert server.stop() == 0  # which keeps a snapshot
    report = verify(SqliteJournalReader(server.data))
    assert report.snapshots[0].record == report.last.record > 2
    alter_record(server.data, 2)

    # Once more: nobody looked at what ended it, and started it again.
    for _ in range(2):
        assert server.start_in_vain() == 1
        said = "\n".join(server.complaints)
        assert "the whole journal is being checked" in said, "the start itself met it"
        assert "the whole journal was checked" not in said
        assert "error: the desk had to stop: " in said
        assert "[ALTERED_RECORD]" in said


async def _fail_under_load(failing: Server, client: Client, flag: Path) -> None:
    await set_up(failing.url)
    stop = asyncio.Event()
    producing = asyncio.create_task(client.produce(4, stop))
    await asyncio.sleep(0.4)
    await asyncio.to_thread(flag.touch)
    code = await asyncio.to_thread(failing.wait)
    stop.set()
    await producing
    assert code == 1
    said = [line for line in failing.complaints if "the desk had to stop" in line]
    assert any("[IO_ERROR]" in line for line in said), failing.complaints


async def _go_on(server: Server, client: Client) -> None:
    client.url = server.url
    await client.ask_again()
    assert not client.unanswered
    await client.repeat(30)
    await settle(server.url)
    await check(client, server.url)


def test_a_sync_that_failed_ends_it_is_never_repeated_and_nothing_is_lost_or_doubled(
    tmp_path: Path, profiles: Path
) -> None:
    flag, trace = tmp_path / "flag", tmp_path / "trace"
    program = (sys.executable, "-m", "tests.e2e.failing_disk", str(flag), str(trace))
    options = ("--profiles", str(profiles))
    failing = Server(tmp_path / "data", *options, program=program)
    healthy = Server(tmp_path / "data", *options)
    client = Client(failing.url, seed=47)
    failing.start()
    try:
        asyncio.run(_fail_under_load(failing, client, flag))
        assert trace.read_text() == "failed\n", "the files were touched after a failed sync"
        healthy.start()
        asyncio.run(_go_on(healthy, client))
        assert healthy.stop() == 0
        check_journal(tmp_path / "data")
    finally:
        failing.kill()
        healthy.kill()


def test_a_record_of_events_that_nobody_knows_refuses_the_start(tmp_path: Path) -> None:
    async def append() -> None:
        journal = SqliteJournal(tmp_path)
        journal.acquire()
        await journal.append(msgspec.msgpack.encode([[9_999, 1]]), 1, batch_id(1))
        journal.close()

    asyncio.run(append())
    result = CliRunner().invoke(app, ["serve", "--port", "0", "--data", str(tmp_path)])
    assert (result.exit_code, "[UNREADABLE_EVENTS]" in result.stderr) == (1, True)
    assert SqliteJournalReader(tmp_path).tail().record == 1
