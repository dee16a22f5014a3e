"""The desk's time: whatever happens to the wall clock, it goes on and never back."""

import pytest

from phalanx.desk.clock import SteadyClock
from phalanx.domain.accounts import RateLimit
from phalanx.domain.orders import OrdStatus
from phalanx.domain.time import DAY, HOUR, SECOND
from tests.fakes.rig import Rig, on_virtual_time, play
from tests.fakes.scripted_broker import keep, write


class Clocks:
    """Both hands in the test's hand."""

    def __init__(self) -> None:
        self.wall = 1_000 * SECOND
        self.passed = 7 * SECOND

    def now(self) -> int:
        return self.wall

    def monotonic(self) -> int:
        return self.passed

    def wait(self, duration: int) -> None:
        self.wall += duration
        self.passed += duration


def test_it_is_the_wall_clock() -> None:
    clocks = Clocks()
    found = SteadyClock(clocks, 0)
    clocks.wait(SECOND)

    assert (found.now(), found.monotonic()) == (1_001 * SECOND, 8 * SECOND)


def test_it_follows_a_step_forward() -> None:
    clocks = Clocks()
    found = SteadyClock(clocks, 0)
    clocks.wall += DAY

    assert found.now() == 1_000 * SECOND + DAY


def test_it_goes_on_through_a_step_back() -> None:
    clocks = Clocks()
    found = SteadyClock(clocks, 0)
    before = found.now()
    clocks.wall -= HOUR
    assert found.now() == before
    clocks.wait(10 * SECOND)

    assert found.now() == before + 10 * SECOND


def test_it_begins_where_the_journal_ended() -> None:
    clocks = Clocks()
    found = SteadyClock(clocks, 5_000 * SECOND)
    assert found.now() == 5_000 * SECOND
    clocks.wait(SECOND)
    assert found.now() == 5_001 * SECOND
    clocks.wall = 6_000 * SECOND

    assert found.now() == 6_000 * SECOND


@pytest.mark.parametrize("step", [-HOUR, -SECOND, 0], ids=["an hour", "a second", "not"])
def test_what_waits_expires_in_time_whatever_the_wall_clock_says(step: int) -> None:
    async def story(rig: Rig) -> None:
        await rig.start()
        await rig.account(limit=RateLimit(1, 100_000))
        await rig.submit(rig.buy())
        (waiting,) = await rig.submit(rig.buy(expires_s=5))
        rig.clock.skew += step
        await rig.wait(4.7)
        assert rig.status(waiting) is OrdStatus.PENDING_NEW
        await rig.wait(0.6)
        assert rig.status(waiting) is OrdStatus.EXPIRED

    play(story)


@on_virtual_time
async def test_a_clock_set_back_does_not_lengthen_a_send_deadline(rig: Rig) -> None:
    await rig.start()
    await rig.account()
    rig.broker.script.append(keep)
    (order,) = await rig.submit(rig.buy())
    rig.clock.skew -= HOUR

    await rig.wait(5.1)
    write(rig.broker.asked[0], rig.broker.tickets[order])

    assert rig.status(order) is OrdStatus.REJECTED


@on_virtual_time
async def test_events_never_go_back_in_time(rig: Rig) -> None:
    await rig.start()
    await rig.account()
    for skew in (HOUR, -HOUR, -DAY, 0):
        rig.clock.skew = skew
        await rig.submit(rig.buy())
        await rig.restart()

    times = [event.time for event in rig.events()]
    assert times == sorted(times)
