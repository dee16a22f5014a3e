"""Bare integer arithmetic: an account's cash over the stocks, in whole lots; none is a skip."""

from collections.abc import Sequence


def allocate(cashes: Sequence[int], costs: Sequence[int]) -> list[list[int]]:
    """Lots of each stock, for each account."""
    count = len(costs)
    found = []
    for cash in cashes:
        share = cash // count
        found.append([share // cost for cost in costs])
    return found
