"""Processes on one loop: a killed one never runs again, a paused one goes on where it was, in order."""

import asyncio
import gc
import hashlib
import os
import subprocess
import sys
from collections.abc import Awaitable, Callable, Coroutine
from typing import Any

import pytest

from phalanx.domain.time import HOUR, MILLISECOND, SECOND
from phalanx.simulation import loop as loop_module
from phalanx.simulation.virtual import (
    Killed,
    Livelock,
    Process,
    ProcessTimer,
    VirtualLoop,
    VirtualTimer,
    simulate,
)


def on_loop(story: Callable[[VirtualLoop], Awaitable[None]]) -> Callable[[], None]:
    """Make a story about a loop a test."""

    def test() -> None:
        async def tell(loop: VirtualLoop) -> None:
            await story(loop)

        simulate(tell)

    test.__name__ = story.__name__
    test.__doc__ = story.__doc__
    test.__module__ = story.__module__
    return test


def begin(process: Process, work: Coroutine[Any, Any, None]) -> None:
    assert not process.spawn(work).done()


async def pass_time(loop: VirtualLoop, seconds: float = 1.0) -> None:
    await VirtualTimer(loop).sleep(int(seconds * SECOND))


# --- kill ----------------------------------------------------------------------------------------


def test_neither_finally_nor_except_of_a_killed_process_runs() -> None:
    seen: list[str] = []

    async def work(timer: ProcessTimer) -> None:
        try:
            await timer.sleep(SECOND)
        except BaseException:
            seen.append("except")
            raise
        finally:
            seen.append("finally")

    async def story(loop: VirtualLoop) -> list[str]:
        process = Process(loop, "p")
        begin(process, work(ProcessTimer(process)))
        await pass_time(loop, 0.5)
        process.kill()
        await pass_time(loop, 100)
        gc.collect()
        return list(seen)

    assert simulate(story) == []


def test_the_remains_of_the_dead_are_no_noise(capsys: pytest.CaptureFixture[str]) -> None:
    async def stubborn(timer: ProcessTimer) -> None:
        try:
            await timer.sleep(SECOND)
        finally:
            await timer.sleep(SECOND)

    async def story(loop: VirtualLoop) -> None:
        process = Process(loop, "p")
        timer = ProcessTimer(process)
        begin(process, stubborn(timer))
        answer = process.ask(lambda: timer.sleep(SECOND))
        await pass_time(loop, 0.5)
        begin(process, stubborn(timer))
        process.kill()
        assert isinstance(answer.exception(), Killed)

    simulate(story)
    gc.collect()
    assert capsys.readouterr().err == ""


@on_loop
async def test_nothing_that_a_killed_process_asked_for_comes_to_it(loop: VirtualLoop) -> None:
    process, seen = Process(loop, "p"), list[str]()
    timer = ProcessTimer(process)
    waited_for = loop.create_future()

    async def wait() -> None:
        await waited_for
        seen.append("future")

    begin(process, wait())
    process.run(loop.call_later, 0.2, seen.append, "timer of its context")
    timer.call_later(200 * MILLISECOND, lambda: seen.append("its timer"))
    process.run(loop.call_soon, seen.append, "before")
    await pass_time(loop, 0.1)
    process.run(loop.call_soon, seen.append, "soon")
    process.kill()
    waited_for.set_result(None)
    loop.call_soon(seen.append, "made after its death", context=process.context)
    await pass_time(loop, 1)
    assert seen == ["before"]


@on_loop
async def test_a_process_can_be_killed_at_any_step(loop: VirtualLoop) -> None:
    for last in range(6):
        process, seen = Process(loop, f"p{last}"), list[int]()

        async def work(seen: list[int] = seen) -> None:
            for number in range(5):
                seen.append(number)
                await asyncio.sleep(0)

        def fall(process: Process, last: int = last) -> None:
            if process.steps == last:
                process.kill()

        process.on_step = fall
        begin(process, work())
        await pass_time(loop)
        assert seen == list(range(min(last, 5)))
        assert process.alive is (last > 5)


@on_loop
async def test_a_step_in_which_a_process_dies_runs_to_its_end_and_is_its_last(
    loop: VirtualLoop,
) -> None:
    process, seen = Process(loop, "p"), list[str]()

    async def work() -> None:
        loop.call_soon(seen.append, "made before")
        process.kill()
        loop.call_soon(seen.append, "made after")
        seen.append("the end of the step")
        await asyncio.sleep(0)
        seen.append("another step")

    begin(process, work())
    await pass_time(loop)
    assert seen == ["the end of the step"]


