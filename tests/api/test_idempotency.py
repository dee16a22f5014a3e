import asyncio
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import httpx
import pytest

from tests.api.conftest import WORKED_EXAMPLE, Site, open_site

BUY = {"STRATEGY": "STRATEGY_B", "INSTRUMENT": "MINDA", "POSITION": "BUY"}
ORDER = {
    "kind": "order",
    "client": 1,
    "instrument": "RELIANCE",
    "side": "BUY",
    "type": "LIMIT",
    "quantity": 10,
    "price": "1300.5",
}
REPLAYED = "idempotent-replayed"


@pytest.fixture
async def patient(tmp_path: Path) -> AsyncIterator[Site]:
    """A server whose first account's orders are accepted and never filled."""
    async with open_site(tmp_path / "data") as site:
        await site.profiles(WORKED_EXAMPLE)
        profile = {"fill_profile": {"filled_bps": 0}}
        await site.send("PATCH", "/api/v1/accounts/PAPER-1", profile)
        yield site


async def working_order(site: Site) -> str:
    answer = await site.send("POST", "/api/v1/instructions", ORDER)
    order_id = str(answer.json()["outcomes"][0]["order_id"])

    async def accepted() -> bool:
        return bool((await site.get(f"/api/v1/orders/{order_id}"))["status"] == "NEW")

    await site.until(accepted)
    return order_id


async def test_two_at_once_are_one_instruction(example: Site) -> None:
    first, second = await asyncio.gather(
        example.send("POST", "/create_order", BUY, "k"),
        example.send("POST", "/create_order", BUY, "k"),
    )

    assert first.json() == second.json()
    assert first.json()["RESPONSE"] == "ACCEPTED"
    assert sorted(REPLAYED in answer.headers for answer in (first, second)) == [False, True]
    assert (await example.get("/api/v1/instructions"))["total"] == 1
    assert (await example.get("/api/v1/orders"))["total"] == 1


async def test_many_at_once_are_one_instruction(example: Site) -> None:
    answers = await asyncio.gather(
        *(example.send("POST", "/create_order", BUY, "k") for _ in range(50))
    )

    assert len({answer.text for answer in answers}) == 1
    assert sum(REPLAYED in answer.headers for answer in answers) == 49


@pytest.mark.parametrize(
    "content",
    [
        b'{"POSITION":"BUY","STRATEGY":"STRATEGY_B","INSTRUMENT":"MINDA"}',
        b' { "STRATEGY" : "STRATEGY_B",\n"INSTRUMENT":"\\u004dINDA","POSITION":"BUY"}',
    ],
)
async def test_the_spelling_of_a_repeat_does_not_matter(example: Site, content: bytes) -> None:
    first = await example.send("POST", "/create_order", BUY, "k")
    headers = {"content-type": "application/json", "idempotency-key": "k"}

    again = await example.http.post("/create_order", content=content, headers=headers)

    assert again.text == first.text
    assert again.headers[REPLAYED] == "true"


async def test_a_number_may_be_spelled_another_way(patient: Site) -> None:
    first = await patient.send("POST", "/api/v1/instructions", ORDER, "k")
    other = {**ORDER, "quantity": "10.0", "price": 1300.50, "product": "DELIVERY"}

    again = await patient.send("POST", "/api/v1/instructions", other, "k")

    assert (first.status_code, again.status_code) == (202, 202)
    assert again.text == first.text


@pytest.mark.parametrize(
    ("path", "body"),
    [
        ("/create_order", {**BUY, "POSITION": "SELL"}),
        ("/create_order", {**BUY, "INSTRUMENT": "NSE:14154"}),
        (
            "/api/v1/instructions",
            {"kind": "signal", "strategy": "STRATEGY_B", "instrument": "MINDA", "position": "BUY"},
        ),
        ("/api/v1/clients", {"name": "Somebody"}),
    ],
)
async def test_another_request_under_the_key_is_refused(
    example: Site, path: str, body: object
) -> None:
    await example.send("POST", "/create_order", BUY, "k")
    before = example.system.desk.state.seq

    answer = await example.send("POST", path, body, "k")

    assert (answer.status_code, answer.json()["code"]) == (422, "IDEMPOTENCY_KEY_REUSED")
    assert example.system.desk.state.seq == before


