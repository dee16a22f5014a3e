"""Waiting rooms: slow work for strangers, a little at a time; a flood of it takes no thread from others.

To log in costs tens of milliseconds of a core, on purpose, and whoever comes may ask for it. Without a
bound the threads that read lists and decode files would all be busy with that. Some places are kept for this
machine itself: a flood from elsewhere does not shut the desk out of its own doors.
"""

import asyncio
from collections.abc import Callable
from typing import ParamSpec, TypeVar

from phalanx.access.errors import throttled
from phalanx.access.throttle import LOOPBACK, place_of
from phalanx.domain.time import SECOND

Given = ParamSpec("Given")
Found = TypeVar("Found")


class WaitingRoom:
    """Runs so many calls at once in threads, and lets so many wait, ``kept`` more of callers on this machine.
    Used on the loop's thread.
    """

    def __init__(self, at_once: int, waiting_max: int, kept: int = 0) -> None:
        self._room = at_once + waiting_max
        self._kept = kept
        self._slots = asyncio.Semaphore(at_once)
        self._crowd = 0
        self._strangers = 0

    @property
    def crowd(self) -> int:
        """How many run or wait."""
        return self._crowd

    async def run(
        self, address: str, call: Callable[Given, Found], *given: Given.args, **named: Given.kwargs
    ) -> Found:
        """What a call gives that somebody at ``address`` asked for. Raises AccessError THROTTLED at once where
        too many wait, and as the call.
        """
        is_stranger = place_of(address) != LOOPBACK
        if self._strangers + is_stranger > self._room or self._crowd >= self._room + self._kept:
            raise throttled(SECOND)
        self._crowd += 1
        self._strangers += is_stranger
        try:
            async with self._slots:
                return await asyncio.to_thread(call, *given, **named)
        finally:
            self._crowd -= 1
            self._strangers -= is_stranger
