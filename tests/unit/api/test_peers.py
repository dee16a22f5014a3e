"""Where a request came from."""

import pytest

from phalanx.api.head import read_head
from phalanx.api.peers import address_of, is_own_page


@pytest.mark.parametrize(
    ("peer", "address"),
    [
        (("192.0.2.7", 50_000), "192.0.2.7"),
        (("2001:db8::7", 50_000), "2001:db8::7"),
        (None, ""),
    ],
)
def test_it_is_the_other_end_of_the_connection(peer: tuple[str, int] | None, address: str) -> None:
    assert address_of({"type": "http", "client": peer}) == address


def test_a_scope_without_a_peer_has_no_address() -> None:
    assert address_of({"type": "http"}) == ""


@pytest.mark.parametrize(
    ("scheme", "origin", "is_own"),
    [
        ("https", "https://desk.example", True),
        ("wss", "https://desk.example", True),
        ("http", "http://desk.example", True),
        ("ws", "HTTP://Desk.Example", True),
        ("https", "http://desk.example", False),
        ("wss", "http://desk.example", False),
        ("http", "https://desk.example", False),
        ("https", "https://desk.example:8443", False),
        ("https", "null", False),
        ("https", "", False),
    ],
)
def test_a_page_is_our_own_by_scheme_name_and_port(scheme: str, origin: str, is_own: bool) -> None:
    head = read_head([(b"host", b"desk.example"), (b"origin", origin.encode())])

    assert is_own_page({"scheme": scheme}, head) is is_own
