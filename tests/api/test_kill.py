"""Kills by level and name, what they cancel, and kills that come past the doors."""

import asyncio
from functools import partial
from pathlib import Path
from typing import Any

import pytest

from phalanx.bootstrap import order_direct_kill
from phalanx.domain.kills import EVERYBODY, KillLevel, KillScope
from phalanx.domain.names import is_printable
from phalanx.engine.plans import cancel_open
from tests.api.conftest import Site, open_site
from tests.api.test_kinds import PATH, ROW, filled, give

KILL = "/api/v1/kill"
RESTS = {"kind": "order", **ROW, "type": "LIMIT", "price": "1300.1"}


async def rests(site: Site, client: int = 1) -> str:
    """A buy far below the market; its id."""
    # With a key: another one like it is no mistake.
    key = f"rests-{site.system.desk.state.seq}"
    answer = await give(site, {**RESTS, "client": client}, key)
    order_id = answer["outcomes"][0]["order_id"]
    assert order_id, answer
    await site.until(lambda: has_status(site, order_id, "NEW"))
    return str(order_id)


async def has_status(site: Site, order_id: str, status: str) -> bool:
    return bool(await status_of(site, order_id) == status)


async def status_of(site: Site, order_id: str) -> Any:  # noqa: ANN401  JSON
    (order,) = [
        one
        for one in (await site.get("/api/v1/orders", limit=1000))["items"]
        if one["order_id"] == order_id
    ]
    return order["status"]


async def code(site: Site, body: object, method: str = "PUT") -> tuple[int, str, str | None]:
    answer = await site.send(method, KILL, body)
    problem = answer.json()
    return answer.status_code, problem["code"], problem.get("field")


@pytest.mark.parametrize(
    ("level", "name", "reason"),
    [
        ("broker", "paper", "KILL_BROKER"),
        ("strategy", "STRATEGY_B", "KILL_STRATEGY"),
        ("client", 1, "KILL_CLIENT"),
        pytest.param("client", "1", "KILL_CLIENT", id="client as a text"),
        ("account", "PAPER-1", "KILL_ACCOUNT"),
    ],
)
async def test_each_level_stops_and_is_lifted_by_its_name(
    example: Site, level: str, name: object, reason: str
) -> None:
    put = (await example.send("PUT", KILL, {"level": level, "name": name, "note": "noon"})).json()
    killed = await example.signal("STRATEGY_B", "MINDA", "BUY")
    (standing,) = (await example.get(KILL))["items"]
    lifted = await example.send("DELETE", f"{KILL}?level={level}&name={name}")
    again = await example.signal("STRATEGY_B", "MINDA", "BUY")

    assert (put["level"], put["name"], put["standing"]) == (level, str(name), True)
    assert (put["cancel"], put["flatten"]) == (None, None)
    assert killed["outcomes"][0]["reason"] == reason
    assert (standing["level"], standing["name"], standing["note"]) == (level, str(name), "noon")
    assert (lifted.status_code, lifted.json()["standing"]) == (200, False)
    assert again["RESPONSE"] == "ACCEPTED"


async def test_a_kill_of_an_account_is_the_same_in_both_forms(example: Site) -> None:
    await example.send("PUT", KILL, {"account": "PAPER-1"})

    lifted = await example.send("DELETE", f"{KILL}?level=account&name=PAPER-1")

    assert lifted.json()["account"] == "PAPER-1"
    assert (await example.get(KILL))["total"] == 0


