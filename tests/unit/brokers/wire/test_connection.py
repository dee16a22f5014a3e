"""What is said to be written left in that call, what did not leave is said so, and the rest is unknown."""

import asyncio
import socket
from collections.abc import Callable
from functools import partial

import pytest

from phalanx.brokers.port import NeverWritten
from phalanx.brokers.wire import UNREACHABLE, Answer, Timeouts
from phalanx.brokers.wire.connection import Connection, NoAnswer, Result
from phalanx.brokers.wire.unread import HasUnread
from phalanx.domain.reasons import Reason, ReasonCode
from tests.fakes.desk import RecordingTicket
from tests.fakes.wire_peer import OK, REQUEST, WIRES, End, Peer, Wire, run, until

KILLED = Reason(ReasonCode.KILL_ALL)
DEFAULT = Timeouts()


class Line:
    """A connection with the peer's end of it, its owner, and what that one was told."""

    def __init__(self) -> None:
        self.connection: Connection
        self.end: End
        self.results: list[Result] = []
        self.gone: list[Connection] = []

    def send(self, ticket: RecordingTicket, request: bytes = REQUEST) -> NeverWritten | None:
        return self.connection.send(request, ticket)

    def told(self, connection: Connection, result: Result) -> None:
        assert connection is self.connection
        self.results.append(result)

    def lost(self, connection: Connection) -> None:
        self.gone.append(connection)


def _has(told: list[Result], count: int) -> bool:
    return len(told) == count


async def _line(peer: Peer, timeouts: Timeouts = DEFAULT) -> Line:
    line = Line()
    line.connection = await peer.dialer(timeouts).connect(line)
    line.end = peer.accept()
    return line


@WIRES
def test_what_the_gate_refuses_does_not_leave(wire: Wire) -> None:
    async def story(peer: Peer) -> None:
        line = await _line(peer)
        ticket = RecordingTicket(KILLED)

        assert line.send(ticket) == NeverWritten(KILLED)

        assert line.end.arrived() == b""
        assert ticket.calls == ["admit"]
        assert line.connection.is_fresh()
        line.connection.close("over")

    run(wire, story)


@WIRES
def test_an_answer_is_told_and_the_connection_serves_again(wire: Wire) -> None:
    async def story(peer: Peer) -> None:
        line = await _line(peer)
        for turn in (1, 2):
            assert line.connection.is_fresh()
            line.send(RecordingTicket())
            assert not line.connection.is_fresh()
            assert line.end.arrived() == REQUEST
            line.end.say(OK)
            await until(partial(_has, line.results, turn))

        assert line.results == [Answer(200, b"{}")] * 2
        assert not line.connection._patience._since, "and waits for nothing any more"
        assert line.connection.is_open
        assert not line.gone
        line.connection.close("over")

    run(wire, story)


SPOILT = pytest.mark.parametrize(
    "spoil",
    [
        End.close,
        End.reset,
        End.stop_talking,
        lambda end: end.say(OK),
    ],
    ids=["closed", "reset", "half closed", "said something"],
)


@WIRES
@SPOILT
def test_a_stale_connection_is_noticed_before_the_write(
    wire: Wire, spoil: Callable[[End], object]
) -> None:
    async def story(peer: Peer) -> None:
        line = await _line(peer)
        assert line.connection.is_fresh()

        spoil(line.end)

        assert not line.connection.is_fresh(), "the loop had no turn to notice it by itself"
        line.connection.close("stale")

    run(wire, story)


@WIRES
@SPOILT
def test_an_idle_connection_that_is_spoilt_is_lost(
    wire: Wire, spoil: Callable[[End], object]
) -> None:
    async def story(peer: Peer) -> None:
        line = await _line(peer)

        spoil(line.end)
        await until(lambda: line.gone)

        assert not line.connection.is_open
        assert line.gone == [line.connection]
        assert line.results == []

    run(wire, story)


