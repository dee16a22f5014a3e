"""Users, over HTTP: an admin's doors."""

import pytest

from phalanx.domain.time import HOUR, iso
from tests.api.identity.rig import ANOTHER, LOGIN, ME, PASSWORD, LoginSite

PATH = "/api/v1/users"
DAN = {"name": "dan", "role": "viewer"}


async def test_a_new_user_gets_a_password_that_is_shown_once(site: LoginSite) -> None:
    root = await site.log_in("root")
    site.heard.taken()

    made = await root.does("POST", PATH, DAN)

    password = made.pop("password")
    assert made == await root.does("GET", f"{PATH}/DAN")
    assert made | {"created_at": "", "changed_at": ""} == {
        **DAN,
        "clients": [],
        "may_trade": False,
        "enabled": True,
        "second_factor": "off",
        "must_change": True,
        "created_at": "",
        "changed_at": "",
    }
    assert site.heard.taken() == [("user_created", "dan", "root")]
    assert site.heard.details[-1] == "role viewer"
    dan = await site.log_in("dan", password)
    assert (await dan.does("GET", ME))["must_change"] is True


async def test_a_new_user_may_be_given_a_password(site: LoginSite) -> None:
    root = await site.log_in("root")

    made = await root.does("POST", PATH, {**DAN, "password": ANOTHER})

    assert (made["password"], made["must_change"]) == (None, False)
    assert (await (await site.log_in("dan", ANOTHER)).does("GET", ME))["role"] == "viewer"


async def test_a_client_names_its_clients(site: LoginSite) -> None:
    root = await site.log_in("root")
    body = {"name": "dan", "role": "client", "clients": [2, 1, 2], "may_trade": True}

    made = await root.does("POST", PATH, body)

    assert (made["clients"], made["may_trade"]) == ([1, 2], True)
    assert site.heard.details[-1] == "role client, clients 1 2, 2 in all, may trade"


async def test_users_are_listed_by_name(site: LoginSite) -> None:
    root = await site.log_in("root")

    found = await root.does("GET", PATH)

    assert ([one["name"] for one in found["items"]], found["total"]) == (["ann", "cora", "root"], 3)
    page = await root.does("GET", f"{PATH}?skip=1&limit=1")
    assert ([one["name"] for one in page["items"]], page["total"]) == (["cora"], 3)


async def test_other_duties_count_from_the_next_request_on(site: LoginSite) -> None:
    root, ann = await site.log_in("root"), await site.log_in("ann")
    site.heard.taken()

    changed = await root.does("PATCH", f"{PATH}/ann", {"role": "client", "clients": [2]})

    assert (changed["role"], changed["clients"], changed["may_trade"]) == ("client", [2], False)
    me = await ann.does("GET", ME)
    assert (me["role"], me["permissions"], me["clients"]) == ("client", ["read"], [2])
    assert site.heard.taken() == [("user_changed", "ann", "root")]
    await root.does("PATCH", f"{PATH}/ann", {"may_trade": True})
    assert (await ann.does("GET", ME))["permissions"] == ["read", "trade"]
    back = await root.does("PATCH", f"{PATH}/ann", {"role": "viewer"})
    assert (back["clients"], back["may_trade"]) == ([], False)


async def test_who_is_shut_out_is_out_at_once_and_may_be_let_in_again(site: LoginSite) -> None:
    root, ann = await site.log_in("root"), await site.log_in("ann")
    site.heard.taken()

    assert (await root.does("PATCH", f"{PATH}/ann", {"enabled": False}))["enabled"] is False

    assert await ann.refused("GET", ME) == (401, "SESSION_ENDED")
    body = {"user": "ann", "password": PASSWORD}
    assert await site.stranger().refused("POST", LOGIN, body) == (401, "UNAUTHENTICATED")
    await root.does("PATCH", f"{PATH}/ann", {"enabled": True})
    await site.log_in("ann")
    told = [act for act, _, _ in site.heard.taken()]
    assert told == ["user_disabled", "login_failed", "user_enabled", "login"]


