"""Lanes under limits of all scopes, on any timetable: no window of any start, as the broker counts,
holds more than the limit, and nobody waits in vain.
"""

from random import Random

from hypothesis import example, given
from hypothesis import strategies as st

from phalanx.domain.accounts import RateLimit
from phalanx.domain.time import MILLISECOND, Nanoseconds
from tests.property.desk.limited_world import Fate, LimitedWorld, Terms, check_windows

STEPS = 120
JOURNEY_NS: Nanoseconds = 5 * MILLISECOND
PAUSES_MS = (0, 0, 0, 0, 0, 1, 2, 11, 90, 400)
DELAYS_MS = (0, 0, 1, 2, 9, 300)


def limits(most: int) -> st.SearchStrategy[RateLimit]:
    return st.builds(
        RateLimit,
        count=st.integers(1, most),
        window_ms=st.sampled_from((10, 300, 1_000)),
        reserved=st.integers(0, 3),
    )


TERMS = st.builds(
    Terms,
    first=st.one_of(st.just(RateLimit()), limits(4)),
    account=st.lists(limits(5), max_size=1).map(tuple),
    login=st.lists(limits(6), max_size=2).map(tuple),
    egress=st.lists(limits(8), max_size=1).map(tuple),
    slack_ms=st.sampled_from((0, 3)),
)

SEEDS = st.integers(0, 2**32)


class Walk:
    """Somebody's day at a `LimitedWorld`, drawn from a seed, to its end."""

    def __init__(self, terms: Terms, seed: int, *, changes: bool = True) -> None:
        self.world = LimitedWorld(terms)
        self.wanted = 0
        self.restarts = 0
        self._chance = Random(seed)
        for _ in range(STEPS):
            pause = self._chance.choice(PAUSES_MS) * MILLISECOND
            self.world.clock.advance(pause + self._chance.randrange(0, MILLISECOND))
            if changes and self._chance.random() < 0.08:
                self._change()
            else:
                self._ask()
        self.world.settle()

    def _ask(self) -> None:
        chance, slack = self._chance, self.world.terms.slack_ms * MILLISECOND
        delay = chance.choice(DELAYS_MS) * MILLISECOND
        # What arrives may bunch, by as much as was declared.
        journey = JOURNEY_NS + chance.choice((0, slack))
        fate = Fate(delay, journey, chance.random() < 0.9)
        self.wanted += fate.is_written
        self.world.ask(self._account(), fate, urgent=chance.random() < 0.2)

    def _change(self) -> None:
        chance = self._chance
        match chance.randrange(3):
            case 0:
                limit = RateLimit(chance.randint(0, 4), chance.choice((10, 300, 1_000)))
                self.world.limit(self._account(), limit)
            case 1:
                self.world.move(self._account(), chance.choice(("L1", "L2", "L3")))
            case _:
                self.restarts += 1
                self.world.restart()

    def _account(self) -> str:
        return self._chance.choice(("A0", "A1", "A2", "A3"))


@given(TERMS, SEEDS)
def test_no_window_of_any_scope_holds_more_than_its_limit(terms: Terms, seed: int) -> None:
    walk = Walk(terms, seed)

    for writes, limit, since in walk.world.counted():
        check_windows([write.at - JOURNEY_NS for write in writes], limit, since)


@example(Terms(RateLimit(), egress=(RateLimit(4, 1_000, 3),)), 1_191_941)
@given(TERMS, SEEDS)
def test_everybody_goes_in_the_end_and_no_place_is_lost(terms: Terms, seed: int) -> None:
    walk = Walk(terms, seed)

    for lane in walk.world.turns:
        assert not lane
        assert all(window.pending == 0 for window in lane._windows)
    # What was on its way when a process died is not sent again.
    assert walk.restarts or len(walk.world.writes) == walk.wanted


@given(TERMS, SEEDS)
def test_new_risk_leaves_the_headroom_of_every_scope(terms: Terms, seed: int) -> None:
    walk = Walk(terms, seed, changes=False)

    for writes, limit, _ in walk.world.counted():
        usable = RateLimit(max(1, limit.count - limit.reserved), limit.window_ms)
        check_windows([write.at for write in writes if not write.urgent], usable)
    assert walk.world.refused == 0, "who has a place is written"
