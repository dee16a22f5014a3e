"""Fills by hand, and what they may not do."""

import pytest

from tests.api.conftest import Site
from tests.api.test_kinds import PATH, ROW, give


@pytest.fixture
async def working(example: Site) -> tuple[Site, str]:
    """A server with a LIMIT order over five that its broker accepted and does not fill."""
    body = {"fill_profile": {"filled_bps": 0}}
    await example.send("PATCH", "/api/v1/accounts/PAPER-1", body)
    order = {"kind": "order", **ROW, "type": "LIMIT", "price": "1370"}
    order_id = (await give(example, order))["outcomes"][0]["order_id"]

    async def accepted() -> bool:
        return bool((await example.get(f"/api/v1/orders/{order_id}"))["status"] == "NEW")

    await example.until(accepted)
    return example, order_id


async def test_a_person_fills_some_of_an_order(working: tuple[Site, str]) -> None:
    site, order_id = working

    answer = await site.send(
        "POST", f"/api/v1/orders/{order_id}/fill", {"quantity": "2", "price": "1365.5"}, "k"
    )
    again = await site.send(
        "POST", f"/api/v1/orders/{order_id}/fill", {"quantity": 2, "price": 1365.50}, "k"
    )

    assert answer.status_code == 202, answer.text
    given = answer.json()
    assert (given["order_id"], given["quantity"], given["price"]) == (order_id, "2", "1365.5")
    assert again.text == answer.text

    async def is_filled() -> bool:
        return bool((await site.get(f"/api/v1/orders/{order_id}"))["filled"] == "2")

    await site.until(is_filled)
    (fill,) = (await site.get(f"/api/v1/orders/{order_id}"))["fills"]
    assert (fill["exec_id"], fill["price"]) == (given["exec_id"], "1365.5")


@pytest.mark.parametrize(
    ("body", "code"),
    [
        ({"quantity": 6}, "ABOVE_LEAVES"),
        ({"quantity": 2, "price": "1370.1"}, "BEYOND_LIMIT"),
        ({"quantity": "0.5"}, "LOT_MULTIPLE"),
        ({"quantity": 0}, "NOT_POSITIVE"),
        ({"price": 5}, "MISSING_FIELD"),
    ],
)
async def test_a_fill_that_may_not_be(working: tuple[Site, str], body: object, code: str) -> None:
    site, order_id = working
    before = site.system.desk.state.seq

    answer = await site.send("POST", f"/api/v1/orders/{order_id}/fill", body)

    assert (answer.status_code, answer.json()["code"]) == (422, code)
    assert site.system.desk.state.seq == before


async def test_what_does_not_work_is_not_filled(working: tuple[Site, str]) -> None:
    site, order_id = working
    await site.send("POST", f"/api/v1/orders/{order_id}/cancel")

    async def canceled() -> bool:
        return bool((await site.get(PATH))["items"][0]["status"] == "DONE")

    await site.until(canceled)
    found = [
        await site.send("POST", f"/api/v1/orders/{one}/fill", {"quantity": 1})
        for one in (order_id, "AA99999999")
    ]

    assert [(one.status_code, one.json()["code"]) for one in found] == [
        (409, "ORDER_NOT_WORKING"),
        (404, "UNKNOWN_ORDER"),
    ]
