import logging
from typing import Any

import msgspec
import pytest

from phalanx.api.bodies import Message
from phalanx.api.edges.headers import GUARDS
from phalanx.api.edges.rates import Rates
from phalanx.api.exchange import (
    Answer,
    AtOnce,
    Call,
    Door,
    Handler,
    Reply,
    answer_json,
    open_call,
    read_at_once,
    respond,
)
from phalanx.api.house import House
from phalanx.api.policy import READ
from phalanx.api.problems import Problem
from phalanx.domain.instructions import Door as DoorName
from phalanx.domain.instructions import Origin


async def echo(call: Call) -> Answer:
    return answer_json(200, {"actor": call.principal.actor, "body": call.body.decode()})


async def fail(_: Call) -> Answer:
    raise KeyError("inside")


async def turn_away(_: Call) -> Answer:
    raise Problem("CLIENT_EXISTS", "there is one")


def door(handler: Handler = echo, body: type[bytes] | None = None) -> Door:
    return Door("POST", "/x", handler, "", policy=READ, body=body)


Headers = dict[str, str]
JSON = {"content-type": "application/json"}


async def ask(
    where: Door, headers: Headers, body: bytes = b"", house: House | None = None
) -> tuple[Reply, Any]:
    pairs = [(name.encode(), value.encode()) for name, value in headers.items()]
    scope = {"headers": pairs, "client": ("127.0.0.1", 1), "query_string": b"", "path_params": {}}

    async def receive() -> Message:
        return {"type": "http.request", "body": body, "more_body": False}

    reply = await respond(house or House(), where, scope, receive)
    return reply, msgspec.json.decode(reply.body)


async def test_a_request_goes_through() -> None:
    reply, body = await ask(door(body=bytes), {**JSON, "x-request-id": "mine"}, b"{}")

    assert (reply.status, body) == (200, {"actor": "local", "body": "{}"})
    assert reply.headers == [
        (b"content-type", b"application/json"),
        (b"content-length", b"%d" % len(reply.body)),
        (b"x-request-id", b"mine"),
        *GUARDS,
    ]


async def test_a_request_without_an_id_gets_one_of_its_own() -> None:
    house = House()
    ids = {dict((await ask(door(), {}, house=house))[0].headers)[b"x-request-id"] for _ in range(3)}

    assert len(ids) == 3


@pytest.mark.parametrize(
    ("headers", "status", "code"),
    [
        ({"host": "evil.example"}, 403, "HOST_NOT_ALLOWED"),
        ({"origin": "https://evil.example"}, 403, "ORIGIN_NOT_ALLOWED"),
        ({}, 415, "UNSUPPORTED_MEDIA_TYPE"),
        ({"content-type": "text/plain"}, 415, "UNSUPPORTED_MEDIA_TYPE"),
        ({**JSON, "content-length": "65537"}, 413, "BODY_TOO_LARGE"),
    ],
)
async def test_what_stops_a_request_before_its_door(
    headers: Headers, status: int, code: str
) -> None:
    reply, body = await ask(door(body=bytes), headers)

    assert (reply.status, body["code"], body["status"]) == (status, code, status)
    assert dict(reply.headers)[b"content-type"] == b"application/problem+json"
    assert dict(reply.headers)[b"x-request-id"].decode() == body["request_id"]


async def test_a_door_without_a_body_reads_none() -> None:
    reply, _ = await ask(door(), {}, b"ignored, as no length says it is there")
    assert reply.status == 200
    reply, _ = await ask(door(), {"content-length": "3"}, b"{} ")
    assert reply.status == 200
    _, body = await ask(door(), {"content-length": "7"}, b'{"x":1}')
    assert body["code"] == "UNKNOWN_FIELD"


async def test_a_door_that_turns_a_request_away() -> None:
    reply, body = await ask(door(turn_away), {})

    assert (reply.status, body["code"], body["detail"]) == (409, "CLIENT_EXISTS", "there is one")


async def test_an_unforeseen_error_is_logged_and_answered(
    caplog: pytest.LogCaptureFixture,
) -> None:
    with caplog.at_level(logging.ERROR):
        reply, body = await ask(door(fail), {"x-request-id": "r-7"})

    assert (reply.status, body["code"]) == (500, "INTERNAL_ERROR")
    assert "r-7" in caplog.text
    assert "inside" in caplog.text
    assert b"inside" not in reply.body


async def test_without_a_system_the_desk_is_said_to_be_starting() -> None:
    async def use(call: Call) -> Answer:
        return answer_json(200, call.desk.state.seq)

    reply, body = await ask(door(use), {})

    assert (reply.status, body["code"]) == (503, "DESK_STOPPED")


async def origin_of(*asked: object, key: str | None = "k") -> Origin:
    found: list[Origin] = []

    async def keep(call: Call) -> Answer:
        found.append(call.origin(DoorName.ORDERS, *asked))
        return answer_json(200, None)

    headers = {} if key is None else {"idempotency-key": key}
    await ask(door(keep), {"x-request-id": "r-1", **headers})
    return found[0]


async def test_an_origin_tells_who_and_how() -> None:
    origin = await origin_of("cancel", "O1")

    assert (origin.actor, origin.door, origin.request_id) == ("local", DoorName.ORDERS, "r-1")
    assert origin.idempotency_key == "k"
    assert len(origin.fingerprint) == 16


async def test_without_a_key_there_is_no_fingerprint() -> None:
    origin = await origin_of("cancel", "O1", key=None)

    assert (origin.idempotency_key, origin.fingerprint) == ("", b"")


async def test_a_fingerprint_is_of_what_is_asked_and_of_nothing_else() -> None:
    first = await origin_of({"a": 1, "b": [2]}, key="k")
    again = await origin_of({"b": [2], "a": 1}, key="other")
    other = await origin_of({"b": [3], "a": 1}, key="k")

    assert first.fingerprint == again.fingerprint != other.fingerprint


class Later:
    """A caller whose body is still coming."""

    def whole_body(self) -> bytes | None:
        return None

    def answer(self, *_: object) -> bool:
        raise AssertionError("nothing is answered the short way")


async def test_a_request_whose_body_comes_later_counts_once() -> None:
    house = House()
    house.edges.rates = Rates(per_key="2/hour")
    scope = {
        "headers": [(b"content-type", b"application/json")],
        "client": ("127.0.0.1", 1),
        "query_string": b"",
        "path_params": {},
    }
    where = door(body=bytes)

    async def receive() -> Message:
        return {"type": "http.request", "body": b"{}", "more_body": False}

    async def once() -> int:
        call = open_call(house, scope)
        way = AtOnce(lambda _: None, lambda _, __: Answer(200, b""))
        assert read_at_once(way, where, call, Later()) is None
        return (await respond(house, where, scope, receive, call)).status

    assert [await once() for _ in range(2)] == [200, 200]
    refused = read_at_once(
        AtOnce(lambda _: None, lambda _, __: Answer(200, b"")),
        where,
        open_call(house, scope),
        Later(),
    )
    assert isinstance(refused, Answer)
    assert refused.status == 429
