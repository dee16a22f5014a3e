"""`phalanx batch`: a basket of orders from a file, or one instrument shared out over accounts."""

from dataclasses import dataclass, fields
from enum import StrEnum
from pathlib import Path
from typing import Annotated, TypeAlias

import typer

from phalanx.cli.exit_codes import Exit, Failure
from phalanx.cli.instructing.draft import BASKETS, Draft
from phalanx.cli.option_sets import ForWhom, Timed, expanded
from phalanx.cli.options import OrderType, Product, Side, TimeInForce

BASKET_BYTES_MAX = 64 * 1024 * 1024


class Method(StrEnum):
    """How one instrument is shared out."""

    EQUAL_QUANTITY = "equal_quantity"
    FIXED_QUANTITY = "fixed_quantity"
    MULTIPLIER = "multiplier"
    EQUAL_CASH = "equal_cash"
    FIXED_CASH = "fixed_cash"
    PERCENT_OF_CASH = "percent_of_cash"
    PERCENT_OF_NET_VALUE = "percent_of_net_value"
    PERCENT_OF_POSITION = "percent_of_position"
    QUANTITIES = "quantities"
    LIKE = "like"


_BY_QUANTITY = {Method.EQUAL_QUANTITY, Method.FIXED_QUANTITY, Method.MULTIPLIER}
_BY_CASH = {Method.EQUAL_CASH, Method.FIXED_CASH}

SideOption: TypeAlias = Annotated[
    Side | None, typer.Option("--side", help="BUY or SELL.", case_sensitive=False)
]
MethodOption: TypeAlias = Annotated[
    Method | None,
    typer.Option(
        "--method",
        help="equal_… split a total, fixed_… and percent_… are for each account.",
        case_sensitive=False,
    ),
]
EachOption: TypeAlias = Annotated[
    list[str] | None,
    typer.Option("--each", help="ACCOUNT=QUANTITY or client:7=QUANTITY; may be repeated."),
]
OrderTypeOption: TypeAlias = Annotated[
    OrderType | None, typer.Option("--type", help="[default: MARKET]", case_sensitive=False)
]


@dataclass(frozen=True, kw_only=True)
class Shares:
    """What every order of a shared out instrument is, and how much each account gets."""

    side: SideOption = None
    method: MethodOption = None
    quantity: Annotated[
        str | None, typer.Option("--quantity", help="Units: in all, or for each.")
    ] = None
    amount: Annotated[str | None, typer.Option("--amount", help="Money: in all, or for each.")] = (
        None
    )
    percent: Annotated[
        str | None, typer.Option("--percent", help="Of cash, net value or position.")
    ] = None
    each: EachOption = None
    like: Annotated[
        str | None, typer.Option("--like", help="The quantities of that instruction.")
    ] = None
    product: Annotated[
        Product | None, typer.Option("--product", help="[default: DELIVERY]", case_sensitive=False)
    ] = None
    order_type: OrderTypeOption = None
    price: Annotated[str | None, typer.Option("--price", help="The limit.")] = None
    stop_price: Annotated[
        str | None, typer.Option("--stop-price", help="Where a STOP or STOP_LIMIT begins.")
    ] = None
    time_in_force: Annotated[
        TimeInForce | None,
        typer.Option("--time-in-force", help="[default: DAY]", case_sensitive=False),
    ] = None

    @property
    def said(self) -> bool:
        """Whether any of it was."""
        return any(getattr(self, field.name) for field in fields(self))

    def body(self, instrument: str) -> dict[str, object]:
        """The request. Raises Failure USAGE and those of the numbers."""
        from phalanx.cli.input.numbers import typed_number

        if self.side is None:
            raise Failure(Exit.USAGE, "USAGE", "say --side BUY or --side SELL")
        order_type = self.order_type or (
            OrderType.MARKET if self.price is None else OrderType.LIMIT
        )
        body: dict[str, object] = {
            "kind": "batch",
            "instrument": instrument,
            "side": self.side.value,
            "product": (self.product or Product.DELIVERY).value,
            "type": order_type.value,
        }
        if self.price is not None:
            body["price"] = typed_number(self.price, "--price")
        if self.stop_price is not None:
            body["stop_price"] = typed_number(self.stop_price, "--stop-price")
        if self.time_in_force is not None:
            body["time_in_force"] = self.time_in_force.value
        return {**body, "allocation": self.allocation()}

    def allocation(self) -> dict[str, object]:
        """How much each account gets. Raises Failure USAGE."""
        from phalanx.cli.input.members import quantities
        from phalanx.cli.input.numbers import typed_number, typed_percent

        method = self._method()
        given = {
            "quantity": self.quantity,
            "amount": self.amount,
            "percent": self.percent,
            "each": self.each,
            "like": self.like,
        }
        wanted = _wanted(method)
        others = [name for name, value in given.items() if value and name != wanted]
        if others or not given[wanted]:
            detail = f"{method.value} takes --{wanted} and no other measure"
            raise Failure(Exit.USAGE, "USAGE", detail)
        if self.each:
            return {"method": method.value, "quantities": quantities(self.each)}
        if self.like:
            return {"method": method.value, "instruction": self.like}
        check = typed_percent if wanted == "percent" else typed_number
        return {"method": method.value, wanted: check(str(given[wanted]), f"--{wanted}")}

    def _method(self) -> Method:
        """The one that was said, or the one that --each and --like speak of."""
        if self.method is not None:
            return self.method
        if self.each:
            return Method.QUANTITIES
        if self.like:
            return Method.LIKE
        raise Failure(Exit.USAGE, "USAGE", "say how it is shared out: --method, --each or --like")


@expanded
def batch(
    what: Annotated[
        str, typer.Argument(help="A CSV file (- reads the standard input), or an instrument.")
    ],
    *,
    shares: Shares,
    whom: ForWhom,
    firing: Timed,
) -> None:
    """Send many orders as one (with --confirm).

    A basket file, or one instrument shared out over many accounts. Without --confirm nothing is
    sent: the plan is shown, account by account. A file has the columns client or account,
    instrument, side, quantity, and as wanted product, type, price, stop_price, time_in_force.
    """
    from phalanx.cli.input.names import is_file
    from phalanx.cli.instructing.firing import run

    if not is_file(what):
        body = {**shares.body(what), **whom.chosen(), **firing.remarks()}
        run(Draft(body=body), firing)
        return
    if shares.said or whom.chosen():
        raise Failure(Exit.USAGE, "USAGE", "a basket file says itself what is for whom")
    if firing.fire_at is not None:
        raise Failure(Exit.USAGE, "USAGE", "--at is not for a basket file")
    run(_basket(Path(what), firing), firing)


def _basket(path: Path, firing: Timed) -> Draft:
    from phalanx.cli.input.files import read_bounded

    content = read_bounded(path, BASKET_BYTES_MAX)
    terms = {name: str(value) for name, value in firing.remarks().items()}
    return Draft(BASKETS, content=content, parameters={**terms})


def _wanted(method: Method) -> str:
    """Which measure a method takes."""
    if method in _BY_QUANTITY:
        return "quantity"
    if method in _BY_CASH:
        return "amount"
    if method is Method.QUANTITIES:
        return "each"
    return "like" if method is Method.LIKE else "percent"
