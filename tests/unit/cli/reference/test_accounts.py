"""`phalanx accounts` and `clients`: who they are, and how paper treats their orders."""

import json
from pathlib import Path

import pytest

from phalanx.cli.exit_codes import Exit
from tests.unit.cli.doubles import FakeServer, rows, run

PATH = "/api/v1/accounts"
TERMS = {
    "account": "PAPER-1",
    "mode": "PAPER",
    "fill_profile": {"ack_delay_ms": 5, "slices": 2},
    "rate_limit": {"count": 10, "window_ms": 1000, "reserved": 2},
}


def test_the_list(server: FakeServer) -> None:
    row = {
        "account": "PAPER-1",
        "client": "Ann",
        "broker": "stub",
        "mode": "PAPER",
        "cash": "10",
        "closed_because": "no session",
        "reconciliation": {"status": "UNREAD", "at": "t", "why": "no session"},
    }
    server.answer("GET", PATH, body={"items": [row], "total": 1, "as_of": 1})

    shown = rows(run("accounts").stdout)[1]
    assert shown[:4] == ["PAPER-1", "Ann", "stub", "PAPER"]
    assert shown[-3:] == ["UNREAD", "no", "session"]


def test_one_of_them_with_its_fill_profile(server: FakeServer) -> None:
    server.answer("GET", f"{PATH}/PAPER-1", body=TERMS)
    said = run("accounts", "show", "PAPER-1").stdout

    assert rows(said)[2] == ["fill", "profile:", "ack", "delay", "ms", "5"]
    assert rows(said)[-1] == ["rate", "limit:", "reserved", "2"]
    assert json.loads(run("accounts", "show", "PAPER-1", "--json").stdout) == TERMS


@pytest.mark.parametrize(
    ("words", "body"),
    [
        (
            ("--ack-delay-ms", "0", "--slices", "3"),
            {"fill_profile": {"ack_delay_ms": 0, "slices": 3}},
        ),
        (
            ("--fill-duration-ms", "10", "--filled-bps", "5000", "--slippage-bps", "5"),
            {
                "fill_profile": {
                    "fill_duration_ms": 10,
                    "filled_bps": 5000,
                    "slippage_bps": 5,
                }
            },
        ),
        (("--reject-bps", "50", "--seed", "7"), {"fill_profile": {"reject_bps": 50, "seed": 7}}),
        (
            ("--lost-ack-bps", "1", "--duplicate-report-bps", "2", "--dropped-socket-bps", "3"),
            {
                "fill_profile": {
                    "lost_ack_bps": 1,
                    "duplicate_report_bps": 2,
                    "dropped_socket_bps": 3,
                }
            },
        ),
        (("--charge-bps", "10", "--reserve", "0"), {"charge_bps": 10, "reserve": "0"}),
        (("--rate", "0"), {"rate_limit": {"count": 0}}),
        (
            ("--rate", "10", "--rate-window-ms", "500", "--rate-reserved", "2"),
            {"rate_limit": {"count": 10, "window_ms": 500, "reserved": 2}},
        ),
        (("--disable",), {"enabled": False}),
        (("--broker", "stub"), {"broker": "stub"}),
        (("--broker", "stub", "--login", "l"), {"broker": "stub", "login": "l"}),
    ],
)
def test_set_sends_what_was_said(words: tuple[str, ...], body: object, server: FakeServer) -> None:
    server.answer("PATCH", f"{PATH}/PAPER-1", body=TERMS)

    assert run("accounts", "set", "PAPER-1", *words).exit_code == Exit.OK
    assert json.loads(server.last.content) == body


@pytest.mark.parametrize(
    "words", [(), ("--reserve", "-1"), ("--filled-bps", "10001"), ("--rate", "-1")]
)
def test_what_cannot_be_meant_is_not_sent(words: tuple[str, ...], server: FakeServer) -> None:
    assert run("accounts", "set", "PAPER-1", *words).exit_code == Exit.USAGE
    assert server.requests == []


def test_an_account_is_added(server: FakeServer) -> None:
    server.answer("POST", PATH, 201, TERMS)
    options = ("--account", "HP0417", "--login", "dealer-1", "--mode", "LIVE", "--cash", "5.5")

    said = run("accounts", "add", "1", "stub", *options)

    assert (said.exit_code, rows(said.stdout)[0]) == (Exit.OK, ["account", "PAPER-1"])
    assert json.loads(server.last.content) == {
        "client": 1,
        "broker": "stub",
        "mode": "live",
        "account": "HP0417",
        "login": "dealer-1",
        "cash": "5.5",
    }
    run("accounts", "add", "1", "motilal", "--mode", "live", "--client-code", "AA020")
    assert json.loads(server.last.content)["client_code"] == "AA020"
    run("accounts", "add", "1", "paper")
    plain = {"client": 1, "broker": "paper", "mode": "paper", "cash": "0"}
    assert json.loads(server.last.content) == plain


@pytest.mark.parametrize(
    "words", [("0", "paper"), ("x", "paper"), ("1",), ("1", "paper", "--cash", "-1")]
)
def test_an_account_that_cannot_be_is_not_asked_for(
    words: tuple[str, ...], server: FakeServer
) -> None:
    assert run("accounts", "add", *words).exit_code == Exit.USAGE
    assert server.requests == []


def test_a_client_is_added(server: FakeServer) -> None:
    server.answer("POST", "/api/v1/clients", 201, {"id": 3, "name": "Ann", "is_active": True})
    result = run("clients", "add", "Ann", "--cash", "50000.5")

    assert json.loads(server.last.content) == {"name": "Ann", "available_funds": "50000.5"}
    assert rows(result.stdout)[1][:3] == ["3", "Ann", "yes"]
    run("clients", "add", "Bo")
    assert json.loads(server.last.content) == {"name": "Bo"}
    assert run("clients", "add", "Bo", "--cash", "x").exit_code == Exit.USAGE


