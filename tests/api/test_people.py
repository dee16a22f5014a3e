"""Clients, accounts, kills and profiles."""

from typing import Any

import pytest

from phalanx.domain.accounts import Account
from phalanx.domain.instructions import Door, Origin
from phalanx.engine.commands import PutReference
from tests.api.conftest import WORKED_EXAMPLE, Site

BUY = {"kind": "order", "client": 1, "instrument": "RELIANCE", "side": "BUY", "quantity": 1}


async def test_clients_have_the_shape_of_the_other_platform(example: Site) -> None:
    await example.send("POST", "/api/v1/instructions", {**BUY, "type": "LIMIT", "price": "1300.1"})

    answer = await example.http.get("/api/v1/clients")

    first, second = answer.json()
    assert list(first) == [
        *("id", "name", "motilal_client_id", "available_funds", "total_pnl", "margin_used"),
        *("margin_available", "is_active", "created_at", "updated_at"),
    ]
    assert (first["id"], first["name"], first["is_active"]) == (1, "Holland Proctor", True)
    assert '"margin_used":1300.1,"margin_available":998699.9' in answer.text
    assert first["available_funds"] == 1_000_000
    assert second == await example.get("/api/v1/clients/2")
    assert answer.headers["x-total-count"] == "2"


async def test_clients_come_in_pages(example: Site) -> None:
    answer = await example.http.get("/api/v1/clients", params={"skip": 1, "limit": 1})

    assert [client["id"] for client in answer.json()] == [2]
    assert answer.headers["x-total-count"] == "2"


@pytest.mark.parametrize(
    ("funds", "text"), [(None, "1000000"), ("12.50", "12.5"), (0.1, "0.1"), (0, "0")]
)
async def test_a_new_client_can_trade(site: Site, funds: object, text: str) -> None:
    body = {"name": "Somebody"} if funds is None else {"name": "Somebody", "available_funds": funds}
    answer = await site.send("POST", "/api/v1/clients", body)

    assert answer.status_code == 201
    client = answer.json()
    assert f'"available_funds":{text},' in answer.text
    assert client == await site.get(f"/api/v1/clients/{client['id']}")
    account = await site.get(f"/api/v1/accounts/PAPER-{client['id']}")
    assert (account["cash"], account["primary"], account["closed_because"]) == (text, True, None)
    order = await site.send("POST", "/api/v1/instructions", {**BUY, "client": client["id"]})
    (outcome,) = order.json()["outcomes"]
    assert outcome["reason"] in {None, "INSUFFICIENT_CASH"}


async def test_new_clients_get_numbers_of_their_own(example: Site) -> None:
    numbers = []
    for name in ("Third", "Fourth"):
        answer = await example.send("POST", "/api/v1/clients", {"name": name})
        numbers.append(answer.json()["id"])
    await example.profiles({"Fifth": {}, "Third": {"S": ["INFY"]}})

    assert numbers == [3, 4]
    assert [c["name"] for c in await example.get("/api/v1/clients")][2:] == [
        *("Third", "Fourth", "Fifth")
    ]


async def test_a_new_client_takes_nobodys_account(example: Site) -> None:
    desk = example.system.desk
    theirs = Account("PAPER-3", 1, primary=False)
    await desk.execute(PutReference(Origin("local", Door.DESK), accounts=(theirs,)))

    answer = await example.send("POST", "/api/v1/clients", {"name": "Third"})

    assert (answer.status_code, answer.json()["id"]) == (201, 3)
    assert answer.json()["motilal_client_id"] is None
    assert desk.state.accounts["PAPER-3"] == theirs
    assert desk.state.primary_accounts[3] == "PAPER-3-2"


async def test_accounts_are_listed(example: Site) -> None:
    found = await example.get("/api/v1/accounts", limit=1)

    assert (found["total"], len(found["items"])) == (2, 1)
    (account,) = found["items"]
    assert (account["account"], account["client"]) == ("PAPER-1", "Holland Proctor")
    assert (account["cash"], account["holds"], account["available"]) == ("1000000", "0", "1000000")
    assert account["fill_profile"]["filled_bps"] == 10_000


async def test_an_account_is_changed_in_parts(example: Site) -> None:
    path = "/api/v1/accounts/PAPER-1"
    await example.send("PATCH", path, {"fill_profile": {"slices": 3, "seed": 9}})
    answer = await example.send("PATCH", path, {"charge_bps": 12, "fill_profile": {"slices": 5}})

    terms = answer.json()
    assert (terms["charge_bps"], terms["enabled"]) == (12, True)
    assert terms["fill_profile"] | {"slices": 5, "seed": 9} == terms["fill_profile"]
    after = await example.get(path)
    assert after | terms == after


