"""Limits: set level by level, as JSON or CSV, shown and taken away."""

from typing import Any

import pytest

from phalanx.desk.recovery import event_at
from phalanx.domain.events import LimitPut
from phalanx.domain.instructions import Door
from tests.api.conftest import Site

PATH = "/api/v1/limits"
CSV = {"content-type": "text/csv"}
HEADER = "level,name,quantity_max,value_max,position_max,orders_per_day_max,restricted\n"
NOTHING: dict[str, Any] = {
    "quantity_max": None,
    "value_max": None,
    "position_max": None,
    "orders_per_day_max": None,
    "restricted": [],
}


async def put(site: Site, *limits: dict[str, Any], key: str | None = None) -> Any:  # noqa: ANN401  JSON
    answer = await site.send("PUT", PATH, list(limits), key)
    assert answer.status_code == 200, answer.text
    return answer.json()["items"]


async def test_limits_are_set_for_every_level(example: Site) -> None:
    await example.send("PUT", "/api/v1/groups/core", {"members": ["PAPER-1"]})
    sent = (
        {"level": "global", "quantity_max": "5000", "value_max": 2500000.5},
        {"level": "group", "name": "core", "position_max": 100},
        {"level": "client", "name": 2, "orders_per_day_max": 10},
        {"level": "account", "name": "PAPER-1", "restricted": ["MINDA", 2885]},
        {"level": "strategy", "name": "STRATEGY_B", "quantity_max": 7},
    )

    answered = await put(example, *sent)

    found = await example.get(PATH)
    assert found["items"] == answered
    assert (found["total"], found["as_of"]) == (5, example.system.desk.state.seq)
    assert answered == [
        {
            **NOTHING,
            "level": "global",
            "name": "",
            "quantity_max": "5000",
            "value_max": "2500000.5",
        },
        {**NOTHING, "level": "group", "name": "core", "position_max": "100"},
        {**NOTHING, "level": "client", "name": "2", "orders_per_day_max": 10},
        {**NOTHING, **sent[3], "restricted": ["UNOMINDA", "RELIANCE"]},
        {**NOTHING, "level": "strategy", "name": "STRATEGY_B", "quantity_max": "7"},
    ]


async def test_a_level_is_set_as_a_whole_and_others_stay(example: Site) -> None:
    await put(
        example,
        {"level": "global", "quantity_max": 5},
        {"level": "client", "name": "1", "value_max": 9},
    )
    await put(example, {"level": "global", "value_max": 7, "quantity_max": None})

    first, second = (await example.get(PATH))["items"]

    assert (first["quantity_max"], first["value_max"]) == (None, "7")
    assert (second["name"], second["value_max"]) == ("1", "9")


async def test_a_limit_holds_for_the_next_order(example: Site) -> None:
    await put(example, {"level": "account", "name": "PAPER-1", "restricted": ["MINDA"]})
    refused = await example.signal("STRATEGY_B", "MINDA", "BUY")
    await example.send("DELETE", f"{PATH}/account/PAPER-1")
    taken = await example.signal("STRATEGY_B", "MINDA", "BUY")

    assert (refused["RESPONSE"], taken["RESPONSE"]) == ("REJECTED", "ACCEPTED")


async def test_limits_come_back_from_csv_as_they_went(example: Site) -> None:
    await example.profiles({"U": {"=S": ["MY OWN"]}})
    await put(
        example,
        {"level": "global", "quantity_max": "5000.5"},
        {"level": "strategy", "name": "=S", "restricted": ["MY OWN", "NSE:2885"]},
        {"level": "client", "name": 1, "orders_per_day_max": 3},
    )
    before = await example.get(PATH)
    exported = await example.http.get(PATH, params={"format": "csv"})
    for path in ("global", "strategy/=S", "client/1"):
        assert (await example.send("DELETE", f"{PATH}/{path}")).status_code == 200

    answer = await example.http.put(PATH, content=exported.content, headers=CSV)

    assert exported.text.splitlines()[0] == HEADER.strip()
    assert answer.json()["items"] == before["items"] == (await example.get(PATH))["items"]


