"""Hop latencies for a person: short names, milliseconds with the digits that count."""

from collections.abc import Iterable, Mapping
from typing import Final, TypeAlias

from phalanx.cli.display.screen import Column, Kind

Latency: TypeAlias = Mapping[str, object]
"""One hop as the server tells it."""

NAMES: Final = {
    "planned": "plan",
    "held": "held",
    "waited": "wait",
    "committed": "commit",
    "sent": "send",
    "acknowledged": "ack",
    "first_fill": "fill",
    "tat": "TAT",
}
SPREAD: Final = {"p50_ns": "p50", "p99_ns": "p99", "max_ns": "max"}
"""The fields of a latency, and how they are called."""
COLUMNS: Final = (
    Column("hop", "hop"),
    Column("orders", "orders", Kind.NUMBER),
    *(Column(f"{name} ms", field, Kind.NUMBER) for field, name in SPREAD.items()),
)
_TWO_DECIMALS_BELOW_NS: Final = 9_995_000
_ONE_DECIMAL_BELOW_NS: Final = 99_950_000


def milliseconds(duration_ns: object) -> str:
    """``0.21``, ``12.4``, ``1,234``: three digits, or all of those before the point."""
    if not isinstance(duration_ns, int):
        return ""
    decimals = 2 if duration_ns < _TWO_DECIMALS_BELOW_NS else 1
    if duration_ns >= _ONE_DECIMAL_BELOW_NS:
        decimals = 0
    return f"{duration_ns / 1e6:,.{decimals}f}"


def in_milliseconds(latencies: Iterable[Latency]) -> list[Latency]:
    """The rows for ``COLUMNS``."""
    return [
        {
            "hop": NAMES.get(str(latency.get("hop")), latency.get("hop")),
            "orders": latency.get("orders"),
            **{field: milliseconds(latency.get(field)) for field in SPREAD},
        }
        for latency in latencies
    ]
