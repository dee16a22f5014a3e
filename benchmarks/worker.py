"""One contestant in a process of its own, asked for one sample at a time.

Each has its own heap and its own garbage collector, frozen as the server freezes it, and idles
while another is being measured: so contestants can be interleaved without being in each other's way.
"""

import gc
from collections.abc import Callable
from multiprocessing import get_context
from multiprocessing.connection import Connection
from typing import Any, TypeAlias

Sample: TypeAlias = dict[str, float]
Prepare: TypeAlias = Callable[..., Callable[[], Sample]]
"""Builds a contestant; what it returns takes one sample."""


class Worker:
    """``prepare(*arguments)`` runs in the other process; ``sample`` asks it and waits."""

    def __init__(self, prepare: Prepare, *arguments: Any) -> None:  # noqa: ANN401
        context = get_context("spawn")
        self._connection, theirs = context.Pipe()
        self._process = context.Process(target=_serve, args=(theirs, prepare, arguments))
        self._process.start()
        theirs.close()

    def sample(self) -> Sample:
        """Another sample. The first call waits until the contestant is ready."""
        self._connection.send(True)
        sample: Sample = self._connection.recv()
        return sample

    def stop(self) -> None:
        """End the process."""
        self._connection.send(False)
        self._process.join()


def _serve(connection: Connection, prepare: Prepare, arguments: tuple[Any, ...]) -> None:
    take = prepare(*arguments)
    while connection.recv():
        connection.send(take())


def freeze() -> None:
    """What ``bootstrap`` does once the server is up."""
    gc.collect()
    gc.freeze()