async def test_a_repeat_gets_the_first_answer(example: Site) -> None:
    limit = {"level": "client", "name": 1, "quantity_max": "5.0"}
    first = await put(example, limit, key="k")
    await put(example, {**limit, "quantity_max": 9})

    spelled = HEADER + "client,1,5,,,,\n"
    headers = {**CSV, "idempotency-key": "k"}
    again = await example.http.put(PATH, content=spelled, headers=headers)
    other = await example.send("PUT", PATH, [{**limit, "value_max": 1}], "k")

    assert (again.json()["items"], again.headers["idempotent-replayed"]) == (first, "true")
    assert other.json()["code"] == "IDEMPOTENCY_KEY_REUSED"
    assert (await example.get(PATH))["items"][0]["quantity_max"] == "9"


async def test_a_change_is_one_event_for_each_limit(example: Site) -> None:
    desk = example.system.desk
    seq = desk.state.seq
    limits = ({"level": "global", "value_max": 1}, {"level": "client", "name": 1, "value_max": 2})
    await put(example, *limits, key="k")
    await put(example, *limits)

    assert desk.state.seq == seq + 2
    event = event_at(desk._ports.journal, seq + 1)
    assert isinstance(event, LimitPut)
    assert (event.origin.door, event.origin.idempotency_key) == (Door.LIMITS, "k")


async def test_a_limit_that_was_removed_is_gone(example: Site) -> None:
    await put(
        example, {"level": "global", "value_max": 1}, {"level": "client", "name": 1, "value_max": 2}
    )

    one = await example.send("DELETE", f"{PATH}/client/1", key="k")
    everybody = await example.send("DELETE", f"{PATH}/global")
    again = await example.send("DELETE", f"{PATH}/client/1", key="k")

    assert one.json() == again.json() == {"level": "client", "name": "1", "removed": True}
    assert everybody.json() == {"level": "global", "name": "", "removed": True}
    assert (await example.get(PATH))["items"] == []


@pytest.mark.parametrize("path", ["global", "client/1", "account/PAPER-1", "desk/1", "desk"])
async def test_a_limit_that_is_not_there(example: Site, path: str) -> None:
    answer = await example.send("DELETE", f"{PATH}/{path}")

    assert (answer.status_code, answer.json()["code"]) == (404, "NOT_FOUND")


@pytest.mark.parametrize(
    ("limit", "code", "field"),
    [
        ({"level": "desk"}, "INVALID_VALUE", "[0].level"),
        ({"name": "x"}, "MISSING_FIELD", "[0].level"),
        ({"level": "global", "value_max": 0}, "NOT_POSITIVE", "[0].value_max"),
        ({"level": "global", "value_max": "-5"}, "NOT_POSITIVE", "[0].value_max"),
        ({"level": "global", "quantity_max": "many"}, "INVALID_NUMBER", "[0].quantity_max"),
        ({"level": "global", "orders_per_day_max": 0}, "INVALID_VALUE", "[0].orders_per_day_max"),
        ({"level": "global", "orders_per_day_max": "5"}, "WRONG_TYPE", "[0].orders_per_day_max"),
        ({"level": "global", "surplus": 1}, "UNKNOWN_FIELD", "[0].surplus"),
        ({"level": "global"}, "EMPTY_LIMIT", "[0].name"),
        ({"level": "global", "name": "x", "value_max": 1}, "UNKNOWN_LEVEL_NAME", "[0].name"),
        ({"level": "client", "value_max": 1}, "UNKNOWN_LEVEL_NAME", "[0].name"),
        ({"level": "client", "name": 99, "value_max": 1}, "UNKNOWN_LEVEL_NAME", "[0].name"),
        ({"level": "client", "name": "01", "value_max": 1}, "UNKNOWN_LEVEL_NAME", "[0].name"),
        ({"level": "group", "name": "none", "value_max": 1}, "UNKNOWN_LEVEL_NAME", "[0].name"),
        ({"level": "account", "name": "\x07", "value_max": 1}, "INVALID_TEXT", "[0].name"),
        ({"level": "global", "restricted": ["NOSUCH"]}, "UNKNOWN_INSTRUMENT", "[0].restricted[0]"),
        ({"level": "global", "restricted": [""]}, "EMPTY_TEXT", "[0].restricted[0]"),
        ({"level": "global", "restricted": ["X"] * 1001}, "INVALID_VALUE", "[0].restricted"),
    ],
)
async def test_a_limit_that_is_none(
    example: Site, limit: dict[str, Any], code: str, field: str
) -> None:
    seq = example.system.desk.state.seq
    answer = await example.send("PUT", PATH, [limit])

    problem = answer.json()
    assert (answer.status_code, problem["code"], problem["field"]) == (422, code, field)
    assert example.system.desk.state.seq == seq


