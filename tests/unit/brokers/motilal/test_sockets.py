import logging
import socket
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import msgspec
import pytest
from websockets.asyncio.server import ServerConnection, serve

from phalanx.brokers.motilal import LoginSettings
from phalanx.brokers.motilal.sockets import opener
from tests.fakes.wire_peer import CA, server_context
from tests.unit.brokers.motilal.samples import SETTINGS


@asynccontextmanager
async def echo(*, tls: bool = False) -> AsyncIterator[tuple[LoginSettings, list[str]]]:
    """A server that repeats what it is told, and closes when it is told nothing."""
    peers: list[str] = []

    async def answer(connection: ServerConnection) -> None:
        peers.append(connection.remote_address[0])
        async for text in connection:
            if not text:
                return
            await connection.send(text)

    context = server_context() if tls else None
    async with serve(answer, "127.0.0.1", 0, ssl=context) as server:
        port = next(iter(server.sockets)).getsockname()[1]
        url = f"ws{'s' if tls else ''}://localhost:{port}/ws"
        settings = msgspec.structs.replace(SETTINGS, socket=url, ca=CA if tls else None)
        yield settings, peers


@pytest.mark.parametrize("tls", [False, True], ids=["plain", "tls"])
async def test_texts_go_and_come(tls: bool) -> None:
    async with echo(tls=tls) as (settings, _):
        channel = await opener(settings)()
        await channel.send('{"a":1}')

        assert await channel.receive() == '{"a":1}'
        await channel.close()


async def test_it_comes_from_the_logins_own_address() -> None:
    async with echo() as (settings, peers):
        channel = await opener(msgspec.structs.replace(settings, source="127.0.0.9"))()
        await channel.send("x")
        await channel.receive()

        assert peers == ["127.0.0.9"]
        await channel.close()


async def test_no_log_shows_a_frame(caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.DEBUG)
    async with echo() as (settings, _):
        channel = await opener(settings)()
        await channel.send("774a_M")
        await channel.receive()
        await channel.close()

    shown = [one.name for one in caplog.records if "774a_M" in one.getMessage()]
    assert set(shown) <= {"websockets.server"}


async def test_an_end_is_an_os_error_for_reader_and_writer() -> None:
    async with echo() as (settings, _):
        channel = await opener(settings)()
        await channel.send("")

        with pytest.raises(ConnectionError):
            await channel.receive()
        with pytest.raises(ConnectionError):
            await channel.send("more")


async def test_nobody_there_is_an_os_error() -> None:
    with socket.socket() as own:
        own.bind(("127.0.0.1", 0))
        port = own.getsockname()[1]
        settings = msgspec.structs.replace(SETTINGS, socket=f"ws://127.0.0.1:{port}/ws")

        with pytest.raises(OSError, match=r"."):
            await opener(settings)()


async def test_somebody_whose_certificate_is_not_trusted_is_an_os_error() -> None:
    async with echo(tls=True) as (settings, _):
        open_channel = opener(msgspec.structs.replace(settings, ca=None))

        with pytest.raises(OSError, match="certificate"):
            await open_channel()
