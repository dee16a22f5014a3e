"""The verdict of a soak, on made-up runs."""

import sys

import msgspec
import pytest

from benchmarks.soak import (
    FILLED_ORDERS,
    FILLED_S,
    JUDGED_ORDERS_MIN,
    LOOKS_MIN,
    QUEUE_LEAST,
    Look,
    gauges,
    growths,
    main,
    verdict,
)

LOOKS = 120
ORDERS = 5_000
"""Between two looks."""
FIRST_JUDGED = 13


def run() -> list[Look]:
    """A flat one, with the noise of a real one."""
    return [
        Look(
            10.0 * number,
            {"server": 126.0 + number % 3 / 2, "views": 73.0 + number % 2 / 2},
            dict.fromkeys(QUEUE_LEAST, 10.0),
            ORDERS * number,
        )
        for number in range(LOOKS)
    ]


def with_more(looks: list[Look], process: str, bytes_per_order: float) -> list[Look]:
    """The same with so much kept of every order."""
    return [
        msgspec.structs.replace(
            look,
            memory_mb={
                **look.memory_mb,
                process: look.memory_mb[process] + bytes_per_order * look.answered / 2**20,
            },
        )
        for look in looks
    ]


def test_a_flat_run_is_well() -> None:
    assert verdict(run()) == []


def test_it_is_full_once_enough_orders_and_enough_time_are_over() -> None:
    first = run()[FIRST_JUDGED]

    assert first.is_filled
    assert first.second >= FILLED_S
    assert first.answered >= FILLED_ORDERS
    assert not msgspec.structs.replace(first, second=FILLED_S - 1).is_filled
    assert not msgspec.structs.replace(first, answered=FILLED_ORDERS - 1).is_filled


def test_memory_that_fills_up_to_its_bound_in_the_beginning_is_well() -> None:
    looks = run()
    begun = with_more(looks[:FIRST_JUDGED], "server", -400)

    assert verdict([*begun, *looks[FIRST_JUDGED:]]) == []


@pytest.mark.parametrize("process", ["server", "views"])
def test_as_little_as_one_number_kept_of_every_order_is_seen(process: str) -> None:
    (wrong,) = verdict(with_more(run(), process, 60))

    assert wrong.startswith(f"memory grew: {process}: ")
    assert "+60 bytes for each of " in wrong


def test_a_leak_is_seen_in_the_shortest_run_that_is_judged() -> None:
    looks = run()[: FIRST_JUDGED + 1 + JUDGED_ORDERS_MIN // ORDERS]

    assert verdict(looks) == []
    assert len(verdict(with_more(looks, "server", 100))) == 1


def test_an_allocator_that_settles_is_no_leak() -> None:
    assert verdict(with_more(run(), "server", 10)) == []


def test_the_growth_of_each_process_is_told() -> None:
    looks = with_more(run()[FIRST_JUDGED:], "views", 100)

    server, views = growths(looks)
    assert round(server.bytes_per_order) == 0
    assert round(views.bytes_per_order) == 100
    assert (server.process, views.process, server.orders) == ("server", "views", 360_000)


def test_memory_that_nobody_can_measure_is_not_called_flat() -> None:
    looks = run()
    looks[-1] = msgspec.structs.replace(looks[-1], memory_mb={"server": 126.0, "views": 0.0})

    assert verdict(looks) == ["nobody can say here how much memory a process holds"]


@pytest.mark.parametrize("name", QUEUE_LEAST)
def test_a_queue_that_grows_is_not(name: str) -> None:
    looks = [
        msgspec.structs.replace(look, queues={**look.queues, name: 1.2**number})
        for number, look in enumerate(run())
    ]

    (wrong,) = verdict(looks)
    assert wrong.startswith(f"{name} grew from ")


@pytest.mark.parametrize("name", QUEUE_LEAST)
def test_a_queue_that_stays_short_may_come_and_go(name: str) -> None:
    looks = [
        msgspec.structs.replace(look, queues={**look.queues, name: float(number * 8)})
        for number, look in enumerate(run())
    ]

    assert verdict(looks) == []


def test_orders_that_are_refused_are_not() -> None:
    looks = run()
    looks[-1] = msgspec.structs.replace(looks[-1], refused=6_000)

    assert verdict(looks) == ["6,000 of 595,000 orders were refused"]


def test_a_run_that_is_too_short_says_nothing() -> None:
    looks = run()[: FIRST_JUDGED + LOOKS_MIN - 1]

    assert verdict(looks) == ["too short to tell: 5 looks of at least 6 were of a full server"]


def test_a_run_with_too_few_orders_says_nothing() -> None:
    looks = [
        msgspec.structs.replace(look, answered=FILLED_ORDERS + number)
        for number, look in enumerate(run())
    ]

    assert verdict(looks) == ["too few orders to tell: 106 of at least 40,000"]


def test_the_queues_are_read_out_of_the_metrics() -> None:
    metrics = "# HELP phalanx_seq x\nphalanx_seq 12.0\nphalanx_lane_waiting 3.0\nphalanx_tat 1\n"

    assert gauges(metrics) == {"seq": 12.0, "lane_waiting": 3.0}


@pytest.mark.parametrize(
    "words", [("--minutes", "0"), ("--minutes", "nan"), ("--rate", "-5"), ("--rate", "1e9")]
)
def test_what_cannot_be_run_is_said_at_once(
    words: tuple[str, str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(sys, "argv", ["soak", *words])

    with pytest.raises(SystemExit) as ended:
        main()

    assert ended.value.code == 2
