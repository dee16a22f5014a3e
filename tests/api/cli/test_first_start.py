"""The first start of a server where people log in: one admin, whose password is said once and kept nowhere."""

import json
from pathlib import Path

import httpx
import pytest

from phalanx.cli.exit_codes import Exit
from tests.api.cli.processes import Process, Server

SAID = "first login: admin, password "


def first_password(server: Server) -> str:
    line = server.line_with(SAID)
    return line.removeprefix(SAID).split()[0]


def holds(folder: Path, text: str) -> list[Path]:
    """The files that hold a text."""
    return [
        path for path in folder.rglob("*") if path.is_file() and text.encode() in path.read_bytes()
    ]


def test_the_password_is_said_once_and_kept_nowhere(tmp_path: Path) -> None:
    with Server(tmp_path / "data", "--logins") as server:
        password = first_password(server)
        assert server.end() == Exit.OK
        rest = server.err
    with Server(tmp_path / "data", "--logins") as server:
        assert server.end() == Exit.OK
        again = [*server.rest(), *server.err]

    assert len(password) >= 16
    assert not any(password in line for line in (*rest, *again))
    assert not any("first login" in line for line in again)
    assert holds(tmp_path, password) == []
    # What was looked through holds what a server keeps: its users, its log, its journal.
    assert holds(tmp_path, "argon2id")
    assert holds(tmp_path, '"serving"')


def test_what_is_kept_of_logins_is_its_owners_alone(tmp_path: Path) -> None:
    with Server(tmp_path / "data", "--logins") as server:
        first_password(server)
        open_to_others = [
            path
            for path in (tmp_path / "data").iterdir()
            if path.is_file()
            and path.name.startswith(("access", "kek"))
            and path.stat().st_mode & 0o077
        ]
        assert server.end() == Exit.OK
    assert open_to_others == []


def test_the_ready_line_of_json_has_it_once(tmp_path: Path) -> None:
    words = ("serve", "--logins", "--port", "0", "--data", "data", "--json")
    with Process(*words, folder=tmp_path) as process:
        first = json.loads(process.line())
        assert process.end() == Exit.OK
    with Process(*words, folder=tmp_path) as process:
        second = json.loads(process.line())
        assert process.end() == Exit.OK

    assert first["first_login"] == "admin"
    assert set(second) == {"ready", "url", "data"}
    assert holds(tmp_path, first["password"]) == []


def test_nobody_is_let_in_without_a_login(tmp_path: Path) -> None:
    with Server(tmp_path / "data", "--logins") as server:
        first_password(server)
        answer = httpx.get(f"{server.url}/api/v1/clients")
        told = server.run("clients")
        watching = server.run("watch", "--lines", "--count", "1")

    assert (answer.status_code, answer.json()["code"]) == (401, "UNAUTHENTICATED")
    for result in (told, watching):
        assert result.exit_code == Exit.NOT_ALLOWED
        assert "log in: phalanx login [UNAUTHENTICATED]" in result.stderr


def test_open_localhost_makes_no_user(tmp_path: Path) -> None:
    with Server(tmp_path / "data", "--open-localhost") as server:
        assert server.run("clients").exit_code == Exit.OK
        assert server.end() == Exit.OK
        assert not any("first login" in line for line in server.rest())
    with Server(tmp_path / "data", "--logins") as server:
        assert first_password(server)


def test_a_token_of_the_environment_is_sent(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    with Server(tmp_path / "data", "--logins") as server:
        first_password(server)
        monkeypatch.setenv("PHALANX_TOKEN", "phx_0123456789abcdef_nobodys")
        result = server.run("clients")

    assert result.exit_code == Exit.NOT_ALLOWED
    assert "PHALANX_TOKEN is not (or no longer) valid" in result.stderr
