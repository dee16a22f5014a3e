"""The same bytes over TCP and over a WebSocket, with a server on loopback."""

import asyncio
import ssl
from contextlib import suppress
from pathlib import Path

import pytest

from phalanx.market.feeds.broadcast.links import Link, dialer
from tests.fakes.broadcast import BroadcastServer
from tests.fakes.wire_peer import CA, server_context

BOTH = pytest.mark.parametrize("web", [False, True], ids=["tcp", "websocket"])


async def _read(link: Link, count: int) -> bytes:
    data = b""
    while len(data) < count:
        part = await link.read()
        assert part
        data += part
    return data


@BOTH
async def test_bytes_go_both_ways(web: bool) -> None:
    async with BroadcastServer(web=web) as server:
        link = await dialer(server.url)()
        await link.write([b"1\0\0", b"D" * 10])
        assert await server.said(2) == [b"1\0\0", b"D" * 10]

        server.send(b"x" * 20_000)
        assert await _read(link, 20_000) == b"x" * 20_000
        link.abort()


@BOTH
async def test_a_server_that_goes_is_an_end_or_an_error(web: bool) -> None:
    async with BroadcastServer(web=web) as server:
        link = await dialer(server.url)()
        await link.write([b"1\0\0"])
        await server.said(1)

        server.cut()

        with suppress(ConnectionResetError):
            assert await link.read() == b""
        link.abort()


@BOTH
async def test_an_abort_ends_a_read_and_later_writes(web: bool) -> None:
    async with BroadcastServer(web=web) as server:
        link = await dialer(server.url)()
        reading = asyncio.create_task(link.read())
        await asyncio.sleep(0)

        link.abort()
        link.abort()

        assert await asyncio.wait_for(reading, 30) == b""
        with pytest.raises(ConnectionError):
            await link.write([b"1\0\0"])


async def test_texts_on_a_websocket_mean_nothing() -> None:
    async with BroadcastServer(web=True) as server:
        link = await dialer(server.url)()
        await link.write([b"1\0\0"])
        await server.said(1)

        server.send("a text")  # type: ignore[arg-type]
        server.send(b"bytes")

        assert await link.read() == b"bytes"
        link.abort()


async def test_who_speaks_no_websocket_or_is_not_there_is_an_os_error() -> None:
    async with BroadcastServer() as server:
        dialing = asyncio.ensure_future(dialer(f"ws://127.0.0.1:{server.port}")())
        await server.connected(1)
        server.cut()
        with pytest.raises(OSError):  # noqa: PT011  refused by either layer
            await dialing
        port = server.port
    for scheme in ("tcp", "ws"):
        with pytest.raises(OSError):  # noqa: PT011
            await dialer(f"{scheme}://127.0.0.1:{port}")()


async def test_over_wss_a_certificate_is_believed_when_its_authority_is() -> None:
    async with BroadcastServer(web=True, tls=server_context()) as server:
        url = f"wss://localhost:{server.port}"
        with pytest.raises(ssl.SSLCertVerificationError):
            await dialer(url)()

        link = await dialer(url, CA)()
        await link.write([b"1\0\0"])
        assert await server.said(1) == [b"1\0\0"]
        link.abort()


@pytest.mark.parametrize(
    "url", ["", "tcp://host", "http://host", "ws://", "host:1", "tcp://:1", "ftp://h:1"]
)
def test_another_address_is_refused(url: str) -> None:
    with pytest.raises(ValueError, match="none of tcp://HOST:PORT"):
        dialer(url)


def test_a_file_without_authorities_is_refused_for_wss(tmp_path: Path) -> None:
    file = tmp_path / "empty.pem"
    file.write_text("")

    with pytest.raises(OSError):  # noqa: PT011  ssl's own
        dialer("wss://host", file)
