"""A measured figure: our samples, the floor's samples of the same run, and the budget."""

from collections.abc import Sequence
from statistics import median

import msgspec


class Series(msgspec.Struct, frozen=True):
    """Samples of one thing, in the order they were taken."""

    values: tuple[float, ...]

    @property
    def middle(self) -> float:
        """The median."""
        return median(self.values)

    @property
    def low(self) -> float:
        return min(self.values)

    @property
    def high(self) -> float:
        return max(self.values)


class Budget(msgspec.Struct, frozen=True):
    """What must hold of the median, and of the ratio to the floor."""

    at_most: float | None = None
    at_least: float | None = None
    ratio_at_most: float | None = None
    ratio_at_least: float | None = None

    def __str__(self) -> str:
        parts = (
            ("≤ {:,g}", self.at_most),
            ("≥ {:,g}", self.at_least),
            ("≤ {:g} × floor", self.ratio_at_most),
            ("≥ {:g} × floor", self.ratio_at_least),
        )
        return " and ".join(text.format(bound) for text, bound in parts if bound is not None)


class Figure(msgspec.Struct, frozen=True):
    """One line of the table. Without a floor there is no ratio, without a budget nothing to meet."""

    name: str
    unit: str
    ours: Series
    floor: Series | None = None
    budget: Budget | None = None

    @property
    def ratio(self) -> float | None:
        """Ours to the floor: the median over the pairs, each taken one right after the other."""
        if self.floor is None:
            return None
        pairs = zip(self.ours.values, self.floor.values, strict=True)
        return median(ours / floor for ours, floor in pairs)

    @property
    def met(self) -> bool | None:
        """Whether the budget is met; None without one."""
        budget, ratio = self.budget, self.ratio
        if budget is None:
            return None
        middle = self.ours.middle
        return (
            (budget.at_most is None or middle <= budget.at_most)
            and (budget.at_least is None or middle >= budget.at_least)
            and (budget.ratio_at_most is None or (ratio or 0) <= budget.ratio_at_most)
            and (budget.ratio_at_least is None or (ratio or 0) >= budget.ratio_at_least)
        )


def series(*values: float) -> Series:
    """Samples by hand."""
    return Series(values)


def percentile(values: Sequence[float], share: float) -> float:
    """The smallest value that at least ``share`` (0..1) of the values do not exceed."""
    ordered = sorted(values)
    return ordered[max(0, -int(-share * len(ordered) // 1) - 1)]
