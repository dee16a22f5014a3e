"""`phalanx breaks`: what it asks, what it shows, and what is never sent."""

import json

import httpx
import pytest

from phalanx.cli.exit_codes import Exit
from tests.unit.cli.doubles import FakeServer, rows, run

PATH = "/api/v1/breaks"
BREAK = {
    "id": "B1",
    "filed_at": "t",
    "account": "A1",
    "kind": "CASH",
    "subject": "",
    "ours": "10",
    "theirs": "5",
    "owner": "",
    "deadline": "u",
    "overdue": True,
    "note": "",
    "reason": "other cash",
    "ended": None,
}


def test_open_ones_are_listed(server: FakeServer) -> None:
    server.answer("GET", PATH, body={"items": [BREAK], "total": 7, "as_of": 1})

    result = run("breaks")

    shown = rows(result.stdout)[1]
    assert shown[:7] == ["B1", "t", "A1", "CASH", "-", "10", "5"]
    assert shown[7:] == ["-", "u", "yes", "-", "other", "cash"]
    assert dict(server.last.url.params) == {"status": "open", "limit": "100", "skip": "0"}
    assert result.stderr.startswith("1 of 7 shown")


def test_those_that_are_over_say_how_they_ended(server: FakeServer) -> None:
    over = {**BREAK, "ended": "SETTLED", "ended_at": "v", "closed_by": "asha"}
    server.answer("GET", PATH, body={"items": [{**over, "closing_note": "a fee"}], "total": 1})

    shown = rows(run("breaks", "--closed").stdout)

    assert shown[1][-7:] == ["SETTLED", "v", "asha", "a", "fee", "other", "cash"]
    assert server.last.url.params["status"] == "closed"


def test_filters_reach_the_server(server: FakeServer) -> None:
    server.answer("GET", PATH, body=[])
    words = ("--all", "--account", "A1", "--kind", "cash", "--owner", "", "--overdue")

    assert run("breaks", *words, "--limit", "5").stdout == "no breaks\n"

    assert dict(server.last.url.params) == {
        "status": "all",
        "account": "A1",
        "kind": "CASH",
        "owner": "",
        "overdue": "true",
        "limit": "5",
        "skip": "0",
    }


def test_csv_is_the_servers_own(server: FakeServer) -> None:
    server.handle("GET", PATH, lambda _: httpx.Response(200, text="id\r\nB1\r\n"))

    assert run("breaks", "--csv").stdout.split() == ["id", "B1"]
    assert server.last.url.params["format"] == "csv"


def test_one_is_shown(server: FakeServer) -> None:
    server.answer("GET", f"{PATH}/B1", body=BREAK)

    assert rows(run("breaks", "show", "B1").stdout)[0] == ["id", "B1"]
    assert json.loads(run("breaks", "show", "B1", "--json").stdout) == BREAK


def test_one_is_taken(server: FakeServer) -> None:
    taken = {"id": "B1", "owner": "asha", "note": "called", "deadline": "u"}
    server.answer("PATCH", f"{PATH}/B1", body=taken)
    deadline = "2099-01-01T00:00:00+05:30"
    words = ("--owner", "asha", "--note", "called", "--deadline", deadline)

    result = run("breaks", "take", "B1", *words, "--idempotency-key", "k")

    assert rows(result.stdout)[1] == ["owner", "asha"]
    said = {"owner": "asha", "note": "called", "deadline": deadline}
    assert json.loads(server.last.content) == said
    assert server.last.headers["idempotency-key"] == "k"
    run("breaks", "take", "B1", "--owner", "")
    assert json.loads(server.last.content) == {"owner": ""}


def test_one_is_closed(server: FakeServer) -> None:
    server.answer("POST", f"{PATH}/B1/close", body={"id": "B1", "ended": "SETTLED"})

    result = run("breaks", "close", "B1", "--note", "a fee")

    assert (result.exit_code, result.stdout) == (Exit.OK, "break B1 is settled\n")
    assert json.loads(server.last.content) == {"note": "a fee"}
    closed = run("breaks", "close", "B1", "--note", "a fee", "--json")
    assert json.loads(closed.stdout)["ended"] == "SETTLED"


@pytest.mark.parametrize(
    "words",
    [
        ("--all", "--closed"),
        ("--closed", "--overdue"),
        ("take", "B1"),
        ("take", "B1", "--deadline", "tomorrow"),
        ("take", "B1", "--deadline", "2099-01-01T00:00"),
        ("take", "B1", "--deadline", "2001-01-01T00:00+05:30"),
        ("close", "B1"),
        ("close", "--note", "a fee"),
        ("--account", "A1", "close", "B1", "--note", "a fee"),
    ],
)
def test_what_cannot_be_meant_is_not_sent(words: tuple[str, ...], server: FakeServer) -> None:
    assert run("breaks", *words).exit_code == Exit.USAGE
    assert server.requests == []


def test_one_that_is_over_already_is_said(server: FakeServer) -> None:
    problem = {"code": "NO_SUCH_BREAK", "detail": "no open break B1"}
    server.handle("POST", f"{PATH}/B1/close", lambda _: httpx.Response(404, json=problem))

    result = run("breaks", "close", "B1", "--note", "again")

    assert (result.exit_code, "NO_SUCH_BREAK" in result.stderr) == (Exit.FAILURE, True)
