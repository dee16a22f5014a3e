"""`phalanx login`, `logout` and `connections`: what is asked, what is kept, and what is never seen."""

import getpass
import json
import sys
from collections.abc import Iterator
from pathlib import Path

import httpx
import keyring
import pytest
from keyring.backends.fail import Keyring

from phalanx.access.errors import SESSION_OVER
from phalanx.cli.exit_codes import Exit
from phalanx.cli.input.secrets import ask, ask_secret
from phalanx.cli.remote import trust
from phalanx.cli.remote.folder import home
from tests.fakes.wire_peer import CA
from tests.unit.cli.doubles import FakeNetwork, Terminal, run

LOGIN = ("POST", "/api/v1/auth/login")
URL = "http://127.0.0.1:8080"
PASSWORD, TOKEN, REFRESH = "canary-password", "canary-access", "canary-refresh"


def tokens(**also: object) -> dict[str, object]:
    granted = {"access_token": TOKEN, "token_type": "Bearer", "expires_in": 600}
    return {**granted, "refresh_token": REFRESH, "session": "s1", "must_change": False, **also}


@pytest.fixture
def desk(network: FakeNetwork) -> FakeNetwork:
    """A server that lets ann in."""
    network.answer(*LOGIN, body=tokens())
    network.answer("GET", "/api/v1/auth/me", body={"name": "ann", "kind": "user"})
    network.answer("POST", "/api/v1/auth/logout", body={"session": "s1", "ended": True})
    return network


@pytest.fixture
def typed(monkeypatch: pytest.MonkeyPatch) -> Iterator[list[str]]:
    """What somebody at a terminal types when a secret is asked for, in this order."""
    words: list[str] = []

    def answer(prompt: str) -> str:
        if not words:
            raise AssertionError(f"nobody expected {prompt!r}")
        return words.pop(0)

    monkeypatch.setattr(getpass, "getpass", answer)
    monkeypatch.setattr("phalanx.cli.input.secrets._need_terminal", lambda: None)
    yield words
    assert words == []


def body_of(request: httpx.Request) -> dict[str, object]:
    found = json.loads(request.content)
    assert isinstance(found, dict)
    return found


def kept() -> str:
    """Everything in the folder of connections that is no secret."""
    return (home() / "connections.toml").read_text()


def test_a_login_is_kept_for_the_commands_after_it(desk: FakeNetwork, typed: list[str]) -> None:
    typed.append(PASSWORD)
    result = run("login", "--user", "ann")

    assert result.exit_code == Exit.OK
    assert result.stdout == f"logged in as ann at {URL}, connection main\n"
    assert body_of(desk.last) == {"user": "ann", "password": PASSWORD}
    assert json.loads(run("whoami", "--json").stdout) == {"name": "ann", "kind": "user"}
    assert desk.tokens == ["", TOKEN]


@pytest.mark.parametrize("as_json", [(), ("--json",)])
def test_no_secret_is_shown_or_written_beside_its_file(
    desk: FakeNetwork, typed: list[str], as_json: tuple[str, ...]
) -> None:
    typed.append(PASSWORD)
    result = run("login", "--user", "ann", *as_json)
    listed = run("connections", "list", *as_json)

    assert "canary" not in result.output + listed.output + kept()
    secret = home() / "connections/main.secret"
    assert "canary-password" not in secret.read_text()
    assert [
        path for path in home().rglob("*") if path.is_file() and "canary" in path.read_text()
    ] == [secret]


def test_a_code_is_asked_for_where_it_is_needed(desk: FakeNetwork, typed: list[str]) -> None:
    def answer(request: httpx.Request) -> httpx.Response:
        if body_of(request).get("code") == "123456":
            return httpx.Response(200, json=tokens())
        return httpx.Response(401, json={"code": "TOTP_NEEDED", "detail": "a code is needed"})

    desk.handle(*LOGIN, answer)
    typed += [PASSWORD, " 123456"]

    assert run("login", "--user", "ann").exit_code == Exit.OK


