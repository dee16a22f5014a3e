"""Where a request came from."""

import pytest

from phalanx.api.peers import address_of


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
