"""uvicorn's protocol with the short way: over a real socket, as a caller sees it."""

import asyncio
import gc
import socket
from collections.abc import AsyncIterator
from typing import Any

import pytest
import uvicorn
from uvicorn.protocols.http.httptools_impl import RequestResponseCycle

from phalanx.api import protocol
from phalanx.api.direct import Begin, Direct, direct_of
from phalanx.api.protocol import DirectProtocol

HEADERS = [(b"content-type", b"text/plain"), (b"content-length", b"4")]
SOON_S = 20.0


class Application:
    """Answers the short way; keeps what it was offered."""

    def __init__(self) -> None:
        self.bodies: list[bytes | None] = []
        self.took: list[bool] = []
        self.headers = HEADERS
        self.before: Any = None
        self.takes = False
        self.taken: list[bytes | None] = []

    def take(self, _scope: Any, direct: Direct, begin: Begin) -> bool:  # noqa: ANN401
        if self.takes:
            asyncio.get_running_loop().call_soon(self._answer, direct, begin)
        return self.takes

    def _answer(self, direct: Direct, begin: Begin) -> None:
        body = direct.whole_body()
        self.taken.append(body)
        if body is None:
            begin(self)
        else:
            assert direct.answer(200, self.headers, b"took")

    async def __call__(self, scope: Any, receive: Any, send: Any) -> None:  # noqa: ANN401
        direct = direct_of(scope)
        assert direct is not None
        self.bodies.append(direct.whole_body())
        if self.bodies[-1] is None:
            await receive()
        if self.before is not None:
            await self.before(direct)
        took = direct.answer(200, self.headers, b"done")
        self.took.append(took)
        if not took:
            await send({"type": "http.response.start", "status": 200, "headers": self.headers})
            await send({"type": "http.response.body", "body": b"done"})


@pytest.fixture
def application() -> Application:
    return Application()


@pytest.fixture
def connections_max() -> int | None:
    return None


@pytest.fixture
async def port(application: Application, connections_max: int | None) -> AsyncIterator[int]:
    listener = socket.create_server(("127.0.0.1", 0))
    config = uvicorn.Config(
        application,
        http=DirectProtocol,
        lifespan="off",
        log_config=None,
        server_header=False,
        # Around an application that takes requests there may be no other.
        proxy_headers=False,
        limit_concurrency=connections_max,
    )
    server = uvicorn.Server(config)
    running = asyncio.create_task(server.serve([listener]))
    while not server.started:  # noqa: ASYNC110  uvicorn tells nobody
        await asyncio.sleep(0.005)
    yield listener.getsockname()[1]
    server.should_exit = True
    await running
    listener.close()


def request(body: bytes = b"{}", head: bytes = b"") -> bytes:
    length = b"content-length: %d\r\n" % len(body)
    return b"POST /x HTTP/1.1\r\nhost: here\r\n" + head + length + b"\r\n" + body


async def answers(port: int, *pieces: bytes, count: int = 1) -> list[bytes]:
    """What comes back for the pieces, each of which is sent after a moment; head and body of each."""
    reader, writer = await asyncio.open_connection("127.0.0.1", port)
    found = []
    async with asyncio.timeout(SOON_S):
        for piece in pieces:
            writer.write(piece)
            await asyncio.sleep(0.02)
        for _ in range(count):
            head = await reader.readuntil(b"\r\n\r\n")
            found.append(head + await reader.readexactly(4))
        if b"connection: close" in found[-1]:
            assert await reader.read() == b"", "and it was closed"
    writer.close()
    return found


async def test_a_whole_request_is_answered_in_one_piece(
    port: int, application: Application
) -> None:
    (found,) = await answers(port, request(b'{"a":1}'))

    head, _, body = found.partition(b"\r\n\r\n")
    assert head.startswith(b"HTTP/1.1 200 OK\r\ndate: ")
    assert head.endswith(b"\r\ncontent-type: text/plain\r\ncontent-length: 4")
    assert (body, application.bodies, application.took) == (b"done", [b'{"a":1}'], [True])


async def test_a_body_that_comes_later_is_not_there_at_once(
    port: int, application: Application
) -> None:
    whole = request(b'{"a":1}')
    await answers(port, whole[:-3], whole[-3:])

    assert application.bodies == [None]


async def test_a_connection_serves_one_request_after_another(
    port: int, application: Application
) -> None:
    await answers(port, request(b"1"), request(b"2"), count=2)
    await answers(port, request(b"3") + request(b"4"), count=2)

    assert application.bodies == [b"1", b"2", b"3", b"4"]


