import pytest

from phalanx.brokers.wire.answer import (
    BODY_BYTES_MAX,
    HEAD_BYTES_MAX,
    Answer,
    AnswerParser,
    BadAnswer,
)
from tests.fakes.wire_peer import OK


def _head(*lines: str) -> bytes:
    return "\r\n".join(("HTTP/1.1 200 OK", *lines, "", "")).encode()


def test_an_answer_in_one_piece_is_read() -> None:
    assert AnswerParser().feed(OK) == Answer(200, b"{}")


def test_an_answer_byte_by_byte_is_read_at_its_last_byte() -> None:
    parser = AnswerParser()

    found = [parser.feed(OK[index : index + 1]) for index in range(len(OK))]

    assert found == [None] * (len(OK) - 1) + [Answer(200, b"{}")]


def test_a_chunked_answer_is_put_together() -> None:
    parser = AnswerParser()
    head = _head("Transfer-Encoding: chunked")

    assert parser.feed(head + b"1\r\n{\r\n") is None
    assert parser.feed(b"1\r\n}\r\n0\r\n\r\n") == Answer(200, b"{}")


@pytest.mark.parametrize("status", [400, 401, 429, 500, 302, 204])
def test_any_final_status_is_an_answer(status: int) -> None:
    data = f"HTTP/1.1 {status} X\r\nContent-Length: 0\r\n\r\n".encode()

    assert AnswerParser().feed(data) == Answer(status, b"")


@pytest.mark.parametrize(
    ("head", "is_last"),
    [
        (_head("Content-Length: 0"), False),
        (_head("Content-Length: 0", "Connection: keep-alive"), False),
        (_head("Content-Length: 0", "Connection: Close"), True),
        (b"HTTP/1.0 200 OK\r\nContent-Length: 0\r\n\r\n", True),
    ],
)
def test_it_is_known_whether_the_broker_closes(head: bytes, is_last: bool) -> None:
    parser = AnswerParser()
    parser.feed(head)

    assert parser.is_last is is_last


@pytest.mark.parametrize(
    ("data", "why"),
    [
        (b"SSH-2.0-OpenSSH\r\n", "not HTTP"),
        (_head("Content-Length: 2", "Content-Length: 3") + b"{}", "not HTTP"),
        (_head("Content-Length: 2", "Transfer-Encoding: chunked") + b"{}", "not HTTP"),
        (_head("Content-Length: two") + b"{}", "not HTTP"),
        (_head("Content-Length: -2") + b"{}", "not HTTP"),
        (OK + b"}", "not HTTP"),
        (OK + OK, "more than one"),
        (_head() + b"{}", "does not say where it ends"),
        (b"HTTP/1.1 204 No Content\r\n\r\n", "does not say where it ends"),
        (b"HTTP/1.1 100 Continue\r\n\r\n", "interim"),
        (b"HTTP/1.1 101 X\r\nUpgrade: x\r\nConnection: upgrade\r\n\r\n", "not HTTP"),
        (_head("X: " + HEAD_BYTES_MAX * "x", "Content-Length: 0"), "head is too long"),
        (b"HTTP/1.1 200 OK\r\nX: " + HEAD_BYTES_MAX * b"x", "head is too long"),
        (
            _head(f"Content-Length: {BODY_BYTES_MAX + 1}") + (BODY_BYTES_MAX + 1) * b"x",
            "body is too long",
        ),
    ],
)
def test_what_cannot_be_trusted_is_said(data: bytes, why: str) -> None:
    with pytest.raises(BadAnswer, match=why):
        AnswerParser().feed(data)


def test_half_an_answer_is_none_yet() -> None:
    assert AnswerParser().feed(OK[:-1]) is None
    assert AnswerParser().feed(_head("Content-Length: 200") + b"{}") is None
