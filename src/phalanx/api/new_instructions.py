"""From a body to what was asked: the engine's request and the terms it was given under.

Pure, so that a large body can be read in a thread. What depends on the state of the desk (whose
primary account a client's is, what another instruction's quantities were) is left open here and
is ``submission``'s to fill in: a repeat under an idempotency key must be the same command whatever
the state is by then.
"""

import re
from collections.abc import Mapping
from datetime import UTC, datetime, timedelta

import msgspec
from msgspec import UNSET, Raw, UnsetType

from phalanx.api.fields import basis_points, name, not_negative, note, positive, token
from phalanx.api.instruction_shapes import (
    AccountQuantity,
    AllocationBody,
    BatchInstruction,
    BatchLine,
    ExitInstruction,
    ForMany,
    Instructed,
    InstructionBody,
    OrderInstruction,
    PriorityBuyInstruction,
    SignalInstruction,
)
from phalanx.api.problems import Problem
from phalanx.domain.accounts import AccountId, Mode
from phalanx.domain.allocation import Allocation, Leftover, ListAllocation, ListMethod, Method
from phalanx.domain.instructions import (
    AllocatedRequest,
    BatchRequest,
    BatchRow,
    ExitRequest,
    ExitScope,
    InstructionRequest,
    OrderRequest,
    PriorityBuyRequest,
    Selection,
    SignalRequest,
)
from phalanx.domain.numbers import BASIS_POINTS, Price, Quantity
from phalanx.domain.orders import PRICED, STOPPED, OrdType, Product, Side, TimeInForce
from phalanx.domain.time import MICROSECOND, Nanoseconds

ORD_TYPES: Mapping[str, OrdType] = {
    "MARKET": OrdType.MARKET,
    "LIMIT": OrdType.LIMIT,
    "STOP": OrdType.STOP,
    "SL-M": OrdType.STOP,
    "STOP_LIMIT": OrdType.STOP_LIMIT,
    "SL": OrdType.STOP_LIMIT,
}
# Looked up here: an enum's own look-up by name takes a call of Python for each.
_SIDES: Mapping[str, Side] = dict(Side.__members__)
_PRODUCTS: Mapping[str, Product] = dict(Product.__members__)
_FIELD_OF: Mapping[Method, str] = {
    Method.QUANTITIES: "quantities",
    Method.EQUAL_QUANTITY: "quantity",
    Method.FIXED_QUANTITY: "quantity",
    Method.MULTIPLIER: "quantity",
    Method.EQUAL_CASH: "amount",
    Method.FIXED_CASH: "amount",
    Method.PERCENT_OF_CASH: "percent",
    Method.PERCENT_OF_NET_VALUE: "percent",
    Method.PERCENT_OF_POSITION: "percent",
    Method.LIKE: "instruction",
}
"""The one field that a method of allocation takes."""
_MOMENT = re.compile(
    r"[0-9]{4}-[0-9]{2}-[0-9]{2}T[0-9]{2}:[0-9]{2}(:[0-9]{2}(\.[0-9]{1,6})?)?"
    r"(Z|[+-][0-9]{2}:[0-9]{2})"
)
_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_KEPT_TO: Nanoseconds = 1 << 63


class Size(msgspec.Struct, frozen=True, gc=False):
    """A quantity for an account, or where that is empty for the primary account of ``client``."""

    account: AccountId
    client: int
    quantity: Quantity


class NewInstruction(msgspec.Struct, frozen=True):
    """An instruction as it was asked for; equal for bodies that mean the same.

    ``fire_at``: wall time, None for now. ``preview``: the token to fire from, empty for none, with
    ``on_moved``, which was said or is empty. ``sizes``: the allocation's quantities,
    which are not in ``request`` yet.
    """

    request: InstructionRequest
    note: str = ""
    expires_s: int | None = None
    fire_at: Nanoseconds | None = None
    preview: str = ""
    on_moved: str = ""
    sizes: tuple[Size, ...] = ()


class OrderTerms(msgspec.Struct, frozen=True, gc=False):
    """How an order is to be traded, of whom and of how much aside."""

    product: Product
    ord_type: OrdType
    price: Price
    time_in_force: TimeInForce
    stop_price: Price


def read_instruction(body: InstructionBody) -> NewInstruction:
    """What a body asks for. Raises Problem."""
    request: InstructionRequest
    sizes: tuple[Size, ...] = ()
    match body:
        case SignalInstruction():
            request = _signal(body)
        case OrderInstruction():
            request = order_request(body)
        case PriorityBuyInstruction():
            request = _priority_buy(body)
        case BatchInstruction():
            request, sizes = _batch(body)
        case ExitInstruction():
            request = _exit(body)
    return NewInstruction(
        request,
        "" if body.note is UNSET else note(body.note),
        None if body.expires_s is UNSET else body.expires_s,
        None if body.fire_at is UNSET else moment(body.fire_at, "fire_at"),
        "" if body.preview is UNSET else name(body.preview, "preview"),
        "" if body.on_moved is UNSET else body.on_moved,
        sizes,
    )


