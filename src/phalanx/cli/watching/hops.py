"""The hops in the picture: what each took, over all orders of late and over one instruction's."""

import asyncio
from collections.abc import Callable, Mapping, Sequence
from typing import Final

import httpx
from rich.text import Text

from phalanx.cli.display.hops import NAMES, SPREAD, Latency, milliseconds
from phalanx.cli.display.screen import printable
from phalanx.cli.exit_codes import Failure
from phalanx.cli.remote.documents import rows_of
from phalanx.cli.remote.identity import Identity
from phalanx.cli.remote.trust import authority
from phalanx.cli.watching.messages import Item

RECENT: Final = "recent"
P99: Final = {"p99_ns": "p99"}
PATH: Final = "/api/v1/latency"
ASK_EVERY_S: Final = 1.0
PATIENCE_S: Final = 5.0
_WHOSE_WIDTH: Final = 12
_SPREAD_WIDTH: Final = 4
_CELL: Final = 8


def hop_lines(
    groups: Sequence[tuple[str, Sequence[Latency]]], spread: Mapping[str, str] = SPREAD
) -> list[Text]:
    """A line of names, then ``spread`` of each group, in milliseconds; nothing where nothing is known.

    80 columns with all hops; a hop that no group has takes none.
    """
    known = [(whose, {str(row.get("hop")): row for row in rows}) for whose, rows in groups if rows]
    hops = [hop for hop in NAMES if any(hop in rows for _, rows in known)]
    if not hops:
        return []
    head = "".join(f"{NAMES[hop]:>{_CELL}}" for hop in hops)
    lines = [Text(f"{'hops, ms':<{_WHOSE_WIDTH + _SPREAD_WIDTH}}{head}", style="bright_black")]
    for whose, rows in known:
        for place, (field, name) in enumerate(spread.items()):
            cells = "".join(f"{_cell(rows.get(hop), field):>{_CELL}}" for hop in hops)
            said = printable(whose)[: _WHOSE_WIDTH - 1] if place == 0 else ""
            lines.append(
                Text.assemble(
                    f"{said:<{_WHOSE_WIDTH}}",
                    (f"{name:<{_SPREAD_WIDTH}}", "bright_black"),
                    (cells, "bold" if field == "p99_ns" else ""),
                )
            )
    for line in lines:
        line.no_wrap, line.overflow = True, "ellipsis"
    return lines


def latency_client(url: str, identity: Identity | None = None) -> httpx.AsyncClient:
    """Who asks; to make one reads the machine's certificates."""
    who = identity or Identity()
    return httpx.AsyncClient(
        base_url=url, auth=who, verify=authority() or True, timeout=PATIENCE_S, trust_env=False
    )


async def ask_for_latencies(http: httpx.AsyncClient, tell: Callable[[list[Item]], None]) -> None:
    """Tell what the server's hops took of late, once a second for ever; nothing while it does not say."""
    while True:
        try:
            answer = await http.get(PATH)
            tell(rows_of(answer.content) if answer.is_success else [])
        except (httpx.HTTPError, Failure):
            tell([])
        await asyncio.sleep(ASK_EVERY_S)


def _cell(latency: Latency | None, field: str) -> str:
    return "–" if latency is None else milliseconds(latency.get(field))
