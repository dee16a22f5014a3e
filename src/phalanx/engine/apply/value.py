"""What the orders of an instruction that open risk may come to, kept as a sum: orders leave memory before
their instruction does, and an instruction may have thousands.
"""

from phalanx.domain.numbers import Money, multiply
from phalanx.domain.orders import TERMINAL
from phalanx.engine.state import Instruction, Order


def value_of(order: Order) -> Money:
    """Quantity × limit, with a replace under way the greater; of an order that ended what it filled. What
    only reduces has none.
    """
    if order.draft.reduce_only:
        return 0
    if order.status in TERMINAL:
        return order.filled_value
    value = multiply(order.limit, order.quantity)
    replace = order.replacing if order.request is not None else None
    if replace is not None:
        value = max(value, multiply(replace.limit, replace.quantity))
    return value


def count_value(instruction: Instruction, order: Order) -> None:
    """The order's terms, or its end, are new: its instruction's sum follows."""
    value = value_of(order)
    instruction.value_at_risk += value - order.at_risk
    order.at_risk = value
