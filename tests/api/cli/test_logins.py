"""Logins from end to end: a person, a machine, an admin at the command line of a real server."""

import getpass
import json
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import msgspec
import pyotp
import pytest

from phalanx.cli.exit_codes import Exit
from phalanx.cli.remote.folder import home
from phalanx.cli.remote.safes import FileSafe, Kept
from phalanx.cli.remote.session import SessionIdentity
from phalanx.domain.secrets import Secret
from tests.api.cli.processes import Server, run

PASSWORD = "the canary of the admin"
SAID = "first login: admin, password "


@pytest.fixture
def desk(tmp_path: Path, profiles: Path) -> Iterator[Server]:
    """A server where people log in; the admin has logged in, and their password is `PASSWORD`."""
    with Server(tmp_path / "data", "--logins", "--profiles", str(profiles)) as server:
        first = server.line_with(SAID).removeprefix(SAID).split()[0]
        words = ("login", "--server", server.url, "--user", "admin", "--password-stdin")
        assert run(*words, text=f"{first}\n").exit_code == Exit.NOT_ALLOWED
        changed = run("password", "--password-stdin", text=f"{first}\n{PASSWORD}\n")
        assert changed.exit_code == Exit.OK, changed.stderr
        yield server


def document(*words: str, text: str | None = None) -> dict[str, object]:
    """What a command that succeeds says with --json."""
    result = run(*words, "--json", text=text)
    assert result.exit_code == Exit.OK, result.stderr
    found = json.loads(result.stdout)
    assert isinstance(found, dict)
    return found


def code_of(*words: str, text: str | None = None) -> str:
    """The code of a command's refusal."""
    result = run(*words, "--json", text=text)
    assert result.exit_code != Exit.OK
    return str(json.loads(result.stderr)["code"])


def log_in(desk: Server, user: str, password: str, *, name: str = "other") -> None:
    words = ("login", "--server", desk.url, "--user", user, "--name", name, "--password-stdin")
    result = run(*words, text=f"{password}\n")
    assert result.exit_code == Exit.OK, result.stderr


def make_user(name: str, password: str, *words: str) -> None:
    made = run("users", "create", name, *words, "--password-stdin", text=f"{password}\n")
    assert made.exit_code == Exit.OK, made.stderr


def test_a_person_is_who_they_say_until_they_go(desk: Server) -> None:
    me = document("whoami")
    assert (me["name"], me["kind"], me["must_change"]) == ("admin", "user", False)
    assert run("clients").exit_code == Exit.OK
    token = FileSafe(home(), "main").read()
    assert token is not None
    assert run("logout").exit_code == Exit.OK
    assert code_of("whoami") == "LOGIN_NEEDED"
    # The token that somebody may have copied is good for nothing either.
    FileSafe(home(), "main").write(token)
    assert code_of("whoami") == "SESSION_ENDED"


def test_a_password_is_asked_for_and_changed_at_a_terminal(
    desk: Server, monkeypatch: pytest.MonkeyPatch
) -> None:
    given = str(document("users", "create", "ann", "--role", "trader")["password"])
    typed = [given, "the canary of ann", "the canary of ann"]
    monkeypatch.setattr(getpass, "getpass", lambda _: typed.pop(0))
    monkeypatch.setattr("phalanx.cli.input.secrets._need_terminal", lambda: None)
    result = run("login", "--server", desk.url, "--user", "ann", "--name", "ann")

    assert (result.exit_code, typed) == (Exit.OK, [])
    assert "canary" not in result.output
    assert document("whoami", "--connection", "ann")["role"] == "trader"
    assert run("logout", "--name", "ann").exit_code == Exit.OK
    log_in(desk, "ann", "the canary of ann")


def test_roles_are_kept_to(desk: Server) -> None:
    make_user("vera", "the canary of vera", "--role", "viewer")
    log_in(desk, "vera", "the canary of vera")

    assert run("clients", "--connection", "other").exit_code == Exit.OK
    for words in (("kill",), ("users", "list"), ("keys", "create", "x", "--scope", "read")):
        assert code_of(*words, "--connection", "other") == "FORBIDDEN"
    assert run("users", "disable", "vera").exit_code == Exit.OK
    assert code_of("clients", "--connection", "other") == "SESSION_ENDED"
    assert document("users", "enable", "vera")["enabled"] is True
    log_in(desk, "vera", "the canary of vera")
    assert document("users", "change", "vera", "--role", "trader")["role"] == "trader"


