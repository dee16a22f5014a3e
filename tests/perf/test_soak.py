"""The verdict of a soak, on made-up runs."""

import msgspec
import pytest

from benchmarks.soak import LOOKS_MIN, QUEUE_LEAST, Look, gauges, verdict

LOOKS = 30


def run() -> list[Look]:
    """A flat one."""
    return [
        Look(10.0 * number, 200.0, dict.fromkeys(QUEUE_LEAST, 10.0), 1_000 * number)
        for number in range(LOOKS)
    ]


def with_memory(looks: list[Look], start_mb: float, step_mb: float) -> list[Look]:
    return [
        msgspec.structs.replace(look, memory_mb=start_mb + step_mb * number)
        for number, look in enumerate(looks)
    ]


def test_a_flat_run_is_well() -> None:
    assert verdict(run()) == []


def test_memory_that_fills_up_to_its_bound_in_the_beginning_is_well() -> None:
    looks = run()
    begun = with_memory(looks[:8], 100, 10)

    assert verdict([*begun, *looks[8:]]) == []


def test_memory_that_goes_on_growing_is_not() -> None:
    assert verdict(with_memory(run(), 200, 2)) == ["memory grew from 229 to 249 MB"]


@pytest.mark.parametrize("name", QUEUE_LEAST)
def test_a_queue_that_grows_is_not(name: str) -> None:
    looks = [
        msgspec.structs.replace(look, queues={**look.queues, name: 10.0**number})
        for number, look in enumerate(run())
    ]

    (wrong,) = verdict(looks)
    assert wrong.startswith(f"{name} grew from ")


@pytest.mark.parametrize("name", QUEUE_LEAST)
def test_a_queue_that_stays_short_may_come_and_go(name: str) -> None:
    looks = [
        msgspec.structs.replace(look, queues={**look.queues, name: float(number * 30)})
        for number, look in enumerate(run())
    ]

    assert verdict(looks) == []


def test_orders_that_are_refused_are_not() -> None:
    looks = run()
    looks[-1] = msgspec.structs.replace(looks[-1], refused=300)

    assert verdict(looks) == ["300 of 29,000 orders were refused"]


def test_a_run_that_is_too_short_says_nothing() -> None:
    assert verdict(run()[: LOOKS_MIN - 1]) == ["too short to tell: 5 looks of at least 6"]


def test_the_queues_are_read_out_of_the_metrics() -> None:
    metrics = "# HELP phalanx_seq x\nphalanx_seq 12.0\nphalanx_lane_waiting 3.0\nphalanx_tat 1\n"

    assert gauges(metrics) == {"seq": 12.0, "lane_waiting": 3.0}
