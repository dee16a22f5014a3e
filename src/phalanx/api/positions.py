"""What the books hold: positions, open buys, and the strategies that buy."""

from collections.abc import Iterator

import msgspec

from phalanx.api.exchange import NO_STORE, Answer, Call, Door
from phalanx.api.instants import iso
from phalanx.api.lists import BookQuery, PageQuery, find_key, names_of, page, symbol_of
from phalanx.api.subscriptions import SubscriptionAnswer, subscription_answer
from phalanx.desk.desk import Desk
from phalanx.domain.numbers import divide, format_fixed, multiply
from phalanx.engine.state import Book, Lot, Position


class OpenBuy(msgspec.Struct, frozen=True):
    """One open lot. ``quantity`` is what is held and what its buys may still bring; ``filled`` the
    held part of it. ``order_id`` is the order that opened it; ``strategy`` null: no strategy did.
    ``instrument`` is the name that its buyer used.
    """

    client: str
    client_id: int
    account: str
    strategy: str | None
    instrument: str
    quantity: str
    order_id: str
    filled: str
    product: str
    mode: str
    symbol: str
    exchange: str
    token_id: str
    opened_at: str


class PositionAnswer(msgspec.Struct, frozen=True):
    """Net quantity of one instrument and product in one book. Prices and P&L are null where the
    position is short or no price is known; ``unrealized_pnl`` is before charges.
    """

    client: str
    client_id: int
    account: str
    mode: str
    instrument: str
    symbol: str
    exchange: str
    token_id: str
    product: str
    quantity: str
    sellable: str
    selling: str
    average_price: str | None
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


async def open_buys(call: Call) -> Answer:
    """Every lot that is open: bought or being bought, and no SELL is closing it."""
    query = call.query(BookQuery)
    desk = call.desk
    key = None if query.instrument is None else find_key(desk, query.instrument)
    found = [(book, lot) for book in _books(desk, query) for lot in _lots(book, key) if lot.is_open]
    answer = await call.as_of(lambda _: [_open_buy(desk, *one) for one in page(found, query)])
    total = (b"x-total-count", b"%d" % len(found))
    return msgspec.structs.replace(answer, headers=(NO_STORE, total))


async def list_positions(call: Call) -> Answer:
    """What every book holds."""
    query = call.query(BookQuery)
    desk = call.desk
    key = None if query.instrument is None else find_key(desk, query.instrument)
    found = [
        (book, held)
        for book in _books(desk, query)
        for held in book.positions.values()
        if key is None or held.instrument == key
    ]

    def body(seq: int) -> PositionList:
        return PositionList([_position(desk, *p) for p in page(found, query)], len(found), seq)

    return await call.as_of(body)


async def list_strategies(call: Call) -> Answer:
    """Strategies with their subscriptions."""
    query = call.query(PageQuery)
    desk = call.desk
    found = list(desk.state.strategies)

    def body(seq: int) -> StrategyList:
        return StrategyList([_strategy(desk, n) for n in page(found, query)], len(found), seq)

    return await call.as_of(body)


def _books(desk: Desk, query: BookQuery) -> Iterator[Book]:
    state = desk.state
    for book in state.books.values():
        if query.account is not None and book.account != query.account:
            continue
        account = state.accounts[book.account]
        if query.client is None or account.client_id == query.client:
            yield book


def _lots(book: Book, key: str | None) -> Iterator[Lot]:
    return book.all_lots() if key is None else iter(book.lots.get(key, {}).values())


def _owner(desk: Desk, book: Book) -> tuple[str, int, str]:
    client = desk.state.clients[desk.state.accounts[book.account].client_id]
    return client.name, client.id, book.account


def _open_buy(desk: Desk, book: Book, lot: Lot) -> OpenBuy:
    names = names_of(desk, lot.instrument)
    coming = sum(desk.state.orders[order].leaves_quantity for order in lot.buys)
    return OpenBuy(
        *_owner(desk, book),
        lot.strategy,
        lot.called or names[0],
        format_fixed(lot.available + coming),
        lot.id,
        format_fixed(lot.available),
        lot.product.name,
        book.mode.name,
        *names,
        iso(lot.opened_at, desk.state.settings.zone_offset_s),
    )


def _position(desk: Desk, book: Book, held: Position) -> PositionAnswer:
    lots = book.lots.get(held.instrument, {}).values()
    cost = sum(lot.cost for lot in lots if lot.product is held.product)
    quote = desk.quote(held.instrument)
    names = names_of(desk, held.instrument)
    known = held.quantity > 0
    value = multiply(quote.last, held.quantity) if quote is not None else None
    return PositionAnswer(
        *_owner(desk, book),
        book.mode.name,
        names[0],
        *names,
        held.product.name,
        format_fixed(held.quantity),
        format_fixed(held.sellable),
        format_fixed(held.selling),
        format_fixed(divide(cost, held.quantity)) if known else None,
        format_fixed(quote.last) if quote is not None else None,
        format_fixed(value - cost) if known and value is not None else None,
    )


def _strategy(desk: Desk, called: str) -> StrategyAnswer:
    state = desk.state
    strategy = state.strategies[called]
    subscriptions = [
        subscription_answer(desk, subscription)
        for subscription in state.subscriptions.get(called, {}).values()
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
        tag="positions",
        about="A bare array; X-Total-Count says how many there are in all.",
        query=BookQuery,
        problems=("AMBIGUOUS_TOKEN",),
    ),
    Door(
        "GET",
        "/api/v1/positions",
        list_positions,
        "Positions",
        PositionList,
        tag="positions",
        query=BookQuery,
        problems=("AMBIGUOUS_TOKEN",),
    ),
    Door(
        "GET",
        "/api/v1/strategies",
        list_strategies,
        "Strategies and their subscriptions",
        StrategyList,
        tag="positions",
        query=PageQuery,
    ),
)
