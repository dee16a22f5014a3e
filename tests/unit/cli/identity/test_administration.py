"""`phalanx users`, `keys`, `sessions` and `totp`: what goes to the server, and what is shown once."""

import getpass
import json

import httpx
import pytest

from phalanx.cli.exit_codes import Exit
from tests.unit.cli.doubles import FakeServer, run

ANN = {
    "name": "ann",
    "role": "trader",
    "clients": [],
    "may_trade": False,
    "enabled": True,
    "second_factor": "off",
    "must_change": True,
    "created_at": "2026-11-20T09:15:00+05:30",
}
KEY = {
    "id": "k1",
    "name": "algo1",
    "scopes": ["read", "trade"],
    "strategies": ["S"],
    "instruments": ["NSE:2885"],
    "accounts": [],
    "created_by": "ann",
}


def sent(server: FakeServer) -> tuple[str, str, object]:
    request = server.last
    assert "idempotency-key" not in request.headers
    body = json.loads(request.content) if request.content else None
    return request.method, request.url.path, body


def test_users_are_listed(server: FakeServer) -> None:
    server.answer("GET", "/api/v1/users", body={"items": [ANN], "total": 1})

    lines = run("users", "list").stdout.splitlines()
    assert lines[0].split()[:3] == ["name", "role", "clients"]
    assert lines[1].split()[:5] == ["ann", "trader", "-", "no", "yes"]


def test_a_new_user_has_a_password_that_is_shown_once(server: FakeServer) -> None:
    server.answer("POST", "/api/v1/users", body={**ANN, "password": "shown-once"})
    words = ("users", "create", "ann", "--role", "client", "--client", "1", "--client", "2")
    result = run(*words, "--may-trade")

    assert result.stdout.splitlines()[-1] == "shown-once"
    assert result.stdout.count("shown-once") == 1
    body = {"name": "ann", "role": "client", "clients": [1, 2], "may_trade": True}
    assert sent(server) == ("POST", "/api/v1/users", body)


def test_a_password_of_ones_own_is_not_shown(server: FakeServer) -> None:
    server.answer("POST", "/api/v1/users", body={**ANN, "password": None})
    words = ("users", "create", "ann", "--role", "trader", "--password-stdin")
    result = run(*words, text="canary-password\n")

    body = {"name": "ann", "role": "trader", "password": "canary-password"}
    assert sent(server) == ("POST", "/api/v1/users", body)
    assert "canary" not in result.output


@pytest.mark.parametrize(
    ("words", "body"),
    [
        (("change", "ann", "--role", "viewer"), {"role": "viewer"}),
        (("change", "ann", "--client", "3"), {"clients": [3]}),
        (("change", "ann", "--may-not-trade"), {"may_trade": False}),
        (("disable", "ann"), {"enabled": False}),
        (("enable", "ann"), {"enabled": True}),
    ],
)
def test_a_user_is_changed(server: FakeServer, words: tuple[str, ...], body: object) -> None:
    server.answer("PATCH", "/api/v1/users/ann", body=ANN)

    assert run("users", *words).exit_code == Exit.OK
    assert sent(server) == ("PATCH", "/api/v1/users/ann", body)


def test_nothing_to_change_is_usage(server: FakeServer) -> None:
    assert run("users", "change", "ann").exit_code == Exit.USAGE
    assert server.requests == []


def test_a_password_is_reset_and_a_second_factor_removed(server: FakeServer) -> None:
    server.answer(
        "POST", "/api/v1/users/ann/reset-password", body={**ANN, "password": "shown-once"}
    )
    server.answer("DELETE", "/api/v1/users/ann/totp", body=ANN)

    assert run("users", "reset-password", "ann").stdout.splitlines()[-1] == "shown-once"
    assert run("users", "remove-totp", "ann").stdout == "ann has no second factor any more\n"
    as_json = json.loads(run("users", "reset-password", "ann", "--json").stdout)
    assert as_json["password"] == "shown-once"


def test_a_key_is_alone_on_its_line(server: FakeServer) -> None:
    server.answer("POST", "/api/v1/keys", body={**KEY, "token": "phx_k1_secret"})
    words = ("keys", "create", "algo1", "--scope", "read", "--scope", "trade", "--strategy", "S")
    result = run(*words, "--instrument", "RELIANCE", "--account", "PAPER-1", "--days", "30")

    assert result.stdout == "phx_k1_secret\n"
    assert "phx_k1_secret" not in result.stderr
    body = {
        "name": "algo1",
        "scopes": ["read", "trade"],
        "expires_days": 30,
        "strategies": ["S"],
        "instruments": ["RELIANCE"],
        "accounts": ["PAPER-1"],
    }
    assert sent(server) == ("POST", "/api/v1/keys", body)
    assert json.loads(run(*words, "--json").stdout)["token"] == "phx_k1_secret"


@pytest.mark.parametrize("scope", ["admin", "approve", "everything"])
def test_a_machine_is_not_given_what_is_a_persons(server: FakeServer, scope: str) -> None:
    assert run("keys", "create", "x", "--scope", scope).exit_code == Exit.USAGE
    assert run("keys", "create", "x").exit_code == Exit.USAGE
    assert server.requests == []


def test_keys_are_listed_with_their_fence(server: FakeServer) -> None:
    server.answer("GET", "/api/v1/keys", body={"items": [KEY], "total": 1})

    line = run("keys", "list").stdout.splitlines()[1]
    assert line.split()[:6] == ["k1", "algo1", "read,", "trade", "S,", "NSE:2885"]


