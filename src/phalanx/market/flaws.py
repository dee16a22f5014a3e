"""What was wrong with single rows of a large file: the first of it in words, all of it counted."""

from collections import Counter
from collections.abc import Mapping
from enum import StrEnum

import msgspec

from phalanx.market.table import ImportFault

FLAWS_TOLD = 200
"""So many rows are told one by one."""


class RemarkCode(StrEnum):
    """What was made of a row that is not as it should be, and was taken nevertheless."""

    DEFAULT_TICK = "DEFAULT_TICK"
    EXPIRY_BY_NAME = "EXPIRY_BY_NAME"
    ISIN_LEFT_OUT = "ISIN_LEFT_OUT"
    NAME_LEFT_OUT = "NAME_LEFT_OUT"


class Flaw(msgspec.Struct, frozen=True):
    """One row with its line (in JSON its number, from 1), column and code. ``is_left_out``: it is not
    among the instruments.
    """

    line: int
    code: str
    column: str
    detail: str
    is_left_out: bool


class Flaws:
    """Of one file, in the order they were found."""

    def __init__(self) -> None:
        self.told: list[Flaw] = []
        self.left_out = 0
        self.first_left_out = ""
        self._counts: Counter[str] = Counter()

    @property
    def counts(self) -> Mapping[str, int]:
        """How many of each code, by the alphabet."""
        return dict(sorted(self._counts.items()))

    def leave_out(self, fault: ImportFault) -> None:
        """A row that is no instrument."""
        self.left_out += 1
        self.first_left_out = self.first_left_out or str(fault)
        self._tell(Flaw(fault.line, fault.code.value, fault.column, fault.detail, is_left_out=True))

    def remark(self, line: int, code: RemarkCode, column: str, detail: str = "") -> None:
        """A row that was taken, and how."""
        self._tell(Flaw(line, code.value, column, detail, is_left_out=False))

    def _tell(self, flaw: Flaw) -> None:
        self._counts[flaw.code] += 1
        if len(self.told) < FLAWS_TOLD:
            self.told.append(flaw)
