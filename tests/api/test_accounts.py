"""Accounts: how fast their orders go, and what cash is left alone."""

from typing import Any

import pytest

from tests.api.conftest import Site

PATH = "/api/v1/accounts/PAPER-1"
ORDER = {
    "kind": "order",
    "account_id": "PAPER-1",
    "instrument": "INFY",
    "side": "BUY",
    "type": "MARKET",
}


async def test_a_rate_limit_is_changed_in_parts(example: Site) -> None:
    assert (await example.get(PATH))["rate_limit"] == {
        "count": 0,
        "window_ms": 1_000,
        "reserved": 0,
    }
    await example.send("PATCH", PATH, {"rate_limit": {"count": 10, "reserved": 2}})
    answer = await example.send("PATCH", PATH, {"rate_limit": {"window_ms": 500}})

    wanted = {"count": 10, "window_ms": 500, "reserved": 2}
    assert answer.json()["rate_limit"] == wanted
    assert (await example.get(PATH))["rate_limit"] == wanted


@pytest.mark.parametrize("reserve", ["999000.5", 999000.5], ids=["text", "number"])
async def test_a_reserve_is_left_alone(example: Site, reserve: object) -> None:
    answer = await example.send("PATCH", PATH, {"reserve": reserve})
    account = await example.get(PATH)
    signalled = await example.signal("STRATEGY_B", "MINDA", "BUY")

    assert answer.json()["reserve"] == account["reserve"] == "999000.5"
    assert (account["cash"], account["available"]) == ("1000000", "999.5")
    assert signalled["outcomes"][0]["reason"] == "INSUFFICIENT_CASH"


@pytest.mark.parametrize(
    ("body", "code", "field"),
    [
        ({"rate_limit": {"count": -1}}, "INVALID_VALUE", "rate_limit.count"),
        ({"rate_limit": {"count": 10_001}}, "INVALID_VALUE", "rate_limit.count"),
        ({"rate_limit": {"count": 1.5}}, "WRONG_TYPE", "rate_limit.count"),
        ({"rate_limit": {"window_ms": 0}}, "INVALID_VALUE", "rate_limit.window_ms"),
        ({"rate_limit": {"window_ms": 86_400_001}}, "INVALID_VALUE", "rate_limit.window_ms"),
        ({"rate_limit": {"reserved": -1}}, "INVALID_VALUE", "rate_limit.reserved"),
        ({"rate_limit": {"reserved": 1}}, "INVALID_VALUE", "rate_limit.reserved"),
        ({"rate_limit": {"count": 2, "reserved": 2}}, "INVALID_VALUE", "rate_limit.reserved"),
        ({"rate_limit": {"per": 2}}, "UNKNOWN_FIELD", "rate_limit.per"),
        ({"rate_limit": 2}, "WRONG_TYPE", "rate_limit"),
        ({"reserve": -1}, "NOT_POSITIVE", "reserve"),
        ({"reserve": "much"}, "INVALID_NUMBER", "reserve"),
        ({"reserve": "0.000000001"}, "TOO_PRECISE", "reserve"),
        ({"reserve": "9" * 30}, "NUMBER_TOO_LARGE", "reserve"),
        ({"reserve": None}, "WRONG_TYPE", "reserve"),
    ],
)
async def test_bad_terms_change_nothing(example: Site, body: object, code: str, field: str) -> None:
    before = await example.get(PATH)

    answer = await example.send("PATCH", PATH, body)

    found = answer.json()
    assert (answer.status_code, found["code"], found["field"]) == (422, code, field)
    assert await example.get(PATH) == before


async def test_orders_beyond_the_rate_limit_wait_for_their_turn(example: Site) -> None:
    await example.send("PATCH", PATH, {"rate_limit": {"count": 2, "window_ms": 1_000}})
    for number in range(1, 6):
        answer = await example.send("POST", "/api/v1/instructions", {**ORDER, "quantity": number})
        assert answer.status_code == 202, answer.text

    async def orders() -> list[dict[str, Any]]:
        found = await example.get("/api/v1/orders", account="PAPER-1")
        items: list[dict[str, Any]] = found["items"]
        return items

    async def all_filled() -> bool:
        return [order["status"] for order in await orders()] == ["FILLED"] * 5

    await example.until(all_filled)
    hops = [order["hops"] for order in reversed(await orders())]
    sent = [hop["sent_ns"] for hop in hops]
    # A new limit begins with a full window, so that the very first has to wait as well.
    assert all(hop["waited_ns"] > 0 for hop in hops)
    assert sent == sorted(sent)
    assert all(
        later - earlier >= 990_000_000 for earlier, later in zip(sent, sent[2:], strict=False)
    )
    assert all(
        earlier + 500_000_000 > later for earlier, later in zip(sent[::2], sent[1::2], strict=False)
    )
