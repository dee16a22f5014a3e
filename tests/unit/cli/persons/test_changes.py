"""`phalanx changes`, and how the commands end whose change waits for another person."""

import json
from pathlib import Path

import pytest

from phalanx.cli.exit_codes import Exit
from tests.unit.cli.doubles import FakeServer, rows, run

PATH = "/api/v1/changes"
KILL = "lift the kill for everybody"
CHANGE = {
    "change": "C1",
    "kind": "kill",
    "status": "WAITING",
    "details": [KILL],
    "asked_by": "ann",
    "asked_at": "t",
    "expires_at": "u",
    "decided_by": None,
    "decided_at": None,
    "note": None,
    "refusal": None,
}
WAITING = {key: CHANGE[key] for key in ("change", "status", "details", "asked_by", "expires_at")}


@pytest.mark.parametrize("words", [(), ("list",)])
def test_those_that_wait_are_listed(server: FakeServer, words: tuple[str, ...]) -> None:
    server.answer("GET", PATH, body={"items": [CHANGE], "total": 1, "as_of": 1})

    shown = rows(run("changes", *words).stdout)[1]

    assert shown == ["C1", "t", "ann", "u", "kill", *KILL.split()]
    assert server.last.url.params["status"] == "waiting"


def test_those_that_ended_say_how_and_by_whom(server: FakeServer) -> None:
    over = {**CHANGE, "status": "DECLINED", "decided_by": "bob", "decided_at": "v", "note": "no"}
    server.answer("GET", PATH, body={"items": [over], "total": 1})

    shown = rows(run("changes", "list", "--status", "declined").stdout)[1]

    assert shown[:6] == ["C1", "t", "ann", "DECLINED", "v", "bob"]
    assert server.last.url.params["status"] == "declined"


def test_nothing_waits(server: FakeServer) -> None:
    server.answer("GET", PATH, body={"items": [], "total": 0})

    assert run("changes").stdout == "nothing waits for another person\n"


def test_one_is_shown(server: FakeServer) -> None:
    server.answer("GET", f"{PATH}/C1", body=CHANGE)

    assert "lift the kill" in run("changes", "show", "C1").stdout


@pytest.mark.parametrize(
    ("how", "said"),
    [
        ("approve", "change C1 is approved and done\n"),
        ("decline", "change C1 is declined, nothing is done\n"),
    ],
)
def test_it_is_decided(server: FakeServer, how: str, said: str) -> None:
    server.answer("POST", f"{PATH}/C1/{how}", body={"change": "C1", "status": "APPROVED"})

    result = run("changes", how, "C1", "--note", "seen", "--idempotency-key", "k")

    assert (result.exit_code, result.stdout) == (0, said)
    assert json.loads(server.last.content) == {"note": "seen"}
    assert server.last.headers["idempotency-key"] == "k"


def test_one_that_was_not_possible_any_more_is_a_failure(server: FakeServer) -> None:
    body = {"status": "REFUSED", "refusal": "CHANGE_MOVED", "refusal_text": "otherwise"}
    server.answer("POST", f"{PATH}/C1/approve", body=body)

    result = run("changes", "approve", "C1")

    assert result.exit_code == Exit.FAILURE
    assert "nothing is done: CHANGE_MOVED: otherwise" in result.stdout


def test_the_same_person_is_not_allowed(server: FakeServer) -> None:
    problem = {"code": "SAME_PERSON", "detail": "another person has to approve"}
    server.answer("POST", f"{PATH}/C1/approve", 403, problem)

    assert run("changes", "approve", "C1").exit_code == Exit.NOT_ALLOWED


@pytest.mark.parametrize(
    ("method", "path", "words"),
    [
        ("DELETE", "/api/v1/kill", ("kill", "lift")),
        ("PUT", "/api/v1/limits", ("limits", "set", "global", "--value-max", "9")),
        ("PUT", "/api/v1/limits", ("limits", "put", "limits.csv")),
        ("DELETE", "/api/v1/limits/global", ("limits", "remove", "global")),
        ("PUT", "/api/v1/groups/core", ("groups", "put", "core", "PAPER-1")),
        ("DELETE", "/api/v1/groups/core", ("groups", "remove", "core")),
        ("PATCH", "/api/v1/settings", ("settings", "set", "two_persons=off")),
    ],
    ids=lambda value: " ".join(value) if isinstance(value, tuple) else "",
)
def test_what_was_only_asked_for_says_so_and_ends_with_3(
    server: FakeServer, method: str, path: str, words: tuple[str, ...]
) -> None:
    Path("limits.csv").write_text("level,name,value_max\nglobal,,9\n", encoding="utf-8")
    server.answer("GET", "/api/v1/limits", body={"items": [], "total": 0})
    server.answer("GET", "/api/v1/settings", body={"two_persons": True})
    server.answer(method, path, 202, WAITING)

    result = run(*words)

    assert result.exit_code == Exit.PARTIAL
    assert result.stdout == (
        "lift the kill for everybody\nasked: waits for another person until u, change C1\n"
    )
    assert "phalanx changes approve C1" in result.stderr

    as_json = run(*words, "--json")

    assert as_json.exit_code == Exit.PARTIAL
    assert json.loads(as_json.stdout) == WAITING


@pytest.mark.parametrize(("text", "value"), [("on", True), ("True", True), ("off", False)])
def test_a_switch_is_on_or_off(server: FakeServer, text: str, value: bool) -> None:
    server.answer("GET", "/api/v1/settings", body={"two_persons": True})
    server.answer("PATCH", "/api/v1/settings", body={"two_persons": value})

    assert run("settings", "set", f"two_persons={text}").exit_code == 0
    assert json.loads(server.last.content) == {"two_persons": value}
    assert run("settings", "set", "two_persons=1").exit_code == Exit.USAGE
