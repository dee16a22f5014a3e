"""Virtual time: it jumps, it never runs by itself, and a world that waits for nothing is found."""

import asyncio
from functools import partial

import pytest

from phalanx.domain.time import HOUR, MILLISECOND, SECOND
from phalanx.simulation.virtual import (
    MONDAY_0915_IST,
    Deadlock,
    Process,
    ProcessTimer,
    SeededRandom,
    VirtualClock,
    VirtualLoop,
    VirtualTimer,
    simulate,
)


def test_an_hour_takes_a_moment() -> None:
    async def story(loop: VirtualLoop) -> tuple[int, int]:
        clock, timer = VirtualClock(loop), VirtualTimer(loop)
        await timer.sleep(HOUR)
        return clock.now() - MONDAY_0915_IST, clock.monotonic()

    now, monotonic = simulate(story)
    assert now == monotonic
    assert HOUR <= monotonic < HOUR + MILLISECOND


def test_appointments_come_in_order_and_never_early() -> None:
    async def story(loop: VirtualLoop) -> list[tuple[str, int]]:
        clock, timer = VirtualClock(loop), VirtualTimer(loop)
        seen: list[tuple[str, int]] = []
        for name, delay in (("c", 3), ("a", 1), ("b", 2)):
            note = partial(_note, seen, clock, name, delay * SECOND)
            timer.call_later(delay * SECOND, note)
        timer.call_later(2 * SECOND, lambda: seen.append(("never", 0))).cancel()
        await timer.sleep(5 * SECOND)
        return seen

    seen = simulate(story)
    assert [name for name, _ in seen] == ["a", "b", "c"]
    assert all(0 <= late < MILLISECOND for _, late in seen)


def _note(seen: list[tuple[str, int]], clock: VirtualClock, name: str, due: int) -> None:
    seen.append((name, clock.monotonic() - due))


def test_a_wall_clock_may_jump_and_the_other_does_not() -> None:
    async def story(loop: VirtualLoop) -> tuple[int, int]:
        clock = VirtualClock(loop)
        clock.skew = -HOUR
        return clock.now(), clock.monotonic()

    now, monotonic = simulate(story)
    assert now == MONDAY_0915_IST - HOUR + monotonic


def test_waiting_for_nothing_is_found() -> None:
    async def story(loop: VirtualLoop) -> None:
        await loop.create_future()

    with pytest.raises(Deadlock):
        simulate(story)


def test_a_process_waits_only_while_it_lives() -> None:
    async def story(loop: VirtualLoop) -> list[str]:
        process = Process(loop, "p")
        timer = ProcessTimer(process)
        seen: list[str] = []
        timer.call_later(SECOND, lambda: seen.append("living"))
        await timer.sleep(2 * SECOND)
        timer.call_later(SECOND, lambda: seen.append("dead"))
        sleeping = asyncio.ensure_future(timer.sleep(SECOND))
        process.kill()
        await VirtualTimer(loop).sleep(HOUR)
        assert not sleeping.done()
        return seen

    assert simulate(story) == ["living"]


def test_what_is_due_at_once_is_called_on_the_next_turn() -> None:
    async def story(loop: VirtualLoop) -> list[str]:
        timer, seen = VirtualTimer(loop), list[str]()
        timer.call_later(0, lambda: seen.append("timer"))
        timer.call_later(-SECOND, lambda: seen.append("before its time"))
        assert seen == []
        await timer.sleep(0)
        assert loop.elapsed_ns == 0
        return seen

    assert simulate(story) == ["timer", "before its time"]


def test_chance_repeats() -> None:
    one, other = SeededRandom(7), SeededRandom(7)

    assert [one.bits(32) for _ in range(5)] == [other.bits(32) for _ in range(5)]
    assert one.token(16) == other.token(16)
    assert len(one.token(3)) == 3
