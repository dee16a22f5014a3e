"""`phalanx signal`: a preview until --confirm, then the outcome decides how it ends."""

import json

import pytest

from phalanx.cli.exit_codes import Exit
from tests.unit.cli.doubles import FakeServer, run
from tests.unit.cli.instructing.answers import ACCEPTED, FOREVER, REJECTED, answer

SIGNAL = ("signal", "STRATEGY_B", "BUY", "MINDA")


def test_without_confirm_only_a_preview_is_asked_for(server: FakeServer) -> None:
    server.answer("POST", "/api/v1/instructions/preview", 200, answer(ACCEPTED, token="T1"))
    result = run("signal", "STRATEGY_B", "buy", "MINDA", "--note", "n", "--expires", "5")

    assert result.exit_code == Exit.OK
    assert json.loads(server.last.content) == {
        "kind": "signal",
        "strategy": "STRATEGY_B",
        "instrument": "MINDA",
        "position": "BUY",
        "note": "n",
        "expires_s": 5,
    }
    assert "idempotency-key" not in server.last.headers
    assert len(server.requests) == 1
    assert "Holland Proctor" in result.stdout
    assert "--confirm --preview=T1" in result.stdout


def test_a_preview_with_nothing_in_it_ends_as_the_signal_would(server: FakeServer) -> None:
    body = answer(reason="UNKNOWN_STRATEGY", message="no strategy is named STRATEGY_Z")
    server.answer("POST", "/api/v1/instructions/preview", 200, body)
    result = run("signal", "STRATEGY_Z", "BUY", "MINDA")

    assert result.exit_code == Exit.REFUSED
    assert result.stderr == "refused: no strategy is named STRATEGY_Z\n"
    assert result.stdout.endswith("Nothing was sent.\n")


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
    shown, document = run(*SIGNAL, "--confirm"), run(*SIGNAL, "--confirm", "--json")

    assert (shown.exit_code, document.exit_code) == (exit_code, exit_code)
    assert json.loads(document.stdout) == body
    assert shown.stdout.startswith("I1: ")
    assert ("refused: not valid for any account" in shown.stderr) == (exit_code == Exit.REFUSED)


def test_a_signal_is_fired_without_a_preview(server: FakeServer) -> None:
    server.answer("POST", "/api/v1/instructions", 202, answer(ACCEPTED))
    run("signal", "STRATEGY_B", "BUY", "L&T", "--confirm", "--idempotency-key", "k")

    assert [request.url.path for request in server.requests] == ["/api/v1/instructions"]
    assert json.loads(server.last.content)["instrument"] == "L&T"
    assert server.last.headers["idempotency-key"] == "k"


def test_whom_it_is_for(server: FakeServer) -> None:
    server.answer("POST", "/api/v1/instructions", 202, answer(ACCEPTED))
    words = ("--account", "A", "--account", "B", "--client", "7", "--group", "core")
    run(*SIGNAL, *words, "--mode", "PAPER", "--at", "2026-11-20T09:15:00+05:30", "--confirm")

    body = json.loads(server.last.content)
    assert (body["accounts"], body["clients"], body["groups"]) == (["A", "B"], [7], ["core"])
    assert (body["mode"], body["fire_at"]) == ("paper", "2026-11-20T09:15:00+05:30")


def test_what_is_held_says_until_when(server: FakeServer) -> None:
    body = answer(status="HELD", fire_at=FOREVER)
    server.answer("POST", "/api/v1/instructions", 202, body)
    result = run(*SIGNAL, "--at", FOREVER, "--confirm")

    assert result.exit_code == Exit.OK
    assert result.stdout == f"held until {FOREVER}, instruction I1\n"
    assert json.loads(run(*SIGNAL, "--at", FOREVER, "--confirm", "--json").stdout) == body


def test_an_answer_of_another_shape_after_a_change(server: FakeServer) -> None:
    server.answer("POST", "/api/v1/instructions", 202, {"hello": "world"})
    result = run(*SIGNAL, "--confirm")

    assert (result.exit_code, "BAD_ANSWER" in result.stderr) == (Exit.FAILURE, True)
