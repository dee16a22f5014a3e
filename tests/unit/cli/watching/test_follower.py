"""Following the stream: a fresh start when a message is missing, and what was missed meanwhile."""

import asyncio
import io
import json
import os
import signal
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from http import HTTPStatus

import httpx
import pytest
from websockets.asyncio.server import ServerConnection, serve
from websockets.http11 import Request, Response

from phalanx.cli.display.screen import Screen
from phalanx.cli.exit_codes import Exit, Failure
from phalanx.cli.remote.client import Server
from phalanx.cli.remote.identity import Identity, TokenIdentity
from phalanx.cli.watching import follower as module
from phalanx.cli.watching.filters import Filters
from phalanx.cli.watching.follower import Follower
from phalanx.cli.watching.lines import Lines
from phalanx.cli.watching.log import Log
from phalanx.domain.secrets import Secret

TOPICS = ("desk", "orders")


def message(n: int, *names: str, kind: str = "delta", topic: str = "desk") -> str:
    items = [{"name": name, "text": "t", "time_ns": 0} for name in names]
    return json.dumps({"topic": topic, "type": kind, "n": n, "seq": n, "items": items, "gone": []})


class Stream:
    """A server that sends, on each connection, the next of its scripts."""

    def __init__(self, *scripts: Sequence[str], tokens: Sequence[str] = ()) -> None:
        self._scripts = list(scripts)
        self.tokens = tokens
        self.sent: list[str | None] = []
        self.paths: list[str] = []
        self.url = ""
        self.joined = asyncio.Event()

    @asynccontextmanager
    async def running(self) -> AsyncIterator["Stream"]:
        async with serve(self._connection, "127.0.0.1", 0, process_request=self._admit) as server:
            port = next(iter(server.sockets)).getsockname()[1]
            self.url = f"http://127.0.0.1:{port}"
            yield self

    def _admit(self, connection: ServerConnection, request: Request) -> Response | None:
        self.sent.append(request.headers.get("Authorization"))
        if not self.tokens or self.sent[-1] in {f"Bearer {token}" for token in self.tokens}:
            return None
        return connection.respond(
            HTTPStatus.UNAUTHORIZED, '{"code":"UNAUTHENTICATED","detail":"who are you"}'
        )

    async def _connection(self, connection: ServerConnection) -> None:
        assert connection.request is not None
        self.paths.append(connection.request.path)
        self.joined.set()
        for text in self._scripts.pop(0):
            await connection.send(text)
        if self._scripts:
            return
        await connection.wait_closed()


class Heard:
    """What a follower told: names and remarks, in their order."""

    def __init__(
        self,
        stream: Stream,
        count: int,
        log: Log | None = None,
        identity: Identity | None = None,
    ) -> None:
        self.out, self.err = io.StringIO(), io.StringIO()
        screen = Screen(out=self.out, err=self.err)
        audience = Lines(screen, TOPICS, Filters(()), count=count)
        self.follower = Follower(stream.url, TOPICS, audience, log, identity)

    async def follow(self) -> Exit:
        async with asyncio.timeout(20):
            return await self.follower.follow()

    @property
    def names(self) -> list[str]:
        return [text[12:].split()[1] for text in self.out.getvalue().splitlines()]

    @property
    def remarks(self) -> list[str]:
        return self.err.getvalue().splitlines()


@pytest.fixture(autouse=True)
def _no_pauses(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "FIRST_PAUSE_S", 0.01)


async def test_a_line_per_change_and_none_for_what_was_there() -> None:
    snapshot = message(5, "old", kind="snapshot")
    async with Stream([snapshot, message(6, "a"), message(7, "b", "c")]).running() as stream:
        heard = Heard(stream, 3)
        assert await heard.follow() is Exit.OK

    assert (heard.names, heard.remarks) == (["a", "b", "c"], [])
    assert stream.paths == ["/ws?topics=desk,orders"]


async def test_a_missing_message_means_a_fresh_start() -> None:
    first = [message(1, kind="snapshot"), message(2, "a"), message(4, "lost")]
    second = [message(9, kind="snapshot"), message(10, "b")]
    async with Stream(first, second).running() as stream:
        heard = Heard(stream, 2)
        await heard.follow()

    assert heard.names == ["a", "b"]
    assert heard.remarks == ["a message of desk is missing; connecting again"]


async def test_topics_count_for_themselves() -> None:
    script = [
        message(1, kind="snapshot"),
        message(7, kind="snapshot", topic="orders"),
        message(2, "a"),
        message(8, "b", topic="orders"),
    ]
    async with Stream(script).running() as stream:
        heard = Heard(stream, 2)
        await heard.follow()

    assert (len(heard.out.getvalue().splitlines()), heard.remarks) == (2, [])


async def test_a_connection_that_breaks_is_made_again() -> None:
    scripts = ([message(1, kind="snapshot")], [message(4, kind="snapshot"), message(5, "b")])
    async with Stream(*scripts).running() as stream:
        heard = Heard(stream, 1)
        await heard.follow()

    assert heard.names == ["b"]
    assert heard.remarks == ["the server closed the connection (1000); connecting again"]


@pytest.mark.parametrize(
    ("number", "code"), [(signal.SIGINT, Exit.INTERRUPTED), (signal.SIGTERM, Exit.OK)]
)
async def test_a_signal_ends_it(number: signal.Signals, code: Exit) -> None:
    async with Stream([message(1, kind="snapshot")]).running() as stream:
        following = asyncio.create_task(Heard(stream, 1).follow())
        await stream.joined.wait()
        os.kill(os.getpid(), number)
        assert await following is code


