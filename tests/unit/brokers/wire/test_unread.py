"""What waits is read in order when it need not wait any more, or has waited for too long; all in the end."""

import asyncio
from collections.abc import Callable

import pytest

from phalanx.brokers.wire.unread import AT_ONCE, LATE_S, SAMPLE, UnreadAnswers


class Loop:
    """A clock that is set by hand, and turns that are taken one by one."""

    def __init__(self) -> None:
        self.now = 100.0
        self.soon: list[Callable[[], None]] = []

    def time(self) -> float:
        return self.now

    def call_soon(self, call: Callable[[], None]) -> None:
        self.soon.append(call)

    def turn(self) -> None:
        calls, self.soon = self.soon, []
        for call in calls:
            call()


class Letter:
    """Something that came in."""

    def __init__(self, read: list["Letter"], then: Callable[[], None]) -> None:
        self._read = read
        self._then = then

    def read(self) -> None:
        self._read.append(self)
        self._then()


class Desk:
    """UnreadAnswers that have to wait, what came, and what of it was read."""

    def __init__(self, loop: Loop) -> None:
        self.loop = loop
        self.answers = UnreadAnswers()
        self.answers.wait = True
        self.came: list[Letter] = []
        self.read: list[Letter] = []

    def put(self, count: int, then: Callable[[], None] = lambda: None) -> None:
        for _ in range(count):
            letter = Letter(self.read, then)
            self.came.append(letter)
            self.answers.put(letter)

    def turn(self) -> None:
        self.loop.turn()


@pytest.fixture
def desk(monkeypatch: pytest.MonkeyPatch) -> Desk:
    loop = Loop()
    monkeypatch.setattr(asyncio, "get_running_loop", lambda: loop)
    return Desk(loop)


def test_of_those_that_have_to_wait_a_sample_is_read_in_each_turn(desk: Desk) -> None:
    desk.put(SAMPLE + SAMPLE + 1)
    assert desk.read == []
    desk.turn()
    assert desk.read == desk.came[:SAMPLE]
    desk.turn()
    assert desk.read == desk.came[: 2 * SAMPLE]


def test_all_of_it_is_read_in_order_when_it_need_not_wait_any_more(desk: Desk) -> None:
    desk.put(3)
    desk.answers.wait = False
    assert desk.read == [], "in a turn of its own"

    desk.turn()
    assert desk.read == desk.came
    assert desk.loop.soon == [], "there is nothing more to do"


def test_one_turn_reads_only_so_many(desk: Desk) -> None:
    desk.put(AT_ONCE + 1)
    desk.answers.wait = False
    desk.turn()
    assert desk.read == desk.came[:-1]

    desk.turn()
    assert desk.read == desk.came
    assert desk.loop.soon == []


def test_who_waits_too_long_is_read_all_the_same_with_others(desk: Desk) -> None:
    desk.put(1)
    desk.loop.now += 2 * LATE_S
    desk.put(AT_ONCE)
    desk.turn()
    assert desk.read == desk.came[:-1]

    desk.put(SAMPLE)
    desk.turn()
    assert desk.read == desk.came[:-SAMPLE], "these did not wait for so long"


def test_what_comes_while_others_are_read_has_one_turn_of_its_own(desk: Desk) -> None:
    desk.put(1, then=lambda: desk.put(1))
    desk.answers.wait = False
    desk.turn()
    assert desk.read == desk.came[:1]
    assert len(desk.loop.soon) == 1

    desk.turn()
    assert desk.read == desk.came


def test_one_that_fails_takes_nobody_elses_turn(desk: Desk) -> None:
    def fail() -> None:
        raise RuntimeError("nobody can read this")

    desk.put(1, fail)
    desk.put(2)
    desk.answers.wait = False
    with pytest.raises(RuntimeError):
        desk.turn()

    desk.turn()
    assert desk.read == desk.came
    assert desk.loop.soon == []
