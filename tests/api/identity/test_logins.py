"""Logging in, staying in and going, over HTTP."""

import asyncio
import json
import logging
from unittest.mock import Mock

import httpx
import pyotp
import pytest
from argon2 import PasswordHasher

from phalanx.access.errors import AccessCode, AccessError
from phalanx.api.facts import SystemFacts
from phalanx.domain.secrets import Secret
from phalanx.domain.time import HOUR, MINUTE, SECOND
from tests.api.identity.rig import (
    ANOTHER,
    AWAY,
    LOGIN,
    ME,
    PAGE,
    PASSWORD,
    REFRESH,
    LoginSite,
    outcome,
)

COOKIE = "__Host-phalanx_refresh"
LOGOUT = "/api/v1/auth/logout"
WRONG = {"user": "ann", "password": "not this one"}


def cookie_of(answer: httpx.Response) -> tuple[str, set[str]]:
    """The value and the attributes of the one cookie that an answer sets."""
    (header,) = answer.headers.get_list("set-cookie")
    pair, *attributes = header.split("; ")
    name, _, value = pair.partition("=")
    assert name == COOKIE
    return value, set(attributes)


async def test_a_login_gives_tokens_and_a_session(site: LoginSite) -> None:
    answer = await site.at().post(LOGIN, json={"user": "ANN", "password": PASSWORD})

    assert answer.status_code == 200
    assert answer.headers["cache-control"] == "no-store"
    assert "set-cookie" not in answer.headers
    found = answer.json()
    (session,) = site.directory.sessions.list(site.directory.users.get("ann").id)
    assert found | {"access_token": "", "refresh_token": ""} == {
        "access_token": "",
        "token_type": "Bearer",
        "expires_in": 600,
        "refresh_token": "",
        "session": session.id,
        "session_expires_at": found["session_expires_at"],
        "must_change": False,
    }
    assert found["session_expires_at"].endswith("+05:30")
    assert site.heard.taken() == [("login", "ann", "ann")]


async def test_a_session_remembers_from_where_it_was_begun(site: LoginSite) -> None:
    headers = {"user-agent": "a browser\x7f"}
    body = {"user": "ann", "password": PASSWORD}

    await site.at(AWAY).post(LOGIN, json=body, headers=headers)

    session = site.directory.sessions.list(site.directory.users.get("ann").id)[0]
    assert (session.address, session.agent) == (AWAY, "a browser\\x7f")


