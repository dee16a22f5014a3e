"""What a source may do at most: its caps, its fence, and which kinds there are."""

from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest

from tests.api.conftest import Site, open_site
from tests.api.hooks.conftest import ALERT, SIGNAL, Sender, put, sender

ORDER = {
    "kind": "order",
    "client": 1,
    "instrument": "{{ticker}}",
    "side": "BUY",
    "quantity": "{{quantity}}",
}


def order(quantity: str, ticker: str = "MINDA") -> bytes:
    return b'{"ticker": "%b", "quantity": %b}' % (ticker.encode(), quantity.encode())


async def code(of: Sender, body: bytes = ALERT) -> str:
    """The code of a refusal, or of why nothing came of it; empty where something did."""
    answer = await of.post(body)
    said = answer.json()
    return str(said["code"] if answer.status_code >= 400 else said["reason"] or "")


KINDS: dict[str, tuple[dict[str, Any], bytes]] = {
    "signal": (SIGNAL, ALERT),
    "order": (ORDER, order("5")),
    "exact": (
        ORDER | {"type": "LIMIT", "price": "{{price}}"},
        b"ticker=MINDA quantity=1 price=3000.1",
    ),
    "priority_buy": (
        {"kind": "priority_buy", "instruments": "{{stocks}}", "note": "{{scan}} of {{1}}"},
        b"stocks=MINDA scan=morning today",
    ),
    "batch": (
        {
            "kind": "batch",
            "rows": [
                {"client": "{{who.0.id}}", "instrument": "MINDA", "side": "BUY", "quantity": "1"},
                {"client": 2, "instrument": "ACC", "side": "BUY", "quantity": "{{n}}"},
            ],
        },
        b'{"who": [{"id": 1}], "n": 2}',
    ),
    "exit": ({"kind": "exit", "instrument": "{{ticker}}", "percent": 50.5}, b"ticker=MINDA"),
}


@pytest.mark.parametrize("name", KINDS)
async def test_every_kind_is_made_of_an_alert(hooked: Site, name: str) -> None:
    template, body = KINDS[name]
    lists = ["stocks"] if name == "priority_buy" else []
    tv = await sender(hooked, template=template, values={}, lists=lists)
    if name == "signal":
        await put(hooked)
    answer = await tv.post(body, tv.headers(body, kind="text/plain"))

    assert answer.status_code == 202, answer.text
    tree = await hooked.get(f"/api/v1/instructions/{answer.json()['instruction_id']}")
    assert (tree["kind"], tree["actor"]) == (template["kind"], "hook:tv")
    if name == "priority_buy":
        assert tree["note"] == "morning of today"
    if name == "exact":
        assert [one["price"] for one in tree["orders"]] == ["3000.1"]


async def test_what_the_template_makes_is_checked_like_every_instruction(hooked: Site) -> None:
    tv = await sender(hooked, template=ORDER, values={})

    assert await code(tv, order("-5")) == "NOT_POSITIVE"
    assert await code(tv, order("1e3")) == "INVALID_NUMBER"
    assert await code(tv, order('"five"')) == "INVALID_NUMBER"
    assert await code(tv, order("1.123456789")) == "TOO_PRECISE"
    assert await code(tv, order("true")) == "WRONG_TYPE"
    assert await code(tv, order("1", "NOPE")) == "UNKNOWN_INSTRUMENT"


async def test_no_order_is_larger_than_the_cap(hooked: Site) -> None:
    tv = await sender(hooked, template=ORDER, values={}, caps={"quantity_max": "5"})
    before = len(hooked.system.desk.state.instructions)

    assert await code(tv, order("6")) == "HOOK_QUANTITY"
    assert len(hooked.system.desk.state.instructions) == before
    assert await code(tv, order("5")) == ""


async def test_no_order_is_worth_more_than_the_cap_but_an_exit_is(hooked: Site) -> None:
    tv = await sender(hooked, template=ORDER, values={}, caps={"value_max": "20000"})
    assert await code(tv, order("1")) == ""
    assert await code(tv, order("7")) == "HOOK_VALUE"
    answer = await hooked.send(
        "POST", "/api/v1/instructions", {**ORDER, "instrument": "MINDA", "quantity": "100"}
    )
    assert answer.json()["status"] == "WORKING"

    async def is_filled() -> bool:
        rows = (await hooked.get("/api/v1/positions"))["items"]
        return [row["quantity"] for row in rows] == ["101"]

    await hooked.until(is_filled)
    await put(
        hooked,
        template={"kind": "exit", "instrument": "{{ticker}}"},
        values={},
        caps={"value_max": "20000"},
    )
    assert await code(tv, b'{"ticker": "MINDA"}') == ""


async def test_a_cap_holds_when_a_held_instruction_is_planned(hooked: Site) -> None:
    template = {**SIGNAL, "fire_at": "{{at}}"}
    tv = await sender(hooked, template=template, caps={"quantity_max": "0.5"})
    now = hooked.system.desk.clock.now()
    at = _moment(now + 150 * 10**6).encode()
    answer = await tv.post(ALERT[:-1] + b', "at": "%b"}' % at)
    assert answer.json()["status"] == "HELD"
    path = f"/api/v1/instructions/{answer.json()['instruction_id']}"

    async def has_ended() -> bool:
        return str((await hooked.get(path))["status"]) == "REJECTED"

    await hooked.until(has_ended)
    tree = await hooked.get(path)
    assert "HOOK_QUANTITY" in tree["message"]
    assert tree["orders"] == []


