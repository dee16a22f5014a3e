"""`phalanx orders`: list them, show one, cancel, modify, fill or settle it."""

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Annotated

import typer

from phalanx.cli.books.order_log import order_log
from phalanx.cli.exit_codes import Exit, Failure
from phalanx.cli.option_sets import Asking, Changing, Listing, expanded
from phalanx.cli.options import (
    AccountOption,
    ClientOption,
    InstrumentOption,
    LimitOption,
    SkipOption,
    StrategyOption,
)
from phalanx.cli.subcommands import is_for_subcommand

if TYPE_CHECKING:
    from phalanx.cli.display.screen import Column

app = typer.Typer(
    help="List orders; show, cancel, modify, fill or settle one.", rich_markup_mode=None
)

PATH = "/api/v1/orders"
OrderArgument = Annotated[str, typer.Argument(help="The order's id: ten letters and digits.")]


@app.callback(invoke_without_command=True)
@expanded
def orders(
    context: typer.Context,
    *,
    account: AccountOption = None,
    client: ClientOption = None,
    instrument: InstrumentOption = None,
    strategy: StrategyOption = None,
    status: Annotated[
        str | None, typer.Option("--status", help="Only in this state, such as FILLED.")
    ] = None,
    instruction: Annotated[
        str | None, typer.Option("--instruction", help="Only of this instruction.")
    ] = None,
    only_open: Annotated[bool, typer.Option("--open", help="Only those that still work.")] = False,
    limit: LimitOption = 100,
    skip: SkipOption = 0,
    listing: Listing,
) -> None:
    """List orders, newest first, or do something with one of them."""
    if is_for_subcommand(context):
        return
    from phalanx.cli.display.columns import ORDERS
    from phalanx.cli.display.listing import listed

    chosen = {
        "account": account,
        "client": client,
        "instrument": instrument,
        "strategy": strategy,
        "status": status,
        "instruction": instruction,
        "open": "true" if only_open else None,
        "limit": limit,
        "skip": skip,
    }
    listed(listing, PATH, ORDERS, empty="no orders", parameters=chosen)


@app.command("show")
@expanded
def show(order: OrderArgument, *, asking: Asking) -> None:
    """Show one order with its fills."""
    from phalanx.cli.display.columns import FILLS
    from phalanx.cli.input.names import at
    from phalanx.cli.remote.documents import decode

    with asking.connect() as there:
        document = decode(there.read(at(PATH, order)))
    screen = asking.screen()
    if screen.as_json or not isinstance(document, dict):
        screen.document(document)
        return
    screen.fields({k: v for k, v in document.items() if not isinstance(v, dict | list)})
    fills = document.get("fills")
    if isinstance(fills, list) and fills:
        screen.say()
        screen.table(FILLS, fills, empty="", title="fills")


@app.command("cancel")
@expanded
def cancel(order: OrderArgument, *, changing: Changing) -> None:
    """Cancel a working order, at once."""
    _request(changing, "POST", (order, "cancel"), None)


@app.command("modify")
@expanded
def modify(
    order: OrderArgument,
    *,
    quantity: Annotated[
        str | None, typer.Option("--quantity", help="The new total quantity.")
    ] = None,
    price: Annotated[str | None, typer.Option("--price", help="The new limit.")] = None,
    changing: Changing,
) -> None:
    """Give a working order another total quantity or limit, at once."""
    from phalanx.cli.input.numbers import typed_number

    changes: dict[str, str] = {}
    if quantity is not None:
        changes["quantity"] = typed_number(quantity, "--quantity")
    if price is not None:
        changes["price"] = typed_number(price, "--price")
    if not changes:
        raise Failure(Exit.USAGE, "NOTHING_TO_CHANGE", "say --quantity, --price or both")
    _request(changing, "PATCH", (order,), changes)


@app.command("fill")
@expanded
def fill(
    order: OrderArgument,
    quantity: Annotated[str, typer.Argument(help="How much of it; never more than is left.")],
    *,
    price: Annotated[
        str | None, typer.Option("--price", help="At this price. [default: the last one]")
    ] = None,
    changing: Changing,
) -> None:
    """Have the paper broker fill a working order by hand, at once."""
    from phalanx.cli.display.columns import FILL_REQUESTS
    from phalanx.cli.input.numbers import typed_number

    body = {"quantity": typed_number(quantity, "the quantity")}
    if price is not None:
        body["price"] = typed_number(price, "--price")
    _request(changing, "POST", (order, "fill"), body, FILL_REQUESTS)


@app.command("settle")
@expanded
def settle(
    order: OrderArgument,
    *,
    order_id: Annotated[
        str | None, typer.Option("--order-id", help="It is this one at the broker.")
    ] = None,
    not_received: Annotated[
        bool, typer.Option("--not-received", help="The broker never received it.")
    ] = False,
    granted: Annotated[
        bool | None,
        typer.Option(
            "--granted/--not-granted", help="What became of its cancel or replace in doubt."
        ),
    ] = None,
    note: Annotated[str, typer.Option("--note", help="How you know.")],
    changing: Changing,
) -> None:
    """Say what became of a doubt about an order that no reading can settle, at once."""
    from phalanx.cli.display.columns import VERDICTS

    if (order_id is not None) + not_received + (granted is not None) != 1:
        ways = "--order-id, --not-received, --granted or --not-granted"
        raise Failure(Exit.USAGE, "EITHER_OR", f"say {ways}, one of them")
    verdict: dict[str, object] = {"not_received": True} if not_received else {"order_id": order_id}
    if granted is not None:
        verdict = {"request": "granted" if granted else "not_granted"}
    _request(changing, "POST", (order, "settle"), {**verdict, "note": note}, VERDICTS)


app.command("log")(order_log)


def _request(
    changing: Changing,
    method: str,
    parts: tuple[str, ...],
    body: Mapping[str, object] | None,
    columns: "Sequence[Column] | None" = None,
) -> None:
    """Send a cancel, a modify or a fill and show what it became."""
    from phalanx.cli.display.columns import REQUESTS
    from phalanx.cli.display.listing import shown
    from phalanx.cli.input.names import at

    with changing.connect() as there:
        answer = there.change(method, at(PATH, *parts), key=changing.key, body=body)
    shown(changing, answer, columns=columns or REQUESTS)
