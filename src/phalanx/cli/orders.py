"""`phalanx orders`: list them, cancel one, modify one."""

from typing import Annotated
from urllib.parse import quote

import typer

from phalanx.cli.exits import Exit, Failure
from phalanx.cli.groups import is_for_subcommand
from phalanx.cli.options import (
    DEFAULT_TIMEOUT_S,
    AccountOption,
    ClientOption,
    InstrumentOption,
    JsonOption,
    KeyOption,
    LimitOption,
    ServerOption,
    SkipOption,
    StrategyOption,
    TimeoutOption,
)

app = typer.Typer(help="List orders; cancel or modify one.", rich_markup_mode=None)

OrderArgument = Annotated[str, typer.Argument(help="The order's id: ten letters and digits.")]


@app.callback(invoke_without_command=True)
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
    server: ServerOption = None,
    timeout_s: TimeoutOption = DEFAULT_TIMEOUT_S,
    as_json: JsonOption = False,
) -> None:
    """List orders, newest first, or do something with one of them."""
    if is_for_subcommand(context):
        return
    from phalanx.cli.client import connect
    from phalanx.cli.columns import ORDERS
    from phalanx.cli.listing import show_list
    from phalanx.cli.screen import Screen

    screen = Screen(as_json=as_json)
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
    with connect(server, timeout_s) as there:
        show_list(there, screen, "/api/v1/orders", chosen, ORDERS, empty="no orders")


@app.command("cancel")
def cancel(
    order: OrderArgument,
    *,
    key: KeyOption = None,
    server: ServerOption = None,
    timeout_s: TimeoutOption = DEFAULT_TIMEOUT_S,
    as_json: JsonOption = False,
) -> None:
    """Cancel a working order, at once."""
    path = f"/api/v1/orders/{quote(order, safe='')}/cancel"
    _request("POST", path, None, key, server, timeout_s, as_json)


@app.command("modify")
def modify(
    order: OrderArgument,
    *,
    quantity: Annotated[
        str | None, typer.Option("--quantity", help="The new total quantity.")
    ] = None,
    price: Annotated[str | None, typer.Option("--price", help="The new limit.")] = None,
    key: KeyOption = None,
    server: ServerOption = None,
    timeout_s: TimeoutOption = DEFAULT_TIMEOUT_S,
    as_json: JsonOption = False,
) -> None:
    """Give a working order another total quantity or limit, at once."""
    from phalanx.cli.numbers import typed_number

    changes: dict[str, str] = {}
    if quantity is not None:
        changes["quantity"] = typed_number(quantity, "--quantity")
    if price is not None:
        changes["price"] = typed_number(price, "--price")
    if not changes:
        raise Failure(Exit.USAGE, "NOTHING_TO_CHANGE", "say --quantity, --price or both")
    path = f"/api/v1/orders/{quote(order, safe='')}"
    _request("PATCH", path, changes, key, server, timeout_s, as_json)


def _request(
    method: str,
    path: str,
    body: dict[str, str] | None,
    key: str | None,
    server: str | None,
    timeout_s: float,
    as_json: bool,
) -> None:
    """Send a cancel or a modify and show the request that it became."""
    from phalanx.cli.client import connect
    from phalanx.cli.documents import decode
    from phalanx.cli.screen import Column, Screen

    screen = Screen(as_json=as_json)
    with connect(server, timeout_s) as there:
        answer = decode(there.change(method, path, key=key, body=body))
    if as_json or not isinstance(answer, dict):
        screen.document(answer)
        return
    columns = (
        Column("order", "order_id"),
        Column("request", "request_id"),
        Column("status", "status"),
    )
    screen.table(columns, [answer], empty="")
