"""Moments as people write them: an event's number or a time."""

from datetime import UTC, datetime, timedelta

import msgspec

from phalanx.cli.exit_codes import Exit, Failure
from phalanx.domain.settings import RiskSettings
from phalanx.domain.time import MILLISECOND, SECOND, Nanoseconds, zone

SEQ_DIGITS_MAX = 18
LAST_OF_MICROSECOND = 999
"""A journal counts nanoseconds: "until .123456" takes all of that microsecond in."""


def clock(time: Nanoseconds) -> str:
    """``09:15:00.123`` in the exchange's zone, which is that of all other lists too."""
    moment = datetime.fromtimestamp(time // SECOND, zone(RiskSettings().zone_offset_s))
    return f"{moment:%H:%M:%S}.{time % SECOND // MILLISECOND:03d}"


def check_ahead(text: str, now: datetime) -> None:
    """A moment that the server would wait for, as far as can be told without asking it.

    Raises Failure BAD_MOMENT.
    """
    try:
        time = datetime.fromisoformat(text)
    except ValueError:
        time = None
    if time is None or time.tzinfo is None:
        detail = f"{text[:64]!r} is no time with its offset, such as 2026-11-20T15:00+05:30"
        raise Failure(Exit.USAGE, "BAD_MOMENT", detail)
    if time <= now:
        raise Failure(Exit.USAGE, "BAD_MOMENT", f"{text} is over")


def clock_now() -> str:
    """The time of day at the exchange: ``09:15:00``."""
    return datetime.now(zone(RiskSettings().zone_offset_s)).strftime("%H:%M:%S")


def instant_of(text: str, option: str) -> Nanoseconds:
    """The beginning of a microsecond: ``2026-11-20T09:15``, in the exchange's zone unless it says.

    Raises Failure BAD_MOMENT.
    """
    time = None if text.isdigit() else moment_of(text).time
    if time is None:
        detail = f"{option}: {text[:64]!r} is no time such as 2026-11-20T09:15"
        raise Failure(Exit.USAGE, "BAD_MOMENT", detail)
    return time - LAST_OF_MICROSECOND


class Moment(msgspec.Struct, frozen=True):
    """Up to an event (``seq``), up to a time, or, with neither, to the end."""

    seq: int | None = None
    time: Nanoseconds | None = None


def moment_of(text: str | None) -> Moment:
    """``1234``, or ISO 8601 such as ``2026-11-20T09:15:00.123``: the exchange's zone unless it says.

    Raises Failure BAD_MOMENT.
    """
    if text is None:
        return Moment()
    if text.isascii() and text.isdigit() and len(text) <= SEQ_DIGITS_MAX:
        return Moment(seq=int(text))
    try:
        time = datetime.fromisoformat(text)
    except ValueError:
        detail = f"{text[:64]!r} is neither an event's number nor a time such as 2026-11-20T09:15"
        raise Failure(Exit.USAGE, "BAD_MOMENT", detail) from None
    if time.tzinfo is None:
        time = time.replace(tzinfo=zone(RiskSettings().zone_offset_s))
    since = time - datetime(1970, 1, 1, tzinfo=UTC)
    microseconds = since // timedelta(microseconds=1)
    return Moment(time=microseconds * 1_000 + LAST_OF_MICROSECOND)
