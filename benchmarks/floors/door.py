"""The bare door: the server that does the least for the same bytes.

A raw ASGI application under the server's own uvicorn settings. It decodes the body into the same
struct, commits as many and as long events through the same journal (the plan before the answer, what
the broker says of it in the next group) and answers with as many bytes. Nothing is decided.
"""

import argparse
import asyncio
import signal
import socket
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import msgspec
import uvicorn
import uvloop

from benchmarks.scene import Scene, acknowledged, filled
from benchmarks.worker import freeze
from phalanx.api.bodies import Receive, Send
from phalanx.api.instruction_shapes import InstructionBody
from phalanx.api.protocol import DirectProtocol
from phalanx.cli.process import hosting
from phalanx.domain.events import join_events
from phalanx.domain.instructions import Door, OrderRequest, Origin
from phalanx.domain.numbers import whole
from phalanx.domain.orders import Hops, OrdType, Product, Side
from phalanx.engine import commands as c
from phalanx.journal.sqlite import SqliteJournal

ANSWER = (
    b'{"instruction_id":"IAA00000001","kind":"order","status":"WORKING","reason":null,'
    b'"message":null,"instrument":"ACC","symbol":"ACC","exchange":"NSE","token_id":"22",'
    b'"fire_at":null,"parent":null,"follow_up":null,'
    b'"counts":{"orders":1,"cancels":0,"skips":0},'
    b'"outcomes":[{"client":"U0","client_id":1,"account":"PAPER-1","status":"ACCEPTED",'
    b'"reason":null,"message":null,"order_id":"AA00000001","instrument":"ACC","symbol":"ACC",'
    b'"row":null,"quantity":"1","price":"1800","stop_price":null,"side":"BUY",'
    b'"product":"DELIVERY","type":"LIMIT","charges":null,"cash_after":null}],"outcomes_total":1}'
)
HEADERS = [
    (b"content-type", b"application/json"),
    (b"content-length", b"%d" % len(ANSWER)),
    (b"x-request-id", b"00000000-12345"),
]
BATCH_ID = bytes(16)
INSTANT = 10**15
"""A monotonic instant as long as real ones."""


class Template(msgspec.Struct, frozen=True):
    """The bytes of one order: what is journaled before the answer, and what follows it."""

    plan: tuple[bytes, ...]
    reports: tuple[bytes, ...]


def template(ord_type: OrdType, *, keyed: bool) -> Template:
    """Real events of a real order, encoded."""
    scene = Scene()
    key, fingerprint = ("0123456789abcdef-000001", bytes(16)) if keyed else ("", b"")
    origin = Origin("local", Door.INSTRUCTIONS, "00000000-12345", key, fingerprint)
    price = whole(90) if ord_type is OrdType.LIMIT else 0
    request = OrderRequest(7, "", "ACC", Side.BUY, Product.DELIVERY, ord_type, whole(10), price)
    decided = scene.do(c.Submit(origin, request, received=INSTANT))
    drafts = decided[0][0].orders  # type: ignore[union-attr]
    decided += scene.do(c.Dispatch(tuple(draft.cl_ord_id for draft in drafts), 1))
    hops = Hops(INSTANT, INSTANT, 0, INSTANT, 0, INSTANT, INSTANT)
    said = scene.do(c.BookReport(acknowledged(drafts)[0], hops))
    if ord_type is OrdType.MARKET:
        said += scene.report(filled(drafts))
    return Template(tuple(encoded for _, encoded in decided), tuple(encoded for _, encoded in said))


class Groups:
    """Group commit with nothing else: while one group is synced, the next is collected."""

    def __init__(self, journal: SqliteJournal) -> None:
        self._journal = journal
        self._events: list[bytes] = []
        self._waiters: list[asyncio.Future[None]] = []
        self._wake = asyncio.Event()

    def add(self, events: Sequence[bytes]) -> None:
        """Events that nobody waits for."""
        self._events += events
        self._wake.set()

    async def durable(self, events: Sequence[bytes]) -> None:
        """Events that somebody waits for."""
        future: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        self._waiters.append(future)
        self.add(events)
        await future

    async def run(self) -> None:
        """Commit group after group."""
        while True:
            await self._wake.wait()
            self._wake.clear()
            events, self._events = self._events, []
            waiters, self._waiters = self._waiters, []
            body = join_events(events, len(events))
            await self._journal.append(body, len(events), BATCH_ID)
            for waiter in waiters:
                waiter.set_result(None)


