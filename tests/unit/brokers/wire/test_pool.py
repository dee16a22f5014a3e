"""Requests find a connection that is well, wait for one, or are said to be never written; none goes twice."""

import asyncio
from collections.abc import Callable

import pytest

from phalanx.brokers.port import Accepted, NeverWritten, Unknown
from phalanx.brokers.wire import Pool, Timeouts
from phalanx.brokers.wire.connection import UNREACHABLE
from phalanx.brokers.wire.pool import CONNECTIONS_MAX, WAITING_MAX
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
    run,
    status_of,
    until,
    warm_pool,
)

KILLED = Reason(ReasonCode.KILL_ALL)


def _send(pool: Pool, refuse: Reason | None = None, *, urgent: bool = False) -> RecordingTicket:
    ticket = RecordingTicket(refuse)
    pool.send(REQUEST, ticket, status_of, urgent=urgent)
    return ticket


@WIRES
def test_on_a_warm_connection_a_request_leaves_at_once(wire: Wire) -> None:
    async def story(peer: Peer) -> None:
        pool, end = await warm_pool(peer)

        ticket = _send(pool)

        assert end.arrived() == REQUEST
        assert ticket.calls == ["admit", "written"]
        end.say(OK)
        await until(lambda: ticket.outcomes)
        assert ticket.outcome == Accepted("200")
        pool.close()

    run(wire, story)


@WIRES
def test_without_a_connection_one_is_opened_and_the_gate_is_asked_then(wire: Wire) -> None:
    async def story(peer: Peer) -> None:
        pool = Pool(peer.dialer())
        ticket = _send(pool)
        assert ticket.calls == []

        await until(lambda: ticket.calls)

        assert ticket.calls == ["admit", "written"]
        assert peer.accept().arrived() == REQUEST
        pool.close()

    run(wire, story)


@WIRES
def test_more_at_once_get_more_connections_up_to_the_bound(wire: Wire) -> None:
    async def story(peer: Peer) -> None:
        pool, first = await warm_pool(peer)
        tickets = [_send(pool) for _ in range(CONNECTIONS_MAX + 2)]
        await until(lambda: sum(bool(t.calls) for t in tickets) == CONNECTIONS_MAX)
        ends = [first, *(peer.accept() for _ in range(CONNECTIONS_MAX - 1))]
        await asyncio.sleep(0.01)

        assert not peer.has_more()
        assert [ticket.calls for ticket in tickets[-2:]] == [[], []]
        assert [end.arrived() for end in ends] == [REQUEST] * CONNECTIONS_MAX

        ends[2].say(OK)
        await until(lambda: tickets[-2].calls)
        assert ends[2].arrived() == REQUEST, "one request at a time, on a connection that is free"
        assert tickets[-1].calls == []
        pool.close()

    run(wire, story)


@WIRES
@pytest.mark.parametrize("spoil", [End.close, End.reset], ids=["closed", "reset"])
def test_a_stale_connection_is_replaced_and_carries_nothing(
    wire: Wire, spoil: Callable[[End], object]
) -> None:
    async def story(peer: Peer) -> None:
        pool, end = await warm_pool(peer)
        spoil(end)

        ticket = _send(pool)
        assert ticket.calls == []
        await until(lambda: ticket.calls)

        assert ticket.calls == ["admit", "written"]
        assert peer.accept().arrived() == REQUEST
        pool.close()

    run(wire, story)


@WIRES
def test_a_request_whose_connection_breaks_is_unknown_and_never_sent_again(
    wire: Wire,
) -> None:
    async def story(peer: Peer) -> None:
        pool, end = await warm_pool(peer)
        ticket = _send(pool)
        end.reset()
        await until(lambda: ticket.outcomes)
        assert isinstance(ticket.outcome, Unknown)

        # The connection is opened again, for others.
        await until(peer.has_more)
        await asyncio.sleep(0.02)

        assert peer.ends[-1].arrived() == b""
        assert ticket.calls == ["admit", "written", "done"]
        pool.close()

    run(wire, story)


@WIRES
def test_what_the_gate_refuses_leaves_the_connection_to_the_next(wire: Wire) -> None:
    async def story(peer: Peer) -> None:
        pool, end = await warm_pool(peer)

        refused, sent = _send(pool, KILLED), _send(pool)

        assert refused.outcome == NeverWritten(KILLED)
        assert end.arrived() == REQUEST
        assert sent.calls == ["admit", "written"]
        pool.close()

    run(wire, story)


