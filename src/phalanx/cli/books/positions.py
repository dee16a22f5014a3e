"""`phalanx positions`: what every account holds, and what it held before Phalanx came."""

from pathlib import Path
from typing import Annotated

import typer

from phalanx.cli.exit_codes import Failure
from phalanx.cli.option_sets import Importing, PagedListing, expanded
from phalanx.cli.options import AccountOption, ClientOption, InstrumentOption
from phalanx.cli.subcommands import is_for_subcommand

app = typer.Typer(help="List positions; import opening ones.", rich_markup_mode=None)

PATH = "/api/v1/positions"


@app.callback(invoke_without_command=True)
@expanded
def positions(
    context: typer.Context,
    *,
    account: AccountOption = None,
    client: ClientOption = None,
    instrument: InstrumentOption = None,
    listing: PagedListing,
) -> None:
    """List the positions: net quantity per account, instrument and product."""
    if is_for_subcommand(context):
        return
    from phalanx.cli.display.columns import POSITIONS
    from phalanx.cli.display.listing import listed

    chosen = {"account": account, "client": client, "instrument": instrument}
    listed(listing, PATH, POSITIONS, empty="no positions", parameters=chosen)


@app.command("import")
@expanded
def import_positions(
    file: Annotated[
        Path,
        typer.Argument(
            help="CSV: client or account, instrument, quantity, cost (per unit; empty: unknown), "
            "date and, as wanted, product; - reads the standard input."
        ),
    ],
    *,
    again: Annotated[
        bool, typer.Option("--again", help="Also when the books have lots like all of these.")
    ] = False,
    importing: Importing,
) -> None:
    """Take over what accounts held before, all or none, at once."""
    from phalanx.cli.display.importing import import_file
    from phalanx.cli.display.reports import tell_positions

    parameters = {"again": "true"} if again else None
    path = f"{PATH}/import"
    try:
        import_file(importing, "POST", path, file, parameters=parameters, tell=tell_positions)
    except Failure as failure:
        if failure.code != "POSITIONS_EXIST":
            raise
        # The door speaks of its own words.
        detail = "the books have lots like all of these already; --again adopts them once more"
        raise Failure(failure.exit_code, failure.code, detail, **failure.facts) from None