def test_from_the_standard_input(desk: FakeNetwork) -> None:
    result = run("login", "--user", "ann", "--password-stdin", text=f"{PASSWORD}\r\n")

    assert result.exit_code == Exit.OK
    assert body_of(desk.last)["password"] == PASSWORD


def test_the_code_is_the_second_line_of_the_standard_input(desk: FakeNetwork) -> None:
    needed = {"code": "TOTP_NEEDED", "detail": "a code is needed"}
    desk.answer(*LOGIN, status=401, body=needed)
    result = run("login", "--user", "ann", "--password-stdin", text=f"{PASSWORD}\n123456\n")

    assert body_of(desk.last)["code"] == "123456"
    assert result.exit_code == Exit.NOT_ALLOWED
    result = run("login", "--user", "ann", "--password-stdin", text=f"{PASSWORD}\n")
    assert "NOTHING_READ" in result.stderr


def test_a_wrong_password_keeps_nothing(desk: FakeNetwork, typed: list[str]) -> None:
    desk.answer(*LOGIN, status=401, body={"code": "UNAUTHENTICATED", "detail": "no"})
    typed.append(PASSWORD)
    result = run("login", "--user", "ann")

    assert result.exit_code == Exit.NOT_ALLOWED
    assert PASSWORD not in result.output
    assert not (home() / "connections.toml").exists()
    assert list(home().rglob("*.secret")) == []


def test_a_password_that_was_given_is_changed_at_once(desk: FakeNetwork, typed: list[str]) -> None:
    desk.answer(*LOGIN, body=tokens(must_change=True))
    desk.answer("POST", "/api/v1/auth/password", body={"name": "ann", "must_change": False})
    typed += [PASSWORD, "canary-new", "canary-new"]
    result = run("login", "--user", "ann")

    assert result.exit_code == Exit.OK
    assert desk.last.url.path == "/api/v1/auth/password"
    assert body_of(desk.last) == {"old": PASSWORD, "new": "canary-new"}
    assert desk.tokens[-1] == TOKEN
    assert "canary" not in result.output


def test_two_new_passwords_that_differ_are_not_sent(desk: FakeNetwork, typed: list[str]) -> None:
    desk.answer(*LOGIN, body=tokens(must_change=True))
    typed += [PASSWORD, "one", "other"]
    result = run("login", "--user", "ann")

    assert (result.exit_code, "PASSWORDS_DIFFER" in result.stderr) == (Exit.USAGE, True)
    assert desk.last.url.path == "/api/v1/auth/login"
    # The session is there, so that `phalanx password` can go on from here.
    assert run("whoami").exit_code == Exit.OK


def test_a_script_is_told_to_change_it(desk: FakeNetwork) -> None:
    desk.answer(*LOGIN, body=tokens(must_change=True))
    desk.answer("POST", "/api/v1/auth/password", body={"name": "ann", "must_change": False})
    result = run("login", "--user", "ann", "--password-stdin", text=f"{PASSWORD}\n")

    assert result.exit_code == Exit.NOT_ALLOWED
    assert "phalanx password [PASSWORD_CHANGE_NEEDED]" in result.stderr
    changed = run("password", "--password-stdin", text=f"{PASSWORD}\ncanary-new\n")
    assert (changed.exit_code, changed.stdout) == (Exit.OK, "the password is changed\n")
    assert body_of(desk.last) == {"old": PASSWORD, "new": "canary-new"}


def test_without_a_terminal_nobody_is_asked(desk: FakeNetwork) -> None:
    for words in (("login",), ("login", "--user", "ann"), ("password",), ("totp", "disable")):
        result = run(*words)
        assert (result.exit_code, "NO_TERMINAL" in result.stderr) == (Exit.USAGE, True)
    assert desk.requests == []


