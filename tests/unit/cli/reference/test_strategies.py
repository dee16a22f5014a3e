"""`phalanx strategies subscriptions` and `set`: what they ask, what they show, what they never send."""

import json

import pytest

from phalanx.cli.exit_codes import Exit
from tests.unit.cli.doubles import FakeServer, rows, run

PATH = "/api/v1/strategies/STRATEGY_A/subscriptions"
TERMS = {
    "account": "PAPER-1",
    "client": "Holland",
    "client_id": 1,
    "sizing": {"method": "fixed_quantity"},
    "product": "DELIVERY",
    "type": "MARKET",
    "sell_scope": "account",
    "enabled": True,
}
SET = ("strategies", "set", "STRATEGY_A", "PAPER-1")


@pytest.mark.parametrize(
    ("sizing", "words"),
    [
        ({"method": "fixed_quantity"}, "one lot"),
        ({"method": "fixed_quantity", "quantity": "10"}, "10"),
        ({"method": "fixed_cash", "amount": "50000"}, "cash 50000"),
        ({"method": "cash_share", "percent": "12.5"}, "12.5% of cash"),
        ({"method": "of_another_time"}, "of_another_time"),
        (None, "-"),
    ],
)
def test_subscriptions(server: FakeServer, sizing: object, words: str) -> None:
    row = {**TERMS, "sizing": sizing, "instruments": ["GRASIM", "INFY"]}
    body = {"items": [row], "total": 3, "as_of": 9}
    server.answer("GET", PATH, body=body)
    call = ("strategies", "subscriptions", "STRATEGY_A", "--limit", "1")

    table = run(*call)

    assert rows(table.stdout)[1] == [
        *("PAPER-1", "Holland", "yes", "account", *words.split()),
        *("DELIVERY", "MARKET", "GRASIM,", "INFY"),
    ]
    assert table.stderr.startswith("1 of 3 shown")
    assert dict(server.last.url.params) == {"limit": "1", "skip": "0"}
    assert json.loads(run(*call, "--json").stdout) == body


def test_a_strategy_that_nobody_follows(server: FakeServer) -> None:
    server.answer("GET", PATH, body={"items": [], "total": 0, "as_of": 9})

    result = run("strategies", "subscriptions", "STRATEGY_A")
    assert result.stdout == "nobody follows STRATEGY_A\n"


@pytest.mark.parametrize(
    ("words", "body"),
    [
        (("--sell-scope", "strategy"), {"sell_scope": "strategy"}),
        (("--sell-scope", "ACCOUNT"), {"sell_scope": "account"}),
        (("--quantity", "10"), {"sizing": {"method": "fixed_quantity", "quantity": "10"}}),
        (("--quantity", "lot"), {"sizing": {"method": "fixed_quantity"}}),
        (("--cash", "50000.50"), {"sizing": {"method": "fixed_cash", "amount": "50000.50"}}),
        (("--share", "12.5"), {"sizing": {"method": "cash_share", "percent": "12.5"}}),
        (("--product", "intraday"), {"product": "INTRADAY"}),
        (("--type", "LIMIT", "--enable"), {"type": "LIMIT", "enabled": True}),
        (("--disable",), {"enabled": False}),
    ],
)
def test_set_sends_what_was_said_and_no_more(
    server: FakeServer, words: tuple[str, ...], body: object
) -> None:
    server.answer("PATCH", f"{PATH}/PAPER-1", body=TERMS)

    result = run(*SET, *words, "--idempotency-key", "k1")

    assert result.exit_code == Exit.OK
    assert json.loads(server.last.content) == body
    assert server.last.headers["idempotency-key"] == "k1"
    assert rows(result.stdout)[1] == [
        *("PAPER-1", "Holland", "yes", "account", "one", "lot", "DELIVERY", "MARKET")
    ]
    assert json.loads(run(*SET, *words, "--json").stdout) == TERMS


@pytest.mark.parametrize(
    ("words", "code"),
    [
        ((), "NOTHING_TO_CHANGE"),
        (("--cash", "1e3"), "INVALID_NUMBER"),
        (("--quantity", "0"), "NOT_POSITIVE"),
        (("--share", "-1"), "NOT_POSITIVE"),
        (("--share", "1000"), "INVALID_VALUE"),
        (("--share", "100.01"), "INVALID_VALUE"),
        (("--share", "0.001"), "TOO_PRECISE"),
        (("--share", "9" * 30), "NUMBER_TOO_LARGE"),
        (("--quantity", "1", "--cash", "5"), "USAGE"),
        (("--cash", "5", "--share", "5"), "USAGE"),
        (("--sell-scope", "everybody"), "USAGE"),
        (("--type", "STOP"), "USAGE"),
    ],
)
def test_what_cannot_be_meant_is_not_sent(
    words: tuple[str, ...], code: str, server: FakeServer
) -> None:
    result = run(*SET, *words, "--json")

    assert (result.exit_code, json.loads(result.stderr)["code"]) == (Exit.USAGE, code)
    assert server.requests == []


def test_names_stay_inside_their_part_of_the_path(server: FakeServer) -> None:
    result = run("strategies", "set", "A B", "../kill?x", "--enable")

    assert result.exit_code == Exit.FAILURE
    path = b"/api/v1/strategies/A%20B/subscriptions/..%2Fkill%3Fx"
    assert server.last.url.raw_path == path
