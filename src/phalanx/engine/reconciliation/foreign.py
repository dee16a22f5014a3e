"""Executions that no order in memory made: trades from outside, and late ones of orders that left memory."""

from phalanx.domain.accounts import BookId
from phalanx.domain.broker_books import BrokerTrade
from phalanx.domain.events import Event, ForeignFillBooked
from phalanx.domain.orders import ClOrdId
from phalanx.engine.context import Context
from phalanx.engine.ids import foreign_lot_id
from phalanx.engine.reconciliation.breaks import unbookable
from phalanx.engine.reconciliation.commands import BookForeignFill, BookLateFill
from phalanx.engine.reconciliation.matching import foreign_misfit, is_booked
from phalanx.engine.state import State


def book_foreign_fill(state: State, command: BookForeignFill, context: Context) -> list[Event]:
    """Once; nothing comes of one that is booked already, or that fits no book: that becomes a break."""
    account, trade = state.accounts.get(command.account), command.trade
    if account is None or is_booked(state, account.id, trade.exec_id):
        return []
    if foreign_misfit(state, account.book, trade):
        return []
    return [_booked(account.book, trade, "", context)]


def book_late_fill(state: State, command: BookLateFill, context: Context) -> list[Event]:
    """An execution of an order that left memory, unless it was booked in its time; a break where nobody
    knows the order, or it fits no book.
    """
    trade, order = command.trade, command.order
    if command.account not in state.accounts:
        return []
    if order is None:
        why = f"it is of order {trade.cl_ord_id or trade.order_id}, which nobody can find"
        return unbookable(state, command.account, trade, why, context)
    if trade.exec_id in order.exec_ids or is_booked(state, command.account, trade.exec_id):
        return []
    why = foreign_misfit(state, order.book, trade)
    if why:
        return unbookable(state, command.account, trade, why, context)
    return [_booked(order.book, trade, order.cl_ord_id, context)]


def _booked(
    book: BookId, trade: BrokerTrade, cl_ord_id: ClOrdId, context: Context
) -> ForeignFillBooked:
    return ForeignFillBooked(
        context.now,
        book,
        trade.exec_id,
        trade.order_id,
        trade.instrument,
        trade.side,
        trade.product,
        trade.quantity,
        trade.price,
        trade.charges,
        trade.time,
        foreign_lot_id(book, trade.exec_id),
        cl_ord_id,
    )
