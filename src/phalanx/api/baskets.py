"""Baskets: a CSV of orders is a batch, row by row, and goes the same way as one in JSON."""

import re
from collections.abc import Mapping
from functools import partial
from typing import TypeVar

import msgspec
from msgspec import UNSET, UnsetType

from phalanx.api import examples
from phalanx.api.exchange import Answer, Call, Door
from phalanx.api.fields import name, note
from phalanx.api.instruction_shapes import ModeName, OnMovedName
from phalanx.api.new_instructions import ORD_TYPES, NewInstruction, price_not_allowed
from phalanx.api.outcomes import PlannedInstruction, PreviewedInstruction
from phalanx.api.policy import TRADE_OWN
from phalanx.api.shapes import ID_MAX, ExpiresS, Note
from phalanx.api.submission import BODY_MAX, give, preview, read_aside
from phalanx.api.tables import file_problem
from phalanx.domain.accounts import Mode
from phalanx.domain.instructions import BatchRequest, BatchRow
from phalanx.domain.instructions import Door as DoorName
from phalanx.domain.numbers import Price
from phalanx.domain.orders import PRICED, STOPPED, OrdType, Product, Side, TimeInForce
from phalanx.market.cells import restored
from phalanx.market.table import ImportCode, ImportFault, Row, read_rows, shown

Word = TypeVar("Word")

PATH = "/api/v1/baskets"
REQUIRED = ("instrument", "side", "quantity")
OPTIONAL = ("client", "account", "product", "type", "price", "stop_price", "time_in_force")
_CLIENT = re.compile(r"[1-9][0-9]*", re.ASCII)
_WORD = re.compile(r"[A-Z_-]+", re.ASCII)
_WORD_MAX = 16
_SIDES = {side.name: side for side in Side}
_PRODUCTS = {product.name: product for product in Product}
_TIMES_IN_FORCE = {one.name: one for one in TimeInForce}


class BasketQuery(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """What is said of the basket as a whole."""

    note: Note = ""
    mode: ModeName | UnsetType = UNSET
    expires_s: ExpiresS | UnsetType = UNSET
    preview: str | UnsetType = UNSET
    on_moved: OnMovedName | UnsetType = UNSET


async def post_basket(call: Call) -> Answer:
    """A CSV of orders as one instruction: 202 once its plan is durable."""
    return await give(call, DoorName.INSTRUCTIONS, await _asked(call))


async def preview_basket(call: Call) -> Answer:
    """A CSV of orders: what it would come to now."""
    return await preview(call, DoorName.INSTRUCTIONS, await _asked(call))


async def _asked(call: Call) -> NewInstruction:
    query = call.query(BasketQuery)
    mode = None if query.mode is UNSET else Mode[query.mode.upper()]
    return NewInstruction(
        await read_aside(call, partial(read_basket, mode=mode)),
        note(query.note),
        None if query.expires_s is UNSET else query.expires_s,
        None,
        "" if query.preview is UNSET else name(query.preview, "preview"),
        "" if query.on_moved is UNSET else query.on_moved,
    )


def read_basket(content: bytes, mode: Mode | None = None) -> BatchRequest:
    """The rows of a CSV, all or none. Raises Problem with the line of what is wrong."""
    try:
        return BatchRequest(tuple(map(_row, read_rows(content, REQUIRED, OPTIONAL))), mode)
    except ImportFault as fault:
        raise file_problem(fault) from None


def _row(row: Row) -> BatchRow:
    client, account = _who(row)
    ord_type = _one_of(row, "type", ORD_TYPES, OrdType.MARKET)
    return BatchRow(
        client,
        account,
        restored(row.name("instrument")),
        _one_of(row, "side", _SIDES, None),
        _one_of(row, "product", _PRODUCTS, Product.DELIVERY),
        ord_type,
        row.positive("quantity"),
        _price(row, "price", ord_type, needed=ord_type in PRICED),
        _one_of(row, "time_in_force", _TIMES_IN_FORCE, TimeInForce.DAY),
        _price(row, "stop_price", ord_type, needed=ord_type in STOPPED),
    )


def _who(row: Row) -> tuple[int, str]:
    if not (row.has("client") or row.has("account")):
        raise ImportFault(ImportCode.MISSING_COLUMN, 1, "account", "or client")
    client = row.optional("client", _CLIENT, len(str(ID_MAX)))
    account = restored(row.name("account")) if row.given("account") else ""
    if not client and not account:
        raise row.fault(ImportCode.EMPTY_FIELD, "account", "name a client or an account")
    if client and int(client) > ID_MAX:
        raise row.fault(ImportCode.BAD_NUMBER, "client", shown(client))
    return int(client or 0), account


def _one_of(row: Row, column: str, words: Mapping[str, Word], default: Word | None) -> Word:
    """What a word stands for; without a default it must be there."""
    text = row.optional(column, _WORD, _WORD_MAX)
    if not text:
        if default is None:
            raise row.fault(ImportCode.EMPTY_FIELD, column)
        return default
    if text not in words:
        detail = f"{shown(text)} is not one of {', '.join(words)}"
        raise row.fault(ImportCode.BAD_TEXT, column, detail)
    return words[text]


def _price(row: Row, column: str, ord_type: OrdType, *, needed: bool) -> Price:
    if needed:
        return row.positive(column)
    if row.amount(column):
        raise price_not_allowed(ord_type, column, row.line)
    return 0


_PROBLEMS = (
    *("EMPTY_FILE", "MISSING_COLUMN", "UNKNOWN_COLUMN", "DUPLICATE_COLUMN", "WRONG_FIELD_COUNT"),
    *("BAD_CSV", "EMPTY_FIELD", "BAD_TEXT", "BAD_NUMBER", "NOT_POSITIVE", "PRICE_NOT_ALLOWED"),
    *("PLAN_TOO_LARGE", "CONTRADICTING_FIELDS"),
)
_ABOUT = (
    "The columns instrument, side, quantity, and client or account; and where wanted product, type, "
    "price, stop_price and time_in_force, in any order. Each row is an order of a batch; without "
    "more it is DELIVERY, MARKET and DAY. The file is read whole or not at all: what is wrong with "
    "it is said with its line. A basket that names a client, an account or an instrument that there is "
    "not is refused whole, with the row; a row that may not go for another reason is a skip. "
)

doors: tuple[Door, ...] = (
    Door(
        "POST",
        PATH,
        post_basket,
        "Give a basket",
        PlannedInstruction,
        202,
        policy=TRADE_OWN,
        tag="instructions",
        about=f"{_ABOUT}Answers as a batch does.",
        body=bytes,
        body_max=BODY_MAX,
        media_type="text/csv",
        query=BasketQuery,
        examples={"two rows": examples.BASKET_CSV},
        problems=(*_PROBLEMS, "PREVIEW_EXPIRED", "PREVIEW_MISMATCH", "MOVED"),
        keyed=True,
    ),
    Door(
        "POST",
        f"{PATH}/preview",
        preview_basket,
        "Preview a basket",
        PreviewedInstruction,
        policy=TRADE_OWN,
        tag="instructions",
        about=f"{_ABOUT}Nothing is done; the token fires exactly this.",
        body=bytes,
        body_max=BODY_MAX,
        media_type="text/csv",
        query=BasketQuery,
        examples={"two rows": examples.BASKET_CSV},
        problems=_PROBLEMS,
    ),
)
