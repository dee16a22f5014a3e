"""The edges of a whole server: rates, headers, other origins, bodies that are meant to hurt."""

import re
from base64 import b64encode
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from hashlib import sha256
from pathlib import Path
from typing import Any

import httpx
import msgspec
import pytest

from phalanx.api import create_app
from phalanx.api.catalogue import DOORS
from phalanx.api.edges.headers import GUARDS
from tests.api.conftest import WORKED_EXAMPLE, Site, open_site

PAGE = "https://oms.com"
SIGNAL = {"STRATEGY": "STRATEGY_B", "INSTRUMENT": "MINDA", "POSITION": "BUY"}
ASKING = {"access-control-request-method": "POST", "origin": PAGE}
JSON = {"content-type": "application/json"}


@asynccontextmanager
async def site_with(tmp_path: Path, **settings: Any) -> AsyncIterator[Site]:  # noqa: ANN401
    async with open_site(tmp_path / "data", **settings) as opened:
        yield opened


def code(answer: httpx.Response) -> str:
    return str(answer.json()["code"])


@pytest.mark.parametrize("setting", ["rate_per_key", "rate_per_address"])
async def test_who_asks_too_often_waits_and_nothing_happened(tmp_path: Path, setting: str) -> None:
    async with site_with(tmp_path, **{setting: "3/hour"}) as site:
        await site.profiles(WORKED_EXAMPLE)
        assert (await site.send("POST", "/create_order", SIGNAL)).status_code == 200
        assert (await site.http.get("/api/v1/kill")).status_code == 200
        before = site.system.desk.state.seq

        hot = await site.send("POST", "/create_order", SIGNAL, "a key")
        other = await site.http.get("/api/v1/kill")

        assert [one.status_code for one in (hot, other)] == [429, 429]
        assert code(hot) == "RATE_LIMITED"
        assert 0 < int(hot.headers["retry-after"]) <= 3_600
        assert site.system.desk.state.seq == before
        assert "a key" not in str(site.system.desk.state)


async def test_kills_and_cancels_have_no_limit(tmp_path: Path) -> None:
    async with site_with(tmp_path, rate_per_key="1/hour", rate_per_address="1/hour") as site:
        await site.http.get("/api/v1/kill")
        assert (await site.http.get("/api/v1/kill")).status_code == 429

        for _ in range(3):
            assert (await site.send("PUT", "/api/v1/kill")).status_code == 200
            for path in ("/api/v1/orders/O/cancel", "/api/v1/instructions/I/cancel"):
                answer = await site.send("POST", path)
                assert (answer.status_code, code(answer)[:8]) == (404, "UNKNOWN_")
        assert (await site.send("DELETE", "/api/v1/kill")).status_code == 429


def test_the_doors_without_a_limit_are_these() -> None:
    assert {f"{door.method} {door.path}" for door in DOORS if door.unlimited} == {
        "PUT /api/v1/kill",
        "DELETE /api/v1/accounts/{account_id}/armed",
        "DELETE /api/v1/armed",
        "POST /api/v1/orders/{order_id}/cancel",
        "POST /api/v1/instructions/{instruction_id}/cancel",
    }


def test_every_door_says_that_it_may_be_limited() -> None:
    document = create_app().ordinary.openapi()

    for door in DOORS:
        answers = document["paths"][door.path][door.method.lower()]["responses"]
        assert "RATE_LIMITED" in answers[429 if 429 in answers else "429"]["description"]


async def test_refusals_of_an_address_are_limited_and_its_others_pass(tmp_path: Path) -> None:
    async with site_with(tmp_path, rate_failures_per_address="2/hour") as site:
        stranger = {"origin": "https://evil.example"}
        answers = [await site.http.get("/health/live", headers=stranger) for _ in range(4)]

        assert [one.status_code for one in answers] == [403, 403, 429, 429]
        assert (await site.http.get("/health/live")).status_code == 200


async def test_whom_a_proxy_speaks_for_is_who_asks(tmp_path: Path) -> None:
    async with site_with(tmp_path, trusted_proxies="127.0.0.1") as site:
        for said, status in (("8.8.8.8", 403), ("127.0.0.1, 8.8.8.8", 403), ("127.0.0.1", 200)):
            headers = {"x-forwarded-for": said}
            for method, path in (("GET", "/health/live"), ("POST", "/create_order")):
                answer = await site.http.request(method, path, headers=headers, json=SIGNAL)
                found = answer.status_code
                assert found == (422 if status == 200 and method == "GET" else status), said


async def test_nobody_else_is_believed(site: Site) -> None:
    answer = await site.http.get("/health/live", headers={"x-forwarded-for": "8.8.8.8"})

    assert answer.status_code == 200


