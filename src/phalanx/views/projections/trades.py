"""Trades: what each buy brought, all its slices together, and what became of it.

A sell's fill falls on the trades of the lots that its order names, as far as they still hold
something, then (joined lots, overfills, late fills) on the oldest others of the book in that
instrument and product. What nobody held is a short, which is no trade; a later buy covers it first.
"""

from collections.abc import Iterable
from typing import Final, NamedTuple

import msgspec

from phalanx.domain.accounts import split_book
from phalanx.domain.events import ForeignFillBooked, LotAdopted, OrderReported
from phalanx.domain.numbers import Money, Price, Quantity, multiply
from phalanx.domain.orders import ClOrdId, Closing, Side, parts_closed
from phalanx.domain.pnl import TradePnl, shared
from phalanx.domain.time import Nanoseconds
from phalanx.views.entries import OrderEntry, TradeEntry
from phalanx.views.rows import TradeOrigin, TradeStatus
from phalanx.views.schema import Subject
from phalanx.views.workspace import Holding, Workspace

_closes: Final = msgspec.json.Decoder(tuple[Closing, ...])
_HELD: Final = (
    "SELECT t.id FROM trades AS t INDEXED BY trades_active"
    " LEFT JOIN orders AS o ON o.cl_ord_id = t.id"
    " WHERE t.ended_at_ns = 0 AND t.account = ? AND t.mode = ? AND t.instrument = ?"
    " AND t.product = ? ORDER BY coalesce(o.placed_at_ns, t.opened_at_ns), t.key"
)
"""By age: a buy's lot is as old as its order."""


def book_fill(work: Workspace, order: OrderEntry, event: OrderReported) -> None:
    """A fill of an order whose row does not count it yet."""
    report = event.report
    fill = _Fill(event.last_quantity, report.last_price, report.charges, event.time)
    (_bought if order.side == Side.BUY else _sold)(work, order, fill)


def lot_adopted(work: Workspace, event: LotAdopted) -> None:
    """A position that was there before us is a trade of its own."""
    account, mode = split_book(event.book)
    trade = TradeEntry(
        work.next_key(),
        0,
        event.lot,
        account,
        mode,
        work.client_of(account) or 0,
        event.instrument,
        event.product,
        None,
        event.cost_known,
        TradeOrigin.ADOPTED,
        event.opened_at,
    )
    trade.pnl = TradePnl(event.quantity, event.cost, cost_known=event.cost_known)
    _add(work, trade)


def foreign_fill_booked(work: Workspace, event: ForeignFillBooked) -> None:
    """An execution that no order in memory made. A sale falls on the oldest trades; a buy is a trade of its
    own, of no strategy.
    """
    account, mode = split_book(event.book)
    holding = (account, int(mode), event.instrument, int(event.product))
    fill = _Fill(event.quantity, event.price, event.charges, event.time)
    if event.side is Side.SELL:
        _sell(work, holding, fill, ())
        return
    held = fill.quantity - _cover(work, holding, fill.quantity)
    if not held:
        return
    trade = TradeEntry(
        work.next_key(),
        0,
        event.lot,
        account,
        mode,
        work.client_of(account) or 0,
        event.instrument,
        event.product,
        None,
        1,
        TradeOrigin.OUTSIDE,
        min(event.traded_at, event.time) or event.time,
    )
    _add(work, trade)
    _hold(work, trade, held, fill)


class _Fill(NamedTuple):
    """One execution."""

    quantity: Quantity
    price: Price
    charges: Money
    time: Nanoseconds


def _bought(work: Workspace, order: OrderEntry, fill: _Fill) -> None:
    """What does not cover a short is held from now on."""
    held = fill.quantity - _cover(work, _holding(order), fill.quantity)
    if not held:
        return
    trade = _trade_of(work, order, fill.time)
    if trade.ended_at_ns:
        trade.ended_at_ns = 0
        _count(work, TradeStatus.CLOSED, -1)
        _count(work, TradeStatus.ACTIVE, 1)
    _hold(work, trade, held, fill)


