"""`phalanx kill --direct` at a server that stands still, and at one that is not there: nothing more is sent."""

import asyncio
import subprocess
import sys
import time
from collections import Counter
from collections.abc import Iterator
from pathlib import Path

import httpx
import msgspec
import pytest

from phalanx.desk.recovery import events_after
from phalanx.domain.events import (
    InstructionPlanned,
    KillLifted,
    KillPut,
    OrderDoubted,
    OrderEnded,
    OrderReported,
)
from phalanx.domain.orders import ClOrdId
from phalanx.domain.reasons import ReasonCode
from phalanx.journal.sqlite.reader import SqliteJournalReader
from tests.e2e.checks import check_journal, settle
from tests.e2e.load import PROFILES, Client, Json, set_up
from tests.e2e.server import Server
from tests.e2e.test_pause import no_commits

PRODUCERS = 8
KILL = "/api/v1/kill"
ADOPTED_S_MAX = 30.0
ROUNDS_MAX = 5
"""It may be stopped in an instant in which no entry is on its way: then once more."""


@pytest.fixture
def server(tmp_path: Path) -> Iterator[Server]:
    profiles = tmp_path / "profiles.json"
    profiles.write_bytes(msgspec.json.encode(PROFILES))
    server = Server(tmp_path / "data", "--profiles", str(profiles))
    server.start()
    yield server
    server.kill()


class Window:
    """From a kill's return to its lifting, in monotonic ns of this machine."""

    def __init__(self) -> None:
        self.begin = time.monotonic_ns()
        self.end = 0

    def close(self) -> None:
        self.end = time.monotonic_ns()

    def has(self, instant: int) -> bool:
        return self.begin < instant < self.end


def phalanx(*words: str) -> int:
    """Run a command in a process of its own."""
    return subprocess.run([sys.executable, "-m", "phalanx.cli", *words], check=False).returncode


async def kill_directly(server: Server, note: str) -> Window:
    data = str(server.data)
    code = await asyncio.to_thread(phalanx, "kill", "--direct", "--data", data, "--note", note)
    assert code == 0
    return Window()


async def adopted(url: str) -> Json:
    """The kill, once it stands at the server."""
    async with httpx.AsyncClient(base_url=url, timeout=30) as http, asyncio.timeout(ADOPTED_S_MAX):
        while True:
            items = (await http.get(KILL)).json()["items"]
            if items:
                (kill,) = items
                return dict(kill)
            await asyncio.sleep(0.05)


async def lift(server: Server, window: Window) -> None:
    """Only the server lifts it."""
    code = await asyncio.to_thread(
        phalanx, "kill", "--direct", "--lift", "--data", str(server.data)
    )
    assert code == 2
    assert (await adopted(server.url))["level"] == "all"
    window.close()
    assert await asyncio.to_thread(phalanx, "kill", "lift", "--server", server.url) == 0


async def stopped_in_the_middle(server: Server, client: Client) -> Window:
    """Dispatches are on their way to the disk when it is stopped; it wakes up under the flag."""
    stop = asyncio.Event()
    load = asyncio.create_task(client.produce(PRODUCERS, stop))
    await asyncio.sleep(0.6)
    with no_commits(server.data):
        await asyncio.sleep(0.1)
        server.pause()
    window = await kill_directly(server, "it hangs")
    server.resume()
    await adopted(server.url)
    await asyncio.sleep(0.5)
    stop.set()
    await load
    await lift(server, window)
    return window


async def started_under_it(server: Server, client: Client) -> Window:
    """It died under load, with orders that were never sent; the next start finds the flag up."""
    stop = asyncio.Event()
    load = asyncio.create_task(client.produce(PRODUCERS, stop))
    await asyncio.sleep(0.6)
    server.kill()
    stop.set()
    await load
    window = await kill_directly(server, "it died")
    await asyncio.to_thread(server.start)
    stop.clear()
    load = asyncio.create_task(client.produce(PRODUCERS, stop))
    kill = await adopted(server.url)
    assert kill["note"].startswith("it died (kill --direct, ")
    await asyncio.sleep(0.5)
    stop.set()
    await load
    await lift(server, window)
    return window


async def sends_again(client: Client) -> None:
    stop = asyncio.Event()
    load = asyncio.create_task(client.produce(PRODUCERS, stop))
    await asyncio.sleep(0.5)
    stop.set()
    await load


class Ways:
    """What a journal says of its entries: when each was written, and what stopped the others."""

    def __init__(self, data: Path) -> None:
        self.entries: set[ClOrdId] = set()
        self.written: dict[ClOrdId, int] = {}
        self.stopped: Counter[ReasonCode] = Counter()
        self.kills: list[KillPut | KillLifted] = []
        for _, event in events_after(SqliteJournalReader(data), 0):
            match event:
                case InstructionPlanned():
                    self.entries.update(d.cl_ord_id for d in event.orders if not d.reduce_only)
                case KillPut() | KillLifted():
                    self.kills.append(event)
                case OrderReported() | OrderDoubted() if event.hops.sent:
                    self.written.setdefault(event.cl_ord_id, event.hops.sent)
                case OrderEnded():
                    self.stopped[event.reason.code] += event.cl_ord_id in self.entries
                case _:
                    pass

    def entries_within(self, window: Window) -> list[ClOrdId]:
        return [one for one in self.entries if window.has(self.written.get(one, 0))]


async def story(server: Server, client: Client) -> list[Window]:
    """The windows of its kills, the last one that of the start."""
    await set_up(server.url)
    windows: list[Window] = []
    while len(windows) < ROUNDS_MAX:
        windows.append(await stopped_in_the_middle(server, client))
        if Ways(server.data).stopped[ReasonCode.KILL_DIRECT]:
            break
    windows.append(await started_under_it(server, client))
    await sends_again(client)
    await settle(server.url)
    return windows


def test_no_entry_is_sent_after_it_until_it_is_lifted_at_the_server(server: Server) -> None:
    client = Client(server.url, seed=23)
    *awake, started = asyncio.run(story(server, client))
    assert server.stop() == 0

    ways = Ways(server.data)
    for window in awake:
        # The process may have been stopped inside a write: that one was past the gate.
        assert len(ways.entries_within(window)) <= 1
    assert ways.entries_within(started) == []
    assert ways.stopped[ReasonCode.KILL_DIRECT], "no order was stopped on its way: nothing is shown"
    sent_after = [one for one in ways.entries if ways.written.get(one, 0) > started.end]
    assert sent_after, "once it is lifted, entries are sent again"
    assert [type(event) for event in ways.kills] == [KillPut, KillLifted] * (len(awake) + 1)
    check_journal(server.data)
