"""Fills that a person ordered, on their way to the broker that does them."""

from collections.abc import Mapping

from phalanx.brokers.port import Broker, FillsByHand
from phalanx.engine.state import State


def send_hand_fill(state: State, brokers: Mapping[str, Broker], exec_id: str) -> None:
    """Have the broker do what is ordered and not reported, unless the order has ended since."""
    fill = state.hand_fills.get(exec_id)
    if fill is None:
        return
    account = state.book_of(state.orders[fill.cl_ord_id]).account
    broker: object = brokers.get(state.accounts[account].broker)
    if isinstance(broker, FillsByHand):
        broker.fill_by_hand(fill.cl_ord_id, fill.quantity, fill.price, exec_id)
