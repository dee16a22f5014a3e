"""What the books of a state hold, in the words of the doors: the state may be now's or a past one."""

import msgspec

from phalanx.domain.instruments import InstrumentIndex, InstrumentKey, known_symbol, split_key
from phalanx.domain.numbers import Money, divide, format_fixed
from phalanx.domain.time import iso
from phalanx.engine.exposure import lots_of
from phalanx.engine.state import Book, Lot, Position, State


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


class Holding(msgspec.Struct, frozen=True):
    """Net quantity of one instrument and product in one book; ``average_price`` is null when short, and
    where nobody knows what some of it cost.
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


def open_buy(state: State, index: InstrumentIndex, book: Book, lot: Lot) -> OpenBuy:
    """A lot of ``book`` that is open. ``index``: the master that names are taken from."""
    names = _names(state, index, lot.instrument)
    coming = sum(state.orders[order].leaves_quantity for order in lot.buys)
    return OpenBuy(
        *_owner(state, book),
        lot.strategy,
        lot.called or names[0],
        format_fixed(lot.available + coming),
        lot.id,
        format_fixed(lot.available),
        lot.product.name,
        book.mode.name,
        *names,
        iso(lot.opened_at, state.settings.zone_offset_s),
    )


def holding(state: State, index: InstrumentIndex, book: Book, held: Position) -> Holding:
    """A position of ``book``. ``index``: the master that names are taken from."""
    names = _names(state, index, held.instrument)
    cost = cost_of(book, held)
    return Holding(
        *_owner(state, book),
        book.mode.name,
        names[0],
        *names,
        held.product.name,
        format_fixed(held.quantity),
        format_fixed(held.sellable),
        format_fixed(held.selling),
        format_fixed(divide(cost, held.quantity))
        if cost is not None and held.quantity > 0
        else None,
    )


def cost_of(book: Book, held: Position) -> Money | None:
    """What the lots of a position cost; None where nobody knows that of one of them."""
    lots = lots_of(book, held.instrument, held.product)
    if not all(lot.cost_known for lot in lots if lot.remaining):
        return None
    return sum(lot.cost for lot in lots)


def _owner(state: State, book: Book) -> tuple[str, int, str]:
    client = state.clients[state.accounts[book.account].client_id]
    return client.name, client.id, book.account


def _names(state: State, index: InstrumentIndex, key: InstrumentKey) -> tuple[str, str, str]:
    """Symbol, exchange and token."""
    return known_symbol(index, state.local_instruments, key), *split_key(key)
