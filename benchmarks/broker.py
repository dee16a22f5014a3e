"""The broker at the end of the wire: it speaks the stub broker's wire and does the least it can.

An order is looked at as far as its last byte, whose time is kept, and accepted; everything else waits
until the sample is taken. Then the orders are filled, so that the next signal finds open lots.
"""

import asyncio
import time
from functools import partial
from ssl import SSLContext
from typing import cast
from urllib.parse import parse_qs, urlsplit

import msgspec

from phalanx.brokers.port import PlaceRequest
from phalanx.brokers.stub.messages import BOOK, LOGIN, PLACE, POLL_S, REPORTS, LoggedIn, ReportsPage
from phalanx.domain.broker_books import BrokerBook
from phalanx.domain.numbers import Money, whole
from phalanx.domain.orders import ExecType, ExecutionReport

CASH: Money = whole(1_000_000_000)
"""Of every account, there and here."""

REPORTS_AT_ONCE = 500
END_OF_HEAD = b"\r\n\r\n"
LENGTH = b"Content-Length: "
_PLACE = f"POST {PLACE} ".encode()
_decode = msgspec.json.Decoder(PlaceRequest).decode


class LeanBroker:
    """``delay_s``: so long after its last byte an order is answered. ``size``: the bytes of all
    requests to place an order so far. ``connections``: open ones.
    """

    def __init__(self) -> None:
        self.delay_s = 0.0
        self.size = 0
        self.connections = 0
        self.arrivals: list[int] = []
        self._bodies: list[tuple[str, bytes]] = []
        self._expected = 0
        self._arrived: asyncio.Future[None] | None = None
        self._orders = 0
        self._reports: list[ExecutionReport] = []
        self._told = 0
        self._polls: list[tuple[asyncio.Transport, int]] = []
        self._server: asyncio.Server | None = None

    async def start(self, tls: SSLContext | None = None) -> int:
        """Listen; returns the port."""
        loop = asyncio.get_running_loop()
        make = partial(_Peer, self)
        self._server = await loop.create_server(make, "127.0.0.1", 0, ssl=tls, backlog=4_096)
        port: int = self._server.sockets[0].getsockname()[1]
        return port

    def close(self) -> None:
        """Listen no more."""
        if self._server is not None:
            self._server.close()

    def expect(self, count: int) -> "asyncio.Future[None]":
        """Done when so many orders have arrived; their instants are in ``arrivals``."""
        self.arrivals.clear()
        self._expected = count
        self._arrived = asyncio.get_running_loop().create_future()
        return self._arrived

    def fill(self) -> None:
        """Everything that was accepted trades, at its limit."""
        for order_id, body in self._bodies:
            order = _decode(body)
            self._reports.append(
                ExecutionReport(
                    order.cl_ord_id,
                    ExecType.TRADE,
                    order_id,
                    f"E{order_id}",
                    order.quantity,
                    order.quantity,
                    order.limit,
                    account=order.account,
                )
            )
        self._bodies.clear()
        polls, self._polls = self._polls, []
        for transport, position in polls:
            self._tell(transport, position)

    def request(self, transport: asyncio.Transport, data: bytes, head: int, now: int) -> None:
        """One complete request, whose head ends at ``head``, and when its last byte was read."""
        if not data.startswith(_PLACE):
            self._ordinary(transport, data[:head].split(b" ", 2)[1].decode())
            return
        self.arrivals.append(now)
        self.size += len(data)
        self._orders += 1
        order_id = f"S{self._orders}"
        self._bodies.append((order_id, data[head + len(END_OF_HEAD) :]))
        answer = _answer(b'{"accepted":true,"order_id":"%b"}' % order_id.encode())
        if self.delay_s:
            asyncio.get_running_loop().call_later(self.delay_s, transport.write, answer)
        else:
            transport.write(answer)
        if len(self.arrivals) == self._expected and self._arrived is not None:
            self._arrived.set_result(None)

    def _ordinary(self, transport: asyncio.Transport, target: str) -> None:
        parts = urlsplit(target)
        query = {name: values[-1] for name, values in parse_qs(parts.query).items()}
        if parts.path == LOGIN:
            transport.write(_json(LoggedIn("T1", self._told + len(self._reports))))
        elif parts.path == BOOK:
            transport.write(_json(BrokerBook(query["account"], time.time_ns(), (), (), (), CASH)))
        else:
            assert parts.path == REPORTS, f"nobody asks for {parts.path} in a benchmark"
            self._tell(transport, int(query["position"]))

    def _tell(self, transport: asyncio.Transport, position: int) -> None:
        """Reports from a position on; where there are none, as soon as there are."""
        del self._reports[: position - self._told]
        self._told = position
        page = tuple(self._reports[:REPORTS_AT_ONCE])
        if page:
            transport.write(_json(ReportsPage(page, position + len(page))))
            return
        poll = (transport, position)
        self._polls.append(poll)
        asyncio.get_running_loop().call_later(POLL_S, self._give_up, poll)

    def _give_up(self, poll: tuple[asyncio.Transport, int]) -> None:
        if poll in self._polls:
            self._polls.remove(poll)
            poll[0].write(_json(ReportsPage((), poll[1])))


class _Peer(asyncio.Protocol):
    """One connection: requests, one after another."""

    def __init__(self, broker: LeanBroker) -> None:
        self._broker = broker
        self._transport: asyncio.Transport
        self._received = b""

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self._transport = cast("asyncio.Transport", transport)
        self._broker.connections += 1

    def connection_lost(self, error: Exception | None) -> None:
        self._broker.connections -= 1

    def data_received(self, data: bytes) -> None:
        now = time.monotonic_ns()
        received = self._received + data
        while (head := received.find(END_OF_HEAD)) >= 0:
            end = head + len(END_OF_HEAD) + _length(received, head)
            if len(received) < end:
                break
            self._broker.request(self._transport, received[:end], head, now)
            received = received[end:]
        self._received = received


def _length(received: bytes, head: int) -> int:
    """The length of the body behind the head that ends there."""
    at = received.rfind(LENGTH, 0, head)
    if at < 0:
        return 0
    start = at + len(LENGTH)
    return int(received[start : received.find(b"\r", start)])


def _json(told: object) -> bytes:
    return _answer(msgspec.json.encode(told))


def _answer(body: bytes) -> bytes:
    return b"HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nContent-Length: %d\r\n\r\n%b" % (
        len(body),
        body,
    )
