"""A preview is the plan: nothing is done, and its token fires exactly that, or says what moved."""

from typing import Any

import pytest

from phalanx.domain.accounts import Account
from phalanx.domain.instructions import Door, Origin
from phalanx.domain.numbers import whole
from phalanx.engine.commands import PutReference
from tests.api.conftest import Site
from tests.api.test_kinds import KINDS, PATH, ROW, filled, give, refused, soon

PREVIEW = f"{PATH}/preview"
BODY = {"kind": "batch", "rows": [ROW, {**ROW, "client": 2}]}


async def preview(site: Site, body: object) -> Any:  # noqa: ANN401  JSON
    before = site.system.desk.state.seq
    answer = await site.send("POST", PREVIEW, body)
    assert answer.status_code == 200, answer.text
    assert site.system.desk.state.seq == before, "something was journaled"
    return answer.json()


def terms(answer: Any) -> list[tuple[str | None, ...]]:  # noqa: ANN401  JSON
    """What each outcome is, without what only a preview or only an order has."""
    return [
        tuple(one[key] for key in ("account", "status", "reason", "symbol", "row", "quantity", "price"))
        for one in answer["outcomes"]
    ]  # fmt: skip


@pytest.mark.parametrize("name", KINDS)
async def test_any_kind_fires_what_was_previewed(example: Site, name: str) -> None:
    if name == "exit":
        held = await give(example, {"kind": "order", **ROW})
        await filled(example, held["instruction_id"])
    previewed = await preview(example, KINDS[name])
    fired = await give(example, {**KINDS[name], "preview": previewed["token"]})

    assert previewed["instruction_id"] is None
    assert {one["order_id"] for one in previewed["outcomes"]} <= {None}
    assert terms(fired) == terms(previewed)
    assert fired["counts"] == previewed["counts"]
    assert (fired["status"], fired["reason"]) == (previewed["status"], previewed["reason"])


async def test_a_preview_says_what_it_costs(example: Site) -> None:
    await example.send("PATCH", "/api/v1/accounts/PAPER-1", {"charge_bps": 10})
    body = {"kind": "batch", "rows": [{**ROW, "type": "LIMIT", "price": "1360", "quantity": 10}]}

    (outcome,) = (await preview(example, body))["outcomes"]

    assert (outcome["charges"], outcome["cash_after"]) == ("13.6", "986386.4")


async def test_a_preview_adds_up_its_accounts(example: Site) -> None:
    await example.send("PATCH", "/api/v1/accounts/PAPER-1", {"charge_bps": 10})
    row = {**ROW, "type": "LIMIT", "price": "1360", "quantity": 10}
    rows = [row, {**row, "client": 2}, {**row, "quantity": 20}, {**row, "quantity": 1_000}]

    found = await preview(example, {"kind": "batch", "rows": rows})
    given = await give(example, {"kind": "batch", "rows": rows})

    by_account = {one["account"]: one for one in found["accounts"]}
    first = by_account["PAPER-1"]
    assert (first["orders"], first["skips"], first["value"]) == (2, 1, "40800")
    assert (first["client_id"], first["charges"], first["cash_after"]) == (1, "40.8", "959159.2")
    assert by_account["PAPER-2"]["value"] == "13600"
    totals = found["totals"]
    assert (totals["accounts"], totals["orders"], totals["skips"]) == (2, 3, 1)
    assert (totals["value"], totals["charges"]) == ("54400", "40.8")
    assert [(one["reason"], one["skips"]) for one in totals["reasons"]] == [
        ("INSUFFICIENT_CASH", 1)
    ]
    assert "accounts" not in given
    assert "totals" not in given


async def test_an_account_that_moved_is_skipped(example: Site) -> None:
    previewed = await preview(example, BODY)
    await give(example, {"kind": "order", **ROW})

    fired = await give(example, {**BODY, "preview": previewed["token"]})

    assert {one["account"]: one["reason"] for one in fired["outcomes"]} == {
        "PAPER-1": "MOVED",
        "PAPER-2": None,
    }


async def test_one_account_that_moved_may_refuse_everything(example: Site) -> None:
    previewed = await preview(example, BODY)
    await give(example, {"kind": "order", **ROW})
    before = example.system.desk.state.seq

    body = {**BODY, "preview": previewed["token"], "on_moved": "refuse"}
    answer = await example.send("POST", PATH, body)

    problem = answer.json()
    assert (answer.status_code, problem["code"]) == (409, "MOVED")
    assert len(problem["differences"]) == 1
    assert problem["differences"][0].startswith("PAPER-1: ")
    assert example.system.desk.state.seq == before


