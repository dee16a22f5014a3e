"""Waiting rooms: slow work for strangers, a little at a time; a flood of it takes no thread from others.

To log in costs tens of milliseconds of a core, on purpose, and whoever comes may ask for it. Without a
bound the threads that read lists and decode files would all be busy with that.
"""

import asyncio
from collections.abc import Callable
from typing import ParamSpec, TypeVar

from phalanx.access.errors import throttled
from phalanx.domain.time import SECOND

Given = ParamSpec("Given")
Found = TypeVar("Found")


class WaitingRoom:
    """Runs so many calls at once in threads, and lets so many wait. Used on the loop's thread."""

    def __init__(self, at_once: int, waiting_max: int) -> None:
        self._room = at_once + waiting_max
        self._slots = asyncio.Semaphore(at_once)
        self._crowd = 0

    @property
    def crowd(self) -> int:
        """How many run or wait."""
        return self._crowd

    async def run(
        self, call: Callable[Given, Found], *given: Given.args, **named: Given.kwargs
    ) -> Found:
        """What a call gives. Raises AccessError THROTTLED at once where too many wait, and as the call."""
        if self._crowd >= self._room:
            raise throttled(SECOND)
        self._crowd += 1
        try:
            async with self._slots:
                return await asyncio.to_thread(call, *given, **named)
        finally:
            self._crowd -= 1
