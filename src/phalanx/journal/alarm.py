"""The alarm: a journal that is over says so by itself, not only to the next one who appends."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from contextlib import suppress

from phalanx.journal.errors import JournalError


class Alarm:
    """Tells one listener, once, on the loop where it began to listen. Any thread may ring."""

    def __init__(self) -> None:
        self._loop: asyncio.AbstractEventLoop | None = None
        self._failed: Callable[[JournalError], None] | None = None

    def listen(self, failed: Callable[[JournalError], None]) -> None:
        """See `Journal.listen`."""
        assert self._failed is None, "one listener"
        self._loop = asyncio.get_running_loop()
        self._failed = failed

    def ring(self, failure: JournalError) -> None:
        """Say it, if anybody listens. Who has no loop any more has nothing to stop."""
        if self._loop is not None:
            with suppress(RuntimeError):
                self._loop.call_soon_threadsafe(self._tell, failure)

    def _tell(self, failure: JournalError) -> None:
        failed, self._failed = self._failed, None
        if failed is not None:
            failed(failure)
