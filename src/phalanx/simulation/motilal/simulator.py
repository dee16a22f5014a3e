"""The whole broker in one process: its REST service, its two streams and its feed, on loopback."""

import asyncio
import random
import ssl
from collections.abc import Callable
from contextlib import AsyncExitStack
from http import HTTPStatus
from types import TracebackType
from typing import Final, Self, TypeAlias

from websockets.asyncio.server import Server, ServerConnection, serve
from websockets.http11 import Request, Response

from phalanx.simulation.motilal.broadcast import Broadcast
from phalanx.simulation.motilal.config import SimulatorConfig
from phalanx.simulation.motilal.control import Control
from phalanx.simulation.motilal.doors import Doors
from phalanx.simulation.motilal.faults import Faults
from phalanx.simulation.motilal.margins import Margins
from phalanx.simulation.motilal.matching import Matching
from phalanx.simulation.motilal.order_stream import OrderStream
from phalanx.simulation.motilal.orders import Orders
from phalanx.simulation.motilal.portfolio import Portfolio
from phalanx.simulation.motilal.prices import Prices
from phalanx.simulation.motilal.reports import Reports
from phalanx.simulation.motilal.rest import RestService
from phalanx.simulation.motilal.scrips import ScripTable
from phalanx.simulation.motilal.sessions import Sessions
from phalanx.simulation.motilal.tickets import Reader
from phalanx.simulation.motilal.trading import Trading

ORDERS_PATH: Final = "/ws"
BROADCAST_PATH: Final = "/jwebsocket/jwebsocket"
FRAME_BYTES_MAX: Final = 64 << 10


class MotilalSimulator:
    """One simulated broker: ``async with MotilalSimulator(config) as sim``.

    While it runs: ``rest_url``, ``orders_ws_url``, ``broadcast_ws_url`` and ``broadcast_tcp`` (host, port).
    ``faults``, ``prices``, ``orders``, ``sessions``, ``matching`` and ``portfolio`` are for tests that look
    inside; ``step()`` moves the world on where the config's ``step_ms`` is 0. Raises OSError at the start where
    a port is taken; ``binding`` then names the port's field of the config.

    Its books are in memory and of one day.
    """

    def __init__(
        self, config: SimulatorConfig | None = None, tls: ssl.SSLContext | None = None
    ) -> None:
        config = config or SimulatorConfig()
        self._config = config
        self._tls = tls
        chance = random.Random(config.seed)
        table = ScripTable(config.scrips, config.indices)
        reader = Reader(table, config.carrying, stop_market=config.stop_market)
        self.faults = Faults()
        self.prices = Prices(table, chance, walk=config.walk)
        self.orders = Orders(config.now)
        self.portfolio = Portfolio(config.clients, table, self.orders)
        self.sessions = Sessions(config.logins, config.now, chance, config.sessions_max)
        self.stream = OrderStream(
            self.sessions, self.faults, config.now, config.silent_s, shouts=config.shouts
        )
        self.feed = Broadcast(
            table, self.prices, config.now, config.broadcast_max, config.heartbeat_s
        )
        margins = Margins(self.portfolio, self.orders, self.prices)
        self.matching = Matching(
            self.orders, self.prices, margins.objection, chance, config.partial_percent
        )
        trading = Trading(config, reader, self.orders, self.portfolio, self.matching, self.faults)
        reports = Reports(config, table, reader, self.prices, self.orders, self.portfolio, margins)
        doors = Doors(table, self.sessions, self.portfolio.clients, trading, reports)
        control = Control(
            self.faults,
            self.prices,
            self.orders,
            self.matching,
            self.sessions,
            self.stream,
            self.step,
        )
        self.rest = RestService(doors, control.answer, self.faults)
        self.orders.listeners.append(self.stream.hear)
        self._open = AsyncExitStack()
        self.rest_url = self.orders_ws_url = self.broadcast_ws_url = self.binding = ""
        self.broadcast_tcp = (config.host, 0)

    def step(self, count: int = 1) -> None:
        """Prices move, the exchange works through its orders, and the streams say so."""
        for _ in range(count):
            self.prices.step()
            self.matching.step()
            self.feed.step()
            self.stream.step()

    async def __aenter__(self) -> Self:
        async with AsyncExitStack() as opening:
            await self._listen(opening)
            if self._config.step_ms:
                ticking = asyncio.create_task(self._tick(self._config.step_ms / 1_000))
                opening.push_async_callback(_end, ticking)
            self._open = opening.pop_all()
        return self

    async def __aexit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        await self._open.aclose()

    async def _listen(self, opening: AsyncExitStack) -> None:
        config, host, tls = self._config, self._config.host, self._tls
        secure = "s" if tls else ""
        self.binding = "rest_port"
        port = await self.rest.start(host, config.rest_port, tls)
        opening.push_async_callback(self.rest.close)
        self.rest_url = f"http{secure}://{host}:{port}"
        self.binding = "orders_port"
        orders = await serve(
            self.stream.serve,
            host,
            config.orders_port,
            ssl=tls,
            max_size=FRAME_BYTES_MAX,
            ping_interval=None,
            process_request=_only(ORDERS_PATH),
        )
        opening.push_async_callback(_close, orders)
        self.orders_ws_url = f"ws{secure}://{host}:{_port(orders)}{ORDERS_PATH}"
        self.binding = "broadcast_port"
        broadcast = await serve(
            self.feed.serve_websocket,
            host,
            config.broadcast_port,
            ssl=tls,
            max_size=FRAME_BYTES_MAX,
            ping_interval=None,
            compression=None,
            process_request=_only(BROADCAST_PATH),
        )
        opening.push_async_callback(_close, broadcast)
        self.broadcast_ws_url = f"ws{secure}://{host}:{_port(broadcast)}{BROADCAST_PATH}"
        self.binding = "broadcast_tcp_port"
        self.broadcast_tcp = (host, await self.feed.start_tcp(host, config.broadcast_tcp_port, tls))
        opening.push_async_callback(self.feed.close_tcp)

    async def _tick(self, step_s: float) -> None:
        while True:
            await asyncio.sleep(step_s)
            self.step()


Gatekeeper: TypeAlias = Callable[[ServerConnection, Request], Response | None]


def _only(path: str) -> Gatekeeper:
    """A handshake anywhere else is a 404."""

    def check(connection: ServerConnection, request: Request) -> Response | None:
        if request.path.partition("?")[0] == path:
            return None
        return connection.respond(HTTPStatus.NOT_FOUND, "Not Found")

    return check


def _port(server: Server) -> int:
    found: int = next(iter(server.sockets)).getsockname()[1]
    return found


async def _close(server: Server) -> None:
    server.close()
    await server.wait_closed()


async def _end(ticking: asyncio.Task[None]) -> None:
    """Raises what ended it before its time."""
    ticking.cancel()
    (end,) = await asyncio.gather(ticking, return_exceptions=True)
    if isinstance(end, Exception):
        raise end
