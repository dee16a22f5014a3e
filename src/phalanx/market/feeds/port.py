"""The feed port: whatever moves quotes, starts and stops alike, and says how it is."""

from collections.abc import Iterable
from enum import Enum
from typing import Protocol

from phalanx.domain.instruments import InstrumentKey


class FeedState(Enum):
    """How a feed is. DOWN: it is to run and cannot be heard; STALE: it can, and says nothing; STOPPED: not
    started, stopped, or at its end.
    """

    STOPPED = "stopped"
    DOWN = "down"
    STALE = "stale"
    UP = "up"


class Feed(Protocol):
    """Puts quotes on the board that it was made with, on the loop's thread, from start to stop.

    A feed may start again after a stop. What it takes from outside never makes it fail: it goes on, and
    ``state`` says that it is not heard.
    """

    @property
    def state(self) -> FeedState:
        """How it is now."""
        ...

    def start(self) -> None:
        """From now on. Returns at once."""
        ...

    async def stop(self) -> None:
        """No quote comes after this has returned. Safe to call twice, and before the start."""
        ...

    def subscribe(self, keys: Iterable[InstrumentKey]) -> tuple[InstrumentKey, ...]:
        """Tell of these too, before and after the start; returns those it will not tell of, because it
        does not know them or has no place for more.
        """
        ...

    def unsubscribe(self, keys: Iterable[InstrumentKey]) -> None:
        """Not of these any more; one that it does not tell of is passed over."""
        ...
