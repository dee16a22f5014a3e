"""A virtual event loop: time is a number that jumps to the next timer, so a day takes a moment.

Nothing in it reads the machine's clock, and there are no threads and no files: the order of things
follows from the seed alone. On one loop live several *processes*, and whatever is in none of them
(brokers, networks, clients, the story itself), which is *outside*.

A *step* is one call of the loop: the first or next stretch of a task, a callback, a timer. Every step
belongs to the process whose context it was made in; whoever wakes a task of another process makes a
step of that one. Steps of one process run in the order in which they were made, as asyncio promises
and code relies on. Between processes nothing is promised, on a real machine neither: of those that
have something to do, the seed draws who goes next.
"""

import asyncio
import heapq
import random
from collections import deque
from collections.abc import Awaitable, Callable, Coroutine, Generator
from contextvars import Context, ContextVar, copy_context
from typing import Any, TypeAlias, TypeVar, TypeVarTuple, Unpack

from phalanx.domain.time import SECOND, Nanoseconds

T = TypeVar("T")
Ts = TypeVarTuple("Ts")

STEPS_AT_ONCE_MAX = 200_000
"""So many steps in which no time passes are no work any more: somebody goes round in circles."""

FAULTS_MAX = 1_000

_PROCESS: ContextVar["Process"] = ContextVar("process")


class Deadlock(Exception):
    """Everybody waits and no timer is set."""


class Livelock(Exception):
    """Steps follow steps, and time does not pass."""


class Killed(ConnectionError):
    """The process that was asked died before it answered."""


class _Step(asyncio.TimerHandle):
    """A call that was asked for and has not happened yet."""

    __slots__ = ("arguments", "call", "context", "process")

    def __init__(  # its base keeps what only a loop of asyncio's own needs
        self,
        process: "Process",
        call: Callable[..., object],
        arguments: tuple[Any, ...],
        context: Context,
    ) -> None:
        self.process = process
        self.call: Callable[..., object] | None = call
        self.arguments = arguments
        self.context = context

    def cancel(self) -> None:
        """Do not call."""
        self.call = None
        self.arguments = ()

    def cancelled(self) -> bool:
        """Whether it was cancelled."""
        return self.call is None

    def __repr__(self) -> str:
        return f"<step of {self.process.name}: {self.call}>"


class Process:
    """One process on a virtual loop: what runs in its ``context`` and in copies of it.

    ``on_step`` is called before each of its steps, outside of it, and may kill or pause it: there a
    story says at which step a process dies. Killed or paused in the middle of a step of its own, a
    process runs on to the end of that step (there is no way to stop Python there), so whatever
    leaves a process has to ask whether it is ``alive`` first: the network, the journal.
    """

    def __init__(self, loop: "VirtualLoop", name: str) -> None:
        self.name = name
        self.alive = True
        self.paused = False
        self.steps = 0
        self.on_step: Callable[[Process], None] | None = None
        self.ready: deque[_Step] = deque()
        self.context = copy_context()
        self.context.run(_PROCESS.set, self)
        self.loop = loop
        self._tasks: dict[asyncio.Task[Any], None] = {}
        self._asked: dict[asyncio.Future[Any], None] = {}
        loop.processes.append(self)

    @property
    def is_running(self) -> bool:
        """Neither dead nor paused."""
        return self.alive and not self.paused

    def run(self, call: Callable[..., T], *arguments: object) -> T:
        """Call something as this process, now."""
        return self.context.copy().run(call, *arguments)

    def spawn(self, work: Coroutine[Any, Any, T]) -> "asyncio.Task[T]":
        """A task of this process."""
        return self.loop.create_task(work, context=self.context.copy())

    def ask(self, work: Callable[[], Awaitable[T]]) -> "asyncio.Future[T]":
        """Have this process do something for somebody outside, as over a connection.

        The future brings its answer, or raises Killed as soon as the process dies; a paused one lets
        it wait. Who cancels it has hung up: the work goes on.
        """
        answer: asyncio.Future[T] = self.loop.create_future()
        if not self.alive:
            _break_off(answer, self.name)
            return answer
        self._asked[answer] = None
        _ = self.spawn(self._do(work, answer))
        return answer

    def kill(self) -> None:
        """Die as by SIGKILL: no step of it ever runs again, no ``finally`` and no ``except`` either."""
        if not self.alive:
            return
        self.alive = False
        self.loop.take_out(self)
        self.ready.clear()
        asked, self._asked = self._asked, {}
        for answer in asked:
            _break_off(answer, self.name)

    def pause(self) -> None:
        """Stop as by SIGSTOP: time goes on without it, and what is for it waits."""
        self.paused = True
        self.loop.take_out(self)

    def resume(self) -> None:
        """Go on as by SIGCONT: what came meanwhile and the timers that came due run now, in order."""
        if self.paused:
            self.paused = False
            self.loop.put_in(self)

    def keep(self, task: "asyncio.Task[Any]") -> None:
        """Hold on to a task until it is done: one of a dead process that nobody held would be closed, and
        its ``finally`` would run in the middle of the story.
        """
        self._tasks[task] = None
        task.add_done_callback(self._tasks.pop, context=self.context)

    def bury(self) -> None:
        """After the end: close what never came to its own, quietly; the loop runs nothing any more."""
        self.alive = False
        self.ready.clear()
        for task in tuple(self._tasks):
            if not task.done():
                task._log_destroy_pending = False  # type: ignore[attr-defined]  # noqa: SLF001  as gather does
                _close(task.get_coro())
        self._tasks.clear()

    async def _do(self, work: Callable[[], Awaitable[T]], answer: "asyncio.Future[T]") -> None:
        try:
            result = await work()
        except asyncio.CancelledError:
            _break_off(answer, self.name)
            raise
        except Exception as failure:  # noqa: BLE001  it is the caller's
            if not answer.done():
                answer.set_exception(failure)
        else:
            if not answer.done():
                answer.set_result(result)
        finally:
            self._asked.pop(answer, None)


