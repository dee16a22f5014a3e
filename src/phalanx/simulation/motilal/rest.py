"""The HTTP service: connections, the faults that meet a call on its way, and the control door beside it."""

import asyncio
import ssl
from collections import Counter
from collections.abc import Callable
from http import HTTPStatus
from typing import Final
from urllib.parse import urlsplit

from phalanx.simulation.http_messages import (
    HEAD_BYTES_MAX,
    HttpMessage,
    answer_bytes,
    read_message,
)
from phalanx.simulation.motilal.doors import JSON, Answer, Doors, body_of
from phalanx.simulation.motilal.faults import Fault, FaultKind, Faults
from phalanx.simulation.motilal.spoiling import NOT_JSON, PAGE, failure, spoiled

PIECES: Final = 8
CONTROL: Final = "/_simulator/"


class RestService:
    """Serves the doors, and whoever controls the simulator. ``requests`` counts what came, by path."""

    def __init__(
        self, doors: Doors, control: Callable[[HttpMessage, str], Answer], faults: Faults
    ) -> None:
        self.requests: Counter[str] = Counter()
        self._doors = doors
        self._control = control
        self._faults = faults
        self._server: asyncio.Server | None = None
        self._serving: dict[asyncio.Task[None], asyncio.StreamWriter] = {}
        self._late: list[asyncio.TimerHandle] = []

    async def start(self, host: str, port: int, tls: ssl.SSLContext | None) -> int:
        """Listen; returns the port. Raises OSError."""
        self._server = await asyncio.start_server(
            self._serve, host, port, limit=HEAD_BYTES_MAX, ssl=tls
        )
        found: int = self._server.sockets[0].getsockname()[1]
        return found

    async def close(self) -> None:
        """Stop listening and end every connection; what was to arrive late does not."""
        if self._server is None:
            return
        self._server.close()
        for handle in self._late:
            handle.cancel()
        for task, writer in self._serving.items():
            writer.transport.abort()
            task.cancel()
        await asyncio.gather(*self._serving, return_exceptions=True)
        await self._server.wait_closed()
        self._server = None

    async def _serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        task = asyncio.current_task()
        assert task is not None
        self._serving[task] = writer
        address = str(writer.get_extra_info("peername")[0])
        try:
            while (message := await read_message(reader)) is not None:
                if not await self._answer(message, address, reader, writer):
                    break
        except (OSError, EOFError, ValueError, asyncio.CancelledError):
            pass  # whoever it was has gone, speaks something else, or was dropped
        finally:
            del self._serving[task]
            writer.close()

    async def _answer(
        self,
        message: HttpMessage,
        address: str,
        reader: asyncio.StreamReader,
        writer: asyncio.StreamWriter,
    ) -> bool:
        """False: the connection is over."""
        _, target, *_ = message.line.split(" ")
        path = urlsplit(target).path
        if path.startswith(CONTROL):
            await _write(writer, self._control(message, address))
            return True
        self.requests[path] += 1
        fault = self._faults.of_call(path, _named_client(message))
        if fault is None:
            await _write(writer, self._doors.answer(message, address))
            return True
        if fault.kind is FaultKind.LATENCY:
            await asyncio.sleep(fault.delay_ms / 1_000)
        if fault.kind is FaultKind.LATE:
            self._answer_later(fault, message, address)
            return False
        answer = self._meet(fault, message, address)
        if fault.kind is FaultKind.SILENT:
            await reader.read()
        if answer is None:
            return False
        await _write(writer, answer, fault.delay_ms if fault.kind is FaultKind.SLOW else 0)
        return True

    def _answer_later(self, fault: Fault, message: HttpMessage, address: str) -> None:
        later = asyncio.get_running_loop().call_later
        self._late.append(later(fault.delay_ms / 1_000, self._doors.answer, message, address))

    def _meet(self, fault: Fault, message: HttpMessage, address: str) -> Answer | None:
        """What a call comes to that meets a fault; None: no answer."""
        match fault.kind:
            case FaultKind.LOST | FaultKind.SILENT:
                self._doors.answer(message, address)
                return None
            case FaultKind.STATUS | FaultKind.CODE | FaultKind.EMPTY | FaultKind.NOT_JSON:
                if fault.is_done:
                    self._doors.answer(message, address)
            case _:
                answer = self._doors.answer(message, address)
                if answer.content_type != JSON:
                    return answer
                return answer._replace(body=spoiled(answer.body, fault.kind))
        if fault.kind is FaultKind.STATUS:
            return Answer(fault.status, PAGE, "text/html")
        if fault.kind is FaultKind.CODE:
            return Answer(HTTPStatus.OK, failure(fault))
        return Answer(HTTPStatus.OK, NOT_JSON if fault.kind is FaultKind.NOT_JSON else b"")


async def _write(writer: asyncio.StreamWriter, answer: Answer, over_ms: int = 0) -> None:
    """At once, or in pieces over a while."""
    data = answer_bytes(answer.status, answer.body, answer.content_type)
    size = -(-len(data) // PIECES) if over_ms else len(data)
    for start in range(0, len(data), size):
        writer.write(data[start : start + size])
        await writer.drain()
        if over_ms:
            await asyncio.sleep(over_ms / PIECES / 1_000)


def _named_client(message: HttpMessage) -> str:
    """Whom a call is for, as it says itself."""
    body = body_of(message) or {}
    return str(body.get("clientcode") or message.headers.get("vendorinfo", ""))
