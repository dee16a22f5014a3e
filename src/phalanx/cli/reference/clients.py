"""`phalanx clients`: the people and firms we act for."""

from pathlib import Path
from typing import Annotated

import typer

from phalanx.cli.option_sets import Asking, Changing, Importing, PagedListing, expanded
from phalanx.cli.subcommands import is_for_subcommand

app = typer.Typer(help="List clients; show, add or import some.", rich_markup_mode=None)

PATH = "/api/v1/clients"


@app.callback(invoke_without_command=True)
@expanded
def clients(context: typer.Context, *, listing: PagedListing) -> None:
    """List the clients with their cash and margin, or do something with one of them."""
    if is_for_subcommand(context):
        return
    from phalanx.cli.display.columns import CLIENTS
    from phalanx.cli.display.listing import listed

    listed(listing, PATH, CLIENTS, empty="no clients")


@app.command("show")
@expanded
def show(
    client: Annotated[int, typer.Argument(min=1, help="The client's number.")],
    *,
    asking: Asking,
) -> None:
    """Show one client."""
    from phalanx.cli.display.columns import CLIENTS
    from phalanx.cli.display.listing import show_list

    with asking.connect() as there:
        show_list(there, asking.screen(), f"{PATH}/{client}", {}, CLIENTS, empty="nobody")


@app.command("add")
@expanded
def add(
    name: Annotated[str, typer.Argument(help="The client's name.")],
    *,
    cash: Annotated[
        str | None, typer.Option("--cash", help="Opening cash. [default: the server's]")
    ] = None,
    changing: Changing,
) -> None:
    """Add a client with one paper account, at once."""
    from phalanx.cli.display.columns import CLIENTS
    from phalanx.cli.display.listing import shown
    from phalanx.cli.input.numbers import typed_amount

    body = {"name": name}
    if cash is not None:
        body["available_funds"] = typed_amount(cash, "--cash")
    with changing.connect() as there:
        answer = there.change("POST", PATH, key=changing.key, body=body)
    shown(changing, answer, columns=CLIENTS)


@app.command("import")
@expanded
def import_clients(
    file: Annotated[
        Path, typer.Argument(help="A CSV file: name, cash and, as wanted, group; - is stdin.")
    ],
    *,
    importing: Importing,
) -> None:
    """Add the clients of a file, all or none, at once, each with a paper account."""
    from phalanx.cli.display.importing import import_file
    from phalanx.cli.display.reports import tell_clients

    import_file(importing, "POST", f"{PATH}/import", file, tell=tell_clients)