def _hold(work: Workspace, trade: TradeEntry, held: Quantity, fill: _Fill) -> None:
    """So much of a buy's fill is held, for its share of the price and the charges."""
    value, charges = multiply(fill.price, fill.quantity), fill.charges
    if held != fill.quantity:
        parts = (held, fill.quantity - held)
        value, charges = shared(value, parts)[0], shared(charges, parts)[0]
    _book(work, trade, trade.pnl.buy(held, value, charges))


def _sold(work: Workspace, order: OrderEntry, fill: _Fill) -> None:
    """A sell of ours says which trades it closes."""
    stretch = (order.cum_quantity, order.cum_quantity + fill.quantity)
    _sell(work, _holding(order), fill, parts_closed(_closes.decode(order.closes), *stretch))


def _sell(
    work: Workspace,
    holding: Holding,
    fill: _Fill,
    closed: Iterable[tuple[Closing, Quantity]],
) -> None:
    """The trades it falls on share value and charges by quantity; so does the part that is a short."""
    quantity = fill.quantity
    taken: dict[ClOrdId, Quantity] = {}
    left = quantity
    for closing, part in closed:
        left -= _take(work, taken, closing.lot, min(part, left))
    if left:
        for lot in _held(work, holding):
            left -= _take(work, taken, lot, left)
    if left:
        work.put_short(holding, work.shorts.get(holding, 0) + left)
    quantities = [*taken.values(), left]
    values = shared(multiply(fill.price, quantity), quantities)
    charges = shared(fill.charges, quantities)
    for (lot, part), value, charge in zip(taken.items(), values, charges, strict=False):
        trade = work.trades.find(work.connection, lot)
        _book(work, trade, trade.pnl.sell(part, value, charge))
        if trade.bought == trade.sold:
            trade.ended_at_ns = fill.time
            _count(work, TradeStatus.ACTIVE, -1)
            _count(work, TradeStatus.CLOSED, 1)


def _take(
    work: Workspace, taken: dict[ClOrdId, Quantity], lot: ClOrdId, most: Quantity
) -> Quantity:
    """As much of a trade as it still holds, at most ``most``; added to what was taken of it before."""
    trade = work.trade(lot) if most else None
    if trade is None:
        return 0
    before = taken.get(lot, 0)
    part = min(most, trade.bought - trade.sold - before)
    if part <= 0:
        return 0
    taken[lot] = before + part
    return part


def _held(work: Workspace, holding: Holding) -> list[ClOrdId]:
    """The trades that hold something of it, oldest first. Read from the file: this is rare."""
    work.write()
    account, mode, instrument, product = holding
    rows = work.connection.execute(_HELD, (account, mode, instrument, product)).fetchall()
    return [str(lot) for (lot,) in rows]


def _cover(work: Workspace, holding: Holding, quantity: Quantity) -> Quantity:
    """How much of a buy only takes a short back."""
    if not work.shorts:
        return 0
    short = work.shorts.get(holding, 0)
    covered = min(short, quantity)
    if covered:
        work.put_short(holding, short - covered)
    return covered


def _trade_of(work: Workspace, order: OrderEntry, time: Nanoseconds) -> TradeEntry:
    """The trade of a buy, made by its first fill, whichever of its slices that is of."""
    lot = order.lot or order.cl_ord_id
    trade = work.trade(lot) if order.cum_quantity or order.lot else None
    if trade is None:
        trade = TradeEntry(
            work.order(lot).key,
            0,
            lot,
            order.account,
            order.mode,
            order.client_id,
            order.instrument,
            order.product,
            order.strategy,
            1,
            TradeOrigin.ORDER,
            time,
        )
        _add(work, trade)
    return trade


def _add(work: Workspace, trade: TradeEntry) -> None:
    work.trades.add(trade)
    _count(work, TradeStatus.ACTIVE, 1)


def _book(work: Workspace, trade: TradeEntry, pnl: TradePnl) -> None:
    work.realize(trade.account, trade.mode, pnl.realized - trade.pnl.realized)
    trade.pnl = pnl
    work.trades.touch(trade)


def _count(work: Workspace, status: TradeStatus, step: int) -> None:
    work.trade_totals[Subject.TRADE_STATUS, int(status)] += step


def _holding(order: OrderEntry) -> Holding:
    return order.account, order.mode, order.instrument, order.product
