"""Lists, trees and the log: right, complete, and never behind what their reader wrote."""

import asyncio
from typing import Any

import pytest

from phalanx.views.readers import QueryTooLong
from tests.api.conftest import Site

ORDER = {
    "kind": "order",
    "client": 2,
    "instrument": "NSE:2885",
    "side": "BUY",
    "type": "LIMIT",
    "quantity": "10",
    "price": "1300.5",
    "note": "by hand",
}


async def place(site: Site, **changes: object) -> Any:  # noqa: ANN401  JSON
    body = {name: value for name, value in {**ORDER, **changes}.items() if value is not None}
    answer = await site.send("POST", "/api/v1/instructions", body)
    assert answer.status_code == 202, answer.text
    return answer.json()


async def settled(site: Site) -> None:
    async def nothing_open() -> bool:
        return bool((await site.get("/api/v1/orders", open="true"))["total"] == 0)

    await site.until(nothing_open)


async def test_a_reader_sees_its_own_writes(example: Site) -> None:
    for round_number in range(1, 21):
        placed = await place(example, quantity=round_number)
        order_id = placed["outcomes"][0]["order_id"]
        seen = await asyncio.gather(
            example.get("/api/v1/orders"),
            example.get("/api/v1/instructions"),
            example.get(f"/api/v1/orders/{order_id}"),
            example.get(f"/api/v1/instructions/{placed['instruction_id']}"),
            example.get("/api/v1/order-log", since_seq=0),
            example.get("/api/v1/open-buys"),
        )
        orders, instructions, order, tree, log, buys = seen
        assert orders["total"] == instructions["total"] == round_number
        assert order["order_id"] == order_id
        assert [o["order_id"] for o in tree["orders"]] == [order_id]
        assert order_id in {line["order_id"] for line in log["items"]}
        assert order_id in {buy["order_id"] for buy in buys}


async def test_an_order_is_shown_with_its_fills(example: Site) -> None:
    await example.send("PATCH", "/api/v1/accounts/PAPER-2", {"fill_profile": {"slices": 4}})
    placed = await place(example, type="MARKET", price=None, quantity="8")
    await settled(example)

    order = await example.get(f"/api/v1/orders/{placed['outcomes'][0]['order_id']}")

    assert (order["status"], order["type"], order["filled"]) == ("FILLED", "MARKET", "8")
    assert [fill["quantity"] for fill in order["fills"]] == ["2"] * 4
    assert len({fill["exec_id"] for fill in order["fills"]}) == 4
    assert order["ended_at"].endswith("+05:30")


async def test_an_instruction_is_shown_with_its_whole_tree(example: Site) -> None:
    signal = await example.signal("STRATEGY_B", "MINDA", "BUY")
    await settled(example)

    tree = await example.get(f"/api/v1/instructions/{signal['instruction_id']}")

    assert (tree["kind"], tree["status"], tree["filled"]) == ("signal", "DONE", 1)
    assert tree["asked"] == {
        "kind": "signal",
        "strategy": "STRATEGY_B",
        "instrument": "MINDA",
        "position": "BUY",
        "accounts": [],
        "clients": [],
        "groups": [],
        "mode": None,
    }
    (order,) = tree["orders"]
    assert (order["symbol"], order["exchange"], order["token_id"]) == ("UNOMINDA", "NSE", "14154")
    assert (order["status"], order["filled"], order["leaves"]) == ("FILLED", "1", "0")
    (fill,) = order["fills"]
    assert fill["quantity"] == "1"
    assert fill["price"] == order["average_price"]
    hops = order["hops"]
    assert 0 < hops["received_ns"] < hops["committed_ns"] < hops["sent_ns"]
    assert hops["tat_ns"] == tree["tat_ns"] > 0


