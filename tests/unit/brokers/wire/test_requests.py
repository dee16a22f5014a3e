"""The bytes of a request: its length is that of its body, whatever was asked for before."""

import pytest

from phalanx.brokers.wire import Address, RequestHead

ADDRESS = Address("127.0.0.1", 8090)


def test_a_request_is_its_head_the_length_of_its_body_and_the_body() -> None:
    head = RequestHead(ADDRESS, "/orders", {"Authorization": "Bearer T1"})

    assert head.request(b"{}") == (
        b"POST /orders HTTP/1.1\r\nHost: 127.0.0.1:8090\r\nAuthorization: Bearer T1\r\n"
        b"Content-Type: application/json\r\nContent-Length: 2\r\n\r\n{}"
    )


def test_each_body_has_its_own_length() -> None:
    head = RequestHead(ADDRESS, "/orders", {})
    bodies = [b"a" * 9, b"b" * 10, b"c" * 9, b"", b"d" * 10]

    for body in bodies:
        before, _, after = head.request(body).partition(b"\r\n\r\n")
        assert before.endswith(b"\r\nContent-Length: %d" % len(body))
        assert after == body


def test_what_was_made_stays_when_its_body_is_written_over() -> None:
    head = RequestHead(ADDRESS, "/orders", {})
    body = bytearray(b"first")
    request = head.request(body)
    body[:] = b"other"

    assert request.endswith(b"first")


@pytest.mark.parametrize("value", ["a\r\nb", "ü"])
def test_what_fits_no_header_line_is_refused(value: str) -> None:
    with pytest.raises(ValueError, match="printable ASCII"):
        RequestHead(ADDRESS, "/orders", {"Authorization": value})
