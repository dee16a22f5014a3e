"""The list of breaks as one SQL statement. Open ones are bounded, and ended ones are few beside orders: what
a filter finds is counted when it is asked for.
"""

from typing import Final

import msgspec

from phalanx.domain.accounts import AccountId
from phalanx.domain.breaks import BreakId, BreakKind
from phalanx.domain.time import Nanoseconds
from phalanx.views import selects
from phalanx.views.filters import Slice, Statement
from phalanx.views.within import Value

ONE_BREAK: Final = (
    f"SELECT {selects.BREAK} FROM breaks AS b INDEXED BY breaks_id"  # noqa: S608  names of ours
    f" {selects.BREAK_JOINS} WHERE b.id = ? ORDER BY b.key DESC LIMIT 1"
)


class BreakFilters(msgspec.Struct, frozen=True):
    """Which breaks; combined with "and". ``overdue_at``: open, and not settled by its deadline then."""

    account: AccountId | None = None
    kind: BreakKind | None = None
    owner: str | None = None
    is_open: bool | None = None
    overdue_at: Nanoseconds | None = None

    def conditions(self) -> Statement:
        """On rows of ``breaks``."""
        conditions, values = ["TRUE"], list[Value]()
        for column, value in (
            ("account", self.account),
            ("kind", self.kind),
            ("owner", self.owner),
        ):
            if value is not None:
                conditions.append(f"{column} = ?")
                values.append(value)
        if self.is_open is not None:
            conditions.append("ended_at_ns = 0" if self.is_open else "ended_at_ns > 0")
        if self.overdue_at is not None:
            conditions.append("ended_at_ns = 0 AND deadline_ns < ?")
            values.append(self.overdue_at)
        return " AND ".join(conditions), tuple(values)


def break_page(filters: BreakFilters, part: Slice) -> Statement:
    """One row: as of which seq, how many there are, and a JSON array of those asked for, newest first."""
    condition, values = filters.conditions()
    keys = f"SELECT key FROM breaks WHERE {condition} ORDER BY key DESC LIMIT ? OFFSET ?"  # noqa: S608
    statement = (
        "SELECT (SELECT seq FROM cursor),"  # noqa: S608  names of ours
        f" (SELECT count(*) FROM breaks WHERE {condition}),"
        f" (SELECT json_group_array({selects.BREAK} ORDER BY b.key DESC) FROM ({keys}) AS k"
        f" CROSS JOIN breaks AS b ON b.key = k.key {selects.BREAK_JOINS})"
    )
    return statement, (*values, *values, part.limit, part.skip)


def one_break(break_id: BreakId) -> Statement:
    """The latest time that it was filed."""
    return ONE_BREAK, (break_id,)
