"""Getting out of trades: of one, or of one token for some clients or for everybody."""

from collections.abc import Iterator, Mapping
from typing import Annotated, TypeAlias

import msgspec
from msgspec import UNSET, Meta, UnsetType

from phalanx.api.decoding import Body
from phalanx.api.exchange import Answer, Call, Door, answer_json
from phalanx.api.fields import token
from phalanx.api.platform import examples, fates
from phalanx.api.platform.fates import Fate, FateOf
from phalanx.api.platform.submitting import answer_without, submit
from phalanx.api.platform.trades import PATH
from phalanx.api.policy import TRADE_OWN
from phalanx.api.shapes import ClientId
from phalanx.api.submission import trade_exit
from phalanx.desk.desk import Desk
from phalanx.domain.accounts import AccountId, split_book
from phalanx.domain.events import InstructionHeld, InstructionPlanned
from phalanx.domain.instructions import CancelDraft, ExitRequest, Selection
from phalanx.domain.instructions import Door as DoorName
from phalanx.domain.orders import ClOrdId

CLIENTS_MAX = 100_000
BODY_MAX = 1024 * 1024

ClientIds: TypeAlias = Annotated[list[ClientId], Meta(max_length=CLIENTS_MAX)]


class ExitClients(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """For whom; without ``client_ids`` everybody who holds it."""

    client_ids: ClientIds | UnsetType = UNSET


class TradeExit(msgspec.Struct, frozen=True, gc=False):
    """What became of one trade. ``order_id`` is the order that closes it, or of one that has bought
    nothing yet, the buy that is canceled. ``trade_id`` is null where a client had none to close.
    """

    trade_id: str | None
    client_id: int | None
    status: str
    order_id: str | None
    error: str | None


class TradeExits(msgspec.Struct, frozen=True):
    """Statuses as for POST /orders/place. ``total_trades`` counts the results that name a trade."""

    total_trades: int
    results: list[TradeExit]


_clients: Body[list[int] | ExitClients] = Body(ClientIds | ExitClients)


async def exit_trade(call: Call) -> Answer:
    """Sell all that is left of one trade, or cancel the buy that it waits for."""
    trade_id = call.path("trade_id")
    origin = call.origin(DoorName.PLATFORM, "exit trade", trade_id)
    request = ExitRequest(trade=trade_id)
    if not call.is_repeat(origin):
        request = await trade_exit(call, request)
    planned, executed = await submit(call, origin, request)
    if isinstance(planned, InstructionHeld):
        return answer_json(
            200, TradeExits(1, [_result(trade_id, None, fates.held(planned))]), executed
        )
    found = await fates.settled(call, planned)
    state = call.desk.state
    shares = fates.shares_by_account(planned)
    account = next(iter(shares), None)
    client = None if account is None else state.accounts[account].client_id
    share = None if account is None else shares[account]
    result = _result(trade_id, client, fates.fate(planned, share, found))
    return answer_json(200, TradeExits(1, [result]), executed)


async def exit_by_token(call: Call) -> Answer:
    """One exit of a token, for those clients or for everybody."""
    called = token(call.path("token"), "token")
    clients = _asked(call.decode(_clients))
    there, reach = call.desk.state.clients, call.reach
    known = None
    unknown: list[int] = []
    if clients is not None:
        known = [client for client in clients if client in there and reach.has_client(client)]
        unknown = [client for client in clients if client not in known]
        if not known:
            nobody = [_no_client(one) for one in unknown]
            return await answer_without(call, TradeExits(0, nobody))
    origin = call.origin(DoorName.PLATFORM, "exit by token", called, clients)
    request = ExitRequest(called, selection=Selection(clients=tuple(known or ())))
    planned, executed = await submit(call, origin, request)
    if isinstance(planned, InstructionHeld):
        waiting = [_result(None, client, fates.held(planned)) for client in known or (None,)]
        waiting += [_no_client(one) for one in unknown]
        return answer_json(200, TradeExits(0, waiting), executed)
    found = await fates.settled(call, planned)
    results = list(_closed_trades(call.desk, planned, found))
    trades = len(results)
    results += _without_trade(call.desk, planned, found)
    results += [_no_client(one) for one in unknown]
    return answer_json(200, TradeExits(trades, results), executed)


def _asked(body: list[int] | ExitClients) -> list[int] | None:
    """The clients that a body names, each once; None: it names nobody, so everybody is meant."""
    ids = body.client_ids if isinstance(body, ExitClients) else body
    return None if ids is UNSET else list(dict.fromkeys(ids))


def _closed_trades(desk: Desk, planned: InstructionPlanned, found: FateOf) -> Iterator[TradeExit]:
    """Trade by trade: what closes it, else the cancel of the buy that it waits for."""
    orders: dict[ClOrdId, list[ClOrdId]] = {}
    owners: dict[ClOrdId, AccountId] = {}
    for draft in planned.orders:
        for closing in draft.closes:
            orders.setdefault(closing.lot, []).append(draft.cl_ord_id)
            owners[closing.lot] = split_book(draft.book)[0]
    for trade, closers in orders.items():
        yield _result(trade, _client(desk, owners[trade]), fates.fate_of_orders(closers, found))
    called_back: dict[ClOrdId, list[CancelDraft]] = {}
    for cancel in planned.cancels:
        trade = cancel.lot or cancel.cl_ord_id
        if fates.calls_back_a_buy(cancel) and trade not in orders:
            called_back.setdefault(trade, []).append(cancel)
    for trade, cancels in called_back.items():
        client = _client(desk, split_book(cancels[0].book)[0])
        yield _result(trade, client, fates.fate_of_cancels(cancels, found))


def _without_trade(desk: Desk, planned: InstructionPlanned, found: FateOf) -> Iterator[TradeExit]:
    """What is bought back, and who had nothing to close, or nothing that may be closed."""
    for draft in planned.orders:
        if not draft.closes:
            client = _client(desk, split_book(draft.book)[0])
            yield _result(None, client, fates.fate_of_orders((draft.cl_ord_id,), found))
    shares: Mapping[AccountId, fates.Share] = fates.shares_by_account(planned)
    for account, share in shares.items():
        # The cancel of a sell makes room for another one: that is told of once it is there.
        if not share.orders and not any(map(fates.calls_back_a_buy, share.cancels)):
            yield _result(None, _client(desk, account), fates.fate(planned, share, found))
    if not shares and planned.refusal is not None:
        yield _result(None, None, fates.fate(planned, None, found))


def _client(desk: Desk, account: AccountId) -> int:
    return desk.state.accounts[account].client_id


def _result(trade: ClOrdId | None, client: int | None, fate: Fate) -> TradeExit:
    failed = fate.status != fates.SUCCESS
    return TradeExit(trade, client, fate.status, fate.order_id, fate.message if failed else None)


def _no_client(client: int) -> TradeExit:
    return TradeExit(None, client, fates.REJECTED, None, f"no client {client}")


_PROBLEMS = ("VIEWS_UNAVAILABLE",)

doors: tuple[Door, ...] = (
    Door(
        "POST",
        f"{PATH}/exit-by-token/{{token}}",
        exit_by_token,
        "Get out of a token",
        TradeExits,
        policy=TRADE_OWN,
        tag="trades",
        about="One instruction. The body is a list of client ids, or an object with `client_ids`, or "
        "is left out: then it is for everybody. Sells positions and holdings in every trade type.",
        body=ClientIds | ExitClients,
        body_optional=True,
        body_max=BODY_MAX,
        examples=examples.EXIT_BY_TOKEN,
        problems=("AMBIGUOUS_TOKEN", *_PROBLEMS),
        keyed=True,
    ),
    Door(
        "POST",
        f"{PATH}/{{trade_id}}/exit",
        exit_trade,
        "Get out of a trade",
        TradeExits,
        policy=TRADE_OWN,
        tag="trades",
        about="Sells what is left of it; one that has bought nothing yet is canceled.",
        problems=_PROBLEMS,
        keyed=True,
    ),
)
