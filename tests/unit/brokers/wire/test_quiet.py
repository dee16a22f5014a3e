import socket
from collections.abc import Callable, Iterator

import pytest

from phalanx.brokers.wire.quiet import peeked, pending_on

QUESTIONS = pytest.mark.parametrize(
    "question", [pending_on, lambda own: lambda: peeked(own)], ids=["the system's", "anywhere"]
)
Question = Callable[[socket.socket], Callable[[], object]]


@pytest.fixture
def pair() -> Iterator[tuple[socket.socket, socket.socket]]:
    with socket.create_server(("127.0.0.1", 0)) as listener:
        own = socket.create_connection(listener.getsockname())
        other, _ = listener.accept()
        own.settimeout(0)
        with own, other:
            yield own, other


@QUESTIONS
def test_nothing_is_pending_on_a_quiet_socket(
    pair: tuple[socket.socket, socket.socket], question: Question
) -> None:
    assert not question(pair[0])()


@QUESTIONS
@pytest.mark.parametrize(
    "stir",
    [
        lambda other: other.sendall(b"x"),
        socket.socket.close,
        lambda other: other.shutdown(socket.SHUT_WR),
    ],
    ids=["data", "closed", "half closed"],
)
def test_whatever_came_is_pending_until_it_is_read(
    pair: tuple[socket.socket, socket.socket],
    question: Question,
    stir: Callable[[socket.socket], object],
) -> None:
    own, other = pair
    pending = question(own)
    stir(other)

    assert pending()
    assert pending()


@QUESTIONS
def test_an_error_is_pending(pair: tuple[socket.socket, socket.socket], question: Question) -> None:
    own, other = pair
    other.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, b"\1\0\0\0\0\0\0\0")
    other.close()

    assert question(own)()