async def test_a_token_fires_once(example: Site) -> None:
    token = (await preview(example, BODY))["token"]
    await give(example, {**BODY, "preview": token})

    assert await refused(example, {**BODY, "preview": token}) == (409, "PREVIEW_EXPIRED", None)
    assert await refused(example, {**BODY, "preview": "made up"}) == (409, "PREVIEW_EXPIRED", None)


async def test_under_a_key_a_fired_preview_is_answered_again(example: Site) -> None:
    token = (await preview(example, BODY))["token"]
    first = await example.send("POST", PATH, {**BODY, "preview": token}, "k")

    again = await example.send("POST", PATH, {**BODY, "preview": token}, "k")
    other = await example.send("POST", PATH, BODY, "k")

    assert (first.status_code, again.text) == (202, first.text)
    assert again.headers["idempotent-replayed"] == "true"
    assert other.json()["code"] == "IDEMPOTENCY_KEY_REUSED"


async def test_a_token_fires_nothing_else(example: Site) -> None:
    token = (await preview(example, BODY))["token"]
    other = {**KINDS["order"], "preview": token}

    assert (await refused(example, other))[:2] == (422, "PREVIEW_MISMATCH")
    assert (await give(example, {**BODY, "preview": token}))["status"] == "WORKING"


async def test_what_does_not_go_with_a_preview(example: Site) -> None:
    token = (await preview(example, BODY))["token"]
    later = {**BODY, "fire_at": soon(hours=1)}

    assert await refused(example, later, PREVIEW) == (422, "PREVIEW_WITH_FIRE_AT", "fire_at")
    assert await refused(example, {**later, "preview": token}) == (
        *(422, "PREVIEW_WITH_FIRE_AT", "fire_at"),
    )
    assert await refused(example, {**BODY, "preview": token}, PREVIEW) == (
        *(422, "CONTRADICTING_FIELDS", "preview"),
    )
    assert await refused(example, {**BODY, "on_moved": "refuse"}) == (
        *(422, "MISSING_FIELD", "preview"),
    )


async def test_a_preview_of_what_is_refused_says_so(example: Site) -> None:
    previewed = await preview(example, {"kind": "priority_buy", "list": "nope"})

    assert (previewed["status"], previewed["reason"]) == ("REJECTED", "UNKNOWN_LIST")
    assert previewed["outcomes"] == []
    assert (previewed["token"], previewed["expires_at"]) == (None, None)


async def test_whoever_joins_a_group_meanwhile_is_left_out_and_fits_the_bound(
    example: Site,
) -> None:
    rows = [{**ROW, "client": client, "quantity": 10} for client in (1, 2)]
    await filled(example, (await give(example, {"kind": "batch", "rows": rows}))["instruction_id"])
    await example.send("PUT", "/api/v1/groups/core", {"members": ["PAPER-1"]})
    body = {"kind": "exit", "instrument": "RELIANCE", "groups": ["core"], "quantity": 4}
    token = (await preview(example, body))["token"]
    await example.send("PUT", "/api/v1/groups/core", {"members": ["PAPER-1", "PAPER-2"]})

    fired = await give(example, {**body, "preview": token})
    later = await give(example, body)

    assert {one["account"]: (one["reason"], one["quantity"]) for one in fired["outcomes"]} == {
        "PAPER-1": (None, "4"),
        "PAPER-2": ("MOVED", None),
    }
    assert {one["account"]: one["quantity"] for one in later["outcomes"]} == {
        "PAPER-1": "4",
        "PAPER-2": "4",
    }


async def test_what_was_filled_in_for_a_preview_is_what_is_fired(example: Site) -> None:
    allocation = {"method": "quantities", "quantities": [{"client": 1, "quantity": 3}]}
    body = {**KINDS["shared"], "allocation": allocation}
    token = (await preview(example, body))["token"]
    second = Account("SECOND", 1)
    cash = ((second.book, whole(500_000), ""),)
    origin = Origin("local", Door.DESK)
    desk = example.system.desk
    await desk.execute(PutReference(origin, accounts=(second,), cash=cash))
    assert desk.state.primary_accounts[1] == "SECOND"

    other = await refused(example, {**KINDS["shared"], "preview": token})
    fired = await give(example, {**body, "preview": token})

    assert other[:2] == (422, "PREVIEW_MISMATCH")
    assert [(one["account"], one["quantity"]) for one in fired["outcomes"]] == [("PAPER-1", "3")]
