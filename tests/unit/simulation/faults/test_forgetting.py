"""Stories in which the disk loses the end of the journal with its anchor."""

import msgspec
import pytest

from phalanx.desk.reconciling import reconciler as reconciler_module
from phalanx.domain.breaks import BreakKind
from phalanx.domain.capabilities import BrokerKind
from phalanx.domain.events import BreakClosed, BreakFiled, decode_events
from phalanx.journal.memory import MemoryJournal
from phalanx.simulation.faults.options import Options
from phalanx.simulation.faults.runner import tell
from phalanx.simulation.faults.story import Story, begin
from phalanx.simulation.invariants.named import Invariant
from phalanx.simulation.virtual import simulate
from tests.sim.account_mutants import give_ids_of_lost_orders_again

LOOK_UP = Options(3, kinds=(BrokerKind.LOOK_UP,), paper=False, forgets=True)


def test_an_account_whose_orders_were_lost_is_closed_until_a_person_settles_them() -> None:
    stories: list[Story] = []

    simulate(begin(LOOK_UP, stories), seed=LOOK_UP.seed)

    (story,) = stories
    assert story.brokers.unknown
    source = MemoryJournal(story.world.disk)
    events = [event for record in source.scan() for event in decode_events(record.body)]
    unknown = {
        event.found.id
        for event in events
        if isinstance(event, BreakFiled) and event.found.kind is BreakKind.ORDER_UNKNOWN
    }
    settled = {event.break_id for event in events if isinstance(event, BreakClosed)}
    assert unknown
    assert unknown <= settled
    assert story.world.desk.closed == {}


def test_an_account_that_opens_all_the_same_is_found(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(reconciler_module, "why_closed", lambda state, comparison: "")

    failure = tell(LOOK_UP).failure

    assert failure is not None
    assert failure.invariant == Invariant.LOST_TAIL.name


def test_an_id_of_a_lost_order_that_is_given_again_is_found(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    give_ids_of_lost_orders_again(monkeypatch)

    failure = tell(LOOK_UP).failure

    assert failure is not None
    assert failure.invariant == Invariant.LOST_TAIL.name


def test_a_broker_that_keeps_no_tag_cannot_tell_that_anything_was_lost() -> None:
    options = msgspec.structs.replace(LOOK_UP, kinds=(BrokerKind.NO_TAG,))

    told = tell(options)

    assert told.failure is None
    assert Invariant.LOST_TAIL.name not in told.checked
