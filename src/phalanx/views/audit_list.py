"""The list of acts as one SQL statement, the latest first. What a filter finds is counted when it is asked."""

from typing import Final

import msgspec

from phalanx.domain.instructions import Door
from phalanx.domain.time import Nanoseconds
from phalanx.views import selects
from phalanx.views.audited import PLANNED
from phalanx.views.filters import Statement
from phalanx.views.within import Value

_RARE: Final = f"act <> '{PLANNED}'"


class AuditRow(msgspec.Struct, frozen=True, array_like=True):
    """An act of somebody. ``count``: how many alike it stands for, the first of them at ``first_ns`` (0: it
    is one).
    """

    seq: int
    time_ns: Nanoseconds
    actor: str
    address: str
    door: Door
    act: str
    subject: str
    detail: str
    request_id: str
    count: int
    first_ns: Nanoseconds


class AuditFilters(msgspec.Struct, frozen=True):
    """Which acts; combined with "and". ``since`` and ``until``: wall time, both included."""

    actor: str | None = None
    act: str | None = None
    door: str | None = None
    subject: str | None = None
    since: Nanoseconds | None = None
    until: Nanoseconds | None = None

    def conditions(self, before: int | None) -> Statement:
        """On rows of ``audit``, those below ``before`` only."""
        found: tuple[tuple[str, Value | None], ...] = (
            ("act = ?", self.act),
            ("actor = ?", self.actor),
            ("door = ?", self.door),
            ("subject = ?", self.subject),
            ("time_ns >= ?", self.since),
            ("time_ns <= ?", self.until),
            ("key < ?", before),
        )
        conditions = [condition for condition, value in found if value is not None]
        values = tuple(value for _, value in found if value is not None)
        if self._is_rare:
            conditions.insert(0, _RARE)
        return " AND ".join(conditions) or "TRUE", values

    def index(self) -> str:
        """How the rows are walked."""
        return "INDEXED BY audit_rare" if self._is_rare else "NOT INDEXED"

    @property
    def _is_rare(self) -> bool:
        return self.act not in {None, PLANNED}


def audit_page(filters: AuditFilters, limit: int, before: int | None) -> Statement:
    """One row: as of which seq, how many there are, and a JSON array of those asked for, latest first.

    Only acts of events below ``before`` are counted and shown.
    """
    condition, values = filters.conditions(before)
    rows = f"FROM audit {filters.index()} WHERE {condition}"
    statement = (
        f"SELECT (SELECT seq FROM cursor), (SELECT count(*) {rows}),"  # noqa: S608  names of ours
        f" (SELECT json_group_array({selects.AUDIT} ORDER BY o.key DESC)"
        f" FROM (SELECT * {rows} ORDER BY key DESC LIMIT ?) AS o)"
    )
    return statement, (*values, *values, limit)
