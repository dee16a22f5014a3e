"""What those may do who may touch a part of the book only: all of it there, and nothing beside it."""

from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import pytest

from phalanx.domain.time import HOUR, iso
from tests.api.access.conftest import ANNS, BOBS, Books, fill_books, open_secured, resting_buy
from tests.api.conftest import happened

INSTRUCTIONS = "/api/v1/instructions"
PLACE = {
    "client_id": 1,
    "token_id": "TCS",
    "execution_type": "BUY",
    "order_type": "MARKET",
    "trade_type": "DELIVERY",
    "quantity": 1,
}


@pytest.fixture
async def desk(tmp_path: Path) -> AsyncIterator[Books]:
    """A desk of its own for a test that changes it."""
    async with open_secured(tmp_path / "data") as site:
        yield await fill_books(site)


async def refused(books: Books, who: str, method: str, path: str, body: object = None) -> Any:  # noqa: ANN401
    """Status and code of a refusal, for which nothing was journaled."""
    before = books.system.desk.state.seq
    answer = await books.ask(who, method, path, body)
    assert await happened(books.system, before) == [], answer.text
    return answer.status_code, answer.json()["code"]


async def test_a_client_that_may_trade_places_changes_and_cancels_its_own(desk: Books) -> None:
    placed = await desk.placed("ann", **(resting_buy(1) | {"quantity": 4}))
    order = placed["outcomes"][0]["order_id"]

    async def is_working() -> bool:
        return bool((await desk.told("ann", f"/api/v1/orders/{order}"))["status"] == "NEW")

    await desk.until(is_working)
    changed = await desk.ask("ann", "PATCH", f"/api/v1/orders/{order}", {"quantity": 2})
    assert changed.status_code == 202, changed.text

    async def is_changed() -> bool:
        return bool((await desk.told("ann", f"/api/v1/orders/{order}"))["quantity"] == "2")

    await desk.until(is_changed)
    canceled = await desk.ask("ann", "POST", f"/api/v1/orders/{order}/cancel")
    assert canceled.status_code == 202, canceled.text


async def test_a_client_by_the_platforms_doors(desk: Books) -> None:
    bought = await desk.ask("ann", "POST", "/api/v1/orders/place", PLACE)
    assert bought.json()["status"] == "SUCCESS", bought.text
    out = await desk.ask("ann", "POST", "/api/v1/trades/exit-by-token/TCS", None)
    assert {one["client_id"] for one in out.json()["results"]} == {1}, out.text
    both: dict[str, object] = {
        **{key: PLACE[key] for key in ("token_id", "execution_type", "order_type", "trade_type")},
        "client_orders": [{"client_id": client, "quantity": 1} for client in (1, 2)],
    }
    entered = await desk.ask("ann", "POST", "/api/v1/orders/execute-all", both)
    mine, others = entered.json()["results"]
    assert mine["status"] == "SUCCESS"
    assert others == {
        "client_id": 2,
        "client_name": None,
        "status": "REJECTED",
        "order_id": None,
        "message": "no client 2",
    }


async def test_an_exit_of_everything_is_of_what_is_within_reach(desk: Books) -> None:
    for who in ("ann", "key-of-anns"):
        gone = await desk.placed(who, kind="exit", everything=True)
        assert {one["account"] for one in gone["outcomes"]} == {ANNS}
    assert (await desk.told("bob", "/api/v1/positions"))["total"] == 2


async def test_a_client_that_may_not_trade_places_nothing(desk: Books) -> None:
    forbidden = (403, "FORBIDDEN")
    order = desk.ids["ann"]["order"]
    assert await refused(desk, "ann-looks", "POST", INSTRUCTIONS, resting_buy(1)) == forbidden
    assert await refused(desk, "ann-looks", "POST", f"/api/v1/orders/{order}/cancel") == forbidden
    assert await refused(desk, "ann", "PUT", "/api/v1/kill", {"account": ANNS}) == forbidden


async def test_a_key_of_an_account_fires_a_strategy_for_it_alone(desk: Books) -> None:
    joined = {"Ann Archer": {"SWING": ["ACC", "TCS"]}}
    assert (await desk.ask("admin", "POST", "/api/v1/profiles", joined)).status_code == 200
    signal = {"STRATEGY": "SWING", "INSTRUMENT": "ACC", "POSITION": "BUY"}
    fired = (await desk.ask("key-of-anns", "POST", "/create_order", signal)).json()
    assert [(one["account"], one["status"]) for one in fired["outcomes"]] == [(ANNS, "ACCEPTED")]


