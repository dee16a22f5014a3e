"""Nobody is first, or last, more often than chance has it: neither among all nor among those that remain.

The seeds are fixed, so these tests say the same every time.
"""

from collections import Counter
from collections.abc import Iterable
from random import Random

import pytest

from phalanx.domain.allocation import Allocation, Method
from phalanx.domain.events import InstructionPlanned
from phalanx.domain.instructions import (
    AllocatedRequest,
    BatchRequest,
    InstructionRequest,
    PriorityBuyRequest,
    SignalRequest,
)
from phalanx.domain.numbers import whole
from phalanx.domain.orders import OrdType, Product, Side
from phalanx.engine import commands as c
from phalanx.engine.decide import decide
from tests.engine_world import LOCAL, World

INSTRUCTIONS = 10_000
ACCOUNTS, DISABLED = 6, (2, 3)
VALID = ACCOUNTS - len(DISABLED)


def chi_square(found: Counter[str], kinds: int) -> float:
    """How far the counts are from being equal."""
    expected = sum(found.values()) / kinds
    missing = (kinds - len(found)) * expected
    return missing + sum((count - expected) ** 2 / expected for count in found.values())


def ends(world: World, request: InstructionRequest, seeds: Iterable[int]) -> list[Counter[str]]:
    """Whose order was first, and whose last, in how many of the plans."""
    first: Counter[str] = Counter()
    last: Counter[str] = Counter()
    for world.seed in seeds:
        (planned,) = decide(world.state, c.Submit(LOCAL, request), world.context())
        assert isinstance(planned, InstructionPlanned)
        assert len(planned.orders) == VALID
        first[planned.orders[0].book] += 1
        last[planned.orders[-1].book] += 1
    return [first, last]


@pytest.fixture
def world() -> World:
    """Eight accounts of which three, next to one another or not, may not trade."""
    world = World()
    for client in range(1, ACCOUNTS + 1):
        account = world.account(client, enabled=client not in DISABLED)
        world.subscribe(account, "RED", "INFY")
    return world


REQUESTS: dict[str, InstructionRequest] = {
    "signal": SignalRequest("RED", "INFY", Side.BUY),
    "priority_buy": PriorityBuyRequest(instruments=("INFY",)),
    "batch": BatchRequest(
        tuple(World.row(World(), client=client) for client in range(1, ACCOUNTS + 1))
    ),
    "allocated": AllocatedRequest(
        "INFY",
        Side.BUY,
        Product.DELIVERY,
        OrdType.MARKET,
        Allocation(Method.FIXED_QUANTITY, whole(1)),
    ),
}

# With four degrees of freedom chance exceeds this once in about two million times.
BOUND = 33.0


@pytest.mark.parametrize("kind", REQUESTS)
def test_nobody_is_first_or_last_more_often_than_chance(world: World, kind: str) -> None:
    draws = Random(20_250_615)
    seeds = [draws.getrandbits(64) for _ in range(INSTRUCTIONS)]

    for found in ends(world, REQUESTS[kind], seeds):
        assert chi_square(found, VALID) < BOUND


def test_nor_where_seeds_are_counted_up(world: World) -> None:
    for found in ends(world, REQUESTS["signal"], range(INSTRUCTIONS)):
        assert chi_square(found, VALID) < BOUND


def test_a_rotation_would_not_pass(world: World) -> None:
    everybody = list(range(1, ACCOUNTS + 1))
    first: Counter[str] = Counter()
    for seed in range(INSTRUCTIONS):
        turned = everybody[seed % ACCOUNTS :] + everybody[: seed % ACCOUNTS]
        first[str(next(client for client in turned if client not in DISABLED))] += 1

    assert chi_square(first, VALID) > BOUND
