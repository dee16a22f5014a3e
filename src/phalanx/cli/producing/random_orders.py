"""Random signals, from a seed: what `produce` and `demo` send."""

import random
from collections.abc import Mapping, Sequence
from typing import TypeAlias

SignalBody: TypeAlias = dict[str, str]

ELSEWHERE_PERCENT = 10
"""How often an instrument is drawn that the strategy does not trade: refusals are part of life."""
SENSIBLE_PERCENT = 80
"""How often what was bought is sold next, and what was not bought or was sold is bought."""


class RandomOrders:
    """An endless row of ``{"STRATEGY", "INSTRUMENT", "POSITION"}``; the same seed, the same row.

    ``names``: the instruments of every strategy. There must be at least one.
    """

    def __init__(self, names: Mapping[str, Sequence[str]], seed: int | None) -> None:
        self._names = {strategy: tuple(own) for strategy, own in names.items() if own}
        self._strategies = tuple(self._names)
        self._everything = tuple(dict.fromkeys(n for own in self._names.values() for n in own))
        self._dice = random.Random(seed)
        self._bought: dict[tuple[str, str], bool] = {}
        assert self._strategies, "a strategy with an instrument"

    def next(self) -> SignalBody:
        """Another one."""
        dice = self._dice
        strategy = dice.choice(self._strategies)
        elsewhere = dice.randrange(100) < ELSEWHERE_PERCENT
        instruments = self._everything if elsewhere else self._names[strategy]
        instrument = dice.choice(instruments)
        bought = self._bought.get((strategy, instrument), False)
        buy = bought != (dice.randrange(100) < SENSIBLE_PERCENT)
        self._bought[strategy, instrument] = buy
        return {
            "STRATEGY": strategy,
            "INSTRUMENT": instrument,
            "POSITION": "BUY" if buy else "SELL",
        }
