"""A kill that also flattens: the stop first, then an exit of today's positions, each once."""

import pytest

from phalanx.desk.desk import Executed
from phalanx.desk.errors import Overloaded
from phalanx.domain.instructions import Door, Origin
from phalanx.engine import commands as c
from tests.api.conftest import Site
from tests.api.test_kill import has_status, status_of
from tests.api.test_kinds import PATH, ROW, filled, give

KILL = "/api/v1/kill"


async def bought(site: Site) -> None:
    body = {"kind": "batch", "rows": [ROW, {**ROW, "client": 2}]}
    await filled(site, (await give(site, body))["instruction_id"])


async def rests(site: Site, terms: dict[str, object]) -> str:
    """A LIMIT order of client 1's that does not reach the market; its id."""
    key = f"rests-{site.system.desk.state.seq}"
    answer = await give(site, {"kind": "order", **ROW, "type": "LIMIT", **terms}, key)
    order_id = answer["outcomes"][0]["order_id"]
    assert order_id, answer
    await site.until(lambda: has_status(site, order_id, "NEW"))
    return str(order_id)


async def test_everybody_gets_out_under_the_kill(example: Site) -> None:
    await bought(example)

    answer = await example.send("PUT", KILL, {"note": "feed", "flatten": True})

    flatten = answer.json()["flatten"]
    assert (answer.status_code, flatten["status"]) == (200, "WORKING")
    assert flatten["counts"] == {"orders": 2, "cancels": 0, "skips": 0}
    await filled(example, flatten["instruction_id"])
    assert (await example.get("/api/v1/positions"))["items"] == []
    tree = await example.get(f"{PATH}/{flatten['instruction_id']}")
    assert (tree["kind"], tree["note"], tree["source"]) == ("exit", "flatten", "kill")
    assert (tree["asked"]["scope"], tree["parent"]) == ("positions", None)
    refused = await give(example, {"kind": "order", **ROW})
    assert refused["outcomes"][0]["reason"] == "KILL_ALL"


async def test_one_account_gets_out(example: Site) -> None:
    await bought(example)

    answer = await example.send("PUT", KILL, {"account": "PAPER-2", "flatten": True})

    flatten = answer.json()["flatten"]
    await filled(example, flatten["instruction_id"])
    assert {one["account"] for one in (await example.get("/api/v1/positions"))["items"]} == {
        "PAPER-1"
    }


async def test_under_one_key_nobody_gets_out_twice(example: Site) -> None:
    await bought(example)
    body = {"flatten": True}
    first = await example.send("PUT", KILL, body, "k")
    await example.send("DELETE", KILL)
    await bought(example)

    again = await example.send("PUT", KILL, body, "k")
    other = await example.send("PUT", KILL, {"note": "other", **body}, "k")

    assert again.text == first.text
    assert again.headers["idempotent-replayed"] == "true"
    assert other.json()["code"] == "IDEMPOTENCY_KEY_REUSED"
    assert (await example.get(PATH, kind="exit"))["total"] == 1


async def test_a_kill_that_stands_already_may_still_flatten_once(example: Site) -> None:
    await bought(example)
    await example.send("PUT", KILL, {"note": "first"})

    first = await example.send("PUT", KILL, {"flatten": True}, "k")
    again = await example.send("PUT", KILL, {"flatten": True}, "k")

    assert first.json()["note"] == ""
    assert first.json()["flatten"]["counts"]["orders"] == 2
    assert again.json()["flatten"] == first.json()["flatten"]


async def test_with_nothing_to_get_out_of_the_kill_stands(example: Site) -> None:
    answer = await example.send("PUT", KILL, {"flatten": True})

    flatten = answer.json()["flatten"]
    assert (answer.status_code, flatten["status"]) == (200, "REJECTED")
    assert flatten["reason"] == "NOTHING_TO_EXIT"
    assert (await example.get(KILL))["total"] == 1


async def test_without_flatten_nothing_is_sold(example: Site) -> None:
    await bought(example)

    answer = await example.send("PUT", KILL, {"flatten": False})

    assert answer.json()["flatten"] is None
    assert (await example.get(PATH, kind="exit"))["total"] == 0


async def test_without_cancel_it_leaves_alone_what_works(example: Site) -> None:
    await bought(example)
    buy = await rests(example, {"side": "BUY", "product": "INTRADAY", "price": "1300.1"})
    more = await rests(example, {"side": "BUY", "price": "1300.1"})
    sell = await rests(example, {"side": "SELL", "price": "1450", "quantity": 2})

    body = {"account": "PAPER-1", "block": False, "cancel": False, "flatten": True}
    flatten = (await example.send("PUT", KILL, body)).json()["flatten"]

    assert flatten["counts"] == {"orders": 1, "cancels": 0, "skips": 0}
    await filled(example, flatten["instruction_id"])
    assert [await status_of(example, one) for one in (buy, more, sell)] == ["NEW"] * 3
    tree = await example.get(f"{PATH}/{flatten['instruction_id']}")
    assert [one["quantity"] for one in tree["orders"]] == ["3"]
    assert tree["asked"]["held_only"] is True
    again = (await example.send("PUT", KILL, body)).json()["flatten"]
    assert again["counts"] == {"orders": 0, "cancels": 0, "skips": 1}


