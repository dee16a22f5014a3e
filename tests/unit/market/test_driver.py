"""What keeps quotes moving: a step at every interval, until it is enough."""

import pytest

from phalanx.domain.time import SECOND
from phalanx.market.driver import QuoteDriver
from tests.fakes.clock import ManualClock


class _Steps:
    """So many steps, and then there are no more."""

    def __init__(self, count: int) -> None:
        self.left = count
        self.done = 0

    def step(self) -> bool:
        self.done += 1
        self.left -= 1
        return self.left > 0


def test_a_step_comes_at_every_interval_until_the_last_one() -> None:
    clock, steps = ManualClock(), _Steps(3)
    QuoteDriver(steps.step, clock, SECOND).start()

    counts = []
    for _ in range(5):
        clock.advance(SECOND - 1)
        counts.append(steps.done)
        clock.advance(1)

    assert counts == [0, 1, 2, 3, 3]
    assert clock.waiting == 0


def test_no_step_comes_after_a_stop() -> None:
    clock, steps = ManualClock(), _Steps(10)
    driver = QuoteDriver(steps.step, clock, SECOND)
    driver.stop()
    driver.start()
    clock.advance(2 * SECOND)

    driver.stop()
    driver.stop()
    clock.advance(10 * SECOND)

    assert steps.done == 2


def test_a_step_that_fails_is_not_the_end() -> None:
    clock = ManualClock()
    moments = []

    def step() -> bool:
        moments.append(clock.monotonic())
        raise RuntimeError("a bug")

    QuoteDriver(step, clock, SECOND).start()
    for _ in range(2):
        with pytest.raises(RuntimeError, match="a bug"):
            clock.advance(SECOND)

    assert len(moments) == 2
