"""A connection stands where it should, from where it should, with somebody who proved who he is; or none."""

import asyncio
import socket
import ssl
from typing import cast

import pytest

from phalanx.brokers.wire import Address, Answer, Dialer, Timeouts
from phalanx.brokers.wire.connection import Connection, Result
from tests.fakes.desk import RecordingTicket
from tests.fakes.wire_peer import (
    CA,
    OK,
    REQUEST,
    TLS_WIRES,
    WIRES,
    Peer,
    TlsEnd,
    Wire,
    run,
    server_context,
    until,
)

NOT_OURS = "192.0.2.1"
"""Kept for documentation (RFC 5737): no machine has it."""


class Owner:
    def __init__(self) -> None:
        self.results: list[Result] = []

    def told(self, connection: Connection, result: Result) -> None:
        self.results.append(result)

    def lost(self, connection: Connection) -> None:
        pass


async def _serves(dialer: Dialer, peer: Peer) -> str:
    """A request has its answer; returns from where it came."""
    owner = Owner()
    connection = await dialer.connect(owner)
    end = peer.accept()
    assert connection.send(REQUEST, RecordingTicket()) is None
    assert end.arrived() == REQUEST
    end.say(OK)
    await until(lambda: owner.results)
    assert owner.results == [Answer(200, b"{}")]
    source: str = end.socket.getpeername()[0]
    connection.close("over")
    return source


@WIRES
def test_nobody_there_is_an_error(wire: Wire) -> None:
    async def story(peer: Peer) -> None:
        dialer = peer.dialer()
        peer.stop_listening()
        with pytest.raises(OSError, match=r"."):
            await dialer.connect(Owner())

    run(wire, story)


@WIRES
@pytest.mark.parametrize("source", ["127.0.0.2", ""])
def test_a_connection_leaves_from_its_source_address(wire: Wire, source: str) -> None:
    async def story(peer: Peer) -> None:
        assert await _serves(peer.dialer(source=source), peer) == (source or "127.0.0.1")

    run(wire, story)


@WIRES
def test_a_name_is_looked_up_in_the_family_of_the_source_address(wire: Wire) -> None:
    async def story(peer: Peer) -> None:
        port, tls = peer.address.port, peer.address.tls
        dialer = Dialer(Address("localhost", port, tls), "127.0.0.2", CA if tls else None)
        assert await _serves(dialer, peer) == "127.0.0.2"

        other = Dialer(Address("127.0.0.1", port, tls), "::1", CA if tls else None)
        with pytest.raises(socket.gaierror):
            await other.connect(Owner())

    run(wire, story)


@pytest.mark.parametrize(
    ("source", "family"),
    [("", socket.AF_UNSPEC), ("127.0.0.1", socket.AF_INET), ("::1", socket.AF_INET6)],
)
async def test_only_places_of_the_family_of_its_source_are_asked_for(
    monkeypatch: pytest.MonkeyPatch, source: str, family: int
) -> None:
    asked: list[int] = []

    def nothing(*question: object) -> list[object]:
        asked.append(cast("int", question[2]))
        return []

    monkeypatch.setattr(socket, "getaddrinfo", nothing)
    with pytest.raises(OSError, match="no address of broker"):
        await Dialer(Address("broker", 80), source).connect(Owner())

    assert asked == [family]


@WIRES
def test_an_address_of_somebody_else_is_an_error(wire: Wire) -> None:
    async def story(peer: Peer) -> None:
        with pytest.raises(OSError, match="assign requested address"):
            await peer.dialer(source=NOT_OURS).connect(Owner())
        await asyncio.sleep(0.01)
        assert not peer.has_more()

    run(wire, story)


@pytest.mark.parametrize("source", ["here", "127.0.0.1:80", "127.0.0"])
def test_what_is_no_address_is_refused_at_once(source: str) -> None:
    with pytest.raises(ValueError, match="does not appear to be"):
        Dialer(Address("127.0.0.1", 80), source)


# --- TLS ---------------------------------------------------------------------------------------------


