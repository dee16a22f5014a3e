"""Names that a shell completes; nothing at all when there is nobody to ask."""

import httpx
import pytest

from phalanx.cli.remote import target
from tests.unit.cli.doubles import FakeServer, run

NAMES = {
    "lists show ": ("/api/v1/priority-lists", "name", ["nifty", "next"]),
    "lists buy n": ("/api/v1/priority-lists", "name", ["nifty", "next"]),
    "groups remove n": ("/api/v1/groups", "name", ["nifty", "next"]),
    "exit --group n": ("/api/v1/groups", "name", ["nifty", "next"]),
    "batch TCS --account n": ("/api/v1/accounts", "account", ["nifty", "next"]),
    "strategies set n": ("/api/v1/strategies", "strategy", ["nifty", "next"]),
    "breaks close n": ("/api/v1/breaks", "id", ["nifty", "next"]),
    "reconcile --account n": ("/api/v1/accounts", "account", ["nifty", "next"]),
    "users disable n": ("/api/v1/users", "name", ["nifty", "next"]),
    "keys revoke n": ("/api/v1/keys", "id", ["nifty", "next"]),
    "sessions end n": ("/api/v1/sessions", "session", ["nifty", "next"]),
    "signal n": ("/api/v1/strategies", "strategy", ["nifty", "next"]),
}


def completed(line: str, monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """What bash is offered at the end of a line."""
    words = f"phalanx {line}"
    monkeypatch.setenv("COMP_WORDS", words)
    monkeypatch.setenv("COMP_CWORD", str(len(words.split(" ")) - 1))
    monkeypatch.setenv("_PHALANX_COMPLETE", "complete_bash")
    return run().stdout.split()


@pytest.mark.parametrize("line", NAMES)
def test_names_of_the_server(
    line: str, server: FakeServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    path, field, names = NAMES[line]
    items = [{field: name} for name in ("nifty", "next", "other")]
    server.answer("GET", path, body={"items": items, "total": 3, "as_of": 1})
    wanted = [*names, "other"] if line.endswith(" ") else names

    assert completed(line, monkeypatch) == wanted


def test_the_server_that_was_named_is_asked(
    server: FakeServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    server.answer("GET", "/api/v1/priority-lists", body={"items": [{"name": "nifty"}]})

    assert completed("lists show --server http://other.test n", monkeypatch) == ["nifty"]
    assert server.last.url.host == "other.test"


@pytest.mark.parametrize("status", [404, 500, 200])
def test_a_server_that_says_something_else_completes_nothing(
    status: int, server: FakeServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    server.handle("GET", "/api/v1/priority-lists", lambda _: httpx.Response(status, text="<html>"))

    assert completed("lists show n", monkeypatch) == []


def test_no_server_completes_nothing(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(target, "configured_server", lambda **_: "http://127.0.0.1:1")

    assert completed("lists show n", monkeypatch) == []
    assert completed("lists sh", monkeypatch) == ["show"]
