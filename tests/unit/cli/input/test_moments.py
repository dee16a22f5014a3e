"""Moments as people write them."""

from datetime import UTC, datetime

import pytest

from phalanx.cli.exit_codes import Exit, Failure
from phalanx.cli.input.moments import Moment, moment_of
from phalanx.domain.time import SECOND

NINE_FIFTEEN = int(datetime(2026, 11, 20, 3, 45, tzinfo=UTC).timestamp()) * SECOND


@pytest.mark.parametrize(
    ("text", "moment"),
    [
        (None, Moment()),
        ("0", Moment(seq=0)),
        ("1234", Moment(seq=1234)),
        ("2026-11-20T09:15", Moment(time=NINE_FIFTEEN + 999)),
        ("2026-11-20 09:15:00", Moment(time=NINE_FIFTEEN + 999)),
        ("2026-11-20T03:45:00Z", Moment(time=NINE_FIFTEEN + 999)),
        ("2026-11-20T03:45:00.000001+00:00", Moment(time=NINE_FIFTEEN + 1_999)),
    ],
)
def test_a_moment(text: str | None, moment: Moment) -> None:
    assert moment_of(text) == moment


@pytest.mark.parametrize("text", ["", "-1", "now", "1.5", "٣", "2026-13-01", "9" * 19])
def test_what_is_no_moment_is_usage(text: str) -> None:
    with pytest.raises(Failure) as caught:
        moment_of(text)

    assert (caught.value.exit_code, caught.value.code) == (Exit.USAGE, "BAD_MOMENT")
