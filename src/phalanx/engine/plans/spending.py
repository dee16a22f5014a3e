"""How many lots an account's cash buys of the stocks that it wants, and why of some it buys none."""

from collections.abc import Container, Sequence

from phalanx.domain.accounts import Account
from phalanx.domain.allocation import Leftover, ListMethod
from phalanx.domain.instructions import PriorityBuyRequest, Skip
from phalanx.domain.limits import Limit
from phalanx.domain.numbers import Money, Quantity, multiply
from phalanx.domain.reasons import Reason, ReasonCode
from phalanx.engine.plans.plan import Plan
from phalanx.engine.plans.priority_list import Stock
from phalanx.engine.plans.sharing import (
    Basket,
    Costs,
    down_the_list,
    one_lot_each,
    rooms_within,
)
from phalanx.engine.risk import available_cash
from phalanx.engine.state import Book, State

# By their own names: on Python 3.11 finding an enum's member costs as much as making a reason.
_ZERO_QUANTITY, _BELOW_MIN_VALUE = ReasonCode.ZERO_QUANTITY, ReasonCode.BELOW_MIN_VALUE
_RANK_NOT_COVERED, _INSUFFICIENT_CASH = ReasonCode.RANK_NOT_COVERED, ReasonCode.INSUFFICIENT_CASH
_KEEP, _RESPLIT = Leftover.KEEP, Leftover.RESPLIT


class Spending:
    """Shares out the cash of one account after another; what many of them have alike is found once."""

    __slots__ = (
        "_amount",
        "_costs",
        "_leftover",
        "_limits",
        "_lot_sizes",
        "_min_order_value",
        "_plan",
        "_rooms",
        "_settings",
        "_splits",
        "_stocks",
    )

    def __init__(
        self, state: State, request: PriorityBuyRequest, plan: Plan, stocks: list[Stock]
    ) -> None:
        allocation = request.allocation
        self._splits = allocation.method is ListMethod.EQUAL_SPLIT
        self._amount = allocation.amount
        self._leftover = allocation.leftover
        self._min_order_value = allocation.min_order_value
        self._settings = state.settings
        self._plan = plan
        self._stocks = stocks
        self._limits = [stock.limit for stock in stocks]
        self._lot_sizes = [stock.lot_size for stock in stocks]
        self._costs: dict[int, Costs] = {}
        self._rooms: dict[tuple[Quantity | None, ...], list[int]] = {}

    def lots_of(
        self, account: Account, book: Book, wanted: list[int], limit: Limit | None
    ) -> list[int]:
        """How many lots of each of the ``wanted`` places: none of what is skipped.

        With EQUAL_SPLIT all that whole lots leave of the cash is left over, for all stocks wanted.
        With FIXED_AMOUNT it is what they leave of the amounts spent, for the stocks that were bought.
        """
        basket = self._costs_of(account).basket(wanted, self._rooms_of(limit))
        cash = available_cash(account, book)
        if cash <= 0:
            self._plan.skip(account.id, _INSUFFICIENT_CASH, min(basket.costs), cash)
            return [0] * len(wanted)
        if not self._splits:
            return self._amounts(account, basket, cash)
        share = cash // len(wanted)
        lots = basket.lots_for(share)
        if self._leftover is not _KEEP:
            left = cash - basket.need(lots, share)
            self._spend_leftover(basket, left, lots, basket.rooms)
        self._leave_out(account, wanted, lots, share)
        return lots

    def _amounts(self, account: Account, basket: Basket, cash: Money) -> list[int]:
        """The amount on each, as far as the cash covers it."""
        amount = self._amount
        full, needs = basket.bill_for(amount)
        lots = full.copy()
        left, uncovered = down_the_list(cash, needs, lots)
        if self._leftover is not _KEEP:
            bought = [need for need, count in zip(needs, lots, strict=True) if count]
            left = min(left, amount * len(bought) - sum(bought))
            rooms = [room if count else 0 for room, count in zip(basket.rooms, lots, strict=True)]
            self._spend_leftover(basket, left, lots, rooms)
        for index, was_left in uncovered.items():
            stock = self._stocks[basket.places[index]]
            facts = (needs[index], stock.symbol, was_left)
            reason = Reason(_RANK_NOT_COVERED, facts)
            self._plan.skips.append(Skip(account.id, reason, stock.key, stock.row))
        self._leave_out(account, basket.places, lots, amount, uncovered)
        return lots

    def _spend_leftover(
        self, basket: Basket, left: Money, lots: list[int], rooms: Sequence[int]
    ) -> None:
        if self._leftover is _RESPLIT:
            basket.resplit(left, lots, rooms)
        else:
            one_lot_each(left, basket.costs, lots, rooms)

    def _leave_out(
        self,
        account: Account,
        places: list[int],
        lots: list[int],
        share: Money,
        skipped: Container[int] = (),
    ) -> None:
        """Skip what is no lot, and what is worth less than an order must be; then it is no lot either.

        ``skipped``: the indices of what is skipped already.
        """
        account_id, stocks, skips = account.id, self._stocks, self._plan.skips
        least = self._min_order_value
        for index in range(len(lots)) if least else _zeros(lots):
            if index in skipped:
                continue
            stock, count = stocks[places[index]], lots[index]
            if not count:
                reason = Reason(_ZERO_QUANTITY, (share, stock.lot_size, stock.limit))
            elif (value := multiply(stock.limit, count * stock.lot_size)) < least:
                reason = Reason(_BELOW_MIN_VALUE, (value, least))
                lots[index] = 0
            else:
                continue
            skips.append(Skip(account_id, reason, stock.key, stock.row))

    def _costs_of(self, account: Account) -> Costs:
        found = self._costs.get(account.charge_bps)
        if found is None:
            found = Costs(account, self._limits, self._lot_sizes)
            self._costs[account.charge_bps] = found
        return found

    def _rooms_of(self, limit: Limit | None) -> list[int]:
        """Lots within the settings' caps and the account's own. What is new is held by no position yet,
        so a limit on positions is one on the quantity.
        """
        own: tuple[Quantity | None, Quantity | None, Money | None] = (None, None, None)
        if limit is not None:
            own = (limit.quantity_max, limit.position_max, limit.value_max)
        found = self._rooms.get(own)
        if found is None:
            settings = self._settings
            quantity_max = min(q for q in (settings.quantity_max, *own[:2]) if q is not None)
            value_max = min(v for v in (settings.value_max, own[2]) if v is not None)
            found = rooms_within(self._limits, self._lot_sizes, quantity_max, value_max)
            self._rooms[own] = found
        return found


def _zeros(lots: list[int]) -> list[int]:
    """The indices of zeros; there are few, so they are looked for at the speed of ``list.index``."""
    found: list[int] = []
    begin = 0
    for _ in range(lots.count(0)):
        found.append(lots.index(0, begin))
        begin = found[-1] + 1
    return found
