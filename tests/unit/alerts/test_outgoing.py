"""Requests that leave the house: to a checked address, in bounded time, with a bounded answer."""

import ssl

import pytest

from phalanx.alerts.addresses import HostsAllowed
from phalanx.alerts.errors import ADDRESS_NOT_ALLOWED, AlertError, SendFailed
from phalanx.alerts.outgoing import RESPONSE_BYTES_MAX, Outgoing, Received, resolve_host
from tests.fakes.wire_peer import CA, CERTIFICATES
from tests.unit.alerts.servers import PUBLIC, Network, Resolver, Server

PLAIN = HostsAllowed(["alerts.example.com"])
URL = "http://alerts.example.com/hook"


def post(outgoing: Outgoing, url: str = URL, timeout_s: float = 10.0) -> Received:
    return outgoing.send("POST", url, {"X-A": "b"}, b"body", timeout_s)


def certificate() -> ssl.SSLContext:
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(CERTIFICATES / "localhost.pem")
    return context


def test_the_name_stays_and_the_address_that_was_checked_is_connected_to() -> None:
    with Server() as server:
        network, resolver = Network(server), Resolver((PUBLIC,))
        received = post(Outgoing(PLAIN, resolve=resolver, backend=network))

    assert (received.status, received.body) == (200, b"ok")
    assert network.called == [(PUBLIC, 80)]
    assert resolver.asked == ["alerts.example.com"]
    head = server.received[0].lower()
    assert head.startswith(b"post /hook http/1.1\r\n")
    assert b"host: alerts.example.com\r\n" in head
    assert b"x-a: b\r\n" in head


def test_a_name_that_leads_elsewhere_the_second_time_is_refused_the_second_time() -> None:
    with Server() as server:
        network, resolver = Network(server), Resolver((PUBLIC,), ("169.254.169.254",))
        outgoing = Outgoing(PLAIN, resolve=resolver, backend=network)
        post(outgoing)
        with pytest.raises(AlertError, match=ADDRESS_NOT_ALLOWED):
            post(outgoing)

    # Each request asked once: there is no second answer between the check and the connection.
    assert len(resolver.asked) == 2
    assert network.called == [(PUBLIC, 80)]


@pytest.mark.parametrize(
    "addresses", [("127.0.0.1",), ("::ffff:127.0.0.1",), (PUBLIC, "10.0.0.1"), ("169.254.169.254",)]
)
def test_a_name_with_any_private_address_is_refused(addresses: tuple[str, ...]) -> None:
    with Server() as server:
        network = Network(server)
        outgoing = Outgoing(HostsAllowed(), resolve=Resolver(addresses), backend=network)
        with pytest.raises(AlertError, match=ADDRESS_NOT_ALLOWED):
            post(outgoing, "https://alerts.example.com/")

    assert network.called == []


@pytest.mark.parametrize("address", ["127.0.0.1", "10.0.0.1"])
def test_only_the_port_that_is_named_may_be_private(address: str) -> None:
    allowed = HostsAllowed(["desk.example:8443"])
    with Server() as server:
        network = Network(server)
        outgoing = Outgoing(allowed, resolve=Resolver((address,)), backend=network)
        with pytest.raises(AlertError, match=ADDRESS_NOT_ALLOWED):
            post(outgoing, "https://desk.example/")
        post(outgoing, "http://desk.example:8443/")

    assert network.called == [(address, 8443)]


@pytest.mark.parametrize("host", ["127.0.0.1", "[::1]", "[::ffff:127.0.0.1]", "169.254.169.254"])
def test_an_address_in_the_url_is_checked_as_well(host: str) -> None:
    with pytest.raises(AlertError, match=ADDRESS_NOT_ALLOWED):
        post(Outgoing(HostsAllowed(), resolve=resolve_host), f"https://{host}/")


