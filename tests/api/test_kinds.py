"""Every kind of instruction through its door: given, held, and shown as it was asked for."""

from datetime import UTC, datetime, timedelta
from typing import Any

import msgspec
import pytest

from tests.api.conftest import Site

PATH = "/api/v1/instructions"
ROW = {"client": 1, "instrument": "RELIANCE", "side": "BUY", "quantity": 5}
SHARED = {"kind": "batch", "instrument": "RELIANCE", "side": "BUY"}
KINDS: dict[str, dict[str, Any]] = {
    "signal": {
        "kind": "signal",
        "strategy": "STRATEGY_B",
        "instrument": "MINDA",
        "position": "BUY",
    },
    "order": {"kind": "order", **ROW},
    "priority_buy": {"kind": "priority_buy", "instruments": ["RELIANCE", "INFY"]},
    "rows": {"kind": "batch", "rows": [ROW, {**ROW, "client": 2}]},
    "shared": {**SHARED, "allocation": {"method": "fixed_quantity", "quantity": "3"}},
    "exit": {"kind": "exit", "instrument": "RELIANCE", "clients": [1]},
}
TWO_VENUES = (
    "symbol,token_id,exchange,instrument_type,lot_size,tick_size\n"
    "TWICE-A,777001,NSE,EQ,1,0.05\nTWICE-B,777001,BSE,EQ,1,0.05\n"
)


async def give(site: Site, body: object, key: str | None = None) -> Any:  # noqa: ANN401  JSON
    answer = await site.send("POST", PATH, body, key)
    assert answer.status_code == 202, answer.text
    return answer.json()


async def refused(site: Site, body: object, path: str = PATH) -> tuple[int, str, str | None]:
    before = site.system.desk.state.seq
    answer = await site.send("POST", path, body)
    assert site.system.desk.state.seq == before, "something was journaled"
    problem = answer.json()
    return answer.status_code, problem["code"], problem.get("field")


def soon(**later: float) -> str:
    return (datetime.now(UTC) + timedelta(**later)).isoformat()


async def filled(site: Site, instruction_id: str) -> None:
    async def done() -> bool:
        return bool((await site.get(f"{PATH}/{instruction_id}"))["status"] == "DONE")

    await site.until(done)


@pytest.mark.parametrize("name", KINDS)
async def test_every_kind_is_planned_and_shown_as_it_was_asked(example: Site, name: str) -> None:
    if name == "exit":
        await filled(example, (await give(example, KINDS["rows"]))["instruction_id"])
    body = KINDS[name]

    answer = await give(example, {**body, "note": "by hand"})

    assert (answer["kind"], answer["status"]) == (body["kind"], "WORKING")
    assert answer["counts"]["orders"] > 0
    assert answer["outcomes_total"] == len(answer["outcomes"])
    tree = await example.get(f"{PATH}/{answer['instruction_id']}")
    assert tree["note"] == "by hand"
    assert tree["asked"]["kind"] == body["kind"]
    assert tree["asked"].get("instrument") == body.get("instrument")
    assert tree["orders_total"] == answer["counts"]["orders"]
    found = await example.get(PATH, kind=body["kind"])
    assert found["items"][0]["instruction_id"] == answer["instruction_id"]
    assert {item["kind"] for item in found["items"]} == {body["kind"]}


async def test_rows_are_told_apart_by_their_place(example: Site) -> None:
    answer = await give(example, {"kind": "batch", "rows": [ROW, {**ROW, "quantity": "2.5"}]})

    said = [(one["row"], one["status"], one["reason"]) for one in answer["outcomes"]]
    assert said == [(1, "ACCEPTED", None), (2, "REJECTED", "LOT_MULTIPLE")]
    tree = await example.get(f"{PATH}/{answer['instruction_id']}")
    assert [order["row"] for order in tree["orders"]] == [1]
    (skip,) = tree["skips"]
    assert (skip["row"], skip["symbol"], skip["reason"]) == (2, "RELIANCE", "LOT_MULTIPLE")
    assert [row["quantity"] for row in tree["asked"]["rows"]] == ["5", "2.5"]


async def test_a_stop_order_shows_its_stop(example: Site) -> None:
    body = {**KINDS["order"], "type": "STOP", "stop_price": "1400"}

    answer = await give(example, body)

    (outcome,) = answer["outcomes"]
    assert (outcome["status"], outcome["stop_price"], outcome["type"]) == (
        "ACCEPTED",
        "1400",
        "STOP",
    )
    order = await example.get(f"/api/v1/orders/{outcome['order_id']}")
    assert order["stop_price"] == "1400"