PATHS = [
    *("/health/live", "/metrics", "/openapi.json", "/docs", "/nowhere", "/api/v1/orders?x=1"),
    *("/api/v1/positions?format=csv", "/api/v1/instructions"),
]


@pytest.mark.parametrize("path", PATHS)
async def test_every_answer_is_guarded(site: Site, path: str) -> None:
    answer = await site.http.get(path)

    for name, value in GUARDS:
        given = answer.headers.get_list(name.decode())
        assert len(given) == 1, name
        assert path == "/docs" or given == [value.decode()]


async def test_hot_doors_are_guarded(example: Site) -> None:
    for body in (SIGNAL, {}):
        answer = await example.send("POST", "/create_order", body)
        assert {(k.encode(), v.encode()) for k, v in answer.headers.items()} >= set(GUARDS)


async def test_the_reference_runs_no_script_and_only_its_own_style(site: Site) -> None:
    answer = await site.http.get("/docs")
    policy = answer.headers["content-security-policy"]
    (style,) = re.findall("<style>(.*?)</style>", answer.text, re.DOTALL)

    assert f"'sha256-{b64encode(sha256(style.encode()).digest()).decode()}'" in policy
    assert "default-src 'none'" in policy
    assert "unsafe" not in policy
    assert "script" not in policy
    assert "<script" not in answer.text


async def test_a_page_of_a_named_origin_may_ask(tmp_path: Path) -> None:
    async with site_with(tmp_path, cors_origins=PAGE) as site:
        for path in ("/create_order", "/api/v1/instructions/I/cancel"):
            asked = await site.http.options(path, headers=ASKING)
            assert asked.status_code == 200
            assert asked.headers["access-control-allow-origin"] == PAGE
            assert asked.headers["access-control-allow-methods"] == "POST"
            assert asked.headers["vary"] == "origin"
            answer = await site.http.post(path, json={}, headers={"origin": PAGE})
            assert answer.status_code in {404, 422}
            assert answer.headers["access-control-allow-origin"] == PAGE
            assert "access-control-allow-credentials" not in answer.headers


@pytest.mark.parametrize(
    "origin", ["https://evil-oms.com", "null", "https://oms.com:8443", "https://OMS.com"]
)
async def test_no_other_page_may(tmp_path: Path, origin: str) -> None:
    async with site_with(tmp_path, cors_origins=PAGE) as site:
        asked = await site.http.options("/create_order", headers={**ASKING, "origin": origin})
        answer = await site.http.post("/create_order", json=SIGNAL, headers={"origin": origin})

        for refused in (asked, answer):
            assert (refused.status_code, code(refused)) == (403, "ORIGIN_NOT_ALLOWED")
            assert "access-control-allow-origin" not in refused.headers
            assert refused.headers["vary"] == "origin"


async def test_without_the_setting_nothing_is_said_of_origins(site: Site) -> None:
    asked = await site.http.options("/create_order", headers=ASKING)
    plain = await site.http.options("/create_order")

    assert (asked.status_code, plain.status_code) == (403, 405)
    assert "vary" not in plain.headers


BATCH = "/api/v1/instructions"
MANY = [1] * 1_000_000
ROW = {"client": 1, "instrument": "X", "side": "BUY", "product": "DELIVERY", "type": "MARKET"}
HARMFUL = {
    "deep arrays": b"[" * 100_000,
    "deep arrays that end": b"[" * 100_000 + b"]" * 100_000,
    "deep objects": b'{"kind":' * 100_000,
    "deep in a field": b'{"kind":"exit","instrument":' + b"[" * 100_000 + b"]" * 100_000 + b"}",
    "many numbers": msgspec.json.encode({"kind": "exit", "instrument": "X", "clients": MANY}),
    "many rows": msgspec.json.encode(
        {"kind": "batch", "rows": [{**ROW, "quantity": "1"}] * 100_000}
    ),
    "many fields": b'{"kind":"exit"' + b"".join(b',"a%d":1' % n for n in range(1_000_000)) + b"}",
    "one field a million times": b'{"kind":"exit"' + b',"note":"a"' * 1_000_000 + b"}",
    "many digits": b'{"kind":"exit","instrument":"X","percent":' + b"9" * 1_000_000 + b"}",
}


@pytest.mark.parametrize("body", HARMFUL.values(), ids=HARMFUL)
@pytest.mark.parametrize("path", [BATCH, "/create_order", "/api/v1/profiles"])
async def test_a_body_that_is_meant_to_hurt_is_refused(site: Site, path: str, body: bytes) -> None:
    before = site.system.desk.state.seq

    answer = await site.http.post(path, content=body, headers=JSON)

    assert 400 <= answer.status_code < 500, answer.text[:500]
    assert len(answer.content) < 4_096
    assert site.system.desk.state.seq == before
