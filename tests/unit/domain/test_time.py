import pytest

from phalanx.domain.time import DAY, HOUR, SECOND, day_begins, iso, trading_day

INDIA = 19_800


@pytest.mark.parametrize(
    ("time", "offset_s", "text"),
    [
        (0, 0, "1970-01-01T00:00:00.000000+00:00"),
        (0, INDIA, "1970-01-01T05:30:00.000000+05:30"),
        (1_795_165_943_983_800_999, INDIA, "2026-11-20T14:42:23.983800+05:30"),
        (1_795_165_943 * SECOND, -3_600, "2026-11-20T08:12:23.000000-01:00"),
        (1_999_999, 0, "1970-01-01T00:00:00.001999+00:00"),
    ],
)
def test_an_instant_is_shown_in_its_zone(time: int, offset_s: int, text: str) -> None:
    assert iso(time, offset_s) == text


@pytest.mark.parametrize(
    ("now", "day"),
    [
        (0, 0),
        (18 * HOUR + 30 * 60 * SECOND - 1, 0),
        (18 * HOUR + 30 * 60 * SECOND, 1),
        (DAY, 1),
    ],
)
def test_a_day_begins_at_midnight_in_its_zone(now: int, day: int) -> None:
    assert trading_day(now, INDIA) == day


@pytest.mark.parametrize("offset_s", [0, INDIA, -3_600])
@pytest.mark.parametrize("day", [0, 1, 20_777])
def test_a_day_begins_with_its_first_moment(day: int, offset_s: int) -> None:
    begins = day_begins(day, offset_s)

    assert trading_day(begins, offset_s) == day
    assert trading_day(begins - 1, offset_s) == day - 1
