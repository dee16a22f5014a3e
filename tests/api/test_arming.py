"""Arming at the doors: live accounts only, all or none, and shown with the account."""

import msgspec
import pytest

from phalanx.domain.accounts import Mode
from phalanx.domain.instructions import Door, Origin
from phalanx.domain.time import iso
from phalanx.engine import commands as c
from tests.api.conftest import Site

PATH = "/api/v1/armed"
ONE = "/api/v1/accounts/PAPER-1/armed"
LOCAL = Origin("local", Door.ACCOUNTS)


@pytest.fixture
async def live(example: Site) -> Site:
    """The first account is live: made so past its door, as no live broker is connected."""
    desk = example.system.desk
    account = msgspec.structs.replace(desk.state.accounts["PAPER-1"], mode=Mode.LIVE)
    await desk.execute(c.PutReference(LOCAL, accounts=(account,)))
    return example


async def test_one_account_is_armed_shown_and_disarmed(live: Site) -> None:
    armed = await live.send("PUT", ONE, {"note": "the open"}, "k")
    again = await live.send("PUT", ONE, {"note": "the open"}, "k")
    state = live.system.desk.state
    until = iso(state.armed["PAPER-1"].until, state.settings.zone_offset_s)

    assert (
        armed.json()
        == again.json()
        == {
            "accounts": ["PAPER-1"],
            "armed_by": "local",
            "armed_until": until,
            "note": "the open",
        }
    )
    assert until.endswith("T00:00:00.000000+05:30")
    shown = await live.get("/api/v1/accounts/PAPER-1")
    assert (shown["armed_until"], shown["armed_by"]) == (until, "local")
    first, second = (await live.get("/api/v1/accounts"))["items"]
    assert (first["armed_until"], second["armed_until"]) == (until, None)

    gone = await live.send("DELETE", ONE)

    assert gone.json() == {"accounts": ["PAPER-1"]}
    assert (await live.get("/api/v1/accounts/PAPER-1"))["armed_until"] is None
    assert (await live.send("DELETE", ONE)).json() == {"accounts": []}


async def test_many_are_armed_by_account_client_and_group_and_all_disarmed(live: Site) -> None:
    await live.send("PUT", "/api/v1/groups/live", {"members": ["PAPER-1"]})
    body = {"accounts": ["PAPER-1"], "clients": [1], "groups": ["live"]}

    answer = await live.send("PUT", PATH, body)
    gone = await live.send("DELETE", PATH, None, "k")
    again = await live.send("DELETE", PATH, None, "k")

    assert answer.json()["accounts"] == ["PAPER-1"]
    assert gone.json() == again.json() == {"accounts": ["PAPER-1"]}
    assert not live.system.desk.state.armed


@pytest.mark.parametrize(
    ("path", "body", "status", "code"),
    [
        ("/api/v1/accounts/PAPER-2/armed", {}, 409, "ACCOUNT_NOT_LIVE"),
        ("/api/v1/accounts/NOBODY/armed", {}, 404, "NOT_FOUND"),
        (PATH, {"accounts": ["PAPER-1", "PAPER-2"]}, 409, "ACCOUNT_NOT_LIVE"),
        (PATH, {"clients": [2]}, 409, "ACCOUNT_NOT_LIVE"),
        (PATH, {"accounts": ["NOBODY"]}, 422, "UNKNOWN_ACCOUNT"),
        (PATH, {"clients": [99]}, 422, "UNKNOWN_CLIENT"),
        (PATH, {"groups": ["none"]}, 422, "UNKNOWN_GROUP"),
        (PATH, {"groups": ["empty"]}, 422, "NOBODY_CHOSEN"),
        (PATH, {"note": "all of them?"}, 422, "MISSING_FIELD"),
        (PATH, {"accounts": ["PAPER-1"], "everybody": True}, 422, "UNKNOWN_FIELD"),
    ],
)
async def test_nobody_is_armed(live: Site, path: str, body: object, status: int, code: str) -> None:
    await live.send("PUT", "/api/v1/groups/empty", {"members": []})

    answer = await live.send("PUT", path, body)

    assert (answer.status_code, answer.json()["code"]) == (status, code)
    assert not live.system.desk.state.armed
