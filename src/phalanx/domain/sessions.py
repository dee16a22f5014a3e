"""The trading day of the Indian equity market: its phases, what each of them takes, and days that differ.

Times of day are seconds since midnight in the exchange's zone (``RiskSettings.zone_offset_s``), moments
are UTC nanoseconds, days are day numbers (``domain.time.trading_day``).

Sources: closing auction from 3 August 2026 (SEBI, 16 January 2026; NSE/CMTR/73362), pre-open from
7 September 2026. What the rules were before is not kept: no order is planned in the past.
"""

from collections.abc import Iterable, Mapping
from enum import IntEnum
from typing import Final, TypeAlias

import msgspec

from phalanx.domain.orders import OrdType, Product, TimeInForce
from phalanx.domain.time import DAY, SECOND, Nanoseconds, day_begins, trading_day

DAY_S: Final = 86_400
NOTE_MAX: Final = 64
WINDOWS_MAX: Final = 16
"""Most windows of one day."""
CHANGES_MAX: Final = 1_000
"""Most days that an overlay changes."""
AHEAD_MAX: Final = 30
"""So many days are looked at for the next one on which the market opens."""

_MONDAY: Final = 4
"""The first day number that is a Monday: 5 January 1970."""


class Phase(IntEnum):
    """What goes on in the market. FIX 4.4 tag 625 (TradingSessionSubID) leaves the values to the venue.

    In both auctions the second phase ends at random and takes priced orders only. ``QUIESCENT``: within
    the day, and nothing is taken: orders are matched, or the reference price is made.
    """

    CLOSED = 1
    PRE_OPEN = 2
    PRE_OPEN_LIMIT = 3
    CONTINUOUS = 4
    QUIESCENT = 5
    CLOSING_AUCTION = 6
    CLOSING_AUCTION_LIMIT = 7
    POST_CLOSE = 8


class SessionClass(IntEnum):
    """Which day an equity has: the one of stocks that derivatives are traded on ends in an auction."""

    EQUITY = 1
    CLOSING_AUCTION = 2


class Taken(msgspec.Struct, frozen=True):
    """What a phase takes. A market order is one that was asked for as such, protected or not."""

    ord_types: frozenset[OrdType] = frozenset()
    times_in_force: frozenset[TimeInForce] = frozenset()
    products: frozenset[Product] = frozenset()


_DAY_ONLY = frozenset({TimeInForce.DAY})
_ANY_PRODUCT = frozenset(Product)
_NOTHING = Taken()
_LIMIT_ONLY = Taken(frozenset({OrdType.LIMIT}), _DAY_ONLY, _ANY_PRODUCT)
_UNSTOPPED = Taken(frozenset({OrdType.LIMIT, OrdType.MARKET}), _DAY_ONLY, _ANY_PRODUCT)

TAKEN: Final[Mapping[Phase, Taken]] = {
    Phase.CLOSED: _NOTHING,
    Phase.PRE_OPEN: _UNSTOPPED,
    Phase.PRE_OPEN_LIMIT: _LIMIT_ONLY,
    Phase.CONTINUOUS: Taken(frozenset(OrdType), frozenset(TimeInForce), _ANY_PRODUCT),
    Phase.QUIESCENT: _NOTHING,
    Phase.CLOSING_AUCTION: _UNSTOPPED,
    Phase.CLOSING_AUCTION_LIMIT: _LIMIT_ONLY,
    # At the closing price, which is no price of the order's own, and for delivery.
    Phase.POST_CLOSE: Taken(
        frozenset({OrdType.MARKET}), _DAY_ONLY, frozenset({Product.DELIVERY, Product.MTF})
    ),
}
"""Neither auction takes stops or IOC; cancels are no matter of phases."""


class PhaseWindow(msgspec.Struct, frozen=True, array_like=True, gc=False):
    """A phase from ``begins_s`` up to, not including, ``ends_s``."""

    phase: Phase
    begins_s: int
    ends_s: int


Windows: TypeAlias = tuple[PhaseWindow, ...]
"""The windows of a day, the first first, none over another; between two of them is ``QUIESCENT``."""


def clock_s(hour: int, minute: int) -> int:
    """A time of day in seconds."""
    return hour * 3_600 + minute * 60


def _windows(*rows: tuple[Phase, tuple[int, int], tuple[int, int]]) -> Windows:
    return tuple(PhaseWindow(phase, clock_s(*begin), clock_s(*end)) for phase, begin, end in rows)


_MORNING = (
    (Phase.PRE_OPEN, (9, 0), (9, 5)),
    (Phase.PRE_OPEN_LIMIT, (9, 5), (9, 10)),
)
_EVENING = (Phase.POST_CLOSE, (15, 50), (16, 0))

NORMAL: Final[Mapping[SessionClass, Windows]] = {
    SessionClass.EQUITY: _windows(
        *_MORNING,
        (Phase.CONTINUOUS, (9, 15), (15, 30)),
        _EVENING,
    ),
    SessionClass.CLOSING_AUCTION: _windows(
        *_MORNING,
        (Phase.CONTINUOUS, (9, 15), (15, 15)),
        (Phase.CLOSING_AUCTION, (15, 20), (15, 25)),
        (Phase.CLOSING_AUCTION_LIMIT, (15, 25), (15, 30)),
        _EVENING,
    ),
}
"""An ordinary day. Each part of an auction is taken to last until its latest end."""


class DayKind(IntEnum):
    """``SPECIAL``: with windows of its own, the same for every class."""

    HOLIDAY = 1
    NORMAL = 2
    SPECIAL = 3


