"""The views' own thread: it follows the durable journal, behind the event loop's back and after it.

A server gives the work to a process of its own (``views/apart.py``) and the thread only waits for it.
Otherwise the engine runs under the same interpreter lock, so this thread waits a little before it
begins (the orders of the record it was told about are being fired just then), works in stretches of
some 0.2 ms, and lets go of the lock between them, for longer when the loop is busy.
"""

import asyncio
import logging
import threading
import time
from collections.abc import Callable, Generator
from pathlib import Path
from typing import Final, Protocol, TypeAlias

from phalanx.views.follower import Follower
from phalanx.views.projector import RecordsDoNotFit
from phalanx.views.schema import UNREADABLE, drop
from phalanx.views.source import RecordSource

START_DELAY_S: Final = 0.02
"""How long a record waits for company, unless somebody waits for it."""
BREATH_S: Final = 0.000_05
"""A sleep that is just long enough for a waiting thread to get the interpreter's lock."""
BREATH_S_MAX: Final = 0.002
BUSY_S: Final = 0.000_5
"""A breath that ends so much too late had to wait for the lock, or for a core: others need them."""
QUIET_S: Final = 1.0
RETRY_S_FIRST: Final = 0.5
RETRY_S_MAX: Final = 30.0
STOP_S_MAX: Final = 10.0
WAITERS_MAX: Final = 10_000
"""So many may wait for their own writes; more are told at once that these are not there yet."""

_log = logging.getLogger(__name__)


class RecordsMissing(Exception):
    """Records were announced as durable, and the journal does not give them."""


class Following(Protocol):
    """Somebody's hold on ``views.db``: see `Follower`, which is one."""

    @property
    def seq(self) -> int: ...

    def advance(self, until_seq: int) -> Generator[int]: ...

    def rest(self) -> None: ...

    def close(self) -> None: ...


Follow: TypeAlias = Callable[[Path, RecordSource, Callable[[], None]], Following]