_Waiting: TypeAlias = tuple["asyncio.Future[None]", Process | None]


class VirtualLoop(asyncio.BaseEventLoop):
    """An asyncio loop whose time is virtual: ``elapsed_ns`` nanoseconds since it was made.

    ``faults``: what was said to the exception handler, the first thousand. An AssertionError outside
    of all processes is a judge's: it ends the run.
    """

    def __init__(self, seed: int = 0) -> None:
        self._is_running = False
        self._is_stopping = False
        super().__init__()
        self.elapsed_ns: Nanoseconds = 0
        self.steps = 0
        self.faults: list[str] = []
        self.processes: list[Process] = []
        self._steps_then = 0
        self._chance = random.Random(seed)
        self._timers: list[tuple[Nanoseconds, int, _Step | _Waiting]] = []
        self._timer_count = 0
        self._active: list[Process] = []
        self.outside = Process(self, "outside")

    # --- what asyncio asks of a loop -------------------------------------------------------------

    def time(self) -> float:
        """Virtual seconds since the loop was made."""
        return self.elapsed_ns / SECOND

    def call_soon(
        self,
        callback: Callable[[Unpack[Ts]], object],
        *args: *Ts,
        context: Context | None = None,
    ) -> _Step:
        """A step of the process whose context that is (without one: the caller's)."""
        if context is None:
            context = copy_context()
        process = context.get(_PROCESS) or self.outside
        step = _Step(process, callback, args, context)
        self._make_ready(process, step)
        return step

    def call_later(
        self,
        delay: float,
        callback: Callable[[Unpack[Ts]], object],
        *args: *Ts,
        context: Context | None = None,
    ) -> _Step:
        """A step after so many seconds."""
        return self.at(self.elapsed_ns + round(delay * SECOND), callback, *args, context=context)

    def call_at(
        self,
        when: float,
        callback: Callable[[Unpack[Ts]], object],
        *args: *Ts,
        context: Context | None = None,
    ) -> _Step:
        """A step at that time of ``time()``."""
        return self.at(round(when * SECOND), callback, *args, context=context)

    def at(
        self,
        when_ns: Nanoseconds,
        callback: Callable[[Unpack[Ts]], object],
        *args: *Ts,
        context: Context | None = None,
    ) -> _Step:
        """A step when so much time has elapsed; what is due already is ready at once."""
        if when_ns <= self.elapsed_ns:
            return self.call_soon(callback, *args, context=context)
        if context is None:
            context = copy_context()
        step = _Step(context.get(_PROCESS) or self.outside, callback, args, context)
        self._timer_count += 1
        heapq.heappush(self._timers, (when_ns, self._timer_count, step))
        return step

    def wake(
        self, when_ns: Nanoseconds, waiting: "asyncio.Future[None]", process: Process | None = None
    ) -> None:
        """Let a future be done when so much time has elapsed, unless that process is dead by then.

        It takes no step of its own: whoever waits for it makes the step in which he goes on.
        """
        self._timer_count += 1
        heapq.heappush(self._timers, (when_ns, self._timer_count, (waiting, process)))

    def create_task(
        self,
        coro: Coroutine[Any, Any, T] | Generator[Any, None, T],
        *,
        name: object = None,
        context: Context | None = None,
    ) -> "asyncio.Task[T]":
        """A task, kept by its process until it is done."""
        context = context or copy_context()
        task = super().create_task(coro, name=name, context=context)
        (context.get(_PROCESS) or self.outside).keep(task)
        return task

    def default_exception_handler(self, context: dict[str, Any]) -> None:
        """Remember it, and log it as asyncio does."""
        if len(self.faults) < FAULTS_MAX:
            self.faults.append(f"{context.get('message')}: {context.get('exception')!r}")
        super().default_exception_handler(context)

    def is_running(self) -> bool:
        """Whether it runs."""
        return self._is_running

    def stop(self) -> None:
        """Stop after this step."""
        self._is_stopping = True

    def run_forever(self) -> None:
        """Run until stopped. Raises Deadlock and Livelock."""
        self._is_running = True
        asyncio._set_running_loop(self)  # noqa: SLF001  made for loops
        try:
            while not self._is_stopping:
                self._run_one()
        finally:
            self._is_stopping = self._is_running = False
            asyncio._set_running_loop(None)  # noqa: SLF001

    def close(self) -> None:
        """The end: whatever is not done by now never will be, and nobody is told of its remains."""
        self.set_exception_handler(lambda _loop, _context: None)
        for process in self.processes:
            process.bury()
        self._timers.clear()
        self._active.clear()
        super().close()

    # --- whose turn it is ------------------------------------------------------------------------

    def put_in(self, process: Process) -> None:
        """This process may run again."""
        if process.ready and process.alive:
            self._active.append(process)

    def take_out(self, process: Process) -> None:
        """This process does not run."""
        if process in self._active:
            self._active.remove(process)

    def _make_ready(self, process: Process, step: _Step) -> None:
        if not process.alive:
            return
        if not process.ready and not process.paused:
            self._active.append(process)
        process.ready.append(step)

    def _run_one(self) -> None:
        """One step of somebody's, after as much waiting as it takes."""
        active = self._active
        while not active:
            self._wait()
        process = (
            active[0] if len(active) == 1 else active[int(self._chance.random() * len(active))]
        )
        if process.on_step is not None:
            process.on_step(process)
            if not process.is_running:
                return
        step = process.ready.popleft()
        if not process.ready:
            active.remove(process)
        if step.call is None:
            return
        self.steps += 1
        process.steps += 1
        if self.steps - self._steps_then > STEPS_AT_ONCE_MAX:
            raise Livelock(f"{process.name} goes round in circles: {step}")
        try:
            step.context.run(step.call, *step.arguments)
        except (SystemExit, KeyboardInterrupt):
            raise
        except BaseException as failure:
            if process is self.outside and isinstance(failure, AssertionError):
                raise
            self.call_exception_handler({"message": f"{step} failed", "exception": failure})

    def _wait(self) -> None:
        """Time passes until the next timer; all that are due then are ready, in the order they were set."""
        timers = self._timers
        if not timers:
            raise Deadlock("everybody waits and no timer is set")
        now = self.elapsed_ns = timers[0][0]
        self._steps_then = self.steps
        while timers and timers[0][0] == now:
            due = heapq.heappop(timers)[2]
            if isinstance(due, tuple):
                waiting, process = due
                if not waiting.done() and (process is None or process.alive):
                    waiting.set_result(None)
            elif due.call is not None:
                self._make_ready(due.process, due)


def _break_off(answer: "asyncio.Future[Any]", name: str) -> None:
    if not answer.done():
        answer.set_exception(Killed(f"{name} was killed"))
        answer.exception()  # nobody has to be there to hear it


def _close(work: Coroutine[Any, Any, Any] | Generator[Any, Any, Any] | None) -> None:
    """Close a coroutine, however it resists."""
    for _ in range(10):
        try:
            if work is not None:
                work.close()
        except BaseException:  # noqa: BLE001, S112  the story is over: nobody is to be told
            continue
        return