def moment(text: str, field: str) -> Nanoseconds:
    """An instant as nanoseconds. Raises Problem ``INVALID_TIME``, also for one without an offset."""
    detail = "not a time with an offset such as 2026-11-20T09:15:00+05:30"
    if _MOMENT.fullmatch(text) is None:
        raise Problem("INVALID_TIME", detail, field=field)
    try:
        since = datetime.fromisoformat(text) - _EPOCH
    except ValueError:
        raise Problem("INVALID_TIME", detail, field=field) from None
    found = since // timedelta(microseconds=1) * MICROSECOND
    if abs(found) >= _KEPT_TO:
        raise Problem("INVALID_TIME", "too far from now to be kept", field=field)
    return found


def _signal(body: SignalInstruction) -> SignalRequest:
    return SignalRequest(
        name(body.strategy, "strategy"),
        token(body.instrument, "instrument"),
        Side[body.position],
        _selection(body),
    )


def order_request(body: OrderInstruction) -> OrderRequest:
    """An order as the engine takes it. Raises Problem."""
    client, account = _who(body.client, body.account_id, "account_id")
    terms = _terms(body)
    return OrderRequest(
        client,
        account,
        token(body.instrument, "instrument"),
        _SIDES[body.side],
        terms.product,
        terms.ord_type,
        positive(body.quantity, "quantity"),
        terms.price,
        terms.time_in_force,
        terms.stop_price,
        _mode(body),
    )


def _priority_buy(body: PriorityBuyInstruction) -> PriorityBuyRequest:
    if body.list is not UNSET and body.instruments is not UNSET:
        raise _contradiction("instruments", "list")
    if body.list is UNSET and body.instruments is UNSET:
        raise Problem("MISSING_FIELD", "list or instruments must be there", field="list")
    method = ListMethod(body.allocation or ListMethod.EQUAL_SPLIT)
    if method is ListMethod.FIXED_AMOUNT and body.amount is UNSET:
        raise Problem("MISSING_FIELD", "fixed_amount needs an amount", field="amount")
    if method is ListMethod.EQUAL_SPLIT and body.amount is not UNSET:
        raise _contradiction("amount", "equal_split")
    least = body.min_order_value
    return PriorityBuyRequest(
        "" if body.list is UNSET else name(body.list, "list"),
        tuple(token(one, f"instruments[{at}]") for at, one in enumerate(body.instruments or ())),
        ListAllocation(
            method,
            0 if body.amount is UNSET else positive(body.amount, "amount"),
            Leftover(body.leftover or Leftover.KEEP),
            0 if least is UNSET else not_negative(least, "min_order_value"),
        ),
        body.max_new or 0,
        body.max_names or 0,
        Product[body.product or "DELIVERY"],
        _selection(body),
    )


def _batch(body: BatchInstruction) -> tuple[InstructionRequest, tuple[Size, ...]]:
    if body.rows is UNSET:
        return _allocated(body)
    for field in (
        *("instrument", "side", "allocation", "product", "type", "price", "stop_price"),
        *("time_in_force", "accounts", "clients", "groups"),
    ):
        if getattr(body, field) is not UNSET:
            raise _contradiction(field, "rows")
    rows = tuple(_row(line, f"rows[{at}].") for at, line in enumerate(body.rows))
    return BatchRequest(rows, _mode(body)), ()


def _row(line: BatchLine, at: str) -> BatchRow:
    client, account = _who(line.client, line.account_id, f"{at}account_id")
    terms = _terms(line, at)
    return BatchRow(
        client,
        account,
        token(line.instrument, f"{at}instrument"),
        Side[line.side],
        terms.product,
        terms.ord_type,
        positive(line.quantity, f"{at}quantity"),
        terms.price,
        terms.time_in_force,
        terms.stop_price,
    )


def _allocated(body: BatchInstruction) -> tuple[AllocatedRequest, tuple[Size, ...]]:
    if body.instrument is UNSET:
        raise Problem("MISSING_FIELD", "rows or instrument must be there", field="rows")
    if body.side is UNSET:
        raise Problem("MISSING_FIELD", "side is missing", field="side")
    if body.allocation is UNSET:
        raise Problem("MISSING_FIELD", "allocation is missing", field="allocation")
    allocation, sizes = _allocation(body.allocation)
    terms = _terms(body)
    request = AllocatedRequest(
        token(body.instrument, "instrument"),
        Side[body.side],
        terms.product,
        terms.ord_type,
        allocation,
        terms.price,
        terms.time_in_force,
        terms.stop_price,
        _selection(body),
    )
    return request, sizes


def _allocation(body: AllocationBody) -> tuple[Allocation, tuple[Size, ...]]:
    method = Method(body.method)
    takes = _FIELD_OF[method]
    for field in dict.fromkeys(_FIELD_OF.values()):
        if field != takes and getattr(body, field) is not UNSET:
            raise _contradiction(f"allocation.{field}", method)
    value = getattr(body, takes)
    place = f"allocation.{takes}"
    if value is UNSET:
        raise Problem("MISSING_FIELD", f"{method} needs {takes}", field=place)
    if method is Method.QUANTITIES:
        sizes = (_size(one, f"{place}[{at}].") for at, one in enumerate(value))
        return Allocation(method), tuple(sizes)
    if method is Method.LIKE:
        return Allocation(method, instruction=name(value, place)), ()
    amount = basis_points(value, place) if takes == "percent" else positive(value, place)
    return Allocation(method, amount), ()