class ViewsFeed:
    """Keeps ``views.db`` up to date with one thread. A failure makes the views unhealthy and is
    tried again, ever more rarely; nothing waits for this thread that trades.
    """

    def __init__(
        self,
        path: Path,
        source: RecordSource,
        *,
        start_delay_s: float = START_DELAY_S,
        follow: Follow = Follower,
    ) -> None:
        """``follow``: how the views are opened; by default they are written by the thread itself."""
        self._open = follow
        self._path = path
        self._source = source
        self._start_delay_s = start_delay_s
        self._condition = threading.Condition()
        self._thread: threading.Thread | None = None
        self._waiters: dict[asyncio.Future[bool], int] = {}
        self._target = 0
        self._seq = 0
        self._idle = False
        self._stopping = False
        self._distrusted = False
        self._error: str | None = None
        self._breath_s = BREATH_S

    @property
    def seq(self) -> int:
        """The last event that the views have taken in."""
        return self._seq

    @property
    def healthy(self) -> bool:
        """Whether the last attempt to take something in succeeded."""
        return self._error is None

    @property
    def error(self) -> str | None:
        """What went wrong with the last attempt, None when nothing did."""
        return self._error

    def start(self, seq: int = 0) -> None:
        """Begin to follow, with the journal durable up to ``seq``. Opening is done by the thread."""
        assert self._thread is None, "a feed is started once"
        self._target = max(seq, self._target)
        self._thread = threading.Thread(target=self._run, name="views-feed", daemon=True)
        self._thread.start()

    def notify(self, seq: int) -> None:
        """The journal is durable up to ``seq``. Costs nothing while the thread is busy."""
        if seq > self._target:
            self._target = seq
            if self._idle:
                self._wake()

    def distrust(self) -> None:
        """Somebody found the file damaged: drop it and build it again."""
        self._distrusted = True
        self._wake()

    async def wait_for(self, seq: int, timeout_s: float) -> bool:
        """Whether the views hold event ``seq``, now or within ``timeout_s``: read your own writes.

        False at once while they are unhealthy.
        """
        future: asyncio.Future[bool] = asyncio.get_running_loop().create_future()
        with self._condition:
            if self._seq >= seq:
                return True
            if not self._may_wait():
                return False
            self._waiters[future] = seq
            self._condition.notify_all()
        try:
            async with asyncio.timeout(timeout_s):
                return await future
        except TimeoutError:
            return False
        finally:
            with self._condition:
                self._waiters.pop(future, None)

    def stop(self) -> None:
        """End after the transaction under way. What is missing then is taken in at the next start."""
        self._stopping = True
        self._wake()
        if self._thread is not None:
            self._thread.join(STOP_S_MAX)
        self._answer()

    def _may_wait(self) -> bool:
        able = self._thread is not None and not self._stopping and self._error is None
        return able and len(self._waiters) < WAITERS_MAX

    def _run(self) -> None:
        retry_s = RETRY_S_FIRST
        while not self._stopping:
            try:
                if self._distrusted:
                    self._distrusted = False
                    self._reached(0)
                    drop(self._path)
                self._follow()
                retry_s = RETRY_S_FIRST
            except Exception as error:  # noqa: BLE001  whatever it is, trading goes on
                self._failed(error)
                with self._condition:
                    self._condition.wait_for(lambda: self._stopping, retry_s)
                retry_s = min(2 * retry_s, RETRY_S_MAX)

    def _follow(self) -> None:
        """Take in what comes until told to stop or to begin anew."""
        follower = self._open(self._path, self._source, self._breathe)
        try:
            self._reached(follower.seq)
            if follower.seq >= self._target:
                # Opened again, and nothing is missing: whatever went wrong before is over.
                self._error = None
            while self._wait_for_more(follower):
                before = follower.seq
                for seq in follower.advance(self._target):
                    self._reached(seq)
                    if self._stopping or self._distrusted:
                        return
                if follower.seq == before:
                    raise RecordsMissing(
                        f"nothing behind seq {before}, {self._target} was announced"
                    )
                self._error = None
        finally:
            follower.close()

    def _wait_for_more(self, follower: Following) -> bool:
        """Until there is something to take in, or (False) this is to end."""
        with self._condition:
            while self._target <= follower.seq and not self._ends():
                # Announced first, looked again then: whoever raises the target after this look sees it.
                self._idle = True
                woken = self._target > follower.seq or self._condition.wait(QUIET_S)
                self._idle = False
                if not woken:
                    follower.rest()
            self._condition.wait_for(lambda: self._waiters or self._ends(), self._start_delay_s)
        return not self._ends()

    def _breathe(self) -> None:
        """Let others go first: for longer while they are busy, unless somebody waits for us."""
        if self._waiters:
            self._breath_s = BREATH_S
        began = time.perf_counter()
        time.sleep(self._breath_s)
        late_s = time.perf_counter() - began - self._breath_s
        if late_s > BUSY_S:
            self._breath_s = min(2 * self._breath_s, BREATH_S_MAX)
        else:
            self._breath_s = max(self._breath_s / 2, BREATH_S)

    def _ends(self) -> bool:
        return self._stopping or self._distrusted

    def _reached(self, seq: int) -> None:
        with self._condition:
            self._seq = seq
        self._answer()

    def _failed(self, error: Exception) -> None:
        if isinstance(error, (*UNREADABLE, RecordsDoNotFit)):
            self._distrusted = True
        said = f"{type(error).__name__}: {error}"
        if said != self._error:
            _log.error("the views could not be brought up to date", exc_info=error)
        self._error = said
        self._answer()

    def _answer(self) -> None:
        """Tell those who wait: that their event is there, or that it will not come for now."""
        gives_up = self._error is not None or self._stopping
        with self._condition:
            answered = [
                future for future, seq in self._waiters.items() if gives_up or seq <= self._seq
            ]
            for future in answered:
                there = self._waiters.pop(future) <= self._seq
                try:
                    future.get_loop().call_soon_threadsafe(_set, future, there)
                except RuntimeError:
                    _log.debug("a loop ended before its answer")

    def _wake(self) -> None:
        with self._condition:
            self._condition.notify_all()


def _set(future: asyncio.Future[bool], there: bool) -> None:  # noqa: FBT001  called by the loop
    if not future.done():
        future.set_result(there)