@on_loop
async def test_the_others_live_on(loop: VirtualLoop) -> None:
    one, other, seen = Process(loop, "one"), Process(loop, "other"), list[str]()
    for process in (one, other):
        ProcessTimer(process).call_later(
            SECOND,
            lambda name=process.name: seen.append(name),  # type: ignore[misc]
        )
    one.kill()
    one.kill()
    await pass_time(loop, 2)
    assert seen == ["other"]


# --- pause ---------------------------------------------------------------------------------------


@on_loop
async def test_a_paused_process_misses_nothing_and_keeps_the_order(loop: VirtualLoop) -> None:
    process, seen = Process(loop, "p"), list[tuple[str, int]]()
    timer = ProcessTimer(process)

    def note(name: str) -> None:
        seen.append((name, loop.elapsed_ns // SECOND))

    for name, due_s in (("c", 3), ("a", 1), ("b", 2), ("later", 20)):
        timer.call_later(due_s * SECOND, lambda name=name: note(name))  # type: ignore[misc]
    process.run(loop.call_soon, note, "ready")
    process.pause()
    await pass_time(loop, 10)
    assert seen == []
    loop.call_soon(note, "from outside", context=process.context)
    process.resume()
    await pass_time(loop, 20)
    assert seen == [
        ("ready", 10),
        ("a", 10),
        ("b", 10),
        ("c", 10),
        ("from outside", 10),
        ("later", 20),
    ]


@on_loop
async def test_a_paused_process_can_be_paused_again_resumed_twice_and_killed(
    loop: VirtualLoop,
) -> None:
    process, seen = Process(loop, "p"), list[str]()
    process.pause()
    process.pause()
    process.run(loop.call_soon, seen.append, "one")
    await pass_time(loop)
    assert seen == []
    process.resume()
    process.resume()
    await pass_time(loop)
    assert seen == ["one"]
    process.pause()
    process.run(loop.call_soon, seen.append, "two")
    process.kill()
    process.resume()
    await pass_time(loop)
    assert seen == ["one"]


@on_loop
async def test_a_process_can_be_paused_before_a_step(loop: VirtualLoop) -> None:
    process, seen = Process(loop, "p"), list[int]()

    def pause_once(process: Process) -> None:
        if process.steps == 2:
            process.on_step = None
            process.pause()

    process.on_step = pause_once
    for number in range(4):
        process.run(loop.call_soon, seen.append, number)
    await pass_time(loop)
    assert seen == [0, 1]
    process.resume()
    await pass_time(loop)
    assert seen == [0, 1, 2, 3]


# --- asking --------------------------------------------------------------------------------------


@on_loop
async def test_an_answer_comes_from_inside_the_process(loop: VirtualLoop) -> None:
    process = Process(loop, "p")
    timer = ProcessTimer(process)

    async def work() -> str:
        await timer.sleep(SECOND)
        return "done"

    async def fail() -> str:
        raise LookupError("no")

    assert await process.ask(work) == "done"
    with pytest.raises(LookupError):
        await process.ask(fail)


@on_loop
async def test_who_asks_a_dying_or_a_dead_process_is_told_so(loop: VirtualLoop) -> None:
    process = Process(loop, "p")
    timer = ProcessTimer(process)
    asking = process.ask(lambda: timer.sleep(HOUR))
    await pass_time(loop)
    process.kill()
    with pytest.raises(Killed):
        await asking
    with pytest.raises(Killed):
        await process.ask(lambda: timer.sleep(0))


@on_loop
async def test_who_hangs_up_does_not_stop_the_work(loop: VirtualLoop) -> None:
    process, seen = Process(loop, "p"), list[str]()
    timer = ProcessTimer(process)

    async def work() -> None:
        await timer.sleep(SECOND)
        seen.append("done all the same")

    process.ask(work).cancel()
    await pass_time(loop, 2)
    assert seen == ["done all the same"]


@on_loop
async def test_a_paused_process_lets_its_callers_wait(loop: VirtualLoop) -> None:
    process = Process(loop, "p")
    process.pause()
    asking = process.ask(lambda: asyncio.sleep(0, "answer"))
    await pass_time(loop)
    assert not asking.done()
    process.resume()
    assert await asking == "answer"


# --- order, faults, ends -------------------------------------------------------------------------


def history(seed: int) -> list[str]:
    """What three processes and a story did, in the order in which they did it."""
    seen: list[str] = []

    async def work(name: str) -> None:
        for number in range(5):
            seen.append(f"{name}{number}")
            await asyncio.sleep(0)

    async def story(loop: VirtualLoop) -> None:
        for name in "abc":
            begin(Process(loop, name), work(name))
        await work("outside ")
        await pass_time(loop)

    simulate(story, seed)
    return seen


def test_a_seed_is_a_history_and_another_one_another() -> None:
    assert history(1) == history(1)
    assert len({tuple(history(seed)) for seed in range(10)}) > 5


def test_every_process_keeps_its_own_order() -> None:
    for seed in range(10):
        for name in "abc":
            assert [said for said in history(seed) if said[0] == name] == [
                f"{name}{number}" for number in range(5)
            ]


def test_a_seed_is_a_history_whatever_strings_hash_to() -> None:
    program = "from tests.unit.simulation.test_loop import history; print(history(7))"
    told = {
        hashlib.sha256(
            subprocess.run(
                [sys.executable, "-c", program],
                env={**os.environ, "PYTHONHASHSEED": seed},
                check=True,
                capture_output=True,
            ).stdout
        ).hexdigest()
        for seed in ("1", "2")
    }
    assert len(told) == 1


def test_going_round_in_circles_is_found(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(loop_module, "STEPS_AT_ONCE_MAX", 1_000)

    async def story(loop: VirtualLoop) -> None:
        def again() -> None:
            loop.call_soon(again)

        again()
        await pass_time(loop)

    with pytest.raises(Livelock):
        simulate(story)


def test_work_that_lets_time_pass_is_no_circle(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(loop_module, "STEPS_AT_ONCE_MAX", 100)

    async def story(loop: VirtualLoop) -> int:
        for _ in range(1_000):
            await pass_time(loop, 0.001)
        return loop.steps

    assert simulate(story) > 1_000


def test_what_goes_wrong_inside_a_process_does_not_end_the_story() -> None:
    def fail() -> None:
        raise AssertionError("inside")

    async def story(loop: VirtualLoop) -> list[str]:
        loop.set_exception_handler(None)
        Process(loop, "p").run(loop.call_soon, fail)
        await pass_time(loop)
        return loop.faults

    (fault,) = simulate(story)
    assert "inside" in fault


def test_what_a_judge_says_outside_ends_it() -> None:
    def judge() -> None:
        raise AssertionError("this must not be")

    async def story(loop: VirtualLoop) -> None:
        loop.call_later(1, judge)
        await pass_time(loop, 100)

    with pytest.raises(AssertionError, match="this must not be"):
        simulate(story)


def test_what_a_sleeper_waits_for_does_not_outlive_its_process_or_its_cancel() -> None:
    seen: list[str] = []

    async def sleeper(timer: VirtualTimer | ProcessTimer, name: str) -> None:
        try:
            await timer.sleep(SECOND)
        except asyncio.CancelledError:
            seen.append(f"{name} was cancelled")
            raise
        seen.append(name)

    async def story(loop: VirtualLoop) -> None:
        process = Process(loop, "p")
        sleeping = asyncio.ensure_future(sleeper(VirtualTimer(loop), "one"))
        begin(process, sleeper(ProcessTimer(process), "two"))
        begin(process, sleeper(VirtualTimer(loop), "three"))
        begin(loop.outside, sleeper(VirtualTimer(loop), "four"))
        await pass_time(loop, 0.5)
        sleeping.cancel()
        process.kill()
        await pass_time(loop, 5)

    simulate(story)
    assert seen == ["one was cancelled", "four"]


def test_nobody_looks_for_cycles_while_a_story_is_told() -> None:
    async def story(loop: VirtualLoop) -> bool:
        return gc.isenabled()

    assert gc.isenabled()
    assert simulate(story) is False
    assert gc.isenabled()


@pytest.mark.parametrize("steps", range(1, 6))
def test_an_error_whose_asker_was_cut_off_is_no_fault(steps: int) -> None:
    async def fail() -> None:
        await asyncio.sleep(0)
        raise LookupError("for the one who asked")

    async def story(loop: VirtualLoop) -> list[str]:
        process = Process(loop, "p")

        def fall(process: Process) -> None:
            if process.steps == steps:
                process.kill()

        process.on_step = fall
        asking = process.ask(fail)
        await pass_time(loop)
        asking.cancel()
        process.kill()
        await pass_time(loop)
        return list(loop.faults)

    assert simulate(story) == []


def test_a_task_is_kept_until_it_is_done_and_no_longer() -> None:
    async def story(loop: VirtualLoop) -> list[int]:
        process = Process(loop, "p")
        counts = []
        for _ in range(3):
            asking = process.ask(lambda: asyncio.sleep(1))
            counts.append(len(process._tasks))
            await asking
            await pass_time(loop)
            counts.append(len(process._tasks))
        return counts

    assert simulate(story) == [1, 0, 1, 0, 1, 0]


def test_a_task_that_fails_unheard_is_told_at_once() -> None:
    async def fail() -> None:
        raise LookupError("nobody waits for this")

    async def story(loop: VirtualLoop) -> list[str]:
        begin(Process(loop, "p"), fail())
        await pass_time(loop)
        return list(loop.faults)

    (fault,) = simulate(story)
    assert "nobody waits for this" in fault