@pytest.mark.parametrize(
    ("body", "expected"),
    [
        ({"level": "broker", "name": "nobody"}, (422, "UNKNOWN_BROKER", None)),
        ({"level": "strategy", "name": "X"}, (422, "UNKNOWN_STRATEGY", None)),
        ({"level": "client", "name": "one"}, (422, "UNKNOWN_CLIENT", None)),
        (
            {"level": "client", "name": 9, "block": False, "flatten": True},
            (422, "UNKNOWN_CLIENT", None),
        ),
        ({"level": "account", "name": "X"}, (422, "UNKNOWN_ACCOUNT", None)),
        ({"level": "group", "name": "X"}, (422, "INVALID_VALUE", "level")),
        ({"level": "broker"}, (422, "MISSING_FIELD", "name")),
        ({"level": "broker", "name": ""}, (422, "EMPTY_TEXT", "name")),
        ({"level": "all", "name": "X"}, (422, "INVALID_VALUE", "name")),
        ({"name": "X"}, (422, "INVALID_VALUE", "name")),
        ({"account": "PAPER-1", "level": "broker"}, (422, "INVALID_VALUE", "account")),
        ({"account": "PAPER-1", "name": "X"}, (422, "INVALID_VALUE", "account")),
        ({"block": False}, (422, "INVALID_VALUE", "block")),
        ({"block": False, "cancel": False}, (422, "INVALID_VALUE", "block")),
        ({"cancel": "all", "flatten": True}, (422, "INVALID_VALUE", "cancel")),
        ({"cancel": "entries"}, (422, "INVALID_VALUE", "cancel")),
    ],
)
async def test_what_makes_no_sense_stops_nobody(
    example: Site, body: object, expected: tuple[int, str, str | None]
) -> None:
    assert await code(example, body) == expected
    assert (await example.get(KILL))["total"] == 0


async def test_what_works_is_called_back_with_the_kill(example: Site) -> None:
    first, second = await rests(example), await rests(example, 2)

    answer = await example.send("PUT", KILL, {"level": "client", "name": 1, "cancel": True})

    cancel = answer.json()["cancel"]
    assert (answer.status_code, answer.json()["standing"]) == (200, True)
    assert cancel["counts"] == {"orders": 0, "cancels": 1, "skips": 0}
    assert (cancel["left"], cancel["reason"]) == (0, None)
    await filled(example, cancel["instruction_id"])
    assert await status_of(example, first) == "CANCELED"
    assert await status_of(example, second) == "NEW"
    tree = await example.get(f"{PATH}/{cancel['instruction_id']}")
    assert (tree["kind"], tree["source"]) == ("cancel", "kill")
    assert tree["asked"] == {
        "kind": "cancel",
        "instruction": None,
        "exits": False,
        "level": "client",
        "name": "1",
    }


async def test_cancel_alone_lets_new_orders_pass(example: Site) -> None:
    order = await rests(example)

    answer = (await example.send("PUT", KILL, {"block": False, "cancel": True})).json()

    assert (answer["standing"], answer["time"]) == (False, None)
    await filled(example, answer["cancel"]["instruction_id"])
    assert await status_of(example, order) == "CANCELED"
    assert (await example.get(KILL))["total"] == 0
    await rests(example)


async def test_exits_under_way_are_called_back_only_when_asked_for(example: Site) -> None:
    await filled(example, (await give(example, {"kind": "order", **ROW}))["instruction_id"])
    sell = await give(example, {**RESTS, "side": "SELL", "price": "1450"})
    order = sell["outcomes"][0]["order_id"]
    await example.until(lambda: has_status(example, order, "NEW"))

    entries = (await example.send("PUT", KILL, {"cancel": True})).json()["cancel"]
    everything = (await example.send("PUT", KILL, {"cancel": "all"})).json()["cancel"]

    assert entries["reason"] == "NOTHING_TO_CANCEL"
    assert everything["counts"]["cancels"] == 1


async def test_under_one_key_everything_is_done_once(example: Site) -> None:
    await rests(example)
    body = {"cancel": True, "flatten": True, "note": "noon"}
    first = await example.send("PUT", KILL, body, "k")
    await example.send("DELETE", KILL)
    order = await rests(example)

    again = await example.send("PUT", KILL, body, "k")

    assert again.text == first.text
    assert again.headers["idempotent-replayed"] == "true"
    assert await status_of(example, order) == "NEW"
    assert (await example.get(KILL))["total"] == 0
    other = await example.send("PUT", KILL, {**body, "cancel": False}, "k")
    assert other.json()["code"] == "IDEMPOTENCY_KEY_REUSED"


