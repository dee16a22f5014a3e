"""A proxy between a broker's module and its server that treats each request as it is told."""

import asyncio
from collections import Counter
from collections.abc import Callable, Coroutine
from enum import Enum, auto
from typing import Any

import msgspec

from phalanx.brokers.stub.messages import REPORTS, ReportsPage
from phalanx.simulation.http_messages import (
    HEAD_BYTES_MAX,
    HttpMessage,
    answer_bytes,
    read_message,
)

HOST = "127.0.0.1"
LATE_S = 0.8
"""How long after its sender was cut off a late request goes on its way."""


class Fault(Enum):
    """What becomes of one request."""

    NONE = auto()
    CUT_BEFORE = auto()
    """The sender is cut off, and nothing of it reaches the broker."""
    CUT_INSIDE = auto()
    """The half of it reaches the broker."""
    CUT_AFTER = auto()
    """All of it reaches the broker, and the sender is cut off at once."""
    LATE = auto()
    """The sender is cut off, and some time later all of it reaches the broker."""
    CUT_BEFORE_ANSWER = auto()
    CUT_INSIDE_ANSWER = auto()
    SHORT_ANSWER = auto()
    """More is announced than comes."""
    BLACK_HOLE = auto()
    """The broker answers, and nobody hears it; the connection stays."""
    GARBAGE = auto()
    BAD_REQUEST = auto()
    SERVER_ERROR = auto()
    REDIRECT = auto()
    """The last four: the broker took it, and its answer is replaced."""


NEVER_REACHES = frozenset({Fault.CUT_BEFORE, Fault.CUT_INSIDE})

_INSTEAD = {
    Fault.GARBAGE: answer_bytes(200, b'{"status": "fine"}'),
    Fault.BAD_REQUEST: answer_bytes(400, b'{"accepted": false, "code": "REJECTED"}'),
    Fault.SERVER_ERROR: answer_bytes(503, b'{"accepted": false, "code": "REJECTED"}'),
    Fault.REDIRECT: answer_bytes(307, b"{}").replace(b"\r\n", b"\r\nLocation: /orders\r\n", 1),
}


class FaultProxy:
    """``treat`` says what becomes of each request; ``seen`` are all that came, ``faults`` counts.

    ``loses_reports``: pages of reports go by empty, as if the reports had been lost.
    """

    def __init__(self, target: int, treat: Callable[[HttpMessage], Fault]) -> None:
        self.treat = treat
        self.loses_reports = False
        self.seen: list[HttpMessage] = []
        self.faults: Counter[Fault] = Counter()
        self.port = 0
        self._target = target
        self._server: asyncio.Server | None = None
        self._tasks: dict[asyncio.Task[None], asyncio.StreamWriter | None] = {}

    async def start(self) -> None:
        """Accept connections, after ``refuse`` on the same port as before."""
        self._server = await asyncio.start_server(
            self._accepted, HOST, self.port, limit=HEAD_BYTES_MAX
        )
        self.port = self._server.sockets[0].getsockname()[1]

    async def refuse(self) -> None:
        """Cut everybody off and refuse connections."""
        assert self._server is not None
        self._server.close()
        for task, writer in self._tasks.items():
            if writer is not None:
                writer.transport.abort()
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)
        await self._server.wait_closed()

    def _accepted(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self._start(self._serve(reader, writer), writer)

    def _start(
        self, work: Coroutine[Any, Any, None], writer: asyncio.StreamWriter | None = None
    ) -> None:
        task = asyncio.create_task(work)
        self._tasks[task] = writer
        task.add_done_callback(lambda done: self._tasks.pop(done, None))

    async def _serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        """One connection of a sender, with one of its own to the broker."""
        try:
            back, forth = await asyncio.open_connection(HOST, self._target, limit=HEAD_BYTES_MAX)
        except OSError:
            writer.transport.abort()
            return
        try:
            while (request := await read_message(reader)) is not None:
                if not await self._pass(request, writer, back, forth):
                    return
        except (OSError, EOFError):
            pass
        finally:
            forth.close()
            writer.transport.abort()

    async def _pass(
        self,
        request: HttpMessage,
        writer: asyncio.StreamWriter,
        back: asyncio.StreamReader,
        forth: asyncio.StreamWriter,
    ) -> bool:
        """Treat one request; whether its sender's connection goes on."""
        self.seen.append(request)
        fault = self.treat(request)
        self.faults[fault] += 1
        match fault:
            case Fault.CUT_BEFORE:
                return False
            case Fault.CUT_INSIDE:
                forth.write(request.raw[: -len(request.body) // 2])
                await forth.drain()
                return False
            case Fault.LATE:
                self._start(self._forward_late(request))
                return False
            case _:
                pass
        forth.write(request.raw)
        await forth.drain()
        if fault is Fault.CUT_AFTER:
            # The broker has it, in the kernel at least, when its end is closed.
            forth.close()
            await forth.wait_closed()
            return False
        answer = await read_message(back)
        if answer is None:
            return False
        return await self._answer(request, answer, fault, writer)

    async def _answer(
        self, request: HttpMessage, answer: HttpMessage, fault: Fault, writer: asyncio.StreamWriter
    ) -> bool:
        raw = answer.raw
        goes_on = True
        if fault is Fault.NONE:
            if self.loses_reports and REPORTS in request.line and " 200 " in answer.line:
                page = msgspec.json.decode(answer.body, type=ReportsPage)
                emptied = msgspec.structs.replace(page, reports=())
                raw = answer_bytes(200, msgspec.json.encode(emptied))
        elif fault in _INSTEAD:
            raw = _INSTEAD[fault]
        elif fault is Fault.BLACK_HOLE:
            return True
        else:
            goes_on = False
            raw = {
                Fault.CUT_BEFORE_ANSWER: b"",
                Fault.CUT_INSIDE_ANSWER: raw[: len(raw) // 2],
                Fault.SHORT_ANSWER: raw[:-1],
            }[fault]
        writer.write(raw)
        await writer.drain()
        if not goes_on and raw:
            # `abort` would take back what is not sent yet.
            writer.close()
            await writer.wait_closed()
        return goes_on

    async def _forward_late(self, request: HttpMessage) -> None:
        await asyncio.sleep(LATE_S)
        back, forth = await asyncio.open_connection(HOST, self._target, limit=HEAD_BYTES_MAX)
        forth.write(request.raw)
        await read_message(back)
        forth.close()
        await forth.wait_closed()
