"""Throttles: how long who waits, and whom that must never hit."""

import threading

import pytest

from phalanx.access.errors import AccessCode, AccessError
from phalanx.access.throttle import LOOPBACK, NOWHERE, Throttle, ThrottleRule, place_of
from phalanx.domain.time import MINUTE, SECOND
from tests.fakes.clock import ManualClock

RULE = ThrottleRule(free=2, first_ns=SECOND, longest_ns=5 * SECOND, forget_ns=MINUTE)


def wait_s(throttle: Throttle, key: object = "k") -> int:
    """How long one has to wait; 0 when the try counts."""
    try:
        throttle.enter(key)
    except AccessError as error:
        return error.retry_after_s if error.code is AccessCode.THROTTLED else -1
    return 0


def test_waits_double_and_end_at_the_longest(clock: ManualClock) -> None:
    throttle = Throttle(clock, RULE)
    assert [wait_s(throttle) for _ in range(2)] == [0, 0]

    waits = []
    for _ in range(5):
        waits.append(wait_s(throttle))
        clock.advance(waits[-1] * SECOND)
        assert wait_s(throttle) == 0

    assert waits == [1, 2, 4, 5, 5]


def test_a_thousand_failures_wait_no_longer_than_the_longest() -> None:
    assert RULE.wait_ns(1_000_000) == RULE.longest_ns


def test_a_try_while_one_waits_does_not_make_the_wait_longer(clock: ManualClock) -> None:
    throttle = Throttle(clock, RULE)
    for _ in range(4):
        clock.advance(wait_s(throttle) * SECOND)
    assert wait_s(throttle) == 2

    clock.advance(SECOND)
    assert [wait_s(throttle) for _ in range(100)] == [1] * 100
    clock.advance(SECOND)

    assert wait_s(throttle) == 0


def test_other_keys_have_counts_of_their_own(clock: ManualClock) -> None:
    throttle = Throttle(clock, RULE)
    for _ in range(5):
        wait_s(throttle, "a")

    assert wait_s(throttle, "a") > 0
    assert wait_s(throttle, "b") == 0


def test_who_has_been_quiet_begins_anew(clock: ManualClock) -> None:
    throttle = Throttle(clock, RULE)
    for _ in range(2):
        wait_s(throttle)

    clock.advance(MINUTE + 1)

    assert [wait_s(throttle) for _ in range(3)] == [0, 0, 1]


def test_who_is_forgotten_begins_anew(clock: ManualClock) -> None:
    throttle = Throttle(clock, RULE)
    for _ in range(2):
        wait_s(throttle)

    throttle.forget("k")

    assert [wait_s(throttle) for _ in range(3)] == [0, 0, 1]


def test_a_try_that_is_given_back_counts_as_none(clock: ManualClock) -> None:
    throttle = Throttle(clock, RULE)
    wait_s(throttle)
    for _ in range(10):
        wait_s(throttle)
        throttle.give_back("k")

    assert [wait_s(throttle) for _ in range(2)] == [0, 1]


def test_memory_is_bounded_and_the_key_unused_longest_goes(clock: ManualClock) -> None:
    throttle = Throttle(clock, RULE, entries_max=3)
    for key in ("a", "b", "c", "a", "d"):
        assert wait_s(throttle, key) == 0

    assert len(throttle) == 3
    assert wait_s(throttle, "b") == 0
    assert wait_s(throttle, "a") > 0


def test_many_at_the_same_moment_get_no_more_tries_than_one(clock: ManualClock) -> None:
    throttle = Throttle(clock, RULE)
    start = threading.Barrier(8)
    waits: list[int] = []

    def try_once() -> None:
        start.wait()
        waits.append(wait_s(throttle))

    threads = [threading.Thread(target=try_once) for _ in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()

    assert sorted(waits) == [0, 0, 1, 1, 1, 1, 1, 1]


@pytest.mark.parametrize(
    ("address", "place"),
    [
        ("198.51.100.7", "198.51.100.7"),
        ("::ffff:198.51.100.7", "198.51.100.7"),
        ("127.0.0.1", LOOPBACK),
        ("127.9.9.9", LOOPBACK),
        ("::1", LOOPBACK),
        ("::ffff:127.0.0.1", LOOPBACK),
        ("2001:db8:1:2:aaaa::1", "20010db800010002/64"),
        ("2001:db8:1:2::ffff", "20010db800010002/64"),
        ("", NOWHERE),
        ("evil" * 1000, NOWHERE),
    ],
)
def test_an_address_counts_as_its_place(address: str, place: str) -> None:
    assert place_of(address) == place


def test_a_look_says_what_a_try_would_and_counts_nothing(clock: ManualClock) -> None:
    throttle = Throttle(clock, RULE)
    for _ in range(10):
        throttle.check("k")
    assert [wait_s(throttle) for _ in range(2)] == [0, 0]

    with pytest.raises(AccessError) as turned_away:
        throttle.check("k")
    assert turned_away.value.retry_after_s == wait_s(throttle) == 1

    clock.advance(SECOND)
    throttle.check("k")
    assert wait_s(throttle) == 0
    clock.advance(RULE.forget_ns + 1)
    throttle.check("k")
