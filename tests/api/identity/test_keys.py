"""Machine keys, over HTTP: an admin's doors, and what a key then opens."""

from typing import Any

import pytest

from phalanx.domain.time import DAY, HOUR, iso
from tests.api.identity.rig import ME, LoginSite, Person

PATH = "/api/v1/keys"
ALGO = {"name": "algo1", "scopes": ["trade", "read"]}


async def test_a_new_key_is_shown_once(site: LoginSite) -> None:
    root = await site.log_in("root")
    site.heard.taken()

    made = await root.does("POST", PATH, ALGO)

    token = made.pop("token")
    assert token.startswith(f"phx_{made['id']}_")
    assert await root.does("GET", PATH) == {"items": [made], "total": 1}
    assert made | {"id": "", "created_at": "", "expires_at": ""} == {
        "id": "",
        "name": "algo1",
        "scopes": ["read", "trade"],
        "strategies": [],
        "instruments": [],
        "accounts": [],
        "created_by": "root",
        "created_at": "",
        "expires_at": "",
        "revoked_at": None,
        "last_used_at": None,
    }
    key = site.directory.keys.list()[0]
    assert key.expires_at == site.clock.now() + 90 * DAY
    assert site.heard.taken() == [("key_created", "algo1", "root")]
    program = Person(site.at(), token)
    assert (await program.does("GET", ME))["name"] == "algo1"
    signal = {"STRATEGY": "STRATEGY_B", "INSTRUMENT": "MINDA", "POSITION": "BUY"}
    answer = await program.ask("POST", "/create_order", signal)
    assert answer.json()["RESPONSE"] == "ACCEPTED"
    (listed,) = (await root.ask("GET", "/api/v1/instructions")).json()["items"]
    assert listed["actor"] == "key:algo1"


async def test_a_fence_holds_keys_of_instruments(site: LoginSite) -> None:
    root = await site.log_in("root")
    accounts = list(site.system.desk.state.accounts)[:1]
    fence = {
        "strategies": ["STRATEGY_B"],
        "instruments": ["RELIANCE", "NSE:2885", 11536],
        "accounts": accounts,
    }

    made = await root.does("POST", PATH, ALGO | fence)

    assert made["strategies"] == ["STRATEGY_B"]
    assert made["instruments"] == ["NSE:11536", "NSE:2885"]
    assert made["accounts"] == accounts


@pytest.mark.parametrize(
    ("when", "days"),
    [({"expires_days": 1}, 1), ({"expires_days": 732}, 732)],
)
async def test_a_key_ends_after_as_many_days(
    site: LoginSite, when: dict[str, Any], days: int
) -> None:
    await (await site.log_in("root")).does("POST", PATH, ALGO | when)

    assert site.directory.keys.list()[0].expires_at == site.clock.now() + days * DAY


async def test_a_key_ends_at_a_time(site: LoginSite) -> None:
    root = await site.log_in("root")
    # The clock of these tests stands in November 2023.
    made = await root.does("POST", PATH, ALGO | {"expires_at": "2024-01-01T00:00:00+05:30"})

    assert made["expires_at"] == "2024-01-01T00:00:00.000000+05:30"


async def test_a_name_is_taken_in_whichever_case(site: LoginSite) -> None:
    root = await site.log_in("root")
    await root.does("POST", PATH, ALGO)

    assert await root.refused("POST", PATH, ALGO | {"name": "ALGO1"}) == (409, "NAME_TAKEN")


async def test_a_key_that_is_revoked_opens_nothing(site: LoginSite) -> None:
    root, program = await site.log_in("root"), await site.key("read")
    id = (await program.does("GET", ME))["session"]
    site.heard.taken()

    revoked = await root.does("DELETE", f"{PATH}/{id}")

    assert revoked["revoked_at"] is not None
    assert await program.refused("GET", ME) == (401, "UNAUTHENTICATED")
    assert await root.does("DELETE", f"{PATH}/{id}") == revoked
    assert site.heard.taken() == [("key_revoked", "key0", "root")]
    assert await root.refused("DELETE", f"{PATH}/{'0' * 16}") == (404, "NO_SUCH_KEY")


async def test_what_a_revoked_key_left_waiting_is_named_and_can_be_cancelled(
    site: LoginSite,
) -> None:
    root, program = await site.log_in("root"), await site.key("read", "trade")
    id = (await program.does("GET", ME))["session"]
    body = {"kind": "signal", "strategy": "STRATEGY_B", "instrument": "MINDA", "position": "BUY"}
    asked = []
    times = [iso(site.system.desk.clock.now() + hours * HOUR, 0) for hours in (3, 2)]
    for at in times:
        taken = await program.ask("POST", "/api/v1/instructions", body | {"fire_at": at})
        asked.append(taken.json()["instruction_id"])
    await root.ask("POST", "/api/v1/instructions", body | {"fire_at": times[0]})

    revoked = await root.does("DELETE", f"{PATH}/{id}")

    assert (revoked["held"], revoked["held_total"]) == (asked[::-1], 2)
    for one in asked:
        canceled = await root.ask("POST", f"/api/v1/instructions/{one}/cancel")
        assert canceled.status_code == 202, canceled.text
    again = await root.does("DELETE", f"{PATH}/{id}")
    assert (again["held"], again["held_total"]) == ([], 0)


async def test_it_is_seen_in_which_hour_a_key_was_used(site: LoginSite) -> None:
    program = await site.key("read")
    await program.does("GET", ME)
    site.directory.tidy()
    root = await site.log_in("root")

    (key,) = (await root.does("GET", PATH))["items"]

    assert key["last_used_at"] is not None
    used = site.directory.keys.list()[0].last_used_at
    assert used == site.clock.now() // HOUR * HOUR
