"""A broker's other side in the test's own hands: questions, frames, and a socket for orders."""

import asyncio
import json
from collections.abc import Awaitable, Callable, Mapping
from typing import TypeVar

from phalanx.brokers.motilal.endpoints import Path
from phalanx.brokers.motilal.questions import Answered
from phalanx.domain.time import MILLISECOND
from tests.fakes.clock import ManualClock
from tests.unit.brokers.motilal.samples import ACCESS, LOGGED_IN, MARGIN, ok

T = TypeVar("T")

Say = bytes | OSError | Answered
STEPS_MAX = 2_000


class ScriptedPost:
    """Answers by path: the first of what was scripted, the last one for ever."""

    def __init__(self) -> None:
        self.asked: list[tuple[str, dict[str, str], bytes]] = []
        self.is_closed = False
        self._script: dict[str, list[Say]] = {}
        self.time = 0
        self.say(Path.LOGIN, LOGGED_IN)
        self.say(Path.ACCESS_TOKEN, ACCESS)
        self.say(Path.LOGOUT, b'{"status":"SUCCESS","message":"LOGOUT SUCCESSFULL"}')
        for path in (Path.ORDER_BOOK, Path.TRADE_BOOK, Path.POSITIONS, Path.HOLDINGS):
            self.rows(path)
        self.rows(Path.MARGIN, *MARGIN)

    def say(self, path: Path, *answers: Say) -> None:
        self._script[path] = list(answers)

    def rows(self, path: Path, *rows: Mapping[str, object]) -> None:
        self.say(path, json.dumps(ok(list(rows))).encode())

    def count(self, path: Path) -> int:
        return sum(asked == path for asked, _, _ in self.asked)

    async def post(self, path: str, headers: Mapping[str, str], body: bytes) -> Answered:
        self.asked.append((path, dict(headers), body))
        await asyncio.sleep(0)
        script = self._script[path]
        said = script.pop(0) if len(script) > 1 else script[0]
        if isinstance(said, OSError):
            raise said
        return said if isinstance(said, Answered) else Answered(200, said, self.time)

    async def close(self) -> None:
        self.is_closed = True


class ScriptedChannel:
    """A socket that says what a test puts into it; None breaks it."""

    def __init__(self) -> None:
        self.sent: list[str] = []
        self.frames: asyncio.Queue[str | None] = asyncio.Queue()
        self.is_closed = False

    async def send(self, text: str) -> None:
        if self.is_closed:
            raise ConnectionError("closed")
        self.sent.append(text)

    async def receive(self) -> str:
        frame = await self.frames.get()
        if frame is None:
            raise ConnectionError("it broke")
        return frame

    async def close(self) -> None:
        self.is_closed = True

    def tell(self, frame: Mapping[str, object] | str) -> None:
        self.frames.put_nowait(frame if isinstance(frame, str) else json.dumps(frame))

    def end(self) -> None:
        self.frames.put_nowait(None)


class Channels:
    """Opens channels, and keeps them; ``failures``: so many do not open first."""

    def __init__(self, failures: int = 0) -> None:
        self.opened: list[ScriptedChannel] = []
        self.tried = 0
        self.failures = failures

    async def open(self) -> ScriptedChannel:
        self.tried += 1
        if self.tried <= self.failures:
            raise ConnectionError("nobody listens")
        self.opened.append(ScriptedChannel())
        return self.opened[-1]

    @property
    def last(self) -> ScriptedChannel:
        return self.opened[-1]


async def turns(count: int = 30) -> None:
    """Let everything happen that needs no time."""
    for _ in range(count):
        await asyncio.sleep(0)


async def passing(clock: ManualClock, wanted: Awaitable[T]) -> T:
    """What it comes to, while the clock goes on by itself."""
    task = asyncio.ensure_future(wanted)
    for _ in range(STEPS_MAX):
        await turns(5)
        if task.done():
            return await task
        clock.advance(50 * MILLISECOND)
    task.cancel()
    raise AssertionError("it never came to anything")


async def until(clock: ManualClock, holds: Callable[[], object]) -> None:
    """Let the clock go on until it holds."""
    for _ in range(STEPS_MAX):
        await turns(5)
        if holds():
            return
        clock.advance(50 * MILLISECOND)
    raise AssertionError("it never held")
