import pytest

from phalanx.api.edges.heads import HEAD_BYTES_MAX, HEADERS_MAX, is_too_large, without_upgrade


def test_a_head_of_just_its_bounds_is_taken() -> None:
    assert not is_too_large(b"/", [(b"a", b"b")] * HEADERS_MAX)
    assert is_too_large(b"/", [(b"a", b"b")] * (HEADERS_MAX + 1))
    assert not is_too_large(b"/", [(b"a", b"b" * (HEAD_BYTES_MAX - 2))])
    assert is_too_large(b"/", [(b"a", b"b" * (HEAD_BYTES_MAX - 1))])
    assert is_too_large(b"/" * (HEAD_BYTES_MAX + 1), [])


@pytest.mark.parametrize(
    ("connection", "kept"),
    [
        (b"Upgrade", []),
        (b"upgrade, HTTP2-Settings", []),
        (b"close, Upgrade", [(b"connection", b"close")]),
        (b"keep-alive", [(b"connection", b"keep-alive")]),
    ],
)
def test_only_the_offer_is_taken_out(connection: bytes, kept: list[tuple[bytes, bytes]]) -> None:
    host = (b"host", b"here")
    offer = [(b"upgrade", b"h2c"), (b"http2-settings", b"AAMAAABk")]

    assert without_upgrade([host, (b"connection", connection), *offer]) == [host, *kept]
