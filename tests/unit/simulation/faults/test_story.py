"""What stories have in them: a fault that never happens shows nothing."""

from collections import Counter

import msgspec
import pytest

from phalanx.domain.capabilities import BrokerKind
from phalanx.domain.events import InstructionPlanned, KillPut, OrderReported, decode_events
from phalanx.domain.instructions import CancelOpenRequest
from phalanx.domain.kills import KillLevel
from phalanx.domain.orders import OrdStatus
from phalanx.engine.state import State
from phalanx.journal.memory import MemoryJournal
from phalanx.simulation.faults.options import Options, draw
from phalanx.simulation.faults.runner import tell
from phalanx.simulation.faults.story import Story, begin
from phalanx.simulation.invariants import truth as truth_module
from phalanx.simulation.virtual import simulate

TAGGED = Options(5, kinds=(BrokerKind.REFUSES_DUPLICATES, BrokerKind.LOOK_UP), wishes=20)


def test_people_kill_on_every_level_cancel_what_works_and_go_past_the_desk() -> None:
    levels: Counter[KillLevel] = Counter()
    exits: Counter[bool] = Counter()
    direct = 0
    for seed in range(40):
        stories: list[Story] = []
        simulate(begin(msgspec.structs.replace(draw(seed), direct_kills=1, forgets=False), stories))
        source = MemoryJournal(stories[0].world.disk)
        for event in (event for record in source.scan() for event in decode_events(record.body)):
            match event:
                case KillPut():
                    levels[event.whom.level] += 1
                    direct += event.origin.idempotency_key.startswith("direct ")
                case InstructionPlanned(request=CancelOpenRequest() as request):
                    exits[request.exits] += 1
                case _:
                    pass

    assert set(levels) == set(KillLevel)
    assert set(exits) == {True, False}
    assert direct == 40


def test_at_midnight_what_works_expires_and_the_day_rolls() -> None:
    expired = 0
    for seed in range(8):
        stories: list[Story] = []
        options = msgspec.structs.replace(TAGGED, seed=seed, midnight=True)
        simulate(begin(options, stories), seed=seed)
        assert stories[0].truth.disk.events["DayRolled"] == 4
        source = MemoryJournal(stories[0].world.disk)
        for event in (event for record in source.scan() for event in decode_events(record.body)):
            if isinstance(event, OrderReported):
                expired += event.status is OrdStatus.EXPIRED

    assert expired


def test_with_a_short_memory_orders_leave_it_in_the_middle_of_the_story() -> None:
    usual, short = (
        tell(msgspec.structs.replace(TAGGED, short_memory=short)) for short in (False, True)
    )

    assert usual.failure is None
    assert short.failure is None
    assert "OrdersRetired" not in usual.events
    assert short.events["OrdersRetired"] > 1


def test_the_whole_state_is_looked_at_while_records_come(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    looks: list[State] = []
    monkeypatch.setattr(truth_module, "check_state", looks.append)

    stories: list[Story] = []
    simulate(begin(TAGGED, stories))

    tail = stories[0].world.disk.tail
    assert tail is not None
    assert len(looks) > tail.record // truth_module.RECORDS_PER_LOOK
