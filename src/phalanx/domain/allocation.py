"""How an instruction shares out quantity or cash: words only, the arithmetic is the engine's plans'."""

from enum import StrEnum

import msgspec

from phalanx.domain.accounts import AccountId
from phalanx.domain.numbers import Fixed, Money, Quantity


class Method(StrEnum):
    """How one instrument is shared out over accounts. ``equal_…`` splits a total, the others say what
    each account gets.
    """

    QUANTITIES = "quantities"
    EQUAL_QUANTITY = "equal_quantity"
    FIXED_QUANTITY = "fixed_quantity"
    MULTIPLIER = "multiplier"
    EQUAL_CASH = "equal_cash"
    FIXED_CASH = "fixed_cash"
    PERCENT_OF_CASH = "percent_of_cash"
    PERCENT_OF_NET_VALUE = "percent_of_net_value"
    PERCENT_OF_POSITION = "percent_of_position"
    LIKE = "like"


class Allocation(msgspec.Struct, frozen=True, array_like=True, gc=False):
    """``amount`` is units, money or basis points (a plain integer), as the method says.

    ``quantities`` (methods QUANTITIES and LIKE): units for each account, 0 skips it.
    ``instruction``: of LIKE, the one whose quantities these are.
    """

    method: Method
    amount: Fixed = 0
    quantities: tuple[tuple[AccountId, Quantity], ...] = ()
    instruction: str = ""


class ListMethod(StrEnum):
    """How an account's cash is shared out over the new stocks of a priority list."""

    EQUAL_SPLIT = "equal_split"
    FIXED_AMOUNT = "fixed_amount"


class Leftover(StrEnum):
    """What becomes of the cash that whole lots leave over."""

    KEEP = "keep"
    RESPLIT = "resplit"
    ONE_LOT = "one_lot"


class ListAllocation(msgspec.Struct, frozen=True, array_like=True, gc=False):
    """``amount``: money per stock, for FIXED_AMOUNT. ``min_order_value``: smaller orders are skipped."""

    method: ListMethod = ListMethod.EQUAL_SPLIT
    amount: Money = 0
    leftover: Leftover = Leftover.KEEP
    min_order_value: Money = 0
