"""Which instruments' prices matter most: what is worked, then what is held, then what strategies trade."""

import asyncio
from collections import Counter
from itertools import islice
from typing import Final

from phalanx.domain.instruments import InstrumentKey
from phalanx.domain.orders import TERMINAL
from phalanx.engine.state import Book, State

MATTERING_MAX: Final = 1_000
AT_ONCE: Final = 50
"""After so many books or subscriptions others have their turn: nobody's order waits for this."""


async def mattering(state: State) -> list[InstrumentKey]:
    """The instruments with open orders, then those with positions, then those that a followed strategy
    may trade; within each what most accounts have first, then by key. At most 1,000.

    Read in parts on the loop's thread: a book that changes meanwhile counts as it was or as it is.
    """
    worked: Counter[InstrumentKey] = Counter()
    held: Counter[InstrumentKey] = Counter()
    for number, book in enumerate(tuple(state.books.values()), 1):
        worked.update(_worked(state, book))
        held.update({one.instrument for one in book.positions.values()})
        if number % AT_ONCE == 0:
            await asyncio.sleep(0)
    followed: Counter[InstrumentKey] = Counter()
    for number, instruments in enumerate(_followed(state), 1):
        followed.update(instruments)
        if number % AT_ONCE == 0:
            await asyncio.sleep(0)
    ranked = dict.fromkeys(key for counts in (worked, held, followed) for key in _ranked(counts))
    return list(islice(ranked, MATTERING_MAX))


def _worked(state: State, book: Book) -> set[InstrumentKey]:
    if not book.open_orders:
        return set()
    orders = (state.orders[one] for one in book.orders)
    return {order.draft.instrument for order in orders if order.status not in TERMINAL}


def _followed(state: State) -> list[tuple[InstrumentKey, ...]]:
    """What each subscription may trade."""
    return [
        state.strategies[name].instruments if one.instruments is None else one.instruments
        for name, followers in state.subscriptions.items()
        for one in followers.values()
        if one.enabled
    ]


def _ranked(counts: Counter[InstrumentKey]) -> list[InstrumentKey]:
    return sorted(counts, key=lambda key: (-counts[key], key))
