"""How long an answer is waited for: everybody at one broker equally long, so one timer does for all."""

import asyncio
from typing import Protocol


class Waiting(Protocol):
    """Whoever waits for an answer; known by its identity."""

    def close(self, why: str) -> None:
        """It took too long."""
        ...


class Patience:
    """Who waits, since when, in the order in which it ends. A timer for each would cost every request
    more than its encoding does.
    """

    def __init__(self, loop: asyncio.AbstractEventLoop, wait_s: float) -> None:
        self._loop = loop
        self._wait_s = wait_s
        self._since: dict[Waiting, float] = {}
        self._timer: asyncio.TimerHandle | None = None

    def begin(self, waiting: Waiting) -> None:
        """From now on; it does not wait yet."""
        now = self._loop.time()
        self._since[waiting] = now
        if self._timer is None:
            self._timer = self._loop.call_at(now + self._wait_s, self._look)

    def end(self, waiting: Waiting) -> None:
        """It has its answer, or needs none any more."""
        self._since.pop(waiting, None)

    def _look(self) -> None:
        too_old = self._loop.time() - self._wait_s
        for waiting, since in tuple(self._since.items()):
            if since > too_old:
                break
            waiting.close("no answer in time")
        oldest = next(iter(self._since.values()), None)
        # Not before: whoever begins meanwhile is not the oldest.
        again = self._loop.call_at
        self._timer = None if oldest is None else again(oldest + self._wait_s, self._look)