def _moment(time: int) -> str:
    return datetime.fromtimestamp(time / 10**9, UTC).isoformat()


async def test_outside_of_the_fence_nothing_happens(hooked: Site) -> None:
    instrument = {"strategies": ["STRATEGY_B"], "instruments": ["MINDA"]}
    tv = await sender(hooked, fence=instrument)

    assert await code(tv) == ""
    assert await code(tv, ALERT.replace(b"_B", b"_D").replace(b"MINDA", b"ACC")) == "OUT_OF_REACH"
    assert await code(tv, ALERT.replace(b"MINDA", b"GRASIM")) == "OUT_OF_REACH"
    assert await code(tv, ALERT.replace(b"MINDA", b"NOPE")) == "OUT_OF_REACH"
    shown = await hooked.get("/api/v1/hooks/tv")
    assert shown["fence"]["instruments"] == ["UNOMINDA"]


async def test_a_signal_that_names_nobody_is_for_those_in_the_fence(hooked: Site) -> None:
    await hooked.profiles({"Oaklee Wagner": {"STRATEGY_B": ["MINDA"]}})
    await hooked.send("PUT", "/api/v1/groups/mine", {"members": ["PAPER-2"]})
    tv = await sender(hooked, fence={"groups": ["mine"]})
    answer = await tv.post()
    tree = await hooked.get(f"/api/v1/instructions/{answer.json()['instruction_id']}")

    assert [one["account"] for one in tree["orders"]] == ["PAPER-2"]
    await hooked.send("PUT", "/api/v1/groups/mine", {"members": []})
    assert await code(tv, ALERT.replace(b"long", b"flat")) == "OUT_OF_REACH"


@pytest.mark.parametrize(
    ("more", "expected"),
    [
        ({"accounts": ["PAPER-1"]}, ""),
        ({"accounts": ["PAPER-2"]}, "OUT_OF_REACH"),
        ({"accounts": ["PAPER-1", "PAPER-2"]}, "OUT_OF_REACH"),
        ({"accounts": ["NOBODYS"]}, "OUT_OF_REACH"),
        ({"clients": [1]}, ""),
        ({"clients": [2]}, "OUT_OF_REACH"),
        ({"clients": [99]}, "OUT_OF_REACH"),
        ({"groups": ["both"]}, "OUT_OF_REACH"),
        ({"groups": ["nowhere"]}, "OUT_OF_REACH"),
    ],
)
async def test_whoever_is_named_must_be_inside(
    hooked: Site, more: dict[str, object], expected: str
) -> None:
    await hooked.send("PUT", "/api/v1/groups/both", {"members": ["PAPER-1", "PAPER-2"]})
    tv = await sender(hooked, template={**SIGNAL, **more}, fence={"accounts": ["PAPER-1"]})

    assert await code(tv) == expected


async def test_an_order_is_for_an_account_in_the_fence_and_of_no_strategy(hooked: Site) -> None:
    tv = await sender(hooked, template=ORDER, values={}, fence={"accounts": ["PAPER-1"]})
    assert await code(tv, order("1")) == ""
    for other in ({"client": 2}, {"client": 1, "account_id": "PAPER-2"}):
        await put(hooked, template=ORDER | other, values={}, fence={"accounts": ["PAPER-1"]})
        assert await code(tv, order("1")) == "OUT_OF_REACH"
    await put(hooked, template=ORDER, values={}, fence={"strategies": ["STRATEGY_B"]})
    assert await code(tv, order("1")) == "OUT_OF_REACH"
    await put(hooked, template=ORDER, values={}, fence={"instruments": ["ACC"]})
    assert await code(tv, order("1")) == "OUT_OF_REACH"


@pytest.mark.parametrize("name", ["priority_buy", "exit"])
async def test_kinds_that_name_nobody_are_kept_to_the_fence(hooked: Site, name: str) -> None:
    template, body = KINDS[name]
    lists = ["stocks"] if name == "priority_buy" else []
    fence = {"accounts": ["PAPER-1"]}
    tv = await sender(hooked, template=template, values={}, lists=lists, fence=fence)
    answer = await tv.post(body, tv.headers(body, kind="text/plain"))

    assert answer.status_code == 202, answer.text
    tree = await hooked.get(f"/api/v1/instructions/{answer.json()['instruction_id']}")
    assert {order["account"] for order in tree["orders"]} <= {"PAPER-1"}


async def test_a_basket_that_names_others_does_not_go(hooked: Site) -> None:
    template, body = KINDS["batch"]
    fence = {"groups": ["nobody"]}
    assert (await hooked.send("PUT", "/api/v1/groups/nobody", {"members": []})).status_code < 300
    tv = await sender(hooked, template=template, values={}, fence=fence)

    answer = await tv.post(body, tv.headers(body, kind="text/plain"))

    assert (answer.status_code, answer.json()["code"]) == (403, "OUT_OF_REACH")


async def test_a_fence_and_caps_are_there_after_a_restart(folder: Path) -> None:
    async with open_site(folder) as site:
        await site.profiles({"Holland Proctor": {"STRATEGY_B": ["MINDA"]}})
        await put(
            site, fence={"accounts": ["PAPER-1"]}, caps={"per_minute": 7, "value_max": 250000.5}
        )
        before = await site.get("/api/v1/hooks/tv")
    async with open_site(folder) as site:
        assert await site.get("/api/v1/hooks/tv") == before
        assert before["caps"] == {
            "per_minute": 7,
            "quantity_max": None,
            "value_max": "250000.5",
        }