def test_a_machine_trades_with_its_key_until_it_is_revoked(
    desk: Server, monkeypatch: pytest.MonkeyPatch
) -> None:
    scopes = ("--scope", "read", "--scope", "trade")
    made = run("keys", "create", "algo1", *scopes, "--days", "1")
    token = made.stdout.strip()
    assert (
        run("login", "--key-stdin", "--server", desk.url, "--name", "algo", text=token).exit_code
        == 0
    )
    signal = ("signal", "STRATEGY_B", "BUY", "MINDA", "--confirm", "--connection", "algo")
    assert run(*signal).exit_code == Exit.OK
    assert code_of("kill", "--connection", "algo") == "FORBIDDEN"
    monkeypatch.setenv("PHALANX_TOKEN", token)
    assert document("whoami")["name"] == "algo1"
    monkeypatch.delenv("PHALANX_TOKEN")

    rows = json.loads(run("keys", "list", "--json").stdout)["items"]
    assert [row["name"] for row in rows] == ["algo1"]
    assert run("keys", "revoke", rows[0]["id"]).exit_code == Exit.OK
    refused = run("orders", "--connection", "algo")
    assert (refused.exit_code, "--key-stdin" in refused.stderr) == (Exit.NOT_ALLOWED, True)


def test_a_fence_names_what_there_is(desk: Server) -> None:
    words = ("keys", "create", "algo2", "--scope", "read")
    made = document(*words, "--strategy", "STRATEGY_B", "--instrument", "RELIANCE")

    assert (made["strategies"], made["instruments"]) == (["STRATEGY_B"], ["NSE:2885"])
    assert (
        code_of("keys", "create", "x", "--scope", "read", "--account", "NOBODY-1")
        == "UNKNOWN_ACCOUNT"
    )


def test_a_second_factor_from_the_first_code_to_the_last(desk: Server) -> None:
    begun = document("totp", "enable", "--password-stdin", text=f"{PASSWORD}\n")
    assert document("whoami")["second_factor"] == "waiting"
    code = pyotp.TOTP(str(begun["secret"])).now()
    codes = document("totp", "confirm", "--code-stdin", text=code)["recovery_codes"]
    assert isinstance(codes, list)

    words = ("login", "--server", desk.url, "--user", "admin", "--name", "b", "--password-stdin")
    assert code_of(*words, text=f"{PASSWORD}\n") == "NOTHING_READ"
    assert run(*words, text=f"{PASSWORD}\n{codes[0]}\n").exit_code == Exit.OK
    assert document("whoami")["recovery_codes_left"] == len(codes) - 1
    off = run("totp", "disable", "--password-stdin", text=f"{PASSWORD}\n")
    assert off.exit_code == Exit.OK, off.stderr
    assert document("whoami")["second_factor"] == "off"


def test_sessions_are_seen_and_ended(desk: Server) -> None:
    log_in(desk, "admin", PASSWORD)
    rows = json.loads(run("sessions", "list", "--json").stdout)["items"]
    (other,) = [row["session"] for row in rows if not row["current"]]

    assert all(row["agent"].startswith("phalanx/") for row in rows)
    assert run("sessions", "end", other).exit_code == Exit.OK
    assert code_of("clients", "--connection", "other") == "SESSION_ENDED"
    assert run("clients").exit_code == Exit.OK


def test_many_processes_that_renew_at_one_moment_keep_their_session(desk: Server) -> None:
    safe = FileSafe(home(), "main")
    kept = safe.read()
    assert kept is not None
    safe.write(Kept(kept.token, kept.refresh, 0.0))
    identities = [SessionIdentity(desk.url, FileSafe(home(), "main"), "log in") for _ in range(8)]
    with ThreadPoolExecutor(8) as processes:
        tokens = [job.result() for job in [processes.submit(one.token) for one in identities]]

    assert all(token == tokens[0] for token in tokens)
    assert run("clients").exit_code == Exit.OK


def test_a_refresh_token_that_was_copied_ends_the_session(desk: Server) -> None:
    safe = FileSafe(home(), "main")
    kept = safe.read()
    assert kept is not None
    old = Kept(kept.token, kept.refresh, 0.0)
    safe.write(old)
    assert run("clients").exit_code == Exit.OK
    safe.write(old)

    refused = run("clients")
    assert (refused.exit_code, "phalanx login --name main" in refused.stderr) == (
        Exit.NOT_ALLOWED,
        True,
    )


def test_watch_and_produce_are_the_person_too(desk: Server) -> None:
    watched = run("watch", "--lines", "--backlog", "--count", "1", "--topics", "accounts")
    assert watched.exit_code == Exit.OK, watched.stderr
    produced = run("produce", "--count", "3", "--interval", "0")
    assert produced.exit_code == Exit.OK, produced.stderr
    assert json.loads(run("instructions", "--json").stdout)["total"] == 3
    assert "ready at" in run("doctor", "--data", str(desk.data)).stdout


def test_no_secret_of_a_person_is_in_the_servers_folder(desk: Server) -> None:
    token = run("keys", "create", "algo3", "--scope", "read").stdout.strip()
    kept = FileSafe(home(), "main").read()
    assert kept is not None
    assert kept.refresh is not None
    secrets = [Secret(PASSWORD), Secret(token), kept.token, kept.refresh]
    assert desk.end() == Exit.OK

    content = [path.read_bytes() for path in desk.data.rglob("*") if path.is_file()]
    for secret in secrets:
        assert not any(secret.reveal().encode() in one for one in content)
    assert msgspec.json.encode("serving")[1:-1] in b"".join(content)
