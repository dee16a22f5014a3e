"""A disk that is full under load: the server ends and says why; with space again nothing is missing."""

import asyncio
import shutil
import subprocess
from collections.abc import Callable, Iterator
from contextlib import nullcontext, suppress
from functools import partial
from pathlib import Path
from typing import Final

import msgspec
import pytest

from phalanx.journal import SqliteJournalReader, verify
from phalanx.journal.sqlite.database import Places, size_bytes
from tests.e2e.checks import check, check_journal, settle
from tests.e2e.load import PROFILES, Client, set_up
from tests.e2e.server import Server, small_files
from tests.property.engine.profile import SOAK

PRODUCERS = 8
REPEATS = 30
FILESYSTEM_BYTES: Final = 24 << 20
LEFT_BYTES: Final = 64 << 10
REASONS = ("[DISK_FULL]", "[IO_ERROR]", "[ANCHOR_FAILED]")


@pytest.fixture
def profiles(tmp_path: Path) -> Path:
    path = tmp_path / "profiles.json"
    path.write_bytes(msgspec.json.encode(PROFILES))
    return path


@pytest.fixture
def small_disk(tmp_path: Path) -> Iterator[Path]:
    """A file system of its own, a few MiB large, where this user may have one."""
    folder = tmp_path / "disk"
    folder.mkdir()
    size = f"size={FILESYSTEM_BYTES}"
    mount = shutil.which("mount")
    if (
        mount is None
        or subprocess.run(
            [mount, "-t", "tmpfs", "-o", size, "tmpfs", str(folder)],
            capture_output=True,
            check=False,
        ).returncode
    ):
        pytest.skip("this user may not mount a file system")
    yield folder
    subprocess.run(["umount", "--lazy", str(folder)], check=True)


async def _end_under_load(server: Server, client: Client, fill: Callable[[], None]) -> None:
    """The disk becomes full under load, and the server ends by itself, with its reason."""
    stop = asyncio.Event()
    load = asyncio.create_task(client.produce(PRODUCERS, stop))
    await asyncio.sleep(0.4)
    fill()
    ending = asyncio.ensure_future(asyncio.to_thread(server.wait))
    await asyncio.wait((load, ending), return_when=asyncio.FIRST_COMPLETED)
    if load.done() and load.exception() is not None:
        # Nobody asks any more, so the server would not end.
        await load
    code = await ending
    stop.set()
    await load
    assert code == 1
    said = [line for line in server.complaints if line.startswith("error: the desk had to stop: ")]
    assert len(said) == 1, server.complaints
    assert any(reason in said[0] for reason in REASONS)
    assert any("the server ends" in line for line in server.complaints), "the log says it too"


async def _go_on(server: Server, client: Client) -> None:
    await asyncio.to_thread(server.start)
    await client.ask_again()
    assert not client.unanswered
    await client.repeat(REPEATS)
    await check(client, server.url)


def _refused(server: Server, file_bytes_max: int | None = None) -> None:
    """Whoever starts it too early hears why, and takes nothing away."""
    before = verify(SqliteJournalReader(server.data))
    assert before.ok
    with small_files(file_bytes_max) if file_bytes_max else nullcontext():
        code = server.start_in_vain()
    assert code == 1
    assert [line for line in server.complaints if line.startswith("error: ")], server.complaints
    after = verify(SqliteJournalReader(server.data))
    assert after.ok
    assert after.records >= before.records


def _too_early(server: Server) -> None:
    """Started on the full disk it says why and ends, unless its log has room enough for a start: the part of
    it that was written before is written over. Either way nothing is taken away.
    """
    before = verify(SqliteJournalReader(server.data))
    assert before.ok
    server.launch()
    if server.becomes_ready():
        server.kill()
    else:
        assert server.wait() == 1
        assert [line for line in server.complaints if line.startswith("error: ")], server.complaints
    after = verify(SqliteJournalReader(server.data))
    assert after.ok
    assert after.records >= before.records


def test_files_that_may_not_grow_end_it_and_nothing_is_lost_or_doubled(
    tmp_path: Path, profiles: Path
) -> None:
    server = Server(tmp_path / "data", "--profiles", str(profiles))
    client = Client(server.url, seed=27)
    log = Places(server.data).wal

    async def rounds() -> None:
        await set_up(server.url)
        for number in range(2 * SOAK):
            # Not one byte more of anything, and then in the middle of a commit to come.
            limit = size_bytes(log) + 20_000 * number if number % 2 else 1
            await _end_under_load(server, client, partial(server.limit_files, limit))
            await _go_on(server, client)
        await settle(server.url)

    server.start()
    try:
        asyncio.run(rounds())
        assert server.stop() == 0
        _refused(server, file_bytes_max=1)
        assert len(client.answers) > 20
        check_journal(server.data)
    finally:
        server.kill()


def test_a_file_system_without_space_ends_it_and_nothing_is_lost_or_doubled(
    small_disk: Path, profiles: Path
) -> None:
    server = Server(small_disk / "data", "--profiles", str(profiles))
    client = Client(server.url, seed=37)
    ballast = small_disk / "ballast"

    def fill(left_bytes: int = LEFT_BYTES) -> None:
        # The server writes too: the last page may be its own.
        with ballast.open("ab", buffering=0) as file, suppress(OSError):
            while (free_bytes := shutil.disk_usage(small_disk).free) > left_bytes:
                file.write(bytes(min(free_bytes - left_bytes, 1 << 20)))

    async def rounds() -> None:
        await set_up(server.url)
        for _ in range(SOAK):
            await _end_under_load(server, client, fill)
            fill(0)
            await asyncio.to_thread(_too_early, server)
            ballast.unlink()
            await _go_on(server, client)
        await settle(server.url)

    server.start()
    try:
        asyncio.run(rounds())
        assert server.stop() == 0
        check_journal(server.data)
    finally:
        server.kill()
