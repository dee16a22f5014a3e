"""The load: connections that each send a request when the last one is answered.

Requests are built before the clock starts; a response is only looked at as far as its end, its
status and the word that says the order works.
"""

import asyncio
import os
from collections.abc import Callable, Iterator
from pathlib import Path
from time import perf_counter_ns
from typing import cast

import msgspec
import uvloop

from benchmarks.figures import percentile
from benchmarks.scene import ACCOUNTS
from benchmarks.worker import Sample, freeze

WARM_UP = 1_000
WORKS = b'"status":"WORKING"'
END_OF_HEAD = b"\r\n\r\n"
LENGTH = b"content-length: "


class Orders(msgspec.Struct, frozen=True):
    """What is sent: to which server, over how many connections, how many orders at a time.

    ``price`` as the caller writes it; without one the orders are MARKET. ``token``: of a machine key, where
    the server asks who somebody is.
    """

    process: int
    port: int
    connections: int
    count: int
    keyed: bool
    price: str
    token: str = ""


class Unexpected(Exception):
    """A response that is not an accepted order."""


class Connection(asyncio.Protocol):
    """One keep-alive connection, one request at a time."""

    def __init__(self) -> None:
        self.finished: asyncio.Future[None]
        self._transport: asyncio.Transport
        self._requests: Iterator[bytes] = iter(())
        self._latencies: list[int] = []
        self._received = b""
        self._sent_at = 0

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self._transport = cast("asyncio.Transport", transport)

    def begin(self, requests: Iterator[bytes], latencies: list[int]) -> None:
        """Send requests until there are none left; ``finished`` is done after the last answer."""
        self.finished = asyncio.get_running_loop().create_future()
        self._requests = requests
        self._latencies = latencies
        self._send()

    def data_received(self, data: bytes) -> None:
        received = self._received + data
        head = received.find(END_OF_HEAD)
        if head < 0 or len(received) < head + len(END_OF_HEAD) + _length(received, head):
            self._received = received
            return
        self._latencies.append(perf_counter_ns() - self._sent_at)
        self._received = b""
        if received[9:12] != b"202" or WORKS not in received:
            self.finished.set_exception(Unexpected(received.decode(errors="replace")))
            return
        self._send()

    def connection_lost(self, error: Exception | None) -> None:
        if hasattr(self, "finished") and not self.finished.done():
            self.finished.set_exception(error or Unexpected("the server closed the connection"))

    def close(self) -> None:
        """No more requests."""
        self._transport.close()

    def _send(self) -> None:
        request = next(self._requests, None)
        if request is None:
            self.finished.set_result(None)
            return
        self._sent_at = perf_counter_ns()
        self._transport.write(request)


def prepare(orders: Orders) -> Callable[[], Sample]:
    """Open connections as a contestant; a sample sends ``orders.count`` orders over them."""
    runner = asyncio.Runner(loop_factory=uvloop.new_event_loop)
    load = Load(orders)
    runner.run(load.connect())
    runner.run(load.send(min(WARM_UP, orders.count)))
    freeze()
    return lambda: runner.run(load.send(orders.count))


class Load:
    """All connections to one server."""

    def __init__(self, orders: Orders) -> None:
        self._orders = orders
        self._connections: list[Connection] = []
        self._sent = 0

    async def connect(self) -> None:
        """Open every connection."""
        loop = asyncio.get_running_loop()
        for _ in range(self._orders.connections):
            made = await loop.create_connection(Connection, "127.0.0.1", self._orders.port)
            self._connections.append(made[1])

    async def send(self, count: int) -> Sample:
        """So many orders; how many a second, the latencies in ms, and the server's µs for each."""
        requests = iter([self._request() for _ in range(count)])
        latencies: list[int] = []
        used_s = cpu_s(self._orders.process)
        begun = perf_counter_ns()
        for connection in self._connections:
            connection.begin(requests, latencies)
        await asyncio.gather(*(connection.finished for connection in self._connections))
        spent_s = (perf_counter_ns() - begun) / 1e9
        used_s = cpu_s(self._orders.process) - used_s
        millis = [latency / 1e6 for latency in latencies]
        assert len(millis) == count
        return {
            "orders/s": count / spent_s,
            "cpu": used_s / count * 1e6,
            "p50": percentile(millis, 0.5),
            "p99": percentile(millis, 0.99),
        }

    def _request(self) -> bytes:
        """The next order: accounts in turn, another quantity each time around."""
        turn, client = divmod(self._sent, ACCOUNTS)
        self._sent += 1
        price = self._orders.price
        kind = f'"type":"LIMIT","price":"{price}"' if price else '"type":"MARKET"'
        body = (
            f'{{"kind":"order","client":{client + 1},"instrument":"INFY","side":"BUY",'
            f'"product":"DELIVERY","quantity":"{turn % 100 + 1}",{kind}}}'
        )
        key = f"Idempotency-Key: 0123456789abcdef-{self._sent:06}\r\n" if self._orders.keyed else ""
        if self._orders.token:
            key += f"Authorization: Bearer {self._orders.token}\r\n"
        return (
            f"POST /api/v1/instructions HTTP/1.1\r\nHost: 127.0.0.1:{self._orders.port}\r\n"
            f"Content-Type: application/json\r\n{key}Content-Length: {len(body)}\r\n\r\n{body}"
        ).encode()


def cpu_s(process: int) -> float:
    """The processor time that a process has used so far; 0 where nobody can say."""
    try:
        fields = (
            Path(f"/proc/{process}/stat").read_text(encoding="ascii").rpartition(")")[2].split()
        )
    except OSError:
        return 0.0
    return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")


def _length(received: bytes, head: int) -> int:
    """The Content-Length of the response whose head ends there."""
    start = received.index(LENGTH, 0, head) + len(LENGTH)
    return int(received[start : received.find(b"\r", start)])
