"""`phalanx reconcile`: what it asks, what it shows, how it ends."""

import json
from typing import Any

import httpx
import pytest

from phalanx.cli.exit_codes import Exit
from tests.unit.cli.doubles import FakeServer, rows, run

PATH = "/api/v1/reconcile"


def line(ours: int, theirs: int, matched: int, foreign: int = 0, *, told: bool = True) -> Any:  # noqa: ANN401
    return {"ours": ours, "theirs": theirs, "matched": matched, "foreign": foreign, "told": told}


def report(account: str, **terms: object) -> dict[str, object]:
    return {
        "account": account,
        "client": "Ann",
        "broker": "stub",
        "status": "MATCHED",
        "why": None,
        "orders": line(3, 3, 3),
        "trades": line(2, 2, 2),
        "positions": line(1, 0, 0, told=False),
        "cash": line(1, 1, 1),
        "differences": [],
        "differences_total": 0,
        "breaks": [],
        **terms,
    }


def answered(server: FakeServer, *items: dict[str, object]) -> None:
    server.answer("POST", PATH, body={"items": list(items), "total": len(items), "as_of": 1})


def test_all_books_match(server: FakeServer) -> None:
    answered(server, report("A1"), report("A2"))

    result = run("reconcile")

    assert result.exit_code == Exit.OK
    shown = rows(result.stdout)
    assert shown[1] == ["A1", "Ann", "stub", "3", "2", "-", "same", "MATCHED", "-", "-"]
    assert result.stdout.splitlines()[-1] == "2 of 2 accounts match"
    assert json.loads(server.last.content) == {}
    assert "idempotency-key" not in server.last.headers


def test_who_is_asked_about(server: FakeServer) -> None:
    answered(server, report("A1"))

    run("reconcile", "--account", "A1", "--account", "A2", "--client", "7")

    assert json.loads(server.last.content) == {"accounts": ["A1", "A2"], "clients": [7]}


def test_what_differs_is_shown_and_ends_with_3(server: FakeServer) -> None:
    difference = {
        "kind": "CASH",
        "subject": "",
        "ours": "10",
        "theirs": "5",
        "reason": "other cash",
    }
    answered(
        server,
        report(
            "A1",
            status="BREAKS",
            orders=line(3, 5, 2, 2),
            cash=line(1, 1, 0),
            differences=[difference],
            differences_total=101,
            breaks=["B1"],
        ),
        report("A2"),
    )

    result = run("reconcile")

    assert result.exit_code == Exit.PARTIAL
    assert "2 of 3, 2 outside" in result.stdout
    assert "differs  BREAKS   B1" in result.stdout
    lines = result.stdout.splitlines()
    assert lines[4:6] == ["differences", "account  what  subject  ours  theirs  reason"]
    assert lines[6].split() == ["A1", "CASH", "-", "10", "5", "other", "cash"]
    assert lines[7] == "and 1 more"
    assert lines[-1] == "1 of 2 accounts match, 1 open break: phalanx breaks"


DIFFERENCE = {"kind": "CASH", "subject": "", "ours": "10", "theirs": "5", "reason": "other cash"}


@pytest.mark.parametrize(
    ("settled", "total", "breaks", "books"),
    [
        ([True, True], 2, [], "DIFFERS (closed by a person)"),
        ([True, False], 2, [], "BREAKS"),
        ([True, True], 3, [], "BREAKS"),
        ([True], 1, ["B1"], "BREAKS"),
        ([], 0, [], "BREAKS"),
    ],
)
def test_books_whose_breaks_a_person_closed_differ_and_are_said_so(
    server: FakeServer, settled: list[bool], total: int, breaks: list[str], books: str
) -> None:
    found = [{**DIFFERENCE, "settled": one} for one in settled]
    terms = {"differences": found, "differences_total": total, "breaks": breaks}
    answered(server, report("A1", status="BREAKS", **terms))

    result = run("reconcile")

    assert result.exit_code == Exit.PARTIAL
    assert f"  {books}  " in result.stdout


@pytest.mark.parametrize(
    ("terms", "said"),
    [
        ({"status": "UNREAD", "why": "HTTP 500"}, "0 of 1 account match, 1 could not be read"),
        ({"status": "PENDING"}, "0 of 1 account match, 1 still being read"),
        ({"status": "NEVER", "orders": None, "cash": None}, "0 of 1 account match"),
        ({"breaks": ["B1", "B2"]}, "0 of 1 account match, 2 open breaks: phalanx breaks"),
    ],
)
def test_whatever_is_not_well_ends_with_3(
    terms: dict[str, object], said: str, server: FakeServer
) -> None:
    answered(server, report("A1", **terms))

    result = run("reconcile")

    assert (result.exit_code, result.stdout.splitlines()[-1]) == (Exit.PARTIAL, said)


def test_json_is_the_servers_own_and_ends_alike(server: FakeServer) -> None:
    answered(server, report("A1", status="UNREAD"))

    result = run("reconcile", "--json")

    assert result.exit_code == Exit.PARTIAL
    assert json.loads(result.stdout)["items"][0]["account"] == "A1"


def test_nobody_to_be_read_is_well(server: FakeServer) -> None:
    answered(server)

    result = run("reconcile")

    assert (result.exit_code, result.stdout) == (Exit.OK, "no accounts\n")


def test_an_unknown_account_is_said(server: FakeServer) -> None:
    problem = {"code": "UNKNOWN_ACCOUNT", "detail": "no account A9", "field": "accounts[0]"}
    server.handle("POST", PATH, lambda _: httpx.Response(422, json=problem))

    result = run("reconcile", "--account", "A9")

    assert (result.exit_code, "no account A9" in result.stderr) == (Exit.FAILURE, True)
