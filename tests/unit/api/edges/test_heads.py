import pytest

from phalanx.api.edges.heads import (
    HEAD_BYTES_MAX,
    HEADERS_MAX,
    is_malformed,
    is_too_large,
    without_upgrade,
)

HOST = (b"host", b"here")


def test_a_head_of_just_its_bounds_is_taken() -> None:
    assert not is_too_large(b"/", [(b"a", b"b")] * HEADERS_MAX)
    assert is_too_large(b"/", [(b"a", b"b")] * (HEADERS_MAX + 1))
    assert not is_too_large(b"/", [(b"a", b"b" * (HEAD_BYTES_MAX - 2))])
    assert is_too_large(b"/", [(b"a", b"b" * (HEAD_BYTES_MAX - 1))])
    assert is_too_large(b"/" * (HEAD_BYTES_MAX + 1), [])


def test_a_request_names_one_host() -> None:
    assert not is_malformed([(b"accept", b"*/*"), HOST], "1.1")
    assert is_malformed([(b"accept", b"*/*")], "1.1")
    assert is_malformed([HOST, HOST], "1.1")
    assert not is_malformed([], "1.0")
    assert is_malformed([HOST, (b"host", b"there")], "1.0")


@pytest.mark.parametrize("coding", [b"chunked", b"Chunked", b" chunked "])
def test_a_body_may_be_chunked(coding: bytes) -> None:
    assert not is_malformed([HOST, (b"transfer-encoding", coding)], "1.1")
    assert is_malformed([HOST, (b"transfer-encoding", coding)], "1.0")
    assert is_malformed([HOST, *[(b"transfer-encoding", coding)] * 2], "1.1")


@pytest.mark.parametrize(
    "coding", [b"xchunked", b"gzip, chunked", b"chunked, gzip", b"identity", b""]
)
def test_no_other_coding_is_known(coding: bytes) -> None:
    assert is_malformed([HOST, (b"transfer-encoding", coding)], "1.1")


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
