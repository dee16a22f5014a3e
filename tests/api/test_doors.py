"""What holds for every door: methods, headers, hosts, both faces."""

import re

import httpx
import msgspec
import pytest

from phalanx.api import app, create_app
from phalanx.api.catalogue import DOORS
from phalanx.api.exchange import Door
from tests.api.conftest import Site

METHODS = ("GET", "POST", "PUT", "PATCH", "DELETE", "OPTIONS")
PATHS = sorted({door.path for door in DOORS})


def client(application: object = app, host: str = "127.0.0.1") -> httpx.AsyncClient:
    transport = httpx.ASGITransport(application)  # type: ignore[arg-type]
    return httpx.AsyncClient(transport=transport, base_url=f"http://{host}:8080")


def filled(path: str) -> str:
    return re.sub(r"\{\w+\}", "X", path)


def methods_of(path: str) -> set[str]:
    """The methods of every door on that path: ``/clients/import`` is a ``/clients/{client_id}`` too."""
    asked = filled(path)
    return {
        door.method for door in DOORS if re.fullmatch(re.sub(r"\{\w+\}", "[^/]+", door.path), asked)
    }


@pytest.mark.parametrize(
    ("path", "method"),
    [(path, method) for path in PATHS for method in METHODS if method not in methods_of(path)],
)
async def test_the_wrong_method(path: str, method: str) -> None:
    async with client() as http:
        answer = await http.request(method, filled(path))

    allowed = methods_of(path) | ({"HEAD"} if "GET" in methods_of(path) else set())
    assert (answer.status_code, answer.json()["code"]) == (405, "METHOD_NOT_ALLOWED")
    assert answer.headers["allow"] == ", ".join(sorted(allowed))
    assert answer.headers["content-type"] == "application/problem+json"
    assert answer.headers["x-request-id"]


@pytest.mark.parametrize("path", ["/nothing", "/create_order/", "/api/v1", "/api/v1/orders/a/b"])
async def test_no_such_path(path: str) -> None:
    async with client() as http:
        answer = await http.get(path, headers={"x-request-id": "mine"})

    assert (answer.status_code, answer.json()["code"]) == (404, "NOT_FOUND")
    assert answer.headers["x-request-id"] == "mine"


def named(door: Door) -> str:
    return f"{door.method} {door.path}"


def example_of(door: Door) -> bytes:
    """A good body, where the door takes one."""
    if door.body is None:
        return b""
    example = next(iter(door.examples.values()))
    return example.encode() if isinstance(example, str) else msgspec.json.encode(example)


@pytest.mark.parametrize(
    "door", [door for door in DOORS if not door.path.startswith("/health")], ids=named
)
async def test_without_a_system_every_door_says_so(door: Door) -> None:
    headers = {"content-type": door.media_type}
    async with client(create_app()) as http:
        answer = await http.request(
            door.method, filled(door.path), content=example_of(door), headers=headers
        )

    assert (answer.status_code, answer.json()["code"]) == (503, "DESK_STOPPED")


@pytest.mark.parametrize("door", DOORS, ids=named)
@pytest.mark.parametrize(
    ("host", "headers", "code"),
    [
        ("evil.example", {}, "HOST_NOT_ALLOWED"),
        ("127.0.0.1", {"origin": "https://evil.example"}, "ORIGIN_NOT_ALLOWED"),
    ],
)
async def test_no_door_is_open_to_strangers(
    door: Door, host: str, headers: dict[str, str], code: str
) -> None:
    async with client(host=host) as http:
        answer = await http.request(door.method, filled(door.path), headers=headers)

    assert (answer.status_code, answer.json()["code"]) == (403, code)


@pytest.mark.parametrize("door", [d for d in DOORS if d.hot], ids=named)
@pytest.mark.parametrize(
    ("content", "headers"),
    [
        (b"", {}),
        (b"{", {"content-type": "application/json"}),
        (b"{}", {"content-type": "application/json"}),
        (b"{}", {"content-type": "text/plain"}),
        (b"x" * 65_537, {"content-type": "application/json"}),
        (b"{}", {"content-type": "application/json", "origin": "null"}),
    ],
)
async def test_a_hot_door_says_the_same_behind_both_faces(
    site: Site, door: Door, content: bytes, headers: dict[str, str]
) -> None:
    front = create_app(site.system)
    answers = []
    for face in (front, front.ordinary):
        async with client(face) as http:
            sent = {**headers, "x-request-id": "same"}
            answers.append(
                await http.request(door.method, door.path, content=content, headers=sent)
            )

    assert answers[0].status_code == answers[1].status_code >= 400
    assert answers[0].content == answers[1].content
    assert answers[0].headers == answers[1].headers


async def test_a_hot_door_answers_behind_the_ordinary_face_too(example: Site) -> None:
    front = create_app(example.system)
    body = {"STRATEGY": "STRATEGY_B", "INSTRUMENT": "MINDA", "POSITION": "BUY"}
    async with client(front.ordinary) as http:
        answer = await http.post("/create_order", json=body)

    assert answer.json()["RESPONSE"] == "ACCEPTED"


@pytest.mark.parametrize("path", ["/health/live", "/api/v1/clients", "/metrics"])
async def test_head_is_get_for_those_who_only_look(site: Site, path: str) -> None:
    answer = await site.http.head(path)

    assert answer.status_code == 200


async def test_a_request_id_comes_back(example: Site) -> None:
    answer = await example.http.get("/api/v1/kill", headers={"x-request-id": "desk-7"})
    own = await example.http.get("/api/v1/kill", headers={"x-request-id": "not visible"})

    assert answer.headers["x-request-id"] == "desk-7"
    assert re.fullmatch(r"[0-9a-f]{8}-[0-9a-f]+", own.headers["x-request-id"])


async def test_a_request_id_is_journaled(example: Site) -> None:
    body = {"STRATEGY": "STRATEGY_B", "INSTRUMENT": "MINDA", "POSITION": "BUY"}
    await example.http.post("/create_order", json=body, headers={"x-request-id": "desk-8"})

    (instruction,) = (await example.get("/api/v1/instructions"))["items"]
    assert instruction["request_id"] == "desk-8"
