"""`phalanx instruments`: bring the master up to date, find an instrument in it."""

from enum import StrEnum
from pathlib import Path
from typing import Annotated, TypeAlias

import typer

from phalanx.cli.option_sets import Asking, Comparing, Importing, expanded
from phalanx.cli.options import CsvOption


class Source(StrEnum):
    """Whose file a master is."""

    MOTILAL = "motilal"
    PHALANX = "phalanx"


SourceOption: TypeAlias = Annotated[
    Source,
    typer.Option("--source", help="Whose file it is: a broker's, or one as `import` takes it."),
]

app = typer.Typer(
    help="Import and load instruments, compare and search them.",
    rich_markup_mode=None,
    no_args_is_help=True,
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


@app.command("load")
@expanded
def load(
    file: Annotated[Path, typer.Argument(help="A broker's master; - reads the standard input.")],
    *,
    source: SourceOption = Source.MOTILAL,
    accept_fewer: Annotated[
        bool,
        typer.Option("--accept-fewer", help="Also where an exchange lost more than a third."),
    ] = False,
    importing: Importing,
) -> None:
    """Put a broker's daily master in the place of what is known of its exchanges, and show what changed."""
    from phalanx.cli.display.importing import import_file
    from phalanx.cli.display.masters import tell_master

    parameters = {"name": file.name, "source": source.value}
    if accept_fewer:
        parameters["accept_fewer"] = "true"
    path = "/api/v1/instruments/load"
    import_file(importing, "POST", path, file, parameters=parameters, tell=tell_master)


@app.command("diff")
@expanded
def diff(
    file: Annotated[Path, typer.Argument(help="A broker's master; - reads the standard input.")],
    *,
    source: SourceOption = Source.MOTILAL,
    limit: Annotated[
        int,
        typer.Option("--limit", min=1, max=50_000, help="At most so many changes in JSON or CSV."),
    ] = 200,
    as_csv: CsvOption = False,
    comparing: Comparing,
) -> None:
    """Show what loading a broker's master would change; nothing is changed."""
    from phalanx.cli.display.masters import compare_file

    compare_file(comparing, file, {"source": source.value, "limit": str(limit)}, as_csv=as_csv)


@app.command("search")
@expanded
def search(
    words: Annotated[
        str,
        typer.Argument(
            metavar="Q",
            help="Symbol, alias, token, NSE:2885, ISIN, or words: 'NIFTY 24 DEC 17000 CE'.",
        ),
    ],
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
