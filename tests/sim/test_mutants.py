"""The simulation can fail: each planted bug is found within the stated number of seeds."""

import pytest

from tests.sim.mutants import MUTANTS, SEEDS_MAX, Plant, hunt


@pytest.mark.parametrize("mutant", MUTANTS, ids=lambda plant: plant.__name__)
def test_a_planted_bug_is_found(mutant: Plant) -> None:
    caught = hunt(mutant)

    assert caught.seed is not None, f"{SEEDS_MAX} seeds did not notice"
