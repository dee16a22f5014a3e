"""What the books hold: positions, open buys, and the strategies that buy."""

from collections.abc import Iterator

import msgspec

from phalanx.api.exchange import NO_STORE, Answer, Call, Door
from phalanx.api.lists import BookQuery, PageQuery, page, symbol_of
from phalanx.api.naming import find_key
from phalanx.api.policy import READ_OWN
from phalanx.api.reach import EVERYTHING, Reach
from phalanx.api.subscriptions import (
    SubscriptionAnswer,
    seen_subscriptions,
    sees_strategy,
    subscription_answer,
)
from phalanx.api.tables import FormatName, csv_as_of, struct_rows
from phalanx.desk.desk import Desk
from phalanx.domain.numbers import format_fixed, multiply
from phalanx.engine.state import Book, Lot, Position
from phalanx.views.holdings import Holding, OpenBuy, cost_of, holding, open_buy


class PositionAnswer(Holding, frozen=True, kw_only=True):
    """Net quantity of one instrument and product in one book. Prices and P&L are null where the
    position is short, no price is known or nobody knows what it cost; ``unrealized_pnl`` is before
    charges.
    """

    last_price: str | None
    unrealized_pnl: str | None


class PositionList(msgspec.Struct, frozen=True):
    """Positions, book by book."""

    items: list[PositionAnswer]
    total: int
    as_of: int


class StrategyAnswer(msgspec.Struct, frozen=True):
    """A strategy, its instruments by symbol, and who subscribes."""

    strategy: str
    enabled: bool
    instruments: list[str]
    subscriptions: list[SubscriptionAnswer]


class StrategyList(msgspec.Struct, frozen=True):
    """Strategies, oldest first."""

    items: list[StrategyAnswer]
    total: int
    as_of: int


class HoldingQuery(BookQuery, frozen=True, forbid_unknown_fields=True):
    """Whose, of what, which page, and how it is written."""

    format: FormatName = "json"


async def open_buys(call: Call) -> Answer:
    """Every lot that is open: bought or being bought, and no SELL is closing it."""
    query = call.query(HoldingQuery)
    desk = call.desk
    key = None if query.instrument is None else find_key(desk, query.instrument)
    reach = call.reach
    is_whole = reach is EVERYTHING
    found = [
        (book, lot)
        for book in _books(desk, query, reach)
        for lot in _lots(book, key)
        if lot.is_open and (is_whole or reach.has(book.account, lot.strategy, lot.instrument))
    ]
    if query.format == "csv":
        columns = OpenBuy.__struct_fields__
        rows = struct_rows(columns, (_open_buy(desk, *one) for one in page(found, query)))
        return await csv_as_of(call, "open-buys", columns, rows, len(found))
    answer = await call.as_of(lambda _: [_open_buy(desk, *one) for one in page(found, query)])
    total = (b"x-total-count", b"%d" % len(found))
    return msgspec.structs.replace(answer, headers=(NO_STORE, total))


async def list_positions(call: Call) -> Answer:
    """What every book holds."""
    query = call.query(HoldingQuery)
    desk = call.desk
    key = None if query.instrument is None else find_key(desk, query.instrument)
    reach = call.reach
    is_whole = reach is EVERYTHING
    found = [
        (book, held)
        for book in _books(desk, query, reach)
        for held in book.positions.values()
        if (key is None or held.instrument == key)
        and (is_whole or reach.has(book.account, None, held.instrument))
    ]

    if query.format == "csv":
        columns = PositionAnswer.__struct_fields__
        rows = struct_rows(columns, (_position(desk, *one) for one in page(found, query)))
        return await csv_as_of(call, "positions", columns, rows, len(found))

    def body(seq: int) -> PositionList:
        return PositionList([_position(desk, *p) for p in page(found, query)], len(found), seq)

    return await call.as_of(body)


async def list_strategies(call: Call) -> Answer:
    """Strategies with their subscriptions."""
    query = call.query(PageQuery)
    desk, reach = call.desk, call.reach
    found = [name for name in desk.state.strategies if sees_strategy(desk.state, reach, name)]

    def body(seq: int) -> StrategyList:
        items = [_strategy(desk, reach, name) for name in page(found, query)]
        return StrategyList(items, len(found), seq)

    return await call.as_of(body)


def _books(desk: Desk, query: BookQuery, reach: Reach) -> Iterator[Book]:
    state = desk.state
    for book in state.books.values():
        if reach is not EVERYTHING and not reach.has_account(book.account):
            continue
        if query.account is not None and book.account != query.account:
            continue
        account = state.accounts[book.account]
        if query.client is None or account.client_id == query.client:
            yield book


def _lots(book: Book, key: str | None) -> Iterator[Lot]:
    return book.all_lots() if key is None else iter(book.lots.get(key, {}).values())


def _open_buy(desk: Desk, book: Book, lot: Lot) -> OpenBuy:
    return open_buy(desk.state, desk.instruments, book, lot)


def _position(desk: Desk, book: Book, held: Position) -> PositionAnswer:
    quote = desk.quote(held.instrument)
    value = multiply(quote.last, held.quantity) if quote is not None else None
    cost = cost_of(book, held)
    return PositionAnswer(
        *msgspec.structs.astuple(holding(desk.state, desk.instruments, book, held)),
        last_price=format_fixed(quote.last) if quote is not None else None,
        unrealized_pnl=format_fixed(value - cost)
        if held.quantity > 0 and value is not None and cost is not None
        else None,
    )


def _strategy(desk: Desk, reach: Reach, called: str) -> StrategyAnswer:
    state = desk.state
    strategy = state.strategies[called]
    subscriptions = [
        subscription_answer(desk, subscription)
        for subscription in seen_subscriptions(state, reach, called)
    ]
    symbols = [symbol_of(desk, key) for key in strategy.instruments]
    return StrategyAnswer(called, strategy.enabled, symbols, subscriptions)


doors: tuple[Door, ...] = (
    Door(
        "GET",
        "/api/v1/open-buys",
        open_buys,
        "Open buys",
        list[OpenBuy],
        policy=READ_OWN,
        tag="positions",
        about="A bare array; X-Total-Count says how many there are in all.",
        query=HoldingQuery,
        problems=("AMBIGUOUS_TOKEN",),
    ),
    Door(
        "GET",
        "/api/v1/positions",
        list_positions,
        "Positions",
        PositionList,
        policy=READ_OWN,
        tag="positions",
        query=HoldingQuery,
        problems=("AMBIGUOUS_TOKEN",),
    ),
    Door(
        "GET",
        "/api/v1/strategies",
        list_strategies,
        "Strategies and their subscriptions",
        StrategyList,
        policy=READ_OWN,
        tag="positions",
        query=PageQuery,
    ),
)
