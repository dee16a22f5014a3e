"""Lines: one for each channel, with a queue and a thread of its own, so that a dead one delays nobody.

apprise blocks, and a thread cannot be ended from outside: one thread for all channels would stand still
with the slowest. A line without alerts has no thread.
"""

from collections import deque
from collections.abc import Callable
from enum import StrEnum
from threading import Condition, Thread
from time import monotonic
from typing import Final, Protocol, TypeAlias

from phalanx.alerts.errors import AlertError, SendFailed
from phalanx.alerts.message import Message

WAITING_MAX: Final = 100
"""Alerts that wait for one channel; then the oldest is dropped."""
BACKOFF_S: Final = (1.0, 3.0)
"""How long is waited before it is tried again, and how often."""
OPEN_S: Final = 60.0
"""So long a channel that failed is left alone."""


class Outcome(StrEnum):
    """What became of an alert at one channel."""

    WAITING = "waiting"
    SENT = "sent"
    FAILED = "failed"
    DROPPED = "dropped"


class Sender(Protocol):
    """What carries an alert out of the house, blocking, in bounded time."""

    def send(self, message: Message) -> None:
        """Raises SendFailed, AlertError."""
        ...


Told: TypeAlias = Callable[[Message, Outcome, str], None]
"""Told on any thread what became of an alert, with the class of its error; it must return at once."""

Wait: TypeAlias = Callable[[Condition, float], object]
"""Waits on a condition that is held, for at most so many seconds."""


def _wait(condition: Condition, seconds: float) -> object:
    return condition.wait(seconds)


class Line:
    """One channel's. ``wait`` and ``clock`` (seconds) are replaced by tests."""

    def __init__(
        self,
        name: str,
        sender: Sender,
        told: Told,
        wait: Wait = _wait,
        clock: Callable[[], float] = monotonic,
    ) -> None:
        self._name = name
        self._sender = sender
        self._told = told
        self._wait = wait
        self._clock = clock
        self._condition = Condition()
        self._waiting: deque[Message] = deque()
        self._thread: Thread | None = None
        self._closed = False
        self._open_until = 0.0

    @property
    def is_open(self) -> bool:
        """Whether its circuit is open: it failed, and is left alone for a while."""
        return self._clock() < self._open_until

    def put(self, message: Message) -> None:
        """Take it; returns at once. What is too much drops the oldest."""
        dropped = None
        with self._condition:
            if self._closed:
                dropped = message
            else:
                if len(self._waiting) >= WAITING_MAX:
                    dropped = self._waiting.popleft()
                self._waiting.append(message)
                if self._thread is None:
                    self._thread = Thread(
                        target=self._work, name=f"alerts {self._name}", daemon=True
                    )
                    self._thread.start()
        if dropped is not None:
            self._told(dropped, Outcome.DROPPED, "")

    def close(self) -> None:
        """Nothing more is begun; what waits is dropped."""
        with self._condition:
            self._closed = True
            left = list(self._waiting)
            self._waiting.clear()
            self._condition.notify_all()
        for message in left:
            self._told(message, Outcome.DROPPED, "")

    def join(self, timeout_s: float) -> None:
        """Wait for what is under way."""
        thread = self._thread
        if thread is not None:
            thread.join(timeout_s)

    def _work(self) -> None:
        while (message := self._next()) is not None:
            why = self._deliver(message)
            if why is None:
                self._told(message, Outcome.SENT, "")
            else:
                self._open_until = self._clock() + OPEN_S
                self._told(message, Outcome.FAILED, why)

    def _next(self) -> Message | None:
        """The next one, once the circuit is closed; None: there is none, and the thread ends."""
        with self._condition:
            while not self._closed and self._waiting and self.is_open:
                self._wait(self._condition, self._open_until - self._clock())
            if self._closed or not self._waiting:
                self._thread = None
                return None
            return self._waiting.popleft()

    def _deliver(self, message: Message) -> str | None:
        """Why it did not get through; None when it did."""
        pauses = iter(BACKOFF_S)
        while True:
            why, again = self._attempt(message)
            if not why:
                return None
            pause = next(pauses, None)
            if not again or pause is None or not self._paused(pause):
                return why

    def _attempt(self, message: Message) -> tuple[str, bool]:
        try:
            self._sender.send(message)
        except SendFailed as failed:
            return failed.why, failed.again
        except AlertError as refused:
            return refused.code, False
        except Exception as error:  # noqa: BLE001  a line goes on, and its words may hold an address
            return type(error).__name__, False
        return "", False

    def _paused(self, seconds: float) -> bool:
        """Whether it goes on after a pause."""
        until = self._clock() + seconds
        with self._condition:
            while not self._closed and (left := until - self._clock()) > 0:
                self._wait(self._condition, left)
            return not self._closed
