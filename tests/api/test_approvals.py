"""Approval and the undo window through the doors: what they answer, and to whom."""

from functools import partial
from typing import Any

import pytest

from phalanx.domain.events import InstructionHeld
from phalanx.domain.instructions import Door, OrderRequest, Origin
from phalanx.domain.numbers import whole
from phalanx.domain.orders import OrdType, Product, Side
from phalanx.engine import commands as c
from tests.api.conftest import Site

PATH = "/api/v1/instructions"
SETTINGS = "/api/v1/settings"
ANN = Origin("ann", Door.INSTRUCTIONS)
BIG = {
    "kind": "order",
    "client": 1,
    "instrument": "RELIANCE",
    "side": "BUY",
    "product": "DELIVERY",
    "type": "MARKET",
    "quantity": "100",
}


@pytest.fixture
async def checked(example: Site) -> Site:
    """Whoever buys for more than 1,000 needs another person."""
    await example.send("PATCH", SETTINGS, {"approve_above": "1000"})
    return example


async def asked_by_ann(site: Site, quantity: int = 100, **more: Any) -> str:  # noqa: ANN401
    """Somebody else than the door's ``local`` asks for a large order."""
    terms = (Side.BUY, Product.DELIVERY, OrdType.MARKET, whole(quantity))
    command = c.Submit(ANN, OrderRequest(1, "", "RELIANCE", *terms), **more)
    (held,) = (await site.system.desk.execute(command)).events
    assert isinstance(held, InstructionHeld)
    return held.instruction_id


async def tree(site: Site, instruction: str) -> Any:  # noqa: ANN401  JSON
    return await site.get(f"{PATH}/{instruction}")


async def test_a_large_one_is_held_and_says_for_what_until_when_and_why(checked: Site) -> None:
    answer = (await checked.send("POST", PATH, BIG, "k")).json()
    again = (await checked.send("POST", PATH, BIG, "k")).json()

    assert (answer["status"], answer["waits_for"], answer["fire_at"]) == ("HELD", "approval", None)
    assert (answer["reason"], answer["outcomes"]) == ("ABOVE_APPROVAL", [])
    assert answer["approve_by"] is not None
    assert again == answer
    (item,) = (await checked.get(PATH, waits_for="approval"))["items"]
    assert (item["instruction_id"], item["waits_for"]) == (answer["instruction_id"], "approval")
    assert item["approval"]["approve_by"] == answer["approve_by"]
    assert (item["approval"]["decision"], item["approval"]["reason"]) == (None, "ABOVE_APPROVAL")
    assert (await checked.get(PATH, waits_for="time"))["total"] == 0


async def test_a_preview_says_that_it_would_be_held_and_its_token_holds_it(checked: Site) -> None:
    previewed = (await checked.send("POST", f"{PATH}/preview", BIG)).json()
    small = (await checked.send("POST", f"{PATH}/preview", {**BIG, "quantity": "0.5"})).json()
    fired = (await checked.send("POST", PATH, {**BIG, "preview": previewed["token"]})).json()

    assert "another person has to approve it" in previewed["needs_approval"]
    assert (previewed["status"], previewed["undo_until"]) == ("WORKING", None)
    assert small["needs_approval"] is None
    assert (fired["status"], fired["waits_for"]) == ("HELD", "approval")


async def test_approved_it_is_planned_and_the_tree_says_by_whom(checked: Site) -> None:
    instruction = await asked_by_ann(checked)

    answer = await checked.send("POST", f"{PATH}/{instruction}/approve", {"note": "fine"}, "k")
    again = await checked.send("POST", f"{PATH}/{instruction}/approve", {"note": "fine"}, "k")

    found = answer.json()
    assert (answer.status_code, found["decision"], found["status"]) == (200, "approved", "WORKING")
    assert (found["actor"], found["note"], found["reason"]) == ("local", "fine", None)
    assert found["planned"]["counts"]["orders"] == 1
    assert again.json() == found
    assert again.headers["idempotent-replayed"] == "true"
    shown = await tree(checked, instruction)
    decided = shown["approval"]
    assert (shown["actor"], shown["waits_for"]) == ("ann", None)
    assert (decided["decision"], decided["actor"], decided["note"]) == ("approved", "local", "fine")
    assert decided["decided_at"] == found["time"]
    assert len(shown["orders"]) == 1


