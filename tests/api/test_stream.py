"""The stream as readers meet it: a real server on a free port, and WebSocket clients."""

import asyncio
import json
import socket
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress
from pathlib import Path
from typing import Any

import httpx
import pytest
import uvicorn
from websockets.asyncio.client import ClientConnection, connect
from websockets.exceptions import ConnectionClosed, InvalidStatus

from phalanx.api import create_app
from phalanx.api.front import Front
from phalanx.api.sockets import Sockets
from phalanx.bootstrap import build
from phalanx.config import Settings
from phalanx.domain.instruments import Quote, QuoteSource
from phalanx.domain.numbers import whole
from tests.api.conftest import Site

TOPICS = ("orders", "instructions", "accounts", "desk", "breaks", "changes", "quotes")


class Served(Site):
    """A site behind a real port."""

    def __init__(self, site: Site, app: Front, port: int) -> None:
        super().__init__(site.system, site.http)
        self.app = app
        self.port = port

    def join(self, topics: str = "", **options: Any) -> connect:  # noqa: ANN401  the client's own
        query = f"?topics={topics}" if topics else ""
        url = f"ws://127.0.0.1:{self.port}/ws{query}"
        return connect(url, compression=None, proxy=None, max_size=None, **options)


@asynccontextmanager
async def serve(data: Path) -> AsyncIterator[Served]:
    system = build(Settings(data=data))
    await system.start()
    app = create_app(system)
    listener = socket.create_server(("127.0.0.1", 0))
    # Inherited by every connection: a reader that does not read is noticed after few messages.
    listener.setsockopt(socket.SOL_SOCKET, socket.SO_SNDBUF, 16_384)
    port = listener.getsockname()[1]
    config = uvicorn.Config(
        app,
        ws="websockets-sansio",
        lifespan="off",
        log_config=None,
        access_log=False,
        server_header=False,
        ws_per_message_deflate=False,
        timeout_graceful_shutdown=5,
    )
    server = uvicorn.Server(config)
    running = asyncio.create_task(server.serve([listener]))
    try:
        async with httpx.AsyncClient(base_url=f"http://127.0.0.1:{port}", trust_env=False) as http:
            site = Site(system, http)
            await site.until(lambda: _started(server))
            yield Served(site, app, port)
    finally:
        await system.stop()
        server.should_exit = True
        await running
        await app.sockets.close()
        listener.close()


async def _started(server: uvicorn.Server) -> bool:
    return server.started


@pytest.fixture
async def served(tmp_path: Path) -> AsyncIterator[Served]:
    async with serve(tmp_path / "data") as opened:
        yield opened


class Board:
    """What a reader makes of the messages: the rows of each topic, and whether any was missed."""

    def __init__(self) -> None:
        self.n: dict[str, int] = {}
        self.rows: dict[str, dict[str, Any]] = {}
        self.messages = 0

    def take(self, text: str | bytes) -> None:
        message = json.loads(text)
        topic = message["topic"]
        self.messages += 1
        if message["type"] == "snapshot":
            assert topic not in self.n, "a second snapshot"
            self.rows[topic] = {}
        else:
            assert message["n"] == self.n[topic] + 1, f"a gap in {topic}"
            for gone in message["gone"]:
                self.rows[topic].pop(gone, None)
        self.n[topic] = message["n"]
        for row in message["items"]:
            key = {"orders": "order_id", "instructions": "instruction_id", "accounts": "account"}
            key["quotes"] = "instrument"
            self.rows[topic][row[key.get(topic, "name")]] = row


async def read_until(reader: ClientConnection, board: Board, done: Any) -> None:  # noqa: ANN401
    async with asyncio.timeout(20):
        while not done():
            board.take(await reader.recv())


