"""A list of the server's: asked for, shown, and said when there is more of it."""

from collections.abc import Callable, Mapping, Sequence
from typing import TypeAlias

import httpx

from phalanx.cli.client import Parameters, Server
from phalanx.cli.documents import decode, rows_of
from phalanx.cli.screen import Column, Screen

Row: TypeAlias = dict[str, object]


def show_list(
    there: Server,
    screen: Screen,
    path: str,
    parameters: Parameters,
    columns: Sequence[Column],
    *,
    empty: str,
    arrange: Callable[[Row], Row] | None = None,
) -> None:
    """Ask for a list and show it, in the server's own JSON or as a table.

    ``arrange`` makes a row fit the columns. Raises Failure.
    """
    answer = there.answer(path, parameters)
    if screen.as_json:
        screen.document(decode(answer.content))
        return
    rows = rows_of(answer.content)
    screen.table(columns, map(arrange, rows) if arrange is not None else rows, empty=empty)
    total = total_of(answer)
    if total > len(rows):
        screen.note(f"{len(rows)} of {total} shown; --limit and --skip show others")


def total_of(answer: httpx.Response) -> int:
    """How many there are in all, as far as the answer says."""
    header = answer.headers.get("x-total-count", "")
    if header.isdigit():
        return int(header)
    document = decode(answer.content)
    total = document.get("total") if isinstance(document, Mapping) else 0
    return total if isinstance(total, int) else 0
