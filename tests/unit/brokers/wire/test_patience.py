"""One timer for everybody: whoever waits too long is told so, in order, and nobody else."""

import asyncio
from typing import cast

from phalanx.brokers.wire.patience import Patience

WAIT_S = 10.0


class Loop:
    """A clock that is set by hand, and the calls that it owes."""

    def __init__(self) -> None:
        self.now = 100.0
        self.due: list[tuple[float, object]] = []

    def time(self) -> float:
        return self.now

    def call_at(self, when: float, call: object) -> object:
        self.due.append((when, call))
        return call

    def go_to(self, now: float) -> None:
        while self.due and self.due[0][0] <= now:
            when, call = self.due.pop(0)
            self.now = max(when, self.now)
            assert callable(call)
            call()
        self.now = now


class Asker:
    def __init__(self, patience: Patience) -> None:
        self.patience = patience
        self.why: list[str] = []
        self.then: Asker | None = None

    def close(self, why: str) -> None:
        self.why.append(why)
        self.patience.end(self)
        if self.then is not None:
            self.patience.begin(self.then)


def _made() -> tuple[Loop, Patience]:
    loop = Loop()
    return loop, Patience(cast("asyncio.AbstractEventLoop", loop), WAIT_S)


def test_each_is_closed_when_its_own_time_is_over() -> None:
    loop, patience = _made()
    first, second = Asker(patience), Asker(patience)
    patience.begin(first)
    loop.go_to(104)
    patience.begin(second)

    loop.go_to(109.9)
    assert (first.why, second.why) == ([], [])
    loop.go_to(110)
    assert (first.why, second.why) == (["no answer in time"], [])
    loop.go_to(113.9)
    assert second.why == []
    loop.go_to(114)
    assert second.why == ["no answer in time"]
    assert loop.due == []


def test_whoever_was_answered_is_left_alone_and_may_wait_again() -> None:
    loop, patience = _made()
    asker = Asker(patience)
    patience.begin(asker)
    patience.end(asker)
    loop.go_to(105)
    patience.begin(asker)

    loop.go_to(114.9)
    assert asker.why == []
    loop.go_to(115)
    assert asker.why == ["no answer in time"]


def test_there_is_one_timer_however_many_wait() -> None:
    loop, patience = _made()
    for _ in range(100):
        patience.begin(Asker(patience))

    assert len(loop.due) == 1


def test_one_that_begins_while_another_is_closed_delays_nobody() -> None:
    loop, patience = _made()
    first, second, third = (Asker(patience) for _ in range(3))
    first.then = third
    patience.begin(first)
    loop.go_to(101)
    patience.begin(second)

    loop.go_to(111)
    assert second.why == ["no answer in time"]
    assert third.why == []
    loop.go_to(120)
    assert third.why == ["no answer in time"]