async def test_a_snapshot_of_each_topic_then_deltas(served: Served) -> None:
    await served.profiles({"U": {"S": ["INFY", "TCS"]}})
    await served.signal("S", "INFY", "BUY")
    board = Board()
    async with served.join() as reader:
        await read_until(reader, board, lambda: len(board.n) == len(TOPICS))
        await served.signal("S", "TCS", "BUY")

        def filled() -> bool:
            states = [row["status"] for row in board.rows["orders"].values()]
            return states == ["FILLED"] * 2

        await read_until(reader, board, filled)

    assert set(board.n) == set(TOPICS)
    assert len(board.rows["instructions"]) == 2
    assert board.rows["accounts"]["PAPER-1"]["client_id"] == 1


async def test_quotes_of_what_matters_are_told_as_they_change(served: Served) -> None:
    await served.profiles({"U": {"S": ["INFY"]}})
    infy = served.system.desk.instruments.resolve("INFY")
    assert infy is not None
    board = Board()
    async with served.join("quotes") as reader:
        await read_until(reader, board, lambda: infy.key in board.rows.get("quotes", {}))
        assert board.rows["quotes"][infy.key]["source"] == "CLOSE"
        now = served.system.desk.clock.now()
        quote = Quote(whole(1_600), whole(1_590), now, QuoteSource.FEED, whole(1_599))
        served.system.quotes.put(infy.key, quote)

        def told() -> bool:
            return bool(board.rows["quotes"][infy.key]["last"] == "1600")

        await read_until(reader, board, told)

    row = board.rows["quotes"][infy.key]
    assert (row["symbol"], row["bid"], row["ask"], row["is_stale"]) == ("INFY", "1599", None, False)


async def test_only_what_was_asked_for(served: Served) -> None:
    await served.profiles({"U": {"S": ["INFY"]}})
    board = Board()
    async with served.join("instructions") as reader:
        await served.signal("S", "INFY", "BUY")
        await read_until(reader, board, lambda: board.messages >= 2)

    assert set(board.n) == {"instructions"}


async def test_many_readers_under_load_miss_nothing(served: Served) -> None:
    await served.profiles({f"U{n}": {f"S{n}": ["INFY", "TCS"]} for n in range(20)})
    boards = [Board() for _ in range(10)]

    async def follow(board: Board) -> None:
        async with served.join("orders,instructions") as reader:
            await read_until(reader, board, lambda: len(board.rows.get("orders", ())) == 80)
            await read_until(reader, board, lambda: quiet(board))

    def quiet(board: Board) -> bool:
        return {row["status"] for row in board.rows["orders"].values()} == {"FILLED"}

    async def trade(number: int) -> None:
        for position in ("BUY", "SELL"):
            for instrument in ("INFY", "TCS"):
                answer = await served.signal(f"S{number}", instrument, position)
                assert answer["RESPONSE"] == "ACCEPTED"

    following = [asyncio.create_task(follow(board)) for board in boards]
    await asyncio.gather(*(trade(number) for number in range(20)))
    await asyncio.gather(*following)

    assert all(board.rows["orders"] == boards[0].rows["orders"] for board in boards)
    found = await served.get("/api/v1/orders", status="FILLED")
    assert found["total"] == 80


async def test_a_slow_reader_is_cut_off_and_nobody_waits_for_it(served: Served) -> None:
    served.app.sockets = Sockets(served.app.house, sweep_s=0.02, stall_s=0.1)
    await served.profiles({f"U{n}": {"S": ["INFY"]} for n in range(100)})
    deaf = socket.socket()
    deaf.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4_096)
    deaf.connect(("127.0.0.1", served.port))
    quick = Board()
    async with served.join("orders", sock=deaf, max_queue=1) as slow, served.join("orders") as fast:
        for round_number in range(1, 6):
            assert (await served.signal("S", "INFY", "BUY"))["RESPONSE"] == "ACCEPTED"
            assert (await served.signal("S", "INFY", "SELL"))["RESPONSE"] == "ACCEPTED"
            await read_until(fast, quick, lambda: len(rows(quick)) == 200 * round_number)  # noqa: B023
        await asyncio.sleep(0.3)
        received = await the_end_of(slow)
    await served.app.sockets.close()

    assert received == (1013, "SLOW_READER")