def test_the_name_is_asked_for_on_stderr(
    desk: FakeNetwork, typed: list[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    typed.append(PASSWORD)
    result = run("login", "--json", text="ann\n")

    assert json.loads(result.stdout)["user"] == "ann"
    assert result.stderr == "user: "


@pytest.mark.parametrize("option", ["--password", "--key", "--token", "--code"])
def test_no_secret_is_an_option(option: str) -> None:
    for words in (("login",), ("password",), ("totp", "confirm"), ("users", "create", "x")):
        assert "No such option" in run(*words, option, "x").stderr


def test_a_machine_key_is_kept_as_it_is(desk: FakeNetwork) -> None:
    result = run("login", "--key-stdin", "--name", "algo", text="phx_canary\n")

    assert result.exit_code == Exit.OK
    assert "canary" not in result.output + kept()
    assert run("whoami").exit_code == Exit.OK
    assert desk.tokens == ["phx_canary"]
    assert run("login", "--key-stdin", "--user", "ann", text="x").exit_code == Exit.USAGE


@pytest.mark.parametrize("text", ["", "\n", "two words\n"])
def test_what_is_no_key_is_not_kept(text: str) -> None:
    assert run("login", "--key-stdin", text=text).exit_code == Exit.USAGE
    assert list(home().rglob("*.secret")) == []


def test_a_machine_without_a_keyring_is_told_before_anything_is_asked(
    desk: FakeNetwork, typed: list[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(keyring, "get_keyring", Keyring)
    result = run("login", "--user", "ann", "--keyring")

    assert (result.exit_code, "NO_KEYRING" in result.stderr) == (Exit.FAILURE, True)
    assert desk.requests == []


def test_a_name_stays_with_its_server(desk: FakeNetwork) -> None:
    assert run("login", "--key-stdin", text="phx_1").exit_code == Exit.OK
    other = ("login", "--key-stdin", "--server", "https://other.test")
    result = run(*other, text="phx_2")

    assert (result.exit_code, "CONNECTION_ELSEWHERE" in result.stderr) == (Exit.USAGE, True)
    assert "use it with --connection b" in run(*other, "--name", "b", text="phx_2").stdout


def test_connections_are_listed_chosen_and_forgotten(desk: FakeNetwork) -> None:
    assert "no connections" in run("connections", "list").stdout
    run("login", "--key-stdin", text="phx_1")
    run("login", "--key-stdin", "--name", "b", text="phx_2")
    assert run("connections", "use", "b").stdout == f"b is the default: {URL}\n"

    rows = json.loads(run("connections", "list", "--json").stdout)["items"]
    assert [(row["name"], row["default"], row["kind"]) for row in rows] == [
        ("b", True, "machine key"),
        ("main", False, "machine key"),
    ]
    assert run("connections", "forget", "b").exit_code == Exit.OK
    assert [path.name for path in home().rglob("*.secret")] == ["main.secret"]
    assert run("connections", "use", "b").exit_code == Exit.USAGE


def test_logout_ends_the_session_and_forgets_it(desk: FakeNetwork, typed: list[str]) -> None:
    typed.append(PASSWORD)
    run("login", "--user", "ann")
    result = run("logout")

    assert result.stdout == f"logged out of {URL}, connection main\n"
    assert (desk.last.url.path, desk.tokens[-1]) == ("/api/v1/auth/logout", TOKEN)
    assert list(home().rglob("*.secret")) == []
    again = run("whoami")
    assert (again.exit_code, "phalanx login --name main" in again.stderr) == (
        Exit.NOT_ALLOWED,
        True,
    )


def test_logout_of_a_session_that_is_over_is_one(desk: FakeNetwork, typed: list[str]) -> None:
    typed.append(PASSWORD)
    run("login", "--user", "ann")
    over = {"code": "SESSION_ENDED", "detail": "it is over"}
    for path in ("/api/v1/auth/logout", "/api/v1/auth/refresh"):
        desk.answer("POST", path, status=401, body=over)

    assert run("logout").exit_code == Exit.OK
    assert list(home().rglob("*.secret")) == []


def test_a_session_that_could_not_be_ended_is_kept(desk: FakeNetwork, typed: list[str]) -> None:
    typed.append(PASSWORD)
    run("login", "--user", "ann")
    desk.answer("POST", "/api/v1/auth/logout", status=503, body={"code": "OVERLOADED"})

    assert run("logout").exit_code == Exit.FAILURE
    assert [path.name for path in home().rglob("*.secret")] == ["main.secret"]


def test_a_machine_key_is_forgotten_here_only(desk: FakeNetwork) -> None:
    run("login", "--key-stdin", text="phx_1")

    assert run("logout").exit_code == Exit.OK
    assert desk.requests == []
    assert run("logout", "--name", "nobody").exit_code == Exit.USAGE


def test_logout_without_a_connection() -> None:
    result = run("logout")

    assert (result.exit_code, "NO_SUCH_CONNECTION" in result.stderr) == (Exit.USAGE, True)


def test_a_server_that_asks_who_we_are_says_what_to_do(network: FakeNetwork) -> None:
    nobody = {"code": "UNAUTHENTICATED", "detail": "who you are could not be verified"}
    network.answer("GET", "/api/v1/clients", status=401, body=nobody)
    result = run("clients")

    assert result.exit_code == Exit.NOT_ALLOWED
    assert result.stderr == (
        "error: who you are could not be verified; log in: phalanx login [UNAUTHENTICATED]\n"
    )


def test_every_command_takes_the_connection_that_is_named(desk: FakeNetwork) -> None:
    run("login", "--key-stdin", text="phx_1")
    run("login", "--key-stdin", "--name", "b", text="phx_2")
    desk.answer("GET", "/api/v1/strategies", body={"items": []})
    desk.answer("GET", "/api/v1/profiles", body={})
    desk.answer("GET", "/api/v1/instruments/search", body=[])
    for words in (("strategies",), ("profiles", "export"), ("instruments", "search", "x")):
        assert run(*words, "--connection", "b").exit_code == Exit.OK

    assert desk.tokens == ["phx_2"] * 3


def test_names_of_connections_are_completed(
    desk: FakeNetwork, monkeypatch: pytest.MonkeyPatch
) -> None:
    run("login", "--key-stdin", text="phx_1")
    run("login", "--key-stdin", "--name", "moon", text="phx_2")
    words = "phalanx connections use m"
    monkeypatch.setenv("COMP_WORDS", words)
    monkeypatch.setenv("COMP_CWORD", "3")
    monkeypatch.setenv("_PHALANX_COMPLETE", "complete_bash")

    assert run().stdout.split() == ["main", "moon"]
    assert desk.requests == []


def test_a_terminal_is_one_that_the_standard_input_is(
    desk: FakeNetwork, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(sys, "stdin", Terminal("ann\n"))
    monkeypatch.setattr(getpass, "getpass", lambda _: "")

    assert ask("user:") == "ann"
    assert ask_secret("password:").reveal() == ""


def test_no_password_is_asked_for_where_only_the_folder_says_so(desk: FakeNetwork) -> None:
    Path("phalanx.toml").write_text('server = "https://strange.test"\n')

    result = run("login", "--user", "ann", "--password-stdin", text=f"{PASSWORD}\n")

    assert (result.exit_code, "SERVER_NOT_NAMED" in result.stderr) == (Exit.NOT_ALLOWED, True)
    assert run("password", "--password-stdin", text="a\nb\n").exit_code == Exit.NOT_ALLOWED
    assert desk.requests == []
    named = ("login", "--user", "ann", "--password-stdin", "--server", "https://strange.test")
    assert run(*named, text=f"{PASSWORD}\n").exit_code == Exit.OK


def test_no_password_leaves_this_machine_over_plain_http(desk: FakeNetwork) -> None:
    plain = ("login", "--server", "http://desk.test", "--user", "ann", "--password-stdin")

    result = run(*plain, text=f"{PASSWORD}\n")

    assert (result.exit_code, "--insecure [NOT_ENCRYPTED]" in result.stderr) == (4, True)
    assert desk.requests == []
    assert run(*plain, "--insecure", text=f"{PASSWORD}\n").exit_code == Exit.OK
    # Said once is not said for ever.
    assert run("whoami").exit_code == run("logout").exit_code == Exit.NOT_ALLOWED
    assert run("--insecure", "whoami").exit_code == run("whoami", "--insecure").exit_code == 0


def test_plain_http_is_allowed_by_the_environment(
    desk: FakeNetwork, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("PHALANX_INSECURE", "1")
    monkeypatch.setenv("PHALANX_SERVER", "http://desk.test")

    assert run("login", "--key-stdin", text="phx_1").exit_code == Exit.OK
    assert run("whoami").exit_code == Exit.OK
    assert len(desk.requests) == 1


def test_a_connection_remembers_whose_certificates_it_trusts(desk: FakeNetwork) -> None:
    there = ("login", "--server", "https://desk.test", "--key-stdin")

    assert run(*there, "--ca", str(CA), text="phx_1").exit_code == Exit.OK
    assert f'ca = "{CA}"' in kept()
    assert json.loads(run("connections", "list", "--json").stdout)["items"][0]["ca"] == str(CA)
    Path("phalanx.toml").write_text('ca = "of-a-stranger.pem"\n')
    assert run("whoami").exit_code == Exit.OK
    assert run(*there, text="phx_2").exit_code == Exit.OK
    assert f'ca = "{CA}"' in kept()
    assert desk.tokens == ["phx_1"]


@pytest.mark.parametrize("before", [True, False])
def test_whose_certificates_count_and_as_whom_is_said_before_a_command_or_behind_it(
    desk: FakeNetwork, before: bool
) -> None:
    there = ("--server", "https://desk.test")
    for name in ("a", "b"):
        run("login", *there, "--key-stdin", "--name", name, text=f"phx_{name}")
    way = ("--ca", str(CA), "--connection", "b")

    result = run(*way, "whoami") if before else run("whoami", *way)

    assert result.exit_code == Exit.OK
    assert desk.tokens == ["phx_b"]
    assert trust.chosen() == CA


def test_what_stands_behind_a_command_wins(
    desk: FakeNetwork, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name in ("a", "b", "c"):
        run("login", "--key-stdin", "--name", name, text=f"phx_{name}")
    monkeypatch.setenv("PHALANX_CONNECTION", "c")

    for words in (
        ("--connection", "a", "whoami", "--connection", "b"),
        ("--connection", "a", "whoami"),
        ("whoami",),
    ):
        assert run(*words).exit_code == Exit.OK
    assert desk.tokens == ["phx_b", "phx_a", "phx_c"]
    monkeypatch.setenv("PHALANX_CA", "not-there.pem")
    assert run("whoami").exit_code == Exit.USAGE
    assert run("--ca", str(CA), "whoami").exit_code == Exit.OK
    assert run("--ca", "not-there.pem", "whoami", "--ca", str(CA)).exit_code == Exit.OK
    assert "logged out of" in run("--ca", str(CA), "--connection", "b", "logout").stdout
    assert not (home() / "connections/b.secret").exists()


def test_who_has_to_log_in_again_is_told_so_once(desk: FakeNetwork) -> None:
    run("login", "--user", "ann", "--password-stdin", text=f"{PASSWORD}\n")
    over = {"code": "SESSION_ENDED", "detail": SESSION_OVER}
    desk.answer("GET", "/api/v1/auth/me", status=401, body=over)
    desk.answer("POST", "/api/v1/auth/refresh", status=401, body=over)

    result = run("whoami")

    assert result.stderr == (
        "error: the session is over; log in again: phalanx login --name main [SESSION_ENDED]\n"
    )
