"""What a reconciliation came to, for a person: a line for each account, then what differs."""

from collections.abc import Mapping, Sequence
from typing import TypeAlias

from phalanx.cli.display.screen import Column, Kind, Screen

Row: TypeAlias = Mapping[str, object]

DIFFERENCES_SHOWN = 100

ACCOUNTS = (
    Column("account", "account"),
    Column("client", "client"),
    Column("broker", "broker"),
    Column("orders", "orders"),
    Column("trades", "trades"),
    Column("positions", "positions"),
    Column("cash", "cash"),
    Column("books", "status"),
    Column("breaks", "breaks", Kind.WORDS),
    Column("why", "why", Kind.WORDS),
)
DIFFERENCES = (
    Column("account", "account"),
    Column("what", "kind"),
    Column("subject", "subject"),
    Column("ours", "ours"),
    Column("theirs", "theirs"),
    Column("reason", "reason", Kind.WORDS),
)
LINES = ("orders", "trades", "positions")


def is_well(row: Row) -> bool:
    """The account's books match, and nothing of it is a break."""
    return row.get("status") == "MATCHED" and not row.get("breaks")


def show_report(screen: Screen, rows: Sequence[Row]) -> None:
    """The accounts, the differences, and a sentence."""
    screen.table(ACCOUNTS, map(_arranged, rows), empty="no accounts")
    differences = [{"account": row.get("account"), **one} for row in rows for one in _found(row)]
    if differences:
        screen.say()
        screen.table(DIFFERENCES, differences[:DIFFERENCES_SHOWN], empty="", title="differences")
    more = sum(_number(row.get("differences_total")) for row in rows) - DIFFERENCES_SHOWN
    if more > 0:
        screen.say(f"and {more:,} more")
    if rows:
        screen.say()
        screen.say(_summary(rows))


def _summary(rows: Sequence[Row]) -> str:
    well = sum(map(is_well, rows))
    words = [f"{well:,} of {len(rows):,} account{'s' * (len(rows) > 1)} match"]
    for status, said in (("UNREAD", "could not be read"), ("PENDING", "still being read")):
        count = sum(row.get("status") == status for row in rows)
        if count:
            words.append(f"{count:,} {said}")
    breaks = sum(len(found) for row in rows if isinstance(found := row.get("breaks"), list))
    if breaks:
        words.append(f"{breaks:,} open break{'s' * (breaks > 1)}: phalanx breaks")
    return ", ".join(words)


def _arranged(row: Row) -> dict[str, object]:
    return {
        **row,
        **{line: _counted(row.get(line)) for line in LINES},
        "cash": _compared(row.get("cash")),
        "status": "DIFFERS (closed by a person)" if _is_settled(row) else row.get("status"),
    }


def _is_settled(row: Row) -> bool:
    """The books differ, and a person closed the break of everything that does."""
    found = _found(row)
    is_all = len(found) == _number(row.get("differences_total"))
    differs = row.get("status") == "BREAKS" and not row.get("breaks") and bool(found)
    return differs and is_all and all(one.get("settled") is True for one in found)


def _counted(line: object) -> str | None:
    """``12``; ``11 of 12`` where some differ; nothing where the broker has none to tell."""
    if not isinstance(line, Mapping) or not line.get("told"):
        return None
    ours, foreign = _number(line.get("ours")), _number(line.get("foreign"))
    theirs, matched = _number(line.get("theirs")) - foreign, _number(line.get("matched"))
    total = max(ours, theirs)
    text = f"{matched:,}" if matched == total else f"{matched:,} of {total:,}"
    return f"{text}, {foreign:,} outside" if foreign else text


def _compared(line: object) -> str | None:
    """The same or not; nothing where the broker has none to tell."""
    if not isinstance(line, Mapping) or not line.get("told"):
        return None
    return "same" if line.get("matched") else "differs"


def _found(row: Row) -> list[dict[str, object]]:
    found = row.get("differences")
    return [one for one in found if isinstance(one, dict)] if isinstance(found, list) else []


def _number(value: object) -> int:
    return value if isinstance(value, int) else 0
