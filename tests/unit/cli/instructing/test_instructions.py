"""`phalanx instructions`: the list, one of them, and what follows it."""

import json

import pytest

from phalanx.cli.exit_codes import Exit
from tests.unit.cli.doubles import FakeServer, run
from tests.unit.cli.instructing.answers import answer, order

PATH = "/api/v1/instructions"
ROW = {
    "instruction_id": "I1",
    "kind": "priority_buy",
    "status": "DONE",
    "asked": {"kind": "priority_buy", "list": "nifty", "instruments": [], "mode": None},
    "note": "morning",
    "orders_total": 2,
    "orders_open": 0,
    "filled": 1,
    "rejected": 1,
    "skips_total": 2,
}
ORDERS = [
    {"order_id": "O1", "account": "A", "side": "BUY", "symbol": "TCS", "quantity": "5"}
    | {"status": "FILLED", "filled": "5", "broker_order_id": "B1"},
    {"order_id": "O2", "account": "B", "side": "SELL", "symbol": "LT", "quantity": "7"}
    | {"status": "PARTIALLY_FILLED", "filled": "3", "broker_order_id": "B2"},
    {"order_id": "O3", "account": "C", "side": "BUY", "symbol": "TCS", "quantity": "5"}
    | {"status": "REJECTED", "filled": "0", "broker_order_id": None},
    {"order_id": "O4", "account": "D", "side": "BUY", "symbol": "TCS", "quantity": "5"}
    | {"status": "EXPIRED", "filled": "0", "broker_order_id": None},
    {"order_id": "O5", "account": "E", "side": "BUY", "symbol": "TCS", "quantity": "5"}
    | {"status": "EXPIRED", "filled": "0", "broker_order_id": "B5"},
]
SKIPS = [
    {"account": "F", "reason": "ALREADY_HELD", "message": "holds TCS"},
    {"account": "G", "reason": "ALREADY_HELD", "message": "holds LT"},
]
TREE = {**ROW, "orders": ORDERS, "skips": SKIPS, "cancels": [], "tat_ns": 2_500_000, "as_of": 9}


def test_the_list(server: FakeServer) -> None:
    server.answer("GET", PATH, body={"items": [ROW], "total": 1, "as_of": 1})
    lines = run("instructions", "--kind", "priority_buy", "--status", "done").stdout.splitlines()

    assert lines[1].split()[:5] == ["I1", "-", "priority_buy", "nifty", "DONE"]
    assert dict(server.last.url.params) == {
        "status": "DONE",
        "kind": "priority_buy",
        "limit": "100",
        "skip": "0",
    }


def test_one_of_them(server: FakeServer) -> None:
    server.answer("GET", f"{PATH}/I1", body=TREE)
    said = run("instructions", "show", "I1").stdout

    assert said.startswith("I1  priority_buy nifty\n")
    assert "2 orders, 0 open: 1 filled, 1 rejected; TAT 2.50 ms\n" in said
    assert "      2  ALREADY_HELD  holds TCS" in said
    assert json.loads(run("instructions", "show", "I1", "--json").stdout) == TREE


def test_one_of_them_with_what_its_hops_took(server: FakeServer) -> None:
    latencies = [
        {"hop": "committed", "orders": 2, "p50_ns": 6_500_000, "p99_ns": 1, "max_ns": 12_345_678},
        {"hop": "tat", "orders": 2, "p50_ns": 1, "p99_ns": 1_250_000_000, "max_ns": 99_960_000},
    ]
    server.answer("GET", f"{PATH}/I1", body={**TREE, "latencies": latencies})

    lines = run("instructions", "show", "I1").stdout.splitlines()

    begin = lines.index("how long each hop took")
    assert [line.split() for line in lines[begin + 1 : begin + 4]] == [
        ["hop", "orders", "p50", "ms", "p99", "ms", "max", "ms"],
        ["commit", "2", "6.50", "0.00", "12.3"],
        ["TAT", "2", "0.00", "1,250", "100"],
    ]


def test_a_long_list_is_told_by_its_length(server: FakeServer) -> None:
    asked = {"instruments": [str(number) for number in range(9)], "whom": {"groups": ["core"]}}
    server.answer("GET", f"{PATH}/I1", body={**TREE, "asked": asked})

    said = run("instructions", "show", "I1").stdout
    assert said.startswith("I1  priority_buy 9 of them core\n")


@pytest.mark.parametrize(
    ("how", "rows"),
    [
        ("retry", [("O3", "BUY", "5"), ("O4", "BUY", "5")]),
        ("reverse", [("O1", "SELL", "5"), ("O2", "BUY", "3")]),
        ("repeat", []),
    ],
)
def test_without_confirm_it_is_shown_what_a_follow_up_is_about(
    how: str, rows: list[tuple[str, str, str]], server: FakeServer
) -> None:
    server.answer("GET", f"{PATH}/I1", body=TREE)
    document = json.loads(run("instructions", how, "I1", "--json").stdout)
    said = run("instructions", how, "I1").stdout

    found = [(row["order_id"], row["side"], row["quantity"]) for row in document["orders"]]
    assert (found, document["sent"], document["follow_up"]) == (rows, False, how)
    assert said.endswith("Nothing was sent and nothing was checked. Send it with --confirm.\n")
    assert {request.method for request in server.requests} == {"GET"}


def test_nothing_to_retry_is_refused_before_and_after(server: FakeServer) -> None:
    server.answer("GET", f"{PATH}/I1", body={**TREE, "orders": ORDERS[:1]})
    problem = {"code": "NOTHING_TO_RETRY", "detail": "no order of I1 was turned away"}
    server.answer("POST", f"{PATH}/I1/retry", 409, problem)
    dry, sent = run("instructions", "retry", "I1"), run("instructions", "retry", "I1", "--confirm")
    document = run("instructions", "retry", "I1", "--json")

    assert dry.stderr.startswith("refused: retry would send these orders again")
    assert "--confirm" not in dry.stdout
    assert {dry.exit_code, sent.exit_code, document.exit_code} == {Exit.REFUSED}
    assert json.loads(document.stdout)["orders"] == []


@pytest.mark.parametrize("how", ["retry", "reverse", "repeat"])
def test_a_confirmed_follow_up_is_sent(how: str, server: FakeServer) -> None:
    followed = answer(order("A", "TCS", "5", "10"), kind="batch")
    server.answer("POST", f"{PATH}/I1/{how}", 202, followed)
    words = ("instructions", how, "I1", "--confirm", "--note", "n", "--idempotency-key", "k")
    result = run(*words)

    assert (result.exit_code, result.stdout.startswith("I1: batch")) == (Exit.OK, True)
    assert json.loads(server.last.content) == {"note": "n"}
    assert server.last.headers["idempotency-key"] == "k"


def test_a_cancel_acts_at_once(server: FakeServer) -> None:
    cancel = {"status": "ACCEPTED", "client": "c", "account": "A", "order_id": "O2"}
    server.answer("POST", f"{PATH}/I1/cancel", 202, answer(cancel, kind="cancel"))
    result = run("instructions", "cancel", "I1")

    assert (result.exit_code, server.last.content) == (Exit.OK, b"")
    assert "O2" in result.stdout


def test_an_instruction_that_nobody_knows(server: FakeServer) -> None:
    problem = {"code": "UNKNOWN_INSTRUCTION", "detail": "no instruction I9"}
    server.answer("GET", f"{PATH}/I9", 404, problem)

    assert run("instructions", "retry", "I9").exit_code == Exit.FAILURE
