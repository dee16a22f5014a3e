"""How cash becomes whole lots: plain integer arithmetic, for one account at a time.

All lists go by place, most wanted first. A *cost* is what one lot sets aside, charges included,
rounded up: n lots never need more than n times it. *Rooms* are the most lots that caps allow.
"""

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
    """What one lot of each stock costs the accounts of one charge rate, of which ``account`` is any.

    ``one_lot`` is zero where there is no limit: such a stock must not be asked for.

    For dividing, costs and shares are counted in the greatest *unit* that all costs are multiples of:
    the quotients are the same, and small numbers are divided in a third of the time.
    """

    __slots__ = (
        "_account",
        "_cut_from",
        "_inexact",
        "_limits",
        "_lot_sizes",
        "_places",
        "_rooms",
        "_unit",
        "_units",
        "one_lot",
    )

    def __init__(
        self, account: Account, limits: Sequence[Price], lot_sizes: Sequence[Quantity]
    ) -> None:
        self._account = account
        self._limits = limits
        self._lot_sizes = lot_sizes
        self.one_lot: list[Money] = []
        self._inexact: set[int] = set()
        for place, (limit, lot_size) in enumerate(zip(limits, lot_sizes, strict=True)):
            value, beyond = divmod(limit * lot_size, SCALE)
            value += beyond > 0
            charges, more = divmod(value * account.charge_bps, BASIS_POINTS)
            self.one_lot.append(value + charges + (more > 0))
            if beyond or more:
                self._inexact.add(place)
        self._unit = reduce(_common, self.one_lot, 0) or 1
        self._places: Sequence[int] = ()
        self._units: list[int] = []
        self._rooms: Sequence[int] = ()
        self._cut_from = 0

    def lots_for(self, share: Money, places: Sequence[int], rooms: Sequence[int]) -> list[int]:
        """The most lots of each of ``places`` whose hold is within ``share``, and within its room.

        ``rooms`` are those of all stocks, by place.
        """
        if share <= 0:
            return [0] * len(places)
        if places is not self._places or rooms is not self._rooms:
            # Most accounts want just what the one before wanted, in the same rooms.
            self._turn_to(places, rooms)
        share_units = share // self._unit
        found = [share_units // units for units in self._units]
        if share_units >= self._cut_from:
            found = [min(lots, rooms[place]) for place, lots in zip(places, found, strict=True)]
        if self._inexact:
            # Where a cost was rounded up, a few more lots than the quotient may fit.
            for index, place in enumerate(places):
                if place in self._inexact:
                    limit, lot_size = self._limits[place], self._lot_sizes[place]
                    quantity = affordable(self._account, limit, share, lot_size)
                    found[index] = min(quantity // lot_size, rooms[place])
        return found

    def _turn_to(self, places: Sequence[int], rooms: Sequence[int]) -> None:
        """What dividing for these takes. Below ``_cut_from`` units a share fills nobody's room."""
        self._places, self._rooms = places, rooms
        self._units = [self.one_lot[place] // self._unit for place in places]
        too_many = (rooms[p] + 1 for p in places)
        self._cut_from = min(map(mul, too_many, self._units), default=0)


def _common(a: Money, b: Money) -> Money:
    """The greatest amount that both are multiples of; with nothing, the other."""
    while b:
        a, b = b, a % b
    return a


def spent(share: Money, costs: Sequence[Money], lots: Sequence[int]) -> list[Money]:
    """What so many lots set aside at most, each bought out of ``share``."""
    return [
        need if (need := cost * count) < share else share
        for cost, count in zip(costs, lots, strict=True)
    ]


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


def resplit(left: Money, costs: Sequence[Money], lots: list[int], rooms: Sequence[int]) -> Money:
    """Split ``left`` equally over as many stocks as one more lot fits the share of, until none does.

    The cheapest come into question first. Adds to ``lots``; returns what is left. Every turn spends
    more than half of what is left or fills somebody's room, so there are few.
    """
    open_places = sorted(_with_room(lots, rooms), key=costs.__getitem__)
    while True:
        count = _sharers(left, costs, open_places)
        if not count:
            return left
        share = left // count
        for place in open_places[:count]:
            more = min(share // costs[place], rooms[place] - lots[place])
            lots[place] += more
            left -= more * costs[place]
        open_places = [place for place in open_places if lots[place] < rooms[place]]


def _sharers(left: Money, costs: Sequence[Money], cheapest_first: Sequence[int]) -> int:
    """The greatest number of them that can share ``left`` so that each gets a lot."""
    for others, place in enumerate(cheapest_first):
        if costs[place] > left // (others + 1):
            return others
    return len(cheapest_first)


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