def _size(body: AccountQuantity, at: str) -> Size:
    client, account = _who(body.client, body.account, f"{at}account")
    if client and account:
        raise _contradiction(f"{at}client", "account")
    return Size(account, client, not_negative(body.quantity, f"{at}quantity"))


def _exit(body: ExitInstruction) -> ExitRequest:
    selection = _selection(body)
    _check_chosen(body, by_whom=not selection.is_everybody)
    one = body.instrument is not UNSET or body.trade is not UNSET
    for field in ("quantity", "price"):
        if not one and getattr(body, field) is not UNSET:
            detail = f"{field} needs an instrument or a trade"
            raise Problem("CONTRADICTING_FIELDS", detail, field=field)
    scope = ExitScope.BOTH if one else ExitScope.POSITIONS
    return ExitRequest(
        "" if body.instrument is UNSET else token(body.instrument, "instrument"),
        "" if body.trade is UNSET else name(body.trade, "trade"),
        BASIS_POINTS if body.percent is UNSET else basis_points(body.percent, "percent"),
        scope if body.scope is UNSET else ExitScope[body.scope.upper()],
        selection,
        (),
        None if body.product is UNSET else Product[body.product],
        0 if body.price is UNSET else positive(body.price, "price"),
        0 if body.quantity is UNSET else positive(body.quantity, "quantity"),
    )


def _check_chosen(body: ExitInstruction, *, by_whom: bool) -> None:
    """What to get out of is said once: nothing at all is never everything."""
    everything = body.everything is True
    whom = next((f for f in ("accounts", "clients", "groups") if getattr(body, f)), "accounts")
    chosen = {
        "instrument": body.instrument is not UNSET,
        "trade": body.trade is not UNSET,
        whom: by_whom,
    }
    for field, is_there in chosen.items():
        if everything and is_there:
            raise _contradiction(field, "everything")
    if chosen["trade"] and (chosen["instrument"] or by_whom):
        raise _contradiction("instrument" if chosen["instrument"] else whom, "trade")
    if not everything and not any(chosen.values()):
        detail = "name an instrument, a trade, accounts, clients or groups, or say everything: true"
        raise Problem("NOTHING_CHOSEN", detail, field="everything")


def _who(
    client: int | UnsetType, account: str | UnsetType, account_field: str
) -> tuple[int, AccountId]:
    if client is UNSET and account is UNSET:
        place, _, last = account_field.rpartition(".")
        detail = f"client or {last} must be there"
        field = f"{place}.client" if place else "client"
        raise Problem("MISSING_FIELD", detail, field=field)
    return (
        0 if client is UNSET else client,
        "" if account is UNSET else name(account, account_field),
    )


def _terms(body: OrderInstruction | BatchInstruction | BatchLine, at: str = "") -> OrderTerms:
    ord_type = OrdType.MARKET if body.type is UNSET else ORD_TYPES[body.type]
    return OrderTerms(
        Product.DELIVERY if body.product is UNSET else _PRODUCTS[body.product],
        ord_type,
        _price(body.price, ord_type, f"{at}price", needed=ord_type in PRICED),
        TimeInForce.DAY if body.time_in_force is UNSET else TimeInForce[body.time_in_force],
        _price(body.stop_price, ord_type, f"{at}stop_price", needed=ord_type in STOPPED),
    )


def _price(raw: Raw | UnsetType, ord_type: OrdType, field: str, *, needed: bool) -> Price:
    if raw is UNSET:
        if needed:
            called = field.rpartition(".")[2]
            raise Problem("MISSING_FIELD", f"a {ord_type.name} order needs a {called}", field=field)
        return 0
    if not needed:
        raise price_not_allowed(ord_type, field)
    return positive(raw, field)


def price_not_allowed(ord_type: OrdType, field: str, line: int | None = None) -> Problem:
    """An order of that type has no such price."""
    detail = f"a {ord_type.name} order takes no {field.rpartition('.')[2]}"
    return Problem("PRICE_NOT_ALLOWED", detail, field=field, line=line)


def _selection(body: ForMany) -> Selection:
    return Selection(
        tuple(name(one, f"accounts[{at}]") for at, one in enumerate(body.accounts or ())),
        tuple(body.clients or ()),
        tuple(name(one, f"groups[{at}]") for at, one in enumerate(body.groups or ())),
        _mode(body),
    )


def _mode(body: Instructed) -> Mode | None:
    return None if body.mode is UNSET else Mode[body.mode.upper()]


def _contradiction(field: str, other: str) -> Problem:
    return Problem("CONTRADICTING_FIELDS", f"{field} does not go with {other}", field=field)
