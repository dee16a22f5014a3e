"""TLS apart from its socket: what it says by itself, and what it must not bring into a request."""

import asyncio
import socket
import ssl
from collections.abc import Callable
from pathlib import Path
from typing import cast

import pytest

from phalanx.brokers.wire import Answer
from phalanx.brokers.wire.connection import Connection, NoAnswer, Result
from phalanx.brokers.wire.tls import Tls, tls_context
from tests.fakes.desk import RecordingTicket
from tests.fakes.wire_peer import (
    CA,
    OK,
    REQUEST,
    TLS_WIRES,
    End,
    Peer,
    TlsEnd,
    Wire,
    fill,
    run,
    server_context,
    until,
)


class Line:
    """A connection over TLS, the peer's end of it, and what its owner was told."""

    def __init__(self) -> None:
        self.connection: Connection
        self.end: TlsEnd
        self.results: list[Result] = []
        self.gone = False

    def told(self, connection: Connection, result: Result) -> None:
        self.results.append(result)

    def lost(self, connection: Connection) -> None:
        self.gone = True


async def _line(peer: Peer, change: Callable[[ssl.SSLContext], None] = lambda _: None) -> Line:
    line = Line()
    dialer = peer.dialer()
    assert dialer.tls is not None
    change(dialer.tls)
    line.connection = await dialer.connect(line)
    end = peer.accept()
    assert isinstance(end, TlsEnd)
    line.end = end
    return line


def _asking_for_a_certificate(_: Wire) -> Peer:
    context = server_context()
    context.verify_mode = ssl.CERT_OPTIONAL
    context.post_handshake_auth = True
    context.load_verify_locations(CA)
    return Peer(context)


def _finishing_late(_: Wire) -> Peer:
    peer = Peer(server_context())
    peer.finishes_late = True
    return peer


def _willing(context: ssl.SSLContext) -> None:
    context.post_handshake_auth = True


@TLS_WIRES
def test_tickets_on_an_idle_connection_are_taken_in_and_it_is_fresh(wire: Wire) -> None:
    async def story(peer: Peer) -> None:
        line = await _line(peer)
        assert line.connection._pending()

        assert line.connection.is_fresh()

        assert not line.connection._pending()
        line.connection.send(REQUEST, RecordingTicket())
        assert line.end.arrived() == REQUEST
        line.end.say(OK)
        await until(lambda: line.results)
        assert line.results == [Answer(200, b"{}")]
        line.connection.close("over")

    run(wire, story, _finishing_late)


@TLS_WIRES
@pytest.mark.parametrize("has_turn", [True, False], ids=["the loop reads", "the pool looks"])
def test_what_tls_wants_to_say_leaves_before_the_request_and_apart_from_it(
    wire: Wire, has_turn: bool
) -> None:
    async def story(peer: Peer) -> None:
        line = await _line(peer, _willing)
        assert line.connection.is_fresh()
        line.end.tls.verify_client_post_handshake()
        line.end.tls.write(b"")
        line.end.flush()
        if has_turn:
            await asyncio.sleep(0.01)

        assert line.connection.is_fresh()

        said = line.end.came()
        assert said, "TLS answered by itself"
        ticket = RecordingTicket()
        assert line.connection.send(REQUEST, ticket) is None
        assert ticket.calls == ["admit", "written"]
        line.end._incoming.write(said)
        assert line.end.arrived() == REQUEST
        line.connection.close("over")

    run(wire, story, _asking_for_a_certificate)


@TLS_WIRES
def test_what_tls_wants_to_say_and_the_kernel_does_not_take_makes_it_stale(
    wire: Wire,
) -> None:
    async def story(peer: Peer) -> None:
        line = await _line(peer, _willing)
        assert line.connection.is_fresh()
        line.end.tls.verify_client_post_handshake()
        line.end.tls.write(b"")
        line.end.flush()
        fill(line.connection._socket)

        assert not line.connection.is_fresh()
        line.connection.close("over")

    run(wire, story, _asking_for_a_certificate)


class Stingy:
    """A socket that takes one byte at a time."""

    def __init__(self, own: socket.socket) -> None:
        self.recv = own.recv
        self.own = own

    def send(self, data: bytes) -> int:
        return self.own.send(data[:1])


@TLS_WIRES
def test_what_tls_wants_to_say_and_the_kernel_takes_a_part_of_makes_it_stale(wire: Wire) -> None:
    async def story(peer: Peer) -> None:
        line = await _line(peer, _willing)
        assert line.connection.is_fresh()
        line.end.tls.verify_client_post_handshake()
        line.end.tls.write(b"")
        line.end.flush()
        line.connection._socket = cast("socket.socket", Stingy(line.connection._socket))

        assert not line.connection.is_fresh()
        assert len(line.end.came()) == 1
        line.connection.close("over")

    run(wire, story, _asking_for_a_certificate)