@TLS_WIRES
def test_a_certificate_of_nobody_we_trust_is_refused(wire: Wire) -> None:
    async def story(peer: Peer) -> None:
        with pytest.raises(ssl.SSLCertVerificationError, match="local issuer"):
            await Dialer(peer.address).connect(Owner())

    run(wire, story)


@TLS_WIRES
def test_a_certificate_for_another_name_is_refused(wire: Wire) -> None:
    async def story(peer: Peer) -> None:
        with pytest.raises(ssl.SSLCertVerificationError, match=r"mismatch.*127\.0\.0\.1"):
            await peer.dialer().connect(Owner())

    run(wire, story, lambda _: Peer(server_context("elsewhere")))


@TLS_WIRES
def test_the_name_in_the_address_is_the_one_that_counts(wire: Wire) -> None:
    async def story(peer: Peer) -> None:
        await _serves(Dialer(Address("localhost", peer.address.port, tls=True), ca=CA), peer)

    run(wire, story)


@TLS_WIRES
def test_tls_1_2_is_enough_and_what_is_older_is_not(wire: Wire) -> None:
    def speaking(version: ssl.TLSVersion) -> ssl.SSLContext:
        context = server_context()
        context.minimum_version = ssl.TLSVersion.MINIMUM_SUPPORTED
        context.maximum_version = version
        # Whatever else its own rules would forbid it.
        context.set_ciphers("ALL:@SECLEVEL=0")
        return context

    async def story(peer: Peer) -> None:
        await _serves(peer.dialer(), peer)

    async def refused(peer: Peer) -> None:
        with pytest.raises(ssl.SSLError, match=r"(?i)protocol|version"):
            await peer.dialer().connect(Owner())

    run(wire, story, lambda _: Peer(speaking(ssl.TLSVersion.TLSv1_2)))
    with pytest.warns(DeprecationWarning, match="TLSv1_1"):
        old = speaking(ssl.TLSVersion.TLSv1_1)
    run(wire, refused, lambda _: Peer(old))


@TLS_WIRES
@pytest.mark.parametrize("says", [b"", b"HTTP/1.1 400 Bad Request\r\n\r\n"], ids=["ends", "plain"])
def test_a_peer_without_tls_is_an_error(wire: Wire, says: bytes) -> None:
    async def story(peer: Peer) -> None:
        port = peer.address.port
        connecting = asyncio.create_task(
            Dialer(Address("127.0.0.1", port, tls=True), ca=CA).connect(Owner())
        )
        await until(peer.has_more)
        await until(peer.ends[0].came)
        if says:
            peer.ends[0].say(says)
        else:
            peer.ends[0].close()
        with pytest.raises(OSError, match=r"before TLS stood|SSL"):
            await connecting

    run(wire, story, lambda _: Peer())


class EagerEnd(TlsEnd):
    """It speaks before it was asked, in one breath with the end of its handshake."""

    has_spoken = False

    def flush(self) -> None:
        if self._is_greeted and not self.has_spoken:
            self.has_spoken = True
            self.tls.write(b"HTTP/1.1 408 Request Timeout\r\n")
        super().flush()


@TLS_WIRES
def test_a_peer_that_speaks_with_the_end_of_its_handshake_is_an_error(wire: Wire) -> None:
    async def story(peer: Peer) -> None:
        with pytest.raises(ConnectionError, match="nobody asked for"):
            await peer.dialer().connect(Owner())

    def eager(_: Wire) -> Peer:
        context = server_context()
        # There the last word of the handshake is the server's.
        context.maximum_version = ssl.TLSVersion.TLSv1_2
        return Peer(context, end=EagerEnd)

    run(wire, story, eager)


@TLS_WIRES
def test_a_handshake_has_a_time_of_its_own(wire: Wire) -> None:
    async def story(peer: Peer) -> None:
        port = peer.address.port
        timeouts = Timeouts(handshake_s=0.05)
        with pytest.raises(TimeoutError):
            await Dialer(Address("127.0.0.1", port, tls=True), "", CA, timeouts).connect(Owner())

    run(wire, story, lambda _: Peer())
