"""Answers that come while a large instruction is still being written: nearly all are read when it is.

To read an answer is to decide, to book and to journal what it says, twice the work of writing an order. Read
at once, thousands of them would come before the orders that are still to be written.
"""

import asyncio
from collections import deque
from typing import Protocol

LATE_S = 0.1
"""An answer that has waited for so long is read, whatever is still to be written."""

AT_ONCE = 1_024
"""So many are read in one turn of the loop, and others have theirs: with the orders that are written in
between, reading takes about half of the time.
"""

SAMPLE = 1
"""So many are read in a turn all the same: if the session is dead, any of them says so, and what is still to
be written need not fail for it.
"""


class HasUnread(Protocol):
    """Whoever keeps what came in until its turn."""

    def read(self) -> None:
        """Do what the bytes say; there may be none any more."""
        ...


class UnreadAnswers:
    """Whoever has something unread, in the order in which it came. ``wait``: what comes now is put here
    instead of being read.
    """

    def __init__(self) -> None:
        self.wait = False
        # Two rows instead of pairs: thousands of those at once would bring the collector in.
        self._unread: deque[HasUnread] = deque()
        self._since: deque[float] = deque()
        self._has_turn = False

    @property
    def behind_s(self) -> float:
        """How long the oldest has waited; 0: there is none."""
        return asyncio.get_running_loop().time() - self._since[0] if self._since else 0.0

    def put(self, unread: HasUnread) -> None:
        """Something came for this one, which has no place here yet."""
        loop = asyncio.get_running_loop()
        self._unread.append(unread)
        self._since.append(loop.time())
        if not self._has_turn:
            self._has_turn = True
            loop.call_soon(self._turn)

    def _turn(self) -> None:
        loop = asyncio.get_running_loop()
        unread, since = self._unread, self._since
        may_wait = self.wait and loop.time() - since[0] < LATE_S
        try:
            for _ in range(min(len(unread), SAMPLE if may_wait else AT_ONCE)):
                since.popleft()
                unread.popleft().read()
        finally:
            # Also after one that failed: the others have nobody else to read them.
            self._has_turn = bool(unread)
            if unread:
                loop.call_soon(self._turn)
