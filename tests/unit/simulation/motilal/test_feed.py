"""The broadcast feed over real sockets, read with a decoder that knows nothing of the simulator's own."""

import asyncio
import struct
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import NamedTuple

import pytest
from websockets.asyncio.client import connect

from phalanx.domain.numbers import parse_fixed, whole
from phalanx.domain.time import SECOND
from tests.fakes.motilal import ITC, Caller, simulated

WAIT_S = 20
FROM_1970_S = 315_532_800 - 19_800
"""What the broker's Java SDK adds to a packet's time."""


class Packet(NamedTuple):
    exchange: bytes
    scrip: int
    time: int
    type: str
    body: bytes


def packets(data: bytes) -> list[Packet]:
    assert len(data) % 30 == 0
    found = []
    for start in range(0, len(data), 30):
        exchange, scrip, time, kind, body = struct.unpack("=cIic20s", data[start : start + 30])
        found.append(Packet(exchange, scrip, time, kind.decode(), body))
    return found


def login(client: bytes, kind: bytes = b"Q") -> bytes:
    version = b"VER 2.0"
    return struct.pack(
        "=cHB15sB30sBBBB10sBBBBB45s",
        *(kind, 111, len(client), client.ljust(15), len(client), client.ljust(30), 1, 1, 1),
        *(len(version), version.ljust(10), 0, 0, 0, 0, 1, b" " * 45),
    )


def register(exchange: bytes, kind: bytes, scrip: int, wanted: int = 1) -> bytes:
    return struct.pack("=cHcciB", b"D", 7, exchange, kind, scrip, wanted)


HEARTBEAT = struct.pack("=cH", b"1", 0)


class Receiver:
    """Either transport: ``send`` bytes, ``receive`` packets."""

    async def send(self, data: bytes) -> None:
        raise NotImplementedError

    async def receive(self) -> list[Packet]:
        raise NotImplementedError

    async def until(self, *types: str) -> list[Packet]:
        """Packets until there is one of each of these types."""
        found: list[Packet] = []
        async with asyncio.timeout(WAIT_S):
            while not set(types) <= {packet.type for packet in found}:
                found += await self.receive()
        return found


class OverWebSocket(Receiver):
    def __init__(self, socket: object) -> None:
        self.socket = socket

    async def send(self, data: bytes) -> None:
        await self.socket.send(data)  # type: ignore[attr-defined]

    async def receive(self) -> list[Packet]:
        return packets(await self.socket.recv())  # type: ignore[attr-defined]


