"""Quotes that move step by step: at every interval, until it is enough."""

import pytest

from phalanx.domain.time import SECOND
from phalanx.market.feeds.port import Feed, FeedState
from phalanx.market.feeds.stepped import SteppedFeed
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
    SteppedFeed(steps.step, clock, SECOND).start()

    counts = []
    for _ in range(5):
        clock.advance(SECOND - 1)
        counts.append(steps.done)
        clock.advance(1)

    assert counts == [0, 1, 2, 3, 3]
    assert clock.waiting == 0


async def test_no_step_comes_after_a_stop() -> None:
    clock, steps = ManualClock(), _Steps(10)
    feed = SteppedFeed(steps.step, clock, SECOND)
    await feed.stop()
    feed.start()
    clock.advance(2 * SECOND)

    await feed.stop()
    await feed.stop()
    clock.advance(10 * SECOND)

    assert steps.done == 2


def test_a_step_that_fails_is_not_the_end() -> None:
    clock = ManualClock()
    moments = []

    def step() -> bool:
        moments.append(clock.monotonic())
        raise RuntimeError("a bug")

    SteppedFeed(step, clock, SECOND).start()
    for _ in range(2):
        with pytest.raises(RuntimeError, match="a bug"):
            clock.advance(SECOND)

    assert len(moments) == 2


async def test_it_is_up_while_there_is_a_next_step_and_may_start_once_only() -> None:
    clock, steps = ManualClock(), _Steps(2)
    feed: Feed = SteppedFeed(steps.step, clock, SECOND)
    assert feed.state is FeedState.STOPPED

    feed.start()
    feed.start()
    assert (feed.state, clock.waiting) == (FeedState.UP, 1)
    clock.advance(2 * SECOND)

    assert (feed.state, steps.done) == (FeedState.STOPPED, 2)


def test_it_tells_of_everything_whoever_subscribes_to_what() -> None:
    feed = SteppedFeed(_Steps(1).step, ManualClock(), SECOND)

    assert feed.subscribe(["NSE:1"]) == ()
    feed.unsubscribe(["NSE:1", "NSE:2"])
