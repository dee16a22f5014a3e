"""Fills that a person ordered, on their way to the broker that does them."""

from collections.abc import Callable, Mapping
from functools import partial

from phalanx.brokers.port import Broker, FillsByHand
from phalanx.engine.commands import Command, RefuseHandFill
from phalanx.engine.state import State


def send_hand_fill(
    state: State,
    brokers: Mapping[str, Broker],
    exec_id: str,
    handle: Callable[[Command], None],
) -> None:
    """Have the broker do what is ordered and not reported, unless the order has ended since.

    ``handle`` hears when the broker does not do it.
    """
    fill = state.hand_fills.get(exec_id)
    if fill is None:
        return
    account = state.book_of(state.orders[fill.cl_ord_id]).account
    broker: object = brokers.get(state.accounts[account].broker)
    if isinstance(broker, FillsByHand):
        refused = partial(_refused, handle, exec_id)
        broker.fill_by_hand(fill.cl_ord_id, fill.quantity, fill.price, exec_id, refused)


def _refused(handle: Callable[[Command], None], exec_id: str, why: str) -> None:
    handle(RefuseHandFill(exec_id, why))