async def test_one_bad_limit_refuses_all(example: Site) -> None:
    good = {"level": "global", "value_max": 1}
    twice = await example.send("PUT", PATH, [good, good])
    half = await example.send("PUT", PATH, [good, {"level": "client", "name": 9, "value_max": 1}])
    repeated = b'[{"level":"global","value_max":1,"value_max":2}]'
    json = {"content-type": "application/json"}
    field = await example.http.put(PATH, content=repeated, headers=json)

    assert (twice.json()["code"], twice.json()["field"]) == ("DUPLICATE_KEY", "[1].name")
    assert (half.json()["code"], half.json()["field"]) == ("UNKNOWN_LEVEL_NAME", "[1].name")
    assert field.json()["code"] == "DUPLICATE_FIELD"
    assert (await example.get(PATH))["total"] == 0


@pytest.mark.parametrize(
    ("content", "code", "line", "field"),
    [
        ("", "EMPTY_FILE", None, None),
        ("name\nx\n", "MISSING_COLUMN", 1, "level"),
        ("level,most\nglobal,1\n", "UNKNOWN_COLUMN", 1, "most"),
        ("level,value_max\nglobal,1\ndesk,1\n", "BAD_TEXT", 3, "level"),
        ("level,value_max\nglobal,x\n", "BAD_NUMBER", 2, "value_max"),
        ("level,value_max\nglobal,0\n", "NOT_POSITIVE", 2, "value_max"),
        ("level,value_max\nglobal,\n", "EMPTY_LIMIT", 2, "name"),
        ("level,orders_per_day_max\nglobal,0\n", "BAD_NUMBER", 2, "orders_per_day_max"),
        ("level,orders_per_day_max\nglobal,1.5\n", "BAD_NUMBER", 2, "orders_per_day_max"),
        ("level,restricted\nglobal,TCS NOSUCH\n", "UNKNOWN_INSTRUMENT", 2, "restricted"),
        (f"level,restricted\nglobal,{'X' * 129}\n", "TEXT_TOO_LONG", 2, "restricted"),
        (f"level,restricted\nglobal,{'X ' * 1001}\n", "FIELD_TOO_LONG", 2, "restricted"),
        ("level,name,value_max\nclient,9,1\n", "UNKNOWN_LEVEL_NAME", 2, "name"),
        ("level,name,value_max\nclient,1,1\nclient,1,2\n", "DUPLICATE_KEY", 3, "name"),
    ],
)
async def test_a_csv_that_holds_no_limits(
    example: Site, content: str, code: str, line: int | None, field: str | None
) -> None:
    seq = example.system.desk.state.seq
    answer = await example.http.put(PATH, content=content, headers=CSV)

    problem = answer.json()
    assert answer.status_code == 422
    assert (problem["code"], problem.get("line"), problem.get("field")) == (code, line, field)
    assert example.system.desk.state.seq == seq


async def test_a_symbol_that_is_on_two_exchanges_is_shown_by_its_key(example: Site) -> None:
    master = (
        "symbol,token_id,exchange,instrument_type,lot_size,tick_size\n"
        "TWICE,7,NSE,EQ,1,0.05\nTWICE,7,BSE,EQ,1,0.05\n"
    )
    await example.http.post("/api/v1/instruments", content=master, headers=CSV)
    limit = {"level": "global", "restricted": ["BSE:7", "NSE:7"]}
    (shown,) = await put(example, limit)
    unclear = await example.send("PUT", PATH, [{**limit, "restricted": ["7"]}])

    assert shown["restricted"] == ["BSE:7", "TWICE"]
    assert unclear.json()["code"] == "AMBIGUOUS_TOKEN"
