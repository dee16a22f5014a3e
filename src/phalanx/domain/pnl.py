"""Profit and loss of a trade, folded from its fills: exact integers, average cost, nothing assumed.

A trade is what one buy brought and what became of it. Charges count when they are paid, so that over
all trades realised P&L is cash in less the cost of what was sold less all charges.
"""

from collections.abc import Sequence

import msgspec

from phalanx.domain.numbers import Money, Price, Quantity, divide, multiply


class TradePnl(msgspec.Struct, frozen=True, gc=False):
    """What a trade came to so far.

    ``cost`` is what all of ``bought`` cost, ``sold_cost`` the share of it that was sold for
    ``proceeds``; ``charges`` are those of both sides. With ``cost_known`` False nobody knows what it
    cost: it is counted as sold for what it cost, and neither gains nor loses.
    """

    bought: Quantity = 0
    cost: Money = 0
    charges: Money = 0
    sold: Quantity = 0
    sold_cost: Money = 0
    proceeds: Money = 0
    cost_known: bool = True

    @property
    def remaining(self) -> Quantity:
        """Bought and not sold."""
        return self.bought - self.sold

    @property
    def remaining_cost(self) -> Money:
        """What that cost."""
        return self.cost - self.sold_cost if self.cost_known else 0

    @property
    def average_price(self) -> Price:
        """Mean price of the buys, rounded towards zero at the eighth decimal; zero while unknown."""
        return divide(self.cost, self.bought)

    @property
    def realized(self) -> Money:
        """Gain (or loss) of what was sold, less all charges."""
        return self.proceeds - self.sold_cost - self.charges

    def unrealized(self, last: Price) -> Money:
        """Gain of what remains at a last price, before the charges of selling it."""
        return multiply(last, self.remaining) - self.remaining_cost if self.cost_known else 0

    def buy(self, quantity: Quantity, value: Money, charges: Money) -> "TradePnl":
        """A buy filled: ``quantity`` for ``value`` in all."""
        assert quantity > 0, "a fill is more than nothing"
        return msgspec.structs.replace(
            self,
            bought=self.bought + quantity,
            cost=self.cost + value,
            charges=self.charges + charges,
        )

    def sell(self, quantity: Quantity, value: Money, charges: Money) -> "TradePnl":
        """A sell filled: never more than what remains. Selling all of it leaves no cost behind."""
        assert 0 < quantity <= self.remaining, f"{quantity} of {self.remaining} sold"
        cost = self.remaining_cost * quantity // self.remaining if self.cost_known else value
        return msgspec.structs.replace(
            self,
            charges=self.charges + charges,
            sold=self.sold + quantity,
            sold_cost=self.sold_cost + cost,
            proceeds=self.proceeds + value,
        )


def shared(amount: Money, parts: Sequence[Quantity]) -> list[Money]:
    """An amount in proportion to ``parts``, to the last 1e-8: the shares add up to it."""
    whole = sum(parts)
    shares: list[Money] = []
    upto = given = 0
    for part in parts:
        upto += part
        due = amount * upto // whole
        shares.append(due - given)
        given = due
    return shares
