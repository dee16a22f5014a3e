"""On what terms accounts follow strategies: listed, changed, and what the next signal makes of it."""

from typing import Any

import msgspec
import pytest

from phalanx.desk.recovery import event_at
from phalanx.domain.events import SubscriptionPut
from phalanx.domain.instructions import Door, Origin
from phalanx.domain.numbers import divide, whole
from phalanx.domain.strategies import SellScope, Strategy
from phalanx.engine.commands import PutReference
from tests.api.conftest import Site

PATH = "/api/v1/strategies/STRATEGY_A/subscriptions"
HOLLAND = f"{PATH}/PAPER-1"
MINDA_OF_HOLLAND = "/api/v1/strategies/STRATEGY_B/subscriptions/PAPER-1"
LOCAL = Origin("local", Door.DESK)
AS_IMPORTED = {
    "account": "PAPER-1",
    "client": "Holland Proctor",
    "client_id": 1,
    "sizing": {"method": "fixed_quantity"},
    "product": "DELIVERY",
    "type": "MARKET",
    "sell_scope": "account",
    "enabled": True,
}


async def changed(site: Site, path: str, body: object, key: str | None = None) -> Any:  # noqa: ANN401  JSON
    answer = await site.send("PATCH", path, body, key)
    assert answer.status_code == 200, answer.text
    return answer.json()


async def test_the_subscriptions_of_a_strategy(example: Site) -> None:
    await example.profiles({"Oaklee Wagner": {"STRATEGY_A": ["ACC"]}})

    found = await example.get(PATH)

    first, second = found["items"]
    assert (found["total"], found["as_of"]) == (2, example.system.desk.state.seq)
    assert first == {**AS_IMPORTED, "instruments": ["BSOFT", "GRASIM", "EICHERMOT"]}
    assert (second["account"], second["instruments"]) == ("PAPER-2", ["ACC"])
    page = await example.get(PATH, skip=1, limit=1)
    assert (page["total"], page["items"]) == (2, [second])
    strategies = (await example.get("/api/v1/strategies"))["items"]
    assert strategies[0]["subscriptions"] == found["items"]


async def test_a_strategy_that_nobody_follows(example: Site) -> None:
    await example.system.desk.execute(PutReference(LOCAL, strategies=(Strategy("EMPTY", ()),)))

    found = await example.get("/api/v1/strategies/EMPTY/subscriptions")

    assert (found["items"], found["total"]) == ([], 0)


@pytest.mark.parametrize(
    ("body", "terms"),
    [
        ({"sell_scope": "strategy"}, {"sell_scope": "strategy"}),
        ({"product": "INTRADAY"}, {"product": "INTRADAY"}),
        ({"type": "LIMIT"}, {"type": "LIMIT"}),
        ({"enabled": False}, {"enabled": False}),
        (
            {"sizing": {"method": "fixed_cash", "amount": 50000.50}},
            {"sizing": {"method": "fixed_cash", "amount": "50000.5"}},
        ),
        (
            {"sizing": {"method": "cash_share", "percent": "12.5"}, "product": "MTF"},
            {"sizing": {"method": "cash_share", "percent": "12.5"}, "product": "MTF"},
        ),
    ],
)
async def test_what_is_named_changes_and_the_rest_stays(
    example: Site, body: object, terms: dict[str, object]
) -> None:
    others = (await example.get("/api/v1/strategies/STRATEGY_B/subscriptions"))["items"]

    answer = await changed(example, HOLLAND, body)

    assert answer == {**AS_IMPORTED, **terms}
    (after,) = (await example.get(PATH))["items"]
    assert after == {**answer, "instruments": ["BSOFT", "GRASIM", "EICHERMOT"]}
    assert (await example.get("/api/v1/strategies/STRATEGY_B/subscriptions"))["items"] == others


async def test_changes_add_up(example: Site) -> None:
    await changed(example, HOLLAND, {"sell_scope": "strategy", "type": "LIMIT"})
    await changed(example, HOLLAND, {"sizing": {"method": "fixed_quantity", "quantity": "7"}})
    answer = await changed(example, HOLLAND, {"type": "MARKET"})

    sizing = {"method": "fixed_quantity", "quantity": "7"}
    assert answer == {**AS_IMPORTED, "sell_scope": "strategy", "sizing": sizing}
    again = await changed(example, HOLLAND, {"sizing": {"method": "fixed_quantity"}})
    assert again["sizing"] == {"method": "fixed_quantity"}


