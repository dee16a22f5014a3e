"""The order and trade stream: JSON over a WebSocket, for those who proved whose session they have."""

import asyncio
from collections.abc import Callable
from typing import Any, Final

import msgspec
from websockets.asyncio.server import ServerConnection
from websockets.exceptions import ConnectionClosed

from phalanx.domain.time import SECOND, Nanoseconds
from phalanx.simulation.motilal.amounts import decoded, encoded
from phalanx.simulation.motilal.books import order_frame, trade_frame
from phalanx.simulation.motilal.config import Login
from phalanx.simulation.motilal.faults import FaultKind, Faults
from phalanx.simulation.motilal.orders import Order, Trade
from phalanx.simulation.motilal.outbox import Outbox
from phalanx.simulation.motilal.sessions import Sessions

NOT_LOGGED_IN: Final = ("MO1001", "Invalid User Id Or Auth Token")
NO_SUCH_ACTION: Final = ("MO2012", "Invalid Action Request.")

ORDERS: Final = "Order"
TRADES: Final = "Trade"

SWITCHES: Final = {
    "OrderSubscribe": (ORDERS, True),
    "OrderUnsubscribe": (ORDERS, False),
    "TradeSubscribe": (TRADES, True),
    "TradeUnsubscribe": (TRADES, False),
}


class Listener:
    """One connection. ``wanted``: client and sort of frame; ``held``: a frame that waits for the next one."""

    def __init__(self, connection: ServerConnection, now: Nanoseconds) -> None:
        async def send(text: str) -> None:
            try:
                await connection.send(text)
            except ConnectionClosed as closed:
                raise EOFError from closed

        self.login: Login | None = None
        self.id = ""
        self.token = ""
        self.wanted: dict[tuple[str, str], None] = {}
        self.held: list[str] = []
        self.heard = now
        self.outbox = Outbox(send)


class OrderStream:
    """All connections of the stream. One socket for a client at a time: a newer one ends the older.

    Nothing is said twice, or again after a reconnect, unless a fault does so.
    """

    def __init__(
        self,
        sessions: Sessions,
        faults: Faults,
        now: Callable[[], Nanoseconds],
        silent_s: int,
        *,
        shouts: bool,
    ) -> None:
        self._sessions = sessions
        self._faults = faults
        self._now = now
        self._silent_ns = silent_s * SECOND
        self._shouts = shouts
        self._listeners: dict[Listener, None] = {}

    def __len__(self) -> int:
        return len(self._listeners)

    # --- what is pushed ----------------------------------------------------------------------------

    def hear(self, order: Order, trade: Trade | None) -> None:
        """An order changed, perhaps by a trade: those who want to know are told, of the trade first."""
        client = order.ticket.client
        if trade is not None:
            self._push(client, TRADES, trade_frame(trade))
        self._push(client, ORDERS, order_frame(order, shouts=self._shouts))

    def step(self) -> None:
        """Let those go who were silent for too long, or whose session ended."""
        now = self._now()
        for one in list(self._listeners):
            if one.login and not self._sessions.of_token(one.token, one.login.api_key):
                self._refuse(one, NOT_LOGGED_IN)
                one.outbox.finish()
            elif now - one.heard > self._silent_ns:
                one.outbox.finish()

    def drop(self) -> None:
        """Every connection ends."""
        for one in self._listeners:
            one.outbox.finish()

    def _push(self, client: str, sort: str, row: dict[str, Any]) -> None:
        for one in self._listeners:
            if (client, sort) in one.wanted:
                self._send(one, client, encoded(row).decode())

    def _send(self, one: Listener, client: str, frame: str) -> None:
        fault = self._faults.of_frame(client)
        if fault and fault.kind is FaultKind.WS_LATE:
            asyncio.get_running_loop().call_later(fault.delay_ms / 1_000, one.outbox.put, frame)
            return
        match fault and fault.kind:
            case FaultKind.WS_MISS:
                return
            case FaultKind.WS_SWAP:
                one.held.append(frame)
                return
            case FaultKind.WS_GARBAGE:
                one.outbox.put("{not json")
            case FaultKind.WS_DUPLICATE:
                one.outbox.put(frame)
            case _:
                pass
        one.outbox.put(frame)
        for held in one.held:
            one.outbox.put(held)
        one.held.clear()

    # --- what clients send -------------------------------------------------------------------------

    async def serve(self, connection: ServerConnection) -> None:
        """One connection, until either side ends it."""

        async def read() -> None:
            try:
                async for message in connection:
                    one.heard = self._now()
                    if not self._take(one, message):
                        return
            except ConnectionClosed:
                pass  # the other side has gone

        one = Listener(connection, self._now())
        self._listeners[one] = None
        try:
            await one.outbox.serve(read())
        finally:
            del self._listeners[one]

    def _take(self, one: Listener, message: str | bytes) -> bool:
        """False: this connection is over."""
        try:
            body = decoded(message)
        except msgspec.DecodeError:
            body = None
        if not isinstance(body, dict):
            self._refuse(one, ("MO8000", "Technical Error"))
            return True
        if one.login is None:
            return self._log_in(one, body)
        return self._act(one, one.login, body)

    def _log_in(self, one: Listener, body: dict[str, Any]) -> bool:
        client, token = str(body.get("clientid", "")), str(body.get("authtoken", ""))
        session = self._sessions.of_token(token, str(body.get("apikey", "")))
        if session is None or client not in {session.login.userid, *session.login.clients}:
            self._refuse(one, NOT_LOGGED_IN)
            return False
        for other in self._listeners:
            if other.id == client:
                other.outbox.finish()
        one.login, one.id, one.token = session.login, client, token
        return True

    def _act(self, one: Listener, login: Login, body: dict[str, Any]) -> bool:
        """A client's own frames, or those of a dealer's client; under its own name, of all its clients."""
        client, action = str(body.get("clientid", "")), body.get("action")
        if client not in {login.userid, *login.clients}:
            self._refuse(one, NOT_LOGGED_IN)
            return False
        if action == "logout":
            return False
        if action == "heartbeat":
            return True
        if not isinstance(action, str) or action not in SWITCHES:
            self._refuse(one, NO_SUCH_ACTION)
            return True
        sort, is_wanted = SWITCHES[action]
        for code in login.clients if client == login.userid and login.is_dealer else (client,):
            if is_wanted:
                one.wanted[code, sort] = None
            else:
                one.wanted.pop((code, sort), None)
        return True

    @staticmethod
    def _refuse(one: Listener, why: tuple[str, str]) -> None:
        code, message = why
        told = {"status": "FAILURE", "message": message, "errorcode": code}
        one.outbox.put(encoded(told).decode())
