"""Each command: what it asks of the server, what it says, how it ends."""

import json
from pathlib import Path

import httpx
import pytest

from phalanx.cli.exit_codes import Exit
from tests.unit.cli.doubles import FakeServer, rows, run

LISTS = {
    "clients": ("/api/v1/clients", [{"id": 7, "name": "Holland Proctor", "available_funds": 1.5}]),
    "strategies": (
        "/api/v1/strategies",
        {
            "items": [{"strategy": "S", "instruments": ["X", "Y"], "subscriptions": [{}, {}]}],
            "total": 1,
            "as_of": 3,
        },
    ),
    "positions": (
        "/api/v1/positions",
        {"items": [{"client": "A", "quantity": "10"}], "total": 1, "as_of": 3},
    ),
    "open-buys": ("/api/v1/open-buys", [{"client": "A", "strategy": "S", "quantity": "1"}]),
    "orders": ("/api/v1/orders", {"items": [{"order_id": "AB1"}], "total": 1, "as_of": 3}),
}


@pytest.mark.parametrize("command", LISTS)
def test_a_list_is_a_table_or_the_servers_own_json(command: str, server: FakeServer) -> None:
    path, body = LISTS[command]
    server.answer("GET", path, body=body)

    table, document = run(command), run(command, "--json")

    assert (table.exit_code, document.exit_code) == (0, 0)
    assert len(table.stdout.splitlines()) == 2
    assert json.loads(document.stdout) == body


@pytest.mark.parametrize("command", LISTS)
def test_an_empty_list_is_said(command: str, server: FakeServer) -> None:
    path, _ = LISTS[command]
    server.answer("GET", path, body=[])

    assert run(command).stdout.startswith("no ")


def test_one_client(server: FakeServer) -> None:
    server.answer("GET", "/api/v1/clients/7", body={"id": 7, "name": "Holland Proctor"})

    assert rows(run("clients", "show", "7").stdout)[1][:3] == ["7", "Holland", "Proctor"]


def test_filters_reach_the_server(server: FakeServer) -> None:
    server.answer("GET", "/api/v1/orders", body=[])
    words = ("--account", "PAPER-1", "--client", "1", "--instrument", "NSE:2885", "--open")
    more = ("--status", "NEW", "--strategy", "S", "--instruction", "I1", "--limit", "5")
    run("orders", *words, *more, "--skip", "10")

    assert dict(server.last.url.params) == {
        "account": "PAPER-1",
        "client": "1",
        "instrument": "NSE:2885",
        "strategy": "S",
        "status": "NEW",
        "instruction": "I1",
        "open": "true",
        "limit": "5",
        "skip": "10",
    }


@pytest.mark.parametrize("command", ["positions", "open-buys"])
def test_filters_of_books(command: str, server: FakeServer) -> None:
    server.answer("GET", f"/api/v1/{command}", body=[])
    run(command, "--account", "PAPER-1", "--client", "1", "--instrument", "L&T")

    assert dict(server.last.url.params) == {
        "account": "PAPER-1",
        "client": "1",
        "instrument": "L&T",
        "limit": "10000",
        "skip": "0",
    }


def test_that_there_is_more_is_said(server: FakeServer) -> None:
    server.answer("GET", "/api/v1/orders", body={"items": [{"order_id": "A"}], "total": 7})
    headers = {"x-total-count": "12"}
    server.handle(
        "GET", "/api/v1/clients", lambda _: httpx.Response(200, json=[{}], headers=headers)
    )

    assert run("orders", "--limit", "1").stderr.startswith("1 of 7 shown; --limit")
    assert run("clients", "--limit", "1", "--skip", "3").stderr.startswith("1 of 12 shown")
    assert dict(server.last.url.params) == {"limit": "1", "skip": "3"}


def test_cancel(server: FakeServer) -> None:
    answer = {"order_id": "AB1", "request_id": "R1", "status": "PENDING_CANCEL"}
    server.answer("POST", "/api/v1/orders/AB1/cancel", 202, answer)
    result = run("orders", "cancel", "AB1", "--idempotency-key", "k1")

    assert rows(result.stdout) == [["order", "request", "status"], ["AB1", "R1", "PENDING_CANCEL"]]
    assert server.last.headers["idempotency-key"] == "k1"
    assert server.last.content == b""
    assert json.loads(run("orders", "cancel", "AB1", "--json").stdout) == answer


def test_an_id_stays_inside_its_part_of_the_path(server: FakeServer) -> None:
    assert run("orders", "cancel", "../kill?x").exit_code == Exit.FAILURE
    assert server.last.url.raw_path == b"/api/v1/orders/..%2Fkill%3Fx/cancel"


