"""Trades: each buy and what became of it, as the platform shows them."""

from collections.abc import Mapping
from typing import Annotated, Literal, TypeAlias

import msgspec
from msgspec import Meta

from phalanx.api.exchange import NO_STORE, Answer, Call, Door
from phalanx.api.lists import ClientFilter, Skip, ViewLimit
from phalanx.api.naming import find_key
from phalanx.api.platform.shapes import (
    ZERO,
    ClientBrief,
    Number,
    TokenBrief,
    maybe_number,
    number,
    token_brief,
)
from phalanx.api.policy import READ_OWN
from phalanx.api.problems import Problem
from phalanx.api.reading import gently, read_views
from phalanx.api.tables import FormatName, csv_answer
from phalanx.desk.desk import Desk
from phalanx.domain.time import iso
from phalanx.views.queries import Views
from phalanx.views.rows import TradeOrigin, TradeRow, TradeStatus

PATH = "/api/v1/trades"
_encode = msgspec.json.Encoder().encode

TradeStatusName: TypeAlias = Literal["PENDING", "ACTIVE", "CLOSED"]
OriginName: TypeAlias = Literal["order", "adopted", "outside"]
Reference: TypeAlias = Annotated[str, Meta(max_length=128)]


class TradeAnswer(msgspec.Struct, frozen=True, gc=False):
    """One buy and what became of it, its slices together. ``id`` and ``trade_id`` are the same text, the
    id of the (first) order that opened it. ``quantity`` is what it bought, while PENDING what it is
    to buy; of that ``margin_required`` is the full value of what is still held or ordered,
    ``margin_blocked`` what its waiting order sets aside. ``avg_price`` is null while nothing is
    bought and where nobody knows the cost. P&L counts charges when they are paid;
    ``unrealized_pnl`` is before those of selling. ``origin``: an ``order`` of ours, a position taken over
    (``adopted``), or a buy found in the broker's book that no order of ours made (``outside``).
    """

    id: str
    trade_id: str
    client_id: int
    token_id: str
    trade_type: str
    execution_type: str
    quantity: Number
    avg_price: Number | None
    status: str
    current_price: Number | None
    realized_pnl: Number
    unrealized_pnl: Number
    total_pnl: Number
    margin_required: Number
    margin_blocked: Number
    entry_time: str
    exit_time: str | None
    client: ClientBrief
    token: TokenBrief
    origin: OriginName


class TradeQuery(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """Which trades; filters are combined with "and"."""

    client_id: ClientFilter | None = None
    token_id: Reference | None = None
    account_id: Reference | None = None
    status: TradeStatusName | None = None
    skip: Skip = 0
    limit: ViewLimit = 100
    format: FormatName = "json"


COLUMNS = (
    *("trade_id", "client_id", "client", "token_id", "exchange", "symbol", "trade_type"),
    *("execution_type", "quantity", "avg_price", "status", "current_price", "realized_pnl"),
    *("unrealized_pnl", "total_pnl", "margin_required", "margin_blocked", "entry_time"),
    *("exit_time", "origin"),
)


_ORIGINS: Mapping[TradeOrigin, OriginName] = {
    TradeOrigin.ORDER: "order",
    TradeOrigin.ADOPTED: "adopted",
    TradeOrigin.OUTSIDE: "outside",
}


async def list_trades(call: Call) -> Answer:
    """Trades, newest first."""
    query = call.query(TradeQuery)
    desk = call.desk
    key = None if query.token_id is None else find_key(desk, query.token_id)
    within = call.within

    def work(views: Views) -> Answer:
        found = views.trades(
            account=query.account_id,
            client_id=query.client_id,
            instrument=key,
            status=None if query.status is None else TradeStatus[query.status],
            skip=query.skip,
            limit=query.limit,
            within=within,
        )
        trades = [trade_answer(desk, row) for row in gently(found.items)]
        if query.format == "csv":
            return csv_answer("trades", COLUMNS, map(_cells, trades), found.total)
        total = (b"x-total-count", b"%d" % found.total)
        return Answer(200, _encode(trades), (NO_STORE, total))

    return await read_views(call, work)


async def get_trade(call: Call) -> Answer:
    """One trade."""
    trade_id = call.path("trade_id")
    desk, within = call.desk, call.within

    def work(views: Views) -> bytes | None:
        row = views.trade(trade_id, within)
        return None if row is None else _encode(trade_answer(desk, row))

    content = await read_views(call, work)
    if content is None:
        raise Problem("NOT_FOUND", f"no trade {trade_id}")
    return Answer(200, content, (NO_STORE,))


def trade_answer(desk: Desk, row: TradeRow) -> TradeAnswer:
    """A trade at the last price."""
    pnl = row.pnl
    zone = desk.state.settings.zone_offset_s
    quote = desk.quote(row.instrument)
    last = None if quote is None else quote.last
    unrealized = 0 if last is None else pnl.unrealized(last)
    token = token_brief(desk, row.instrument, row.symbol)
    is_pending = row.status is TradeStatus.PENDING
    is_priced = row.cost_known and row.bought
    return TradeAnswer(
        row.id,
        row.id,
        row.client_id,
        token.token_id,
        row.product.name,
        "BUY",
        number(row.ordered if is_pending else row.bought),
        number(pnl.average_price) if is_priced else None,
        row.status.name,
        maybe_number(last),
        number(pnl.realized),
        number(unrealized),
        number(pnl.realized + unrealized),
        number(row.hold if is_pending else pnl.remaining_cost),
        number(row.hold) if is_pending else ZERO,
        iso(row.opened_at_ns, zone),
        iso(row.ended_at_ns, zone) if row.ended_at_ns else None,
        ClientBrief(row.client_id, row.client_name),
        token,
        _ORIGINS[row.origin],
    )


def _cells(trade: TradeAnswer) -> list[object]:
    plain = {"client": trade.client.name, "symbol": trade.token.symbol}
    plain["exchange"] = trade.token.exchange
    return [plain[name] if name in plain else getattr(trade, name) for name in COLUMNS]


_VIEWS = ("VIEWS_UNAVAILABLE", "QUERY_TOO_LONG")

doors: tuple[Door, ...] = (
    Door(
        "GET",
        PATH,
        list_trades,
        "Trades",
        list[TradeAnswer],
        policy=READ_OWN,
        tag="trades",
        about="A bare array, newest first; X-Total-Count says how many there are in all.",
        query=TradeQuery,
        problems=("AMBIGUOUS_TOKEN", *_VIEWS),
    ),
    Door(
        "GET",
        f"{PATH}/{{trade_id}}",
        get_trade,
        "One trade",
        TradeAnswer,
        policy=READ_OWN,
        tag="trades",
        about="Also one whose buy ended with nothing filled, which is in no list: CLOSED, quantity 0.",
        problems=("NOT_FOUND", *_VIEWS),
    ),
)
