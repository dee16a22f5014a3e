"""Cancel the rest, retry, reverse, repeat: new instructions that name their parent."""

from typing import Any

import httpx
import pytest

from tests.api.conftest import Site
from tests.api.test_kinds import PATH, ROW, filled, give, soon

BODY = {"kind": "batch", "rows": [{**ROW, "type": "LIMIT", "price": "1400"}, {**ROW, "client": 2}]}


async def follow(
    site: Site, parent: str, follow_up: str, body: object = None, key: str | None = None
) -> httpx.Response:
    return await site.send("POST", f"{PATH}/{parent}/{follow_up}", body, key)


async def followed(site: Site, parent: str, follow_up: str, body: object = None) -> Any:  # noqa: ANN401
    answer = await follow(site, parent, follow_up, body)
    assert answer.status_code == 202, answer.text
    return answer.json()


async def treat(site: Site, account: str, **profile: int) -> None:
    body = {"fill_profile": profile}
    assert (await site.send("PATCH", f"/api/v1/accounts/{account}", body)).status_code == 200


@pytest.fixture
async def turned_away(example: Site) -> tuple[Site, str]:
    """An instruction whose first order the broker refused and whose second was filled."""
    await treat(example, "PAPER-1", reject_bps=10_000)
    parent = (await give(example, BODY))["instruction_id"]
    await filled(example, parent)
    await treat(example, "PAPER-1", reject_bps=0)
    return example, parent


async def test_a_retry_sends_what_was_turned_away_on_its_own_terms(
    turned_away: tuple[Site, str],
) -> None:
    site, parent = turned_away

    answer = await followed(site, parent, "retry", {"note": "the broker was down"})

    assert (answer["parent"], answer["follow_up"], answer["kind"]) == (parent, "retry", "batch")
    (outcome,) = answer["outcomes"]
    assert (outcome["account"], outcome["status"]) == ("PAPER-1", "ACCEPTED")
    assert (outcome["type"], outcome["price"], outcome["quantity"]) == ("LIMIT", "1400", "5")
    tree = await site.get(f"{PATH}/{answer['instruction_id']}")
    assert (tree["parent"], tree["follow_up"], tree["note"]) == (
        *(parent, "retry", "the broker was down"),
    )
    (row,) = tree["asked"]["rows"]
    sources = {order["order_id"] for order in (await site.get(f"{PATH}/{parent}"))["orders"]}
    assert row["source"] in sources


async def test_an_order_is_retried_once(turned_away: tuple[Site, str]) -> None:
    site, parent = turned_away
    await followed(site, parent, "retry")

    again = await followed(site, parent, "retry")

    assert (again["status"], again["outcomes"][0]["reason"]) == ("REJECTED", "ALREADY_FOLLOWED")


@pytest.mark.parametrize("follow_up", ["retry", "reverse", "repeat", "cancel"])
async def test_a_key_stands_for_the_wish(turned_away: tuple[Site, str], follow_up: str) -> None:
    site, parent = turned_away
    first = await follow(site, parent, follow_up, {"note": "n"}, "k")
    await filled(site, parent)

    again = await follow(site, parent, follow_up, {"note": "n"}, "k")
    other = await follow(site, parent, follow_up, {"note": "other"}, "k")
    sibling = await follow(site, "I", follow_up, {"note": "n"}, "k")

    assert (first.status_code, again.status_code) == (202, 202)
    assert again.text == first.text
    assert again.headers["idempotent-replayed"] == "true"
    assert {other.json()["code"], sibling.json()["code"]} == {"IDEMPOTENCY_KEY_REUSED"}


async def test_a_reverse_takes_back_what_was_filled(turned_away: tuple[Site, str]) -> None:
    site, parent = turned_away

    answer = await followed(site, parent, "reverse")

    (outcome,) = answer["outcomes"]
    assert (outcome["account"], outcome["side"], outcome["type"], outcome["quantity"]) == (
        *("PAPER-2", "SELL", "MARKET", "5"),
    )
    await filled(site, answer["instruction_id"])
    assert (await site.get("/api/v1/positions"))["items"] == []


async def test_a_repeat_asks_for_the_same_again(turned_away: tuple[Site, str]) -> None:
    site, parent = turned_away

    answer = await followed(site, parent, "repeat")

    assert (answer["parent"], answer["follow_up"]) == (parent, "repeat")
    assert answer["counts"]["orders"] == 2


async def test_there_may_be_nothing_to_retry_or_to_reverse(example: Site) -> None:
    done = (await give(example, {"kind": "order", **ROW}))["instruction_id"]
    await filled(example, done)
    nothing = (await give(example, {"kind": "exit", "instrument": "TCS"}))["instruction_id"]
    held = (await give(example, {**BODY, "fire_at": soon(hours=1)}))["instruction_id"]
    before = example.system.desk.state.seq

    found = [
        (answer.status_code, answer.json()["code"])
        for answer in [
            await follow(example, done, "retry"),
            await follow(example, nothing, "reverse"),
            await follow(example, held, "retry"),
        ]
    ]

    assert found == [
        (409, "NOTHING_TO_RETRY"),
        (409, "NOTHING_TO_REVERSE"),
        (409, "NOTHING_TO_RETRY"),
    ]
    assert example.system.desk.state.seq == before


@pytest.mark.parametrize("follow_up", ["retry", "reverse", "repeat", "cancel"])
async def test_an_instruction_that_there_is_not(example: Site, follow_up: str) -> None:
    answer = await follow(example, "INOPE", follow_up)

    assert (answer.status_code, answer.json()["code"]) == (404, "UNKNOWN_INSTRUCTION")


async def test_the_rest_is_cancelled(example: Site) -> None:
    await treat(example, "PAPER-1", filled_bps=0)
    given = await give(example, BODY)
    parent = given["instruction_id"]

    answer = await followed(example, parent, "cancel")

    assert (answer["kind"], answer["status"]) == ("cancel", "WORKING")
    await filled(example, answer["instruction_id"])
    tree = await example.get(f"{PATH}/{parent}")
    assert {order["account"]: order["status"] for order in tree["orders"]} == {
        "PAPER-1": "CANCELED",
        "PAPER-2": "FILLED",
    }
    nothing = await followed(example, parent, "cancel")
    assert (nothing["status"], nothing["reason"]) == ("REJECTED", "NOTHING_OPEN")


async def test_what_is_held_never_fires_once_it_is_cancelled(example: Site) -> None:
    held = (await give(example, {**BODY, "fire_at": soon(hours=1)}))["instruction_id"]
    repeated = await followed(example, held, "repeat")

    answer = await followed(example, held, "cancel")

    assert (repeated["status"], repeated["counts"]["orders"]) == ("WORKING", 2)
    assert (answer["parent"], answer["follow_up"]) == (held, "cancel")
    tree = await example.get(f"{PATH}/{held}")
    assert (tree["status"], tree["reason"], tree["orders"]) == ("CANCELED", "HELD_CANCELED", [])
