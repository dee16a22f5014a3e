"""A server that stands still (SIGSTOP) under load and goes on: nothing late, nothing lost, nothing twice."""

import asyncio
import time
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import apsw
import httpx
import msgspec
import pytest

from phalanx.desk.recovery import events_after
from phalanx.domain.events import OrderDoubted, OrderEnded, OrderReported, OrdersDispatched
from phalanx.domain.orders import ClOrdId
from phalanx.domain.reasons import ReasonCode
from phalanx.domain.time import MILLISECOND, SECOND
from phalanx.journal.sqlite.database import Places
from phalanx.journal.sqlite.reader import SqliteJournalReader
from tests.e2e.checks import check, check_journal, settle
from tests.e2e.load import PROFILES, Client, set_up
from tests.e2e.server import Server
from tests.property.engine.profile import SOAK

ROUNDS = 2 * SOAK
PRODUCERS = 8
REPEATS = 30
SEND_TIMEOUT_S = 1
STOPPED_S = SEND_TIMEOUT_S + 0.5
CLOCKS_NS = 20 * MILLISECOND
"""How far two readings of the machine's clocks may lie apart."""


@pytest.fixture
def server(tmp_path: Path) -> Iterator[Server]:
    profiles = tmp_path / "profiles.json"
    profiles.write_bytes(msgspec.json.encode(PROFILES))
    server = Server(tmp_path / "data", "--profiles", str(profiles))
    server.start()
    yield server
    server.kill()


@contextmanager
def no_commits(data: Path) -> Iterator[None]:
    """What is decided in this block is committed after it: somebody else holds the database."""
    database = apsw.Connection(str(Places(data).database))
    database.set_busy_timeout(10_000)
    database.execute("BEGIN IMMEDIATE")
    try:
        yield
    finally:
        database.execute("ROLLBACK")
        database.close()


async def _short_deadlines(url: str) -> None:
    async with httpx.AsyncClient(base_url=url, timeout=30) as http:
        answer = await http.patch("/api/v1/settings", json={"send_timeout_s": SEND_TIMEOUT_S})
    assert answer.status_code == 200, answer.text


async def _stop_in_the_middle_of_a_commit(server: Server) -> None:
    """Decided and on its way to the disk when the process is stopped: dispatches, mostly."""
    with no_commits(server.data):
        await asyncio.sleep(0.1)
        server.pause()


async def _rounds(server: Server, second: Server, client: Client) -> None:
    await set_up(server.url)
    await _short_deadlines(server.url)
    for number in range(ROUNDS):
        stop = asyncio.Event()
        load = asyncio.create_task(client.produce(PRODUCERS, stop))
        await asyncio.sleep(0.4)
        await _stop_in_the_middle_of_a_commit(server)
        stopped = time.monotonic()
        if number == 0:
            await asyncio.to_thread(_refused, second, server.pid)
        await asyncio.sleep(max(0.0, stopped + STOPPED_S - time.monotonic()))
        server.resume()
        await asyncio.sleep(0.3)
        stop.set()
        await load
        assert not client.unanswered, "a pause is no reason for a missing answer"
        await client.repeat(REPEATS)
        await check(client, server.url)
    await _take_over(server, second, client)


def _refused(second: Server, holder: int) -> None:
    """A stopped process holds its folder all the same, and is named."""
    assert second.start_in_vain() == 1
    (complaint,) = [line for line in second.complaints if line.startswith("error:")]
    assert f"in use by process {holder} [JOURNAL_LOCKED]" in complaint


async def _take_over(server: Server, second: Server, client: Client) -> None:
    """The stopped one is killed and never wakes again; the next one takes up what it left."""
    stop = asyncio.Event()
    load = asyncio.create_task(client.produce(PRODUCERS, stop))
    await asyncio.sleep(0.4)
    await _stop_in_the_middle_of_a_commit(server)
    await asyncio.to_thread(_refused, second, server.pid)
    server.kill()
    stop.set()
    await load
    await asyncio.to_thread(second.start)
    client.url = second.url
    await client.ask_again()
    await client.repeat(REPEATS)
    await settle(second.url)
    await check(client, second.url)


class _Ways:
    """What the journal says of how each order went: its deadline, and when it was written."""

    def __init__(self, data: Path) -> None:
        self.deadlines: dict[ClOrdId, int] = {}
        self.late: Counter[ClOrdId] = Counter()
        self.written: dict[ClOrdId, int] = {}
        for _, event in events_after(SqliteJournalReader(data), 0):
            match event:
                case OrdersDispatched():
                    self.deadlines.update(dict.fromkeys(event.cl_ord_ids, event.deadline))
                case OrderEnded(reason=reason) if reason.code is ReasonCode.SEND_DEADLINE:
                    self.late[event.cl_ord_id] += 1
                case OrderReported() | OrderDoubted() if event.hops.sent:
                    self.written.setdefault(event.cl_ord_id, event.hops.sent)
                case _:
                    pass


def _check_deadlines(data: Path) -> None:
    """Nothing was written past its deadline; what came too late ended so, once, and for good."""
    ways = _Ways(data)
    # Monotonic instants of one boot, whichever process took them.
    wall_minus_monotonic = time.time_ns() - time.monotonic_ns()
    for cl_ord_id, sent in ways.written.items():
        late_ns = sent + wall_minus_monotonic - ways.deadlines[cl_ord_id]
        assert late_ns <= CLOCKS_NS, f"{cl_ord_id} was written {late_ns / SECOND} s too late"
    assert len(ways.written) > 20
    assert ways.late, "no order was stopped on its way: the test tests nothing"
    assert set(ways.late.values()) == {1}
    assert not ways.late.keys() & ways.written.keys()


def test_a_server_that_was_stopped_sends_nothing_late_and_loses_and_doubles_nothing(
    server: Server,
) -> None:
    client = Client(server.url, seed=17)
    second = Server(server.data)
    try:
        asyncio.run(_rounds(server, second, client))
        assert len(client.answers) > 20
        assert second.stop() == 0
        check_journal(server.data)
        _check_deadlines(server.data)
    finally:
        second.kill()
