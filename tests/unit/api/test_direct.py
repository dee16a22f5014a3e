"""The short way past ASGI's messages, where a server offers it."""

from collections.abc import Sequence
from typing import Any

import msgspec
import pytest

from phalanx.api.bodies import Message
from phalanx.api.direct import EXTENSION, direct_of
from phalanx.api.exchange import BODY_BYTES_MAX, Answer, Call, Door, answer_json, respond
from phalanx.api.front import Front
from phalanx.api.house import House
from phalanx.api.policy import READ

HEADERS = [(b"content-type", b"application/json")]


class Request:
    """A request that is there whole, or is not; what is answered to it the short way."""

    def __init__(self, body: bytes | None, *, takes: bool = True) -> None:
        self.body = body
        self.takes = takes
        self.answered: list[tuple[int, Sequence[tuple[bytes, bytes]], bytes]] = []

    def whole_body(self) -> bytes | None:
        return self.body

    def answer(self, status: int, headers: Sequence[tuple[bytes, bytes]], body: bytes) -> bool:
        if self.takes:
            self.answered.append((status, headers, body))
        return self.takes


async def echo(call: Call) -> Answer:
    return answer_json(200, call.body.decode())


DOOR = Door("POST", "/x", echo, "", policy=READ, body=bytes, hot=True)


def scope_of(request: Request | None, headers: list[tuple[bytes, bytes]] = HEADERS) -> Any:  # noqa: ANN401
    scope = {"type": "http", "method": "POST", "path": "/x", "query_string": b""}
    if request is None:
        return {**scope, "headers": headers}
    return {**scope, "headers": headers, "extensions": {EXTENSION: {"request": request}}}


async def nothing_to_receive() -> Message:
    raise AssertionError("the body was there")


async def received() -> Message:
    return {"type": "http.request", "body": b"late", "more_body": False}


def test_a_server_may_offer_other_extensions_or_none() -> None:
    assert direct_of({}) is None
    assert direct_of({"extensions": None}) is None
    assert direct_of({"extensions": {"tls": {}}}) is None


async def test_a_body_that_is_there_is_not_asked_for() -> None:
    reply = await respond(House(), DOOR, scope_of(Request(b"now")), nothing_to_receive)

    assert msgspec.json.decode(reply.body) == "now"


@pytest.mark.parametrize("request_", [Request(None), None])
async def test_a_body_that_is_not_there_is_received(request_: Request | None) -> None:
    reply = await respond(House(), DOOR, scope_of(request_), received)

    assert msgspec.json.decode(reply.body) == "late"


@pytest.mark.parametrize(
    ("headers", "body", "code"),
    [
        ([], b"{}", "UNSUPPORTED_MEDIA_TYPE"),
        ([*HEADERS, (b"content-length", b"65537")], b"{}", "BODY_TOO_LARGE"),
        (HEADERS, bytes(BODY_BYTES_MAX + 1), "BODY_TOO_LARGE"),
    ],
)
async def test_the_short_way_misses_no_check(
    headers: list[tuple[bytes, bytes]], body: bytes, code: str
) -> None:
    reply = await respond(House(), DOOR, scope_of(Request(body), headers), nothing_to_receive)

    assert msgspec.json.decode(reply.body)["code"] == code


async def test_the_answer_goes_out_in_one_piece() -> None:
    request = Request(b"now")

    async def send(_: Message) -> None:
        raise AssertionError("it was answered")

    await Front([DOOR])(scope_of(request), nothing_to_receive, send)

    ((status, headers, body),) = request.answered
    assert (status, body) == (200, b'"now"')
    assert (b"content-length", b"5") in headers


async def test_an_answer_that_was_not_taken_is_sent() -> None:
    sent: list[Message] = []

    async def send(message: Message) -> None:
        sent.append(message)

    await Front([DOOR])(scope_of(Request(b"now", takes=False)), nothing_to_receive, send)

    assert [message["type"] for message in sent] == ["http.response.start", "http.response.body"]
    assert sent[1]["body"] == b'"now"'