async def test_with_cancel_what_rests_to_be_sold_is_sold_at_once(example: Site) -> None:
    await bought(example)
    buy = await rests(example, {"side": "BUY", "price": "1300.1"})
    sell = await rests(example, {"side": "SELL", "price": "1450", "quantity": 2})

    body = {"account": "PAPER-1", "cancel": True, "flatten": True}
    flatten = (await example.send("PUT", KILL, body)).json()["flatten"]

    await filled(example, flatten["instruction_id"])
    assert [await status_of(example, one) for one in (buy, sell)] == ["CANCELED"] * 2
    tree = await example.get(f"{PATH}/{flatten['instruction_id']}")
    assert tree["asked"]["held_only"] is False
    positions = (await example.get("/api/v1/positions", account="PAPER-1"))["items"]
    assert positions == []


async def test_of_a_strategy_what_only_works_is_nothing_to_flatten(example: Site) -> None:
    slow = {"fill_profile": {"fill_duration_ms": 3_600_000}}
    assert (await example.send("PATCH", "/api/v1/accounts/PAPER-1", slow)).status_code == 200
    order = (await example.signal("STRATEGY_B", "MINDA", "BUY"))["outcomes"][0]["order_id"]
    await example.until(lambda: has_status(example, order, "NEW"))

    body = {"level": "strategy", "name": "STRATEGY_B", "flatten": True}
    flatten = (await example.send("PUT", KILL, body)).json()["flatten"]

    assert (flatten["instruction_id"], flatten["reason"]) == (None, "NOTHING_TO_EXIT")
    assert await status_of(example, order) == "NEW"


async def test_a_key_kills_once_also_when_a_kill_stood_already(example: Site) -> None:
    await example.send("PUT", KILL, {"note": "first"})
    await example.send("PUT", KILL, {"note": "second"}, "k")
    await example.send("DELETE", KILL)

    again = await example.send("PUT", KILL, {"note": "second"}, "k")

    assert again.headers["idempotent-replayed"] == "true"
    assert (await example.get(KILL))["total"] == 0


async def test_a_kill_that_is_lifted_meanwhile_is_answered_as_it_stood(
    example: Site, monkeypatch: pytest.MonkeyPatch
) -> None:
    await example.send("PUT", KILL, {"note": "first"})
    desk = example.system.desk
    execute = desk.execute

    async def lifted_meanwhile(command: c.Command) -> Executed:
        executed = await execute(command)
        await execute(c.LiftKill(Origin("other", Door.KILL)))
        return executed

    monkeypatch.setattr(desk, "execute", lifted_meanwhile)
    answer = await example.send("PUT", KILL, {"note": "second"})

    assert (answer.status_code, answer.json()["note"]) == (200, "first")


async def test_more_than_one_instruction_can_hold_goes_in_several(
    example: Site, monkeypatch: pytest.MonkeyPatch
) -> None:
    await bought(example)
    monkeypatch.setattr("phalanx.engine.plans.plan.ORDERS_MAX", 1)

    first = await example.send("PUT", KILL, {"flatten": True}, "k")
    again = await example.send("PUT", KILL, {"flatten": True}, "k")

    flatten = first.json()["flatten"]
    (other,) = flatten["more"]
    for part in (flatten, other):
        assert (part["status"], part["counts"]["orders"]) == ("WORKING", 1)
        await filled(example, part["instruction_id"])
    assert again.json()["flatten"] == flatten
    assert (await example.get("/api/v1/positions"))["items"] == []
    assert (await example.get(PATH, kind="exit"))["total"] == 2


async def test_a_repeat_gives_the_parts_that_are_missing(
    example: Site, monkeypatch: pytest.MonkeyPatch
) -> None:
    await bought(example)
    monkeypatch.setattr("phalanx.engine.plans.plan.ORDERS_MAX", 1)
    desk = example.system.desk
    execute = desk.execute
    exits: list[c.Command] = []

    async def overloaded_at_the_second(command: c.Command) -> Executed:
        executed = await execute(command) if len(exits) < 1 else None
        if isinstance(command, c.Submit):
            exits.append(command)
        if executed is None:
            raise Overloaded
        return executed

    monkeypatch.setattr(desk, "execute", overloaded_at_the_second)
    assert (await example.send("PUT", KILL, {"flatten": True}, "k")).status_code == 503
    monkeypatch.setattr(desk, "execute", execute)

    again = await example.send("PUT", KILL, {"flatten": True}, "k")

    flatten = again.json()["flatten"]
    for part in (flatten, *flatten["more"]):
        await filled(example, part["instruction_id"])
    assert (await example.get("/api/v1/positions"))["items"] == []
    assert (await example.get(PATH, kind="exit"))["total"] == 2


