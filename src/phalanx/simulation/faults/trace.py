"""What happened in a story, step by step: kept only when a seed is told again because it failed."""

from collections import deque
from collections.abc import Callable
from enum import Enum, StrEnum

import msgspec

from phalanx.domain.events import Event
from phalanx.domain.time import SECOND, Nanoseconds
from phalanx.engine.commands import Command

STEPS_KEPT = 2_000


class What(StrEnum):
    """The kinds of steps."""

    COMMAND = "command"
    ANSWER = "answer"
    RECORD = "record"
    WRITE = "write"
    REPORT = "report"
    MARKET = "market"
    FATE = "fate"


class Step(msgspec.Struct, frozen=True):
    """One step; ``at`` is virtual time since the story began."""

    at: Nanoseconds
    what: What
    text: str

    def __str__(self) -> str:
        return f"{self.at / SECOND:>12.6f}  {self.what.value:7}  {self.text}"


class Trace:
    """Keeps the latest steps."""

    def __init__(self, monotonic: Callable[[], Nanoseconds]) -> None:
        self._monotonic = monotonic
        self._steps: deque[Step] = deque(maxlen=STEPS_KEPT)

    def add(self, what: What, text: str) -> None:
        """One more step, now."""
        self._steps.append(Step(self._monotonic(), what, text))

    @property
    def steps(self) -> list[Step]:
        """The latest steps, the oldest first."""
        return list(self._steps)


def command_text(command: Command) -> str:
    """A command in a few words: its name, and whatever in it says something."""
    return f"{type(command).__name__} {_said(command)}"


def _said(value: object) -> str:
    """A value without what is empty in it."""
    match value:
        case Enum():
            return value.name
        case msgspec.Struct():
            names = [name for name in value.__struct_fields__ if name != "origin"]
            said = [(name, getattr(value, name)) for name in names]
            return "(" + " ".join(f"{name}={_said(one)}" for name, one in said if one) + ")"
        case tuple():
            return "[" + " ".join(map(_said, value)) + "]"
        case _:
            return str(value)


def event_text(event: Event) -> str:
    """An event in a few words: its name and the ids that one looks for."""
    words = [type(event).__name__]
    for name in ("instruction_id", "cl_ord_id", "cl_ord_ids", "request_id", "exec_id", "book"):
        value = getattr(event, name, "")
        if value:
            words.append(value if isinstance(value, str) else " ".join(value))
    for name in ("orders", "cancels", "children"):
        drawn = getattr(event, name, ())
        if isinstance(drawn, tuple) and drawn:
            words.append(f"{name} {' '.join(one.cl_ord_id for one in drawn)}")
    status = getattr(event, "status", None)
    if status is not None:
        words.append(status.name)
    found = getattr(event, "found", None)
    if found is not None:
        words.append(f"{found.kind} {found.account} {found.subject}: {found.ours} / {found.theirs}")
    return " ".join(words)
