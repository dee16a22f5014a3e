"""Orders as the platform's clients place them: one client's, or one token for many clients."""

from collections.abc import Iterator, Mapping, Sequence
from typing import Annotated, Literal, TypeAlias

import msgspec
from msgspec import UNSET, Meta, Raw, UnsetType

from phalanx.api.confine import check_named
from phalanx.api.decoding import Body
from phalanx.api.exchange import Answer, Call, Door, answer_json
from phalanx.api.fields import name, not_negative, note, positive, token
from phalanx.api.new_instructions import ORD_TYPES, price_not_allowed
from phalanx.api.platform import examples, fates
from phalanx.api.platform.exits import exit_request
from phalanx.api.platform.fates import REJECTED, SKIPPED, Fate, FateOf, Share
from phalanx.api.platform.submitting import answer_without, submit
from phalanx.api.policy import TRADE_OWN
from phalanx.api.problems import Problem
from phalanx.api.shapes import ClientId, Exact, Name, Note, OrdTypeName, ProductName, Token
from phalanx.domain.events import InstructionHeld, InstructionPlanned
from phalanx.domain.instructions import BatchRequest, BatchRow, ExitRequest, OrderRequest
from phalanx.domain.instructions import Door as DoorName
from phalanx.domain.numbers import Price, Quantity
from phalanx.domain.orders import PRICED, STOPPED, OrdType, Product, Side
from phalanx.engine.state import State

ExecutionName: TypeAlias = Literal["BUY", "SELL", "EXIT"]
MaybeExact: TypeAlias = Annotated[
    Raw,
    Meta(
        description="as other numbers; null, and for an order that takes none 0, is no price",
        extra_json_schema={"type": ["string", "number", "null"]},
    ),
]

BODY_MAX = 4 * 1024 * 1024
ENTRIES_MAX = 20_000
_EXIT = "EXIT"