async def test_cancels_and_replaces_are_shown_where_they_belong(example: Site) -> None:
    await example.send("PATCH", "/api/v1/accounts/PAPER-1", {"fill_profile": {"filled_bps": 0}})
    bought = await example.signal("STRATEGY_B", "MINDA", "BUY")
    order_id = bought["outcomes"][0]["order_id"]

    async def accepted() -> bool:
        return bool((await example.get(f"/api/v1/orders/{order_id}"))["status"] == "NEW")

    await example.until(accepted)
    changed = await example.send("PATCH", f"/api/v1/orders/{order_id}", {"quantity": "2"})
    await example.until(accepted)
    sold = await example.signal("STRATEGY_B", "MINDA", "SELL")
    await settled(example)

    tree = await example.get(f"/api/v1/instructions/{bought['instruction_id']}")
    closing = await example.get(f"/api/v1/instructions/{sold['instruction_id']}")
    (order,) = tree["orders"]
    replace, cancel = order["requests"]
    assert changed.json() == {
        "order_id": order_id,
        "request_id": replace["request_id"],
        "status": "PENDING",
    }
    assert (order["status"], order["quantity"]) == ("CANCELED", "2")
    assert (replace["kind"], replace["status"], replace["quantity"]) == ("REPLACE", "DONE", "2")
    assert (cancel["kind"], cancel["status"], cancel["quantity"]) == ("CANCEL", "DONE", None)
    assert closing["cancels"] == [cancel]
    assert closing["orders"] == []


async def test_a_query_that_takes_too_long_is_stopped(
    example: Site, monkeypatch: pytest.MonkeyPatch
) -> None:
    def orders(**_: object) -> None:
        raise QueryTooLong("stopped after 5 s")

    monkeypatch.setattr(example.system.views, "orders", orders)

    answer = await example.http.get("/api/v1/orders")

    assert (answer.status_code, answer.json()["code"]) == (422, "QUERY_TOO_LONG")


async def test_a_rejected_instruction_is_shown_with_its_skips(example: Site) -> None:
    signal = await example.signal("STRATEGY_A", "GRASIM", "SELL")

    tree = await example.get(f"/api/v1/instructions/{signal['instruction_id']}")

    assert (tree["status"], tree["reason"], tree["orders"]) == ("REJECTED", "NOTHING_VALID", [])
    assert tree["skips"] == [
        {
            "client": "Holland Proctor",
            "client_id": 1,
            "account": "PAPER-1",
            "reason": "NO_OPEN_LOT",
            "message": "no open buy of GRASIM to sell",
            "instrument": None,
            "symbol": None,
            "row": None,
        }
    ]


@pytest.fixture
async def busy(example: Site) -> Site:
    """One filled order of each client and one that works."""
    await example.signal("STRATEGY_B", "MINDA", "BUY")
    await example.signal("STRATEGY_D", "ACC", "BUY")
    await place(example, client=1)

    async def two_filled() -> bool:
        return bool((await example.get("/api/v1/orders", status="FILLED"))["total"] == 2)

    await example.until(two_filled)
    return example


@pytest.mark.parametrize(
    ("query", "symbols"),
    [
        ({}, ["RELIANCE", "ACC", "UNOMINDA"]),
        ({"client": 1}, ["RELIANCE", "UNOMINDA"]),
        ({"account": "PAPER-2"}, ["ACC"]),
        ({"instrument": "MINDA"}, ["UNOMINDA"]),
        ({"instrument": "NSE:2885"}, ["RELIANCE"]),
        ({"instrument": "2885"}, ["RELIANCE"]),
        ({"instrument": "NO_SUCH_THING"}, []),
        ({"strategy": "STRATEGY_D"}, ["ACC"]),
        ({"status": "FILLED"}, ["ACC", "UNOMINDA"]),
        ({"open": "true"}, ["RELIANCE"]),
        ({"client": 1, "open": "true"}, ["RELIANCE"]),
        ({"limit": 1}, ["RELIANCE"]),
        ({"skip": 1, "limit": 1}, ["ACC"]),
    ],
)
async def test_orders_are_filtered(busy: Site, query: dict[str, Any], symbols: list[str]) -> None:
    found = await busy.get("/api/v1/orders", **query)

    assert [order["symbol"] for order in found["items"]] == symbols
    if "limit" not in query:
        assert found["total"] == len(symbols)
    assert found["as_of"] > 0


