"""`phalanx strategies`: what signals may name, who follows it, and on what terms."""

from enum import StrEnum
from typing import TYPE_CHECKING, Annotated
from urllib.parse import quote

import typer

from phalanx.cli.exit_codes import Exit, Failure
from phalanx.cli.input import completion
from phalanx.cli.option_sets import Changing, Paged, expanded
from phalanx.cli.options import Product
from phalanx.cli.subcommands import is_for_subcommand

if TYPE_CHECKING:
    from phalanx.cli.display.screen import Screen

app = typer.Typer(
    help="List strategies; show or change who follows one.",
    rich_markup_mode=None,
)

StrategyArgument = Annotated[
    str,
    typer.Argument(help="The strategy, such as STRATEGY_B.", autocompletion=completion.strategies),
]
QuantityOption = Annotated[
    str | None, typer.Option("--quantity", help="A BUY is for so many; 'lot': for one lot.")
]
CashOption = Annotated[
    str | None, typer.Option("--cash", help="A BUY is for what that much money buys.")
]
ShareOption = Annotated[
    str | None,
    typer.Option("--share", help="A BUY is for that many percent of the available cash."),
]


class SellScope(StrEnum):
    """Whose lots a SELL closes."""

    ACCOUNT = "account"
    STRATEGY = "strategy"


class OrdType(StrEnum):
    """What a BUY becomes."""

    MARKET = "MARKET"
    LIMIT = "LIMIT"


@app.callback(invoke_without_command=True)
@expanded
def strategies(
    context: typer.Context,
    *,
    paged: Paged,
) -> None:
    """List the strategies and their instruments, or see who follows one of them."""
    if is_for_subcommand(context):
        return
    from phalanx.cli.display.listing import show_list
    from phalanx.cli.display.screen import Column, Kind

    columns = (
        Column("strategy", "strategy"),
        Column("enabled", "enabled"),
        Column("accounts", "accounts", Kind.NUMBER),
        Column("instruments", "instruments", Kind.WORDS),
    )
    page = {"limit": paged.limit, "skip": paged.skip}
    screen = paged.screen()
    with paged.connect() as there:
        path = "/api/v1/strategies"
        show_list(there, screen, path, page, columns, empty="no strategies", arrange=_counted)


@app.command("subscriptions")
@expanded
def subscriptions(
    strategy: StrategyArgument,
    *,
    paged: Paged,
) -> None:
    """List the accounts that follow a strategy, and on what terms."""
    from phalanx.cli.display.columns import SUBSCRIPTIONS
    from phalanx.cli.display.listing import show_list

    page = {"limit": paged.limit, "skip": paged.skip}
    screen = paged.screen()
    with paged.connect() as there:
        path, empty = _path(strategy), f"nobody follows {strategy}"
        show_list(there, screen, path, page, SUBSCRIPTIONS, empty=empty, arrange=_sized)


@app.command("set")
@expanded
def change(
    strategy: StrategyArgument,
    account: Annotated[str, typer.Argument(help="The account, such as PAPER-1.")],
    *,
    sell_scope: Annotated[
        SellScope | None,
        typer.Option(
            "--sell-scope",
            help="A SELL closes any strategy's lot of the account, or this strategy's only.",
            case_sensitive=False,
        ),
    ] = None,
    quantity: QuantityOption = None,
    cash: CashOption = None,
    share: ShareOption = None,
    product: Annotated[
        Product | None,
        typer.Option("--product", help="The product of its BUYs.", case_sensitive=False),
    ] = None,
    ord_type: Annotated[
        OrdType | None,
        typer.Option("--type", help="The order type of its BUYs.", case_sensitive=False),
    ] = None,
    enabled: Annotated[
        bool | None, typer.Option("--enable/--disable", help="Follow its signals, or do not.")
    ] = None,
    changing: Changing,
) -> None:
    """Change on what terms an account follows a strategy, at once: from the next signal on."""
    chosen: dict[str, object] = {
        "sell_scope": sell_scope,
        "sizing": _sizing(quantity, cash, share),
        "product": product,
        "type": ord_type,
        "enabled": enabled,
    }
    changes = {field: value for field, value in chosen.items() if value is not None}
    if not changes:
        raise Failure(Exit.USAGE, "NOTHING_TO_CHANGE", "say what to change; --help lists it")
    with changing.connect() as there:
        path = f"{_path(strategy)}/{quote(account, safe='')}"
        answer = there.change("PATCH", path, key=changing.key, body=changes)
    _show_terms(answer, changing.screen())


def _show_terms(answer: bytes, screen: "Screen") -> None:
    from phalanx.cli.display.columns import SUBSCRIPTION_TERMS
    from phalanx.cli.remote.documents import decode

    terms = decode(answer)
    if screen.as_json or not isinstance(terms, dict):
        screen.document(terms)
        return
    screen.table(SUBSCRIPTION_TERMS, [_sized(terms)], empty="")


def _path(strategy: str) -> str:
    return f"/api/v1/strategies/{quote(strategy, safe='')}/subscriptions"


def _sizing(quantity: str | None, cash: str | None, share: str | None) -> dict[str, str] | None:
    """The sizing that was asked for, if any. Raises Failure USAGE for more than one."""
    from phalanx.cli.input.numbers import typed_number, typed_percent

    if sum(text is not None for text in (quantity, cash, share)) > 1:
        raise Failure(Exit.USAGE, "USAGE", "say one of --quantity, --cash and --share")
    if cash is not None:
        return {"method": "fixed_cash", "amount": typed_number(cash, "--cash")}
    if share is not None:
        return {"method": "cash_share", "percent": typed_percent(share, "--share")}
    if quantity is None:
        return None
    if quantity == "lot":
        return {"method": "fixed_quantity"}
    return {"method": "fixed_quantity", "quantity": typed_number(quantity, "--quantity")}


def _sized(row: dict[str, object]) -> dict[str, object]:
    """A subscription with its sizing in words."""
    sizing = row.get("sizing")
    if not isinstance(sizing, dict):
        return row
    match sizing:
        case {"quantity": quantity}:
            words = str(quantity)
        case {"amount": amount}:
            words = f"cash {amount}"
        case {"percent": percent}:
            words = f"{percent}% of cash"
        case {"method": "fixed_quantity"}:
            words = "one lot"
        case _:
            words = str(sizing.get("method"))
    return {**row, "sizing": words}


def _counted(row: dict[str, object]) -> dict[str, object]:
    followers = row.get("subscriptions")
    return {**row, "accounts": len(followers) if isinstance(followers, list) else None}
