"""`phalanx doctor --accounts`: the red lines of a server's accounts."""

import json

from phalanx.cli.checking.readiness import RED_SHOWN
from phalanx.cli.exit_codes import Exit
from tests.unit.cli.doubles import FakeServer, run

PATH = "/api/v1/readiness"
GREEN = {"check": "token", "ok": True, "detail": "valid until six", "fix": None}
RED = {"check": "algo_id", "ok": False, "detail": "there is none", "fix": "write it into the file"}
HEAD = {"date": "2026-11-20", "now": "2026-11-20T08:50:00+05:30", "kind": "NORMAL", "as_of": 9}


def answer(*rows: dict[str, object]) -> dict[str, object]:
    red = sum(row["status"] == "RED" for row in rows)
    return {**HEAD, "items": list(rows), "total": len(rows), "red": red}


def row(account: str, *checks: dict[str, object]) -> dict[str, object]:
    status = "READY" if all(one["ok"] for one in checks) else "RED"
    return {"account": account, "status": status, "checks": list(checks)}


def test_all_green_ends_with_nothing(server: FakeServer) -> None:
    server.answer("GET", PATH, body=answer(row("A", GREEN), row("B", GREEN)))

    done = run("doctor", "--accounts")

    assert done.exit_code == Exit.OK
    assert "nothing is red" in done.stdout
    assert "2 of 2 accounts are ready" in done.stdout
    assert [one.method for one in server.requests] == ["GET"]


def test_a_red_line_comes_with_its_fix_and_ends_with_three(server: FakeServer) -> None:
    server.answer("GET", PATH, body=answer(row("A", GREEN), row("B", GREEN, RED)))

    done = run("doctor", "--accounts")

    assert done.exit_code == Exit.PARTIAL
    assert "B        algo_id  there is none  write it into the file" in done.stdout
    assert "token" not in done.stdout
    assert "1 of 2 accounts are ready" in done.stdout


def test_the_document_for_programs_is_whole(server: FakeServer) -> None:
    body = answer(row("A", GREEN, RED))
    server.answer("GET", PATH, body=body)

    done = run("doctor", "--accounts", "--json")

    assert json.loads(done.stdout) == body
    assert done.exit_code == Exit.PARTIAL


def test_the_books_may_be_read_first(server: FakeServer) -> None:
    server.answer("POST", "/api/v1/reconcile", body={"items": [], "total": 0, "as_of": 9})
    server.answer("GET", PATH, body=answer(row("A", GREEN)))

    assert run("doctor", "--accounts", "--read").exit_code == Exit.OK
    assert [one.method for one in server.requests] == ["POST", "GET"]


def test_reading_is_of_accounts() -> None:
    done = run("doctor", "--read")

    assert done.exit_code == Exit.USAGE
    assert "--accounts" in done.stderr


def test_many_red_lines_are_counted(server: FakeServer) -> None:
    rows = [row(f"A{number}", RED) for number in range(RED_SHOWN + 5)]
    server.answer("GET", PATH, body=answer(*rows))

    assert "and 5 more" in run("doctor", "--accounts").stdout
