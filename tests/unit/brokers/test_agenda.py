import pytest

from phalanx.brokers.paper.agenda import STEPS_PER_TURN_MAX, Agenda
from tests.fakes.clock import ManualClock


@pytest.fixture
def clock() -> ManualClock:
    return ManualClock()


@pytest.fixture
def agenda(clock: ManualClock) -> Agenda:
    return Agenda(clock, clock)


def _add(agenda: Agenda, log: list[str], name: str, delay_ns: int) -> int:
    return agenda.add(delay_ns, lambda: log.append(name))


def test_steps_run_by_time_and_then_in_the_order_they_were_added(
    agenda: Agenda, clock: ManualClock
) -> None:
    log: list[str] = []
    for name, delay_ns in [("c", 20), ("a", 10), ("d", 20), ("b", 10)]:
        _add(agenda, log, name, delay_ns)
    assert log == []

    clock.advance(10)
    assert log == ["a", "b"]

    clock.advance(10)
    assert log == ["a", "b", "c", "d"]
    assert clock.waiting == 0


def test_steps_of_one_time_are_one_appointment(agenda: Agenda, clock: ManualClock) -> None:
    log: list[str] = []
    for number in range(STEPS_PER_TURN_MAX):
        _add(agenda, log, str(number), 0)
        assert clock.waiting == 1

    clock.turn()

    assert log == [str(number) for number in range(STEPS_PER_TURN_MAX)]


def test_an_earlier_step_moves_the_appointment(agenda: Agenda, clock: ManualClock) -> None:
    log: list[str] = []
    _add(agenda, log, "late", 100)
    _add(agenda, log, "early", 10)
    assert clock.waiting == 1

    clock.advance(10)

    assert log == ["early"]
    assert clock.waiting == 1


def test_a_step_added_by_a_step_waits_for_the_next_turn(agenda: Agenda, clock: ManualClock) -> None:
    log: list[str] = []

    def first() -> None:
        log.append("first")
        _add(agenda, log, "second", 0)

    agenda.add(0, first)

    clock.turn()
    assert log == ["first"]

    clock.turn()
    assert log == ["first", "second"]


def test_a_long_batch_leaves_the_loop_a_turn(agenda: Agenda, clock: ManualClock) -> None:
    log: list[str] = []
    for _ in range(STEPS_PER_TURN_MAX + 1):
        _add(agenda, log, "step", 0)

    clock.turn()
    assert len(log) == STEPS_PER_TURN_MAX

    clock.turn()
    assert len(log) == STEPS_PER_TURN_MAX + 1


def test_it_says_how_late_its_earliest_step_is(agenda: Agenda, clock: ManualClock) -> None:
    assert agenda.behind_ns == 0
    agenda.add(10, lambda: None)
    assert agenda.behind_ns == 0

    clock._elapsed += 25
    assert agenda.behind_ns == 15

    clock.turn()
    assert agenda.behind_ns == 0


def test_a_dropped_step_does_not_run(agenda: Agenda, clock: ManualClock) -> None:
    log: list[str] = []
    number = _add(agenda, log, "a", 10)
    _add(agenda, log, "b", 20)

    agenda.drop(number)
    agenda.drop(number)
    clock.advance(20)
    agenda.drop(number)

    assert log == ["b"]


def test_dropped_steps_take_no_memory(agenda: Agenda, clock: ManualClock) -> None:
    log: list[str] = []
    _add(agenda, log, "stays", 1_000_000)
    for _ in range(10_000):
        agenda.drop(_add(agenda, log, "goes", 1_000_000))

    assert len(agenda) == 1
    assert len(agenda._due) < 100


def test_a_step_that_fails_does_not_stop_the_others(agenda: Agenda, clock: ManualClock) -> None:
    log: list[str] = []
    agenda.add(0, lambda: pytest.fail("a listener failed"))
    _add(agenda, log, "other", 0)

    with pytest.raises(pytest.fail.Exception, match="a listener failed"):
        clock.turn()
    clock.turn()

    assert log == ["other"]


def test_a_timer_that_calls_too_early_is_asked_again(agenda: Agenda, clock: ManualClock) -> None:
    log: list[str] = []
    _add(agenda, log, "a", 10)

    agenda._run()
    assert log == []

    clock.advance(10)
    assert log == ["a"]


def test_after_close_nothing_runs(agenda: Agenda, clock: ManualClock) -> None:
    log: list[str] = []
    agenda.add(5, agenda.close)
    _add(agenda, log, "same time", 5)
    _add(agenda, log, "later", 10)

    clock.advance(20)
    agenda.close()

    assert log == []
    assert clock.waiting == 0
