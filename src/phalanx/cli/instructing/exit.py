"""`phalanx exit`: get out of an instrument, a trade, some accounts, or everything."""

from dataclasses import dataclass
from enum import StrEnum
from typing import Annotated

import typer

from phalanx.cli.exit_codes import Exit, Failure
from phalanx.cli.option_sets import ForWhom, Timed, expanded
from phalanx.cli.options import Product


class Scope(StrEnum):
    """What was opened today, what was held before, or both."""

    POSITIONS = "positions"
    HOLDINGS = "holdings"
    BOTH = "both"


@dataclass(frozen=True, kw_only=True)
class Leaving:
    """What is left, and how much of it."""

    trade: Annotated[
        str | None, typer.Option("--trade", help="Of this trade: the id of its opening order.")
    ] = None
    everything: Annotated[
        bool, typer.Option("--everything", help="Of all instruments, for everybody.")
    ] = False
    percent: Annotated[
        str | None, typer.Option("--percent", help="Only so much of it. [default: 100]")
    ] = None
    scope: Annotated[
        Scope | None,
        typer.Option(
            "--scope",
            help="[default: both by instrument or trade, else positions]",
            case_sensitive=False,
        ),
    ] = None
    quantity: Annotated[
        str | None, typer.Option("--quantity", help="At most so much per account.")
    ] = None
    product: Annotated[
        Product | None,
        typer.Option("--product", help="Only this product.", case_sensitive=False),
    ] = None
    price: Annotated[
        str | None, typer.Option("--price", help="At this limit instead of at market.")
    ] = None

    def body(self) -> dict[str, object]:
        """The fields of a request, as far as they were said. Raises Failure of the numbers."""
        from phalanx.cli.input.numbers import typed_number, typed_percent

        said: dict[str, object] = {
            "trade": self.trade,
            "everything": self.everything or None,
            "scope": None if self.scope is None else self.scope.value,
            "product": None if self.product is None else self.product.value,
        }
        if self.percent is not None:
            said["percent"] = typed_percent(self.percent, "--percent")
        if self.quantity is not None:
            said["quantity"] = typed_number(self.quantity, "--quantity")
        if self.price is not None:
            said["price"] = typed_number(self.price, "--price")
        return {name: value for name, value in said.items() if value is not None}


@expanded
def exit_(
    instrument: Annotated[
        str | None, typer.Argument(help="Of this instrument: name, 2885 or NSE:2885.")
    ] = None,
    *,
    leaving: Leaving,
    whom: ForWhom,
    firing: Timed,
) -> None:
    """Get out of what is held (with --confirm).

    Cancels what works on the other side and sells what is held. Without --confirm nothing is sent:
    the plan is shown, account by account. It never sells more than is held, and buys a short back.
    """
    from phalanx.cli.instructing.draft import Draft
    from phalanx.cli.instructing.firing import run

    named = [bool(instrument), bool(leaving.trade), leaving.everything]
    if sum(named) > 1 or not (any(named) or whom.chosen()):
        detail = "say what to exit: an instrument, --trade, --everything, or for whom"
        raise Failure(Exit.USAGE, "USAGE", detail)
    body: dict[str, object] = {"kind": "exit"}
    if instrument:
        body["instrument"] = instrument
    run(Draft(body={**body, **leaving.body(), **whom.chosen(), **firing.remarks()}), firing)