def test_a_key_is_revoked(server: FakeServer) -> None:
    server.answer("DELETE", "/api/v1/keys/k1", body=KEY)

    assert run("keys", "revoke", "k1").stdout == "key k1 is revoked\n"


@pytest.mark.parametrize(
    ("words", "method", "path", "body"),
    [
        (("users", "disable", "ann"), "PATCH", "/api/v1/users/ann", ANN),
        (("keys", "revoke", "k1"), "DELETE", "/api/v1/keys/k1", KEY),
    ],
)
def test_who_is_shut_out_and_left_something_waiting_is_told(
    server: FakeServer, words: tuple[str, ...], method: str, path: str, body: dict[str, object]
) -> None:
    server.answer(method, path, body={**body, "held": ["I1", "I2"], "held_total": 2})
    told = run(*words).stderr.splitlines()
    assert told[0].startswith("2 of their instructions still wait")
    assert told[1:] == [f"  phalanx instructions cancel {one}" for one in ("I1", "I2")]
    as_json = run(*words, "--json")
    assert (json.loads(as_json.stdout)["held"], as_json.stderr) == (["I1", "I2"], "")

    server.answer(method, path, body={**body, "held": ["I1", "I2"], "held_total": 102})
    assert run(*words).stderr.splitlines()[-1].startswith("2 of 102 shown; ")
    server.answer(method, path, body={**body, "held": [], "held_total": 0})
    assert run(*words).stderr == ""


@pytest.mark.parametrize(
    ("words", "user"), [((), None), (("--user", "ann"), "ann"), (("--all",), "*")]
)
def test_sessions_are_listed(server: FakeServer, words: tuple[str, ...], user: str | None) -> None:
    row = {"session": "s1", "user": "ann", "address": "127.0.0.1", "current": True}
    server.answer("GET", "/api/v1/sessions", body={"items": [row], "total": 1})

    assert run("sessions", "list", *words).stdout.splitlines()[1].split()[:2] == ["s1", "ann"]
    assert server.last.url.params.get("user") == user


def test_whose_sessions_is_said_once(server: FakeServer) -> None:
    assert run("sessions", "list", "--all", "--user", "ann").exit_code == Exit.USAGE
    assert server.requests == []


def test_a_session_is_ended(server: FakeServer) -> None:
    server.answer("DELETE", "/api/v1/sessions/s1", body={"session": "s1", "ended": True})

    assert run("sessions", "end", "s1").stdout == "session s1 is ended\n"


def test_a_second_factor_is_begun_and_confirmed(
    server: FakeServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("phalanx.cli.input.secrets._need_terminal", lambda: None)
    monkeypatch.setattr(getpass, "getpass", lambda _: "canary-password")
    begun = {"secret": "BASE32", "uri": "otpauth://totp/Phalanx:ann?secret=BASE32"}
    server.answer("POST", "/api/v1/auth/totp", body=begun)
    server.answer("POST", "/api/v1/auth/totp/confirm", body={"recovery_codes": ["a-1", "b-2"]})
    result = run("totp", "enable", text="123456\n")

    assert json.loads(server.requests[0].content) == {"password": "canary-password"}
    assert json.loads(server.requests[1].content) == {"code": "123456"}
    assert result.stdout.splitlines() == [
        *("secret  BASE32", f"uri     {begun['uri']}"),
        *("a-1", "b-2"),
    ]
    assert "canary" not in result.output


def test_a_second_factor_of_a_script_is_confirmed_later(server: FakeServer) -> None:
    server.answer("POST", "/api/v1/auth/totp", body={"secret": "BASE32", "uri": "otpauth://x"})
    server.answer("POST", "/api/v1/auth/totp/confirm", body={"recovery_codes": ["a-1"]})
    begun = run("totp", "enable", "--password-stdin", "--json", text="canary-password\n")
    done = run("totp", "confirm", "--code-stdin", "--json", text="123456\n")

    assert json.loads(begun.stdout) == {"secret": "BASE32", "uri": "otpauth://x"}
    assert "totp confirm" in begun.stderr
    assert json.loads(done.stdout) == {"recovery_codes": ["a-1"]}


def test_a_second_factor_is_taken_off(server: FakeServer) -> None:
    server.answer("DELETE", "/api/v1/auth/totp", body={"second_factor": "off"})
    result = run("totp", "disable", "--password-stdin", text="canary-password\n")

    assert result.stdout == "there is no second factor any more\n"
    assert sent(server) == ("DELETE", "/api/v1/auth/totp", {"password": "canary-password"})


def test_whoami_shows_what_one_may(server: FakeServer) -> None:
    fence = {"strategies": ["S"], "instruments": [], "accounts": []}
    me = {"name": "algo1", "permissions": ["read", "trade"], "clients": None, "fence": fence}
    server.answer("GET", "/api/v1/auth/me", body=me)

    assert run("whoami").stdout.splitlines() == [
        *("name         algo1", "permissions  read, trade", "clients      "),
        "fence        strategies: S",
    ]


def test_what_found_no_answer_says_how_to_look(server: FakeServer) -> None:
    def lost(request: httpx.Request) -> httpx.Response:
        raise httpx.ReadTimeout("timed out", request=request)

    server.handle("POST", "/api/v1/keys", lost)
    result = run("keys", "create", "x", "--scope", "read", "--json")

    error = json.loads(result.stderr)
    assert (result.exit_code, error["code"]) == (Exit.UNKNOWN, "OUTCOME_UNKNOWN")
    assert error["detail"].endswith("Look before you repeat it: phalanx keys list")
    server.answer("POST", "/api/v1/keys", status=500, body={})
    assert run("keys", "create", "x", "--scope", "read").exit_code == Exit.UNKNOWN
