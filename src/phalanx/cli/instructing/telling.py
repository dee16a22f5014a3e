"""An instruction in words: what was asked, what became of every part of it."""

from collections import Counter
from collections.abc import Mapping
from typing import TypeAlias

from phalanx.cli.display.columns import ORDERS, SKIP_REASONS
from phalanx.cli.display.hops import COLUMNS as LATENCIES
from phalanx.cli.display.hops import in_milliseconds
from phalanx.cli.display.screen import Column, Screen
from phalanx.cli.instructing.outcomes import filled

Row: TypeAlias = Mapping[str, object]

WORDS_MAX = 5
"""Longer lists in what was asked are told by their length."""

_TOLD = ("status", "actor", "source", "note", "time", "fire_at", "expires_at", "ended_at")
_APPROVAL = ("decision", "actor", "source", "note", "decided_at", "approve_by", "reason", "message")
_LINEAGE = ("waits_for", "undo_until", "parent", "follow_up", "reason", "message")
_COUNTS = ("filled", "canceled", "rejected", "expired", "not_received", "in_doubt")
_REQUESTS = (
    Column("cancel", "request_id"),
    Column("of order", "order_id"),
    Column("status", "status"),
    Column("reason", "reason"),
)


def asked_words(row: Row) -> str:
    """``priority_buy nifty equal_split``: the kind and what was asked, without what is empty."""
    asked = row.get("asked")
    said = asked.items() if isinstance(asked, Mapping) else ()
    words = [str(row.get("kind", "")), *(_word(value) for name, value in said if name != "kind")]
    return " ".join(word for word in words if word)


def in_words(row: dict[str, object]) -> dict[str, object]:
    """A row of the list with what was asked in words."""
    return {**row, "asked": asked_words({**row, "kind": ""}).strip()}


def tell(screen: Screen, tree: dict[str, object]) -> None:
    """Everything about one: JSON as it came, or its fields, its orders, and what it left out."""
    if screen.as_json:
        screen.document(tree)
        return
    screen.say(f"{tree.get('instruction_id')}  {asked_words(tree)}")
    screen.fields({name: tree[name] for name in (*_TOLD, *_LINEAGE) if tree.get(name)})
    approval = tree.get("approval")
    if isinstance(approval, Mapping):
        told = {name: approval[name] for name in _APPROVAL if approval.get(name)}
        screen.say("needed another person's approval")
        screen.fields({"decision": "it waits", **told})
    counts = ", ".join(
        f"{tree[name]} {name.replace('_', ' ')}" for name in _COUNTS if tree.get(name)
    )
    screen.say(
        f"{tree.get('orders_total')} orders, {tree.get('orders_open')} open"
        f"{f': {counts}' if counts else ''}; TAT {_milliseconds(tree.get('tat_ns'))}"
    )
    orders, skips, cancels = (_rows(tree.get(name)) for name in ("orders", "skips", "cancels"))
    latencies = in_milliseconds(_rows(tree.get("latencies")))
    for columns, rows, title in (
        (LATENCIES, latencies, "how long each hop took"),
        (ORDERS, orders, "orders"),
        (_REQUESTS, cancels, "cancels of other orders"),
        (SKIP_REASONS, _reasons(skips), "left out"),
    ):
        if rows:
            screen.say()
            screen.table(filled(columns, rows), rows, empty="", title=title)


def _reasons(skips: list[Row]) -> list[Row]:
    counts = Counter(str(skip.get("reason")) for skip in skips)
    sentences = {str(skip.get("reason")): skip.get("message") for skip in reversed(skips)}
    return [
        {"skipped": count, "reason": reason, "message": sentences[reason]}
        for reason, count in counts.most_common()
    ]


def _rows(value: object) -> list[Row]:
    return [row for row in value if isinstance(row, Mapping)] if isinstance(value, list) else []


def _word(value: object) -> str:
    if not value:
        return ""
    match value:
        case list() if len(value) > WORDS_MAX:
            return f"{len(value)} of them"
        case list():
            return ",".join(_word(one) for one in value)
        case Mapping():
            return " ".join(word for one in value.values() if (word := _word(one)))
        case _:
            return str(value)


def _milliseconds(tat_ns: object) -> str:
    return f"{tat_ns / 1e6:.2f} ms" if isinstance(tat_ns, int) and tat_ns else "not measured"