async def test_a_caller_that_wants_no_more_is_closed(port: int) -> None:
    (found,) = await answers(port, request(head=b"connection: close\r\n"))

    assert found.count(b"connection: close\r\n") == 1


async def test_an_answer_may_close_the_connection(port: int, application: Application) -> None:
    application.headers = [*HEADERS, (b"connection", b"close")]

    (found,) = await answers(port, request())

    assert found.count(b"connection: close\r\n") == 1


async def test_a_second_answer_is_not_taken(port: int, application: Application) -> None:
    async def answer_first(direct: Direct) -> None:
        assert direct.answer(200, HEADERS, b"once")

    application.before = answer_first
    reader, writer = await asyncio.open_connection("127.0.0.1", port)
    async with asyncio.timeout(SOON_S):
        writer.write(request())
        head = await reader.readuntil(b"\r\n\r\n")
        assert b"200 OK" in head
        assert await reader.readexactly(4) == b"once"
    writer.close()

    assert application.took == [False]


async def test_an_answer_to_nobody_is_not_taken(port: int, application: Application) -> None:
    gone = asyncio.Event()

    async def until_gone(_: Direct) -> None:
        await gone.wait()

    application.before = until_gone
    _, writer = await asyncio.open_connection("127.0.0.1", port)
    writer.write(request())
    async with asyncio.timeout(SOON_S):
        while not application.bodies:  # noqa: ASYNC110  the application tells nobody
            await asyncio.sleep(0.005)
        writer.close()
        await writer.wait_closed()
        await asyncio.sleep(0.05)
        gone.set()
        while not application.took:  # noqa: ASYNC110  the same
            await asyncio.sleep(0.005)

    assert application.took == [False]


async def test_what_is_taken_is_answered_without_a_task(
    port: int, application: Application
) -> None:
    application.takes = True
    found = await answers(port, request(b"1"), request(b"2") + request(b"3"), count=3)

    assert [answer[-4:] for answer in found] == [b"took"] * 3
    assert (application.taken, application.bodies) == ([b"1", b"2", b"3"], [])


async def test_what_was_taken_too_early_is_begun_later(port: int, application: Application) -> None:
    application.takes = True
    whole = request(b'{"a":1}')
    (found,) = await answers(port, whole[:-3], whole[-3:])

    assert found.endswith(b"done")
    assert (application.taken, application.bodies) == ([None], [None])


async def test_what_is_taken_keeps_nothing_alive(port: int, application: Application) -> None:
    application.takes = True
    await answers(port, request(b"1"), request(b"2"), count=2)
    gc.collect()
    gc.disable()
    try:
        await answers(port, *[request()] * 5, count=5)
        cycles = [one for one in gc.get_objects() if isinstance(one, RequestResponseCycle)]
        assert len(cycles) <= 2, "the last one of each connection"
    finally:
        gc.enable()