def test_settle(server: FakeServer) -> None:
    verdict = {"order_id": "AB1", "verdict": "RECEIVED", "broker_order_id": "B7", "note": "seen"}
    server.answer("POST", "/api/v1/orders/AB1/settle", body=verdict)

    result = run("orders", "settle", "AB1", "--order-id", "B7", "--note", "seen")
    assert rows(result.stdout)[1] == ["AB1", "RECEIVED", "B7", "-", "seen"]
    assert json.loads(server.last.content) == {"order_id": "B7", "note": "seen"}
    run("orders", "settle", "AB1", "--not-received", "--note", "called", "--idempotency-key", "k")
    assert json.loads(server.last.content) == {"not_received": True, "note": "called"}
    assert server.last.headers["idempotency-key"] == "k"


@pytest.mark.parametrize("word", ["granted", "not_granted"])
def test_settle_a_request(server: FakeServer, word: str) -> None:
    verdict = {"order_id": "AB1", "verdict": word.upper(), "request_id": "R1", "note": "seen"}
    server.answer("POST", "/api/v1/orders/AB1/settle", body=verdict)

    option = f"--{word.replace('_', '-')}"
    result = run("orders", "settle", "AB1", option, "--note", "seen")

    assert rows(result.stdout)[1] == ["AB1", word.upper(), "-", "R1", "seen"]
    assert json.loads(server.last.content) == {"request": word, "note": "seen"}


@pytest.mark.parametrize(
    "words",
    [
        ("--note", "?"),
        ("--granted", "--not-received", "--note", "?"),
        ("--not-granted", "--order-id", "B7", "--note", "?"),
        ("--order-id", "B7"),
        ("--not-received",),
        ("--order-id", "B7", "--not-received", "--note", "?"),
    ],
)
def test_half_a_verdict_is_not_sent(words: tuple[str, ...], server: FakeServer) -> None:
    assert run("orders", "settle", "AB1", *words).exit_code == Exit.USAGE
    assert server.requests == []


def test_modify(server: FakeServer) -> None:
    server.answer("PATCH", "/api/v1/orders/AB1", 202, {"order_id": "AB1", "status": "NEW"})
    result = run("orders", "modify", "AB1", "--quantity", "5", "--price", "1364.5")

    assert result.exit_code == Exit.OK
    assert json.loads(server.last.content) == {"quantity": "5", "price": "1364.5"}


@pytest.mark.parametrize(
    ("words", "code"),
    [
        ((), "NOTHING_TO_CHANGE"),
        (("--price", "1e3"), "INVALID_NUMBER"),
        (("--price", "NaN"), "INVALID_NUMBER"),
        (("--quantity", "0"), "NOT_POSITIVE"),
        (("--quantity", "0.000000001"), "TOO_PRECISE"),
    ],
)
def test_what_cannot_be_meant_is_not_sent(
    words: tuple[str, ...], code: str, server: FakeServer
) -> None:
    result = run("orders", "modify", "AB1", *words, "--json")

    assert (result.exit_code, json.loads(result.stderr)["code"]) == (Exit.USAGE, code)
    assert server.requests == []


def test_a_refused_modification_is_refused_by_risk(server: FakeServer) -> None:
    problem = {"code": "INSUFFICIENT_CASH", "detail": "10 needed, 5 available"}
    server.answer("PATCH", "/api/v1/orders/AB1", 422, problem)

    assert run("orders", "modify", "AB1", "--price", "5").exit_code == Exit.REFUSED


def test_kill_acts_at_once(server: FakeServer) -> None:
    standing = {"level": "all", "name": None, "note": "feed", "actor": "local", "time": "t"}
    server.answer("PUT", "/api/v1/kill", body=standing)
    server.answer("DELETE", "/api/v1/kill", body={**standing, "standing": False})
    server.answer("GET", "/api/v1/kill", body={"items": [standing], "total": 1, "as_of": 1})

    everybody = run("kill", "--note", "feed")
    assert everybody.stdout == "new orders are stopped for everybody\n"
    assert json.loads(server.last.content) == {"note": "feed"}
    assert rows(run("kill", "show").stdout)[1] == ["all", "everybody", "t", "local", "feed"]
    assert json.loads(run("kill", "show", "--json").stdout)["total"] == 1
    assert run("kill", "lift").stdout == "the kill for everybody is lifted\n"
    assert (server.last.method, dict(server.last.url.params)) == ("DELETE", {})


