"""A distribution in counts against the sorted list that it stands for."""

from hypothesis import given
from hypothesis import strategies as st

from phalanx.desk.latencies import Distribution, Latencies
from phalanx.domain.latency import spread

CENTURY_NS = 100 * 366 * 86_400 * 10**9
DURATIONS = st.lists(
    st.one_of(
        st.integers(0, 200),
        st.integers(0, 10**8),
        st.integers(0, CENTURY_NS),
        st.builds(
            lambda power, step: max(0, 2**power + step), st.integers(0, 60), st.integers(-1, 1)
        ),
    ),
    min_size=1,
    max_size=200,
)


@given(st.lists(DURATIONS, min_size=1, max_size=4))
def test_percentiles_are_at_most_a_32nd_above_the_true_ones(batches: list[list[int]]) -> None:
    found = Distribution()
    for batch in batches:
        found.add(batch)

    (true,) = spread({"sent": [duration for batch in batches for duration in batch]})
    said = found.latency("sent")
    assert (said.orders, said.max_ns) == (true.orders, true.max_ns)
    for ours, theirs in ((said.p50_ns, true.p50_ns), (said.p99_ns, true.p99_ns)):
        assert theirs <= ours <= theirs + theirs // 32


@given(DURATIONS, DURATIONS)
def test_what_is_merged_is_what_was_counted_in_one(one: list[int], other: list[int]) -> None:
    parts = [Distribution(), Distribution()]
    parts[0].add(one)
    parts[1].add(other)
    parts[0].merge(parts[1])
    whole = Distribution()
    whole.add(one + other)

    assert parts[0].latency("tat") == whole.latency("tat")


@given(DURATIONS)
def test_a_distribution_stays_small(durations: list[int]) -> None:
    found = Distribution()
    found.add(durations)

    assert len(found.counts) <= 1_850
    assert sum(found.counts) == len(durations)


@given(st.dictionaries(st.sampled_from(("planned", "sent", "tat")), DURATIONS))
def test_only_the_hops_that_any_order_had_are_told(latencies: dict[str, list[int]]) -> None:
    found = Latencies()
    found.add({**latencies, "waited": []})

    assert [one.hop for one in found.spread()] == [
        hop for hop in ("planned", "sent", "tat") if hop in latencies
    ]
