"""`phalanx credentials`: values come from the terminal or a pipe, and are nowhere shown."""

import getpass
import json
import stat
import sys
from pathlib import Path

import httpx
import pytest

from phalanx.cli.exit_codes import Exit, Failure
from phalanx.cli.input.secret_fields import secret_fields
from tests.canary import CANARY
from tests.unit.cli.doubles import FakeServer, Terminal, rows, run

PATH = "/api/v1/credentials"
ROW = {
    "login": "dealer-1",
    "broker": "stub",
    "version": 3,
    "kek_id": "8d2c51f09a3be744",
    "created_by": "ann",
    "created_at": "2026-11-20T09:15:00.000000+05:30",
}
LINES = f"api_key={CANARY}\r\n\npassword = a=b \n"


@pytest.mark.parametrize("words", [(), ("list",)])
def test_the_list(words: tuple[str, ...], server: FakeServer) -> None:
    server.answer("GET", PATH, body={"items": [ROW]})

    assert rows(run("credentials", *words).stdout)[1][:5] == [
        *("dealer-1", "stub", "3", "8d2c51f09a3be744", "ann")
    ]


def test_fields_come_from_a_pipe_and_are_not_shown(server: FakeServer) -> None:
    server.answer("GET", PATH, body={"items": [ROW]})
    server.answer("PUT", f"{PATH}/dealer-1", body={**ROW, "version": 4})
    result = run("credentials", "put", "dealer-1", "--broker", "stub", text=LINES)

    assert json.loads(server.last.content) == {
        "broker": "stub",
        "fields": {"api_key": CANARY, "password": " a=b "},
        "expected": 3,
    }
    assert result.stdout == "version 4 of dealer-1 is sealed\n"
    assert CANARY not in result.output


def test_a_login_that_is_new_has_no_version_yet(server: FakeServer) -> None:
    server.answer("GET", PATH, body={"items": []})
    server.answer("PUT", f"{PATH}/a%2Fb", body={**ROW, "login": "a/b", "version": 1})
    run("credentials", "put", "a/b", "--broker", "stub", text=LINES)

    assert json.loads(server.last.content)["expected"] == 0
    assert server.last.url.raw_path == f"{PATH}/a%2Fb".encode()


def test_the_version_may_be_said(server: FakeServer) -> None:
    server.answer("PUT", f"{PATH}/dealer-1", body=ROW)
    run("credentials", "put", "dealer-1", "--broker", "stub", "--expected", "2", text=LINES)

    assert json.loads(server.last.content)["expected"] == 2
    assert len(server.requests) == 1


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("", "at least one field"),
        (f"a=1\n{CANARY}\n", "line 2"),
        (f"={CANARY}\n", "line 1"),
        (f"a={CANARY}\na=2\n", "line 2"),
        (f"a={CANARY}{'x' * 300_000}", "bytes"),
    ],
)
def test_a_line_that_is_none_is_not_repeated(text: str, said: str, server: FakeServer) -> None:
    server.answer("GET", PATH, body={"items": []})
    result = run("credentials", "put", "dealer-1", "--broker", "stub", text=text)

    assert result.exit_code == Exit.USAGE
    assert said in result.stderr
    assert CANARY not in result.output
    assert [request.method for request in server.requests] == ["GET"]


def test_an_option_for_a_terminal_is_refused_in_a_pipe(server: FakeServer) -> None:
    server.answer("GET", PATH, body={"items": []})
    words = ("credentials", "put", "dealer-1", "--broker", "stub", "--field", "api_key")

    assert run(*words, text=LINES).exit_code == Exit.USAGE


