"""Whether a reading of a broker's book may be believed at all: it is complete, and its numbers are sane."""

from phalanx.domain.broker_books import BrokerBook
from phalanx.domain.numbers import FIXED_MAX, Quantity
from phalanx.domain.orders import OrdStatus
from phalanx.engine.ids import counter_of
from phalanx.engine.state import State

BOOK_ROWS_MAX = 100_000
"""Most orders, or trades, or positions, that one reading may have; one with more is not believed."""

_NEVER_SHOWN = frozenset({OrdStatus.HELD, OrdStatus.IN_DOUBT, OrdStatus.NOT_RECEIVED})


def why_incomplete(state: State, book: BrokerBook) -> str:
    """Why a reading is not to be believed as a whole, one sentence; empty: it is complete and sane."""
    rows = (len(book.orders), len(book.trades), len(book.positions or ()))
    if max(rows) > BOOK_ROWS_MAX:
        return f"more than {BOOK_ROWS_MAX} rows of one kind"
    return _odd_trade(book) or _odd_order(state, book) or _odd_position(book)


def _odd_trade(book: BrokerBook) -> str:
    seen: dict[str, None] = {}
    for trade in book.trades:
        if trade.account != book.account:
            return f"execution {trade.exec_id} is of account {trade.account}"
        if not trade.exec_id or trade.exec_id in seen:
            return f"execution {trade.exec_id or '(without id)'} is there twice"
        seen[trade.exec_id] = None
        numbers = 0 < trade.quantity <= FIXED_MAX and 0 < trade.price <= FIXED_MAX
        if not (numbers and abs(trade.charges) <= FIXED_MAX and 0 <= trade.time <= FIXED_MAX):
            return f"execution {trade.exec_id} has absurd numbers"
    return ""


def _odd_order(state: State, book: BrokerBook) -> str:
    filled: dict[str, Quantity] = {}
    for trade in book.trades:
        filled[trade.order_id] = filled.get(trade.order_id, 0) + trade.quantity
    seen: dict[str, None] = {}
    for order in book.orders:
        name = order.order_id or "(without id)"
        if order.account != book.account:
            return f"order {name} is of account {order.account}"
        tag = order.cl_ord_id
        ours = counter_of(tag, state.desk_id, state.shard) is not None
        for id in (order.order_id, f"tag {tag}") if ours else (order.order_id,):
            if not id or id in seen:
                return f"order {id or name} is there twice"
            seen[id] = None
        numbers = 0 < order.quantity <= FIXED_MAX and 0 <= order.cum_quantity <= FIXED_MAX
        if not (numbers and 0 <= order.limit <= FIXED_MAX) or order.status in _NEVER_SHOWN:
            return f"order {name} has absurd numbers"
        if order.status is OrdStatus.FILLED and not order.cum_quantity:
            return f"order {name} is filled with nothing"
        if order.cum_quantity > filled.get(order.order_id, 0):
            return f"executions of order {name} are missing"
    return ""


def _odd_position(book: BrokerBook) -> str:
    seen: dict[tuple[str, int], None] = {}
    for held in book.positions or ():
        if (held.instrument, held.product) in seen:
            return f"position {held.instrument} is there twice"
        seen[held.instrument, held.product] = None
        if abs(held.quantity) > FIXED_MAX:
            return f"position {held.instrument} has absurd numbers"
    if book.cash is not None and abs(book.cash) > FIXED_MAX:
        return "cash is absurd"
    return ""