class OverTcp(Receiver):
    def __init__(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self.reader = reader
        self.writer = writer

    async def send(self, data: bytes) -> None:
        self.writer.write(data)
        await self.writer.drain()

    async def receive(self) -> list[Packet]:
        return packets(await self.reader.readexactly(30))


@asynccontextmanager
async def receiving(caller: Caller, transport: str) -> AsyncIterator[Receiver]:
    if transport == "tcp":
        reader, writer = await asyncio.open_connection(*caller.sim.broadcast_tcp)
        yield OverTcp(reader, writer)
        writer.close()
    else:
        async with connect(caller.sim.broadcast_ws_url, proxy=None) as socket:
            yield OverWebSocket(socket)


BOTH = pytest.mark.parametrize("transport", ["websocket", "tcp"])


@BOTH
async def test_a_registration_is_answered_with_all_there_is(caller: Caller, transport: str) -> None:
    async with receiving(caller, transport) as receiver:
        await receiver.send(login(b"AA017") + register(b"N", b"C", ITC))
        found = {packet.type: packet for packet in await receiver.until("W", "G", "X", "A", "F")}

    trade, first, fifth = (found[kind] for kind in "ABF")
    assert (trade.exchange, trade.scrip) == (b"N", ITC)
    assert trade.time + FROM_1970_S == caller.clock.now() // SECOND
    rate, quantity, volume, average, interest = struct.unpack("=fiifi", trade.body)
    assert (round(rate, 2), quantity, volume, round(average, 2), interest) == (
        *(412.35, 0, 0, 412.35, 0),
    )
    bid, bid_quantity, _, ask, ask_quantity, _ = struct.unpack("=fihfih", first.body)
    assert (round(bid, 2), bid_quantity, round(ask, 2), ask_quantity) == (412.3, 100, 412.4, 120)
    assert round(struct.unpack("=f", fifth.body[:4])[0], 2) == 412.1
    day = struct.unpack("=ffff4x", found["G"].body)
    assert [round(rate, 2) for rate in day] == [412.35] * 4
    upper, lower = struct.unpack("=ff12x", found["W"].body)
    assert (round(upper, 2), round(lower, 2)) == (494.8, 329.9)


@BOTH
async def test_a_move_is_told_to_who_registered(caller: Caller, transport: str) -> None:
    async with receiving(caller, transport) as receiver:
        await receiver.send(login(b"AA017") + register(b"N", b"C", ITC))
        await receiver.until("F")
        caller.sim.prices.set("NSE", ITC, whole(420))
        caller.sim.prices.set("NSE", 1594, whole(1_500))
        caller.sim.step()
        found = await receiver.until("H")

    rates = [struct.unpack("=f", packet.body[:4])[0] for packet in found if packet.type == "A"]
    assert rates == [420.0]


@BOTH
async def test_frames_may_be_cut_anywhere_and_come_one_behind_the_other(
    caller: Caller, transport: str
) -> None:
    data = login(b"AA017") + register(b"N", b"C", ITC) + login(b"AA017", b"q") + HEARTBEAT
    data += register(b"B", b"C", 500116)
    async with receiving(caller, transport) as receiver:
        for start in range(0, len(data), 50):
            await receiver.send(data[start : start + 50])
        found: set[tuple[bytes, int]] = set()
        while len(found) < 2:
            found |= {(one.exchange, one.scrip) for one in await receiver.until("A")}

    assert found == {(b"N", ITC), (b"B", 500116)}


async def test_shares_and_contracts_of_nse_have_one_character(caller: Caller) -> None:
    """A contract below 35,000 cannot be told from a share but by what was registered."""
    async with receiving(caller, "websocket") as receiver:
        await receiver.send(
            login(b"AA017") + register(b"N", b"D", 34100) + register(b"N", b"C", 34100)
        )
        found = await receiver.until("A")
        await receiver.send(register(b"N", b"C", ITC))
        found += await receiver.until("A")

    assert [(one.exchange, one.scrip) for one in found if one.type == "A"] == [
        (b"N", 34100),
        (b"N", ITC),
    ]


async def test_a_contract_has_open_interest(caller: Caller) -> None:
    async with receiving(caller, "websocket") as receiver:
        await receiver.send(login(b"AA017") + register(b"N", b"D", 35020))
        found = {packet.type: packet.body for packet in await receiver.until("m", "A")}

    assert struct.unpack("=iii8x", found["m"]) == (25_000, 25_000, 25_000)
    assert struct.unpack("=fiifi", found["A"])[4] == 25_000


async def test_indices_come_to_all_who_logged_in(caller: Caller) -> None:
    async with receiving(caller, "websocket") as receiver:
        await receiver.send(login(b"AA017") + register(b"N", b"C", ITC))
        await receiver.until("A")
        caller.sim.step()
        found = await receiver.until("H")

    rates = {one.scrip: struct.unpack("=f", one.body[:4])[0] for one in found if one.type == "H"}
    assert round(rates[26000], 2) == 25321.9
    assert [one.exchange for one in found if one.scrip == 999901] == [b"B"]


async def test_without_a_login_and_above_the_limit_nothing_is_told() -> None:
    async with simulated(broadcast_max=1) as caller, receiving(caller, "websocket") as receiver:
        await receiver.send(register(b"N", b"C", 1594) + login(b"AA017"))
        await receiver.send(register(b"N", b"C", ITC) + register(b"N", b"C", 2885))
        await receiver.send(register(b"N", b"C", 7) + register(b"N", b"C", ITC, 0))
        await receiver.send(register(b"N", b"C", 11536))
        found: list[Packet] = []
        async with asyncio.timeout(WAIT_S):
            while 11536 not in {one.scrip for one in found}:
                found += await receiver.receive()

        assert {one.scrip for one in found} == {ITC, 11536}


async def test_a_heartbeat_wants_an_answer(caller: Caller) -> None:
    async with receiving(caller, "tcp") as receiver:
        await receiver.send(login(b"AA017") + register(b"N", b"C", ITC))
        await receiver.until("F")
        for answered in range(8):
            caller.clock.advance(10 * SECOND)
            caller.sim.step()
            beat = (await receiver.until("1"))[-1]
            assert beat.body == bytes(20)
            if answered < 4:
                await receiver.send(HEARTBEAT + register(b"N", b"C", ITC))
                await receiver.until("F")
            elif answered == 6:
                break
        caller.clock.advance(10 * SECOND)
        caller.sim.step()

        with pytest.raises(asyncio.IncompleteReadError):
            await receiver.until("1")


@pytest.mark.parametrize(
    "data",
    [b"Z\0\0", struct.pack("=cH", b"D", 8) + bytes(8), login(b"AA017")[:5] + bytes(109)],
    ids=["type", "length", "login"],
)
async def test_who_speaks_something_else_is_let_go(caller: Caller, data: bytes) -> None:
    async with receiving(caller, "tcp") as receiver:
        await receiver.send(data)

        async with asyncio.timeout(WAIT_S):
            with pytest.raises((asyncio.IncompleteReadError, ConnectionError)):
                await receiver.receive()


async def test_text_is_no_frame(caller: Caller) -> None:
    async with connect(caller.sim.broadcast_ws_url, proxy=None) as socket:
        await socket.send("hello, is this the feed?")

        async with asyncio.timeout(WAIT_S):
            await socket.wait_closed()


async def test_a_large_rate_loses_paise_in_a_single_float(caller: Caller) -> None:
    caller.sim.prices.set("MCX", 440939, parse_fixed("131500.37"))
    async with receiving(caller, "websocket") as receiver:
        await receiver.send(login(b"AA017") + register(b"M", b"D", 440939))
        (trade,) = [one for one in await receiver.until("A") if one.type == "A"]

    assert struct.unpack("=f", trade.body[:4])[0] == 131500.375
