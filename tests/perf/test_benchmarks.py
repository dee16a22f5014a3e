"""The benchmarks that start servers run, at a hundredth of their size. What they measured is not looked at."""

from pathlib import Path

import pytest

from benchmarks import allocation, disturbances, instruments_search, stream, tat, week
from benchmarks.figures import Figure
from benchmarks.options import Options

ROUNDS = 3


@pytest.fixture
def options(tmp_path: Path) -> Options:
    return Options(tmp_path, quick=True, shrink=100)


def names_of(figures: list[Figure]) -> list[str]:
    return [figure.name for figure in figures]


def test_turnaround_is_measured_over_tls_beside_its_floor_with_every_hop(options: Options) -> None:
    figures = list(tat.over_wire(options, (2, 10), is_tls=True))

    tats = [figure for figure in figures if figure.floor is not None]
    assert names_of(tats) == [
        "tat: 2 accounts, TLS, broker 0 ms",
        "tat: 2 accounts, TLS, broker 20 ms",
        "tat: 10 accounts, TLS, broker 0 ms",
        "tat: 10 accounts, TLS, broker 0 ms, p99 of the orders",
        "tat: 10 accounts, TLS, broker 20 ms",
    ]
    assert all(figure.ratio is not None for figure in tats)
    hops = [figure for figure in figures if figure.floor is None]
    assert len(hops) == len(tat.HOPS)
    assert all(len(figure.ours.values) >= ROUNDS for figure in figures)


def test_disturbances_are_a_feed_and_readers_that_do_not_read(options: Options) -> None:
    figures = list(disturbances.measure(options))

    assert names_of(figures) == [
        "feed: TAT, 10 accounts, 5,000 quote ticks/s, to none",
        "stream: TAT, 10 accounts, 1 slow readers, p99, to none",
    ]
    assert all(figure.met is not None for figure in figures)
    assert min(value for figure in figures for value in figure.ours.values) > 0


def test_every_reader_of_the_stream_gets_every_message(options: Options) -> None:
    """The readers see to it themselves; each order is planned and acknowledged in three topics."""
    rate, size, orders = stream.measure(options)

    assert rate.name == "stream: 10 readers"
    assert rate.floor is not None
    assert min(rate.floor.values) > 0
    assert min(rate.ours.values) > min(orders.ours.values)
    assert min(size.ours.values) > len('{"topic":"orders"}')


def test_allocation_is_measured_in_each_way_beside_bare_arithmetic(options: Options) -> None:
    figures = list(allocation.measure(options))

    assert len(figures) == len(allocation.WAYS)
    assert all(figure.floor is not None and min(figure.floor.values) > 0 for figure in figures)
    assert [figure.budget is not None for figure in figures] == [True, False, False]


def test_a_week_is_replayed_and_its_memory_taken_after_each_day(options: Options) -> None:
    (memory,) = week.measure(options)

    assert memory.name == "replay: memory after 5 days of 2,000 orders, to that after one"
    assert memory.floor is not None
    assert min(memory.floor.values) > 0


def test_a_search_is_measured_beside_a_look_at_every_symbol(options: Options) -> None:
    figures = list(instruments_search.measure(options))

    searches = [figure for figure in figures if figure.floor is not None]
    assert [figure.budget is not None for figure in searches] == [False, True, False, True]
    assert {figure.unit for figure in figures} == {"ms", "s", "MB"}
    assert all(figure.name.startswith("instruments: 1,500, ") for figure in figures)
    assert min(value for figure in figures for value in figure.ours.values) > 0
