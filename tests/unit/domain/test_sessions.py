"""The trading day: phases by the clock, and days that are not what their weekday says."""

from datetime import UTC, date, datetime
from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from phalanx.domain.orders import OrdType, Product, TimeInForce
from phalanx.domain.sessions import (
    NORMAL,
    TAKEN,
    Calendar,
    DayChange,
    DayKind,
    Phase,
    PhaseNow,
    PhaseWindow,
    SessionClass,
    clock_s,
    ends_s,
    is_weekend,
    phase_at,
    year_of,
)
from phalanx.domain.time import DAY, SECOND, Nanoseconds, day_begins

IST = 19_800
EPOCH = date(1970, 1, 1).toordinal()
EQUITY, AUCTION = SessionClass.EQUITY, SessionClass.CLOSING_AUCTION


def number(text: str) -> int:
    return date.fromisoformat(text).toordinal() - EPOCH


def at(day: str, time: str) -> Nanoseconds:
    """A moment in India."""
    moment = datetime.fromisoformat(f"{day}T{time}+05:30").astimezone(UTC)
    return int(moment.timestamp()) * SECOND


FRIDAY, SATURDAY = "2026-11-20", "2026-11-21"
MUHURAT = DayChange(
    number("2026-11-08"),
    DayKind.SPECIAL,
    (
        PhaseWindow(Phase.PRE_OPEN, clock_s(18, 0), clock_s(18, 8)),
        PhaseWindow(Phase.CONTINUOUS, clock_s(18, 15), clock_s(19, 15)),
    ),
    "Muhurat",
)
GURU_NANAK = DayChange(number("2026-11-24"), DayKind.HOLIDAY, note="Guru Nanak Jayanti")
CALENDAR = Calendar((GURU_NANAK,))


def phase(time: str, session_class: SessionClass, day: str = FRIDAY) -> PhaseNow:
    session_day = CALENDAR.session_day(number(day), {MUHURAT.day: MUHURAT})
    return phase_at(session_day, session_class, at(day, time), IST)


@pytest.mark.parametrize(
    ("time", "equity", "auction"),
    [
        ("00:00:00", Phase.CLOSED, Phase.CLOSED),
        ("08:59:59", Phase.CLOSED, Phase.CLOSED),
        ("09:00:00", Phase.PRE_OPEN, Phase.PRE_OPEN),
        ("09:05:00", Phase.PRE_OPEN_LIMIT, Phase.PRE_OPEN_LIMIT),
        ("09:10:00", Phase.QUIESCENT, Phase.QUIESCENT),
        ("09:15:00", Phase.CONTINUOUS, Phase.CONTINUOUS),
        ("15:14:59", Phase.CONTINUOUS, Phase.CONTINUOUS),
        ("15:15:00", Phase.CONTINUOUS, Phase.QUIESCENT),
        ("15:20:00", Phase.CONTINUOUS, Phase.CLOSING_AUCTION),
        ("15:25:00", Phase.CONTINUOUS, Phase.CLOSING_AUCTION_LIMIT),
        ("15:30:00", Phase.QUIESCENT, Phase.QUIESCENT),
        ("15:50:00", Phase.POST_CLOSE, Phase.POST_CLOSE),
        ("16:00:00", Phase.CLOSED, Phase.CLOSED),
        ("23:59:59", Phase.CLOSED, Phase.CLOSED),
    ],
)
def test_an_ordinary_day_goes_through_its_phases(time: str, equity: Phase, auction: Phase) -> None:
    assert phase(time, EQUITY).phase is equity
    assert phase(time, AUCTION).phase is auction


def test_a_phase_says_since_when_until_when_and_what_comes_then() -> None:
    assert phase("08:00:00", EQUITY) == PhaseNow(
        Phase.CLOSED, 0, at(FRIDAY, "09:00:00"), Phase.PRE_OPEN
    )
    assert phase("09:06:00", EQUITY) == PhaseNow(
        Phase.PRE_OPEN_LIMIT, at(FRIDAY, "09:05:00"), at(FRIDAY, "09:10:00"), Phase.QUIESCENT
    )
    assert phase("15:22:00", AUCTION).then is Phase.CLOSING_AUCTION_LIMIT
    assert phase("15:17:00", AUCTION) == PhaseNow(
        Phase.QUIESCENT, at(FRIDAY, "15:15:00"), at(FRIDAY, "15:20:00"), Phase.CLOSING_AUCTION
    )
    assert phase("15:55:00", EQUITY).then is Phase.CLOSED
    assert phase("20:00:00", EQUITY) == PhaseNow(
        Phase.CLOSED, at(FRIDAY, "16:00:00"), at(SATURDAY, "00:00:00"), Phase.CLOSED
    )


def test_a_moment_of_another_day_is_a_mistake() -> None:
    friday = CALENDAR.session_day(number(FRIDAY), {})
    with pytest.raises(AssertionError):
        phase_at(friday, EQUITY, at(SATURDAY, "00:00:00"), IST)


