"""`phalanx lists buy`: spend every account's cash down a priority list."""

from dataclasses import dataclass
from enum import StrEnum
from typing import Annotated

import typer

from phalanx.cli.exit_codes import Exit, Failure
from phalanx.cli.input import completion
from phalanx.cli.option_sets import ForWhom, Timed, expanded
from phalanx.cli.options import Product


class ListMethod(StrEnum):
    """How an account's cash is shared out over the new stocks."""

    EQUAL_SPLIT = "equal_split"
    FIXED_AMOUNT = "fixed_amount"


class Leftover(StrEnum):
    """What becomes of the cash that whole lots leave over."""

    KEEP = "keep"
    RESPLIT = "resplit"
    ONE_LOT = "one_lot"


@dataclass(frozen=True, kw_only=True)
class Spending:
    """How cash is spent down a list."""

    allocation: Annotated[
        ListMethod,
        typer.Option(
            "--allocation",
            help="The cash in equal parts over the new stocks, or --amount for each.",
            case_sensitive=False,
        ),
    ] = ListMethod.EQUAL_SPLIT
    amount: Annotated[
        str | None, typer.Option("--amount", help="Money per stock, for fixed_amount.")
    ] = None
    leftover: Annotated[
        Leftover,
        typer.Option(
            "--leftover",
            help="What whole lots leave over is kept, split again, or spent lot by lot.",
            case_sensitive=False,
        ),
    ] = Leftover.KEEP
    max_new: Annotated[
        int | None, typer.Option("--max-new", min=1, help="At most so many stocks are bought.")
    ] = None
    max_names: Annotated[
        int | None, typer.Option("--max-names", min=1, help="At most so many are held afterwards.")
    ] = None
    min_order_value: Annotated[
        str | None, typer.Option("--min-order-value", help="Smaller orders are skipped.")
    ] = None
    product: Annotated[
        Product, typer.Option("--product", help="The product to buy.", case_sensitive=False)
    ] = Product.DELIVERY

    def body(self) -> dict[str, object]:
        """The fields of a request. Raises Failure USAGE and those of the numbers."""
        from phalanx.cli.input.numbers import typed_number

        if (self.allocation is ListMethod.FIXED_AMOUNT) != (self.amount is not None):
            raise Failure(Exit.USAGE, "USAGE", "--amount belongs to --allocation fixed_amount")
        body: dict[str, object] = {
            "allocation": self.allocation.value,
            "leftover": self.leftover.value,
            "product": self.product.value,
        }
        if self.amount is not None:
            body["amount"] = typed_number(self.amount, "--amount")
        if self.max_new is not None:
            body["max_new"] = self.max_new
        if self.max_names is not None:
            body["max_names"] = self.max_names
        if self.min_order_value is not None:
            body["min_order_value"] = typed_number(self.min_order_value, "--min-order-value")
        return body


@expanded
def buy(
    name: Annotated[
        str | None, typer.Argument(help="The list's name.", autocompletion=completion.lists)
    ] = None,
    *,
    instruments: Annotated[
        list[str] | None,
        typer.Option("--instrument", help="Instead of a list: this one; may be repeated."),
    ] = None,
    spending: Spending,
    whom: ForWhom,
    firing: Timed,
) -> None:
    """Buy down a priority list (with --confirm): for every account the stocks it does not hold yet.

    Without --confirm nothing is sent: the plan is shown, account by account. Nobody named: the
    primary account of every client.
    """
    from phalanx.cli.instructing.draft import Draft
    from phalanx.cli.instructing.firing import run

    if (name is None) == (not instruments):
        raise Failure(Exit.USAGE, "USAGE", "say the name of a list, or --instrument")
    body: dict[str, object] = {"kind": "priority_buy"}
    body |= {"list": name} if name is not None else {"instruments": instruments}
    run(Draft(body={**body, **spending.body(), **whom.chosen(), **firing.remarks()}), firing)
