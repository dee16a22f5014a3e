"""`phalanx signal`: a rehearsal until --confirm, then the outcome decides how it ends."""

import json

import pytest

from phalanx.cli.exits import Exit
from tests.unit.cli.doubles import FakeServer, run

STRATEGIES = {
    "items": [
        {
            "strategy": "STRATEGY_B",
            "instruments": ["UNOMINDA"],
            "subscriptions": [{"account": "PAPER-1"}],
        }
    ],
    "total": 1,
    "as_of": 1,
}
OPEN_BUY = {"client": "Holland Proctor", "account": "PAPER-1", "instrument": "UNOMINDA"}
ACCEPTED = {
    "status": "ACCEPTED",
    "client": "Holland Proctor",
    "account": "PAPER-1",
    "order_id": "AB1",
}
REJECTED = {"status": "REJECTED", "client": "B", "account": "PAPER-2", "reason": "NO_OPEN_LOT"}


def answer(*outcomes: dict[str, str], reason: str | None = None) -> dict[str, object]:
    message = "not valid for any account" if reason else None
    return {
        "instruction_id": "I1",
        "status": "WORKING",
        "reason": reason,
        "message": message,
        "outcomes": list(outcomes),
    }


def test_without_confirm_nothing_is_sent(server: FakeServer) -> None:
    server.answer("GET", "/api/v1/strategies", body=STRATEGIES)
    server.answer("GET", "/api/v1/open-buys", body=[OPEN_BUY])
    result = run("signal", "STRATEGY_B", "sell", "MINDA", "--note", "n", "--expires", "5")

    assert result.exit_code == Exit.OK
    assert {request.method for request in server.requests} == {"GET"}
    assert dict(server.last.url.params) == {"instrument": "MINDA"}
    assert '"position":"SELL","note":"n","expires_s":5' in result.stdout
    assert "1 accounts subscribed" in result.stdout
    assert "Holland Proctor" in result.stdout
    assert result.stdout.endswith(
        "Nothing was sent and nothing was checked. Send it with --confirm.\n"
    )


def test_the_rehearsal_as_json(server: FakeServer) -> None:
    server.answer("GET", "/api/v1/strategies", body=STRATEGIES)
    server.answer("GET", "/api/v1/open-buys", body=[])
    document = json.loads(run("signal", "STRATEGY_B", "BUY", "MINDA", "--json").stdout)

    assert document["sent"] is False
    assert document["request"]["kind"] == "signal"
    assert document["strategy"] == {"accounts": 1, "enabled": True, "instruments": ["UNOMINDA"]}
    assert document["open_buys"] == []


def test_a_strategy_that_nobody_knows_would_be_refused(server: FakeServer) -> None:
    server.answer("GET", "/api/v1/strategies", body=STRATEGIES)
    result = run("signal", "STRATEGY_Z", "BUY", "MINDA", "--json")

    assert result.exit_code == Exit.REFUSED
    assert json.loads(result.stderr)["code"] == "UNKNOWN_STRATEGY"


@pytest.mark.parametrize(
    ("body", "exit_code"),
    [
        (answer(ACCEPTED), Exit.OK),
        (answer(ACCEPTED, REJECTED), Exit.PARTIAL),
        (answer(REJECTED, reason="NOTHING_VALID"), Exit.REFUSED),
        (answer(reason="UNKNOWN_INSTRUMENT"), Exit.REFUSED),
    ],
)
def test_the_outcomes_decide_how_it_ends(
    body: dict[str, object], exit_code: Exit, server: FakeServer
) -> None:
    server.answer("POST", "/api/v1/instructions", 202, body)
    words = ("signal", "STRATEGY_B", "BUY", "MINDA", "--confirm")
    shown, document = run(*words), run(*words, "--json")

    assert (shown.exit_code, document.exit_code) == (exit_code, exit_code)
    assert json.loads(document.stdout) == body
    assert shown.stdout.startswith("I1: ")
    assert ("refused: not valid for any account" in shown.stderr) == (exit_code == Exit.REFUSED)


def test_what_is_sent(server: FakeServer) -> None:
    server.answer("POST", "/api/v1/instructions", 202, answer(ACCEPTED))
    run("signal", "STRATEGY_B", "BUY", "L&T", "--confirm", "--idempotency-key", "k")

    assert json.loads(server.last.content) == {
        "kind": "signal",
        "strategy": "STRATEGY_B",
        "instrument": "L&T",
        "position": "BUY",
    }
    assert server.last.headers["idempotency-key"] == "k"


def test_an_answer_of_another_shape_after_a_change(server: FakeServer) -> None:
    server.answer("POST", "/api/v1/instructions", 202, {"hello": "world"})
    result = run("signal", "STRATEGY_B", "BUY", "L&T", "--confirm")

    assert (result.exit_code, "BAD_ANSWER" in result.stderr) == (Exit.FAILURE, True)
