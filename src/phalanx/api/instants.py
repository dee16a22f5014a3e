"""Instants as doors write them: ISO 8601 with microseconds, in the exchange's zone."""

from datetime import UTC, datetime, timedelta, timezone
from functools import lru_cache

from phalanx.domain.time import SECOND, Nanoseconds


def iso(time: Nanoseconds, zone_offset_s: int) -> str:
    """``2026-11-20T09:15:00.000000+05:30`` for UTC nanoseconds since 1970."""
    seconds, rest = divmod(time, SECOND)
    moment = datetime.fromtimestamp(seconds, UTC) + timedelta(microseconds=rest // 1_000)
    return moment.astimezone(_zone(zone_offset_s)).isoformat(timespec="microseconds")


@lru_cache(64)
def _zone(offset_s: int) -> timezone:
    return timezone(timedelta(seconds=offset_s))