async def test_a_signal_may_be_for_some_accounts_only(example: Site) -> None:
    body = {**KINDS["signal"], "accounts": ["PAPER-2"]}

    answer = await give(example, body)

    assert answer["status"] == "REJECTED"
    assert "PAPER-1" not in {one["account"] for one in answer["outcomes"]}


async def test_quantities_may_name_clients_and_accounts(example: Site) -> None:
    sizes = [{"client": 1, "quantity": 3}, {"account": "PAPER-2", "quantity": 0}]
    allocation = {"method": "quantities", "quantities": sizes}

    answer = await give(example, {**SHARED, "allocation": allocation})

    quantities = {one["account"]: one["quantity"] for one in answer["outcomes"]}
    assert quantities == {"PAPER-1": "3", "PAPER-2": None}


@pytest.mark.parametrize(
    ("quantities", "code", "field"),
    [
        ([{"client": 99, "quantity": 1}], "UNKNOWN_CLIENT", "[0].client"),
        (
            [{"client": 1, "quantity": 1}, {"account": "PAPER-1", "quantity": 1}],
            *("DUPLICATE_ACCOUNT", "[1]"),
        ),
    ],
)
async def test_quantities_that_are_none(
    example: Site, quantities: object, code: str, field: str
) -> None:
    allocation = {"method": "quantities", "quantities": quantities}

    found = await refused(example, {**SHARED, "allocation": allocation})

    assert found == (422, code, f"allocation.quantities{field}")


async def test_like_takes_the_quantities_of_another_instruction(example: Site) -> None:
    first = await give(example, {"kind": "batch", "rows": [ROW, {**ROW, "client": 2}]})
    allocation = {"method": "like", "instruction": first["instruction_id"]}

    answer = await give(example, {**SHARED, "instrument": "INFY", "allocation": allocation}, "k")
    again = await give(example, {**SHARED, "instrument": "INFY", "allocation": allocation}, "k")

    assert {(one["account"], one["quantity"]) for one in answer["outcomes"]} == {
        ("PAPER-1", "5"),
        ("PAPER-2", "5"),
    }
    assert again == answer
    tree = await example.get(f"{PATH}/{answer['instruction_id']}")
    allocated = tree["asked"]["allocation"]
    allocated["quantities"].sort(key=lambda one: one["account"])
    assert allocated == {
        "method": "like",
        "quantity": None,
        "amount": None,
        "percent": None,
        "quantities": [
            {"account": "PAPER-1", "quantity": "5"},
            {"account": "PAPER-2", "quantity": "5"},
        ],
        "instruction": first["instruction_id"],
    }


async def test_like_what_cannot_be_copied(example: Site) -> None:
    several = await give(
        example, {"kind": "batch", "rows": [ROW, {**ROW, "instrument": "INFY", "client": 2}]}
    )
    nothing = await give(example, {"kind": "exit", "instrument": "TCS"})
    found = [
        await refused(
            example, {**SHARED, "allocation": {"method": "like", "instruction": instruction}}
        )
        for instruction in ("I", several["instruction_id"], nothing["instruction_id"])
    ]

    assert found == [
        (422, code, "allocation.instruction")
        for code in ("UNKNOWN_INSTRUCTION", "SEVERAL_INSTRUMENTS", "NOTHING_LIKE")
    ]


async def test_an_exit_s_bound_holds_for_each_account(example: Site) -> None:
    both = {"kind": "batch", "rows": [ROW, {**ROW, "client": 2, "quantity": 1}]}
    await filled(example, (await give(example, both))["instruction_id"])

    answer = await give(example, {"kind": "exit", "instrument": "RELIANCE", "quantity": 2})

    assert {(one["account"], one["quantity"]) for one in answer["outcomes"]} == {
        ("PAPER-1", "2"),
        ("PAPER-2", "1"),
    }


async def test_an_exit_of_a_trade_is_of_its_account_only(example: Site) -> None:
    first = await give(example, {"kind": "batch", "rows": [ROW, {**ROW, "client": 2}]})
    await filled(example, first["instruction_id"])
    trade = next(one["order_id"] for one in first["outcomes"] if one["client_id"] == 2)

    answer = await give(example, {"kind": "exit", "trade": trade, "quantity": 4})

    assert (answer["instrument"], answer["symbol"]) == (None, "RELIANCE")
    assert [(one["account"], one["quantity"]) for one in answer["outcomes"]] == [("PAPER-2", "4")]


async def test_an_unknown_name_refuses_the_instruction_and_is_journaled(example: Site) -> None:
    for field, value, reason in (
        ("accounts", ["NOBODY"], "UNKNOWN_ACCOUNT"),
        ("clients", [99], "UNKNOWN_CLIENT"),
        ("groups", ["nope"], "UNKNOWN_GROUP"),
    ):
        answer = await give(example, {**KINDS["priority_buy"], field: value})

        assert (answer["status"], answer["reason"]) == ("REJECTED", reason)
        tree = await example.get(f"{PATH}/{answer['instruction_id']}")
        assert (tree["status"], tree["reason"]) == ("REJECTED", reason)
        assert tree["asked"][field] == value


