"""Time is UTC nanoseconds, and always an argument: the ports it comes through, and how it is written."""

from collections.abc import Awaitable, Callable
from datetime import UTC, datetime, timedelta, timezone
from functools import lru_cache
from typing import Protocol, TypeAlias

Nanoseconds: TypeAlias = int

MICROSECOND: Nanoseconds = 1_000
MILLISECOND: Nanoseconds = 1_000_000
SECOND: Nanoseconds = 1_000_000_000
MINUTE: Nanoseconds = 60 * SECOND
HOUR: Nanoseconds = 60 * MINUTE
DAY: Nanoseconds = 24 * HOUR


class Clock(Protocol):
    """Where a shell reads time; the engine is only ever told it."""

    def now(self) -> Nanoseconds:
        """Wall time, UTC nanoseconds since 1970; may jump."""
        ...

    def monotonic(self) -> Nanoseconds:
        """Nanoseconds that never go back; comparable within one process only."""
        ...


class Appointment(Protocol):
    """A call that was asked for and has not happened yet."""

    def cancel(self) -> None:
        """Do not call."""
        ...


class Timer(Protocol):
    """Where a shell waits."""

    def sleep(self, duration_ns: Nanoseconds) -> Awaitable[None]:
        """Return after ``duration_ns``."""
        ...

    def call_later(self, delay_ns: Nanoseconds, call: Callable[[], None]) -> Appointment:
        """Call once after ``delay_ns``, on the loop's thread."""
        ...


class Random(Protocol):
    """Where a shell draws chance; the results are journaled, never the generator."""

    def bits(self, count: int) -> int:
        """An integer of ``count`` random bits."""
        ...

    def token(self, count: int) -> bytes:
        """``count`` random bytes."""
        ...


def trading_day(now: Nanoseconds, zone_offset_s: int) -> int:
    """The day number (days since 1970-01-01) in a zone of fixed offset; India is +19,800 s all year."""
    return (now + zone_offset_s * SECOND) // DAY


def day_begins(day: int, zone_offset_s: int) -> Nanoseconds:
    """The first moment of a trading day: what is before it is of an earlier one."""
    return day * DAY - zone_offset_s * SECOND


def iso(time: Nanoseconds, zone_offset_s: int) -> str:
    """ISO 8601 with microseconds in a zone of fixed offset: ``2026-11-20T09:15:00.000000+05:30``."""
    seconds, rest = divmod(time, SECOND)
    moment = datetime.fromtimestamp(seconds, UTC) + timedelta(microseconds=rest // MICROSECOND)
    return moment.astimezone(zone(zone_offset_s)).isoformat(timespec="microseconds")


@lru_cache(64)
def zone(offset_s: int) -> timezone:
    """The zone that is so many seconds ahead of UTC."""
    return timezone(timedelta(seconds=offset_s))