def test_a_redirect_is_an_answer_and_followed_by_nobody() -> None:
    answer = b"HTTP/1.1 302 Found\r\nlocation: http://localhost/\r\ncontent-length: 0\r\n\r\n"
    with Server(answer) as server:
        network = Network(server)
        received = post(Outgoing(PLAIN, resolve=Resolver((PUBLIC,)), backend=network))

    assert received.status == 302
    assert len(network.called) == 1


def test_a_body_without_an_end_is_cut_off() -> None:
    answer = b"HTTP/1.1 200 OK\r\n\r\n"
    with Server(answer, drip=b"x" * 16_384) as server:
        outgoing = Outgoing(PLAIN, resolve=Resolver((PUBLIC,)), backend=Network(server))
        with pytest.raises(SendFailed, match="RESPONSE_TOO_LARGE") as caught:
            post(outgoing)

    assert not caught.value.again


def test_an_answer_may_be_as_large_as_is_allowed() -> None:
    answer = b"HTTP/1.1 200 OK\r\ncontent-length: %d\r\n\r\n" % RESPONSE_BYTES_MAX
    with Server(answer + b"x" * RESPONSE_BYTES_MAX) as server:
        outgoing = Outgoing(PLAIN, resolve=Resolver((PUBLIC,)), backend=Network(server))
        assert len(post(outgoing).body) == RESPONSE_BYTES_MAX


def test_headers_that_never_end_are_cut_off_with_the_time() -> None:
    with Server(b"HTTP/1.1 200 OK\r\n", drip=b"") as silent:
        outgoing = Outgoing(PLAIN, resolve=Resolver((PUBLIC,)), backend=Network(silent))
        with pytest.raises(SendFailed):
            post(outgoing, timeout_s=0.2)


def test_no_time_is_left_once_the_time_is_over() -> None:
    with Server() as server:
        network = Network(server)
        outgoing = Outgoing(PLAIN, resolve=Resolver((PUBLIC,)), backend=network)
        with pytest.raises(SendFailed, match="ConnectTimeout"):
            post(outgoing, timeout_s=0.0)

    assert network.called == []


def test_a_certificate_of_another_name_is_not_believed() -> None:
    with Server(tls=certificate()) as server:
        tls = ssl.create_default_context(cafile=CA)
        network = Network(server)
        outgoing = Outgoing(HostsAllowed(), resolve=Resolver((PUBLIC,)), backend=network, tls=tls)
        with pytest.raises(SendFailed) as caught:
            post(outgoing, "https://alerts.example.com/secret-path")

    assert caught.value.why == "SSLCertVerificationError"
    assert server.received == []


def test_a_certificate_of_the_name_is_believed_at_a_pinned_address() -> None:
    with Server(tls=certificate()) as server:
        tls = ssl.create_default_context(cafile=CA)
        network = Network(server)
        outgoing = Outgoing(HostsAllowed(), resolve=Resolver((PUBLIC,)), backend=network, tls=tls)
        assert post(outgoing, "https://localhost/").status == 200

    assert network.called == [(PUBLIC, 443)]


def test_proxies_of_the_environment_are_not_asked(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("HTTP_PROXY", "http_proxy", "HTTPS_PROXY", "ALL_PROXY"):
        monkeypatch.setenv(name, "http://127.0.0.1:9")
    with Server() as server:
        network = Network(server)
        assert post(Outgoing(PLAIN, resolve=Resolver((PUBLIC,)), backend=network)).status == 200

    assert network.called == [(PUBLIC, 80)]


def test_a_name_that_nobody_knows_is_an_error_without_the_name() -> None:
    def unknown(host: str, port: int) -> tuple[str, ...]:
        raise OSError(f"{host} is not known")

    with pytest.raises(SendFailed) as caught:
        post(Outgoing(PLAIN, resolve=unknown))

    assert caught.value.why == "OSError"
    assert "example" not in str(caught.value)


def test_what_is_too_large_is_not_sent() -> None:
    outgoing = Outgoing(PLAIN, resolve=Resolver((PUBLIC,)))
    with pytest.raises(SendFailed, match="REQUEST_TOO_LARGE"):
        outgoing.send("POST", URL, {}, b"x" * (256 * 1024 + 1))