class _Placed(msgspec.Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    token_id: Token
    execution_type: ExecutionName
    order_type: OrdTypeName
    trade_type: ProductName
    price: MaybeExact | UnsetType = UNSET
    trigger_price: MaybeExact | UnsetType = UNSET
    tag: Note | UnsetType = UNSET


class PlaceOrder(_Placed, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """One order, for the primary account of ``client_id`` unless ``account_id`` names another.

    EXIT sells what the client holds of the token in that trade type, over all its accounts, at most
    ``quantity``. ``tag`` is a remark. ``trigger_price`` is the stop of STOP and STOP_LIMIT.
    """

    client_id: ClientId
    quantity: Exact
    account_id: Name | UnsetType = UNSET


class ClientOrder(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """How much for whom; 0 leaves the client out."""

    client_id: ClientId
    quantity: Exact


class ExecuteAll(_Placed, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """One token for many clients, planned and fired as one instruction."""

    client_orders: Annotated[list[ClientOrder], Meta(max_length=ENTRIES_MAX)]


class PlaceAnswer(msgspec.Struct, frozen=True):
    """``SUCCESS``: the broker took it; ``REJECTED``: we or the broker refused it; ``PENDING``: no
    answer within two seconds, or it waits for approval; ``UNKNOWN``: it may have been taken;
    ``SKIPPED``: there was nothing to do. ``message`` says more. ``order_id`` is ours.
    """

    status: str
    message: str
    order_id: str | None
    client_id: int


class ClientResult(msgspec.Struct, frozen=True):
    """What became of one entry, in the order in which they were sent; statuses as for one order."""

    client_id: int
    client_name: str | None
    status: str
    order_id: str | None
    message: str


class ExecuteAnswer(msgspec.Struct, frozen=True):
    """``total_orders``: entries for which an order, or a cancel, was journaled."""

    total_orders: int
    results: list[ClientResult]


class Terms(msgspec.Struct, frozen=True, gc=False):
    """How to trade, whoever and however much. ``side`` None: get out."""

    instrument: str
    side: Side | None
    product: Product
    ord_type: OrdType
    price: Price
    stop_price: Price
    remark: str


class Entry(msgspec.Struct, frozen=True, gc=False):
    """How much for whom."""

    client: int
    quantity: Quantity


_place: Body[PlaceOrder] = Body(PlaceOrder)
_execute_all: Body[ExecuteAll] = Body(ExecuteAll)


async def place_order(call: Call) -> Answer:
    """One order, or one exit, for one client: 200, whatever became of it."""
    body = call.decode(_place)
    terms = _terms(body)
    quantity = not_negative(body.quantity, "quantity")
    account = "" if body.account_id is UNSET else name(body.account_id, "account_id")
    entry = Entry(body.client_id, quantity)
    check_named(call, entry.client, account)
    owner = call.desk.state.accounts.get(account)
    if terms.side is None and owner is not None and owner.client_id != entry.client:
        detail = f"account {account} is not client {entry.client}'s"
        return await answer_without(call, _placed(entry, Fate(REJECTED, detail)))
    if not quantity:
        return answer_json(200, _placed(entry, Fate(SKIPPED, "the quantity is 0")))
    origin = call.origin(DoorName.PLATFORM, "place", terms, entry, account)
    request: OrderRequest | ExitRequest
    if terms.side is None:
        accounts = (account,) if account else ()
        request = exit_request(call.desk, terms, (entry,), accounts)
    else:
        request = OrderRequest(
            entry.client,
            account,
            terms.instrument,
            terms.side,
            terms.product,
            terms.ord_type,
            quantity,
            terms.price,
            stop_price=terms.stop_price,
        )
    planned, executed = await submit(call, origin, request, terms.remark)
    if isinstance(planned, InstructionHeld):
        return answer_json(200, _placed(entry, fates.held(planned)), executed)
    found = await fates.settled(call, planned)
    share = Share()
    for one in fates.shares_by_account(planned).values():
        share.join(one)
    return answer_json(200, _placed(entry, fates.fate(planned, share, found)), executed)


async def execute_all(call: Call) -> Answer:
    """One token for many clients: 200, with what became of each."""
    body = call.decode(_execute_all)
    terms = _terms(body)
    entries = [
        Entry(one.client_id, not_negative(one.quantity, f"client_orders[{at}].quantity"))
        for at, one in enumerate(body.client_orders)
    ]
    if terms.side is None:
        _check_once(entries)
    names = _names(call, entries)
    known = call.desk.state.primary_accounts.keys() & names.keys()
    asked = [one for one in entries if one.quantity and one.client in known]
    if not asked:
        left_out = [_left_out(one) for one in entries]
        return await answer_without(call, _executed(names, left_out, entries))
    origin = call.origin(DoorName.PLATFORM, "execute-all", terms, entries)
    request: ExitRequest | BatchRequest
    if terms.side is None:
        request = exit_request(call.desk, terms, asked)
    else:
        request = BatchRequest(tuple(_row(terms, terms.side, one) for one in asked))
    planned, executed = await submit(call, origin, request, terms.remark)
    if isinstance(planned, InstructionHeld):
        waiting = fates.held(planned)
        results = [waiting if one in asked else _left_out(one) for one in entries]
    else:
        found = await fates.settled(call, planned)
        became = _exited(call.desk.state, planned, entries, found)
        if terms.side is not None:
            became = _traded(planned, entries, found)
        results = list(became)
    return answer_json(200, _executed(names, results, entries), executed)


def _terms(body: PlaceOrder | ExecuteAll) -> Terms:
    """Raises Problem."""
    leaves = body.execution_type == _EXIT
    ord_type = ORD_TYPES[body.order_type]
    if leaves and ord_type not in {OrdType.MARKET, OrdType.LIMIT}:
        detail = "an EXIT is MARKET or LIMIT"
        raise Problem("INVALID_VALUE", detail, field="order_type")
    return Terms(
        token(body.token_id, "token_id"),
        None if leaves else Side[body.execution_type],
        Product[body.trade_type],
        ord_type,
        _price(body.price, "price", ord_type, needed=ord_type in PRICED),
        _price(body.trigger_price, "trigger_price", ord_type, needed=ord_type in STOPPED),
        "" if body.tag is UNSET else note(body.tag, "tag"),
    )


def _price(raw: Raw | UnsetType, field: str, ord_type: OrdType, *, needed: bool) -> Price:
    """The platform's clients send null, or 0 with a MARKET order, for no price."""
    is_there = raw is not UNSET and bytes(raw) != b"null"
    if needed:
        if raw is UNSET or not is_there:
            detail = f"a {ord_type.name} order needs a {field}"
            raise Problem("MISSING_FIELD", detail, field=field)
        return positive(raw, field)
    if raw is not UNSET and is_there and not_negative(raw, field):
        raise price_not_allowed(ord_type, field)
    return 0


def _check_once(entries: Sequence[Entry]) -> None:
    """What a client holds is closed once: two upper bounds for it would contradict each other."""
    seen: set[int] = set()
    for at, one in enumerate(entries):
        if one.client in seen:
            detail = f"client {one.client} is there twice"
            raise Problem("DUPLICATE_CLIENT", detail, field=f"client_orders[{at}].client_id")
        seen.add(one.client)


def _row(terms: Terms, side: Side, entry: Entry) -> BatchRow:
    return BatchRow(
        entry.client,
        "",
        terms.instrument,
        side,
        terms.product,
        terms.ord_type,
        entry.quantity,
        terms.price,
        stop_price=terms.stop_price,
    )


def _left_out(entry: Entry) -> Fate:
    if not entry.quantity:
        return Fate(SKIPPED, "the quantity is 0")
    return Fate(REJECTED, f"no client {entry.client}")


def _traded(planned: InstructionPlanned, entries: Sequence[Entry], found: FateOf) -> Iterator[Fate]:
    """Entry by entry: those that became rows are in the same order there."""
    assert isinstance(planned.request, BatchRequest)
    rows = planned.request.rows
    shares = fates.shares_by_row(planned)
    at = 0
    for entry in entries:
        if entry.quantity and at < len(rows) and rows[at].client == entry.client:
            at += 1
            yield fates.fate(planned, shares.get(at), found)
        else:
            yield _left_out(entry)


def _exited(
    state: State, planned: InstructionPlanned, entries: Sequence[Entry], found: FateOf
) -> Iterator[Fate]:
    """Entry by entry: what there was for all accounts of the client."""
    assert isinstance(planned.request, ExitRequest)
    of_client: dict[int, Share] = {
        state.accounts[account].client_id: Share() for account in planned.request.selection.accounts
    }
    for account, share in fates.shares_by_account(planned).items():
        of_client[state.accounts[account].client_id].join(share)
    for entry in entries:
        share_of = of_client.get(entry.client) if entry.quantity else None
        yield _left_out(entry) if share_of is None else fates.fate(planned, share_of, found)


def _placed(entry: Entry, fate: Fate) -> PlaceAnswer:
    return PlaceAnswer(fate.status, fate.message, fate.order_id, entry.client)


def _names(call: Call, entries: Sequence[Entry]) -> Mapping[int, str]:
    """What the clients are called that are entered, and that the caller may know of."""
    clients, reach = call.desk.state.clients, call.reach
    entered = (one.client for one in entries)
    return {one: clients[one].name for one in entered if one in clients and reach.has_client(one)}


def _executed(
    names: Mapping[int, str], results: list[Fate], entries: Sequence[Entry]
) -> ExecuteAnswer:
    return ExecuteAnswer(
        sum(fate.order_id is not None for fate in results),
        [
            ClientResult(
                entry.client,
                names.get(entry.client),
                fate.status,
                fate.order_id,
                fate.message,
            )
            for entry, fate in zip(entries, results, strict=True)
        ],
    )


_SHAPE = (
    *("MISSING_FIELD", "UNKNOWN_FIELD", "DUPLICATE_FIELD", "WRONG_TYPE", "INVALID_VALUE"),
    *("AMBIGUOUS_TOKEN", "NOT_POSITIVE", "PRICE_NOT_ALLOWED"),
)

doors: tuple[Door, ...] = (
    Door(
        "POST",
        "/api/v1/orders/place",
        place_order,
        "Place one client's order",
        PlaceAnswer,
        policy=TRADE_OWN,
        tag="trades",
        about="Waits up to two seconds for the broker. What another person has to approve first is PENDING, "
        "without an order. Under the same Idempotency-Key it waits again "
        "and says how the same order stands; nothing is sent twice.",
        body=PlaceOrder,
        examples=examples.PLACE_ORDER,
        problems=_SHAPE,
        keyed=True,
        hot=True,
    ),
    Door(
        "POST",
        "/api/v1/orders/execute-all",
        execute_all,
        "Trade one token for many clients",
        ExecuteAnswer,
        policy=TRADE_OWN,
        tag="trades",
        about="One instruction for all of them. An entry with a quantity of 0 is SKIPPED, one of an "
        "unknown client REJECTED; the others go. Waits up to two seconds for the brokers. What another "
        "person has to approve first is PENDING for all, without orders.",
        body=ExecuteAll,
        body_max=BODY_MAX,
        examples=examples.EXECUTE_ALL,
        problems=(*_SHAPE, "DUPLICATE_CLIENT", "PLAN_TOO_LARGE"),
        keyed=True,
    ),
)
