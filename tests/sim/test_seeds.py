"""Stories of every kind of instruction over paper, with crashes; ``PHALANX_SIM_STORIES`` says how many."""

import os

import pytest

from tests.sim.story import run

SEEDS = int(os.environ.get("PHALANX_SIM_STORIES", "48"))
CHUNKS = 4


@pytest.mark.parametrize("chunk", range(CHUNKS))
def test_whatever_happens_what_must_hold_holds(chunk: int) -> None:
    for seed in range(chunk, SEEDS, CHUNKS):
        try:
            run(seed)
        except BaseException as failure:
            failure.add_note(f"seed {seed}: tests.sim.story.run({seed}) tells it again")
            raise


def test_a_seed_tells_the_same_story_again() -> None:
    first, again = run(3), run(3)

    assert first.world.disk.blobs == again.world.disk.blobs
    assert (first.answered, first.deaths) == (again.answered, again.deaths)