async def test_a_cancel_alone_is_done_once_under_its_key(example: Site) -> None:
    await rests(example)
    body = {"block": False, "cancel": True}
    first = await example.send("PUT", KILL, body, "k")
    order = await rests(example)

    again = await example.send("PUT", KILL, body, "k")

    assert again.text == first.text
    assert await status_of(example, order) == "NEW"


async def test_more_than_one_record_holds_is_told_and_cancelled_in_parts(
    example: Site, monkeypatch: pytest.MonkeyPatch
) -> None:
    orders = [await rests(example, client) for client in (1, 2)]
    monkeypatch.setattr(cancel_open, "CANCELS_AT_ONCE_MAX", 1)

    first = await example.send("PUT", KILL, {"cancel": True}, "k")
    cancel = first.json()["cancel"]
    for order in orders:
        await example.until(partial(has_status, example, order, "CANCELED"))
    again = await example.send("PUT", KILL, {"cancel": True}, "k")

    assert (cancel["counts"]["cancels"], cancel["left"]) == (1, 1)
    assert again.text == first.text


async def bought(site: Site) -> None:
    """Client 1: five RELIANCE by hand, and one MINDA of STRATEGY_B's; client 2: five RELIANCE."""
    await filled(site, (await give(site, {"kind": "order", **ROW}))["instruction_id"])
    await filled(site, (await give(site, {"kind": "order", **ROW, "client": 2}))["instruction_id"])
    answer = await site.signal("STRATEGY_B", "MINDA", "BUY")
    await filled(site, answer["instruction_id"])


async def holdings(site: Site) -> set[tuple[str, str]]:
    items = (await site.get("/api/v1/positions"))["items"]
    return {(one["account"], one["symbol"]) for one in items}


@pytest.mark.parametrize(
    ("scope", "left"),
    [
        ({"level": "broker", "name": "paper"}, set()),
        (
            {"level": "strategy", "name": "STRATEGY_B"},
            {("PAPER-1", "RELIANCE"), ("PAPER-2", "RELIANCE")},
        ),
        ({"level": "client", "name": 1}, {("PAPER-2", "RELIANCE")}),
        ({"account": "PAPER-2"}, {("PAPER-1", "RELIANCE"), ("PAPER-1", "UNOMINDA")}),
    ],
)
async def test_flatten_closes_what_the_scope_holds_and_no_more(
    example: Site, scope: dict[str, object], left: set[tuple[str, str]]
) -> None:
    await bought(example)

    answer = await example.send("PUT", KILL, {**scope, "flatten": True}, "k")

    flatten = answer.json()["flatten"]
    for part in (flatten, *flatten["more"]):
        await filled(example, part["instruction_id"])
    assert await holdings(example) == left
    again = await example.send("PUT", KILL, {**scope, "flatten": True}, "k")
    assert again.json()["flatten"] == flatten


async def test_flatten_of_a_strategy_that_holds_nothing(example: Site) -> None:
    body = {"level": "strategy", "name": "STRATEGY_B", "flatten": True}

    answer = (await example.send("PUT", KILL, body)).json()

    assert (answer["standing"], answer["flatten"]["reason"]) == (True, "NOTHING_TO_EXIT")


async def test_flatten_alone_stops_nothing(example: Site) -> None:
    await bought(example)

    answer = (await example.send("PUT", KILL, {"block": False, "flatten": True})).json()

    assert (answer["standing"], answer["cancel"]) == (False, None)
    await filled(example, answer["flatten"]["instruction_id"])
    assert await holdings(example) == set()
    assert (await example.get(KILL))["total"] == 0


