"""Reading a request's body: never more than its bound, never for longer than its time."""

import asyncio
from collections.abc import Awaitable, Callable, MutableMapping
from typing import Any, TypeAlias

from phalanx.api.problems import Problem

Message: TypeAlias = MutableMapping[str, Any]
Receive: TypeAlias = Callable[[], Awaitable[Message]]
Send: TypeAlias = Callable[[Message], Awaitable[None]]

BODY_TIMEOUT_S = 20
"""A body must have arrived whole after this time, plus a second for each MiB it may have."""
SWALLOWED_MAX = 16 * 1024 * 1024
"""An oversized body up to this size is left to the server to pass over, so that the caller can read
why it was refused; beyond it the connection is closed at once."""

_MIB = 1024 * 1024
_SWEEP_S = 1.0


class Deadlines:
    """Ends the reading of bodies that do not come: one look a second at all of them.

    A timer for each request costs more than everything else about reading its body.
    """

    def __init__(self, sweep_s: float = _SWEEP_S) -> None:
        self._sweep_s = sweep_s
        self._left: dict[asyncio.Task[Any], int] = {}
        self._loop: asyncio.AbstractEventLoop | None = None

    @property
    def asleep(self) -> bool:
        """Whether no sweep is due, because nobody reads."""
        return self._loop is None

    def begin(self, task: asyncio.Task[Any], sweeps: int) -> None:
        """Cancel ``task`` unless it is done reading before so many sweeps."""
        self._left[task] = sweeps
        loop = task.get_loop()
        if self._loop is not loop:
            self._loop = loop
            loop.call_later(self._sweep_s, self._sweep)

    def is_over(self, task: asyncio.Task[Any]) -> bool:
        """Whether a task's time is over."""
        return self._left[task] <= 0

    def end(self, task: asyncio.Task[Any]) -> None:
        """Done reading."""
        del self._left[task]

    def _sweep(self) -> None:
        for task, left in self._left.items():
            self._left[task] = left - 1
            if left == 1:
                task.cancel()
        if self._left and self._loop is not None:
            self._loop.call_later(self._sweep_s, self._sweep)
        else:
            self._loop = None


async def read_body(
    receive: Receive, declared: int | None, limit: int, deadlines: Deadlines
) -> bytes:
    """The whole body.

    ``declared`` is its Content-Length. Raises Problem ``BODY_TOO_LARGE`` (as soon as that is known,
    without reading on), ``BODY_TIMEOUT``, ``BODY_INCOMPLETE``.
    """
    check_size(declared, limit)
    task = asyncio.current_task()
    assert task is not None, "a body is read by a task"
    deadlines.begin(task, BODY_TIMEOUT_S + limit // _MIB)
    try:
        return await _read(receive, limit)
    except asyncio.CancelledError:
        # Cancelled by the sweep it is ours to answer; by anybody else it is theirs.
        if not deadlines.is_over(task) or task.uncancel():
            raise
    finally:
        deadlines.end(task)
    close = (b"connection", b"close")
    raise Problem("BODY_TIMEOUT", "the body did not arrive in time", headers=(close,))


def check_size(declared: int | None, limit: int) -> None:
    """Raises Problem ``BODY_TOO_LARGE`` for a body that says so itself."""
    if declared is not None and declared > limit:
        raise too_large(limit, close=declared > SWALLOWED_MAX)


async def _read(receive: Receive, limit: int) -> bytes:
    message = await receive()
    if message["type"] == "http.request" and not message.get("more_body", False):
        body: bytes = message.get("body", b"")
        if len(body) > limit:
            raise too_large(limit, close=True)
        return body
    chunks: list[bytes] = []
    size = 0
    while message["type"] == "http.request":
        chunks.append(message.get("body", b""))
        size += len(chunks[-1])
        if size > limit:
            raise too_large(limit, close=True)
        if not message.get("more_body", False):
            return b"".join(chunks)
        message = await receive()
    raise Problem("BODY_INCOMPLETE", "the caller went away")


def too_large(limit: int, *, close: bool) -> Problem:
    """``BODY_TOO_LARGE``; ``close``: what is still to come of it is not read."""
    headers = ((b"connection", b"close"),) if close else ()
    return Problem("BODY_TOO_LARGE", f"at most {limit} bytes", headers=headers)