@TLS_WIRES
def test_an_answer_that_ends_tls_leaves_nothing_to_whoever_waits(wire: Wire) -> None:
    async def story(peer: Peer) -> None:
        pool, end = await warm_pool(peer)
        tickets = [_send(pool) for _ in range(CONNECTIONS_MAX)]
        await until(lambda: all(ticket.calls for ticket in tickets))
        assert isinstance(end, TlsEnd)
        assert end.arrived() == REQUEST
        waiting = _send(pool)
        end.tls.write(OK)
        end.say_goodbye()

        await until(lambda: waiting.calls)

        assert tickets[0].outcome == Accepted("200")
        assert end.arrived() == b""
        assert waiting.calls == ["admit", "written"], "on another one"
        pool.close()

    run(wire, story)


@WIRES
def test_nobody_there_is_never_written_and_tried_again_later(wire: Wire) -> None:
    async def story(peer: Peer) -> None:
        pool = Pool(peer.dialer())
        peer.stop_listening()

        tickets = [_send(pool), _send(pool)]
        await until(lambda: all(ticket.outcomes for ticket in tickets))

        assert [ticket.outcomes for ticket in tickets] == [[UNREACHABLE], [UNREACHABLE]]
        assert [ticket.calls for ticket in tickets] == [["done"], ["done"]]
        with pytest.raises(OSError, match=r"."):
            await pool.warm()
        pool.close()

    run(wire, story)


@WIRES
def test_what_is_urgent_goes_before_what_waits(wire: Wire) -> None:
    async def story(peer: Peer) -> None:
        pool, _ = await warm_pool(peer)
        tickets = [_send(pool) for _ in range(CONNECTIONS_MAX + 1)]
        urgent = _send(pool, urgent=True)
        await until(lambda: sum(bool(t.calls) for t in (urgent, *tickets)) == CONNECTIONS_MAX)

        assert urgent.calls == ["admit", "written"]
        assert [ticket.calls for ticket in tickets[-2:]] == [[], []]
        pool.close()

    run(wire, story)


@WIRES
def test_a_full_queue_takes_no_more_but_what_is_urgent(wire: Wire) -> None:
    async def story(peer: Peer) -> None:
        pool = Pool(peer.dialer())
        waiting = [_send(pool) for _ in range(WAITING_MAX)]

        assert _send(pool).outcome == UNREACHABLE

        waiting += [_send(pool, urgent=True) for _ in range(WAITING_MAX)]
        assert _send(pool, urgent=True).outcome == UNREACHABLE
        assert [ticket.calls for ticket in waiting] == [[]] * 2 * WAITING_MAX
        pool.close()

    run(wire, story)


@WIRES
def test_a_lost_connection_is_there_again_before_it_is_needed(wire: Wire) -> None:
    async def story(peer: Peer) -> None:
        pool, end = await warm_pool(peer)
        end.close()
        await until(peer.has_more)
        await asyncio.sleep(0.01)

        ticket = _send(pool)

        assert ticket.calls == ["admit", "written"]
        assert peer.ends[-1].arrived() == REQUEST
        pool.close()

    run(wire, story)


@WIRES
def test_a_slow_answer_is_unknown_and_the_next_request_has_another_connection(
    wire: Wire,
) -> None:
    async def story(peer: Peer) -> None:
        pool = Pool(peer.dialer(Timeouts(answer_s=0.05)))
        await pool.warm()
        slow = peer.accept()
        ticket = _send(pool)
        await until(lambda: ticket.outcomes)
        assert isinstance(ticket.outcome, Unknown)

        following = _send(pool)
        await until(lambda: following.calls)

        assert slow.arrived() == REQUEST, "and nothing more"
        assert peer.accept().arrived() == REQUEST
        pool.close()

    run(wire, story)


@WIRES
def test_closing_answers_everybody_once(wire: Wire) -> None:
    async def story(peer: Peer) -> None:
        pool, _ = await warm_pool(peer)
        tickets = [_send(pool) for _ in range(3)]

        pool.close()
        late = _send(pool)

        assert isinstance(tickets[0].outcome, Unknown)
        assert [ticket.outcome for ticket in (*tickets[1:], late)] == [UNREACHABLE] * 3
        assert [ticket.calls.count("written") for ticket in tickets] == [1, 0, 0]
        await asyncio.sleep(0.01)

    run(wire, story)
