"""Trades: what each buy brought, all its slices together, and what became of it.

A sell's fill falls on the trades of the lots that its order names, as far as they still hold
something, then (joined lots, overfills, late fills) on the oldest others of the book in that
instrument and product. What nobody held is a short, which is no trade; a later buy covers it first.
"""

from typing import Final

import msgspec

from phalanx.domain.accounts import split_book
from phalanx.domain.events import LotAdopted, OrderReported
from phalanx.domain.numbers import Quantity, multiply
from phalanx.domain.orders import ClOrdId, Closing, Side, parts_closed
from phalanx.domain.pnl import TradePnl, shared
from phalanx.domain.time import Nanoseconds
from phalanx.views.entries import OrderEntry, TradeEntry
from phalanx.views.rows import TradeStatus
from phalanx.views.schema import Subject
from phalanx.views.workspace import Holding, Workspace

_closes: Final = msgspec.json.Decoder(tuple[Closing, ...])
_HELD: Final = (
    "SELECT id FROM trades INDEXED BY trades_active"
    " WHERE ended_at_ns = 0 AND account = ? AND mode = ? AND instrument = ? AND product = ?"
    " ORDER BY key"
)


def book_fill(work: Workspace, order: OrderEntry, event: OrderReported) -> None:
    """A fill of an order whose row does not count it yet."""
    (_bought if order.side == Side.BUY else _sold)(work, order, event)


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
        event.opened_at,
    )
    trade.pnl = TradePnl(event.quantity, event.cost, cost_known=event.cost_known)
    _add(work, trade)


def _bought(work: Workspace, order: OrderEntry, event: OrderReported) -> None:
    """What does not cover a short is held from now on."""
    quantity = event.last_quantity
    held = quantity - _cover(work, order, quantity)
    if not held:
        return
    report = event.report
    value = multiply(report.last_price, quantity)
    trade = _trade_of(work, order, event.time)
    if trade.ended_at_ns:
        trade.ended_at_ns = 0
        _count(work, TradeStatus.CLOSED, -1)
        _count(work, TradeStatus.ACTIVE, 1)
    charges = report.charges
    if held != quantity:
        parts = (held, quantity - held)
        value, charges = shared(value, parts)[0], shared(charges, parts)[0]
    _book(work, trade, trade.pnl.buy(held, value, charges))


def _sold(work: Workspace, order: OrderEntry, event: OrderReported) -> None:
    """The trades it falls on share value and charges by quantity; so does the part that is a short."""
    quantity = event.last_quantity
    taken: dict[ClOrdId, Quantity] = {}
    left = quantity
    stretch = (order.cum_quantity, order.cum_quantity + quantity)
    for closing, part in parts_closed(_closes.decode(order.closes), *stretch):
        left -= _take(work, taken, closing.lot, min(part, left))
    if left:
        for lot in _held(work, _holding(order)):
            left -= _take(work, taken, lot, left)
    if left:
        holding = _holding(order)
        work.put_short(holding, work.shorts.get(holding, 0) + left)
    report = event.report
    quantities = [*taken.values(), left]
    values = shared(multiply(report.last_price, quantity), quantities)
    charges = shared(report.charges, quantities)
    for (lot, part), value, charge in zip(taken.items(), values, charges, strict=False):
        trade = work.trades.find(work.connection, lot)
        _book(work, trade, trade.pnl.sell(part, value, charge))
        if trade.bought == trade.sold:
            trade.ended_at_ns = event.time
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


def _cover(work: Workspace, order: OrderEntry, quantity: Quantity) -> Quantity:
    """How much of a buy only takes a short back."""
    if not work.shorts:
        return 0
    holding = _holding(order)
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
