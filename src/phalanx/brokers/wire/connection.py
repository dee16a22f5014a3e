"""One HTTP/1.1 keep-alive connection: it knows what the kernel took and what came back."""

import asyncio
import socket
from typing import Protocol, TypeAlias, cast

import msgspec

from phalanx.brokers.port import NeverWritten, Ticket
from phalanx.brokers.wire.answer import Answer, AnswerParser, BadAnswer
from phalanx.brokers.wire.patience import Patience
from phalanx.brokers.wire.quiet import pending_on
from phalanx.brokers.wire.tls import Tls
from phalanx.brokers.wire.unread import UnreadAnswers
from phalanx.domain.reasons import Reason, ReasonCode

UNREACHABLE = NeverWritten(Reason(ReasonCode.BROKER_UNREACHABLE), again=True)

_SETTLE_BYTES = 64 << 10
_SETTLE_TURNS_MAX = 4
"""An idle connection on which more than so much is pending is not worth reading."""

_UNREAD_BYTES_MAX = 8 << 10
"""What was read from a socket is put off once; with more than this behind it, all of it is read. Answers to
orders have a few hundred bytes.
"""


class NoAnswer(msgspec.Struct, frozen=True, gc=False):
    """The request was written, and no answer came that could be trusted."""

    why: str


Result: TypeAlias = Answer | NoAnswer


class Owner(Protocol):
    """Whoever sends on a connection."""

    def told(self, connection: "Connection", result: Result) -> None:
        """What came of the request that was written; once, and later than its ``send``."""
        ...

    def lost(self, connection: "Connection") -> None:
        """It is of no use any more; once, after what was under way was told."""
        ...


class Connection(asyncio.Protocol):
    """Carries one request at a time. Reading answers is the transport's work; the first write goes past
    it straight to the socket, because a transport does not say whether the kernel took anything, and so
    does the look at what is pending on an idle connection.
    """

    def __init__(
        self,
        own: socket.socket,
        owner: Owner,
        patience: Patience,
        unread_answers: UnreadAnswers,
        write_s: float,
        tls: Tls | None = None,
    ) -> None:
        self._socket = own
        self._owner = owner
        self._patience = patience
        self._unread_answers = unread_answers
        self._unread = b""
        self._write_s = write_s
        self._tls = tls
        self._pending = pending_on(own)
        self._transport: asyncio.Transport
        self._parser: AnswerParser | None = None
        self._writing: asyncio.TimerHandle | None = None
        self._is_waiting = False
        self._is_closed = False

    @property
    def is_open(self) -> bool:
        """Whether another request may be tried on it, once it is idle."""
        return not self._is_closed

    def is_fresh(self) -> bool:
        """Whether it is idle and nothing speaks against writing: no data, end or error is pending.

        In the same turn as the write: a request on a stale connection would be in doubt for nothing.
        One that is idle and not fresh is to be closed.
        """
        if self._is_closed or self._is_waiting or self._transport.get_write_buffer_size():
            return False
        return not self._pending() or (self._tls is not None and self._settle(self._tls))

    def send(self, request: bytes, ticket: Ticket) -> NeverWritten | None:
        """Write a request, if the gate lets it, in one synchronous block.

        None: the kernel took it, or a part of it, and the owner will be told. Otherwise not one byte
        of it left.
        """
        assert not self._is_waiting, "one request at a time"
        reason = ticket.admit()
        if reason is not None:
            return NeverWritten(reason)
        try:
            # Sealed only now: what was sealed and not sent ends the connection.
            sealed = request if self._tls is None else self._tls.seal(request)
            count = self._socket.send(sealed)
        except OSError:
            # Also when its buffer is full, which an idle connection's is not: it is not well.
            self.close("it takes nothing")
            return UNREACHABLE
        ticket.written()
        self._is_waiting = True
        self._patience.begin(self)
        if count < len(sealed):
            self._transport.write(sealed[count:])
            later = asyncio.get_running_loop().call_later
            self._writing = later(self._write_s, self._check_written)
        return None

    def close(self, why: str) -> None:
        """Drop it at once; an answer that has come is read before. Safe to call twice."""
        if self._unread:
            self.read(ends=True)
        if self._is_closed:
            return
        self._is_closed = True
        self._transport.abort()
        self._tell(NoAnswer(why))
        self._owner.lost(self)

    def read(self, *, ends: bool = False) -> None:
        """Read what came while answers had to wait; ``ends``: nothing more will be sent or read."""
        data, self._unread = self._unread, b""
        if data:
            self._take_in(data, ends=ends)

    # --- the transport's callbacks -----------------------------------------------------------------

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """It stands."""
        # uvloop's transports are none of asyncio's by their class.
        self._transport = cast("asyncio.Transport", transport)

    def data_received(self, data: bytes) -> None:
        """A part of the answer, under TLS perhaps; what nobody asked for ends the connection."""
        if self._unread:
            self._unread += data
            if len(self._unread) > _UNREAD_BYTES_MAX:
                self.read()
        elif self._is_waiting and self._unread_answers.wait:
            self._unread = data
            self._unread_answers.put(self)
        else:
            self._take_in(data)

    def eof_received(self) -> None:
        """The broker closed its side; that is the end of the connection."""
        self.close("the connection ended before the answer did")

    def connection_lost(self, exc: Exception | None) -> None:
        """It broke."""
        self.close(f"the connection broke: {exc}" if exc else "the connection was closed")

    # --- inside ------------------------------------------------------------------------------------

    def _take_in(self, data: bytes, *, ends: bool = False) -> None:
        """Bytes of the broker's; ``ends``: nothing more will be sent or read."""
        tls = self._tls
        if tls is None:
            self._parse(data, ends=ends)
            return
        plain = tls.open(data)
        due = b"" if ends else tls.due()
        if due:
            self._transport.write(due)
        if plain:
            self._parse(plain, ends=ends or bool(tls.end))
        if tls.end:
            self.close(tls.end)

    def _settle(self, tls: Tls) -> bool:
        """Take in what TLS has to say to an idle connection, a ticket or new keys, and answer it by
        itself, so that the next write is the request. Whether there was nothing else.
        """
        try:
            for _ in range(_SETTLE_TURNS_MAX):
                data = self._socket.recv(_SETTLE_BYTES)
                if not data or tls.open(data):
                    return False
                due = tls.due()
                if tls.end or (due and self._socket.send(due) < len(due)):
                    return False
                if not self._pending():
                    return True
        except OSError:
            pass
        return False

    def _parse(self, data: bytes, *, ends: bool) -> None:
        """Text in them."""
        if not self._is_waiting:
            self.close("data that nobody asked for")
            return
        parser = self._parser
        if parser is None:
            parser = self._parser = AnswerParser()
        try:
            answer = parser.feed(data)
        except BadAnswer as bad:
            self.close(f"the answer cannot be trusted: {bad}")
            return
        if answer is None:
            return
        is_last = self._is_closed = ends or parser.is_last
        self._tell(answer)
        if is_last:
            self._transport.abort()
            self._owner.lost(self)

    def _check_written(self) -> None:
        if self._transport.get_write_buffer_size():
            self.close("the request could not be written in time")

    def _tell(self, result: Result) -> None:
        if not self._is_waiting:
            return
        self._is_waiting = False
        self._parser = None
        self._patience.end(self)
        if self._writing is not None:
            self._writing.cancel()
            self._writing = None
        self._owner.told(self, result)
