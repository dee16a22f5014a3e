"""The floor of firing: a signal's record committed, then its orders' bytes written in a flat loop.

The record is that of the same signal to as many accounts, decided once at the start; the requests are
those of the stub broker's module. Behind the bare door, with the same journal; nothing is decided.
"""

import argparse
import asyncio
import socket
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import msgspec
import uvloop

from benchmarks import tls
from benchmarks.firing import ACCOUNT, people, stock_of
from benchmarks.floors.door import BATCH_ID, answer, read_body, serve
from benchmarks.scene import Scene
from phalanx.api.bodies import Receive, Send
from phalanx.api.instruction_shapes import InstructionBody
from phalanx.brokers.placing import place_request
from phalanx.brokers.stub.messages import PLACE
from phalanx.brokers.wire import Address, RequestHead
from phalanx.brokers.wire.tls import Tls, start_tls, tls_context
from phalanx.cli.process.listener import allow_many_files
from phalanx.domain.events import join_events
from phalanx.domain.instructions import SignalRequest
from phalanx.domain.orders import Side
from phalanx.journal.sqlite import SqliteJournal

READ_BYTES = 64 * 1024


class Volley(msgspec.Struct, frozen=True):
    """What a signal to so many accounts comes to: a record's body with its events, and requests."""

    body: bytes
    count: int
    requests: tuple[bytes, ...]


def volleys(sizes: Sequence[int], address: Address) -> dict[str, Volley]:
    """By the strategy's name."""
    scene = Scene(profiles=people(sizes), account=ACCOUNT)
    head = RequestHead(address, PLACE, {"Authorization": "Bearer T1"})
    found = {}
    for size in sizes:
        request = SignalRequest(f"ALL-{size}", stock_of(sizes, size), Side.BUY)
        decided, drafts = scene.submit(request)
        orders = [scene.state.orders[draft.cl_ord_id] for draft in drafts]
        found[request.strategy] = Volley(
            join_events([encoded for _, encoded in decided], len(decided)),
            len(decided),
            tuple(
                head.request(msgspec.json.encode(place_request(order, account.account)))
                for order in orders
                for account in (scene.state.book_of(order),)
            ),
        )
    return found


class Line:
    """One warm connection. What comes back is read and thrown away."""

    def __init__(self, own: socket.socket, sealing: Tls | None) -> None:
        self.socket = own
        self._sealing = sealing
        self.send = own.send if sealing is None else self._send_sealed

    def read(self) -> None:
        """Called when there is something to read."""
        data = self.socket.recv(READ_BYTES)
        if self._sealing is not None:
            self._sealing.open(data)

    def _send_sealed(self, request: bytes) -> int:
        assert self._sealing is not None
        return self.socket.send(self._sealing.seal(request))


class FiringDoor:
    """The ASGI application."""

    def __init__(
        self, journal: SqliteJournal, lines: Sequence[Line], volleys: dict[str, Volley]
    ) -> None:
        self._journal = journal
        self._lines = lines
        self._volleys = volleys
        self._decode = msgspec.json.Decoder(InstructionBody).decode

    async def __call__(self, scope: Any, receive: Receive, send: Send) -> None:  # noqa: ANN401
        """Decode, commit, write, answer."""
        asked: Any = self._decode(await read_body(receive))
        volley = self._volleys[asked.strategy]
        await self._journal.append(volley.body, volley.count, BATCH_ID)
        for line, request in zip(self._lines, volley.requests, strict=False):
            line.send(request)
        await answer(send)


async def connect(address: Address, count: int) -> list[Line]:
    """One connection for each account, warm."""
    loop = asyncio.get_running_loop()
    context = tls_context(tls.AUTHORITY) if address.tls else None
    lines = []
    for _ in range(count):
        own = socket.create_connection((address.host, address.port))
        own.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        own.setblocking(False)
        line = Line(own, None if context is None else await start_tls(own, context, address.host))
        loop.add_reader(own, line.read)
        lines.append(line)
    return lines


async def _serve(asked: argparse.Namespace) -> None:
    journal = SqliteJournal(asked.data)
    journal.acquire()
    address = Address("127.0.0.1", asked.broker, asked.tls)
    fired = volleys(asked.sizes, address)
    lines = await connect(address, max(asked.sizes))
    await serve(FiringDoor(journal, lines, fired))
    journal.close()


def main() -> None:
    """``python -m benchmarks.floors.firing --data DIR --broker PORT --sizes N… [--tls]``."""
    parser = argparse.ArgumentParser()
    parser.add_argument("--data", type=Path, required=True)
    parser.add_argument("--broker", type=int, required=True)
    parser.add_argument("--sizes", type=int, nargs="+", required=True)
    parser.add_argument("--tls", action="store_true")
    asked = parser.parse_args()
    asked.data.mkdir(parents=True, exist_ok=True)
    allow_many_files()
    uvloop.run(_serve(asked))


if __name__ == "__main__":
    main()