def test_kill_of_one_account(server: FakeServer) -> None:
    server.answer("PUT", "/api/v1/kill", body={"standing": True})
    server.answer("DELETE", "/api/v1/kill", body={"standing": False})

    assert json.loads(run("kill", "--account", "PAPER-7", "--json").stdout) == {"standing": True}
    assert json.loads(server.last.content) == {"level": "account", "name": "PAPER-7"}
    run("kill", "lift", "--account", "PAPER-7", "--note", "better")
    chosen = {"level": "account", "name": "PAPER-7", "note": "better"}
    assert dict(server.last.url.params) == chosen


def test_profiles_import(server: FakeServer, tmp_path: Path) -> None:
    report = {"users": 1, "strategies": 1, "subscriptions": 1, "instruments": 1}
    server.answer("POST", "/api/v1/profiles", body=report)
    file = tmp_path / "p.json"
    file.write_text('{"Holland Proctor": {"STRATEGY_B": ["MINDA"]}}')

    assert rows(run("profiles", "import", str(file)).stdout) == [
        [name, "1"] for name in ("users", "strategies", "subscriptions", "instruments")
    ]
    assert json.loads(server.last.content) == {"Holland Proctor": {"STRATEGY_B": ["MINDA"]}}
    piped = run("profiles", "import", "-", "--json", text=file.read_text())
    assert json.loads(piped.stdout) == report


def test_a_bad_profiles_file_is_not_sent(server: FakeServer, tmp_path: Path) -> None:
    file = tmp_path / "p.json"
    file.write_text('{"Holland Proctor": {"STRATEGY_B": "MINDA"}}')
    result = run("profiles", "import", str(file), "--json")

    error = json.loads(result.stderr)
    assert (result.exit_code, error["code"], error["line"]) == (Exit.FAILURE, "WRONG_TYPE", 1)
    assert server.requests == []


def test_a_file_that_is_not_there_is_usage(server: FakeServer) -> None:
    for words in (("profiles", "import", "none.json"), ("instruments", "import", "none.csv")):
        result = run(*words)
        assert (result.exit_code, "FILE_NOT_READABLE" in result.stderr) == (Exit.USAGE, True)


def test_profiles_export(server: FakeServer, tmp_path: Path) -> None:
    profiles = {"Neha नेहा": {"S": ["L&T"]}}
    server.answer("GET", "/api/v1/profiles", body=profiles)
    file = tmp_path / "out.json"

    assert json.loads(run("profiles", "export").stdout) == profiles
    assert run("profiles", "export", "--out", str(file)).stdout == ""
    assert json.loads(file.read_text()) == profiles
    assert run("profiles", "export", "--out", str(tmp_path / "no" / "x")).exit_code == Exit.FAILURE


def test_instruments_import(server: FakeServer, tmp_path: Path) -> None:
    report = {"added": 1, "changed": 0, "removed": 2, "sha256": "ab"}
    server.answer("POST", "/api/v1/instruments", body=report)
    file = tmp_path / "nse.csv"
    file.write_bytes(b"symbol,token_id\n")

    result = run("instruments", "import", str(file))
    assert rows(result.stdout)[:2] == [["added", "1"], ["changed", "0"]]
    assert server.last.headers["content-type"] == "text/csv"
    assert server.last.url.params["name"] == "nse.csv"
    assert server.last.content == b"symbol,token_id\n"
    assert json.loads(run("instruments", "import", str(file), "--json").stdout) == report


def test_an_import_of_instruments_says_what_changed(server: FakeServer) -> None:
    fields = [
        {"field": "lot_size", "before": "75", "after": "50"},
        {"field": "isin", "before": "", "after": "INE1"},
    ]
    changed = {"instrument": "NSE:9", "symbol": "LT", "what": "CHANGED", "fields": fields}
    added = {"instrument": "NSE:10", "symbol": "NEW", "what": "ADDED", "fields": []}
    report = {"added": 300, "changed": 1, "removed": 0, "sha256": "ab"}
    changes = [changed, *[added] * 199]
    server.answer("POST", "/api/v1/instruments", body={**report, "changes": changes})
    lines = run("instruments", "import", "-", text="x").stdout.splitlines()

    assert [line.split() for line in lines[:4]][3] == ["sha256", "ab"]
    assert lines[6] == "NSE:9       LT      CHANGED  lot_size 75 → 50, isin none → INE1"
    assert lines[7].split() == ["NSE:10", "NEW", "ADDED", "-"]
    assert lines[-1] == "and 281 more"


