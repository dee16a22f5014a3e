"""How long something took, as a person reads it."""

import pytest

from phalanx.cli.display.hops import NAMES, in_milliseconds, milliseconds
from phalanx.domain.latency import HOPS


@pytest.mark.parametrize(
    ("duration_ns", "text"),
    [
        (0, "0.00"),
        (214_999, "0.21"),
        (9_994_999, "9.99"),
        (9_995_000, "10.0"),
        (99_949_999, "99.9"),
        (99_950_000, "100"),
        (1_234_567_890, "1,235"),
        (None, ""),
    ],
)
def test_three_digits_are_enough(duration_ns: object, text: str) -> None:
    assert milliseconds(duration_ns) == text


def test_every_hop_has_a_short_name() -> None:
    assert tuple(NAMES) == HOPS
    assert max(map(len, NAMES.values())) <= 6


def test_a_hop_that_is_not_known_keeps_its_name() -> None:
    assert in_milliseconds([{"hop": "later", "orders": 1}]) == [
        {"hop": "later", "orders": 1, "p50_ns": "", "p99_ns": "", "max_ns": ""}
    ]
