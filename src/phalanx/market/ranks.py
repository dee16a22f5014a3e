"""The column ``rank`` of a list's file: the order of the rows, said in numbers."""

import re
from collections.abc import Sequence
from typing import NamedTuple, TypeVar

from phalanx.market.table import ImportCode, ImportFault, shown

T = TypeVar("T")

RANK = "rank"
_RANK = re.compile(r"[1-9][0-9]{0,8}", re.ASCII)


class Ranked(NamedTuple):
    """A row's rank as it stands in the file, and its line."""

    line: int
    rank: str


def in_rank_order(rows: Sequence[T], ranks: Sequence[Ranked]) -> list[T]:
    """The rows by their ranks: whole numbers from 1 to as many as there are rows, each once.

    Raises ImportFault BAD_RANK with the first line that has another one.
    """
    by_rank: dict[int, tuple[int, T]] = {}
    for row, (line, text) in zip(rows, ranks, strict=True):
        rank = int(text) if _RANK.fullmatch(text) else 0
        if not 1 <= rank <= len(rows):
            detail = f"{shown(text)} is not a whole number from 1 to {len(rows)}"
            raise ImportFault(ImportCode.BAD_RANK, line, RANK, detail)
        if rank in by_rank:
            detail = f"{rank} is on line {by_rank[rank][0]} already"
            raise ImportFault(ImportCode.BAD_RANK, line, RANK, detail)
        by_rank[rank] = (line, row)
    return [by_rank[rank][1] for rank in sorted(by_rank)]
