import pytest

from phalanx.api.edges.rates import KEYS_MAX, OTHERS, Meter, Rates, one_subscriber
from phalanx.api.problems import Problem

HOUR = 3_600 * 1_000_000_000


class Clock:
    """A monotonic clock in the test's hands."""

    def __init__(self) -> None:
        self.now = 5 * HOUR

    def __call__(self) -> int:
        return self.now


def passed(meter: Meter, key: str, count: int, now: int = HOUR) -> int:
    return sum(meter.count(key, now) == 0 for _ in range(count))


@pytest.mark.parametrize("amount", [1, 2, 3, 10, 101])
def test_a_window_passes_no_more_than_the_rate(amount: int) -> None:
    assert passed(Meter(f"{amount}/hour"), "a", 3 * amount) == amount


def test_callers_far_below_the_rate_are_never_asked_about() -> None:
    meter = Meter("10/hour")

    for number in range(1_000):
        assert passed(meter, str(number), 5) == 5
    assert meter._limiter is None
    assert passed(meter, "0", 1) == 1
    assert meter._limiter is not None


def test_each_key_is_counted_by_itself() -> None:
    meter = Meter("2/hour")

    assert passed(meter, "a", 5) == 2
    assert passed(meter, "b", 5) == 2


def test_whoever_waits_as_long_as_told_passes_again() -> None:
    meter = Meter("4/hour")
    meter.count("a", HOUR)
    passed(meter, "a", 10, HOUR + 1_000_000_001)

    wait_s = meter.count("a", HOUR + 1_000_000_001)

    assert wait_s == 3_599, "whole seconds, the last one begun"
    assert meter.count("a", HOUR + 1_000_000_001 + wait_s * 1_000_000_000) == 0


def test_two_windows_in_a_row_pass_half_as_much_again_at_most() -> None:
    meter = Meter("100/hour")

    both = passed(meter, "a", 500, HOUR) + passed(meter, "a", 500, 2 * HOUR)

    assert both == 150


def test_a_million_made_up_keys_take_bounded_memory() -> None:
    meter = Meter("10/hour")

    for number in range(1_000_000):
        meter.count(str(number), HOUR)

    assert len(meter) == KEYS_MAX + 1
    assert meter.count(OTHERS, HOUR) > 0
    # Those that are told apart already are not touched by the rest.
    assert passed(meter, "0", 4) == 4


def test_no_window_lasts_into_the_next() -> None:
    meter = Meter("2/hour", keys_max=2)
    for name in ("a", "b", "c"):
        meter.count(name, HOUR)

    assert meter.count("d", 2 * HOUR) == 0
    assert len(meter) == 1


def test_a_key_that_asks_too_often_is_told_when_to_come_again() -> None:
    clock = Clock()
    rates = Rates(per_key="2/hour", clock=clock)
    rates.admit("key:algo", "10.0.0.1")
    clock.now += 100 * 1_000_000_000
    rates.admit("key:algo", "10.0.0.2")

    with pytest.raises(Problem) as refused:
        rates.admit("key:algo", "10.0.0.3")

    assert (refused.value.code, refused.value.status) == ("RATE_LIMITED", 429)
    assert refused.value.headers == ((b"retry-after", b"3500"),)
    assert "key:algo" in refused.value.detail
    rates.admit("key:other", "10.0.0.1")


def test_an_address_is_limited_whoever_asks_from_it() -> None:
    rates = Rates(per_address="2/hour", clock=Clock())
    rates.admit("ann", "10.0.0.1")
    rates.admit("ben", "10.0.0.1")

    with pytest.raises(Problem, match="RATE_LIMITED"):
        rates.admit("cid", "10.0.0.1")
    rates.admit("ann", "10.0.0.2")


def test_refused_requests_of_an_address_are_limited_and_others_pass() -> None:
    rates = Rates(failures_per_address="2/hour", clock=Clock())
    rates.failed("10.0.0.1")
    rates.failed("10.0.0.1")

    with pytest.raises(Problem, match="RATE_LIMITED"):
        rates.failed("10.0.0.1")
    rates.admit("ann", "10.0.0.1")


def test_without_rates_nobody_is_counted() -> None:
    rates = Rates()

    for _ in range(10_000):
        rates.admit("ann", "10.0.0.1")
        rates.failed("10.0.0.1")
    assert (rates._keys, rates._addresses, rates._failures) == (None, None, None)


@pytest.mark.parametrize(
    ("address", "subscriber"),
    [
        ("10.0.0.1", "10.0.0.1"),
        ("", ""),
        ("testclient", "testclient"),
        ("2001:db8:1:2:3:4:5:6", "2001:db8:1:2::/64"),
        ("2001:db8:1:2::1", "2001:db8:1:2::/64"),
        ("fe80::1%eth0", "fe80::/64"),
        ("::ffff:10.0.0.1", "10.0.0.1"),
        ("a:b", "a:b"),
    ],
)
def test_who_counts_as_one_subscriber(address: str, subscriber: str) -> None:
    assert one_subscriber(address) == subscriber
