"""Facts of people's acts are kept as they are told, and change nothing else."""

import msgspec
import pytest

from phalanx.domain.audit import DETAIL_CHARACTERS_MAX, SUBJECT_CHARACTERS_MAX, Act
from phalanx.domain.events import AccessRecorded
from phalanx.domain.instructions import Door, Origin
from phalanx.domain.time import SECOND
from phalanx.engine.audit import COUNT_MAX
from phalanx.engine.commands import RecordAccess
from phalanx.engine.refused import Refused
from phalanx.engine.snapshot import encode_state
from tests.engine_world import World

ANN = Origin("ann", Door.ACCESS, "r1", address="192.0.2.7")


@pytest.fixture
def world() -> World:
    return World()


def test_a_fact_becomes_one_event(world: World) -> None:
    (event,) = world.do(RecordAccess(ANN, Act.USER_CREATED, "bob", "a trader"))

    expected = AccessRecorded(world.now, ANN, Act.USER_CREATED, "bob", "a trader", 1, world.now)
    assert event == expected


def test_many_alike_are_one_event_with_the_time_of_the_first(world: World) -> None:
    first = world.now - 30 * SECOND

    (event,) = world.do(RecordAccess(ANN, Act.LOGIN_FAILED, "bob", count=250, first=first))

    assert isinstance(event, AccessRecorded)
    assert (event.count, event.first, event.time) == (250, first, world.now)


def test_it_changes_nothing_but_the_clock(world: World) -> None:
    state = world.state
    before, seq, time = encode_state(state), state.seq, state.time
    world.now += SECOND

    world.do(RecordAccess(ANN, Act.LOGOUT))

    assert (state.seq, state.time) == (seq + 1, world.now)
    state.seq, state.time = seq, time
    assert encode_state(state) == before


def test_a_fact_uses_no_idempotency_key(world: World) -> None:
    keyed = msgspec.structs.replace(ANN, idempotency_key="k", fingerprint=b"f")

    (event,) = world.do(RecordAccess(keyed, Act.FORBIDDEN, "kill"))

    assert isinstance(event, AccessRecorded)
    assert event.origin == ANN
    assert not world.state.keys


@pytest.mark.parametrize(
    ("changed", "code"),
    [
        ({"subject": "x" * (SUBJECT_CHARACTERS_MAX + 1)}, "TEXT_TOO_LONG"),
        ({"detail": "x" * (DETAIL_CHARACTERS_MAX + 1)}, "TEXT_TOO_LONG"),
        ({"subject": "a\nb"}, "INVALID_TEXT"),
        ({"detail": "\x1b[2J"}, "INVALID_TEXT"),
        ({"origin": Origin("ann", Door.ACCESS, address="\x00")}, "INVALID_TEXT"),
        ({"origin": Origin("a" * 200, Door.ACCESS)}, "TEXT_TOO_LONG"),
        ({"count": 0}, "INVALID_VALUE"),
        ({"count": COUNT_MAX + 1}, "INVALID_VALUE"),
        ({"first": -1}, "INVALID_VALUE"),
        ({"first": 1 << 62}, "INVALID_VALUE"),
    ],
)
def test_what_no_journal_should_keep_is_refused(
    world: World, changed: dict[str, object], code: str
) -> None:
    fact = msgspec.structs.replace(RecordAccess(ANN, Act.LOGIN_FAILED, "bob"), **changed)

    before = list(world.journal)

    with pytest.raises(Refused, match=code):
        world.do(fact)

    assert world.journal == before
