"""What an import made of a file, for a person: how much, then the first of it, line by line."""

from collections.abc import Mapping, Sequence
from typing import TypeAlias

from phalanx.cli.display.screen import Column, Kind, Screen

Report: TypeAlias = Mapping[str, object]
Row: TypeAlias = Mapping[str, object]

ROWS_SHOWN = 20
LINES_NAMED = 20
"""So many lines of a file are named one by one."""

_CHANGES = (
    Column("instrument", "instrument"),
    Column("symbol", "symbol"),
    Column("what", "what"),
    Column("change", "change", Kind.WORDS),
)
_CLIENTS = (
    Column("line", "line", Kind.NUMBER),
    Column("name", "name"),
    Column("id", "client_id", Kind.NUMBER),
    Column("account", "account"),
    Column("what", "status"),
    Column("cash", "cash", Kind.AMOUNT),
    Column("group", "group"),
)
_POSITIONS = (
    Column("line", "line", Kind.NUMBER),
    Column("trade", "trade_id"),
    Column("client", "client"),
    Column("account", "account"),
    Column("instrument", "instrument"),
    Column("product", "product"),
    Column("quantity", "quantity", Kind.NUMBER),
    Column("cost", "cost", Kind.AMOUNT),
    Column("date", "date"),
)


def tell_instruments(screen: Screen, report: Report) -> None:
    """How many instruments were added, changed and removed, and what changed of which."""
    rows = [{**row, "change": _change(row)} for row in _rows(report.get("changes"))]
    counts = [report.get(name) for name in ("added", "changed", "removed")]
    total = sum(count for count in counts if isinstance(count, int))
    _tell(screen, report, "changes", _CHANGES, rows, total)


def tell_clients(screen: Screen, report: Report) -> None:
    """How many clients are new, and what each line came to."""
    rows = _rows(report.get("items"))
    _tell(screen, report, "items", _CLIENTS, rows, len(rows))


def tell_positions(screen: Screen, report: Report) -> None:
    """How many lots were adopted, what each line came to, and of which nobody knows the cost."""
    rows = _rows(report.get("items"))
    _tell(screen, report, "items", _POSITIONS, rows, len(rows))
    lines = [str(row.get("line")) for row in rows if not row.get("cost_known")]
    if lines:
        more = len(lines) - LINES_NAMED
        named = ", ".join(lines[:LINES_NAMED]) + (f" and {more:,} more" if more > 0 else "")
        screen.say(f"cost unknown, profit counted from zero: line{'s' * (len(lines) > 1)} {named}")


def _tell(
    screen: Screen,
    report: Report,
    listed: str,
    columns: Sequence[Column],
    rows: Sequence[Row],
    total: int,
) -> None:
    """The counts, then a bounded table of ``rows``; ``listed`` is the field that they came in."""
    screen.fields({name: value for name, value in report.items() if name != listed})
    if not rows:
        return
    screen.say()
    screen.table(columns, rows[:ROWS_SHOWN], empty="")
    if total > ROWS_SHOWN:
        screen.say(f"and {total - min(len(rows), ROWS_SHOWN):,} more")


def _change(row: Row) -> list[str]:
    """``lot_size 75 → 50``, for each field that is another now."""
    return [
        f"{one.get('field')} {one.get('before') or 'none'} → {one.get('after') or 'none'}"
        for one in _rows(row.get("fields"))
    ]


def _rows(value: object) -> list[Row]:
    return [row for row in value if isinstance(row, Mapping)] if isinstance(value, list) else []
