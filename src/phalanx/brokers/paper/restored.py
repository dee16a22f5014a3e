"""What the journal says paper's book was: its working orders, ready for ``PaperBroker.restore``."""

from collections.abc import Iterator

from phalanx.brokers.paper.orders import RestoredOrder
from phalanx.brokers.paper.terms import CAPABILITIES
from phalanx.brokers.placing import place_request
from phalanx.domain.accounts import Account
from phalanx.domain.broker_books import BrokerTrade
from phalanx.domain.numbers import divide, multiply, share_up
from phalanx.domain.orders import OrdStatus
from phalanx.engine.ids import is_hand_fill_id
from phalanx.engine.state import Order, State

_NOT_REPORTED = frozenset(
    {OrdStatus.HELD, OrdStatus.PENDING_NEW, OrdStatus.SENT, OrdStatus.IN_DOUBT}
)


def restored_orders(state: State) -> list[RestoredOrder]:
    """The working orders that paper had reported as accepted, as they are now.

    Each execution that the journal booked comes back under its ExecID, at the average price of all of
    them: whoever reads it knows it already. What paper had said is filled, of which the execution itself
    was lost on the way, comes back as one more execution at that price (without any, at the limit).
    """
    restored = []
    for order in state.open_orders():
        account = state.accounts[state.book_of(order).account]
        if account.broker != CAPABILITIES.name or order.status in _NOT_REPORTED:
            continue
        # A fill without an ExecID is not a person's.
        by_hand = bool(order.exec_ids) and all(map(is_hand_fill_id, order.exec_ids))
        restored.append(
            RestoredOrder(
                place_request(order, account.id),
                order.order_id,
                tuple(_trades(order, account)),
                by_hand and not order.missing,
                order.placed_at,
                order.ends_as,
            )
        )
    return restored


def _trades(order: Order, account: Account) -> Iterator[BrokerTrade]:
    price = divide(order.filled_value, order.cum_quantity) or order.limit
    booked = dict(order.exec_ids)
    nameless = order.cum_quantity - sum(booked.values())
    if nameless:
        booked[f"{order.draft.cl_ord_id}-U"] = nameless
    charges = order.charges
    for exec_id, quantity in booked.items():
        yield _trade(order, account, exec_id, quantity, price, charges)
        charges = 0
    if order.missing:
        value = order.filled_value + multiply(price, order.missing)
        owed = max(0, share_up(value, account.charge_bps) - order.charges)
        exec_id = f"{order.draft.cl_ord_id}-R{order.known_cum}"
        yield _trade(order, account, exec_id, order.missing, price, owed)


def _trade(
    order: Order, account: Account, exec_id: str, quantity: int, price: int, charges: int
) -> BrokerTrade:
    draft = order.draft
    return BrokerTrade(
        exec_id,
        order.order_id,
        account.id,
        draft.instrument,
        draft.side,
        draft.product,
        quantity,
        price,
        charges,
        order.placed_at,
        draft.cl_ord_id,
    )