@pytest.mark.parametrize(
    ("user", "password"), [("ann", "not this one"), ("nobody-here", PASSWORD), ("dora", PASSWORD)]
)
async def test_whatever_is_wrong_with_a_login_the_answer_is_the_same(
    site: LoginSite, user: str, password: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    root = await site.log_in("root")
    dora = {"name": "dora", "role": "viewer", "password": PASSWORD}
    await root.does("POST", "/api/v1/users", dora)
    await root.does("PATCH", "/api/v1/users/dora", {"enabled": False})
    site.heard.taken()
    verify = Mock(side_effect=PasswordHasher().verify)
    monkeypatch.setattr(PasswordHasher, "verify", verify)

    answer = await site.at().post(LOGIN, json={"user": user, "password": password})

    assert outcome(answer) == (401, "UNAUTHENTICATED")
    assert answer.json()["detail"] == "who you are could not be verified"
    assert answer.headers["www-authenticate"] == 'Bearer realm="phalanx"'
    assert verify.call_count == 1, "the same work"
    subject = "nobody" if user == "nobody-here" else user
    assert site.heard.taken() == [("login_failed", subject, "nobody")]


async def test_what_was_typed_for_a_name_is_not_repeated(
    site: LoginSite, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.DEBUG)
    answer = await site.at().post(LOGIN, json={"user": "my-password-1", "password": "x" * 20})

    assert "my-password-1" not in answer.text + caplog.text + str(site.heard.facts)


async def test_a_field_that_is_there_twice_is_refused(site: LoginSite) -> None:
    body = f'{{"user":"root","user":"ann","password":"{PASSWORD}"}}'

    answer = await site.at().post(LOGIN, content=body, headers={"content-type": "application/json"})

    assert outcome(answer) == (422, "DUPLICATE_FIELD")


async def test_a_login_is_json_so_that_no_form_of_another_site_can_send_it(
    site: LoginSite,
) -> None:
    answer = await site.at().post(LOGIN, data={"user": "ann", "password": PASSWORD})

    assert outcome(answer) == (415, "UNSUPPORTED_MEDIA_TYPE")


async def test_a_second_factor_is_asked_for_once_the_password_is_right(site: LoginSite) -> None:
    ann = await site.log_in("ann")
    secret = (await ann.does("POST", "/api/v1/auth/totp", {"password": PASSWORD}))["secret"]
    totp = pyotp.TOTP(secret)
    now_s = site.clock.now() // SECOND
    await ann.does("POST", "/api/v1/auth/totp/confirm", {"code": totp.at(now_s)})
    stranger = site.stranger()
    right = {"user": "ann", "password": PASSWORD}
    site.heard.taken()

    assert await stranger.refused("POST", LOGIN, WRONG) == (401, "UNAUTHENTICATED")
    assert await stranger.refused("POST", LOGIN, right) == (401, "TOTP_NEEDED")
    used = {**right, "code": totp.at(now_s)}
    assert await stranger.refused("POST", LOGIN, used) == (401, "UNAUTHENTICATED")
    await stranger.does("POST", LOGIN, {**right, "code": totp.at(now_s + 30)})

    told = [act for act, _, _ in site.heard.taken()]
    assert told == ["login_failed", "login_failed", "login"]


async def test_wrong_tries_wait_and_never_shut_out_who_comes_from_elsewhere(
    site: LoginSite,
) -> None:
    guesser = site.stranger(AWAY)
    wrong = {"user": "root", "password": "not this one"}
    for _ in range(5):
        assert await guesser.refused("POST", LOGIN, wrong) == (401, "UNAUTHENTICATED")

    answer = await guesser.ask("POST", LOGIN, {"user": "root", "password": PASSWORD})
    assert outcome(answer) == (429, "THROTTLED")
    assert int(answer.headers["retry-after"]) >= 1
    await site.log_in("root")
    told = site.heard.taken()
    assert told[5:] == [("login_throttled", "root", "nobody"), ("login", "root", "root")]

    site.clock.advance(2 * SECOND)
    await site.log_in("root", address=AWAY)


async def test_who_hammers_for_hours_does_not_shut_the_admin_out(site: LoginSite) -> None:
    guesser = site.stranger(AWAY)
    wrong = {"user": "root", "password": "not this one"}
    for _ in range(60):
        await guesser.ask("POST", LOGIN, wrong)
        site.clock.advance(6 * MINUTE)

    await site.log_in("root")


async def test_a_refresh_token_works_once_and_its_second_use_ends_the_session(
    site: LoginSite,
) -> None:
    ann, other = await site.log_in("ann"), await site.log_in("ann")
    site.clock.advance(5 * MINUTE)
    next_one = await ann.does("POST", REFRESH, {"refresh_token": ann.refresh})
    assert next_one["expires_in"] == 600
    assert (await ann.does("GET", ME))["session"] == next_one["session"]
    site.heard.taken()

    again = {"refresh_token": ann.refresh}
    assert await site.stranger().refused("POST", REFRESH, again) == (401, "SESSION_ENDED")

    newest = {"refresh_token": next_one["refresh_token"]}
    assert await site.stranger().refused("POST", REFRESH, newest) == (401, "SESSION_ENDED")
    assert await ann.refused("GET", ME) == (401, "SESSION_ENDED")
    assert site.heard.taken() == [("refresh_reused", "ann", "nobody")]
    assert (await other.does("GET", ME))["name"] == "ann"


async def test_two_that_refresh_at_once_do_not_both_get_on(site: LoginSite) -> None:
    ann = await site.log_in("ann")
    body = {"refresh_token": ann.refresh}

    answers = await asyncio.gather(*(ann.ask("POST", REFRESH, body) for _ in range(2)))

    assert sorted(answer.status_code for answer in answers) == [200, 401]
    assert site.heard.taken()[-1] == ("refresh_reused", "ann", "ann")


async def test_a_session_that_nobody_refreshes_ends(site: LoginSite) -> None:
    ann = await site.log_in("ann")
    site.clock.advance(HOUR)

    body = {"refresh_token": ann.refresh}
    assert await ann.refused("POST", REFRESH, body) == (401, "SESSION_ENDED")


async def test_a_browser_gets_its_refresh_token_as_a_cookie_that_no_script_reads(
    site: LoginSite,
) -> None:
    body = {"user": "ann", "password": PASSWORD, "cookie": True}
    answer = await site.at().post(LOGIN, json=body, headers={"origin": PAGE})

    value, attributes = cookie_of(answer)
    assert answer.json()["refresh_token"] is None
    assert value.startswith("phr_")
    assert value not in answer.text
    assert attributes == {
        "Path=/", "HttpOnly", "Secure", "SameSite=Strict", f"Max-Age={12 * 3600}"
    }  # fmt: skip

    headers = {"origin": PAGE, "cookie": f"other=1; {COOKIE}={value}"}
    refreshed = await site.at().post(REFRESH, headers=headers)
    assert refreshed.status_code == 200
    newest, attributes = cookie_of(refreshed)
    assert refreshed.json()["refresh_token"] is None
    assert newest != value
    token = refreshed.json()["access_token"]

    out = await site.at().post(LOGOUT, headers={"authorization": f"Bearer {token}"})
    assert cookie_of(out) == (
        "",
        {"Path=/", "HttpOnly", "Secure", "SameSite=Strict", "Max-Age=0"},
    )
    headers["cookie"] = f"{COOKIE}={newest}"
    assert outcome(await site.at().post(REFRESH, headers=headers)) == (401, "SESSION_ENDED")


@pytest.mark.parametrize("token", ["of the session", "phr_made_up"])
async def test_a_cookie_that_opens_nothing_any_more_is_taken_away(
    site: LoginSite, token: str
) -> None:
    ann = await site.log_in("ann")
    await ann.does("POST", LOGOUT)
    value = ann.refresh if token == "of the session" else token
    headers = {"origin": PAGE, "cookie": f"{COOKIE}={value}"}

    answer = await site.at().post(REFRESH, headers=headers)

    assert answer.status_code == 401
    assert answer.headers["www-authenticate"].startswith("Bearer")
    assert cookie_of(answer) == (
        "",
        {"Path=/", "HttpOnly", "Secure", "SameSite=Strict", "Max-Age=0"},
    )


async def test_who_sent_no_cookie_loses_none(site: LoginSite) -> None:
    for body in ({"refresh_token": "phr_made_up"}, {}):
        answer = await site.at().post(REFRESH, headers={"origin": PAGE}, json=body)
        assert outcome(answer) == (401, "UNAUTHENTICATED")
        assert "set-cookie" not in answer.headers


async def test_a_cookie_stays_where_the_server_only_had_no_time(
    site: LoginSite, monkeypatch: pytest.MonkeyPatch
) -> None:
    ann = await site.log_in("ann")
    busy = AccessError(AccessCode.THROTTLED, "not now", retry_after_s=1)
    monkeypatch.setattr(site.directory.sessions, "refresh", Mock(side_effect=busy))
    headers = {"origin": PAGE, "cookie": f"{COOKIE}={ann.refresh}"}

    answer = await site.at().post(REFRESH, headers=headers)

    assert outcome(answer) == (429, "THROTTLED")
    assert "set-cookie" not in answer.headers


@pytest.mark.parametrize(
    "headers",
    [
        {},
        {"origin": "https://evil.example"},
        {"origin": "null"},
        {"origin": "http://127.0.0.1.evil.example"},
        {"origin": PAGE, "sec-fetch-site": "cross-site"},
        {"origin": PAGE, "sec-fetch-site": "same-site"},
        {"origin": PAGE, "sec-fetch-site": "SAME-ORIGIN"},
        {"sec-fetch-site": "same-origin"},
    ],
)
async def test_a_cookie_counts_for_our_own_pages_only(
    site: LoginSite, headers: dict[str, str]
) -> None:
    ann = await site.log_in("ann")
    cookie = {"cookie": f"{COOKIE}={ann.refresh}"}

    answer = await site.at().post(REFRESH, headers=headers | cookie)

    assert outcome(answer) == (403, "ORIGIN_NOT_ALLOWED")
    own = cookie | {"origin": PAGE, "sec-fetch-site": "same-origin"}
    assert (await site.at().post(REFRESH, headers=own)).status_code == 200, "it was not used up"


async def test_a_cookie_opens_no_other_door(site: LoginSite) -> None:
    ann = await site.log_in("ann")
    headers = {"cookie": f"{COOKIE}={ann.refresh}; access_token={ann.token}", "origin": PAGE}

    for method, path in (("GET", ME), ("POST", LOGOUT), ("GET", "/api/v1/clients")):
        answer = await site.at().request(method, path, headers=headers)
        assert outcome(answer) == (401, "UNAUTHENTICATED")


@pytest.mark.parametrize("cookie", ["{name}={token}; {name}=x", "{name}=", "x{name}={token}"])
async def test_a_cookie_that_is_not_the_one_is_none(site: LoginSite, cookie: str) -> None:
    ann = await site.log_in("ann")
    sent = cookie.format(name=COOKIE, token=ann.refresh)

    answer = await site.at().post(REFRESH, headers={"origin": PAGE, "cookie": sent})

    assert outcome(answer) == (401, "UNAUTHENTICATED")


async def test_a_cookie_too_long_to_be_ours_is_not_read(site: LoginSite) -> None:
    ann = await site.log_in("ann")
    sent = f"{COOKIE}={ann.refresh}; a={'b' * 8_192}"

    answer = await site.at().post(REFRESH, headers={"origin": PAGE, "cookie": sent})

    assert outcome(answer) == (401, "UNAUTHENTICATED")


async def test_after_a_logout_nothing_of_the_session_is_good(site: LoginSite) -> None:
    ann = await site.log_in("ann")
    session = (await ann.does("GET", ME))["session"]
    site.heard.taken()

    assert await ann.does("POST", LOGOUT) == {"session": session, "ended": True}

    assert await ann.refused("GET", ME) == (401, "SESSION_ENDED")
    body = {"refresh_token": ann.refresh}
    assert await ann.refused("POST", REFRESH, body) == (401, "SESSION_ENDED")
    assert site.heard.taken() == [("logout", "ann", "ann")]


async def test_a_machine_key_has_no_session_to_end(site: LoginSite) -> None:
    program = await site.key("read")

    assert await program.refused("POST", LOGOUT) == (403, "PERSON_NEEDED")


async def test_who_was_given_a_password_changes_it_before_anything_else(site: LoginSite) -> None:
    root = await site.log_in("root")
    drawn = (await root.does("POST", "/api/v1/users", {"name": "dan", "role": "admin"}))["password"]
    answer = await site.at().post(LOGIN, json={"user": "dan", "password": drawn})
    assert answer.json()["must_change"] is True
    dan = await site.log_in("dan", drawn)

    closed = (
        *(("GET", "/api/v1/clients"), ("GET", "/api/v1/users"), ("POST", "/api/v1/auth/ticket")),
        *(("GET", "/api/v1/sessions"), ("POST", "/create_order"), ("POST", "/api/v1/auth/totp")),
    )
    for method, path in closed:
        assert await dan.refused(method, path) == (403, "PASSWORD_CHANGE_NEEDED")
    assert (await dan.does("GET", ME))["must_change"] is True
    await dan.does("POST", "/api/v1/auth/password", {"old": drawn, "new": ANOTHER})
    assert (await dan.does("GET", ME))["must_change"] is False
    assert (await dan.does("GET", "/api/v1/users"))["total"] == 4

    owing = await site.log_in("dan", ANOTHER)
    await root.does("POST", "/api/v1/users/dan/reset-password")
    assert await owing.refused("GET", ME) == (401, "SESSION_ENDED")


async def test_who_owes_a_password_may_leave(site: LoginSite) -> None:
    root = await site.log_in("root")
    drawn = (await root.does("POST", "/api/v1/users", {"name": "dan", "role": "viewer"}))[
        "password"
    ]
    dan = await site.log_in("dan", drawn)

    assert (await dan.does("POST", LOGOUT))["ended"] is True


async def test_a_store_that_fails_is_said_and_nobody_is_let_in(
    site: LoginSite, monkeypatch: pytest.MonkeyPatch
) -> None:
    def fail(_: object) -> object:
        raise AccessError(AccessCode.STORE_FAILED, "disk I/O error")

    monkeypatch.setattr(site.directory, "login", fail)

    found = await site.stranger().refused("POST", LOGIN, {"user": "ann", "password": PASSWORD})

    assert found == (503, "STORE_FAILED")
    assert site.heard.taken() == []


async def test_no_secret_is_in_the_log_or_the_journal(
    site: LoginSite, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.DEBUG)
    site.front.house.facts = SystemFacts(site.system)
    ann = await site.log_in("ann")
    await ann.ask("POST", LOGIN, WRONG)
    await ann.ask("POST", REFRESH, {"refresh_token": ann.refresh})
    await ann.ask("POST", "/api/v1/auth/password", {"old": PASSWORD, "new": ANOTHER})

    root = await site.log_in("root")
    told = await root.does("GET", "/api/v1/audit")
    assert {"login", "login_failed", "password_changed"} <= {act["act"] for act in told["items"]}
    secrets = (PASSWORD, ANOTHER, WRONG["password"], ann.token, ann.refresh)
    files = [path for path in site.data.rglob("*") if path.is_file()]
    assert files
    for secret in secrets:
        assert secret not in caplog.text
        assert not [path for path in files if secret.encode() in path.read_bytes()]


async def test_answers_say_nothing_of_hashes(site: LoginSite) -> None:
    root = await site.log_in("root")
    paths = (ME, "/api/v1/users", "/api/v1/users/root", "/api/v1/sessions", "/api/v1/keys")

    said = json.dumps([await root.does("GET", path) for path in paths])

    assert "argon2" not in said
    assert "hash" not in said
    assert site.directory.users.get("root").password_hash != Secret("")
