"""A trading day, and a calendar, for a person."""

from collections.abc import Mapping
from typing import TypeAlias

from phalanx.cli.display.screen import Column, Kind, Screen

Row: TypeAlias = Mapping[str, object]

STOCKS_SHOWN = 300

_SESSIONS = (
    Column("stocks", "class"),
    Column("phase", "phase"),
    Column("until", "until", Kind.TIME),
    Column("then", "then"),
    Column("takes", "takes", Kind.WORDS),
)
_CHECKS = (
    Column("check", "check"),
    Column("ok", "ok"),
    Column("detail", "detail", Kind.WORDS),
)
_OPEN = (
    Column("order", "order_id"),
    Column("account", "account"),
    Column("symbol", "symbol"),
    Column("side", "side"),
    Column("product", "product"),
    Column("status", "status"),
    Column("quantity", "quantity", Kind.AMOUNT),
    Column("filled", "filled", Kind.AMOUNT),
)
_DAYS = (
    Column("date", "date"),
    Column("kind", "kind"),
    Column("windows", "windows", Kind.WORDS),
    Column("note", "note", Kind.WORDS),
    Column("put", "overlay"),
)


def is_ready(day: Row) -> bool:
    """Whether every check is as it should be."""
    return all(row.get("ok") is True for row in _rows(day.get("checklist")))


def is_over(day: Row) -> bool:
    """Whether nothing is open, and nothing held."""
    return day.get("open_total") == 0 and day.get("held_instructions") == 0


def show_day(screen: Screen, day: Row) -> None:
    """The date, the phases, the checklist, then what is open."""
    note = f", {day['note']}" if day.get("note") else ""
    following = day.get("next_trading_day") or "not known"
    screen.say(f"{day.get('date')}: {day.get('kind')}{note}; next trading day: {following}")
    screen.say()
    screen.table(_SESSIONS, map(_arranged, _rows(day.get("sessions"))), empty="no sessions")
    if not day.get("paper_keeps_sessions"):
        screen.say("orders on paper are not held to it (setting paper_keeps_sessions)")
    screen.say()
    screen.table(_CHECKS, _rows(day.get("checklist")), empty="no checks")
    screen.say()
    show_rest(screen, day)


def show_rest(screen: Screen, day: Row) -> None:
    """What is held, and what is open."""
    screen.say(f"held instructions: {day.get('held_instructions')}")
    listed, total = _rows(day.get("open")), day.get("open_total")
    screen.table(_OPEN, listed, empty="no open orders", title=f"open orders: {total}")
    if isinstance(total, int) and total > len(listed):
        screen.say(f"and {total - len(listed):,} more: phalanx orders --open")


def show_calendar(screen: Screen, calendar: Row) -> None:
    """The days of the year that differ, then the stocks."""
    screen.table(_DAYS, map(_dated, _rows(calendar.get("days"))), empty="no days differ")
    if not calendar.get("known"):
        screen.say("no holiday of this year is known: every weekday counts as a trading day")
    stocks = calendar.get("closing_auction")
    if isinstance(stocks, list):
        whose = "the shipped list" if calendar.get("shipped") else "put"
        screen.say()
        screen.say(f"{len(stocks)} stocks with a closing auction ({whose})")
        screen.say(" ".join(map(str, stocks[:STOCKS_SHOWN])))


def _arranged(row: Row) -> dict[str, object]:
    taken = [row.get(name) for name in ("ord_types", "times_in_force", "products")]
    words = [", ".join(map(str, part)) for part in taken if isinstance(part, list) and part]
    return {**row, "takes": "; ".join(words) or "nothing"}


def _dated(row: Row) -> dict[str, object]:
    windows = [f"{one['phase']} {one['from']}-{one['to']}" for one in _rows(row.get("windows"))]
    return {**row, "windows": windows}


def _rows(value: object) -> list[Row]:
    return [row for row in value if isinstance(row, Mapping)] if isinstance(value, list) else []
