"""What is said to be written left in that call, what did not leave is said so, and the rest is unknown."""

import asyncio
import socket
from collections.abc import Callable
from functools import partial

import pytest

from phalanx.brokers.port import NeverWritten
from phalanx.brokers.wire import Answer, Timeouts
from phalanx.brokers.wire.connection import UNREACHABLE, Connection, NoAnswer, connect
from phalanx.domain.reasons import Reason, ReasonCode
from tests.fakes.desk import RecordingTicket
from tests.unit.brokers.wire.peer import LOOPS, OK, REQUEST, Peer, arrived, reset, run, until

KILLED = Reason(ReasonCode.KILL_ALL)
DEFAULT = Timeouts()
NewLoop = Callable[[], asyncio.AbstractEventLoop]


class Line:
    """A connection with the peer's end of it, and what was told."""

    def __init__(self, connection: Connection, end: socket.socket, lost: list[Connection]) -> None:
        self.connection = connection
        self.end = end
        self.lost = lost
        self.told: list[Answer | NoAnswer] = []

    def send(self, ticket: RecordingTicket, request: bytes = REQUEST) -> NeverWritten | None:
        return self.connection.send(request, ticket, self.told.append)


def _has(told: list[Answer | NoAnswer], count: int) -> bool:
    return len(told) == count


async def _line(peer: Peer, timeouts: Timeouts = DEFAULT) -> Line:
    lost: list[Connection] = []
    connection = await connect(peer.address, timeouts, lost.append)
    return Line(connection, peer.accept(), lost)


@LOOPS
def test_the_bytes_have_left_when_written_is_said(new_loop: NewLoop) -> None:
    class Watching(RecordingTicket):
        def written(self) -> None:
            super().written()
            found.append(arrived(peer_end[0]))

    async def story(peer: Peer) -> None:
        line = await _line(peer)
        peer_end.append(line.end)
        ticket = Watching()

        assert line.send(ticket) is None

        assert found == [REQUEST]
        assert ticket.calls == ["admit", "written"]
        line.connection.close("over")

    peer_end: list[socket.socket] = []
    found: list[bytes] = []
    run(new_loop, story)


@LOOPS
def test_what_the_gate_refuses_does_not_leave(new_loop: NewLoop) -> None:
    async def story(peer: Peer) -> None:
        line = await _line(peer)
        ticket = RecordingTicket(KILLED)

        assert line.send(ticket) == NeverWritten(KILLED)

        assert arrived(line.end) == b""
        assert ticket.calls == ["admit"]
        assert line.connection.is_fresh()
        line.connection.close("over")

    run(new_loop, story)


@LOOPS
def test_an_answer_is_told_and_the_connection_serves_again(new_loop: NewLoop) -> None:
    async def story(peer: Peer) -> None:
        line = await _line(peer)
        for turn in (1, 2):
            assert line.connection.is_fresh()
            line.send(RecordingTicket())
            assert not line.connection.is_fresh()
            assert arrived(line.end) == REQUEST
            line.end.sendall(OK)
            await until(partial(_has, line.told, turn))

        assert line.told == [Answer(200, b"{}")] * 2
        assert line.connection.is_open
        assert not line.lost
        line.connection.close("over")

    run(new_loop, story)


@LOOPS
@pytest.mark.parametrize(
    "spoil",
    [
        socket.socket.close,
        reset,
        lambda end: end.shutdown(socket.SHUT_WR),
        lambda end: end.sendall(OK),
    ],
    ids=["closed", "reset", "half closed", "said something"],
)
def test_a_stale_connection_is_noticed_before_the_write(
    new_loop: NewLoop, spoil: Callable[[socket.socket], object]
) -> None:
    async def story(peer: Peer) -> None:
        line = await _line(peer)
        assert line.connection.is_fresh()

        spoil(line.end)

        assert not line.connection.is_fresh(), "the loop had no turn to notice it by itself"
        await until(lambda: line.lost)
        assert not line.connection.is_open
        assert line.told == []

    run(new_loop, story)


