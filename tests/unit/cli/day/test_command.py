"""`phalanx day`: how the day stands, and its calendar."""

import json
from pathlib import Path

import pytest

from phalanx.cli.exit_codes import Exit
from tests.unit.cli.doubles import FakeServer, run

PATH = "/api/v1/day"
CALENDAR = f"{PATH}/calendar"
SESSION = {
    "class": "EQUITY",
    "phase": "CONTINUOUS",
    "since": "2026-11-20T09:15:00.000000+05:30",
    "until": "2026-11-20T15:30:00.000000+05:30",
    "then": "QUIESCENT",
    "ord_types": ["MARKET", "LIMIT"],
    "times_in_force": ["DAY", "IOC"],
    "products": ["DELIVERY"],
}
CLOSED = {**SESSION, "phase": "CLOSED", "ord_types": [], "times_in_force": [], "products": []}
ORDER = {
    "order_id": "AB00000001",
    "instruction_id": "IAB0000001",
    "account": "A",
    "symbol": "ITC",
    "side": "BUY",
    "product": "DELIVERY",
    "status": "NEW",
    "quantity": "5",
    "filled": "2",
}
DAY = {
    "date": "2026-11-20",
    "now": "2026-11-20T10:00:00.000000+05:30",
    "kind": "NORMAL",
    "known": True,
    "note": "",
    "next_trading_day": "2026-11-23",
    "paper_keeps_sessions": False,
    "sessions": [SESSION],
    "checklist": [{"check": "kills", "ok": True, "detail": "0 standing"}],
    "held_instructions": 3,
    "open_total": 1,
    "open": [ORDER],
    "as_of": 9,
}


@pytest.mark.parametrize("words", [("day",), ("day", "status")])
def test_the_day_as_it_stands(server: FakeServer, words: tuple[str, ...]) -> None:
    server.answer("GET", PATH, body=DAY)

    done = run(*words)

    assert done.exit_code == Exit.OK
    assert "2026-11-20: NORMAL; next trading day: 2026-11-23" in done.stdout
    assert "MARKET, LIMIT; DAY, IOC; DELIVERY" in done.stdout
    assert "orders on paper are not held to it" in done.stdout
    assert "held instructions: 3" in done.stdout
    assert "open orders: 1" in done.stdout
    assert "AB00000001  A" in done.stdout


def test_a_check_that_fails_ends_with_three(server: FakeServer) -> None:
    failing = [{"check": "kills", "ok": False, "detail": "1 standing"}]
    server.answer("GET", PATH, body={**DAY, "checklist": failing})

    done = run("day")

    assert done.exit_code == Exit.PARTIAL
    assert "kills  no  1 standing" in done.stdout
    assert run("day", "--json").exit_code == Exit.PARTIAL


def test_a_holiday_takes_nothing_and_says_why(server: FakeServer) -> None:
    body = {**DAY, "kind": "HOLIDAY", "note": "Christmas", "sessions": [CLOSED]}
    server.answer(
        "GET", PATH, body={**body, "next_trading_day": None, "paper_keeps_sessions": True}
    )

    said = run("day").stdout

    assert "2026-11-20: HOLIDAY, Christmas; next trading day: not known" in said
    assert "nothing" in said
    assert "on paper" not in said


def test_what_is_not_listed_is_counted(server: FakeServer) -> None:
    server.answer("GET", PATH, body={**DAY, "open_total": 1_201})

    assert "and 1,200 more: phalanx orders --open" in run("day").stdout


def test_the_document_for_programs(server: FakeServer) -> None:
    server.answer("GET", PATH, body=DAY)

    assert json.loads(run("day", "status", "--json").stdout) == DAY


def test_the_calendar_of_a_year(server: FakeServer) -> None:
    windows = [{"phase": "CONTINUOUS", "from": "18:15", "to": "19:15"}]
    special = {
        "date": "2026-11-08",
        "kind": "SPECIAL",
        "windows": windows,
        "note": "Muhurat",
        "overlay": True,
    }
    body = {
        "year": 2026,
        "known": False,
        "days": [special],
        "as_of": 1,
        "closing_auction": ["INFY", "ITC"],
        "shipped": True,
    }
    server.answer("GET", CALENDAR, body=body)

    said = run("day", "calendar", "--year", "2026").stdout

    assert server.last.url.params["year"] == "2026"
    assert "2026-11-08  SPECIAL  CONTINUOUS 18:15-19:15  Muhurat  yes" in said
    assert "no holiday of this year is known" in said
    assert "2 stocks with a closing auction (the shipped list)\nINFY ITC" in said
    assert json.loads(run("day", "calendar", "--json").stdout) == body
    assert "year" not in server.last.url.params