MASTER: dict[str, object] = {
    "added": 0,
    "changed": 1,
    "removed": 30,
    "sha256": "ab",
    "changes": [
        {"instrument": "NSE:9", "symbol": "LT", "what": "CHANGED", "fields": []},
        *[{"instrument": "NSE:8", "symbol": "OLD", "what": "REMOVED", "fields": []}] * 30,
    ],
    "left_out": 1,
    "flaws": {"DEFAULT_TICK": 1_612, "NOT_POSITIVE": 1},
    "rows": [
        {
            "line": 7,
            "code": "NOT_POSITIVE",
            "column": "marketlot",
            "detail": "",
            "is_left_out": True,
        }
    ],
}


def test_instruments_load(server: FakeServer, tmp_path: Path) -> None:
    server.answer("POST", "/api/v1/instruments/load", body=MASTER)
    file = tmp_path / "scrips.csv"
    file.write_bytes(b"exchangename\n")

    lines = run("instruments", "load", str(file)).stdout.splitlines()
    assert rows("\n".join(lines))[:5] == [
        ["added", "0"],
        ["changed", "1"],
        ["removed", "30"],
        ["sha256", "ab"],
        ["left", "out", "1"],
    ]
    assert "and 11 more" in lines
    assert "rows: 1,612 DEFAULT_TICK, 1 NOT_POSITIVE" in lines
    assert lines[-1].split() == ["7", "NOT_POSITIVE", "marketlot", "-", "yes"]
    assert dict(server.last.url.params) == {"name": "scrips.csv", "source": "motilal"}
    assert server.last.content == b"exchangename\n"
    assert "idempotency-key" in server.last.headers
    more = ("--source", "phalanx", "--accept-fewer", "--json")
    assert json.loads(run("instruments", "load", str(file), *more).stdout) == MASTER
    assert server.last.url.params["source"] == "phalanx"
    assert server.last.url.params["accept_fewer"] == "true"


def test_a_load_without_flaws_says_nothing_of_rows(server: FakeServer) -> None:
    server.answer("POST", "/api/v1/instruments/load", body={**MASTER, "flaws": {}, "rows": []})

    assert "rows:" not in run("instruments", "load", "-", text="x").stdout


def test_instruments_diff(server: FakeServer, tmp_path: Path) -> None:
    server.answer("POST", "/api/v1/instruments/diff", body=MASTER)
    file = tmp_path / "scrips.csv"
    file.write_bytes(b"exchangename\n")

    assert "and 11 more" in run("instruments", "diff", str(file)).stdout
    assert dict(server.last.url.params) == {"source": "motilal", "limit": "200"}
    assert server.last.headers["content-type"] == "text/csv"
    assert "idempotency-key" not in server.last.headers
    told = run("instruments", "diff", str(file), "--limit", "7", "--json").stdout
    assert json.loads(told) == MASTER
    assert server.last.url.params["limit"] == "7"


def test_instruments_diff_as_csv_is_what_the_server_writes(server: FakeServer) -> None:
    content = b"instrument,symbol\r\nNSE:9,LT\r\n"
    path = "/api/v1/instruments/diff"
    server.handle("POST", path, lambda _: httpx.Response(200, content=content))

    result = run("instruments", "diff", "-", "--csv", text="x")
    assert result.stdout == "instrument,symbol\nNSE:9,LT\n"
    assert server.last.url.params["format"] == "csv"
    both = run("instruments", "diff", "-", "--csv", "--json", text="x")
    assert (both.exit_code, "EITHER_OR" in both.stderr) == (Exit.USAGE, True)


def test_instruments_search(server: FakeServer) -> None:
    found = {"items": [{"symbol": "LT", "token_id": "11483"}], "total": 1, "as_of": 1}
    server.answer("GET", "/api/v1/instruments/search", body=found)

    assert rows(run("instruments", "search", "L&T").stdout)[1][0] == "LT"
    assert dict(server.last.url.params) == {"q": "L&T", "limit": "20"}
    assert json.loads(run("instruments", "search", "L&T", "--json").stdout) == found


def test_the_whole_way_of_an_unknown_outcome(server: FakeServer) -> None:
    def silence(request: httpx.Request) -> httpx.Response:
        raise httpx.ReadTimeout("", request=request)

    server.handle("PUT", "/api/v1/kill", silence)
    result = run("kill", "--json")

    error = json.loads(result.stderr)
    assert (result.exit_code, error["code"]) == (Exit.UNKNOWN, "OUTCOME_UNKNOWN")
    assert error["idempotency_key"] == server.last.headers["idempotency-key"]
