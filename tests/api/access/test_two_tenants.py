"""Two clients of one desk: whatever of the other's somebody names, and wherever, they are answered as if there
were no such thing; and nothing that they are told names the other.

What can be named is taken from the catalogue, as the OpenAPI document is: parts of paths, parameters, fields of
the examples of bodies.
"""

import json
import re
from collections.abc import Iterator
from typing import Any

import httpx
import pytest

from phalanx.api.catalogue import DOORS
from phalanx.api.exchange import Door
from tests.api.access.conftest import ANNS, BOBS, Books

pytestmark = pytest.mark.asyncio(loop_scope="module")

ANNS_PEOPLE = ("ann-looks", "ann", "key-of-anns")
"""Those who see what is Ann's."""
NOBODYS = {
    "client": "987654",
    "account": "PAPER-9",
    "strategy": "GLIDE",
    "trade": "CZZZZZZZZZ",
    "order": "CYYYYYYYYY",
    "instruction": "IZZZZZZZZZZ",
    "signal": "IYYYYYYYYYY",
}
"""Names that nobody has."""
KINDS = {
    "account": "account",
    "account_id": "account",
    "accounts": "account",
    "client": "client",
    "client_id": "client",
    "client_ids": "client",
    "clients": "client",
    "instruction": "instruction",
    "instruction_id": "instruction",
    "order_id": "order",
    "strategy": "strategy",
    "STRATEGY": "strategy",
    "trade": "trade",
    "trade_id": "trade",
}
"""What is named by parts of paths, parameters and fields of these names."""
OURS = {"now", "as_of", "request_id", "seq", "instruction_id", "time", "expires_at", "updated_at"}
"""What two answers to equal requests do not have alike."""
MORE_BODIES: tuple[dict[str, Any], ...] = (
    {"kind": "exit", "instrument": "ACC", "accounts": [""]},
    {"kind": "exit", "trade": ""},
    {"kind": "exit", "instrument": "ACC", "accounts": [ANNS, ""]},
    {
        "kind": "signal",
        "strategy": "TREND",
        "instrument": "INFY",
        "position": "BUY",
        "clients": [0],
    },
    {"kind": "signal", "strategy": "", "instrument": "ACC", "position": "SELL"},
    {
        "kind": "batch",
        "instrument": "INFY",
        "side": "BUY",
        "allocation": {"method": "quantities", "quantities": [{"client": 0, "quantity": 1}]},
    },
    {
        "kind": "batch",
        "instrument": "INFY",
        "side": "BUY",
        "allocation": {"method": "quantities", "quantities": [{"account_id": "", "quantity": 1}]},
    },
    {
        "kind": "batch",
        "instrument": "INFY",
        "side": "BUY",
        "allocation": {"method": "like", "instruction": ""},
    },
    {"kind": "priority_buy", "instruments": ["INFY"], "clients": [0]},
)
"""Ways to name somebody in an instruction that no example shows."""


def normal(answer: httpx.Response, named: dict[str, str]) -> object:
    """An answer without what is its own, and with the names that were asked for made alike."""
    text = answer.text
    for kind, name in named.items():
        # A client's number is a small one: it is looked for where one is named.
        before = r"(client\D{0,8})" if kind == "client" else "()"
        text = re.sub(rf"{before}\b{re.escape(name)}\b", rf"\1<{kind}>", text)
    if "json" in answer.headers["content-type"]:
        text = json.dumps(_without(json.loads(re.sub(r"(?<=[:,\[])<(\w+)>", r'"<\1>"', text))))
    kept = {key: answer.headers.get(key) for key in ("content-type", "x-total-count")}
    return answer.status_code, kept, text


def _without(found: Any) -> Any:  # noqa: ANN401  JSON
    if isinstance(found, dict):
        return {key: _without(value) for key, value in found.items() if key not in OURS}
    return [_without(one) for one in found] if isinstance(found, list) else found


def named_in(found: Any, kinds: dict[str, str], name: str = "") -> Any:  # noqa: ANN401  JSON
    """A body with every name of a kind replaced; Ann's own account stays beside others."""
    if isinstance(found, dict):
        return {key: named_in(value, kinds, key) for key, value in found.items()}
    if isinstance(found, list):
        # A body that is a list is one of clients.
        return [named_in(one, kinds, name or "clients") for one in found]
    if name not in KINDS or found == ANNS:
        return found
    wanted = kinds[KINDS[name]]
    return int(wanted) if KINDS[name] == "client" else wanted