@pytest.mark.parametrize(
    ("command", "path"), [("put", CALENDAR), ("auction", f"{PATH}/closing-auction")]
)
def test_a_file_is_put_as_it_is(
    server: FakeServer, tmp_path: Path, command: str, path: str
) -> None:
    server.answer("PUT", path, body={"days": 1})
    file = tmp_path / "file.csv"
    file.write_bytes(b"whatever\n")

    done = run("day", command, str(file), "--idempotency-key", "k")

    assert done.exit_code == Exit.OK
    assert server.last.content == b"whatever\n"
    assert server.last.headers["content-type"] == "text/csv"
    assert server.last.headers["idempotency-key"] == "k"


@pytest.mark.parametrize(
    ("what", "path"), [("calendar", CALENDAR), ("auction", f"{PATH}/closing-auction")]
)
def test_what_was_put_is_taken_away(server: FakeServer, what: str, path: str) -> None:
    server.answer("DELETE", path, body={"days": 0})

    done = run("day", "remove", what)

    assert done.exit_code == Exit.OK
    assert (server.last.method, server.last.url.path) == ("DELETE", path)


MATCHED = {
    "account": "A",
    "client": "Ann",
    "broker": "paper",
    "status": "MATCHED",
    "breaks": [],
    "differences": [],
    "differences_total": 0,
}
UNREAD = {**MATCHED, "status": "UNREAD", "why": "no session"}
RECONCILE = "/api/v1/reconcile"


@pytest.mark.parametrize(
    ("report", "ok", "exit_code"),
    [
        (MATCHED, True, Exit.OK),
        (MATCHED, False, Exit.PARTIAL),
        (UNREAD, True, Exit.PARTIAL),
    ],
)
def test_a_day_opens_when_all_books_match_and_every_check_is_well(
    server: FakeServer, report: dict[str, object], ok: bool, exit_code: Exit
) -> None:
    checks = [{"check": "kills", "ok": ok, "detail": "as they are"}]
    server.answer("POST", RECONCILE, body={"items": [report], "total": 1, "as_of": 1})
    server.answer("GET", PATH, body={**DAY, "checklist": checks})

    done = run("day", "open")

    assert done.exit_code == exit_code
    assert [request.url.path for request in server.requests] == [RECONCILE, PATH]
    assert str(report["status"]) in done.stdout
    assert "as they are" in done.stdout


@pytest.mark.parametrize(
    ("report", "open_total", "held", "exit_code"),
    [
        (MATCHED, 0, 0, Exit.OK),
        (MATCHED, 1, 0, Exit.PARTIAL),
        (MATCHED, 0, 1, Exit.PARTIAL),
        (UNREAD, 0, 0, Exit.PARTIAL),
    ],
)
def test_a_day_closes_when_all_books_match_and_nothing_is_left(
    server: FakeServer, report: dict[str, object], open_total: int, held: int, exit_code: Exit
) -> None:
    day = {**DAY, "open_total": open_total, "open": [ORDER][:open_total]}
    server.answer("POST", RECONCILE, body={"items": [report], "total": 1, "as_of": 1})
    server.answer("GET", PATH, body={**day, "held_instructions": held})

    done = run("day", "close")

    assert done.exit_code == exit_code
    assert f"open orders: {open_total}" in done.stdout
    assert "CONTINUOUS" not in done.stdout


def test_what_was_read_is_one_document_for_programs(server: FakeServer) -> None:
    server.answer("POST", RECONCILE, body={"items": [MATCHED], "total": 1, "as_of": 1})
    server.answer("GET", PATH, body=DAY)

    assert json.loads(run("day", "open", "--json").stdout) == {
        "reconciliation": [MATCHED],
        "day": DAY,
    }
