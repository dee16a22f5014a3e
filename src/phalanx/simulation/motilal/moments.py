"""Time as this broker writes it: India's wall clock, and seconds since 1980."""

from datetime import UTC, date, datetime

from phalanx.domain.time import DAY, HOUR, SECOND, Nanoseconds, day_begins, trading_day, zone

IST_S = 19_800
FROM_1970_TO_1980_S = 315_532_800

_MONTHS = ("Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec")


def stamp(now: Nanoseconds) -> str:
    """``dd-MMM-yyyy HH:mm:ss`` in India; ``"0"`` for zero, which stands for never."""
    if not now:
        return "0"
    moment = datetime.fromtimestamp(now // SECOND, UTC).astimezone(zone(IST_S))
    return f"{day_text(moment.date())} {moment:%H:%M:%S}"


def day_text(day: date) -> str:
    """``dd-MMM-yyyy``, in English wherever the process runs."""
    return f"{day.day:02d}-{_MONTHS[day.month - 1]}-{day.year:04d}"


def day_of(text: str) -> date | None:
    """The day that a ``dd-MMM-yyyy`` names; None for anything else."""
    parts = text.split("-")
    if len(parts) != len(("dd", "MMM", "yyyy")) or parts[1].title() not in _MONTHS:
        return None
    try:
        return date(int(parts[2]), _MONTHS.index(parts[1].title()) + 1, int(parts[0]))
    except ValueError:
        return None


def today(now: Nanoseconds) -> date:
    """The day it is in India."""
    return datetime.fromtimestamp(now // SECOND, UTC).astimezone(zone(IST_S)).date()


def next_six(now: Nanoseconds) -> Nanoseconds:
    """The next 06:00 in India, when every token dies."""
    six = day_begins(trading_day(now, IST_S), IST_S) + 6 * HOUR
    return six if six > now else six + DAY


def feed_seconds(now: Nanoseconds) -> int:
    """Seconds of India's wall clock since 1980-01-01, as the broadcast feed stamps its packets."""
    return now // SECOND + IST_S - FROM_1970_TO_1980_S


def expiry_seconds(day: date, second_of_day: int) -> int:
    """Seconds since 1980-01-01 UTC, as the master files stamp an expiry."""
    midnight = datetime(day.year, day.month, day.day, tzinfo=UTC)
    return int(midnight.timestamp()) + second_of_day - FROM_1970_TO_1980_S
