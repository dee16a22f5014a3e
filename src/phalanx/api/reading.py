"""Reading the views: after one's own writes where that is quick, and in words that a caller knows."""

import time
from collections.abc import Callable, Iterable, Iterator
from typing import TypeVar

from phalanx.api.exchange import Call
from phalanx.api.problems import Problem
from phalanx.domain.time import Nanoseconds, iso
from phalanx.views.feed import ViewsFeed
from phalanx.views.queries import Views
from phalanx.views.readers import QueryTooLong, ViewsUnavailable

T = TypeVar("T")

ROWS_AT_A_TIME = 16
BREATH_S = 0.000_05
"""A sleep that is just long enough for a waiting thread to get the interpreter's lock."""


async def read_views(call: Call, work: Callable[[Views], T]) -> T:
    """What ``work`` makes of the views once they have seen all that is decided now, or a while later.

    It runs in a thread of the readers' own, from the query to the bytes of the answer, so that a
    large answer keeps no order waiting. An answer from views that lag says so by its ``as_of``.
    Views that cannot be brought up to date answer nothing: an empty list would be a lie.
    Raises Problem ``VIEWS_UNAVAILABLE``, ``QUERY_TOO_LONG``.
    """
    system = call.system
    desk = system.desk
    seq = desk.state.seq
    await desk.durable(seq)
    await system.feed.wait_for(seq, system.settings.views_wait_s)
    wrong = views_trouble(system.feed)
    if wrong is not None:
        raise Problem("VIEWS_UNAVAILABLE", f"lists cannot be read now: {wrong}")
    views = system.views
    try:
        return await views.ask(lambda: work(views))
    except ViewsUnavailable as error:
        raise Problem("VIEWS_UNAVAILABLE", f"lists cannot be read now: {error}") from None
    except QueryTooLong as error:
        raise Problem("QUERY_TOO_LONG", f"{error}; use narrower filters") from None


def views_trouble(feed: ViewsFeed) -> str | None:
    """What keeps the views from being brought up to date, in one line; None when nothing does."""
    error = feed.error
    return None if error is None else error.partition("\n")[0]


def gently(rows: Iterable[T]) -> Iterator[T]:
    """The rows, with a breath for the event loop after every few of them."""
    for place, row in enumerate(rows, 1):
        yield row
        if place % ROWS_AT_A_TIME == 0:
            time.sleep(BREATH_S)


class Zone:
    """Instants as answers write them: zero becomes null."""

    __slots__ = ("_offset_s",)

    def __init__(self, call: Call) -> None:
        self._offset_s = call.desk.state.settings.zone_offset_s

    def at(self, time: Nanoseconds) -> str:
        """An instant that is known."""
        return iso(time, self._offset_s)

    def maybe(self, time: Nanoseconds) -> str | None:
        """An instant that may not have come yet."""
        return iso(time, self._offset_s) if time else None