@WIRES
def test_a_write_that_the_kernel_refuses_was_never_written(wire: Wire) -> None:
    async def story(peer: Peer) -> None:
        line = await _line(peer)
        line.connection._socket.shutdown(socket.SHUT_WR)
        ticket = RecordingTicket()

        assert line.send(ticket) == UNREACHABLE

        assert ticket.calls == ["admit"]
        assert line.results == []
        assert line.gone == [line.connection]
        assert line.end.arrived() == b""

    run(wire, story)


@WIRES
@pytest.mark.parametrize(
    ("answer", "why"),
    [
        (b"", "ended before the answer"),
        (b"HTTP/1.1 200 OK\r\nContent-Le", "ended before the answer"),
        (OK[:-1], "ended before the answer"),
        (OK.replace(b"Length: 2", b"Length: 3"), "ended before the answer"),
        (OK.replace(b"Length: 2", b"Length: 1"), "cannot be trusted"),
        (OK.replace(b"Content-Length: 2\r\n", b""), "cannot be trusted"),
        (b"garbage\r\n\r\n", "cannot be trusted"),
    ],
)
def test_an_answer_that_is_not_whole_is_none(wire: Wire, answer: bytes, why: str) -> None:
    async def story(peer: Peer) -> None:
        line = await _line(peer)
        line.send(RecordingTicket())
        line.end.arrived()
        line.end.say(answer)
        line.end.close()
        await until(lambda: line.results)

        (told,) = line.results
        assert isinstance(told, NoAnswer)
        assert why in told.why
        assert line.gone == [line.connection]

    run(wire, story)


@WIRES
def test_a_reset_after_the_request_is_no_answer(wire: Wire) -> None:
    async def story(peer: Peer) -> None:
        line = await _line(peer)
        line.send(RecordingTicket())
        line.end.reset()
        await until(lambda: line.results)

        assert [type(told) for told in line.results] == [NoAnswer]

    run(wire, story)


@WIRES
def test_silence_is_no_answer_in_time(wire: Wire) -> None:
    async def story(peer: Peer) -> None:
        line = await _line(peer, Timeouts(answer_s=0.05))
        line.send(RecordingTicket())
        await until(lambda: line.results)

        assert line.results == [NoAnswer("no answer in time")]
        assert not line.connection.is_open
        assert line.gone == [line.connection]

    run(wire, story)


@WIRES
def test_a_connection_that_the_broker_will_close_is_not_used_again(wire: Wire) -> None:
    async def story(peer: Peer) -> None:
        line = await _line(peer)
        line.send(RecordingTicket())
        line.end.say(OK.replace(b"\r\n\r\n", b"\r\nConnection: close\r\n\r\n"))
        await until(lambda: line.results)

        assert line.results == [Answer(200, b"{}")]
        assert not line.connection.is_open
        assert line.gone == [line.connection]

    run(wire, story)


@WIRES
def test_what_the_kernel_does_not_take_at_once_follows(wire: Wire) -> None:
    big = REQUEST + (8 << 20) * b"x"

    async def story(peer: Peer) -> None:
        line = await _line(peer)
        ticket = RecordingTicket()
        assert line.send(ticket, big) is None
        assert ticket.calls == ["admit", "written"]

        received = bytearray()
        while len(received) < len(big):
            received += line.end.arrived()
            await asyncio.sleep(0)
        line.end.say(OK)
        await until(lambda: line.results)

        assert bytes(received) == big
        assert line.results == [Answer(200, b"{}")]
        line.connection.close("over")

    run(wire, story)


@WIRES
def test_a_peer_that_takes_only_a_part_is_not_waited_for(wire: Wire) -> None:
    async def story(peer: Peer) -> None:
        line = await _line(peer, Timeouts(write_s=0.05))
        line.send(RecordingTicket(), REQUEST + (8 << 20) * b"x")
        await until(lambda: line.results)

        assert line.results == [NoAnswer("the request could not be written in time")]

    run(wire, story)


@WIRES
def test_closing_tells_whoever_waits_once(wire: Wire) -> None:
    async def story(peer: Peer) -> None:
        line = await _line(peer)
        line.send(RecordingTicket())
        line.connection.close("over")
        line.connection.close("again")
        await asyncio.sleep(0.01)

        assert line.results == [NoAnswer("over")]
        assert line.gone == [line.connection]

    run(wire, story)