async def test_what_cannot_be_parsed_is_no_answer_to_the_request_before_it(
    port: int, application: Application, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(application, "take", lambda *_: True)
    reader, writer = await asyncio.open_connection("127.0.0.1", port)
    writer.write(request(b"1") + b"X\r\n\r\n")
    async with asyncio.timeout(SOON_S):
        assert await reader.read() == b"", "its outcome is unknown"
    writer.close()


async def test_what_cannot_be_parsed_is_refused_where_nothing_is_asked(port: int) -> None:
    reader, writer = await asyncio.open_connection("127.0.0.1", port)
    writer.write(b"X\r\n\r\n")
    async with asyncio.timeout(SOON_S):
        assert (await reader.read()).startswith(b"HTTP/1.1 400 ")
    writer.close()


async def test_a_caller_that_is_gone_takes_no_answer_of_any_of_its_requests(
    port: int, application: Application, monkeypatch: pytest.MonkeyPatch
) -> None:
    taken: list[Direct] = []

    def take(_scope: Any, direct: Direct, _begin: Begin) -> bool:  # noqa: ANN401
        taken.append(direct)
        return True

    async def until_taken(count: int) -> None:
        async with asyncio.timeout(SOON_S):
            while len(taken) < count:  # noqa: ASYNC110  uvicorn tells nobody
                await asyncio.sleep(0.005)

    monkeypatch.setattr(application, "take", take)
    reader, writer = await asyncio.open_connection("127.0.0.1", port)
    writer.write(request(b"1") + request(b"2") + request(b"3"))
    await until_taken(1)
    assert taken[0].answer(200, HEADERS, b"took")
    await until_taken(2)
    await reader.readuntil(b"took")
    # Gone without a word: uvicorn takes it for the end of the third, the newest.
    writer.transport.abort()
    await asyncio.sleep(0.05)

    assert not taken[1].answer(200, HEADERS, b"took")


async def exchange(port: int, *pieces: bytes) -> bytes:
    """All that comes for the pieces until the server closes."""
    reader, writer = await asyncio.open_connection("127.0.0.1", port)
    async with asyncio.timeout(SOON_S):
        for piece in pieces:
            writer.write(piece)
            await writer.drain()
            await asyncio.sleep(0.02)
        found = await reader.read()
    writer.close()
    return found


CLOSE = b"connection: close\r\n"
OFFERS = [
    b"connection: Upgrade, HTTP2-Settings, close\r\nupgrade: h2c\r\nhttp2-settings: AAMAAABk\r\n",
    b"connection: close, upgrade\r\nUpgrade: websocket\r\n",
    b"Connection: close, Upgrade\r\nupgrade: TLS/1.0\r\n",
]


@pytest.mark.parametrize("offer", OFFERS)
@pytest.mark.parametrize("cut", [0, 1, 20, -1, -3])
async def test_a_request_that_offers_another_protocol_is_served_as_it_is(
    port: int, application: Application, offer: bytes, cut: int
) -> None:
    whole = request(b'{"a":1}', offer)

    found = await exchange(port, *([whole[:cut], whole[cut:]] if cut else [whole]))

    assert found.startswith(b"HTTP/1.1 200 OK")
    assert found.endswith(b"\r\n\r\ndone")
    assert found.count(b"HTTP/1.1") == 1
    assert len(application.bodies) == 1


async def test_after_an_offer_the_connection_goes_on(port: int, application: Application) -> None:
    offer = b"connection: Upgrade\r\nupgrade: h2c\r\n"

    both = await answers(port, request(b"{}", offer) + request(b'{"b":2}'), count=2)

    assert [one.endswith(b"done") for one in both] == [True, True]
    assert application.bodies == [b"{}", b'{"b":2}']


async def test_an_offer_behind_a_request_that_is_being_answered_is_served_after_it(
    port: int, application: Application
) -> None:
    offered = request(b'{"b":2}', b"connection: Upgrade\r\nupgrade: h2c\r\n")

    await answers(port, request() + offered + request(b'{"c":3}'), count=3)

    assert application.bodies == [b"{}", b'{"b":2}', b'{"c":3}']


async def test_a_tunnel_is_refused(port: int, application: Application) -> None:
    found = await exchange(port, b"CONNECT here:80 HTTP/1.1\r\nhost: here\r\n\r\n")

    assert found.startswith(b"HTTP/1.1 400 ")
    assert application.bodies == []


MALFORMED = [
    b"",
    b"host: here\r\nhost: here\r\n",
    b"host: here\r\nHost: there\r\n",
    b"host: here\r\ntransfer-encoding: xchunked\r\n",
    b"host: here\r\ntransfer-encoding: gzip, chunked\r\n",
    b"host: here\r\ntransfer-encoding: chunked\r\ntransfer-encoding: chunked\r\n",
    b"host: here\r\ntransfer-encoding: chunked\r\ncontent-length: 2\r\n",
    b"connection: upgrade\r\nupgrade: websocket\r\n",
    b"connection: upgrade\r\nupgrade: h2c\r\n",
]


@pytest.mark.parametrize("takes", [False, True])
@pytest.mark.parametrize("method", [b"GET", b"POST"])
@pytest.mark.parametrize("lines", MALFORMED)
async def test_a_head_that_can_be_read_in_two_ways_is_refused_and_the_connection_ends(
    port: int, application: Application, lines: bytes, method: bytes, takes: bool
) -> None:
    application.takes = takes
    found = await exchange(port, method + b" /x HTTP/1.1\r\n" + lines + b"\r\n{}")

    assert found.startswith(b"HTTP/1.1 400 ")
    assert b'"code":"MALFORMED_REQUEST"' in found
    assert found.count(b"HTTP/1.1") == 1
    assert CLOSE in found
    assert (application.bodies, application.taken) == ([], [])


async def test_a_malformed_head_behind_a_request_is_no_answer_to_it(
    port: int, application: Application
) -> None:
    found = await exchange(port, request() + b"GET /x HTTP/1.1\r\n\r\n")

    assert found.count(b"HTTP/1.1") <= 1
    assert b" 400 " not in found
    assert len(application.bodies) <= 1


async def test_http_1_0_needs_no_host(port: int, application: Application) -> None:
    found = await exchange(port, b"GET /x HTTP/1.0\r\n\r\n")

    assert found.startswith(b"HTTP/1.1 200 OK")
    assert application.bodies == [b""]


async def test_a_chunked_body_is_read(port: int, application: Application) -> None:
    head = b"POST /x HTTP/1.1\r\nhost: here\r\ntransfer-encoding: chunked\r\n\r\n"
    await answers(port, head + b"2\r\n{}\r\n0\r\n\r\n")

    assert application.bodies == [b"{}"]


@pytest.mark.parametrize(
    "lines",
    [
        b"".join(b"x-%d: a\r\n" % number for number in range(200)),
        b"x-long: " + b"a" * 40_000 + b"\r\n",
    ],
    ids=["lines", "bytes"],
)
async def test_a_head_that_is_too_large_is_refused(
    port: int, application: Application, lines: bytes
) -> None:
    found = await exchange(port, request(b"{}", lines))

    assert found.startswith(b"HTTP/1.1 431 ")
    assert b'"code":"HEAD_TOO_LARGE"' in found
    assert b"x-content-type-options: nosniff" in found
    assert application.bodies == []


async def test_a_head_without_end_is_refused_before_it_is_kept(port: int) -> None:
    reader, writer = await asyncio.open_connection("127.0.0.1", port)
    writer.write(b"GET /x HTTP/1.1\r\nx: ")
    async with asyncio.timeout(SOON_S):
        for _ in range(5):
            writer.write(b"a" * 8_192)
            await writer.drain()
            await asyncio.sleep(0.02)
        assert (await reader.read()).startswith(b"HTTP/1.1 431 ")
    writer.close()


async def test_a_long_body_makes_no_head_too_large(port: int, application: Application) -> None:
    (found,) = await answers(port, request(b"x" * 60_000))

    assert found.endswith(b"done")
    assert application.bodies == [b"x" * 60_000]


@pytest.mark.parametrize(
    ("sent", "said"),
    [
        (b"", b""),
        (b"\r\n\r\n", b""),
        (b"GET /x HTTP/1.1\r\nhost: h", b"HTTP/1.1 408 Request Timeout"),
        (b"G", b"HTTP/1.1 408 Request Timeout"),
    ],
    ids=["nothing", "empty lines", "half a head", "a byte"],
)
async def test_a_head_that_does_not_come_ends_the_connection(
    port: int, application: Application, monkeypatch: pytest.MonkeyPatch, sent: bytes, said: bytes
) -> None:
    monkeypatch.setattr(protocol, "HEAD_TIMEOUT_S", 0.05)

    found = await exchange(port, sent)

    assert found.partition(b"\r\n")[0] == said
    assert application.bodies == []


@pytest.mark.parametrize("rest", [b"GET /x HTTP/1.1\r\nhost: h", b"\r\n"])
async def test_the_head_of_a_later_request_must_come_as_well(
    port: int, monkeypatch: pytest.MonkeyPatch, rest: bytes
) -> None:
    monkeypatch.setattr(protocol, "HEAD_TIMEOUT_S", 0.05)

    found = await exchange(port, request(), rest)

    assert found.startswith(b"HTTP/1.1 200 OK")


async def test_a_slow_answer_is_not_taken_for_a_slow_head(
    port: int, application: Application, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(protocol, "HEAD_TIMEOUT_S", 0.05)
    late = asyncio.Event()

    async def wait(_: Direct) -> None:
        asyncio.get_running_loop().call_later(0.2, late.set)
        await late.wait()

    application.before = wait
    found = await answers(port, request(), count=1)
    assert found[0].endswith(b"done")


async def test_a_connection_that_is_kept_is_not_hurried(
    port: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(protocol, "HEAD_TIMEOUT_S", 0.01)

    found = await answers(port, request(), b"", request(), count=2)

    assert len(found) == 2


@pytest.mark.parametrize("connections_max", [1])
async def test_one_connection_too_many_is_told_so(port: int, application: Application) -> None:
    found = await exchange(port, request())

    assert found.startswith(b"HTTP/1.1 503 ")
    assert b'"code":"OVERLOADED"' in found
    assert b"x-content-type-options: nosniff" in found
    assert application.bodies == []