async def test_a_change_that_changes_nothing_is_answered_alike(example: Site) -> None:
    path = "/api/v1/accounts/PAPER-1"
    first = await example.send("PATCH", path, {"charge_bps": 12})
    seq = example.system.desk.state.seq
    again = await example.send("PATCH", path, {"charge_bps": 12})

    assert first.json() == again.json()
    assert example.system.desk.state.seq == seq


async def test_an_account_that_is_off_takes_no_orders(example: Site) -> None:
    await example.send("PATCH", "/api/v1/accounts/PAPER-1", {"enabled": False})

    answer = await example.signal("STRATEGY_B", "MINDA", "BUY")

    assert answer["outcomes"][0]["reason"] == "ACCOUNT_DISABLED"


@pytest.mark.parametrize(
    ("body", "query", "reason"),
    [
        ({"note": "noon"}, "", "KILL_ALL"),
        ({"account": "PAPER-1", "note": "noon"}, "?account=PAPER-1", "KILL_ACCOUNT"),
    ],
)
async def test_a_kill_stops_new_risk_until_it_is_lifted(
    example: Site, body: dict[str, str], query: str, reason: str
) -> None:
    put = (await example.send("PUT", "/api/v1/kill", body)).json()
    killed = await example.signal("STRATEGY_B", "MINDA", "BUY")
    standing = await example.get("/api/v1/kill")
    lifted = (await example.send("DELETE", f"/api/v1/kill{query}")).json()
    again = await example.signal("STRATEGY_B", "MINDA", "BUY")

    account = body.get("account")
    assert (put["account"], put["standing"], put["note"]) == (account, True, "noon")
    assert killed["outcomes"][0]["reason"] == reason
    told: dict[str, object] = {"cancel": None, "flatten": None, "in_force": [], "in_force_total": 0}
    assert [item | told for item in standing["items"]] == [put]
    assert (lifted["account"], lifted["standing"]) == (account, False)
    assert again["RESPONSE"] == "ACCEPTED"
    assert (await example.get("/api/v1/kill"))["total"] == 0


async def test_under_a_kill_what_is_held_may_be_sold(example: Site) -> None:
    await example.signal("STRATEGY_B", "MINDA", "BUY")
    await example.send("PUT", "/api/v1/kill", {})

    assert (await example.signal("STRATEGY_B", "MINDA", "SELL"))["RESPONSE"] == "ACCEPTED"


async def test_a_kill_needs_no_body(example: Site) -> None:
    put = (await example.send("PUT", "/api/v1/kill")).json()

    assert (put["account"], put["standing"]) == (None, True)


async def test_an_empty_name_is_not_everybody(example: Site) -> None:
    await example.send("PUT", "/api/v1/kill")

    lifted = await example.send("DELETE", "/api/v1/kill?account=")
    put = await example.send("PUT", "/api/v1/kill", {"account": ""})

    assert (lifted.json()["code"], put.json()["code"]) == ("EMPTY_TEXT", "EMPTY_TEXT")
    assert (await example.get("/api/v1/kill"))["total"] == 1


async def test_a_kill_that_stands_is_answered_as_it_stands(example: Site) -> None:
    first = (await example.send("PUT", "/api/v1/kill", {"note": "first"})).json()
    second = (await example.send("PUT", "/api/v1/kill", {"note": "second"})).json()

    assert second == first


async def test_profiles_are_exported_as_they_can_be_imported(site: Site) -> None:
    answer = await site.send("POST", "/api/v1/profiles", WORKED_EXAMPLE)
    exported = await site.get("/api/v1/profiles")
    seq = site.system.desk.state.seq
    await site.profiles(exported)

    assert answer.json() == {"users": 2, "strategies": 3, "subscriptions": 3, "instruments": 5}
    assert exported == {
        "Holland Proctor": {
            "STRATEGY_A": ["BSOFT", "GRASIM", "EICHERMOT"],
            "STRATEGY_B": ["UNOMINDA"],
        },
        "Oaklee Wagner": {"STRATEGY_D": ["ACC"]},
    }
    assert site.system.desk.state.seq == seq


async def test_unknown_instruments_are_made_up_for_paper(site: Site) -> None:
    await site.profiles({"U": {"S": ["MY OWN", "LOCAL:X"]}})

    assert await site.get("/api/v1/profiles") == {"U": {"S": ["MY OWN", "LOCAL:X"]}}
    bought: Any = await site.signal("S", "MY OWN", "BUY")
    (found,) = (await site.get("/api/v1/instruments/search", q="my own"))["items"]
    assert bought["RESPONSE"] == "ACCEPTED"
    assert (found["exchange"], found["price_source"]) == ("LOCAL", "SYNTHETIC")


async def test_a_user_without_strategies_is_a_client(site: Site) -> None:
    await site.profiles({"U": {}, "V": {"S": []}})

    assert [client["name"] for client in await site.get("/api/v1/clients")] == ["U", "V"]
    assert await site.get("/api/v1/profiles") == {"U": {}, "V": {"S": []}}
