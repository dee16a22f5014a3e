"""How cash becomes whole lots: plain integer arithmetic, for one account at a time.

A *cost* is what one lot sets aside, charges included, rounded up: n lots never need more than n times
it. *Rooms* are the most lots that caps allow.
"""

from bisect import bisect_right
from collections.abc import Sequence
from functools import reduce
from operator import mul

from phalanx.domain.accounts import Account
from phalanx.domain.numbers import (
    BASIS_POINTS,
    FIXED_MAX,
    SCALE,
    Money,
    Price,
    Quantity,
    round_down,
)
from phalanx.engine.pricing import affordable


class Costs:
    """What one lot of each stock of a list costs the accounts of one charge rate, of which ``account``
    is any. All lists go by place, most wanted first.

    ``one_lot`` is zero where there is no limit: such a stock must not be asked for. ``unit`` is the
    greatest that all costs are multiples of, and ``in_units`` what they are in it. A cost that had to
    be rounded up is ``inexact``.
    """

    __slots__ = (
        "_basket",
        "account",
        "in_units",
        "inexact",
        "limits",
        "lot_sizes",
        "one_lot",
        "unit",
    )

    def __init__(
        self, account: Account, limits: Sequence[Price], lot_sizes: Sequence[Quantity]
    ) -> None:
        self.account = account
        self.limits = limits
        self.lot_sizes = lot_sizes
        self.one_lot: list[Money] = []
        self.inexact: set[int] = set()
        for place, (limit, lot_size) in enumerate(zip(limits, lot_sizes, strict=True)):
            value, beyond = divmod(limit * lot_size, SCALE)
            value += beyond > 0
            charges, more = divmod(value * account.charge_bps, BASIS_POINTS)
            self.one_lot.append(value + charges + (more > 0))
            if beyond or more:
                self.inexact.add(place)
        self.unit = reduce(_common, self.one_lot, 0) or 1
        self.in_units = [cost // self.unit for cost in self.one_lot]
        self._basket: Basket | None = None

    def basket(self, places: list[int], rooms: list[int]) -> "Basket":
        """The stocks of these places. ``rooms`` are those of the whole list.

        Most accounts want just what the one before wanted, in the same rooms, and get the same basket.
        """
        basket = self._basket
        if basket is None or basket.rooms_of_all is not rooms or basket.places != places:
            basket = self._basket = Basket(self, places, rooms)
        return basket


class Basket:
    """The stocks that accounts of one charge rate buy, with what a lot ``costs`` and the ``rooms``.

    All lists go by index in ``places``. Dividing is done in units: the quotients are the same, and
    small numbers are divided in a third of the time.
    """

    __slots__ = (
        "_bars",
        "_cheapest",
        "_costs",
        "_cut_from",
        "_in_units",
        "_inexact",
        "_last",
        "_unit",
        "costs",
        "places",
        "rooms",
        "rooms_of_all",
    )

    def __init__(self, costs: Costs, places: list[int], rooms: list[int]) -> None:
        self.places = places
        self.rooms_of_all = rooms
        self.rooms = [rooms[place] for place in places]
        self.costs = [costs.one_lot[place] for place in places]
        self._costs = costs
        self._unit = costs.unit
        self._in_units = [costs.in_units[place] for place in places]
        self._inexact = [index for index, place in enumerate(places) if place in costs.inexact]
        too_many = (room + 1 for room in self.rooms)
        # A share of fewer units than this fills nobody's room.
        self._cut_from = min(map(mul, too_many, self._in_units), default=0)
        self._cheapest: list[int] = []
        self._bars: list[int] = []
        self._last: tuple[Money, list[int], list[Money]] = (0, [], [])

    def lots_for(self, share: Money) -> list[int]:
        """The most lots of each whose hold is within ``share``, and within its room."""
        if share <= 0:
            return [0] * len(self.places)
        units = share // self._unit
        lots = [units // cost for cost in self._in_units]
        if units >= self._cut_from:
            lots = [min(count, room) for count, room in zip(lots, self.rooms, strict=True)]
        for index in self._inexact:
            # Where a cost was rounded up, a few more lots than the quotient may fit.
            costs, place = self._costs, self.places[index]
            limit, lot_size = costs.limits[place], costs.lot_sizes[place]
            quantity = affordable(costs.account, limit, share, lot_size)
            lots[index] = min(quantity // lot_size, self.rooms[index])
        return lots

    def bill_for(self, share: Money) -> tuple[list[int], list[Money]]:
        """Those lots, and what they set aside at most; known already if the last one asked was for the
        same ``share``. Not to be changed.
        """
        last, lots, needs = self._last
        if last != share or not lots:
            lots = self.lots_for(share)
            needs = self._needs(lots, share)
            self._last = (share, lots, needs)
        return lots, needs

    def need(self, lots: list[int], share: Money) -> Money:
        """What so many lots set aside at most, each bought out of ``share``."""
        if self._inexact:
            return sum(self._needs(lots, share))
        in_units: int = sum(map(mul, lots, self._in_units))
        return in_units * self._unit

    def _needs(self, lots: list[int], share: Money) -> list[Money]:
        """The same, one by one. A few more lots than the quotient need no more than the share either."""
        return [min(need, share) for need in map(mul, lots, self.costs)]

    def resplit(self, left: Money, lots: list[int], rooms: Sequence[int]) -> Money:
        """Split ``left`` equally over as many stocks as one more lot fits the share of, until none does.

        The cheapest come into question first. Adds to ``lots``; returns what is left. Every turn spends
        more than half of what is left or fills somebody's room, so there are few.
        """
        costs = self._in_units
        left, rest = divmod(left, self._unit)
        cheapest, bars = self._with_room(lots, rooms)
        while sharers := bisect_right(bars, left):
            share = left // sharers
            has_filled = False
            for index in cheapest[:sharers]:
                cost, has, room = costs[index], lots[index], rooms[index]
                more = share // cost
                if has + more >= room:
                    more, has_filled = room - has, True
                lots[index] = has + more
                left -= more * cost
            if has_filled:
                cheapest, bars = self._with_room(lots, rooms)
        return left * self._unit + rest

    def _with_room(self, lots: Sequence[int], rooms: Sequence[int]) -> tuple[list[int], list[int]]:
        """Those with room, the cheapest first; and the least units that so many of them can share so
        that each gets a lot, from one on.
        """
        if not self._cheapest:
            self._cheapest = sorted(range(len(self.places)), key=self._in_units.__getitem__)
            self._bars = self._bars_of(self._cheapest)
        found = [index for index in self._cheapest if lots[index] < rooms[index]]
        return found, self._bars if len(found) == len(self._bars) else self._bars_of(found)

    def _bars_of(self, cheapest: list[int]) -> list[int]:
        return [self._in_units[index] * count for count, index in enumerate(cheapest, 1)]


def _common(a: Money, b: Money) -> Money:
    """The greatest amount that both are multiples of; with nothing, the other."""
    while b:
        a, b = b, a % b
    return a


def down_the_list(
    cash: Money, needs: Sequence[Money], lots: list[int]
) -> tuple[Money, dict[int, Money]]:
    """Pay for one after another. What cannot be paid gets no lots, and the next is tried.

    Returns what is left, and for each index that was not covered what was left when its turn came.
    """
    uncovered = {}
    for index, need in enumerate(needs):
        if need <= cash:
            cash -= need
        else:
            uncovered[index] = cash
            lots[index] = 0
    return cash, uncovered


def one_lot_each(
    left: Money, costs: Sequence[Money], lots: list[int], rooms: Sequence[int]
) -> Money:
    """One more lot each, round by round down the list, as far as ``left`` goes.

    Adds to ``lots``; returns what is left. Rounds that everybody gets a lot in are taken at once.
    Who cannot be paid is out for good, as there is never more left than before; between two turns that
    put somebody out, what is left halves: their number is bounded, however cheap a stock is.
    """
    places = [place for place in _with_room(lots, rooms) if costs[place] <= left]
    while places:
        round_cost = sum(costs[place] for place in places)
        least_room = min(rooms[place] - lots[place] for place in places)
        rounds = min(left // round_cost, least_room)
        if rounds:
            left -= rounds * round_cost
            for place in places:
                lots[place] += rounds
        else:
            for place in places:
                if costs[place] <= left:
                    left -= costs[place]
                    lots[place] += 1
        places = [place for place in places if costs[place] <= left and lots[place] < rooms[place]]
    return left


def _with_room(lots: Sequence[int], rooms: Sequence[int]) -> list[int]:
    return [place for place, (has, room) in enumerate(zip(lots, rooms, strict=True)) if has < room]


def rooms_within(
    limits: Sequence[Price],
    lot_sizes: Sequence[Quantity],
    quantity_max: Quantity,
    value_max: Money,
) -> list[int]:
    """The most lots of each stock that caps on one order's quantity and value allow."""
    return [
        min(quantity_max // lot_size, value_max * SCALE // (limit * lot_size)) if limit else 0
        for limit, lot_size in zip(limits, lot_sizes, strict=True)
    ]


def whole_lots(quantity: Quantity, lot_size: Quantity) -> Quantity:
    """So much of a quantity as is whole lots and fits a number; nothing of a negative one."""
    return round_down(max(0, min(quantity, FIXED_MAX)), lot_size)


def worth(cash: Money, price: Price, lot_size: Quantity) -> Quantity:
    """The most whole lots that are worth no more than ``cash`` at ``price``, charges aside."""
    return whole_lots(max(0, cash) * SCALE // price, lot_size)
