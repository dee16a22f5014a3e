"""Where the views come from: durable records in order, whoever stores them."""

from collections.abc import Iterator
from typing import Protocol


class SourceRecord(Protocol):
    """One group commit: ``count`` events, the first of them numbered ``first_seq``."""

    @property
    def first_seq(self) -> int: ...

    @property
    def count(self) -> int: ...

    @property
    def body(self) -> bytes: ...


class RecordSource(Protocol):
    """The journal's reading side, as far as the views need it."""

    def records(self, after_seq: int = 0) -> Iterator[SourceRecord]:
        """The records that hold an event after ``after_seq``, in order, without a gap.

        Between two of them the iterator may hold nothing that the journal's writer waits for.
        """
        ...