@pytest.mark.parametrize("name", [name for name in KINDS if name != "signal"])
async def test_a_bare_token_of_two_exchanges_is_refused(example: Site, name: str) -> None:
    headers = {"content-type": "text/csv"}
    await example.http.post("/api/v1/instruments", content=TWO_VENUES, headers=headers)
    body = dict(KINDS[name])
    if name == "rows":
        body["rows"] = [{**ROW, "instrument": 777001}]
    elif name == "priority_buy":
        body["instruments"] = ["INFY", 777001]
    else:
        body["instrument"] = 777001

    assert (await refused(example, body))[:2] == (422, "AMBIGUOUS_TOKEN")
    assert (await refused(example, body, f"{PATH}/preview"))[:2] == (422, "AMBIGUOUS_TOKEN")


@pytest.mark.parametrize("path", [PATH, f"{PATH}/preview"])
async def test_too_many_rows_are_refused_by_the_engine(example: Site, path: str) -> None:
    body = {"kind": "batch", "rows": [ROW] * 100_000}

    assert await refused(example, body, path) == (422, "PLAN_TOO_LARGE", None)


async def test_a_fault_in_many_rows_is_named_with_its_place(example: Site) -> None:
    rows = [ROW] * 5_000 + [{**ROW, "quantity": "x"}]

    found = await refused(example, {"kind": "batch", "rows": rows})

    assert found == (422, "INVALID_NUMBER", "rows[5000].quantity")


@pytest.mark.parametrize("name", KINDS)
async def test_any_kind_waits_for_its_time(example: Site, name: str) -> None:
    fire_at = soon(hours=2)

    answer = await give(example, {**KINDS[name], "fire_at": fire_at})

    assert (answer["status"], answer["outcomes"]) == ("HELD", [])
    assert datetime.fromisoformat(answer["fire_at"]) == datetime.fromisoformat(fire_at)
    (item,) = (await example.get(PATH, status="HELD"))["items"]
    assert item["instruction_id"] == answer["instruction_id"]
    assert item["fire_at"] == answer["fire_at"]


@pytest.mark.parametrize(
    ("fire_at", "code"),
    [
        ("tomorrow", "INVALID_TIME"),
        ("2026-11-20T09:15:00", "INVALID_TIME"),
        ("1970-01-01T00:00:00Z", "FIRE_AT_PAST"),
        (soon(seconds=-1), "FIRE_AT_PAST"),
        (soon(days=8), "FIRE_AT_TOO_FAR"),
        ("2200-01-01T00:00:00Z", "FIRE_AT_TOO_FAR"),
    ],
    ids=["word", "nowhere", "zero", "past", "far", "very far"],
)
async def test_a_time_at_which_nothing_can_fire(example: Site, fire_at: str, code: str) -> None:
    body = {**KINDS["order"], "fire_at": fire_at}

    assert await refused(example, body) == (422, code, "fire_at")


async def test_the_first_answer_comes_again_after_the_time_has_come(example: Site) -> None:
    body = {**KINDS["order"], "fire_at": soon(milliseconds=300)}
    first = await example.send("POST", PATH, body, "k")
    await filled(example, first.json()["instruction_id"])

    again = await example.send("POST", PATH, body, "k")

    assert (first.status_code, again.status_code) == (202, 202)
    assert first.json()["status"] == "HELD"
    assert again.text == first.text
    assert (await example.get(PATH))["total"] == 1


async def test_a_number_in_a_row_may_be_spelled_another_way(example: Site) -> None:
    first = await example.send("POST", PATH, {"kind": "batch", "rows": [ROW]}, "k")
    other = {**ROW, "quantity": "5.00", "type": "MARKET"}

    again = await example.send("POST", PATH, {"kind": "batch", "rows": [other]}, "k")
    third = await example.send("POST", PATH, {"kind": "batch", "rows": [other, ROW]}, "k")

    assert again.text == first.text
    assert third.json()["code"] == "IDEMPOTENCY_KEY_REUSED"


async def test_exact_numbers_come_back_as_texts(example: Site) -> None:
    content = msgspec.json.encode({**KINDS["order"], "type": "LIMIT"})[:-1] + b',"price":1364.10}'
    headers = {"content-type": "application/json"}

    answer = await example.http.post(PATH, content=content, headers=headers)

    assert answer.json()["outcomes"][0]["price"] == "1364.1"
