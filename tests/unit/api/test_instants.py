import pytest

from phalanx.api.instants import iso
from phalanx.domain.time import SECOND

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