class TestTerminal:
    @pytest.fixture(autouse=True)
    def _without_echo(self, monkeypatch: pytest.MonkeyPatch) -> None:
        self.prompts: list[str] = []

        def asked(prompt: str) -> str:
            self.prompts.append(prompt)
            return f"{CANARY}{len(self.prompts)}"

        monkeypatch.setattr(getpass, "getpass", asked)

    def test_fields_that_are_named_are_asked_for(self, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setattr(sys, "stdin", Terminal())
        found = secret_fields(["api_key", "password"])

        assert self.prompts == ["api_key (not shown): ", "password (not shown): "]
        assert {name: value.reveal() for name, value in found.items()} == {
            "api_key": f"{CANARY}1",
            "password": f"{CANARY}2",
        }
        assert CANARY not in repr(found)

    def test_names_are_asked_for_too_until_an_empty_one(
        self, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.setattr(sys, "stdin", Terminal("api_key\n\nmore\n"))

        assert list(secret_fields([])) == ["api_key"]

    def test_a_field_is_asked_for_once(self, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setattr(sys, "stdin", Terminal())

        with pytest.raises(Failure, match="--field a names"):
            secret_fields(["a", "a"])


def test_forget(server: FakeServer) -> None:
    server.answer("DELETE", f"{PATH}/dealer-1", body={"login": "dealer-1", "forgotten": True})

    assert run("credentials", "forget", "dealer-1").stdout == "nothing is kept of dealer-1\n"


def test_keks(server: FakeServer) -> None:
    kek = {"kek_id": "8d2c51f09a3be744", "sealed": 12, "current": True, "present": False}
    server.answer("GET", f"{PATH}/keks", body={"items": [kek]})

    assert rows(run("credentials", "keks").stdout)[1] == ["8d2c51f09a3be744", "12", "yes", "no"]


DONE = {
    "current": "8d2c51f09a3be744",
    "rewrapped": 12,
    "failed": 0,
    "failures": [],
    "retired": ["51f0744b3e8d2ca9"],
    "older": [],
}


def test_rekey(server: FakeServer) -> None:
    server.answer("POST", f"{PATH}/rekey", body=DONE)

    assert run("credentials", "rekey").stdout == (
        "12 records are sealed with 8d2c51f09a3be744 now\n51f0744b3e8d2ca9 seals nothing any more\n"
    )
    assert json.loads(run("credentials", "rekey", "--json").stdout) == DONE


def test_what_could_not_be_rewrapped_is_named(server: FakeServer) -> None:
    failed = {"failed": 1, "failures": ["credentials/dealer-1: CANNOT_UNSEAL"], "retired": []}
    server.answer("POST", f"{PATH}/rekey", body={**DONE, **failed})
    result = run("credentials", "rekey")

    assert result.exit_code == Exit.PARTIAL
    assert result.stderr == "not rewrapped: credentials/dealer-1: CANNOT_UNSEAL\n"


@pytest.mark.parametrize("words", [("rekey",), ("forget", "dealer-1")])
def test_a_change_without_an_answer_is_looked_up(
    words: tuple[str, ...], server: FakeServer
) -> None:
    def breaks(request: httpx.Request) -> httpx.Response:
        raise httpx.ReadTimeout("late", request=request)

    server.handle("POST", f"{PATH}/rekey", breaks)
    server.handle("DELETE", f"{PATH}/dealer-1", breaks)
    result = run("credentials", *words)

    assert result.exit_code == Exit.UNKNOWN
    assert "idempotency" not in result.stderr
    assert "phalanx credentials list" in result.stderr


class TestNewKey:
    @pytest.fixture
    def file(self, tmp_path: Path) -> Path:
        return tmp_path / "next.key"

    def test_it_is_for_its_owner_only_and_is_not_shown(self, file: Path) -> None:
        result = run("credentials", "new-key", "--out", str(file))

        assert stat.S_IMODE(file.stat().st_mode) == 0o600
        assert len(file.read_bytes()) == 32
        assert file.read_bytes().hex() not in result.output
        assert result.stdout.startswith("key ")

    def test_one_that_is_there_is_left_alone(self, file: Path) -> None:
        file.write_bytes(b"mine")
        result = run("credentials", "new-key", "--out", str(file), "--json")

        assert json.loads(result.stderr)["code"] == "FILE_EXISTS"
        assert file.read_bytes() == b"mine"

    def test_a_folder_that_is_not_there_is_told(self, file: Path) -> None:
        result = run("credentials", "new-key", "--out", str(file / "deeper"), "--json")

        assert json.loads(result.stderr)["code"] == "KEY_FILE_UNREADABLE"