async def test_one_event_is_journaled_and_tells_who_asked(example: Site) -> None:
    desk = example.system.desk
    before = desk.state.subscriptions["STRATEGY_A"]["PAPER-1"]
    seq = desk.state.seq

    await changed(example, HOLLAND, {"sell_scope": "strategy", "enabled": False}, "k")

    event = event_at(desk._ports.journal, seq + 1)
    assert desk.state.seq == seq + 1
    assert isinstance(event, SubscriptionPut)
    assert (event.origin.door, event.origin.idempotency_key) == (Door.SUBSCRIPTIONS, "k")
    assert event.subscription == msgspec.structs.replace(
        before, sell_scope=SellScope.STRATEGY, enabled=False
    )


async def test_a_change_that_changes_nothing_is_answered_alike(example: Site) -> None:
    first = await changed(example, HOLLAND, {"sell_scope": "strategy"})
    seq = example.system.desk.state.seq
    again = await changed(example, HOLLAND, {"sell_scope": "strategy"})

    assert first == again
    assert example.system.desk.state.seq == seq


async def test_a_repeat_gets_the_first_answer_whatever_came_after(example: Site) -> None:
    body = {"sizing": {"method": "fixed_cash", "amount": "50000"}}
    first = await changed(example, HOLLAND, body, "k")
    await changed(example, HOLLAND, {"sizing": {"method": "fixed_quantity"}, "enabled": False})

    spelled = {"sizing": {"amount": 50000.0, "method": "fixed_cash"}}
    again = await example.send("PATCH", HOLLAND, spelled, "k")
    other = await example.send("PATCH", HOLLAND, {"enabled": True}, "k")
    elsewhere = await example.send("PATCH", MINDA_OF_HOLLAND, body, "k")

    assert (again.json(), again.headers["idempotent-replayed"]) == (first, "true")
    assert other.json()["code"] == elsewhere.json()["code"] == "IDEMPOTENCY_KEY_REUSED"
    (now,) = (await example.get(PATH))["items"]
    assert (now["sizing"], now["enabled"]) == ({"method": "fixed_quantity"}, False)


async def test_what_is_switched_off_may_be_changed(example: Site) -> None:
    desk = example.system.desk
    strategy = desk.state.strategies["STRATEGY_A"]
    off = msgspec.structs.replace(strategy, enabled=False)
    await desk.execute(PutReference(LOCAL, strategies=(off,)))
    await example.send("PATCH", "/api/v1/accounts/PAPER-1", {"enabled": False})
    await changed(example, HOLLAND, {"enabled": False})

    answer = await changed(example, HOLLAND, {"product": "INTRADAY"})

    assert (answer["product"], answer["enabled"]) == ("INTRADAY", False)


async def test_an_import_leaves_the_terms_alone(example: Site) -> None:
    await changed(example, HOLLAND, {"sell_scope": "strategy", "type": "LIMIT"})

    await example.profiles({"Holland Proctor": {"STRATEGY_A": ["INFY"]}})

    (after,) = (await example.get(PATH))["items"]
    assert after | {"sell_scope": "strategy", "type": "LIMIT", "instruments": ["INFY"]} == after


async def test_a_subscription_that_is_off_follows_no_signal(example: Site) -> None:
    await changed(example, MINDA_OF_HOLLAND, {"enabled": False})
    off = await example.signal("STRATEGY_B", "MINDA", "BUY")
    await changed(example, MINDA_OF_HOLLAND, {"enabled": True})
    on = await example.signal("STRATEGY_B", "MINDA", "BUY")

    assert (off["RESPONSE"], off["outcomes"][0]["reason"]) == ("REJECTED", "SUBSCRIPTION_DISABLED")
    assert on["RESPONSE"] == "ACCEPTED"


async def test_a_buy_is_for_what_the_terms_say(example: Site) -> None:
    sizing = {"method": "fixed_quantity", "quantity": 3}
    terms = {"sizing": sizing, "product": "INTRADAY", "type": "LIMIT"}
    await changed(example, MINDA_OF_HOLLAND, terms)

    bought = await example.signal("STRATEGY_B", "MINDA", "BUY")

    order = await example.get(f"/api/v1/orders/{bought['outcomes'][0]['order_id']}")
    assert (order["quantity"], order["product"], order["type"]) == ("3", "INTRADAY", "LIMIT")


@pytest.mark.parametrize(
    ("sizing", "most"),
    [
        ({"method": "fixed_cash", "amount": "20000"}, 20_000),
        ({"method": "cash_share", "percent": "2.5"}, 25_000),
    ],
)
async def test_a_buy_is_for_no_more_than_its_cash(
    example: Site, sizing: dict[str, str], most: int
) -> None:
    await changed(example, MINDA_OF_HOLLAND, {"sizing": sizing})

    await example.signal("STRATEGY_B", "MINDA", "BUY")

    (order,) = example.system.desk.state.orders.values()
    draft = order.draft
    one_more = divide(draft.hold, draft.quantity)
    assert draft.hold <= whole(most) < draft.hold + one_more
