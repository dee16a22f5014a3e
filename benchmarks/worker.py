"""One contestant in a process of its own, asked for one sample at a time.

Each has its own heap and its own garbage collector, frozen as the server freezes it, and idles
while another is being measured: so contestants can be interleaved without being in each other's way.
"""

import asyncio
import gc
from collections.abc import Awaitable, Callable
from contextlib import AbstractAsyncContextManager, suppress
from multiprocessing import get_context
from multiprocessing.connection import Connection
from typing import Any, ClassVar, TypeAlias

import uvloop

from phalanx.bootstrap.system import GC_THRESHOLD

Sample: TypeAlias = dict[str, float]
Prepare: TypeAlias = Callable[..., Callable[..., Sample]]
"""Builds a contestant; what it returns takes one sample."""

Take: TypeAlias = Callable[..., Awaitable[Sample]]
Open: TypeAlias = Callable[..., AbstractAsyncContextManager[Take]]
"""Builds one that lives on an event loop, and clears it away afterwards."""


def _serve(connection: Connection, prepare: Prepare, arguments: tuple[Any, ...]) -> None:
    take = prepare(*arguments)
    while (asked := connection.recv()) is not None:
        connection.send(take(*asked[0], **asked[1]))


def _serve_live(connection: Connection, prepare: Open, arguments: tuple[Any, ...]) -> None:
    uvloop.run(_live(connection, prepare, arguments))


async def _live(connection: Connection, prepare: Open, arguments: tuple[Any, ...]) -> None:
    async with prepare(*arguments) as take:
        while (asked := await asyncio.to_thread(connection.recv)) is not None:
            connection.send(await take(*asked[0], **asked[1]))


class Worker:
    """``prepare(*arguments)`` runs in the other process; ``sample`` asks it and waits."""

    _target: ClassVar[Callable[..., None]] = staticmethod(_serve)

    def __init__(self, prepare: Prepare | Open, *arguments: Any) -> None:  # noqa: ANN401
        context = get_context("spawn")
        self._connection, theirs = context.Pipe()
        self._process = context.Process(target=self._target, args=(theirs, prepare, arguments))
        self._process.start()
        theirs.close()

    def sample(self, *asked: Any, **named: Any) -> Sample:  # noqa: ANN401
        """Another sample, of what is ``asked``. The first call waits until the contestant is ready.

        Raises EOFError when it failed; why is on standard error.
        """
        self._connection.send((asked, named))
        sample: Sample = self._connection.recv()
        return sample

    def stop(self) -> None:
        """End the process."""
        with suppress(OSError):
            self._connection.send(None)
        self._process.join()


class LiveWorker(Worker):
    """One whose event loop runs on between two samples: somebody may be connected to it."""

    _target: ClassVar[Callable[..., None]] = staticmethod(_serve_live)


def freeze() -> None:
    """What ``bootstrap`` does once the server is up."""
    gc.collect()
    gc.freeze()
    gc.set_threshold(*GC_THRESHOLD)