class DayChange(msgspec.Struct, frozen=True, array_like=True, gc=False):
    """A day that is not what its weekday says. ``windows``: of a ``SPECIAL`` one."""

    day: int
    kind: DayKind
    windows: Windows = ()
    note: str = ""


class SessionDay(msgspec.Struct, frozen=True, gc=False):
    """One day as it is in force."""

    day: int
    kind: DayKind
    windows: Mapping[SessionClass, Windows]
    note: str = ""

    @property
    def trades(self) -> bool:
        """Whether the market opens at all."""
        return self.kind is not DayKind.HOLIDAY


class PhaseNow(msgspec.Struct, frozen=True, gc=False):
    """A phase that lasts from ``since`` (0: since the day before, or longer) to ``until``, then ``then``.

    After the last window of a day: ``until`` is its end, and ``then`` is ``CLOSED``.
    """

    phase: Phase
    since: Nanoseconds
    until: Nanoseconds
    then: Phase


class Calendar:
    """The exchange's days as they were published. ``closing_auction``: the symbols of stocks whose day
    ends in one.

    Immutable. The ``overlay`` of every question is what people put over it, by day number.
    """

    __slots__ = ("_changes", "closing_auction")

    def __init__(
        self, changes: Iterable[DayChange] = (), closing_auction: Iterable[str] = ()
    ) -> None:
        self._changes = {change.day: change for change in changes}
        self.closing_auction = frozenset(closing_auction)

    def session_day(self, day: int, overlay: Mapping[int, DayChange]) -> SessionDay:
        """A day, as the overlay changes it, else as published, else by its weekday."""
        change = overlay.get(day) or self._changes.get(day)
        if change is None:
            if is_weekend(day):
                return SessionDay(day, DayKind.HOLIDAY, _NONE)
            return SessionDay(day, DayKind.NORMAL, NORMAL)
        if change.kind is DayKind.NORMAL:
            return SessionDay(day, change.kind, NORMAL, note=change.note)
        windows = dict.fromkeys(SessionClass, change.windows)
        return SessionDay(day, change.kind, windows, note=change.note)

    def knows(self, year: int, overlay: Mapping[int, DayChange]) -> bool:
        """Whether a holiday of that year is there; then all are taken to be. In other years every weekday
        counts as a trading day.
        """
        return any(one.kind is DayKind.HOLIDAY for one in self.changed(year, overlay))

    def changed(self, year: int, overlay: Mapping[int, DayChange]) -> list[DayChange]:
        """The days of a year that are not what their weekday says, the first first."""
        both = {**self._changes, **overlay}
        return [both[day] for day in sorted(both) if year_of(day) == year]

    def next_trading_day(self, after: int, overlay: Mapping[int, DayChange]) -> SessionDay | None:
        """The first day after that one on which the market opens; None where none is near."""
        for day in range(after + 1, after + 1 + AHEAD_MAX):
            found = self.session_day(day, overlay)
            if found.trades:
                return found
        return None


_NONE: Final[Mapping[SessionClass, Windows]] = dict.fromkeys(SessionClass, ())


def is_weekend(day: int) -> bool:
    """Saturday or Sunday."""
    return (day - _MONDAY) % 7 >= 5  # noqa: PLR2004  after five weekdays


def year_of(day: int) -> int:
    """The year of a day number: the proleptic Gregorian calendar's, in integers."""
    # 719,468 days lie between 0000-03-01 and 1970-01-01; eras of 400 years have 146,097.
    era, of_era = divmod(day + 719_468, 146_097)
    year = (of_era - of_era // 1_460 + of_era // 36_524 - of_era // 146_096) // 365
    of_year = of_era - (365 * year + year // 4 - year // 100)
    first_of_january = 306
    return era * 400 + year + (of_year >= first_of_january)


def phase_at(
    session_day: SessionDay, session_class: SessionClass, now: Nanoseconds, zone_offset_s: int
) -> PhaseNow:
    """The phase of a moment of that day."""
    begin = day_begins(session_day.day, zone_offset_s)
    assert trading_day(now, zone_offset_s) == session_day.day, "a moment of another day"
    second = (now - begin) // SECOND
    phase, since, windows = Phase.CLOSED, 0, session_day.windows[session_class]
    for window in windows:
        if second < window.begins_s:
            until = begin + window.begins_s * SECOND
            return PhaseNow(phase, since, until, window.phase)
        if second < window.ends_s:
            since = begin + window.begins_s * SECOND
            until = begin + window.ends_s * SECOND
            return PhaseNow(window.phase, since, until, _after(windows, window))
        phase, since = Phase.QUIESCENT, begin + window.ends_s * SECOND
    return PhaseNow(Phase.CLOSED, since, begin + DAY, Phase.CLOSED)


def _after(windows: Windows, window: PhaseWindow) -> Phase:
    """What follows a window at once."""
    later = [one for one in windows if one.begins_s >= window.ends_s]
    if not later:
        return Phase.CLOSED
    return later[0].phase if later[0].begins_s == window.ends_s else Phase.QUIESCENT


def ends_s(session_day: SessionDay, session_class: SessionClass) -> int:
    """When the last window is over; 0 for a day without any."""
    windows = session_day.windows[session_class]
    return windows[-1].ends_s if windows else 0


def continuous_ends_s(windows: Windows) -> int | None:
    """When the last continuous window is over; None where there is none."""
    ends = [one.ends_s for one in windows if one.phase is Phase.CONTINUOUS]
    return ends[-1] if ends else None
