"""A kill that also flattens: the stop first, then an exit of today's positions, each once."""

from tests.api.conftest import Site
from tests.api.test_kinds import PATH, ROW, filled, give

KILL = "/api/v1/kill"


async def bought(site: Site) -> None:
    body = {"kind": "batch", "rows": [ROW, {**ROW, "client": 2}]}
    await filled(site, (await give(site, body))["instruction_id"])


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

    assert first.json()["note"] == "first"
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