@pytest.mark.parametrize(
    ("words", "path", "kind"),
    [
        (("clients", "import"), "/api/v1/clients/import", "text/csv"),
        (("positions", "import"), "/api/v1/positions/import", "text/csv"),
        (("raw-details", "import"), "/api/v1/raw-details", "application/json"),
        (("instruments", "import"), "/api/v1/instruments", "text/csv"),
    ],
)
def test_a_file_is_imported_as_it_is(
    words: tuple[str, ...], path: str, kind: str, server: FakeServer, tmp_path: Path
) -> None:
    server.answer("POST", path, body={"added": 2, "items": [1, 2]})
    file = tmp_path / "file"
    file.write_bytes(b"\xffas it is\r\n")
    result = run(*words, str(file))

    assert rows(result.stdout)[0] == ["added", "2"]
    assert server.last.content == file.read_bytes()
    assert server.last.headers["content-type"] == kind
    assert json.loads(run(*words, str(file), "--json").stdout)["added"] == 2


def test_an_import_of_clients_says_what_became_of_each(server: FakeServer) -> None:
    made = {"line": 2, "name": "Bo", "client_id": 7, "account": "PAPER-7", "status": "ADDED"}
    items = [{**made, "line": line, "cash": "5", "group": None} for line in range(2, 32)]
    server.answer("POST", "/api/v1/clients/import", body={"added": 30, "items": items})
    lines = run("clients", "import", "-", text="x").stdout.splitlines()

    assert lines[3].split() == ["2", "Bo", "7", "PAPER-7", "ADDED", "5", "-"]
    assert (len(lines), lines[-1]) == (24, "and 10 more")


def test_an_import_of_positions_names_the_lines_of_unknown_cost(server: FakeServer) -> None:
    lot = {"trade_id": "L1", "client": "Bo", "account": "PAPER-7", "instrument": "TCS"}
    items = [
        {**lot, "line": line, "cost": None if line > 4 else "9", "cost_known": line <= 4}
        for line in range(2, 30)
    ]
    report = {"adopted": 28, "unknown_costs": 25, "items": items}
    server.answer("POST", "/api/v1/positions/import", body=report)
    lines = run("positions", "import", "-", text="x").stdout.splitlines()

    assert lines[:2] == ["adopted        28", "unknown costs  25"]
    assert lines[4].split()[:4] == ["2", "L1", "Bo", "PAPER-7"]
    assert lines[-2] == "and 8 more"
    assert lines[-1].endswith(f"zero: lines {', '.join(map(str, range(5, 25)))} and 5 more")


def test_positions_that_are_there_already_are_refused_in_our_own_words(server: FakeServer) -> None:
    problem = {"code": "POSITIONS_EXIST", "detail": "there; again=true adopts them once more"}
    server.answer("POST", "/api/v1/positions/import", 409, problem)
    result = run("positions", "import", "-", text="x")

    assert (result.exit_code, "again=true" in result.stderr) == (Exit.FAILURE, False)
    assert "--again adopts them once more [POSITIONS_EXIST]" in result.stderr


def test_positions_that_are_there_already_are_imported_again(server: FakeServer) -> None:
    server.answer("POST", "/api/v1/positions/import", body={"adopted": 1})
    run("positions", "import", "-", text="x")
    assert dict(server.last.url.params) == {}
    run("positions", "import", "-", "--again", text="x")
    assert dict(server.last.url.params) == {"again": "true"}


def test_raw_details_are_exported(server: FakeServer, tmp_path: Path) -> None:
    details = {"USERS": ["Ann"], "STRATEGIES": ["S"], "INSTRUMENTS": ["L&T"]}
    server.answer("GET", "/api/v1/raw-details", body=details)
    out = tmp_path / "raw.json"
    run("raw-details", "export", "--out", str(out))

    assert json.loads(run("raw-details", "export").stdout) == details
    assert json.loads(out.read_text()) == details


def test_where_it_would_be_live(server: FakeServer) -> None:
    server.answer("PATCH", f"{PATH}/PAPER-1", body=TERMS)

    run("accounts", "set", "PAPER-1", "--live-broker", "motilal", "--client-code", "AA020")

    place = {"broker": "motilal", "login": "motilal", "client_code": "AA020"}
    assert json.loads(server.last.content) == {"live": place}
    said = run("accounts", "set", "PAPER-1", "--live-login", "D1")
    assert (said.exit_code, "--live-broker" in said.stderr) == (Exit.USAGE, True)


def test_it_goes_live_with_confirm_only_and_back_at_once(server: FakeServer) -> None:
    where = {"account": "PAPER-1", "mode": "LIVE", "broker": "motilal", "login": "D1"}
    server.answer("PUT", f"{PATH}/PAPER-1/mode", body=where)

    server.answer("GET", f"{PATH}/PAPER-1", body={**TERMS, "live": where})
    rehearsed = run("accounts", "mode", "PAPER-1", "live").stdout
    assert rehearsed.startswith(
        "Nothing was changed. PAPER-1 would trade for real, at motilal through D1"
    )
    assert json.loads(run("accounts", "mode", "PAPER-1", "live", "--json").stdout)["live"] == where
    assert {request.method for request in server.requests} == {"GET"}

    said = run("accounts", "mode", "PAPER-1", "live", "--confirm")
    assert json.loads(server.last.content) == {"mode": "live", "confirm": "PAPER-1"}
    assert said.stdout == "PAPER-1 is LIVE now, at motilal through D1\n"
    run("accounts", "mode", "PAPER-1", "paper")
    assert json.loads(server.last.content) == {"mode": "paper"}