async def test_a_server_that_was_never_there_is_unreachable() -> None:
    follower = Follower("http://127.0.0.1:1", TOPICS, Lines(Screen(), TOPICS, Filters(())))
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
    lines = Lines(Screen(), TOPICS, Filters(()))
    async with server:
        with pytest.raises(Failure, match="NO_STREAM"):
            await Follower(f"http://127.0.0.1:{port}", TOPICS, lines).follow()


class Past:
    """An order log with a line for each event up to the ``last``; the first questions may fail."""

    def __init__(self, last: int, failures: int = 0) -> None:
        self.last = last
        self._failures = failures
        self.server = Server("http://phalanx.test", 5, httpx.MockTransport(self._answer))

    def _answer(self, request: httpx.Request) -> httpx.Response:
        if self._failures:
            self._failures -= 1
            raise httpx.ConnectError("gone", request=request)
        since = int(request.url.params["since_seq"])
        items = [{"seq": seq, "order_id": f"log{seq}"} for seq in range(since + 1, self.last + 1)]
        return httpx.Response(200, json={"items": items, "total": len(items), "as_of": self.last})


async def test_the_log_comes_first_and_fills_every_gap() -> None:
    first = [message(3, kind="snapshot"), message(4, "a"), message(7, "lost")]
    second = [message(8, kind="snapshot"), message(9, "b")]
    past = Past(20)
    async with Stream(first, second).running() as stream:
        heard = Heard(stream, 8, Log(past.server, 1))
        await heard.follow()

    assert heard.names == ["log2", "log3", "a", "log5", "log6", "log7", "log8", "b"]


async def test_a_server_that_goes_while_its_log_is_read_is_waited_for() -> None:
    past = Past(3, failures=1)
    scripts = ([message(3, kind="snapshot")], [message(3, kind="snapshot"), message(4, "a")])
    async with Stream(*scripts).running() as stream:
        heard = Heard(stream, 3, Log(past.server, 1))
        await heard.follow()

    assert heard.names == ["log2", "log3", "a"]
    assert "cannot be reached" in heard.remarks[0]


class Renewing(Identity):
    """Somebody whose token is over after a while, and who gets the next one."""

    def __init__(self, *tokens: str, unreachable: int = 0) -> None:
        self._tokens = [Secret(token) for token in tokens]
        self._unreachable = unreachable
        self.asked = 0
        self.asked_often = asyncio.Event()

    def token(self) -> Secret:
        self.asked += 1
        if self.asked == 4:
            self.asked_often.set()
        if self.asked <= self._unreachable:
            raise Failure(Exit.UNREACHABLE, "SERVER_UNREACHABLE", "it is away")
        return self._tokens[0]

    def renewed(self, refused: Secret) -> Secret | None:
        assert refused == self._tokens.pop(0)
        return self._tokens[0] if self._tokens else None


async def test_the_stream_is_asked_for_with_the_token() -> None:
    snapshot = message(5, kind="snapshot")
    async with Stream([snapshot, message(6, "a")], tokens=["phx_1"]).running() as stream:
        who = TokenIdentity(Secret("phx_1"), "make another one")
        assert await Heard(stream, 1, None, who).follow() is Exit.OK
    assert stream.sent == ["Bearer phx_1"]
    assert "phx_1" not in stream.paths[0]


async def test_a_token_that_is_over_is_renewed_when_the_stream_begins_again() -> None:
    scripts = [message(5, kind="snapshot"), message(7, "lost")], [message(8, kind="snapshot")]
    async with Stream(*scripts, tokens=["first"]).running() as stream:
        heard = Heard(stream, 1, None, Renewing("first", "second"))
        following = asyncio.create_task(heard.follow())
        await stream.joined.wait()
        stream.joined.clear()
        stream.tokens = ["second"]
        await stream.joined.wait()
        following.cancel()
        await asyncio.gather(following, return_exceptions=True)
    assert stream.sent == ["Bearer first", "Bearer first", "Bearer second"]


@pytest.mark.parametrize("tokens", [("first",), ("first", "second")])
async def test_who_stays_refused_is_told_what_to_do(tokens: tuple[str, ...]) -> None:
    async with Stream([], tokens=["another"]).running() as stream:
        with pytest.raises(Failure, match="who are you; log in: phalanx login") as caught:
            await Heard(stream, 1, None, Renewing(*tokens)).follow()
    assert (caught.value.exit_code, caught.value.code) == (Exit.NOT_ALLOWED, "UNAUTHENTICATED")
    assert len(stream.sent) == len(tokens)


async def test_a_server_that_is_away_at_the_first_token_is_not_waited_for() -> None:
    async with Stream([]).running() as stream:
        with pytest.raises(Failure, match="SERVER_UNREACHABLE"):
            await Heard(stream, 1, None, Renewing("first", unreachable=1)).follow()
    assert stream.sent == []


async def test_whoever_looks_on_stays_logged_in(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "STAY_EVERY_S", 0.001)
    who = Renewing("first")
    async with Stream([message(5, kind="snapshot")]).running() as stream:
        following = asyncio.create_task(Heard(stream, 1, None, who).follow())
        async with asyncio.timeout(20):
            await who.asked_often.wait()
        following.cancel()
        await asyncio.gather(following, return_exceptions=True)
    assert stream.sent == ["Bearer first"]
