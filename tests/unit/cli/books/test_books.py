"""Orders, trades, positions: as tables, as CSV, one by one, filled by hand."""

import json

import httpx
import pytest

from phalanx.cli.exit_codes import Exit
from tests.unit.cli.doubles import FakeServer, rows, run

FORMATS = ("open-buys", "order-log", "trades", "positions", "orders", "clients", "limits", "groups")
TRADE = {
    "trade_id": "AB1",
    "client": {"id": 1, "name": "Ann"},
    "token": {"symbol": "TCS"},
    "quantity": 5,
    "avg_price": 100.5,
    "status": "ACTIVE",
}


@pytest.mark.parametrize("command", FORMATS)
def test_csv_is_what_the_server_wrote(command: str, server: FakeServer) -> None:
    text = "client,quantity\r\n'=1+1,5\r\n"
    headers = {"x-total-count": "1"}
    server.handle(
        "GET", f"/api/v1/{command}", lambda _: httpx.Response(200, text=text, headers=headers)
    )
    result = run(command, "--csv")

    assert (result.exit_code, result.stderr) == (Exit.OK, "")
    assert result.stdout == "client,quantity\n'=1+1,5\n"
    assert server.last.url.params["format"] == "csv"


def test_that_there_is_more_of_a_csv_is_said(server: FakeServer) -> None:
    headers = {"x-total-count": "7"}
    server.handle(
        "GET", "/api/v1/orders", lambda _: httpx.Response(200, text="a\r\nb\r\n", headers=headers)
    )

    assert run("orders", "--csv", "--limit", "1").stderr.startswith("1 of 7 shown")


def test_one_format_at_a_time(server: FakeServer) -> None:
    result = run("orders", "--csv", "--json")

    assert (result.exit_code, json.loads(result.stderr)["code"]) == (Exit.USAGE, "EITHER_OR")
    assert server.requests == []


def test_the_order_log_has_two_names(server: FakeServer) -> None:
    line = {"seq": 4, "entry": "FILL", "order_id": "AB1", "symbol": "TCS", "side": "BUY"}
    server.answer("GET", "/api/v1/order-log", body={"items": [line], "total": 1, "as_of": 4})

    first = run("order-log", "--since", "3", "--account", "A", "--strategy", "S")
    assert dict(server.last.url.params) == {
        "account": "A",
        "strategy": "S",
        "since_seq": "3",
        "limit": "100",
        "skip": "0",
    }
    assert rows(first.stdout)[1][:3] == ["4", "-", "FILL"]
    assert run("orders", "log").stdout == first.stdout


def test_one_order_with_its_fills(server: FakeServer) -> None:
    fill = {"time": "t", "quantity": "5", "price": "10", "charges": "0", "exec_id": "E1"}
    order = {"order_id": "AB1", "status": "FILLED", "hops": {"sent_ns": 1}, "fills": [fill]}
    server.answer("GET", "/api/v1/orders/AB1", body=order)
    said = run("orders", "show", "AB1").stdout

    assert rows(said)[:2] == [["order", "id", "AB1"], ["status", "FILLED"]]
    assert rows(said)[-1] == ["t", "5", "10", "0", "E1"]
    assert "hops" not in said
    assert json.loads(run("orders", "show", "AB1", "--json").stdout) == order


def test_a_fill_by_hand(server: FakeServer) -> None:
    answer = {"order_id": "AB1", "quantity": "5", "price": None, "exec_id": "E1"}
    server.answer("POST", "/api/v1/orders/AB1/fill", 202, answer)
    result = run("orders", "fill", "AB1", "5")

    assert json.loads(server.last.content) == {"quantity": "5"}
    assert rows(result.stdout)[1] == ["AB1", "5", "-", "E1"]
    run("orders", "fill", "AB1", "0.5", "--price", "99.5")
    assert json.loads(server.last.content) == {"quantity": "0.5", "price": "99.5"}
    assert run("orders", "fill", "AB1", "0").exit_code == Exit.USAGE


def test_trades(server: FakeServer) -> None:
    server.answer("GET", "/api/v1/trades", body=[TRADE])
    server.answer("GET", "/api/v1/trades/AB1", body=TRADE)
    words = ("--client", "1", "--instrument", "NSE:2885", "--status", "active", "--limit", "5")

    assert rows(run("trades", *words).stdout)[1][:4] == ["AB1", "Ann", "TCS", "-"]
    assert dict(server.last.url.params) == {
        "client_id": "1",
        "token_id": "NSE:2885",
        "status": "ACTIVE",
        "limit": "5",
        "skip": "0",
    }
    assert ["client", "name", "Ann"] in rows(run("trades", "show", "AB1").stdout)
    assert json.loads(run("trades", "show", "AB1", "--json").stdout) == TRADE


@pytest.mark.parametrize(
    ("flatten", "words", "code"),
    [
        (
            {"instruction_id": "I9", "status": "WORKING", "reason": None, "counts": {"orders": 40}},
            "new orders are stopped for everybody; I9 closes today's positions with 40 orders\n",
            Exit.OK,
        ),
        (
            {"instruction_id": "I9", "reason": "NOTHING_VALID", "message": "nothing to exit"},
            "new orders are stopped for everybody; nothing to close\n",
            Exit.OK,
        ),
        (
            {"instruction_id": None, "reason": "PLAN_TOO_LARGE", "message": "too many"},
            "new orders are stopped for everybody; nothing is closed: too many\n",
            Exit.PARTIAL,
        ),
        (
            {
                "instruction_id": "I8",
                "reason": None,
                "counts": {"orders": 9},
                "more": [
                    {"instruction_id": None, "reason": "PLAN_TOO_LARGE", "message": "too many"}
                ],
            },
            (
                "new orders are stopped for everybody; I8 closes today's positions with 9 orders; "
                "nothing is closed: too many\n"
            ),
            Exit.PARTIAL,
        ),
        (None, "new orders are stopped for everybody\n", Exit.OK),
    ],
)
def test_kill_and_flatten(flatten: object, words: str, code: Exit, server: FakeServer) -> None:
    server.answer("PUT", "/api/v1/kill", body={"standing": True, "flatten": flatten})

    result = run("kill", "--flatten")

    assert (result.stdout, result.exit_code) == (words, code)
    assert json.loads(server.last.content) == {"flatten": True}
