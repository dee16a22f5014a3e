"""The front: one ASGI application. Hot doors are answered here, everything else by FastAPI (ADR 0003)."""

import logging
from collections.abc import Sequence
from functools import partial

from phalanx.api.arrivals import Arrivals
from phalanx.api.bodies import Receive, Send
from phalanx.api.direct import Application, Begin, Direct, direct_of
from phalanx.api.exchange import Call, Door, respond, send_reply
from phalanx.api.head import Scope
from phalanx.api.house import House
from phalanx.api.ordinary import build_ordinary
from phalanx.api.sockets import Sockets
from phalanx.api.system import System

_log = logging.getLogger(__name__)


class Front:
    """All doors on one port. Starts the system with the server and stops it with it.

    Without a ``system`` it builds one from the settings when the server starts.
    """

    def __init__(self, doors: Sequence[Door], system: System | None = None) -> None:
        self.house = House(system)
        self.sockets = Sockets(self.house)
        self.ordinary = build_ordinary(self.house, doors)
        self._hot = {(door.method, door.path): door for door in doors if door.hot}
        self._arrivals = Arrivals(self.house, self._serve)

    def take(self, scope: Scope, direct: Direct, begin: Begin) -> bool:
        """See `Takes`: doors with an ``at_once`` take their requests."""
        self._believe(scope)
        door = self._hot.get((scope["method"], scope["path"]))
        if door is None or door.at_once is None or self.house.system is None:
            return False
        self._arrivals.add(door, door.at_once, scope, direct, begin)
        return True

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Serve one connection's scope."""
        self._believe(scope)
        if scope["type"] == "http":
            door = self._hot.get((scope["method"], scope["path"]))
            if door is not None:
                await self._answer(door, None, scope, receive, send)
                return
            if scope["method"] == "HEAD":
                # The server leaves the body out; the doors know GET only.
                scope = {**scope, "method": "GET"}
            await self.ordinary(scope, receive, send)
        elif scope["type"] == "websocket":
            await self.sockets.serve(scope, receive, send)
        else:
            await self._live(receive, send)

    def _believe(self, scope: Scope) -> None:
        """Before anybody looks who asks."""
        if self.house.edges.proxies:
            self.house.edges.proxies.believe(scope)

    def _serve(self, door: Door, call: Call) -> Application:
        return partial(self._answer, door, call)

    async def _answer(
        self, door: Door, call: Call | None, scope: Scope, receive: Receive, send: Send
    ) -> None:
        reply = await respond(self.house, door, scope, receive, call)
        direct = direct_of(scope)
        if direct is None or not direct.answer(reply.status, reply.headers, reply.body):
            await send_reply(reply, scope, receive, send)

    async def _live(self, receive: Receive, send: Send) -> None:
        """The lifespan protocol: start, wait, stop."""
        await receive()
        try:
            await self._start()
        except Exception as error:  # noqa: BLE001  the server says it and ends
            _log.exception("the system could not start")
            message = f"{type(error).__name__}: {error}"
            await send({"type": "lifespan.startup.failed", "message": message})
            return
        await send({"type": "lifespan.startup.complete"})
        await receive()
        await self.sockets.close()
        if self.house.system is not None:
            await self.house.system.stop()
        await send({"type": "lifespan.shutdown.complete"})

    async def _start(self) -> None:
        system = self.house.system
        if system is None:
            system = _build()
            self.house.take(system)
        try:
            await system.start()
        except BaseException:
            await system.stop()
            raise


def _build() -> System:
    from phalanx.bootstrap import build
    from phalanx.config import Settings

    return build(Settings())
