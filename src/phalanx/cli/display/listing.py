"""A list of the server's: asked for, shown, and said when there is more of it."""

from collections.abc import Callable, Mapping, Sequence
from typing import TYPE_CHECKING, TypeAlias

import httpx

from phalanx.cli.display.screen import Column, Screen
from phalanx.cli.exit_codes import Exit, Failure
from phalanx.cli.remote.client import Parameters, Server
from phalanx.cli.remote.documents import decode, rows_of

if TYPE_CHECKING:
    from phalanx.cli.option_sets import Asking

Row: TypeAlias = dict[str, object]

FURTHER = "--limit and --skip show others"


def show_list(
    there: Server,
    screen: Screen,
    path: str,
    parameters: Parameters,
    columns: Sequence[Column],
    *,
    empty: str,
    arrange: Callable[[Row], Row] | None = None,
    as_csv: bool = False,
    further: str = FURTHER,
) -> None:
    """Ask for a list and show it, in the server's own JSON or CSV, or as a table.

    ``arrange`` makes a row fit the columns; ``further``: what shows others. Raises Failure.
    """
    if as_csv:
        _show_csv(there, screen, path, parameters, further)
        return
    answer = there.answer(path, parameters)
    if screen.as_json:
        screen.document(decode(answer.content))
        return
    rows = rows_of(answer.content)
    screen.table(columns, map(arrange, rows) if arrange is not None else rows, empty=empty)
    total = total_of(answer)
    if total > len(rows):
        screen.note(f"{len(rows)} of {total} shown; {further}")


def listed(
    asking: "Asking",
    path: str,
    columns: Sequence[Column],
    *,
    empty: str,
    parameters: Parameters | None = None,
    arrange: Callable[[Row], Row] | None = None,
    further: str = FURTHER,
) -> None:
    """``show_list`` of a command's own options. Raises Failure."""
    from phalanx.cli.option_sets import Listing, Paged

    page = {"limit": asking.limit, "skip": asking.skip} if isinstance(asking, Paged) else {}
    with asking.connect() as there:
        show_list(
            there,
            asking.screen(),
            path,
            {**(parameters or {}), **page},
            columns,
            empty=empty,
            arrange=arrange,
            as_csv=isinstance(asking, Listing) and asking.as_csv,
            further=further,
        )


def shown(
    asking: "Asking", answer: bytes, *, sentence: str = "", columns: Sequence[Column] = ()
) -> None:
    """The answer to a change: JSON, or the sentence, or a row of its own, or its fields."""
    screen = asking.screen()
    document = decode(answer) if answer else {}
    if screen.as_json:
        screen.document(document)
    elif sentence:
        screen.say(sentence)
    elif columns and answer:
        screen.table(columns, rows_of(answer), empty="nothing")
    elif isinstance(document, dict):
        screen.fields(document)
    else:
        screen.document(document)


def _show_csv(
    there: Server, screen: Screen, path: str, parameters: Parameters, further: str
) -> None:
    """Raises Failure USAGE for two formats at once."""
    if screen.as_json:
        raise Failure(Exit.USAGE, "EITHER_OR", "say --json or --csv, not both")
    answer = there.answer(path, {**parameters, "format": "csv"})
    screen.raw(answer.text)
    total = answer.headers.get("x-total-count", "")
    limit = parameters.get("limit")
    if total.isdigit() and limit is not None and int(total) > int(limit):
        screen.note(f"{limit} of {total} shown; {further}")


def total_of(answer: httpx.Response) -> int:
    """How many there are in all, as far as the answer says."""
    header = answer.headers.get("x-total-count", "")
    if header.isdigit():
        return int(header)
    document = decode(answer.content)
    total = document.get("total") if isinstance(document, Mapping) else 0
    return total if isinstance(total, int) else 0
