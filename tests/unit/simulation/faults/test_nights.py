"""Midnight at brokers of every kind, once in the middle of a story and twice at rest."""

import msgspec
import pytest

from phalanx.domain.capabilities import BrokerKind
from phalanx.domain.time import DAY
from phalanx.engine import timers
from phalanx.simulation.faults.options import KINDS, Options
from phalanx.simulation.faults.runner import tell
from phalanx.simulation.faults.story import Story, begin
from phalanx.simulation.invariants.named import Invariant
from phalanx.simulation.virtual import simulate

TAGLESS = Options(4, kinds=(BrokerKind.NO_TAG,), paper=False, wishes=20, midnight=True)


@pytest.mark.parametrize("kind", KINDS)
def test_two_days_later_nothing_is_in_memory_nor_in_a_brokers_book(kind: BrokerKind) -> None:
    stories: list[Story] = []

    simulate(begin(msgspec.structs.replace(TAGLESS, kinds=(kind,)), stories), seed=TAGLESS.seed)

    (story,) = stories
    (exchange,) = story.world.exchanges.values()
    (account,) = exchange.accounts
    assert len(list(exchange.orders())) > 3
    assert (exchange.book(account).orders, exchange.book(account).trades) == ((), ())
    assert story.world.desk.state.orders == {}
    assert story.world.clock.skew >= 2 * DAY


def test_a_book_begins_its_day_before_ours_or_after_it() -> None:
    told = []
    for seed in range(8):
        steps = tell(msgspec.structs.replace(TAGLESS, seed=seed), traced=True).trace
        nights = [step for step in steps if "a day later" in step or "new day's book" in step]
        told.append([("later" if "later" in step else "book") for step in nights])

    assert all(one[0] == "book" for one in told)
    assert {tuple(one[1:]) for one in told} == {
        ("book", "later", "later"),
        ("later", "book", "later"),
    }


def test_what_is_forgotten_while_a_book_without_tags_shows_it_is_booked_again_and_found(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(timers, "_stays_for_the_day", lambda *_: False)
    options = [msgspec.structs.replace(TAGLESS, seed=seed) for seed in range(8)]

    failures = [tell(one).failure for one in options]

    found = {failure.invariant for failure in failures if failure is not None}
    assert Invariant.BOOKED_ONCE.name in found


def test_what_is_remembered_for_ever_is_found(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(timers, "_stays_for_the_day", lambda *_: True)

    failure = tell(TAGLESS).failure

    assert failure is not None
    assert failure.invariant == Invariant.IDLE.name