async def test_all_three_at_once(example: Site) -> None:
    await bought(example)
    order = await rests(example)

    body = {"level": "client", "name": 1, "cancel": True, "flatten": True}
    answer = (await example.send("PUT", KILL, body)).json()

    assert answer["standing"]
    assert answer["cancel"]["counts"]["cancels"] == 1
    await filled(example, answer["flatten"]["instruction_id"])
    assert await status_of(example, order) == "CANCELED"
    assert await holdings(example) == {("PAPER-2", "RELIANCE")}


async def test_kills_survive_a_restart(tmp_path: Path) -> None:
    async with open_site(tmp_path / "data") as site:
        await site.profiles({"Somebody": {"STRATEGY_A": ["GRASIM"]}})
        await site.send("PUT", KILL, {"level": "strategy", "name": "STRATEGY_A", "note": "noon"})
        await site.send("PUT", KILL)
        await site.send("DELETE", KILL)

    async with open_site(tmp_path / "data") as site:
        (standing,) = (await site.get(KILL))["items"]
        refused = await site.signal("STRATEGY_A", "GRASIM", "BUY")

    assert (standing["level"], standing["name"]) == ("strategy", "STRATEGY_A")
    assert (standing["note"], standing["actor"]) == ("noon", "local")
    assert refused["outcomes"][0]["reason"] == "KILL_STRATEGY"


async def test_a_kill_past_the_server_is_adopted_and_lifted_here(example: Site) -> None:
    order = await rests(example)

    data = example.system.settings.data
    await asyncio.to_thread(order_direct_kill, data, EVERYBODY, cancel=True, note="feed")

    async def stands() -> bool:
        return bool((await example.get(KILL))["total"])

    await example.until(stands)
    (kill,) = (await example.get(KILL))["items"]
    assert (kill["level"], kill["actor"]) == ("all", "local")
    assert kill["note"].startswith("feed (kill --direct, 20")
    await example.until(lambda: has_status(example, order, "CANCELED"))
    await example.send("DELETE", KILL)

    async def accepted() -> bool:
        answer = await give(example, RESTS, f"again-{example.system.desk.state.seq}")
        outcome = answer["outcomes"][0]
        return outcome["status"] == "ACCEPTED" and await still_works(example, outcome["order_id"])

    await example.until(accepted)


async def test_a_kill_past_the_server_with_any_texts_is_listed_and_lifted(site: Site) -> None:
    scope = KillScope(KillLevel.ACCOUNT, "x\ny" + "z" * 200)
    data = site.system.settings.data
    await asyncio.to_thread(order_direct_kill, data, scope, cancel=True, note="n\x1b[2J")

    async def stands() -> bool:
        return bool((await site.get(KILL))["total"])

    await site.until(stands)
    (kill,) = (await site.get(KILL))["items"]
    (act,) = (await site.get("/api/v1/audit", act="kill_put"))["items"]
    lifted = await site.http.delete(KILL, params={"account": kill["account"]})

    assert kill["account"] == "x?y" + "z" * 124 + "…"
    assert kill["note"].startswith("n?[2J (kill --direct, ")
    assert is_printable(act["subject"] + act["detail"] + act["request_id"])
    assert lifted.status_code == 200, lifted.text
    assert (await site.get(KILL))["total"] == 0


async def still_works(site: Site, order_id: str) -> bool:
    return await status_of(site, order_id) in {"SENT", "NEW"}


async def test_a_server_that_starts_under_a_kill_past_it_stops_those_it_names(
    tmp_path: Path,
) -> None:
    data = tmp_path / "data"
    async with open_site(data) as site:
        await site.profiles({"One": {}, "Two": {}})
        order = await rests(site)
    scope = KillScope(KillLevel.CLIENT, "1")
    await asyncio.to_thread(order_direct_kill, data, scope, cancel=True, note="")

    async with open_site(data) as site:
        first, second = [
            (await give(site, {**RESTS, "client": client}))["outcomes"][0] for client in (1, 2)
        ]
        await site.until(lambda: has_status(site, order, "CANCELED"))

    assert (first["reason"], second["status"]) == ("KILL_CLIENT", "ACCEPTED")