@TLS_WIRES
@pytest.mark.parametrize(
    "spoil",
    [
        TlsEnd.say_goodbye,
        lambda end: end.socket.sendall(b"garbage, and nothing that anybody sealed"),
        lambda end: end.say(b"HTTP/1.1 408 Request Timeout\r\n"),
    ],
    ids=["close_notify", "garbage", "text"],
)
def test_an_end_of_tls_is_noticed_before_the_write(
    wire: Wire, spoil: Callable[[End], object]
) -> None:
    async def story(peer: Peer) -> None:
        line = await _line(peer)
        assert line.connection.is_fresh()

        spoil(line.end)

        assert not line.connection.is_fresh(), "the loop had no turn to notice it by itself"
        line.connection.close("stale")

    run(wire, story)


@TLS_WIRES
def test_an_idle_connection_ends_with_its_tls(wire: Wire) -> None:
    async def story(peer: Peer) -> None:
        line = await _line(peer)
        line.end.say_goodbye()
        await until(lambda: line.gone)

        assert not line.connection.is_open
        assert line.results == []

    run(wire, story)


@TLS_WIRES
def test_an_answer_with_the_end_of_tls_behind_it_is_one_and_the_last(wire: Wire) -> None:
    async def story(peer: Peer) -> None:
        line = await _line(peer)
        line.connection.send(REQUEST, RecordingTicket())
        line.end.arrived()
        line.end.tls.write(OK)
        line.end.say_goodbye()
        await until(lambda: line.results)

        assert line.results == [Answer(200, b"{}")]
        assert not line.connection.is_open
        assert line.gone

    run(wire, story)


@TLS_WIRES
@pytest.mark.parametrize("part", [b"", OK[:-1]], ids=["nothing", "a part"])
def test_the_end_of_tls_before_the_end_of_the_answer_is_no_answer(wire: Wire, part: bytes) -> None:
    async def story(peer: Peer) -> None:
        line = await _line(peer)
        line.connection.send(REQUEST, RecordingTicket())
        line.end.arrived()
        if part:
            line.end.tls.write(part)
        line.end.say_goodbye()
        await until(lambda: line.results)

        assert line.results == [NoAnswer("the broker ended TLS")]

    run(wire, story)


@TLS_WIRES
def test_an_answer_that_somebody_changed_is_none(wire: Wire) -> None:
    async def story(peer: Peer) -> None:
        line = await _line(peer)
        line.connection.send(REQUEST, RecordingTicket())
        line.end.arrived()
        line.end.tls.write(OK)
        sealed = bytearray(line.end._outgoing.read())
        sealed[-1] ^= 1
        line.end.socket.sendall(sealed)
        await until(lambda: line.results)

        (result,) = line.results
        assert isinstance(result, NoAnswer)
        assert "TLS broke" in result.why

    run(wire, story)


@TLS_WIRES
def test_an_answer_in_many_pieces_is_whole(wire: Wire) -> None:
    async def story(peer: Peer) -> None:
        line = await _line(peer)
        body = 40_000 * b"x"
        line.connection.send(REQUEST, RecordingTicket())
        line.end.arrived()
        line.end.tls.write(b"HTTP/1.1 200 OK\r\nContent-Length: 40000\r\n\r\n" + body)
        sealed = line.end._outgoing.read()
        for start in range(0, len(sealed), 7_001):
            line.end.socket.sendall(sealed[start : start + 7_001])
            await asyncio.sleep(0.002)
        await until(lambda: line.results)

        assert line.results == [Answer(200, body)]
        line.connection.close("over")

    run(wire, story)


def test_a_broker_is_verified_by_name_with_tls_1_2_at_least_and_one_handshake() -> None:
    context = tls_context()

    assert context.verify_mode is ssl.CERT_REQUIRED
    assert context.check_hostname
    assert context.minimum_version is ssl.TLSVersion.TLSv1_2
    assert context.options & ssl.OP_NO_RENEGOTIATION


def test_a_file_of_authorities_takes_the_place_of_the_systems() -> None:
    (only,) = tls_context(CA).get_ca_certs()

    assert only["subject"] == (
        (("organizationName", "Phalanx tests"),),
        (("commonName", "Test authority"),),
    )


def test_a_file_without_certificates_is_an_error(tmp_path: Path) -> None:
    (tmp_path / "empty.pem").write_text("")

    for name in ("empty.pem", "none.pem"):
        with pytest.raises(OSError, match=r"."):
            tls_context(tmp_path / name)


def test_nothing_is_due_after_the_end() -> None:
    tls = Tls(tls_context(CA), "localhost")
    tls.shake_hands(b"")
    assert tls.open(b"not TLS at all") == b""

    assert tls.end.startswith("TLS broke")
    assert tls.due() == b""