class BareDoor:
    """The ASGI application."""

    def __init__(self, groups: Groups, order: Template) -> None:
        self._groups = groups
        self._order = order
        self._decode = msgspec.json.Decoder(InstructionBody).decode

    async def __call__(self, scope: Any, receive: Receive, send: Send) -> None:  # noqa: ANN401
        """Decode, commit, answer."""
        self._decode(await read_body(receive))
        await self._groups.durable(self._order.plan)
        self._groups.add(self._order.reports)
        await answer(send)


async def read_body(receive: Receive) -> bytes:
    """The whole body of a request."""
    body = b""
    more = True
    while more:
        message = await receive()
        body += message.get("body", b"")
        more = message.get("more_body", False)
    return body


async def answer(send: Send) -> None:
    """As many bytes as the answer to a single order has."""
    await send({"type": "http.response.start", "status": 202, "headers": HEADERS})
    await send({"type": "http.response.body", "body": ANSWER})


def config(application: Any) -> uvicorn.Config:  # noqa: ANN401
    """uvicorn as the server sets it up; tests/perf sees to it that the two stay alike."""
    return uvicorn.Config(
        application,
        loop="none",
        http=DirectProtocol,
        ws="websockets-sansio",
        ws_max_size=hosting.MESSAGE_BYTES_MAX,
        ws_max_queue=8,
        ws_per_message_deflate=False,
        lifespan="off",
        log_config=None,
        access_log=False,
        server_header=False,
        proxy_headers=False,
        limit_concurrency=hosting.CONNECTIONS_MAX,
        backlog=2_048,
        timeout_keep_alive=hosting.KEEP_ALIVE_S,
        timeout_graceful_shutdown=hosting.SHUTDOWN_S,
    )


class Server(uvicorn.Server):
    """Serves until SIGTERM, and says in a line of JSON where."""

    def __init__(self, config: uvicorn.Config, url: str) -> None:
        super().__init__(config)
        self._url = url

    @contextmanager
    def capture_signals(self) -> Iterator[None]:
        """End quietly: uvicorn would raise the signal once more."""
        loop = asyncio.get_running_loop()
        loop.add_signal_handler(signal.SIGTERM, setattr, self, "should_exit", True)
        yield

    async def startup(self, sockets: list[socket.socket] | None = None) -> None:
        await super().startup(sockets)
        print(msgspec.json.encode({"ready": True, "url": self._url}).decode(), flush=True)


async def serve(application: Any) -> None:  # noqa: ANN401
    """Serve until SIGTERM; prints a line of JSON when it does."""
    listener = socket.create_server(("127.0.0.1", 0))
    url = f"http://127.0.0.1:{listener.getsockname()[1]}"
    server = Server(config(application), url)
    freeze()
    await server.serve([listener])


async def _serve_orders(data: Path, order: Template) -> None:
    journal = SqliteJournal(data)
    journal.acquire()
    groups = Groups(journal)
    committing = asyncio.create_task(groups.run())
    await serve(BareDoor(groups, order))
    committing.cancel()
    journal.close()


def main() -> None:
    """``python -m benchmarks.floors.door --data DIR [--keyed] [--market]``."""
    parser = argparse.ArgumentParser()
    parser.add_argument("--data", type=Path, required=True)
    parser.add_argument("--keyed", action="store_true")
    parser.add_argument("--market", action="store_true")
    asked = parser.parse_args()
    asked.data.mkdir(parents=True, exist_ok=True)
    ord_type = OrdType.MARKET if asked.market else OrdType.LIMIT
    uvloop.run(_serve_orders(asked.data, template(ord_type, keyed=asked.keyed)))


if __name__ == "__main__":
    main()