async def test_the_first_server_of_a_folder_adopts_what_was_killed_there_before(
    tmp_path: Path,
) -> None:
    data = tmp_path / "data"
    await asyncio.to_thread(order_direct_kill, data, EVERYBODY, cancel=True, note="not today")

    async with open_site(data) as site:
        await site.profiles({"One": {}})
        (outcome,) = (await give(site, RESTS))["outcomes"]
        (kill,) = (await site.get(KILL))["items"]

    assert outcome["reason"] == "KILL_ALL"
    assert kill["note"].startswith("not today (kill --direct, ")


STANDING: list[dict[str, object]] = [
    {"level": "account", "name": "PAPER-1"},
    {"level": "account", "name": "PAPER-2"},
    {"level": "client", "name": "1"},
    {"level": "strategy", "name": "STRATEGY_A"},
    {"level": "strategy", "name": "STRATEGY_B"},
    {"level": "broker", "name": "paper"},
]


@pytest.mark.parametrize(
    ("scope", "told"),
    [
        (
            {"level": "client", "name": 1},
            [
                "broker paper",
                "strategy STRATEGY_A",
                "strategy STRATEGY_B",
                "client 1",
                "account PAPER-1",
            ],
        ),
        (
            {"level": "account", "name": "PAPER-2"},
            ["broker paper", "strategy STRATEGY_A", "strategy STRATEGY_B", "account PAPER-2"],
        ),
        (
            {"level": "strategy", "name": "STRATEGY_B"},
            [
                "broker paper",
                "strategy STRATEGY_B",
                "client 1",
                "account PAPER-1",
                "account PAPER-2",
            ],
        ),
        (
            {"level": "broker", "name": "paper"},
            [
                *("broker paper", "strategy STRATEGY_A", "strategy STRATEGY_B", "client 1"),
                *("account PAPER-1", "account PAPER-2"),
            ],
        ),
        (
            {},
            [
                *("broker paper", "strategy STRATEGY_A", "strategy STRATEGY_B", "client 1"),
                *("account PAPER-1", "account PAPER-2"),
            ],
        ),
    ],
)
async def test_without_a_block_the_kills_that_stand_there_all_the_same_are_told(
    example: Site, scope: dict[str, object], told: list[str]
) -> None:
    for kill in STANDING:
        await example.send("PUT", KILL, kill)

    answer = (await example.send("PUT", KILL, {**scope, "block": False, "cancel": True})).json()

    assert [f"{one['level']} {one['name']}" for one in answer["in_force"]] == told
    assert answer["in_force_total"] == len(told)
    assert not answer["standing"]


@pytest.mark.parametrize("scope", [*STANDING, {}])
async def test_a_kill_of_everybody_is_told_at_every_level(
    example: Site, scope: dict[str, object]
) -> None:
    none = (await example.send("PUT", KILL, {**scope, "block": False, "cancel": True})).json()
    await example.send("PUT", KILL, {"note": "noon"})

    answer = (await example.send("PUT", KILL, {**scope, "block": False, "cancel": True})).json()

    assert (none["in_force"], none["in_force_total"]) == ([], 0)
    (told,) = answer["in_force"]
    assert (told["level"], told["name"], told["note"]) == ("all", None, "noon")


async def test_kills_of_others_are_not_told_and_many_are_counted(
    example: Site, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("phalanx.api.kill.IN_FORCE_MAX", 1)
    await example.send("PUT", KILL, {"level": "client", "name": 2})
    await example.send("PUT", KILL, {"account": "PAPER-2"})

    one = (
        await example.send("PUT", KILL, {"account": "PAPER-1", "block": False, "cancel": True})
    ).json()
    two = (
        await example.send("PUT", KILL, {"account": "PAPER-2", "block": False, "cancel": True})
    ).json()

    assert one["in_force"] == []
    assert ([kill["level"] for kill in two["in_force"]], two["in_force_total"]) == (["client"], 2)