async def the_end_of(reader: ClientConnection) -> tuple[int, str]:
    """Read what is left, and how the server closed."""
    async with asyncio.timeout(20):
        with suppress(ConnectionClosed):
            while True:
                await reader.recv()
    assert reader.close_code is not None
    return reader.close_code, reader.close_reason or ""


def rows(board: Board) -> dict[str, Any]:
    return board.rows.get("orders", {})


async def test_an_unknown_topic_is_said(served: Served) -> None:
    async with served.join("weather") as reader:
        with pytest.raises(ConnectionClosed) as closed:
            await reader.recv()

    assert closed.value.rcvd is not None
    assert (closed.value.rcvd.code, closed.value.rcvd.reason) == (1008, "UNKNOWN_TOPIC")


@pytest.mark.parametrize("origin", ["https://evil.example", "null"])
async def test_a_stranger_s_page_may_not_join(served: Served, origin: str) -> None:
    with pytest.raises(InvalidStatus) as denied:
        async with served.join(additional_headers={"origin": origin}):
            pass

    response = denied.value.response
    assert response.status_code == 403
    assert json.loads(response.body or b"")["code"] == "ORIGIN_NOT_ALLOWED"
    assert response.headers["content-type"] == "application/problem+json"


async def test_a_page_of_this_machine_may_join(served: Served) -> None:
    async with served.join(
        "desk", additional_headers={"origin": "http://localhost:5173"}
    ) as reader:
        assert json.loads(await reader.recv())["topic"] == "desk"


async def test_the_end_is_said_to_readers(tmp_path: Path) -> None:
    async with serve(tmp_path) as served:
        reader = await served.join("desk")
        await reader.recv()
    with pytest.raises(ConnectionClosed):
        await reader.recv()


async def test_the_server_does_not_say_what_it_is(served: Served) -> None:
    answer = await served.http.get("/health/live")

    assert "server" not in answer.headers


async def test_a_body_is_refused_while_it_is_still_coming(served: Served) -> None:
    async def endless() -> AsyncIterator[bytes]:
        for _ in range(10_000):
            yield b" " * 65_536

    headers = {"content-type": "application/json"}
    try:
        answer = await served.http.post("/create_order", content=endless(), headers=headers)
    except httpx.TransportError:
        return  # closed while we were still sending
    assert (answer.status_code, answer.json()["code"]) == (413, "BODY_TOO_LARGE")


async def test_a_large_body_with_a_length_can_be_refused_and_read(served: Served) -> None:
    headers = {"content-type": "application/json"}
    for _ in range(2):
        answer = await served.http.post("/create_order", content=b" " * 1_000_000, headers=headers)
        assert (answer.status_code, answer.json()["code"]) == (413, "BODY_TOO_LARGE")


async def test_requests_behind_one_another_on_one_connection(served: Served) -> None:
    await served.profiles({"U": {"S": ["INFY"]}})
    reader, writer = await asyncio.open_connection("127.0.0.1", served.port)
    body = b'{"STRATEGY":"S","INSTRUMENT":"INFY","POSITION":"BUY"}'
    head = b"POST /create_order HTTP/1.1\r\nhost: localhost\r\ncontent-type: application/json\r\n"
    one = head + b"content-length: %d\r\n\r\n%s" % (len(body), body)
    writer.write(one * 2)
    async with asyncio.timeout(10):
        answers = b""
        while answers.count(b'"outcomes"') < 2:
            answers += await reader.read(65_536)
    writer.close()
    await writer.wait_closed()

    assert answers.count(b"HTTP/1.1 200 OK") == 2
    assert answers.index(b'"ACCEPTED"') < answers.index(b'"LOT_ALREADY_OPEN"')
