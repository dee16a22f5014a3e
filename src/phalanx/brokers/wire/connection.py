"""One HTTP/1.1 keep-alive connection: it knows what the kernel took and what came back."""

import asyncio
import socket
from collections.abc import Callable
from functools import partial
from typing import TypeAlias, cast

import msgspec

from phalanx.brokers.port import NeverWritten, Ticket
from phalanx.brokers.wire.address import Address
from phalanx.brokers.wire.answer import Answer, AnswerParser, BadAnswer
from phalanx.brokers.wire.timeouts import Timeouts
from phalanx.domain.reasons import Reason, ReasonCode

UNREACHABLE = NeverWritten(Reason(ReasonCode.BROKER_UNREACHABLE), again=True)


class NoAnswer(msgspec.Struct, frozen=True, gc=False):
    """The request was written, and no answer came that could be trusted."""

    why: str


Told: TypeAlias = Callable[[Answer | NoAnswer], None]


class Connection(asyncio.Protocol):
    """Carries one request at a time. Reading is the transport's work; the first write goes past it
    straight to the socket, because a transport does not say whether the kernel took anything.

    ``lost`` is called once, when it is of no use any more; after what was under way was told.
    """

    def __init__(
        self, own: socket.socket, timeouts: Timeouts, lost: Callable[["Connection"], None]
    ) -> None:
        self._socket = own
        self._timeouts = timeouts
        self._lost = lost
        self._transport: asyncio.Transport | None = None
        self._parser: AnswerParser | None = None
        self._told: Told | None = None
        self._timers: list[asyncio.TimerHandle] = []
        self._is_closed = False

    @property
    def is_open(self) -> bool:
        """Whether another request may be tried on it, once it is idle."""
        return not self._is_closed

    def is_fresh(self) -> bool:
        """Whether it is idle and nothing speaks against writing: no data, end or error is pending.

        In the same turn as the write: a request on a stale connection would be in doubt for nothing.
        """
        if self._is_closed or self._told is not None:
            return False
        try:
            self._socket.recv(1, socket.MSG_PEEK)
        except BlockingIOError:
            return True
        except OSError:
            return False
        return False

    def send(self, request: bytes, ticket: Ticket, told: Told) -> NeverWritten | None:
        """Write a request, if the gate lets it, in one synchronous block.

        None: the kernel took it, or a part of it, and ``told`` will be called, once and later.
        Otherwise not one byte left.
        """
        assert self._told is None, "one request at a time"
        assert self._transport is not None, "connected"
        reason = ticket.admit()
        if reason is not None:
            return NeverWritten(reason)
        try:
            count = self._socket.send(request)
        except OSError:
            # Also when its buffer is full, which an idle connection's is not: it is not well.
            self.close("it takes nothing")
            return UNREACHABLE
        ticket.written()
        self._told = told
        self._parser = AnswerParser()
        later = asyncio.get_running_loop().call_later
        self._timers.append(later(self._timeouts.answer_s, self.close, "no answer in time"))
        if count < len(request):
            self._transport.write(request[count:])
            self._timers.append(later(self._timeouts.write_s, self._check_written))
        return None

    def close(self, why: str) -> None:
        """Drop it at once. Safe to call twice."""
        if self._is_closed:
            return
        self._is_closed = True
        if self._transport is not None:
            self._transport.abort()
        self._tell(NoAnswer(why))
        self._lost(self)

    # --- the transport's callbacks -----------------------------------------------------------------

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """It stands."""
        # uvloop's transports are none of asyncio's by their class.
        self._transport = cast("asyncio.Transport", transport)

    def data_received(self, data: bytes) -> None:
        """A part of the answer; what nobody asked for ends the connection."""
        parser = self._parser
        if parser is None:
            self.close("data that nobody asked for")
            return
        try:
            answer = parser.feed(data)
        except BadAnswer as bad:
            self.close(f"the answer cannot be trusted: {bad}")
            return
        if answer is None:
            return
        is_last = parser.is_last
        self._is_closed = is_last
        self._tell(answer)
        if is_last and self._transport is not None:
            self._transport.abort()
            self._lost(self)

    def eof_received(self) -> None:
        """The broker closed its side; that is the end of the connection."""
        self.close("the connection ended before the answer did")

    def connection_lost(self, exc: Exception | None) -> None:
        """It broke."""
        self.close(f"the connection broke: {exc}" if exc else "the connection was closed")

    def _check_written(self) -> None:
        if self._transport is not None and self._transport.get_write_buffer_size():
            self.close("the request could not be written in time")

    def _tell(self, result: Answer | NoAnswer) -> None:
        for timer in self._timers:
            timer.cancel()
        self._timers.clear()
        told, self._told, self._parser = self._told, None, None
        if told is not None:
            told(result)


async def connect(
    address: Address, timeouts: Timeouts, lost: Callable[[Connection], None]
) -> Connection:
    """A connection that stands. Raises OSError, TimeoutError included."""
    loop = asyncio.get_running_loop()
    async with asyncio.timeout(timeouts.connect_s):
        found = await loop.getaddrinfo(address.host, address.port, type=socket.SOCK_STREAM)
        failure = OSError(f"no address of {address.host}")
        for family, kind, protocol, _, place in found:
            own = socket.socket(family, kind, protocol)
            made = Connection(own, timeouts, lost)
            try:
                own.settimeout(0)
                own.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
                await loop.sock_connect(own, place)
                await loop.create_connection(partial(_same, made), sock=own)
                return made
            except OSError as error:
                own.close()
                failure = error
            except BaseException:
                own.close()
                raise
        raise failure


def _same(connection: Connection) -> Connection:
    """The protocol is made before its transport: it has the socket already."""
    return connection