def names_somebody(found: Any, name: str = "") -> bool:  # noqa: ANN401  JSON
    if isinstance(found, dict):
        return any(names_somebody(value, key) for key, value in found.items())
    if isinstance(found, list):
        return any(names_somebody(one, name or "clients") for one in found)
    return name in KINDS


Asking = tuple[Door, str, str, Any]
"""A door, its path and query with names to be filled in, and a body."""


def everything_that_names() -> Iterator[Asking]:
    """Each request that names somebody's, in path, query or body."""
    for door in DOORS:
        path = re.sub(r"\{(\w+)\}", lambda part: f"{{{KINDS.get(part[1], part[1])}}}", door.path)
        examples = list(door.examples.values()) if door.media_type != "text/csv" else [None]
        if door.path.startswith("/api/v1/instructions") and door.path.count("/") < 5:
            examples += MORE_BODIES if door.method == "POST" else ()
        for example in examples or [None]:
            if path != door.path or names_somebody(example):
                yield door, path, "", example
        fields = () if door.query is None else door.query.__struct_fields__
        for field in fields:
            if field in KINDS:
                yield door, path, f"{field}={{{KINDS[field]}}}", next(iter(examples), None)


PARTS = {"token": "INFY", "level": "account", "name": "core", "break_id": "B9N2X4J7Q0K"}
PARTS |= {"source": "tv", "secret": "made-up"}


async def told(books: Books, who: str, asking: Asking, names: dict[str, str]) -> object:
    door, path, query, example = asking
    kinds = {kind: names[kind] for kind in set(KINDS.values())}
    url = path.format(**kinds, **PARTS) + (f"?{query.format(**kinds)}" if query else "")
    body = None if example is None else named_in(example, kinds)
    answer = await books.ask(who, door.method, url, body)
    return normal(answer, kinds)


@pytest.mark.parametrize("who", ANNS_PEOPLE)
async def test_what_is_bobs_is_as_if_it_were_not_there(books: Books, who: str) -> None:
    seen = 0
    for asking in everything_that_names():
        bobs = await told(books, who, asking, NOBODYS | books.ids["bob"])
        nobodys = await told(books, who, asking, NOBODYS)
        assert bobs == nobodys, (asking[0].method, asking[1], asking[2], asking[3])
        seen += 1
    assert seen > 60


async def test_what_is_anns_is_there_for_her(books: Books) -> None:
    """Else all of the above would hold of doors that answer nobody."""
    ids = books.ids["ann"]
    for who in ANNS_PEOPLE:
        for path in (
            f"/api/v1/clients/{ids['client']}",
            f"/api/v1/clients/{ids['client']}/portfolio",
            f"/api/v1/accounts/{ids['account']}",
            f"/api/v1/orders/{ids['order']}",
            f"/api/v1/trades/{ids['trade']}",
            f"/api/v1/instructions/{ids['instruction']}",
            f"/api/v1/instructions/{ids['signal']}",
            f"/api/v1/instructions/{books.shared}",
            f"/api/v1/strategies/{ids['strategy']}/subscriptions",
        ):
            await books.told(who, path)
        assert (await books.told(who, "/api/v1/orders", account=ANNS))["total"] == 3


LISTS = (
    *("/api/v1/instructions", "/api/v1/orders", "/api/v1/order-log", "/api/v1/trades"),
    *("/api/v1/clients", "/api/v1/accounts", "/api/v1/positions", "/api/v1/open-buys"),
    *("/api/v1/strategies", "/api/v1/tokens/TCS/holders", "/api/v1/instruments?q=TCS"),
    *("/health/ready", "/api/v1/tokens/TCS"),
)
EXPORTS = tuple(
    door.path
    for door in DOORS
    if door.query is not None and "format" in door.query.__struct_fields__ and "{" not in door.path
)


