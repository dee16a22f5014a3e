"""What the commands that fire ask the server for, and what they never send."""

import json
from pathlib import Path

import pytest

from phalanx.cli.exit_codes import Exit
from tests.unit.cli.doubles import FakeServer, run
from tests.unit.cli.instructing.answers import answer, order

PREVIEW = "/api/v1/instructions/preview"
BASKET = "client,instrument,side,quantity\n1,TCS,BUY,5\n"


def asked(server: FakeServer, *words: str) -> dict[str, object]:
    """The body that a command previews."""
    server.answer("POST", PREVIEW, body=answer(order("A", "TCS", "1", "1"), token="T"))
    result = run(*words)
    assert result.exit_code == Exit.OK, result.stderr
    body: dict[str, object] = json.loads(server.last.content)
    return body


@pytest.mark.parametrize(
    ("words", "body"),
    [
        (("nifty",), {"list": "nifty", "allocation": "equal_split"}),
        (
            ("--instrument", "TCS", "--instrument", "LT", "--leftover", "one_lot"),
            {"instruments": ["TCS", "LT"], "leftover": "one_lot"},
        ),
        (
            ("nifty", "--allocation", "FIXED_AMOUNT", "--amount", "5000.5"),
            {"allocation": "fixed_amount", "amount": "5000.5"},
        ),
        (
            ("nifty", "--max-new", "10", "--max-names", "20", "--min-order-value", "100"),
            {"max_new": 10, "max_names": 20, "min_order_value": "100"},
        ),
        (("nifty", "--product", "mtf", "--group", "core"), {"product": "MTF", "groups": ["core"]}),
    ],
)
def test_lists_buy(words: tuple[str, ...], body: dict[str, object], server: FakeServer) -> None:
    sent = asked(server, "lists", "buy", *words)

    assert sent["kind"] == "priority_buy"
    assert sent == {**sent, **body}


def test_fire_is_another_word_for_buy(server: FakeServer) -> None:
    assert asked(server, "lists", "fire", "nifty") == asked(server, "lists", "buy", "nifty")


@pytest.mark.parametrize(
    ("words", "body"),
    [
        (("TCS",), {"instrument": "TCS"}),
        (("--trade", "AB1"), {"trade": "AB1"}),
        (("--everything",), {"everything": True}),
        (("--client", "1", "--client", "2"), {"clients": [1, 2]}),
        (
            ("TCS", "--percent", "12.5", "--scope", "HOLDINGS", "--quantity", "5"),
            {"instrument": "TCS", "percent": "12.5", "scope": "holdings", "quantity": "5"},
        ),
        (
            ("TCS", "--product", "INTRADAY", "--price", "99.5", "--account", "A"),
            {"instrument": "TCS", "product": "INTRADAY", "price": "99.5", "accounts": ["A"]},
        ),
    ],
)
def test_exit(words: tuple[str, ...], body: dict[str, object], server: FakeServer) -> None:
    assert asked(server, "exit", *words) == {"kind": "exit", **body}


@pytest.mark.parametrize(
    ("words", "allocation"),
    [
        (
            ("--method", "equal_cash", "--amount", "100000"),
            {"method": "equal_cash", "amount": "100000"},
        ),
        (
            ("--method", "multiplier", "--quantity", "4"),
            {"method": "multiplier", "quantity": "4"},
        ),
        (
            ("--method", "percent_of_position", "--percent", "50"),
            {"method": "percent_of_position", "percent": "50"},
        ),
        (
            ("--each", "A=10", "--each", "client:7=0"),
            {
                "method": "quantities",
                "quantities": [{"account": "A", "quantity": "10"}, {"client": 7, "quantity": "0"}],
            },
        ),
        (("--like", "I7"), {"method": "like", "instruction": "I7"}),
    ],
)
def test_batch_of_one_instrument(
    words: tuple[str, ...], allocation: dict[str, object], server: FakeServer
) -> None:
    assert asked(server, "batch", "NSE:2885", "--side", "sell", *words) == {
        "kind": "batch",
        "instrument": "NSE:2885",
        "side": "SELL",
        "product": "DELIVERY",
        "type": "MARKET",
        "allocation": allocation,
    }


def test_the_terms_of_a_batch(server: FakeServer) -> None:
    words = ("--side", "BUY", "--like", "I7", "--product", "INTRADAY", "--time-in-force", "IOC")
    sent = asked(server, "batch", "TCS", *words, "--price", "10")
    stop = asked(server, "batch", "TCS", *words, "--type", "STOP", "--stop-price", "12")

    assert (sent["type"], sent["price"], sent["time_in_force"]) == ("LIMIT", "10", "IOC")
    assert (stop["type"], stop["stop_price"], stop["product"]) == ("STOP", "12", "INTRADAY")