async def test_a_refused_request_uses_no_key(example: Site) -> None:
    bad = await example.send("POST", "/create_order", {**BUY, "POSITION": "HOLD"}, "k")
    gone = await example.send("POST", "/api/v1/orders/AA00000000/cancel", key="k")
    good = await example.send("POST", "/create_order", BUY, "k")

    assert (bad.status_code, gone.status_code, good.status_code) == (422, 404, 200)
    assert REPLAYED not in good.headers


async def test_a_rejected_signal_uses_its_key(example: Site) -> None:
    sell = {**BUY, "POSITION": "SELL"}
    first = await example.send("POST", "/create_order", sell, "k")
    await example.send("POST", "/create_order", BUY)

    again = await example.send("POST", "/create_order", sell, "k")

    assert first.json()["RESPONSE"] == "REJECTED"
    assert again.text == first.text


async def test_without_a_key_nothing_is_repeated(patient: Site) -> None:
    answers = [await patient.send("POST", "/create_order", BUY) for _ in range(2)]

    assert [answer.json()["RESPONSE"] for answer in answers] == ["ACCEPTED", "REJECTED"]


async def ask_every_door(site: Site, order_id: str) -> list[httpx.Response]:
    csv = "symbol,token_id,exchange,instrument_type,lot_size,tick_size\nMINDA,14154,NSE,EQ,1,0.05\n"
    master = {"content-type": "text/csv", "idempotency-key": "instruments"}
    asked: tuple[tuple[str, str, Any], ...] = (
        ("POST", "/create_order", BUY),
        ("POST", "/api/v1/instructions", {**ORDER, "quantity": 2}),
        ("PATCH", f"/api/v1/orders/{order_id}", {"price": "1290"}),
        ("POST", f"/api/v1/orders/{order_id}/cancel", None),
        ("POST", "/api/v1/clients", {"name": "Somebody", "available_funds": "12.50"}),
        ("PATCH", "/api/v1/accounts/PAPER-2", {"charge_bps": 7}),
        (
            "PATCH",
            "/api/v1/strategies/STRATEGY_A/subscriptions/PAPER-1",
            {"sell_scope": "strategy", "sizing": {"method": "cash_share", "percent": "2.5"}},
        ),
        ("PUT", "/api/v1/kill", {"note": "noon"}),
        ("DELETE", "/api/v1/kill?note=after", None),
        ("POST", "/api/v1/profiles", {"Third": {"S": ["INFY"]}}),
    )
    answers = []
    for method, path, body in asked:
        answers.append(
            await site.send(method, path, body, f"{method} {path[:14]}".replace(" ", ""))
        )
        await asyncio.sleep(0.02)
    answers.append(await site.http.post("/api/v1/instruments", content=csv, headers=master))
    return answers


async def test_every_door_repeats_its_first_answer_also_after_a_restart(tmp_path: Path) -> None:
    async with open_site(tmp_path) as site:
        await site.profiles(WORKED_EXAMPLE)
        profile = {"fill_profile": {"filled_bps": 0}}
        await site.send("PATCH", "/api/v1/accounts/PAPER-1", profile)
        order_id = await working_order(site)
        first = await ask_every_door(site, order_id)
        again = await ask_every_door(site, order_id)
        seq = site.system.desk.state.seq
    async with open_site(tmp_path) as site:
        after = await ask_every_door(site, order_id)
        assert (await site.get("/api/v1/instructions"))["total"] == 3

    assert [answer.status_code for answer in first] == [200, 202, 202, 202, 201, *[200] * 6]
    assert [answer.text for answer in again] == [answer.text for answer in first]
    assert [answer.text for answer in after] == [answer.text for answer in first]
    assert all(REPLAYED not in answer.headers for answer in first)
    assert all(answer.headers[REPLAYED] == "true" for answer in (*again, *after))
    assert seq > 0