def is_of_bob(books: Books, answer: httpx.Response) -> list[str]:
    """What of Bob's is in an answer, its headers among it."""
    said = f"{answer.text}\n{dict(answer.headers)}"
    bobs = {BOBS, "Bob", "SWING", *(v for k, v in books.ids["bob"].items() if k != "client")}
    found = [name for name in bobs if re.search(rf"\b{re.escape(name)}\b", said)]
    return found + re.findall(r'"client(?:_id)?":2\b', said)


@pytest.mark.parametrize("who", ANNS_PEOPLE)
async def test_nothing_that_is_told_names_bob(books: Books, who: str) -> None:
    detail = [f"/api/v1/instructions/{books.shared}", "/api/v1/clients/1/portfolio"]
    exports = [f"{path}?format=csv" for path in EXPORTS]
    for path in (*LISTS, *detail, *exports):
        answer = await books.ask(who, "GET", path)
        assert is_of_bob(books, answer) == [], (path, answer.text)


async def test_the_lists_name_bob_to_those_who_see_everybody(books: Books) -> None:
    """Else the test before would find nothing anywhere."""
    for path in LISTS[:10]:
        assert is_of_bob(books, await books.ask("viewer", "GET", path)), path


async def test_totals_are_of_what_is_seen(books: Books) -> None:
    for who in ANNS_PEOPLE:
        assert (await books.told(who, "/api/v1/orders"))["total"] == 3
        assert (await books.told(who, "/api/v1/orders", limit=1, skip=2))["total"] == 3
        assert (await books.told(who, "/api/v1/orders", open="true"))["total"] == 1
        assert (await books.told(who, "/api/v1/instructions"))["total"] == 3
        assert (await books.told(who, "/api/v1/instructions", kind="batch"))["total"] == 1
        assert (await books.told(who, "/api/v1/accounts"))["total"] == 1
        trades = await books.ask(who, "GET", "/api/v1/trades")
        assert trades.headers["x-total-count"] == "3"
        assert len(trades.json()) == 3
        clients = await books.ask(who, "GET", "/api/v1/clients")
        assert (clients.headers["x-total-count"], len(clients.json())) == ("1", 1)


async def test_an_instruction_for_both_is_told_each_as_their_own(books: Books) -> None:
    tree = await books.told("ann", f"/api/v1/instructions/{books.shared}")
    whole = await books.told("trader", f"/api/v1/instructions/{books.shared}")
    assert [order["account"] for order in tree["orders"]] == [ANNS]
    assert (tree["orders_total"], whole["orders_total"]) == (1, 2)
    assert (tree["filled"], whole["filled"]) == (1, 2)
    assert tree["asked"]["rows"] == whole["asked"]["rows"][:1]
    assert tree["asked"]["rows_total"] == 1
    assert (tree["note"], whole["note"]) == ("", "for Bob Butcher and Ann")
    (listed,) = (
        one
        for one in (await books.told("ann", "/api/v1/instructions"))["items"]
        if one["instruction_id"] == books.shared
    )
    assert {key: tree[key] for key in listed if key != "asked"} == {
        key: value for key, value in listed.items() if key != "asked"
    }


async def test_a_fence_of_strategies_or_instruments_shows_their_orders_only(books: Books) -> None:
    trend = await books.told("key-of-trend", "/api/v1/orders")
    assert {order["strategy"] for order in trend["items"]} == {"TREND"}
    assert trend["total"] == len(trend["items"]) == 1
    log = await books.told("key-of-trend", "/api/v1/order-log")
    assert {line["strategy"] for line in log["items"]} == {"TREND"}
    infy = await books.told("key-of-infy", "/api/v1/orders")
    assert {order["instrument"] for order in infy["items"]} == {"INFY"}
    assert infy["total"] == len(infy["items"]) == 2
    for who in ("key-of-trend", "key-of-infy"):
        # Cash is of no strategy and of no instrument.
        assert (await books.told(who, "/api/v1/accounts"))["total"] == 0
        assert await books.told(who, "/api/v1/clients") == []
        listed = await books.told(who, "/api/v1/instructions")
        assert listed["total"] == len(listed["items"]) > 0
    trades = await books.told("key-of-trend", "/api/v1/trades")
    assert [trade["token"]["symbol"] for trade in trades] == ["GRASIM"]
    assert (await books.told("key-of-trend", "/api/v1/positions"))["total"] == 0
