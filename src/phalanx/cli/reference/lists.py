"""`phalanx lists`: priority lists of instruments, most wanted first."""

from pathlib import Path
from typing import Annotated

import typer

from phalanx.cli.input import completion
from phalanx.cli.instructing.list_buy import buy
from phalanx.cli.option_sets import Asking, Changing, Listing, expanded
from phalanx.cli.options import OutOption
from phalanx.cli.subcommands import is_for_subcommand

app = typer.Typer(help="List priority lists; show, put, export or buy one.", rich_markup_mode=None)

PATH = "/api/v1/priority-lists"
ListArgument = Annotated[
    str, typer.Argument(help="The list's name.", autocompletion=completion.lists)
]


@app.callback(invoke_without_command=True)
@expanded
def lists(context: typer.Context, *, asking: Asking) -> None:
    """List the priority lists, or do something with one of them."""
    if is_for_subcommand(context):
        return
    from phalanx.cli.display.listing import show_list
    from phalanx.cli.display.screen import Column, Kind

    columns = (
        Column("list", "name"),
        Column("instruments", "count", Kind.NUMBER),
        Column("most wanted first", "instruments", Kind.WORDS),
    )
    with asking.connect() as there:
        show_list(
            there, asking.screen(), PATH, {}, columns, empty="no priority lists", arrange=_counted
        )


@app.command("show")
@expanded
def show(name: ListArgument, *, listing: Listing) -> None:
    """Show the instruments of a list, most wanted first."""
    from phalanx.cli.display.exporting import export_csv
    from phalanx.cli.input.names import at

    if listing.as_csv:
        export_csv(listing, at(PATH, name), None)
        return
    with listing.connect() as there:
        _show_ranks(listing, there.read(at(PATH, name)), name)


@app.command("put")
@expanded
def put(
    name: Annotated[str, typer.Argument(help="The list's name.")],
    instruments: Annotated[
        list[str],
        typer.Argument(
            help="Instruments, most wanted first; or a file with one per line or a column "
            "'instrument' or 'symbol', ordered by a column 'rank' if it has one (- reads the "
            "standard input)."
        ),
    ],
    *,
    changing: Changing,
) -> None:
    """Make a list, or give it other instruments, at once."""
    from phalanx.cli.input.names import at, is_file
    from phalanx.cli.input.sheets import by_line, names_in

    lines: list[int] = []
    if len(instruments) == 1 and is_file(instruments[0]):
        found = names_in(Path(instruments[0]), "instrument", "symbol")
        instruments, lines = [one.name for one in found], [one.line for one in found]
    with changing.connect() as there, by_line(lines):
        body = {"instruments": instruments}
        _show_ranks(
            changing, there.change("PUT", at(PATH, name), key=changing.key, body=body), name
        )


@app.command("remove")
@expanded
def remove(name: ListArgument, *, changing: Changing) -> None:
    """Remove a list, at once."""
    from phalanx.cli.display.listing import shown
    from phalanx.cli.input.names import at

    with changing.connect() as there:
        answer = there.change("DELETE", at(PATH, name), key=changing.key)
    shown(changing, answer, sentence=f"list {name} is removed")


@app.command("export")
@expanded
def export(name: ListArgument, *, out: OutOption = None, asking: Asking) -> None:
    """Write a list as CSV, fit to be put again."""
    from phalanx.cli.display.exporting import export_csv
    from phalanx.cli.input.names import at

    export_csv(asking, at(PATH, name), out)


app.command("buy")(buy)
app.command("fire", hidden=True)(buy)


def _counted(row: dict[str, object]) -> dict[str, object]:
    found = row.get("instruments")
    ranks = found if isinstance(found, list) else []
    return {**row, "count": len(ranks), "instruments": [_word(one) for one in ranks]}


def _word(rank: object) -> object:
    return rank.get("instrument") if isinstance(rank, dict) else rank


def _show_ranks(asking: Asking, answer: bytes, name: str) -> None:
    from phalanx.cli.display.screen import Column, Kind
    from phalanx.cli.remote.documents import decode, rows_at

    screen = asking.screen()
    if screen.as_json:
        screen.document(decode(answer))
        return
    columns = (
        Column("rank", "rank", Kind.NUMBER),
        Column("instrument", "instrument"),
        Column("symbol", "symbol"),
        Column("exchange", "exchange"),
        Column("token", "token_id", Kind.NUMBER),
    )
    screen.table(columns, rows_at(answer, "instruments"), empty=f"list {name} is empty")
