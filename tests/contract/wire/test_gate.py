"""What each outcome means on the wire: bytes leave inside the gate's callbacks, all of them or none.

Played plain and over TLS, on asyncio's own loop and on uvloop, with a peer that looks at what its kernel
holds without a turn of the loop in between.
"""

import asyncio
from collections.abc import Callable

import pytest

from phalanx.brokers.port import Accepted, NeverWritten, Unknown
from phalanx.brokers.wire import UNREACHABLE
from phalanx.domain.reasons import Reason, ReasonCode
from tests.fakes.desk import RecordingTicket
from tests.fakes.wire_peer import (
    OK,
    REQUEST,
    TLS_WIRES,
    WIRES,
    End,
    Peer,
    TlsEnd,
    Wire,
    fill,
    run,
    status_of,
    until,
    warm_pool,
)

KILLED = Reason(ReasonCode.KILL_ALL)
BIG = REQUEST + (8 << 20) * b"x"
"""More than any kernel takes at once."""


class Watching(RecordingTicket):
    """A ticket that looks at the other end of the wire whenever it is asked or told something."""

    def __init__(self, end: End, refuse: Reason | None = None) -> None:
        super().__init__(refuse)
        self._end = end
        self.held: list[tuple[str, bytes]] = []

    def admit(self) -> Reason | None:
        self.held.append(("admit", self._end.peek()))
        return super().admit()

    def written(self) -> None:
        super().written()
        self.held.append(("written", self._end.peek()))


@WIRES
def test_bytes_leave_between_admit_and_written_and_before_send_returns(wire: Wire) -> None:
    async def story(peer: Peer) -> None:
        pool, end = await warm_pool(peer)
        ticket = Watching(end)

        pool.send(REQUEST, ticket, status_of)

        # Nobody awaited anything: this is the same turn of the loop.
        (asked, before), (told, then) = ticket.held
        assert (asked, told) == ("admit", "written")
        assert before == b"", "nothing before the gate lets it"
        assert then, "and not only into some buffer of ours"
        assert end.peek() == then, "all of it at once"
        assert end.arrived() == REQUEST
        assert ticket.outcomes == []
        end.say(OK)
        await until(lambda: ticket.outcomes)
        assert ticket.outcome == Accepted("200")
        pool.close()

    run(wire, story)


@WIRES
def test_over_tls_nothing_readable_leaves(wire: Wire) -> None:
    async def story(peer: Peer) -> None:
        pool, end = await warm_pool(peer)

        pool.send(REQUEST, RecordingTicket(), status_of)

        assert (b"HTTP/1.1" in end.peek()) is not wire.tls
        pool.close()

    run(wire, story)


@WIRES
def test_never_written_is_what_the_gate_refuses_and_the_connection_goes_on(wire: Wire) -> None:
    async def story(peer: Peer) -> None:
        pool, end = await warm_pool(peer)
        refused = Watching(end, KILLED)

        pool.send(REQUEST, refused, status_of)

        assert refused.outcome == NeverWritten(KILLED)
        assert refused.calls == ["admit", "done"]
        assert end.peek() == b""

        sent = Watching(end)
        pool.send(REQUEST, sent, status_of)
        assert end.arrived() == REQUEST, "what was refused left no trace in the sealing either"
        assert sent.calls == ["admit", "written"]
        pool.close()

    run(wire, story)


@WIRES
@pytest.mark.parametrize(
    "spoil",
    [
        End.close,
        End.reset,
        End.stop_talking,
        lambda end: end.say(b"HTTP/1.1 408 Request Timeout\r\n"),
    ],
    ids=["closed", "reset", "half closed", "said something"],
)
def test_never_written_is_what_finds_a_stale_connection_only(
    wire: Wire, spoil: Callable[[End], object]
) -> None:
    async def story(peer: Peer) -> None:
        pool, end = await warm_pool(peer)
        peer.stop_listening()
        spoil(end)
        ticket = RecordingTicket()

        pool.send(REQUEST, ticket, status_of)
        await until(lambda: ticket.outcomes)

        assert ticket.outcome == UNREACHABLE
        assert ticket.calls == ["done"], "the gate was not even asked"
        pool.close()

    run(wire, story)


@TLS_WIRES
@pytest.mark.parametrize(
    "spoil",
    [
        TlsEnd.say_goodbye,
        lambda end: end.socket.sendall(b"garbage, and nothing that anybody sealed"),
    ],
    ids=["close_notify", "garbage"],
)
def test_never_written_is_what_finds_the_end_of_tls(
    wire: Wire, spoil: Callable[[End], object]
) -> None:
    test_never_written_is_what_finds_a_stale_connection_only(wire, spoil)


@WIRES
def test_never_written_is_what_the_kernel_takes_nothing_of(wire: Wire) -> None:
    async def story(peer: Peer) -> None:
        pool, end = await warm_pool(peer)
        (connection,) = pool._idle
        fill(connection._socket)
        ticket = RecordingTicket()

        pool.send(REQUEST, ticket, status_of)

        assert ticket.outcome == UNREACHABLE
        assert ticket.calls == ["admit", "done"]
        assert not connection.is_open, "what was sealed for it can never be sent"
        assert set(await _everything(end)) == set(b"x")
        pool.close()

    run(wire, story)


@WIRES
def test_unknown_is_what_is_cut_after_its_first_byte(wire: Wire) -> None:
    async def story(peer: Peer) -> None:
        pool, end = await warm_pool(peer)
        ticket = Watching(end)

        pool.send(BIG, ticket, status_of)

        assert ticket.calls == ["admit", "written"]
        arrived = len(end.arrived())
        assert 0 < arrived < len(BIG), "a part of it"
        end.reset()
        await until(lambda: ticket.outcomes)
        assert isinstance(ticket.outcome, Unknown)
        await _nothing_more(peer, ticket)
        pool.close()

    run(wire, story)


@WIRES
@pytest.mark.parametrize("said", [b"", OK[:20], OK[:-1]], ids=["nothing", "a part", "all but one"])
@pytest.mark.parametrize("cut", [End.close, End.reset], ids=["closed", "reset"])
def test_unknown_is_what_has_no_whole_answer(
    wire: Wire, cut: Callable[[End], object], said: bytes
) -> None:
    async def story(peer: Peer) -> None:
        pool, end = await warm_pool(peer)
        ticket = RecordingTicket()

        pool.send(REQUEST, ticket, status_of)
        assert end.arrived() == REQUEST
        if said:
            end.say(said)
        cut(end)
        await until(lambda: ticket.outcomes)

        assert isinstance(ticket.outcome, Unknown)
        await _nothing_more(peer, ticket)
        pool.close()

    run(wire, story)


async def _nothing_more(peer: Peer, ticket: RecordingTicket) -> None:
    """A new connection is opened, for others: the request does not go out again on it."""
    await until(peer.has_more)
    await asyncio.sleep(0.02)
    assert peer.ends[-1].arrived() == b""
    assert ticket.calls == ["admit", "written", "done"]


async def _everything(end: End) -> bytes:
    """What came before the connection ended."""
    found = bytearray()

    def ended() -> bool:
        try:
            data = end.socket.recv(1 << 20)
        except BlockingIOError:
            return False
        except OSError:
            return True
        found.extend(data)
        return not data

    await until(ended)
    return bytes(found)
