import pytest

from phalanx.brokers.wire import Address, RequestHead, parse_address


@pytest.mark.parametrize(
    ("url", "address", "authority"),
    [
        ("http://127.0.0.1:8090", Address("127.0.0.1", 8090), "127.0.0.1:8090"),
        ("http://broker.example/", Address("broker.example", 80), "broker.example:80"),
        ("http://[::1]:8090", Address("::1", 8090), "[::1]:8090"),
        ("https://broker.example", Address("broker.example", 443, True), "broker.example:443"),
        ("https://[::1]:8090/", Address("::1", 8090, True), "[::1]:8090"),
    ],
)
def test_an_address_is_read_from_its_url(url: str, address: Address, authority: str) -> None:
    assert parse_address(url) == address
    assert address.authority == authority
    assert parse_address(address.url) == address


@pytest.mark.parametrize(
    "url",
    [
        *("", "127.0.0.1:8090", "ftp://broker.example", "http://", "https://", "http://:80"),
        *("http://a/b", "https://a/b", "http://a?b", "http://a#b", "http://me@a", "http://a:port"),
    ],
)
def test_anything_else_is_refused(url: str) -> None:
    with pytest.raises(ValueError, match=r"."):
        parse_address(url)


def test_a_request_has_its_head_its_length_and_its_body() -> None:
    head = RequestHead(Address("here", 80), "/orders", {"Authorization": "Bearer T1"})

    assert head.request(b'{"a":1}') == (
        b"POST /orders HTTP/1.1\r\nHost: here:80\r\nAuthorization: Bearer T1\r\n"
        b'Content-Type: application/json\r\nContent-Length: 7\r\n\r\n{"a":1}'
    )


@pytest.mark.parametrize("token", ["a\r\nX: b", "a\nb", "ä", "a\0"])
def test_a_header_cannot_bring_another(token: str) -> None:
    with pytest.raises(ValueError, match="printable"):
        RequestHead(Address("here", 80), "/orders", {"Authorization": token})