async def test_what_a_disabled_user_left_waiting_is_named(site: LoginSite) -> None:
    root, ann = await site.log_in("root"), await site.log_in("ann")
    at = iso(site.system.desk.clock.now() + HOUR, 0)
    body = {"kind": "signal", "strategy": "STRATEGY_B", "instrument": "MINDA", "position": "BUY"}
    taken = await ann.ask("POST", "/api/v1/instructions", body | {"fire_at": at})
    held = [taken.json()["instruction_id"]]

    changed = await root.does("PATCH", f"{PATH}/ann", {"role": "trader"})
    assert (changed["held"], changed["held_total"]) == ([], 0)
    shut_out = await root.does("PATCH", f"{PATH}/ann", {"enabled": False})
    assert (shut_out["held"], shut_out["held_total"]) == (held, 1)


async def test_a_change_that_changes_nothing_is_no_fact(site: LoginSite) -> None:
    root = await site.log_in("root")
    site.heard.taken()

    await root.does("PATCH", f"{PATH}/ann", {"role": "trader", "enabled": True})
    await root.does("PATCH", f"{PATH}/ann", {})

    assert site.heard.taken() == []


async def test_of_a_change_that_is_refused_in_part_nothing_is_done(site: LoginSite) -> None:
    root, ann = await site.log_in("root"), await site.log_in("ann")

    refused = await root.refused("PATCH", f"{PATH}/ann", {"clients": [1], "enabled": False})

    assert refused == (422, "INVALID")
    assert (await ann.does("GET", ME))["clients"] is None


async def test_a_password_is_reset_to_one_for_one_login(site: LoginSite) -> None:
    root, ann = await site.log_in("root"), await site.log_in("ann")
    site.heard.taken()

    reset = await root.does("POST", f"{PATH}/Ann/reset-password")

    assert (reset["name"], reset["must_change"]) == ("ann", True)
    assert await ann.refused("GET", ME) == (401, "SESSION_ENDED")
    again = await site.log_in("ann", reset["password"])
    assert await again.refused("GET", "/api/v1/clients") == (403, "PASSWORD_CHANGE_NEEDED")
    assert site.heard.taken()[0] == ("password_reset", "ann", "root")


async def test_a_second_factor_that_is_lost_is_taken_off(site: LoginSite) -> None:
    root, ann = await site.log_in("root"), await site.log_in("ann")
    await ann.does("POST", "/api/v1/auth/totp", {"password": PASSWORD})
    site.heard.taken()

    assert (await root.does("DELETE", f"{PATH}/ann/totp"))["second_factor"] == "off"

    assert site.heard.taken() == [("totp_disabled", "ann", "root")]


@pytest.mark.parametrize(
    ("method", "path"), [("POST", "/ROOT/reset-password"), ("DELETE", "/root/totp")]
)
async def test_an_access_token_alone_takes_nobody_over(
    site: LoginSite, method: str, path: str
) -> None:
    root = await site.log_in("root")

    assert await root.refused(method, f"{PATH}{path}") == (403, "FORBIDDEN")


async def test_without_logins_there_are_no_users(site: LoginSite) -> None:
    site.system.settings.__dict__["open_localhost"] = True
    site.front.house.take(site.system)
    local = site.stranger()

    assert (await local.does("GET", ME))["kind"] == "local"
    for method, path, body in (
        ("GET", PATH, None),
        ("POST", PATH, DAN),
        ("GET", "/api/v1/sessions", None),
        ("GET", "/api/v1/keys", None),
        ("POST", LOGIN, {"user": "ann", "password": PASSWORD}),
        ("POST", "/api/v1/auth/logout", None),
        ("POST", "/api/v1/auth/password", {"old": PASSWORD, "new": ANOTHER}),
    ):
        assert await local.refused(method, path, body) == (409, "LOGINS_OFF")
