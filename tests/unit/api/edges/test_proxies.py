from typing import Any

import pytest

from phalanx.api.edges.proxies import HOPS_MAX, UNKNOWN, Proxies
from phalanx.api.peers import address_of, is_secure

OURS = Proxies("127.0.0.1, 10.0.0.0/8, ::1, fd00::/8")


def scope(peer: str | None, *said: str, proto: str = "", kind: str = "http") -> dict[str, Any]:
    headers = [(b"x-forwarded-for", one.encode("latin-1")) for one in said]
    if proto:
        headers.append((b"x-forwarded-proto", proto.encode()))
    scheme = "http" if kind == "http" else "ws"
    client = None if peer is None else (peer, 5_000)
    return {"type": kind, "scheme": scheme, "client": client, "headers": headers}


def found(peer: str | None, *said: str) -> str:
    asked = scope(peer, *said)
    OURS.believe(asked)
    first = address_of(asked)
    OURS.believe(asked)
    assert address_of(asked) == first, "to look twice changes nothing"
    return first


def test_without_a_proxy_the_peer_asks() -> None:
    assert address_of(scope("8.8.8.8")) == "8.8.8.8"
    assert address_of(scope(None)) == ""
    assert not Proxies("")
    assert not Proxies(" , ")


@pytest.mark.parametrize("said", ["1.2.3.4", "127.0.0.1", "10.0.0.1, 127.0.0.1", "::1"])
def test_what_a_stranger_says_is_not_believed(said: str) -> None:
    assert found("8.8.8.8", said) == "8.8.8.8"


@pytest.mark.parametrize(
    ("said", "address"),
    [
        (["1.2.3.4"], "1.2.3.4"),
        (["1.2.3.4, 10.1.1.1"], "1.2.3.4"),
        (["127.0.0.1, 1.2.3.4"], "1.2.3.4"),
        (["9.9.9.9, 1.2.3.4, 10.1.1.1, 10.2.2.2"], "1.2.3.4"),
        (["9.9.9.9", "1.2.3.4", "10.1.1.1"], "1.2.3.4"),
        (["1.2.3.4:5678"], "1.2.3.4"),
        (["[2001:db8::1]:80, ::1"], "2001:db8::1"),
        (["2001:db8::1"], "2001:db8::1"),
        (["::ffff:1.2.3.4"], "1.2.3.4"),
        (["::ffff:127.0.0.1, 1.2.3.4, ::ffff:10.0.0.1"], "1.2.3.4"),
        (["10.3.3.3, 10.1.1.1"], "10.3.3.3"),
    ],
)
def test_the_right_most_address_that_is_not_ours_asks(said: list[str], address: str) -> None:
    assert found("10.9.9.9", *said) == address


@pytest.mark.parametrize(
    "said",
    ["", "unknown", "127.0.0.1, unknown", "1.2.3.4, _hidden", "127.1", "0x7f000001", "ä", "["],
)
def test_what_cannot_be_read_is_nobody_and_no_friend(said: str) -> None:
    assert found("10.9.9.9", said) == UNKNOWN


def test_a_proxy_that_says_nothing_asks_itself() -> None:
    assert found("10.9.9.9") == "10.9.9.9"
    assert found(None, "1.2.3.4") == ""


def test_a_chain_without_end_is_read_to_its_bound() -> None:
    long = ", ".join(["6.6.6.6", *["10.0.0.1"] * HOPS_MAX])

    assert found("10.9.9.9", long) == "10.0.0.1"


@pytest.mark.parametrize(
    ("peer", "proto", "kind", "secure"),
    [
        ("10.9.9.9", "https", "http", True),
        ("10.9.9.9", "HTTPS", "websocket", True),
        ("10.9.9.9", "http, https", "http", True),
        ("10.9.9.9", "https, http", "http", False),
        ("10.9.9.9", "ftp", "http", False),
        ("10.9.9.9", "", "http", False),
        ("8.8.8.8", "https", "http", False),
    ],
)
def test_whether_it_was_asked_over_tls(peer: str, proto: str, kind: str, secure: bool) -> None:
    asked = scope(peer, "1.2.3.4", proto=proto, kind=kind)

    OURS.believe(asked)

    assert is_secure(asked) is secure
    assert asked["scheme"] in ({"http", "https"} if kind == "http" else {"ws", "wss"})
