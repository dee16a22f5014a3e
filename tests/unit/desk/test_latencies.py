"""The windows of recent latencies; the counts themselves are held against lists in tests/property."""

import pytest

from phalanx.desk.latencies import WINDOW_NS, Distribution, RecentLatencies
from phalanx.domain.time import MILLISECOND

BEGAN = 7 * WINDOW_NS + 5


def orders(recent: RecentLatencies, now: int) -> int:
    """How many orders it speaks of."""
    return sum(one.orders for one in recent.spread(now))


def test_what_was_counted_is_told_for_one_to_two_windows() -> None:
    recent = RecentLatencies()
    recent.add({"sent": [1, 2, 3]}, BEGAN)

    assert orders(recent, BEGAN) == 3
    assert orders(recent, BEGAN + WINDOW_NS - 1) == 3
    assert orders(recent, BEGAN + 2 * WINDOW_NS - 1) == 3
    assert orders(recent, BEGAN + 2 * WINDOW_NS) == 0


def test_a_quiet_desk_forgets_both_windows_at_once() -> None:
    recent = RecentLatencies()
    recent.add({"sent": [1]}, BEGAN)
    recent.add({"sent": [1]}, BEGAN + WINDOW_NS)

    assert orders(recent, BEGAN + WINDOW_NS) == 2
    assert orders(recent, BEGAN + 9 * WINDOW_NS) == 0


def test_an_old_outlier_goes_and_the_rest_stays() -> None:
    recent = RecentLatencies()
    recent.add({"tat": [900 * MILLISECOND]}, BEGAN)
    recent.add({"tat": [1, 1]}, BEGAN + WINDOW_NS)
    recent.add({"tat": [2]}, BEGAN + 2 * WINDOW_NS)

    (found,) = recent.spread(BEGAN + 2 * WINDOW_NS)
    assert (found.orders, found.max_ns) == (3, 2)


@pytest.mark.parametrize("duration", [0, 1, 63, 64, 65, 10**9])
def test_a_single_duration_is_told_exactly(duration: int) -> None:
    found = Distribution()
    found.add([duration])

    told = found.latency("sent")
    assert (told.orders, told.p50_ns, told.p99_ns, told.max_ns) == (1, *[duration] * 3)