@pytest.mark.parametrize("path", [PATH, f"{PATH}/preview"])
async def test_an_exit_that_is_too_large_says_how_to_split_it(
    example: Site, monkeypatch: pytest.MonkeyPatch, path: str
) -> None:
    await bought(example)
    monkeypatch.setattr("phalanx.engine.plans.plan.ORDERS_MAX", 1)

    answer = await example.send("POST", path, {"kind": "exit", "everything": True})

    assert (answer.status_code, answer.json()["code"]) == (422, "PLAN_TOO_LARGE")
    assert "several exits" in answer.json()["detail"]


SAID = "account {0} is not open yet: its session is down: cut"


def shut(site: Site, *accounts: str) -> None:
    for account in accounts:
        site.system.desk.session(account, "cut")


def unclosed(*accounts: str) -> list[dict[str, str]]:
    reason = "ACCOUNT_NOT_RECONCILED"
    return [{"account": a, "reason": reason, "message": SAID.format(a)} for a in accounts]


@pytest.mark.parametrize(
    "scope",
    [{}, {"level": "broker", "name": "paper"}, {"level": "client", "name": 1}],
)
async def test_who_holds_something_and_is_not_open_is_named_with_why(
    example: Site, scope: dict[str, object]
) -> None:
    await bought(example)
    shut(example, "PAPER-1")

    answer = await example.send("PUT", KILL, {**scope, "flatten": True}, "k")
    again = await example.send("PUT", KILL, {**scope, "flatten": True}, "k")

    flatten = answer.json()["flatten"]
    assert flatten["unclosed"] == unclosed("PAPER-1")
    assert (flatten["unclosed_total"], flatten["closing_already"]) == (1, 0)
    assert again.json()["flatten"] == flatten


async def test_who_holds_nothing_is_not_named_though_the_account_is_not_open(
    example: Site,
) -> None:
    shut(example, "PAPER-1", "PAPER-2")

    for scope in ({}, {"account": "PAPER-1"}, {"level": "broker", "name": "paper"}):
        flatten = (await example.send("PUT", KILL, {**scope, "flatten": True})).json()["flatten"]
        assert (flatten["unclosed"], flatten["unclosed_total"]) == ([], 0)
        assert flatten["counts"]["orders"] == 0


async def test_of_those_who_keep_something_the_first_are_named(
    example: Site, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("phalanx.api.flatten.UNCLOSED_MAX", 1)
    await bought(example)
    shut(example, "PAPER-1", "PAPER-2")

    flatten = (await example.send("PUT", KILL, {"flatten": True})).json()["flatten"]

    assert (len(flatten["unclosed"]), flatten["unclosed_total"]) == (1, 2)
    assert flatten["reason"] == "NOTHING_VALID"


async def test_of_a_strategy_an_account_is_named_once_for_all_its_trades(example: Site) -> None:
    for instrument in ("GRASIM", "BIRLASOFT"):
        answer = await example.signal("STRATEGY_A", instrument, "BUY")
        await filled(example, answer["instruction_id"])
    shut(example, "PAPER-1")

    body = {"level": "strategy", "name": "STRATEGY_A", "flatten": True}
    flatten = (await example.send("PUT", KILL, body)).json()["flatten"]

    assert len(flatten["more"]) == 1
    assert flatten["unclosed"] == unclosed("PAPER-1")
    assert flatten["unclosed_total"] == 1


async def test_what_is_being_sold_already_is_counted_apart(example: Site) -> None:
    await bought(example)
    await rests(example, {"side": "SELL", "price": "1450", "quantity": ROW["quantity"]})

    body = {"account": "PAPER-1", "flatten": True}
    flatten = (await example.send("PUT", KILL, body)).json()["flatten"]

    assert (flatten["unclosed_total"], flatten["closing_already"]) == (0, 1)


async def test_an_account_that_is_too_large_by_itself_is_named(
    example: Site, monkeypatch: pytest.MonkeyPatch
) -> None:
    await bought(example)
    monkeypatch.setattr("phalanx.engine.plans.plan.ORDERS_MAX", 0)

    flatten = (await example.send("PUT", KILL, {"flatten": True})).json()["flatten"]

    named = {(one["account"], one["reason"]) for one in flatten["unclosed"]}
    assert named == {("PAPER-1", "PLAN_TOO_LARGE"), ("PAPER-2", "PLAN_TOO_LARGE")}