async def test_a_key_of_a_strategy_fires_it_and_nothing_else(desk: Books) -> None:
    signal = {"STRATEGY": "TREND", "INSTRUMENT": "INFY", "POSITION": "BUY"}
    fired = (await desk.ask("key-of-trend", "POST", "/create_order", signal)).json()
    assert fired["RESPONSE"] == "ACCEPTED", fired
    out_of_reach = (403, "OUT_OF_REACH")
    for strategy in ("SWING", "GLIDE"):
        other = signal | {"STRATEGY": strategy}
        assert await refused(desk, "key-of-trend", "POST", "/create_order", other) == out_of_reach
    for body in (
        resting_buy(1),
        {"kind": "exit", "everything": True},
        {"kind": "exit", "instrument": "INFY"},
        {"kind": "exit", "trade": desk.ids["bob"]["trade"]},
        {"kind": "priority_buy", "instruments": ["INFY"]},
    ):
        assert await refused(desk, "key-of-trend", "POST", INSTRUCTIONS, body) == out_of_reach
    gone = await desk.placed("key-of-trend", kind="exit", trade=desk.ids["ann"]["trade"])
    assert gone["counts"]["orders"] == 1


async def test_a_key_of_an_instrument_trades_that_one(desk: Books) -> None:
    placed = await desk.placed("key-of-infy", **resting_buy(2))
    assert placed["outcomes"][0]["account"] == BOBS
    out_of_reach = (403, "OUT_OF_REACH")
    for instrument in ("TCS", "NOTHING", "11536"):
        body = resting_buy(2) | {"instrument": instrument, "price": "3000"}
        assert await refused(desk, "key-of-infy", "POST", INSTRUCTIONS, body) == out_of_reach
    everything = {"kind": "exit", "everything": True}
    assert await refused(desk, "key-of-infy", "POST", INSTRUCTIONS, everything) == out_of_reach
    listed = {"kind": "priority_buy", "instruments": ["INFY", "TCS"]}
    assert await refused(desk, "key-of-infy", "POST", INSTRUCTIONS, listed) == out_of_reach


async def test_follow_ups_are_of_what_is_theirs_as_a_whole(desk: Books) -> None:
    unknown = (404, "UNKNOWN_INSTRUCTION")
    for follow_up in ("cancel", "retry", "reverse", "repeat"):
        for instruction in (desk.shared, desk.ids["bob"]["instruction"], "IZZZZZZZZZZ"):
            path = f"{INSTRUCTIONS}/{instruction}/{follow_up}"
            assert await refused(desk, "ann", "POST", path) == unknown
    own = desk.ids["ann"]["instruction"]
    again = await desk.ask("ann", "POST", f"{INSTRUCTIONS}/{own}/repeat")
    assert again.status_code == 202, again.text
    called_back = await desk.ask("ann", "POST", f"{INSTRUCTIONS}/{own}/cancel")
    assert called_back.json()["counts"]["cancels"] == 1, called_back.text


async def test_one_that_is_held_is_its_makers(desk: Books) -> None:
    at = iso(desk.system.desk.clock.now() + HOUR, 0)
    held = await desk.placed("ann", **resting_buy(1), fire_at=at)
    path = f"{INSTRUCTIONS}/{held['instruction_id']}"
    assert (await desk.told("ann", path))["status"] == "HELD"
    assert (await desk.told("ann", INSTRUCTIONS, status="HELD"))["total"] == 1
    assert (await desk.told("bob", INSTRUCTIONS, status="HELD"))["total"] == 0
    for follow_up in ("", "/cancel", "/repeat"):
        method = "POST" if follow_up else "GET"
        unknown = await refused(desk, "bob", method, f"{path}{follow_up}")
        assert unknown == (404, "UNKNOWN_INSTRUCTION")
    canceled = await desk.ask("ann", "POST", f"{path}/cancel")
    assert canceled.status_code == 202, canceled.text
    assert (await desk.told("ann", path))["status"] == "CANCELED"


async def test_a_preview_is_of_what_is_within_reach(desk: Books) -> None:
    body = {"kind": "exit", "everything": True}
    shown = await desk.ask("ann", "POST", f"{INSTRUCTIONS}/preview", body)
    assert {one["account"] for one in shown.json()["accounts"]} == {ANNS}
    token = shown.json()["token"]
    fired = await desk.placed("ann", **body, preview=token)
    assert {one["account"] for one in fired["outcomes"]} == {ANNS}


