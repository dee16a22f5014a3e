"""`phalanx watch`: lines from the stream, and a fresh start when a message is missing."""

import asyncio
import io
import json
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager

import pytest
from websockets.asyncio.server import ServerConnection, serve

from phalanx.cli import follower as module
from phalanx.cli.exits import Exit, Failure
from phalanx.cli.follower import Follower, line
from phalanx.cli.screen import Screen
from tests.unit.cli.doubles import run

ORDER = {
    "order_id": "AB00000001",
    "account": "PAPER-1",
    "side": "BUY",
    "quantity": "10",
    "symbol": "LT",
    "status": "FILLED",
    "filled": "10",
    "average_price": "3659.8",
    "tat_ns": 1_500_000,
    "flag": "LATE",
}


def message(n: int, *names: str, kind: str = "delta", topic: str = "desk") -> str:
    items = [{"name": name, "text": "t", "time_ns": 0} for name in names]
    return json.dumps({"topic": topic, "type": kind, "n": n, "seq": n, "items": items, "gone": []})


class Stream:
    """A server that sends, on each connection, the next of its scripts."""

    def __init__(self, *scripts: Sequence[str]) -> None:
        self._scripts = list(scripts)
        self.paths: list[str] = []
        self.url = ""

    @asynccontextmanager
    async def running(self) -> AsyncIterator["Stream"]:
        async with serve(self._connection, "127.0.0.1", 0) as server:
            port = next(iter(server.sockets)).getsockname()[1]
            self.url = f"http://127.0.0.1:{port}"
            yield self

    async def _connection(self, connection: ServerConnection) -> None:
        assert connection.request is not None
        self.paths.append(connection.request.path)
        for text in self._scripts.pop(0):
            await connection.send(text)
        if self._scripts:
            return
        await connection.wait_closed()


async def follow(
    stream: Stream, count: int, *, as_json: bool = False, backlog: bool = False
) -> tuple[list[str], list[str]]:
    out, err = io.StringIO(), io.StringIO()
    screen = Screen(as_json=as_json, out=out, err=err)
    follower = Follower(stream.url, ("desk", "orders"), screen, count=count, backlog=backlog)
    async with asyncio.timeout(20):
        await follower.follow()
    return out.getvalue().splitlines(), err.getvalue().splitlines()


@pytest.fixture(autouse=True)
def _no_pauses(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "FIRST_PAUSE_S", 0.01)


async def test_a_line_per_change_and_none_for_what_was_there() -> None:
    snapshot = message(5, "old", kind="snapshot")
    async with Stream([snapshot, message(6, "a"), message(7, "b", "c")]).running() as stream:
        out, err = await follow(stream, 3)

    assert [text.split()[0] for text in out] == ["a", "b", "c"]
    assert err == []
    assert stream.paths == ["/ws?topics=desk,orders"]


async def test_the_backlog_is_shown_on_demand_and_json_is_the_row() -> None:
    snapshot = message(5, "old", kind="snapshot")
    async with Stream([snapshot, message(6, "a")]).running() as stream:
        out, _ = await follow(stream, 2, as_json=True, backlog=True)

    rows = [json.loads(text) for text in out]
    assert [(row["topic"], row["seq"], row["name"]) for row in rows] == [
        ("desk", 5, "old"),
        ("desk", 6, "a"),
    ]


async def test_a_missing_message_means_a_fresh_start() -> None:
    first = [message(1, kind="snapshot"), message(2, "a"), message(4, "lost")]
    second = [message(9, kind="snapshot"), message(10, "b")]
    async with Stream(first, second).running() as stream:
        out, err = await follow(stream, 2)

    assert [text.split()[0] for text in out] == ["a", "b"]
    assert err == ["a message of desk is missing; connecting again"]


async def test_topics_count_for_themselves() -> None:
    script = [
        message(1, kind="snapshot"),
        message(7, kind="snapshot", topic="orders"),
        message(2, "a"),
        message(8, "b", topic="other"),
    ]
    async with Stream(script).running() as stream:
        out, err = await follow(stream, 2)

    assert (len(out), err) == (2, [])


async def test_a_connection_that_breaks_is_made_again() -> None:
    async with Stream(
        [message(1, kind="snapshot")], [message(4, kind="snapshot"), message(5, "b")]
    ).running() as stream:
        out, err = await follow(stream, 1)

    assert out[0].split()[0] == "b"
    assert err == ["the server closed the connection (1000); connecting again"]


async def test_a_server_that_was_never_there_is_unreachable() -> None:
    follower = Follower("http://127.0.0.1:1", ("desk",), Screen())
    with pytest.raises(Failure) as caught:
        await follower.follow()

    assert caught.value.exit_code is Exit.UNREACHABLE


async def test_something_else_at_that_address() -> None:
    async def hello(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await reader.readuntil(b"\r\n\r\n")
        writer.write(b"HTTP/1.1 404 Not Found\r\ncontent-length: 0\r\nconnection: close\r\n\r\n")
        await writer.drain()
        writer.close()

    server = await asyncio.start_server(hello, "127.0.0.1", 0)
    port = server.sockets[0].getsockname()[1]
    async with server:
        with pytest.raises(Failure, match="NO_STREAM"):
            await Follower(f"http://127.0.0.1:{port}", ("desk",), Screen()).follow()


def test_an_unknown_topic_is_usage() -> None:
    for topics in ("orders,prices", ","):
        result = run("watch", "--topics", topics)
        assert (result.exit_code, "UNKNOWN_TOPIC" in result.stderr) == (Exit.USAGE, True)


def test_an_order_as_a_line() -> None:
    assert line("orders", ORDER).split("  ")[-5:] == [
        "BUY 10 LT",
        "FILLED",
        "filled 10 at 3659.8",
        "TAT 1.50 ms",
        "LATE",
    ]
    assert "filled" not in line("orders", {**ORDER, "filled": "0"})


def test_an_instruction_as_a_line() -> None:
    item = {
        "instruction_id": "I1",
        "text": "S BUY X",
        "status": "DONE",
        "orders": 3,
        "skips": 2,
        "outcomes": {"FILLED": 2, "REJECTED": 1},
        "reason": None,
    }

    assert line("instructions", item).strip() == (
        "I1  S BUY X  DONE  3 orders, 2 skipped  2 filled, 1 rejected"
    )
    rejected = {**item, "outcomes": {}, "reason": "NOTHING_VALID"}
    assert line("instructions", rejected).endswith("2 skipped  NOTHING_VALID")


def test_an_account_and_a_switch_as_lines() -> None:
    account = {"account": "PAPER-1", "cash": "10", "holds": "2"}

    assert line("accounts", account).strip() == "PAPER-1  cash 10  holds 2"
    assert line("desk", {"name": "kill:all", "text": "killed"}).strip() == "kill:all  killed"


def test_the_clock_of_a_line_is_the_exchanges() -> None:
    said = line("desk", {"name": "term", "text": "epoch 1", "time_ns": 1_763_610_000_123_456_789})

    assert said == "09:10:00.123  term  epoch 1"
    assert line("desk", {"name": "term", "text": "epoch 1"}).startswith(" " * 12)
