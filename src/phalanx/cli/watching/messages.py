"""What the stream says, and who listens to it."""

from collections.abc import Sequence
from typing import Protocol, TypeAlias

import msgspec

Item: TypeAlias = dict[str, object]

TOPICS = ("orders", "instructions", "accounts", "desk", "breaks", "changes", "quotes")


class Message(msgspec.Struct, frozen=True):
    """One message of the stream."""

    topic: str
    type: str
    n: int = 0
    seq: int = 0
    items: list[Item] = []
    gone: list[str] = []

    @property
    def is_snapshot(self) -> bool:
        """Whether it is a whole table and not a change."""
        return self.type == "snapshot"


class Enough(Exception):
    """So many lines were asked for, and here they are."""


class Audience(Protocol):
    """Who is told what the stream says."""

    def take(self, message: Message) -> None:
        """A snapshot or a delta. Raises Enough."""
        ...

    def recall(self, rows: Sequence[Item]) -> None:
        """Lines of the order log, from before the stream was joined. Raises Enough."""
        ...

    def note(self, text: str) -> None:
        """Something about the connection itself."""
        ...
