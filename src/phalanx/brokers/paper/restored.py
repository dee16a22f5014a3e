"""What the journal says paper's book was: its working orders, ready for ``PaperBroker.restore``."""

from phalanx.brokers.paper.orders import RestoredOrder
from phalanx.brokers.paper.terms import CAPABILITIES
from phalanx.brokers.placing import place_request
from phalanx.domain.orders import OrdStatus
from phalanx.engine.ids import is_hand_fill_id
from phalanx.engine.state import State

_NOT_REPORTED = frozenset(
    {OrdStatus.HELD, OrdStatus.PENDING_NEW, OrdStatus.SENT, OrdStatus.IN_DOUBT}
)


def restored_orders(state: State) -> list[RestoredOrder]:
    """The working orders that paper had reported as accepted, as they are now."""
    restored = []
    for order in state.open_orders():
        account = state.accounts[state.book_of(order).account]
        if account.broker != CAPABILITIES.name or order.status in _NOT_REPORTED:
            continue
        request = place_request(order, account.id)
        # A fill without an ExecID is not a person's.
        by_hand = bool(order.exec_ids) and all(map(is_hand_fill_id, order.exec_ids))
        restored.append(RestoredOrder(request, order.order_id, order.cum_quantity, by_hand))
    return restored