async def test_approved_before_its_time_it_stays_held(checked: Site) -> None:
    fire_at = checked.system.desk.clock.now() + 3_600 * 10**9
    instruction = await asked_by_ann(checked, fire_at=fire_at)

    answer = (await checked.send("POST", f"{PATH}/{instruction}/approve", key="k")).json()
    # Somebody else's event may stand behind the approval in its record.
    await checked.signal("STRATEGY_D", "ACC", "SELL")
    again = (await checked.send("POST", f"{PATH}/{instruction}/approve", key="k")).json()

    assert (answer["status"], answer["planned"]) == ("HELD", None)
    assert again == answer
    assert (await tree(checked, instruction))["waits_for"] == "time"


async def test_declined_it_ends(checked: Site) -> None:
    instruction = await asked_by_ann(checked)

    answer = await checked.send("POST", f"{PATH}/{instruction}/decline", {"note": "no"}, "k")
    again = await checked.send("POST", f"{PATH}/{instruction}/decline", {"note": "no"}, "k")

    assert answer.json() == again.json()
    found = answer.json()
    assert (found["decision"], found["status"], found["reason"]) == (
        *("declined", "REJECTED"),
        "DECLINED",
    )
    shown = await tree(checked, instruction)
    assert (shown["status"], shown["reason"], shown["orders"]) == ("REJECTED", "DECLINED", [])
    assert (shown["approval"]["actor"], shown["approval"]["note"]) == ("local", "no")


@pytest.mark.parametrize("how", ["approve", "decline"])
async def test_nobody_decides_about_their_own_and_a_refusal_uses_no_key(
    checked: Site, how: str
) -> None:
    instruction = (await checked.send("POST", PATH, BIG)).json()["instruction_id"]

    answer = await checked.send("POST", f"{PATH}/{instruction}/{how}", {}, "k")

    assert (answer.status_code, answer.json()["code"]) == (403, "SAME_PERSON")
    assert "local\nk" not in checked.system.desk.state.keys
    assert (await tree(checked, instruction))["waits_for"] == "approval"


@pytest.mark.parametrize("how", ["approve", "decline"])
async def test_what_does_not_wait_cannot_be_decided(checked: Site, how: str) -> None:
    instruction = await asked_by_ann(checked)
    await checked.send("POST", f"{PATH}/{instruction}/decline")

    over = await checked.send("POST", f"{PATH}/{instruction}/{how}")
    never = await checked.send("POST", f"{PATH}/nobody/{how}")
    nonsense = await checked.send("POST", f"{PATH}/{instruction}/{how}", {"because": "x"})

    assert (over.status_code, over.json()["code"]) == (409, "NOT_WAITING")
    assert (never.status_code, never.json()["code"]) == (404, "UNKNOWN_INSTRUCTION")
    assert (nonsense.status_code, nonsense.json()["code"]) == (422, "UNKNOWN_FIELD")


async def test_create_order_says_that_it_took_the_signal_and_why_nothing_is_placed(
    example: Site,
) -> None:
    await example.send("PATCH", SETTINGS, {"approve_above": "0.01"})

    answer = await example.signal("STRATEGY_B", "MINDA", "BUY", "k")
    again = await example.signal("STRATEGY_B", "MINDA", "BUY", "k")

    assert (answer["RESPONSE"], answer["reason"], answer["outcomes"]) == (
        *("ACCEPTED", "ABOVE_APPROVAL"),
        [],
    )
    assert again == answer
    shown = await tree(example, answer["instruction_id"])
    assert (shown["status"], shown["waits_for"]) == ("HELD", "approval")