async def test_orders_of_an_instruction(busy: Site) -> None:
    newest = (await busy.get("/api/v1/instructions", kind="order"))["items"][0]

    found = await busy.get("/api/v1/orders", instruction=newest["instruction_id"])

    assert [order["symbol"] for order in found["items"]] == ["RELIANCE"]
    assert newest["note"] == "by hand"
    assert newest["asked"]["price"] == "1300.5"


@pytest.mark.parametrize(
    ("query", "kinds"),
    [
        ({}, ["order", "signal", "signal"]),
        ({"kind": "signal"}, ["signal", "signal"]),
        ({"status": "WORKING"}, ["order"]),
        ({"status": "REJECTED"}, []),
    ],
)
async def test_instructions_are_filtered(
    busy: Site, query: dict[str, Any], kinds: list[str]
) -> None:
    found = await busy.get("/api/v1/instructions", **query)

    assert [instruction["kind"] for instruction in found["items"]] == kinds


async def test_the_log_goes_on_where_a_reader_stopped(busy: Site) -> None:
    whole = await busy.get("/api/v1/order-log", since_seq=0)
    first = whole["items"][0]
    rest = await busy.get("/api/v1/order-log", since_seq=first["seq"])

    of_first = [line for line in whole["items"] if line["order_id"] == first["order_id"]]
    assert [line["entry"] for line in of_first][:2] == ["PLACED", "FILL"]
    assert rest["items"] == [line for line in whole["items"] if line["seq"] > first["seq"]]


@pytest.mark.parametrize(
    ("query", "accounts"),
    [
        ({}, ["PAPER-1", "PAPER-1", "PAPER-2"]),
        ({"client": 2}, ["PAPER-2"]),
        ({"account": "PAPER-1"}, ["PAPER-1", "PAPER-1"]),
        ({"instrument": "RELIANCE"}, ["PAPER-1"]),
        ({"skip": 1, "limit": 1}, ["PAPER-1"]),
    ],
)
async def test_open_buys_are_filtered(
    busy: Site, query: dict[str, Any], accounts: list[str]
) -> None:
    answer = await busy.http.get("/api/v1/open-buys", params=query)

    assert [buy["account"] for buy in answer.json()] == accounts
    if "limit" in query:
        assert answer.headers["x-total-count"] == "3"


async def test_an_open_buy_counts_what_may_still_come(busy: Site) -> None:
    (buy,) = await busy.get("/api/v1/open-buys", instrument="RELIANCE")

    assert (buy["quantity"], buy["filled"], buy["strategy"]) == ("10", "0", None)


async def test_positions_tell_cost_and_profit(example: Site) -> None:
    await place(example, client=1, type="MARKET", price=None)
    await settled(example)

    found = await example.get("/api/v1/positions", client=1)

    (held,) = found["items"]
    assert (held["instrument"], held["quantity"], held["sellable"]) == ("RELIANCE", "10", "10")
    assert (held["average_price"], held["last_price"]) == ("1364", "1364")
    assert held["unrealized_pnl"] == "0"
    assert found["total"] == 1


async def test_strategies_with_their_subscriptions(example: Site) -> None:
    found = (await example.get("/api/v1/strategies"))["items"]

    assert [strategy["strategy"] for strategy in found] == [
        "STRATEGY_A",
        "STRATEGY_B",
        "STRATEGY_D",
    ]
    assert found[0]["instruments"] == ["BSOFT", "GRASIM", "EICHERMOT"]
    assert found[0]["subscriptions"][0] == {
        "account": "PAPER-1",
        "client": "Holland Proctor",
        "client_id": 1,
        "enabled": True,
        "instruments": ["BSOFT", "GRASIM", "EICHERMOT"],
        "sizing": {"method": "fixed_quantity"},
        "product": "DELIVERY",
        "type": "MARKET",
        "sell_scope": "account",
    }


async def test_views_that_cannot_be_read_stop_no_order(example: Site) -> None:
    (example.system.settings.data / "views.db").unlink()

    answer = await example.http.get("/api/v1/orders")

    assert (answer.status_code, answer.json()["code"]) == (503, "VIEWS_UNAVAILABLE")
    assert (await example.signal("STRATEGY_B", "MINDA", "BUY"))["RESPONSE"] == "ACCEPTED"
