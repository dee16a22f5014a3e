from datetime import UTC, datetime

import pytest

from phalanx.brokers.motilal.row import BadData, Flaw
from phalanx.brokers.motilal.times import date_of, first_time, parse_time, session_end
from phalanx.domain.time import SECOND, Nanoseconds


def utc(*parts: int) -> Nanoseconds:
    return int(datetime(*parts, tzinfo=UTC).timestamp()) * SECOND  # type: ignore[misc,arg-type]


@pytest.mark.parametrize(
    ("text", "time"),
    [
        ("14-Feb-2023 10:52:50", utc(2023, 2, 14, 5, 22, 50)),
        ("17-JUN-2022 16:07:55", utc(2022, 6, 17, 10, 37, 55)),
        ("14-02-2023 10:52:50", utc(2023, 2, 14, 5, 22, 50)),
        ("14/02/2023 10:52", utc(2023, 2, 14, 5, 22)),
        ("14-Feb-2023", utc(2023, 2, 13, 18, 30)),
        ("14-Feb-2023 10:52:50.123", utc(2023, 2, 14, 5, 22, 50)),
        ("0", 0),
        ("", 0),
    ],
)
def test_their_times_are_indian(text: str, time: Nanoseconds) -> None:
    assert parse_time(text) == time


@pytest.mark.parametrize(
    "text",
    ["31-Feb-2023", "14-Foo-2023", "14-13-2023", "yesterday", "14-Feb-23", "01-Jan-0001", "1" * 99],
)
def test_what_is_no_time_is_a_declared_error(text: str) -> None:
    with pytest.raises(BadData) as found:
        parse_time(text)

    assert found.value.flaw is Flaw.NOT_A_TIME


def test_the_first_time_that_says_anything_counts() -> None:
    assert first_time("0", "", "14-Feb-2023") == parse_time("14-Feb-2023")
    assert first_time("0", "") == 0


@pytest.mark.parametrize(
    ("now", "end"),
    [
        (utc(2026, 11, 20, 3, 30), utc(2026, 11, 21, 0, 30)),
        (utc(2026, 11, 21, 0, 29, 59), utc(2026, 11, 21, 0, 30)),
        (utc(2026, 11, 21, 0, 30), utc(2026, 11, 22, 0, 30)),
        (utc(2026, 11, 20, 19, 0), utc(2026, 11, 21, 0, 30)),
    ],
)
def test_a_session_ends_at_the_next_six_in_india(now: Nanoseconds, end: Nanoseconds) -> None:
    assert session_end(now) == end


def test_a_date_is_the_indian_one() -> None:
    assert date_of(utc(2026, 11, 20, 18, 29)) == "20261120"
    assert date_of(utc(2026, 11, 20, 18, 30)) == "20261121"
