"""`phalanx instruments`: bring the master up to date, find an instrument in it."""

from pathlib import Path
from typing import Annotated

import typer

from phalanx.cli.option_sets import Asking, Importing, expanded

app = typer.Typer(
    help="Import instruments, search them.", rich_markup_mode=None, no_args_is_help=True
)


@app.command("import")
@expanded
def import_instruments(
    file: Annotated[Path, typer.Argument(help="A CSV file; - reads the standard input.")],
    *,
    importing: Importing,
) -> None:
    """Add or change the instruments of a file, at once, and show what changed; others stay."""
    from phalanx.cli.display.importing import import_file
    from phalanx.cli.display.reports import tell_instruments

    parameters = {"name": file.name}
    path = "/api/v1/instruments"
    import_file(importing, "POST", path, file, parameters=parameters, tell=tell_instruments)


@app.command("search")
@expanded
def search(
    words: Annotated[str, typer.Argument(metavar="Q", help="Part of a symbol, alias or token.")],
    *,
    limit: Annotated[int, typer.Option("--limit", min=1, max=500, help="At most so many.")] = 20,
    asking: Asking,
) -> None:
    """Find instruments; whole matches come first."""
    from phalanx.cli.display.columns import INSTRUMENTS
    from phalanx.cli.display.listing import show_list

    screen = asking.screen()
    path = "/api/v1/instruments/search"
    empty = f"nothing is named like {words!r}"
    with asking.connect() as there:
        show_list(there, screen, path, {"q": words, "limit": limit}, INSTRUMENTS, empty=empty)