def test_a_basket_goes_as_it_is(server: FakeServer, tmp_path: Path) -> None:
    file = tmp_path / "basket.csv"
    file.write_text(BASKET)
    answered = answer(order("A", "TCS", "5", "1"), token="T1")
    server.answer("POST", "/api/v1/baskets/preview", body=answered)
    server.answer("POST", "/api/v1/baskets", 202, {**answered, "instruction_id": "I1"})
    result = run("batch", str(file), "--note", "n", "--mode", "paper", "--confirm")

    preview, fired = server.requests
    assert result.exit_code == Exit.OK
    assert (preview.url.path, fired.url.path) == ("/api/v1/baskets/preview", "/api/v1/baskets")
    assert preview.content == fired.content == BASKET.encode()
    assert preview.headers["content-type"] == fired.headers["content-type"] == "text/csv"
    assert dict(preview.url.params) == {"note": "n", "mode": "paper"}
    assert dict(fired.url.params) == {
        "note": "n",
        "mode": "paper",
        "preview": "T1",
        "on_moved": "skip",
    }


def test_a_basket_from_a_pipe_and_one_that_is_large(server: FakeServer, tmp_path: Path) -> None:
    answered = answer(order("A", "TCS", "5", "1"))
    server.answer("POST", "/api/v1/baskets", 202, answered)
    run("batch", "-", "--confirm", "--preview", "T", text=BASKET)
    assert server.last.content == BASKET.encode()

    large = tmp_path / "large.csv"
    large.write_text(BASKET + "1,TCS,BUY,5\n" * 40_000)
    assert run("batch", str(large), "--confirm", "--preview", "T").exit_code == Exit.OK
    assert server.last.content == large.read_bytes()
    assert server.last.headers["content-length"] == str(large.stat().st_size)


def test_a_basket_with_a_fault_is_a_failure_with_its_line(server: FakeServer) -> None:
    problem = {"code": "BAD_NUMBER", "detail": "line 2, quantity: 'x'", "line": 2}
    server.answer("POST", "/api/v1/baskets/preview", 422, problem)
    result = run("batch", "-", "--json", text="instrument\n")

    assert (result.exit_code, json.loads(result.stderr)["line"]) == (Exit.FAILURE, 2)


@pytest.mark.parametrize(
    ("words", "code"),
    [
        (("lists", "buy"), "USAGE"),
        (("lists", "buy", "nifty", "--instrument", "TCS"), "USAGE"),
        (("lists", "buy", "nifty", "--amount", "5"), "USAGE"),
        (("lists", "buy", "nifty", "--allocation", "fixed_amount"), "USAGE"),
        (
            ("lists", "buy", "n", "--allocation", "fixed_amount", "--amount", "1e3"),
            "INVALID_NUMBER",
        ),
        (("lists", "buy", "nifty", "--max-new", "0"), "USAGE"),
        (("exit",), "USAGE"),
        (("exit", "TCS", "--everything"), "USAGE"),
        (("exit", "TCS", "--trade", "AB1"), "USAGE"),
        (("exit", "TCS", "--percent", "101"), "INVALID_VALUE"),
        (("exit", "TCS", "--quantity", "0"), "NOT_POSITIVE"),
        (("batch", "TCS"), "USAGE"),
        (("batch", "TCS", "--side", "BUY"), "USAGE"),
        (("batch", "TCS", "--side", "BUY", "--method", "equal_cash", "--quantity", "5"), "USAGE"),
        (("batch", "TCS", "--side", "BUY", "--method", "equal_cash"), "USAGE"),
        (("batch", "TCS", "--side", "BUY", "--each", "A=5", "--amount", "5"), "USAGE"),
        (("batch", "TCS", "--side", "BUY", "--each", "A"), "USAGE"),
        (("batch", "TCS", "--side", "BUY", "--each", "client:x=5"), "USAGE"),
        (("batch", "none.csv"), "FILE_NOT_READABLE"),
        (("batch", "some.csv", "--side", "BUY"), "USAGE"),
        (("batch", "some.csv", "--group", "core"), "USAGE"),
        (("batch", "some.csv", "--at", "2026-11-20T09:15:00+05:30"), "USAGE"),
    ],
)
def test_what_cannot_be_meant_is_not_sent(
    words: tuple[str, ...], code: str, server: FakeServer
) -> None:
    result = run(*words, "--json")

    assert (result.exit_code, json.loads(result.stderr)["code"]) == (Exit.USAGE, code)
    assert server.requests == []