BUYING = {"kind": "order", "client": 1, "instrument": "INFY", "side": "BUY", "type": "LIMIT"}
EXPENSIVE = BUYING | {"quantity": 900, "price": "1500"}
"""More than Ann can pay for."""


async def test_a_preview_tells_the_cash_of_whole_accounts_only(desk: Books) -> None:
    for who, is_told in (("ann", True), ("key-of-anns", True), ("key-of-infy", False)):
        answer = await desk.ask(who, "POST", f"{INSTRUCTIONS}/preview", resting_buy(1))
        (outcome,), (account,) = answer.json()["outcomes"], answer.json()["accounts"]
        assert outcome["status"] == "ACCEPTED", answer.text
        for cash in (outcome["cash_after"], account["cash_after"]):
            assert (cash is not None) is is_told, answer.text


async def test_no_refusal_names_cash_that_is_out_of_reach(desk: Books) -> None:
    body = EXPENSIVE
    told = (await desk.ask("key-of-anns", "POST", f"{INSTRUCTIONS}/preview", body)).json()
    cash = told["outcomes"][0]["message"].split(" needed, ")[1].split()[0]
    shown = await desk.ask("key-of-infy", "POST", f"{INSTRUCTIONS}/preview", body)
    taken = await desk.ask("key-of-infy", "POST", INSTRUCTIONS, body)
    tree = await desk.told("key-of-infy", f"{INSTRUCTIONS}/{taken.json()['instruction_id']}")
    listed = await desk.told("key-of-infy", INSTRUCTIONS)
    placed = await desk.ask(
        *("key-of-infy", "POST", "/api/v1/orders/place"),
        PLACE | {"token_id": "INFY", "quantity": 900},
    )

    left_out = [one.json()["outcomes"][0] for one in (shown, taken)] + tree["skips"]
    assert {one["reason"] for one in left_out} == {"INSUFFICIENT_CASH"}
    assert {one["message"] for one in left_out} == {"more needed, less available"}
    for answer in (shown.text, taken.text, str(tree), str(listed), placed.text):
        assert cash not in answer
    assert placed.json()["message"] == "more needed, less available"


async def test_nobody_fires_from_another_ones_preview(desk: Books) -> None:
    body = {"kind": "exit", "everything": True}
    shown = await desk.ask("trader", "POST", f"{INSTRUCTIONS}/preview", body)
    again = body | {"preview": shown.json()["token"]}
    mismatch = (422, "PREVIEW_MISMATCH")
    assert await refused(desk, "ann", "POST", INSTRUCTIONS, again) == mismatch


async def test_a_key_is_the_callers_own(desk: Books) -> None:
    """Bob's key under Ann's name is another key: she is not told what he did."""
    key = {"idempotency-key": "the-same"}
    his = await desk.ask("bob", "POST", INSTRUCTIONS, resting_buy(2), headers=key)
    hers = await desk.ask("ann", "POST", INSTRUCTIONS, resting_buy(1), headers=key)
    assert (his.status_code, hers.status_code) == (202, 202)
    assert "idempotent-replayed" not in hers.headers
    again = await desk.ask("ann", "POST", INSTRUCTIONS, resting_buy(1), headers=key)
    assert again.headers["idempotent-replayed"] == "true"
    assert again.json() == hers.json()


async def test_a_kill_by_a_fenced_key_stops_what_is_inside_its_fence(desk: Books) -> None:
    kill = "/api/v1/kill"
    out_of_reach = (403, "OUT_OF_REACH")
    outside: tuple[dict[str, object], ...] = (
        {},
        {"account": BOBS},
        {"account": "PAPER-9"},
        {"level": "client", "name": 2},
        {"level": "broker", "name": "paper"},
        {"level": "strategy", "name": "TREND"},
    )
    for body in outside:
        assert await refused(desk, "key-of-anns", "PUT", kill, body) == out_of_reach
    for other in ({}, {"account": ANNS}, {"level": "strategy", "name": "SWING"}):
        assert await refused(desk, "key-of-trend", "PUT", kill, other) == out_of_reach
    stopped = await desk.ask("key-of-anns", "PUT", kill, {"account": ANNS, "flatten": True})
    assert stopped.status_code == 200, stopped.text
    assert stopped.json()["flatten"]["counts"]["orders"] >= 1
    trend: dict[str, object] = {"level": "strategy", "name": "TREND", "cancel": True}
    assert (await desk.ask("key-of-trend", "PUT", kill, trend)).status_code == 200
    lifted = await refused(desk, "key-of-anns", "DELETE", f"{kill}?account={ANNS}")
    assert lifted == (403, "FORBIDDEN")
