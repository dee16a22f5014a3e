"""What the doors of this room refuse: one server for all of it, because nothing of it changes anything."""

from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import pytest
import pytest_asyncio

from phalanx.domain.time import HOUR
from tests.api.identity.rig import (
    ANOTHER,
    LOGIN,
    ME,
    PASSWORD,
    REFRESH,
    LoginSite,
    open_login_site,
    outcome,
)
from tests.fakes.clock import ManualClock

pytestmark = pytest.mark.asyncio(loop_scope="module")

CHANGE = "/api/v1/auth/password"
TOTP = "/api/v1/auth/totp"
CONFIRM = "/api/v1/auth/totp/confirm"
SESSIONS = "/api/v1/sessions"
USERS = "/api/v1/users"
KEYS = "/api/v1/keys"
WRONG = {"user": "ann", "password": "not this one"}
DAN = {"name": "dan", "role": "viewer"}
ALGO = {"name": "algo1", "scopes": ["trade", "read"]}


@pytest_asyncio.fixture(loop_scope="module", scope="module")
async def site(tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[LoginSite]:
    data: Path = tmp_path_factory.mktemp("refused") / "data"
    with pytest.MonkeyPatch.context() as monkeypatch:
        async with open_login_site(data, monkeypatch, ManualClock()) as opened:
            yield opened


@pytest_asyncio.fixture(loop_scope="module", autouse=True)
async def nothing_changes(site: LoginSite) -> AsyncIterator[None]:
    # Who guessed before does not wait any more.
    site.clock.advance(2 * HOUR)
    site.directory.tidy()
    users, keys = site.directory.users.list(), site.directory.keys.list()
    seq = site.system.desk.state.seq
    yield
    assert (site.directory.users.list(), seq) == (users, site.system.desk.state.seq)
    # The programs of these tests, and no other key.
    new = site.directory.keys.list()[len(keys) :]
    assert all(key.name.startswith("key") for key in new)
    assert {act for act, _, _ in site.heard.taken()} <= {
        "login",
        "key_created",
        "confirmation_failed",
    }


@pytest.mark.parametrize(
    ("body", "code", "field"),
    [
        ({"user": "ann"}, "MISSING_FIELD", "password"),
        ({"password": PASSWORD}, "MISSING_FIELD", "user"),
        ({**WRONG, "role": "admin"}, "UNKNOWN_FIELD", "role"),
        ({**WRONG, "id": 1}, "UNKNOWN_FIELD", "id"),
        ({**WRONG, "must_change": False}, "UNKNOWN_FIELD", "must_change"),
        ({"user": "", "password": PASSWORD}, "EMPTY_TEXT", "user"),
        ({"user": "a" * 65, "password": PASSWORD}, "TEXT_TOO_LONG", "user"),
        ({"user": "a\nb", "password": PASSWORD}, "INVALID_TEXT", "user"),
        ({"user": "ann", "password": ""}, "EMPTY_TEXT", "password"),
        ({"user": "ann", "password": "p" * 257}, "TEXT_TOO_LONG", "password"),
        ({"user": "ann", "password": "p\x00"}, "INVALID_TEXT", "password"),
        ({"user": "ann", "password": 7}, "WRONG_TYPE", "password"),
        ({**WRONG, "code": "1" * 33}, "TEXT_TOO_LONG", "code"),
        ({**WRONG, "code": None}, "WRONG_TYPE", "code"),
        ({**WRONG, "cookie": "yes"}, "WRONG_TYPE", "cookie"),
    ],
)
async def test_a_login_that_is_misshapen_is_no_try(
    site: LoginSite, body: dict[str, Any], code: str, field: str
) -> None:
    answer = await site.at().post(LOGIN, json=body)

    assert (*outcome(answer), answer.json()["field"]) == (422, code, field)


@pytest.mark.parametrize(
    ("body", "status", "code"),
    [
        (None, 401, "UNAUTHENTICATED"),
        ({}, 401, "UNAUTHENTICATED"),
        ({"refresh_token": "phr_nothing"}, 401, "UNAUTHENTICATED"),
        ({"refresh_token": ""}, 422, "EMPTY_TEXT"),
        ({"refresh_token": "x" * 201}, 422, "TEXT_TOO_LONG"),
        ({"refresh_token": None}, 422, "WRONG_TYPE"),
        ({"refresh_token": "x", "user": "root"}, 422, "UNKNOWN_FIELD"),
    ],
)
async def test_what_is_no_refresh_token_refreshes_nothing(
    site: LoginSite, body: object, status: int, code: str
) -> None:
    assert await site.stranger().refused("POST", REFRESH, body) == (status, code)


@pytest.mark.parametrize(
    ("body", "status", "code"),
    [
        ({"old": "not this one", "new": ANOTHER}, 403, "WRONG_PASSWORD"),
        ({"old": PASSWORD, "new": PASSWORD}, 422, "WEAK_PASSWORD"),
        ({"old": PASSWORD, "new": "short"}, 422, "WEAK_PASSWORD"),
        ({"old": PASSWORD, "new": "x" * 257}, 422, "TEXT_TOO_LONG"),
        ({"old": PASSWORD, "new": ""}, 422, "EMPTY_TEXT"),
        ({"old": PASSWORD, "new": "a tab\tin the middle"}, 422, "INVALID_TEXT"),
        ({"new": ANOTHER}, 422, "MISSING_FIELD"),
        ({"old": PASSWORD, "new": ANOTHER, "user": "root"}, 422, "UNKNOWN_FIELD"),
        ({"old": PASSWORD, "new": ANOTHER, "must_change": False}, 422, "UNKNOWN_FIELD"),
    ],
)
async def test_a_change_of_the_password_that_is_refused_changes_nothing(
    site: LoginSite, body: object, status: int, code: str
) -> None:
    ann, other = await site.log_in("ann"), await site.log_in("ann")

    assert await ann.refused("POST", CHANGE, body) == (status, code)

    assert (await other.does("GET", ME))["name"] == "ann"


@pytest.mark.parametrize(
    ("method", "path", "body", "code"),
    [
        ("POST", TOTP, {}, "MISSING_FIELD"),
        ("POST", TOTP, {"password": ""}, "EMPTY_TEXT"),
        ("POST", TOTP, {"password": PASSWORD, "secret": "A" * 32}, "UNKNOWN_FIELD"),
        ("POST", CONFIRM, {"code": 123456}, "WRONG_TYPE"),
        ("POST", CONFIRM, {"code": "1" * 33}, "TEXT_TOO_LONG"),
        ("DELETE", TOTP, {}, "MISSING_FIELD"),
    ],
)
async def test_what_is_misshapen_is_refused(
    site: LoginSite, method: str, path: str, body: object, code: str
) -> None:
    assert await (await site.log_in("ann")).refused(method, path, body) == (422, code)


@pytest.mark.parametrize(
    ("method", "path", "body"),
    [
        ("POST", CHANGE, {"old": PASSWORD, "new": ANOTHER}),
        ("POST", TOTP, {"password": PASSWORD}),
        ("POST", CONFIRM, {"code": "123456"}),
        ("DELETE", TOTP, {"password": PASSWORD}),
        ("GET", "/api/v1/sessions", None),
        ("DELETE", "/api/v1/sessions/x", None),
    ],
)
async def test_a_machine_key_is_nobody_with_a_password(
    site: LoginSite, method: str, path: str, body: object
) -> None:
    program = await site.key("read", "trade", "stop", "manage")

    assert await program.refused(method, path, body) == (403, "PERSON_NEEDED")


@pytest.mark.parametrize(
    ("change", "status", "code"),
    [
        ({"name": "Ann"}, 409, "NAME_TAKEN"),
        ({"name": "local"}, 422, "INVALID"),
        ({"name": "key:algo"}, 422, "INVALID"),
        ({"name": ""}, 422, "EMPTY_TEXT"),
        ({"name": "a" * 65}, 422, "TEXT_TOO_LONG"),
        ({"name": 7}, 422, "WRONG_TYPE"),
        ({"role": "king"}, 422, "INVALID_VALUE"),
        ({"role": "client"}, 422, "INVALID"),
        ({"clients": [1]}, 422, "INVALID"),
        ({"may_trade": True}, 422, "INVALID"),
        ({"role": "client", "clients": [99]}, 422, "UNKNOWN_CLIENT"),
        ({"role": "client", "clients": [0]}, 422, "INVALID_VALUE"),
        ({"role": "client", "clients": [1] * 101}, 422, "INVALID_VALUE"),
        ({"password": "short"}, 422, "WEAK_PASSWORD"),
        ({"password": ""}, 422, "EMPTY_TEXT"),
        ({"id": 1}, 422, "UNKNOWN_FIELD"),
        ({"must_change": False}, 422, "UNKNOWN_FIELD"),
        ({"enabled": True}, 422, "UNKNOWN_FIELD"),
        ({"password_hash": "x"}, 422, "UNKNOWN_FIELD"),
        ({"permissions": ["admin"]}, 422, "UNKNOWN_FIELD"),
    ],
)
async def test_a_user_that_cannot_be_is_not_made(
    site: LoginSite, change: dict[str, Any], status: int, code: str
) -> None:
    root = await site.log_in("root")

    assert await root.refused("POST", USERS, DAN | change) == (status, code)


@pytest.mark.parametrize(
    ("change", "status", "code"),
    [
        ({"role": "viewer"}, 409, "LAST_ADMIN"),
        ({"enabled": False}, 409, "LAST_ADMIN"),
        ({"role": "client", "clients": [1], "enabled": False}, 409, "LAST_ADMIN"),
        ({"role": "client"}, 409, "LAST_ADMIN"),
        ({"clients": [1]}, 422, "INVALID"),
        ({"role": "client", "clients": [99]}, 422, "UNKNOWN_CLIENT"),
        ({"name": "boss"}, 422, "UNKNOWN_FIELD"),
        ({"password": ANOTHER}, 422, "UNKNOWN_FIELD"),
        ({"must_change": False}, 422, "UNKNOWN_FIELD"),
        ({"enabled": 0}, 422, "WRONG_TYPE"),
        ({"role": None}, 422, "WRONG_TYPE"),
    ],
)
async def test_a_change_that_is_refused_changes_nothing_at_all(
    site: LoginSite, change: dict[str, Any], status: int, code: str
) -> None:
    root = await site.log_in("root")

    assert await root.refused("PATCH", f"{USERS}/root", change) == (status, code)


@pytest.mark.parametrize(
    ("method", "path", "body"),
    [
        ("GET", "", None),
        ("PATCH", "", {"enabled": False}),
        ("POST", "/reset-password", None),
        ("DELETE", "/totp", None),
    ],
)
async def test_a_user_that_is_not_there(
    site: LoginSite, method: str, path: str, body: object
) -> None:
    root = await site.log_in("root")

    found = await root.refused(method, f"{USERS}/nobody-here{path}", body)

    assert found == (404, "NO_SUCH_USER")
    long = await root.refused(method, f"{USERS}/{'a' * 65}{path}", body)
    assert long == (422, "TEXT_TOO_LONG")


@pytest.mark.parametrize(
    ("method", "path", "body"),
    [
        ("GET", USERS, None),
        ("POST", USERS, DAN),
        ("GET", f"{USERS}/ann", None),
        ("PATCH", f"{USERS}/ann", {"role": "admin"}),
        ("POST", f"{USERS}/ann/reset-password", None),
        ("DELETE", f"{USERS}/ann/totp", None),
        ("GET", "/api/v1/keys", None),
        ("POST", "/api/v1/keys", {"name": "k", "scopes": ["read"]}),
        ("DELETE", "/api/v1/keys/x", None),
    ],
)
async def test_nobody_but_an_admin_comes_in(
    site: LoginSite, method: str, path: str, body: object
) -> None:
    program = await site.key("read", "trade", "stop", "manage", "metrics")
    for person in (await site.log_in("ann"), await site.log_in("cora"), program):
        assert await person.refused(method, path, body) == (403, "FORBIDDEN")
    assert await site.stranger().refused(method, path, body) == (401, "UNAUTHENTICATED")


@pytest.mark.parametrize(
    ("change", "status", "code"),
    [
        ({"name": "a b"}, 422, "INVALID"),
        ({"name": ""}, 422, "EMPTY_TEXT"),
        ({"name": "a" * 65}, 422, "TEXT_TOO_LONG"),
        ({"scopes": []}, 422, "INVALID_VALUE"),
        ({"scopes": ["admin"]}, 422, "INVALID_VALUE"),
        ({"scopes": ["approve"]}, 422, "INVALID_VALUE"),
        ({"scopes": ["read"] * 11}, 422, "INVALID_VALUE"),
        ({"scopes": "read"}, 422, "WRONG_TYPE"),
        ({"expires_days": 0}, 422, "INVALID_VALUE"),
        ({"expires_days": 733}, 422, "INVALID_VALUE"),
        ({"expires_days": None}, 422, "WRONG_TYPE"),
        ({"expires_at": "tomorrow"}, 422, "INVALID_TIME"),
        ({"expires_at": "2020-01-01T00:00:00Z"}, 422, "INVALID"),
        ({"expires_at": "2099-01-01T00:00:00Z"}, 422, "INVALID"),
        (
            {"expires_days": 1, "expires_at": "2024-01-01T00:00:00Z"},
            422,
            "CONTRADICTING_FIELDS",
        ),
        ({"strategies": ["NO_SUCH"]}, 422, "UNKNOWN_STRATEGY"),
        ({"strategies": [""]}, 422, "EMPTY_TEXT"),
        ({"instruments": ["NO SUCH"]}, 422, "UNKNOWN_INSTRUMENT"),
        ({"instruments": ["a" * 129]}, 422, "TEXT_TOO_LONG"),
        ({"accounts": ["NO-SUCH"]}, 422, "UNKNOWN_ACCOUNT"),
        ({"accounts": ["x"] * 1_001}, 422, "INVALID_VALUE"),
        ({"id": "0" * 16}, 422, "UNKNOWN_FIELD"),
        ({"token": "phx_mine"}, 422, "UNKNOWN_FIELD"),
        ({"created_by": "ann"}, 422, "UNKNOWN_FIELD"),
    ],
)
async def test_a_key_that_cannot_be_is_not_made(
    site: LoginSite, change: dict[str, Any], status: int, code: str
) -> None:
    root = await site.log_in("root")

    assert await root.refused("POST", KEYS, ALGO | change) == (status, code)


@pytest.mark.parametrize(
    ("query", "code"),
    [("user=", "EMPTY_TEXT"), (f"user={'a' * 65}", "TEXT_TOO_LONG"), ("limit=0", "INVALID_VALUE")],
)
async def test_a_query_that_cannot_be(site: LoginSite, query: str, code: str) -> None:
    assert await (await site.log_in("root")).refused("GET", f"{SESSIONS}?{query}") == (422, code)


@pytest.mark.parametrize("user", ["root", "*", "no-such-user"])
@pytest.mark.parametrize("name", ["ann", "cora"])
async def test_nobody_but_an_admin_sees_the_sessions_of_others(
    site: LoginSite, name: str, user: str
) -> None:
    person = await site.log_in(name)

    assert await person.refused("GET", f"{SESSIONS}?user={user}") == (403, "FORBIDDEN")