@WIRES
def test_an_answer_before_the_whole_request_leaves_a_connection_that_is_not_used_again(
    wire: Wire,
) -> None:
    async def story(peer: Peer) -> None:
        line = await _line(peer)
        line.send(RecordingTicket(), REQUEST + (8 << 20) * b"x")
        line.end.say(OK)
        await until(lambda: line.results)

        assert line.results == [Answer(200, b"{}")]
        assert not line.connection.is_fresh(), "the next request would be inside of this one"
        line.connection.close("over")

    run(wire, story)


class Later:
    """Answers have to wait, and their turns do not come by themselves."""

    def __init__(self) -> None:
        self.wait = True
        self.waiting: list[HasUnread] = []

    def put(self, unread: HasUnread) -> None:
        self.waiting.append(unread)


async def _unread_line(peer: Peer, answer: bytes) -> tuple[Line, Later]:
    """A connection on which this answer came and waits for its turn."""
    line, later = await _line(peer), Later()
    line.connection._unread_answers = later  # type: ignore[assignment]
    line.send(RecordingTicket())
    line.end.arrived()
    line.end.say(answer)
    await until(lambda: later.waiting)
    return line, later


@WIRES
def test_an_answer_waits_for_its_turn_in_one_place_whatever_it_comes_in(wire: Wire) -> None:
    async def story(peer: Peer) -> None:
        line, later = await _unread_line(peer, OK[:5])
        line.end.say(OK[5:-1])
        before = len(line.connection._unread)
        await until(lambda: len(line.connection._unread) > before)

        assert later.waiting == [line.connection]
        assert line.results == []
        later.wait = False
        line.end.say(OK[-1:])
        before = len(line.connection._unread)
        await until(lambda: len(line.connection._unread) > before)
        assert line.results == [], "never before what came first"
        assert not line.connection.is_fresh(), "its answer is not read"

        line.connection.read()
        line.connection.read()
        assert line.results == [Answer(200, b"{}")]
        assert line.connection.is_fresh()
        line.connection.close("over")

    run(wire, story)


@WIRES
@pytest.mark.parametrize("spoil", [End.close, End.stop_talking], ids=["closed", "half closed"])
def test_an_answer_that_came_is_read_before_the_end_of_its_connection(
    wire: Wire, spoil: Callable[[End], object]
) -> None:
    async def story(peer: Peer) -> None:
        line, later = await _unread_line(peer, OK)
        spoil(line.end)
        await until(lambda: line.gone)

        assert line.results == [Answer(200, b"{}")]
        assert line.gone == [line.connection]
        assert not line.connection.is_open
        later.waiting[0].read()
        assert line.results == [Answer(200, b"{}")], "its turn comes all the same"

    run(wire, story)


@WIRES
@pytest.mark.parametrize(
    ("came", "told"),
    [
        (OK, Answer(200, b"{}")),
        (OK[:-1], NoAnswer("over")),
        (OK + OK, NoAnswer("the answer cannot be trusted: more than one came")),
    ],
    ids=["whole", "a part", "too much"],
)
def test_whoever_closes_reads_what_came_before(wire: Wire, came: bytes, told: Result) -> None:
    async def story(peer: Peer) -> None:
        line, _ = await _unread_line(peer, came)
        line.connection.close("over")
        line.connection.close("again")

        assert line.results == [told]
        assert line.gone == [line.connection]
        assert not line.connection.is_open

    run(wire, story)


@WIRES
def test_a_long_answer_does_not_wait_in_memory(wire: Wire) -> None:
    head = b"HTTP/1.1 200 OK\r\nContent-Length: 100000\r\n\r\n"

    async def story(peer: Peer) -> None:
        line, _ = await _unread_line(peer, head)
        for _ in range(10):
            line.end.say(10_000 * b"x")
            await asyncio.sleep(0.005)
            assert len(line.connection._unread) < 50_000
        line.connection.close("over")

        assert line.results == [Answer(200, 100_000 * b"x")]

    run(wire, story)