def test_no_phase_is_open_on_a_weekend_or_a_holiday() -> None:
    assert phase("10:00:00", EQUITY, SATURDAY).phase is Phase.CLOSED
    assert phase("10:00:00", AUCTION, "2026-11-24").phase is Phase.CLOSED
    holiday = CALENDAR.session_day(GURU_NANAK.day, {})
    assert not holiday.trades
    assert holiday.note == "Guru Nanak Jayanti"
    assert ends_s(holiday, EQUITY) == 0


def test_a_special_session_is_open_on_a_sunday_for_every_class_alike() -> None:
    for session_class in SessionClass:
        assert phase("10:00:00", session_class, "2026-11-08").phase is Phase.CLOSED
        assert phase("18:10:00", session_class, "2026-11-08").phase is Phase.QUIESCENT
        assert phase("19:14:59", session_class, "2026-11-08").phase is Phase.CONTINUOUS
        assert phase("19:15:00", session_class, "2026-11-08").phase is Phase.CLOSED


def test_the_overlay_wins_over_what_was_published() -> None:
    opened = DayChange(GURU_NANAK.day, DayKind.NORMAL, note="not closed after all")
    found = CALENDAR.session_day(GURU_NANAK.day, {opened.day: opened})
    assert found.trades
    assert found.windows == NORMAL
    assert CALENDAR.changed(2026, {opened.day: opened, MUHURAT.day: MUHURAT}) == [MUHURAT, opened]
    assert CALENDAR.changed(2027, {MUHURAT.day: MUHURAT}) == []


def test_a_weekday_of_a_year_without_a_calendar_is_open_and_the_year_is_not_known() -> None:
    assert CALENDAR.session_day(number("2027-01-26"), {}).trades
    assert not CALENDAR.knows(2027, {})
    assert CALENDAR.knows(2026, {})
    republic = DayChange(number("2027-01-26"), DayKind.HOLIDAY)
    assert CALENDAR.knows(2027, {republic.day: republic})


def test_the_next_trading_day_is_after_weekends_and_holidays() -> None:
    monday = DayChange(number("2026-11-23"), DayKind.HOLIDAY)
    found = CALENDAR.next_trading_day(number(FRIDAY), {monday.day: monday})
    assert found is not None
    assert found.day == number("2026-11-25")


def test_there_is_no_next_trading_day_where_all_near_ones_are_holidays() -> None:
    first = number(FRIDAY)
    closed = {day: DayChange(day, DayKind.HOLIDAY) for day in range(first, first + 40)}
    assert CALENDAR.next_trading_day(first, closed) is None


def test_auctions_take_neither_stops_nor_ioc() -> None:
    auctions = (
        *(Phase.PRE_OPEN, Phase.PRE_OPEN_LIMIT),
        *(Phase.CLOSING_AUCTION, Phase.CLOSING_AUCTION_LIMIT),
    )
    for one in auctions:
        assert OrdType.LIMIT in TAKEN[one].ord_types
        assert TAKEN[one].ord_types <= {OrdType.LIMIT, OrdType.MARKET}
        assert TAKEN[one].times_in_force == {TimeInForce.DAY}
    assert OrdType.MARKET not in TAKEN[Phase.CLOSING_AUCTION_LIMIT].ord_types
    assert OrdType.MARKET not in TAKEN[Phase.PRE_OPEN_LIMIT].ord_types


def test_the_post_close_takes_market_orders_for_delivery() -> None:
    assert TAKEN[Phase.POST_CLOSE].ord_types == {OrdType.MARKET}
    assert Product.INTRADAY not in TAKEN[Phase.POST_CLOSE].products


def test_every_phase_says_what_it_takes() -> None:
    assert set(TAKEN) == set(Phase)


@pytest.mark.parametrize("session_class", SessionClass)
def test_the_windows_of_an_ordinary_day_are_in_order(session_class: SessionClass) -> None:
    windows = NORMAL[session_class]
    assert all(one.begins_s < one.ends_s for one in windows)
    assert all(one.ends_s <= two.begins_s for one, two in pairwise(windows))


@given(st.dates(date(1970, 1, 1), date(2400, 12, 31)))
def test_years_and_weekends_are_those_of_the_gregorian_calendar(day: date) -> None:
    assert year_of(day.toordinal() - EPOCH) == day.year
    assert is_weekend(day.toordinal() - EPOCH) == (day.weekday() >= 5)


@given(st.integers(0, 86_399), st.sampled_from(SessionClass), st.sampled_from((0, IST, -18_000)))
def test_every_moment_lies_in_its_phase(
    second: int, session_class: SessionClass, zone: int
) -> None:
    session_day = CALENDAR.session_day(number(FRIDAY), {})
    now = day_begins(session_day.day, zone) + second * SECOND
    found = phase_at(session_day, session_class, now, zone)
    assert found.since <= now < found.until <= day_begins(session_day.day, zone) + DAY
    after = found.until
    if after < day_begins(session_day.day, zone) + DAY:
        assert phase_at(session_day, session_class, after, zone).phase is found.then
