"""What a client holds, with its cash and its P&L, in one answer."""

from collections.abc import Iterable

import msgspec

from phalanx.api.clients import PATH, ClientAnswer, client_answer, find_client
from phalanx.api.exchange import Answer, Call, Door
from phalanx.api.platform.money import NOTHING, ClientPnl, books_of, pnl_of_clients
from phalanx.api.platform.shapes import Number, maybe_number, number, token_brief
from phalanx.api.policy import READ_OWN
from phalanx.api.reading import read_views
from phalanx.desk.desk import Desk
from phalanx.domain.accounts import Client
from phalanx.domain.instruments import InstrumentKey
from phalanx.domain.numbers import Money, Quantity, divide, multiply
from phalanx.domain.orders import Product
from phalanx.domain.time import iso
from phalanx.engine.state import Book, Lot


class PortfolioPosition(msgspec.Struct, frozen=True):
    """Net quantity of one token and trade type. Average price and P&L are null where nobody knows the
    cost: of a short, and of what came in without one. P&L is before the charges of selling.
    """

    id: str
    token_id: str
    symbol: str
    exchange: str
    trade_type: str
    quantity: Number
    avg_price: Number | None
    current_price: Number | None
    current_value: Number | None
    unrealized_pnl: Number | None


class PortfolioTotals(msgspec.Struct, frozen=True):
    """All positions together; ``realized_pnl`` is that of all trades, after charges."""

    positions: int
    invested: Number
    current_value: Number
    unrealized_pnl: Number
    realized_pnl: Number
    total_pnl: Number


class Portfolio(msgspec.Struct, frozen=True):
    """A client's accounts in the mode of its primary one, together. ``holds``: set aside for working
    orders.
    """

    client: ClientAnswer
    cash: Number
    holds: Number
    positions: list[PortfolioPosition]
    totals: PortfolioTotals
    updated_at: str


class HeldLine(msgspec.Struct):
    """One position, added up over the books of a client. ``known`` of it has a known cost."""

    quantity: Quantity = 0
    known: Quantity = 0
    cost: Money = 0


Lines = dict[tuple[InstrumentKey, Product], HeldLine]


async def get_portfolio(call: Call) -> Answer:
    """A client with everything it holds."""
    desk = call.desk
    client = find_client(desk.state, call.reach, call.path("client_id"))
    pnl = await read_views(call, lambda views: pnl_of_clients(views, desk, (client.id,)))
    return await call.as_of(lambda _: portfolio(desk, client, pnl.get(client.id, NOTHING)))


def held_lines(books: Iterable[Book], only: InstrumentKey = "") -> Lines:
    """What books hold together, by instrument and product; what is flat is left out."""
    lines: Lines = {}
    for book in books:
        for held in book.positions.values():
            if not only or held.instrument == only:
                line = lines.setdefault((held.instrument, held.product), HeldLine())
                line.quantity += held.quantity
        lots = book.lots.get(only, {}).values() if only else book.all_lots()
        for lot in lots:
            if lot.remaining and lot.cost_known:
                _count(lines, lot)
    return {key: line for key, line in lines.items() if line.quantity}


def portfolio(desk: Desk, client: Client, pnl: ClientPnl) -> Portfolio:
    """The portfolio as it is now; ``pnl`` has what was realised."""
    state = desk.state
    books = books_of(state, client.id)
    invested = value = unrealized = 0
    positions = []
    for (key, product), line in held_lines(books).items():
        quote = desk.quote(key)
        last = None if quote is None else quote.last
        gain = None
        if last is not None and line.known:
            gain = multiply(last, line.known) - line.cost
            unrealized += gain
        value += 0 if last is None else multiply(last, line.quantity)
        invested += line.cost
        positions.append(_position(desk, key, product, line, last, gain))
    totals = PortfolioTotals(
        len(positions),
        number(invested),
        number(value),
        number(unrealized),
        number(pnl.realized),
        number(pnl.realized + unrealized),
    )
    return Portfolio(
        client_answer(state, client, msgspec.structs.replace(pnl, unrealized=unrealized)),
        number(sum(book.cash for book in books)),
        number(sum(book.holds for book in books)),
        positions,
        totals,
        iso(desk.clock.now(), state.settings.zone_offset_s),
    )


def _count(lines: Lines, lot: Lot) -> None:
    line = lines.setdefault((lot.instrument, lot.product), HeldLine())
    line.known += lot.remaining
    line.cost += lot.cost


def _position(
    desk: Desk,
    key: InstrumentKey,
    product: Product,
    line: HeldLine,
    last: int | None,
    gain: Money | None,
) -> PortfolioPosition:
    token = token_brief(desk, key)
    return PortfolioPosition(
        key,
        token.token_id,
        token.symbol,
        token.exchange,
        product.name,
        number(line.quantity),
        number(divide(line.cost, line.known)) if line.known else None,
        maybe_number(last),
        None if last is None else number(multiply(last, line.quantity)),
        maybe_number(gain),
    )


doors: tuple[Door, ...] = (
    Door(
        "GET",
        f"{PATH}/{{client_id}}/portfolio",
        get_portfolio,
        "What a client holds",
        Portfolio,
        policy=READ_OWN,
        tag="clients",
        problems=("NOT_FOUND", "VIEWS_UNAVAILABLE"),
    ),
)
