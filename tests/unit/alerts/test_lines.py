"""A channel's line: it retries, gives up, opens its circuit, and is in nobody's way."""

import threading
from queue import SimpleQueue
from threading import Condition

import pytest

from phalanx.alerts.errors import ADDRESS_NOT_ALLOWED, AlertError, SendFailed
from phalanx.alerts.lines import BACKOFF_S, OPEN_S, WAITING_MAX, Line, Outcome, Sender
from phalanx.alerts.message import Message

WAIT_S = 10


def message(number: int = 1) -> Message:
    return Message(f"A{number}", "rule", "kill", "all/", "text", 0)


class Time:
    """Waiting moves it on."""

    def __init__(self) -> None:
        self.now = 100.0
        self.waited: list[float] = []

    def clock(self) -> float:
        return self.now

    def wait(self, condition: Condition, seconds: float) -> None:
        self.waited.append(round(seconds, 3))
        self.now += seconds


class Scripted:
    """Fails in these ways, then works."""

    def __init__(self, *failures: Exception) -> None:
        self.failures = list(failures)
        self.tried: list[str] = []

    def send(self, message: Message) -> None:
        self.tried.append(message.id)
        if self.failures:
            raise self.failures.pop(0)


class Rig:
    def __init__(self, sender: Sender) -> None:
        self.time = Time()
        self.told: SimpleQueue[tuple[str, Outcome, str]] = SimpleQueue()
        self.line = Line("phone", sender, self._told, self.time.wait, self.time.clock)

    def _told(self, message: Message, outcome: Outcome, why: str) -> None:
        self.told.put((message.id, outcome, why))

    def next(self) -> tuple[str, Outcome, str]:
        return self.told.get(timeout=WAIT_S)


def test_what_gets_through_is_sent() -> None:
    sender = Scripted()
    rig = Rig(sender)
    for number in (1, 2):
        rig.line.put(message(number))

    assert [rig.next(), rig.next()] == [("A1", Outcome.SENT, ""), ("A2", Outcome.SENT, "")]
    assert not rig.line.is_open


def test_a_failure_that_may_pass_is_tried_again_twice() -> None:
    sender = Scripted(SendFailed("ReadTimeout"), SendFailed("HTTP_500"))
    rig = Rig(sender)
    rig.line.put(message())

    assert rig.next() == ("A1", Outcome.SENT, "")
    assert sender.tried == ["A1"] * 3
    assert rig.time.waited == list(BACKOFF_S)


def test_then_it_failed_and_the_channel_is_left_alone_for_a_while() -> None:
    sender = Scripted(*(SendFailed("ConnectError") for _ in range(3)))
    rig = Rig(sender)
    rig.line.put(message(1))
    assert rig.next() == ("A1", Outcome.FAILED, "ConnectError")
    assert rig.line.is_open

    rig.line.put(message(2))
    assert rig.next() == ("A2", Outcome.SENT, "")
    assert rig.time.waited[-1] == OPEN_S


@pytest.mark.parametrize(
    ("failure", "why"),
    [
        (SendFailed("HTTP_404", again=False), "HTTP_404"),
        (AlertError(ADDRESS_NOT_ALLOWED, "x"), ADDRESS_NOT_ALLOWED),
        (ValueError("https://token@host"), "ValueError"),
    ],
)
def test_what_will_not_pass_is_not_tried_again(failure: Exception, why: str) -> None:
    sender = Scripted(failure)
    rig = Rig(sender)
    rig.line.put(message())

    assert rig.next() == ("A1", Outcome.FAILED, why)
    assert sender.tried == ["A1"]


class Stuck:
    """Does not come back until it is let go."""

    def __init__(self) -> None:
        self.begun = threading.Event()
        self.free = threading.Event()

    def send(self, message: Message) -> None:
        self.begun.set()
        self.free.wait(WAIT_S)


def test_a_channel_that_hangs_delays_no_other_and_drops_its_oldest() -> None:
    stuck = Stuck()
    hanging, fine = Rig(stuck), Rig(Scripted())
    hanging.line.put(message(0))
    assert stuck.begun.wait(WAIT_S)
    for number in range(1, WAITING_MAX + 3):
        hanging.line.put(message(number))
    fine.line.put(message())

    assert fine.next() == ("A1", Outcome.SENT, "")
    assert [hanging.next() for _ in range(2)] == [
        ("A1", Outcome.DROPPED, ""),
        ("A2", Outcome.DROPPED, ""),
    ]
    stuck.free.set()
    assert hanging.next() == ("A0", Outcome.SENT, "")


def test_closing_drops_what_waits_and_does_not_wait_for_what_hangs() -> None:
    stuck = Stuck()
    rig = Rig(stuck)
    rig.line.put(message(0))
    assert stuck.begun.wait(WAIT_S)
    rig.line.put(message(1))
    rig.line.close()
    rig.line.join(0)

    assert rig.next() == ("A1", Outcome.DROPPED, "")
    rig.line.put(message(2))
    assert rig.next() == ("A2", Outcome.DROPPED, "")
    stuck.free.set()
    assert rig.next() == ("A0", Outcome.SENT, "")
    rig.line.join(WAIT_S)