async def test_the_platforms_doors_say_pending_without_an_order(checked: Site) -> None:
    one = {"token_id": 2885, "execution_type": "BUY", "order_type": "MARKET"}
    terms = {**one, "trade_type": "DELIVERY"}
    placed = await checked.send(
        "POST", "/api/v1/orders/place", {**terms, "client_id": 1, "quantity": 100}
    )
    entries = [{"client_id": 1, "quantity": 1}, {"client_id": 2, "quantity": 0}]
    entries += [{"client_id": 2, "quantity": 1}, {"client_id": 99, "quantity": 1}]
    executed = await checked.send(
        "POST", "/api/v1/orders/execute-all", {**terms, "client_orders": entries}
    )

    answer = placed.json()
    assert (answer["status"], answer["order_id"]) == ("PENDING", None)
    assert "another person has to approve it; instruction I" in answer["message"]
    found = executed.json()
    assert found["total_orders"] == 0
    statuses = [one["status"] for one in found["results"]]
    assert statuses == ["PENDING", "SKIPPED", "PENDING", "REJECTED"]


async def test_exits_by_whoever_is_to_ask_are_pending_too(
    example: Site, monkeypatch: pytest.MonkeyPatch
) -> None:
    # As the lowest of roles would have it.
    asks = partial(c.Submit, ask=True)
    monkeypatch.setattr("phalanx.api.platform.submitting.Submit", asks)
    await example.signal("STRATEGY_B", "MINDA", "BUY")
    (trade,) = await example.get("/api/v1/trades")

    one = (await example.send("POST", f"/api/v1/trades/{trade['trade_id']}/exit")).json()
    by_token = "/api/v1/trades/exit-by-token/14154"
    some = (await example.send("POST", by_token, [1, 99])).json()
    everybody = (await example.send("POST", by_token)).json()

    assert [row["status"] for row in one["results"]] == ["PENDING"]
    assert [row["status"] for row in some["results"]] == ["PENDING", "REJECTED"]
    assert [row["status"] for row in everybody["results"]] == ["PENDING"]


async def test_within_the_window_a_cancel_undoes_it(example: Site) -> None:
    await example.send("PATCH", SETTINGS, {"undo_ms": 3_000})

    answer = (await example.send("POST", PATH, BIG)).json()
    instruction = answer["instruction_id"]
    shown = await tree(example, instruction)
    assert answer["status"] == "WORKING"
    assert answer["undo_until"] == shown["undo_until"] is not None
    assert [order["status"] for order in shown["orders"]] == ["HELD"]

    await example.send("POST", f"{PATH}/{instruction}/cancel")
    (order,) = (await tree(example, instruction))["orders"]
    assert (order["status"], order["reason"]) == ("CANCELED", "UNDONE")
    assert order["broker_order_id"] is None


async def test_after_the_window_it_goes(example: Site) -> None:
    await example.send("PATCH", SETTINGS, {"undo_ms": 50})
    instruction = (await example.send("POST", PATH, BIG)).json()["instruction_id"]

    async def is_done() -> bool:
        return bool((await tree(example, instruction))["status"] == "DONE")

    await example.until(is_done)
    (order,) = (await tree(example, instruction))["orders"]
    assert order["status"] == "FILLED"
    assert order["hops"]["held_ns"] > 40_000_000


@pytest.mark.parametrize(
    "change", [{"undo_ms": 3_001}, {"approve_above": "-1"}, {"approval_expires_s": 0}]
)
async def test_the_settings_have_bounds(site: Site, change: dict[str, object]) -> None:
    assert (await site.send("PATCH", SETTINGS, change)).status_code == 422


async def test_zero_switches_approval_off_again(checked: Site) -> None:
    answer = await checked.send("PATCH", SETTINGS, {"approve_above": "0"})

    assert answer.json()["approve_above"] == "0"
    assert (await checked.send("POST", PATH, BIG)).json()["status"] == "WORKING"
