"""Their times, which are Indian ones without saying so, as UTC nanoseconds, and the end of a session."""

import re
from datetime import datetime

from phalanx.brokers.motilal.row import BadData, Flaw
from phalanx.domain.time import DAY, HOUR, SECOND, Nanoseconds, day_begins, trading_day, zone

INDIA_S = 19_800
NEVER = "0"
SESSIONS_END: Nanoseconds = 6 * HOUR
"""All tokens die at six in the morning in India."""

_MONTHS = ("jan", "feb", "mar", "apr", "may", "jun", "jul", "aug", "sep", "oct", "nov", "dec")
_TIME = re.compile(
    r"(\d{1,2})[-/ ]([A-Za-z]{3}|\d{1,2})[-/ ](\d{4})(?:[ T](\d{1,2}):(\d{2})(?::(\d{2})(?:\.\d{1,9})?)?)?",
    re.ASCII,
)


def parse_time(text: str) -> Nanoseconds:
    """``14-Feb-2023 10:52:50``, ``14-02-2023`` or ``18/10/1988``; "0" and nothing are zero.

    Raises BadData for anything else, and for a time that no calendar has or that is before 1970.
    """
    if not text or text == NEVER:
        return 0
    match = _TIME.fullmatch(text)
    if match is None:
        raise BadData(Flaw.NOT_A_TIME, text)
    day, month, year, *clock = match.groups()
    if month.isdigit():
        number = int(month)
    elif month.lower() in _MONTHS:
        number = _MONTHS.index(month.lower()) + 1
    else:
        raise BadData(Flaw.NOT_A_TIME, text)
    hour, minute, second = (int(part or 0) for part in clock)
    try:
        found = datetime(int(year), number, int(day), hour, minute, second, tzinfo=zone(INDIA_S))
    except ValueError as error:
        raise BadData(Flaw.NOT_A_TIME, text) from error
    seconds = (found - datetime(1970, 1, 1, tzinfo=zone(0))).total_seconds()
    if seconds < 0:
        raise BadData(Flaw.NOT_A_TIME, text)
    return int(seconds) * SECOND


def first_time(*texts: str) -> Nanoseconds:
    """The first of them that says anything, else zero: a row's times are not all filled in."""
    return next((found for text in texts if (found := parse_time(text))), 0)


def date_of(time: Nanoseconds) -> str:
    """The Indian date of a moment, ``20230214``."""
    seconds = time // SECOND
    return datetime.fromtimestamp(seconds, zone(INDIA_S)).strftime("%Y%m%d")


def session_end(now: Nanoseconds) -> Nanoseconds:
    """When a token that is given now dies: the next six o'clock in India."""
    end = day_begins(trading_day(now, INDIA_S), INDIA_S) + SESSIONS_END
    return end if end > now else end + DAY
