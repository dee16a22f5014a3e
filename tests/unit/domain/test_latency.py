"""What a hop took is one definition: here it is, by hand."""

import pytest

from phalanx.domain.latency import HOPS, HopLatency, hop_latencies, percentile, spread
from phalanx.domain.orders import Hops

WAY = Hops(100, 130, 7, 200, 11, 260, 290)


def test_a_hop_takes_the_time_since_the_hop_before_it() -> None:
    found = hop_latencies([WAY], [40])

    assert found == {
        "planned": [130 - 100],
        "held": [7],
        "waited": [11],
        "committed": [200 - 130 - 7 - 11],
        "sent": [260 - 200],
        "acknowledged": [290 - 260],
        "first_fill": [40],
        "tat": [260 - 100 - 7 - 11],
    }
    assert tuple(found) == HOPS


def test_planned_committed_and_sent_add_up_to_the_turnaround() -> None:
    found = hop_latencies([WAY])

    assert sum(found[hop][0] for hop in ("planned", "committed", "sent")) == WAY.tat
    assert found["tat"] == [WAY.tat]


@pytest.mark.parametrize(
    ("way", "hops"),
    [
        pytest.param(Hops(), set(), id="nothing is known"),
        pytest.param(Hops(received=5), set(), id="only asked for"),
        pytest.param(
            Hops(committed=5, sent=9, acknowledged=12), {"sent", "acknowledged"}, id="a child"
        ),
        pytest.param(
            Hops(5, 6, 0, 9, 0, 11, 12),
            {"planned", "committed", "sent", "acknowledged", "tat"},
            id="neither held nor waiting",
        ),
        pytest.param(
            Hops(received=5, committed=9, sent=11),
            {"sent", "tat"},
            id="when it was planned is lost",
        ),
    ],
)
def test_an_order_without_a_hop_does_not_count_in_it(way: Hops, hops: set[str]) -> None:
    assert {hop for hop, took in hop_latencies([way]).items() if took} == hops


def test_a_spread_is_by_nearest_rank() -> None:
    found = spread({"sent": list(range(200, 0, -1)), "waited": [], "tat": [9]})

    assert found == [HopLatency("sent", 200, 100, 198, 200), HopLatency("tat", 1, 9, 9, 9)]


@pytest.mark.parametrize(
    ("count", "percent", "rank"),
    [(1, 50, 1), (2, 50, 1), (3, 50, 2), (100, 99, 99), (101, 99, 100)],
)
def test_a_percentile_is_one_of_the_durations(count: int, percent: int, rank: int) -> None:
    assert percentile(range(1, count + 1), percent) == rank


def test_nothing_has_no_percentile() -> None:
    with pytest.raises(IndexError):
        percentile([], 50)
