"""`phalanx trades`: lots as the desk sees them, from the opening order to the closing fills."""

from enum import StrEnum
from typing import Annotated

import typer

from phalanx.cli.option_sets import Asking, Listing, expanded
from phalanx.cli.options import ClientOption, LimitOption, SkipOption
from phalanx.cli.subcommands import is_for_subcommand

app = typer.Typer(help="List trades; show one.", rich_markup_mode=None)

PATH = "/api/v1/trades"


class Status(StrEnum):
    """Where a trade stands."""

    ACTIVE = "ACTIVE"
    CLOSED = "CLOSED"
    PENDING = "PENDING"


@app.callback(invoke_without_command=True)
@expanded
def trades(
    context: typer.Context,
    *,
    client: ClientOption = None,
    token: Annotated[
        str | None, typer.Option("--instrument", help="Only this instrument: name, 2885, NSE:2885.")
    ] = None,
    status: Annotated[
        Status | None, typer.Option("--status", help="Only in this state.", case_sensitive=False)
    ] = None,
    limit: LimitOption = 100,
    skip: SkipOption = 0,
    listing: Listing,
) -> None:
    """List trades with their profit and loss, or show one of them."""
    if is_for_subcommand(context):
        return
    from phalanx.cli.display.columns import TRADES
    from phalanx.cli.display.listing import listed

    chosen = {
        "client_id": client,
        "token_id": token,
        "status": None if status is None else status.value,
        "limit": limit,
        "skip": skip,
    }
    listed(listing, PATH, TRADES, empty="no trades", parameters=chosen, arrange=_flat)


@app.command("show")
@expanded
def show(
    trade: Annotated[str, typer.Argument(help="The trade's id: that of its opening order.")],
    *,
    asking: Asking,
) -> None:
    """Show one trade."""
    from phalanx.cli.input.names import at
    from phalanx.cli.remote.documents import decode

    with asking.connect() as there:
        document = decode(there.read(at(PATH, trade)))
    screen = asking.screen()
    if screen.as_json or not isinstance(document, dict):
        screen.document(document)
    else:
        screen.fields({k: v for k, v in _flat(document).items() if not isinstance(v, dict)})


def _flat(row: dict[str, object]) -> dict[str, object]:
    """A trade with the names of its client and its instrument beside its own fields."""
    client, token = row.get("client"), row.get("token")
    name = client.get("name") if isinstance(client, dict) else None
    symbol = token.get("symbol") if isinstance(token, dict) else None
    return {**row, "client_name": name, "symbol": symbol or row.get("token_id")}