@LOOPS
def test_a_write_that_the_kernel_refuses_was_never_written(new_loop: NewLoop) -> None:
    async def story(peer: Peer) -> None:
        line = await _line(peer)
        line.connection._socket.shutdown(socket.SHUT_WR)
        ticket = RecordingTicket()

        assert line.send(ticket) == UNREACHABLE

        assert ticket.calls == ["admit"]
        assert line.told == []
        assert line.lost == [line.connection]
        assert arrived(line.end) == b""

    run(new_loop, story)


@LOOPS
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
def test_an_answer_that_is_not_whole_is_none(new_loop: NewLoop, answer: bytes, why: str) -> None:
    async def story(peer: Peer) -> None:
        line = await _line(peer)
        line.send(RecordingTicket())
        arrived(line.end)
        line.end.sendall(answer)
        line.end.close()
        await until(lambda: line.told)

        (told,) = line.told
        assert isinstance(told, NoAnswer)
        assert why in told.why
        assert line.lost == [line.connection]

    run(new_loop, story)


@LOOPS
def test_a_reset_after_the_request_is_no_answer(new_loop: NewLoop) -> None:
    async def story(peer: Peer) -> None:
        line = await _line(peer)
        line.send(RecordingTicket())
        reset(line.end)
        await until(lambda: line.told)

        assert [type(told) for told in line.told] == [NoAnswer]

    run(new_loop, story)


@LOOPS
def test_silence_is_no_answer_in_time(new_loop: NewLoop) -> None:
    async def story(peer: Peer) -> None:
        line = await _line(peer, Timeouts(answer_s=0.05))
        line.send(RecordingTicket())
        await until(lambda: line.told)

        assert line.told == [NoAnswer("no answer in time")]
        assert not line.connection.is_open
        assert line.lost == [line.connection]

    run(new_loop, story)


@LOOPS
def test_a_connection_that_the_broker_will_close_is_not_used_again(new_loop: NewLoop) -> None:
    async def story(peer: Peer) -> None:
        line = await _line(peer)
        line.send(RecordingTicket())
        line.end.sendall(OK.replace(b"\r\n\r\n", b"\r\nConnection: close\r\n\r\n"))
        await until(lambda: line.told)

        assert line.told == [Answer(200, b"{}")]
        assert not line.connection.is_open
        assert line.lost == [line.connection]

    run(new_loop, story)


@LOOPS
def test_what_the_kernel_does_not_take_at_once_follows(new_loop: NewLoop) -> None:
    big = REQUEST + (8 << 20) * b"x"

    async def story(peer: Peer) -> None:
        line = await _line(peer)
        ticket = RecordingTicket()
        assert line.send(ticket, big) is None
        assert ticket.calls == ["admit", "written"]

        received = bytearray()
        while len(received) < len(big):
            received += arrived(line.end)
            await asyncio.sleep(0)
        line.end.sendall(OK)
        await until(lambda: line.told)

        assert bytes(received) == big
        assert line.told == [Answer(200, b"{}")]
        line.connection.close("over")

    run(new_loop, story)


@LOOPS
def test_a_peer_that_takes_only_a_part_is_not_waited_for(new_loop: NewLoop) -> None:
    async def story(peer: Peer) -> None:
        line = await _line(peer, Timeouts(write_s=0.05))
        line.send(RecordingTicket(), REQUEST + (8 << 20) * b"x")
        await until(lambda: line.told)

        assert line.told == [NoAnswer("the request could not be written in time")]

    run(new_loop, story)


@LOOPS
def test_closing_tells_whoever_waits_once(new_loop: NewLoop) -> None:
    async def story(peer: Peer) -> None:
        line = await _line(peer)
        line.send(RecordingTicket())
        line.connection.close("over")
        line.connection.close("again")
        await asyncio.sleep(0.01)

        assert line.told == [NoAnswer("over")]
        assert line.lost == [line.connection]

    run(new_loop, story)


@LOOPS
def test_nobody_there_is_an_error(new_loop: NewLoop) -> None:
    async def story(peer: Peer) -> None:
        address = peer.address
        peer.stop_listening()
        with pytest.raises(OSError, match=r"."):
            await connect(address, Timeouts(), lambda _: None)

    run(new_loop, story)
