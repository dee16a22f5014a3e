"""`phalanx instructions approve|decline`, and what a command says that was held for approval."""

import json

import pytest

from phalanx.cli.exit_codes import Exit
from tests.unit.cli.doubles import FakeServer, run
from tests.unit.cli.instructing.answers import ACCEPTED, FOREVER, REJECTED, answer

PATH = "/api/v1/instructions"
WHY = "opens risk of 1100, above 1000: another person has to approve it"
HELD = answer(
    status="HELD",
    waits_for="approval",
    approve_by=FOREVER,
    reason="ABOVE_APPROVAL",
    message=WHY,
)


def decided(decision: str, status: str, **more: object) -> dict[str, object]:
    """The server's answer to a decision."""
    return {
        "instruction_id": "I1",
        "decision": decision,
        "status": status,
        "actor": "bob",
        "note": "",
        "time": FOREVER,
        "reason": None,
        "message": None,
        "planned": None,
        **more,
    }


def test_an_approved_one_shows_its_plan(server: FakeServer) -> None:
    body = decided("approved", "WORKING", planned=answer(ACCEPTED))
    server.answer("POST", f"{PATH}/I1/approve", 200, body)

    result = run("instructions", "approve", "I1", "--note", "fine", "--idempotency-key", "k")

    assert result.exit_code == Exit.OK
    assert json.loads(server.last.content) == {"note": "fine"}
    assert server.last.headers["idempotency-key"] == "k"
    assert result.stdout.startswith("I1: approved, ")
    assert "Holland Proctor" in result.stdout


@pytest.mark.parametrize(
    ("body", "exit_code", "said"),
    [
        (decided("approved", "HELD"), Exit.OK, "I1: approved, held until its time\n"),
        (
            decided("declined", "REJECTED", reason="DECLINED", message="x"),
            Exit.OK,
            "I1: declined\n",
        ),
        (
            decided("approved", "REJECTED", reason="NOT_PLANNABLE", message="no"),
            Exit.REFUSED,
            "I1: approved\n",
        ),
    ],
    ids=["for its time", "declined", "not plannable"],
)
def test_without_a_plan_it_says_how_it_stands(
    body: dict[str, object], exit_code: Exit, said: str, server: FakeServer
) -> None:
    how = "approve" if body["decision"] == "approved" else "decline"
    server.answer("POST", f"{PATH}/I1/{how}", 200, body)

    shown, document = run("instructions", how, "I1"), run("instructions", how, "I1", "--json")

    assert (shown.exit_code, document.exit_code) == (exit_code, exit_code)
    assert shown.stdout == said
    assert ("refused: no" in shown.stderr) == (exit_code is Exit.REFUSED)
    assert json.loads(document.stdout) == body


def test_an_approval_whose_plan_is_refused_ends_so(server: FakeServer) -> None:
    planned = answer(REJECTED, reason="NOTHING_VALID", message="not valid for any account")
    planned["status"] = "REJECTED"
    body = decided("approved", "REJECTED", planned=planned, message="not valid for any account")
    server.answer("POST", f"{PATH}/I1/approve", 200, body)

    assert run("instructions", "approve", "I1").exit_code == Exit.REFUSED


def test_an_approval_may_be_waited_for(server: FakeServer) -> None:
    body = decided("approved", "WORKING", planned=answer(ACCEPTED))
    server.answer("POST", f"{PATH}/I1/approve", 200, body)
    row = {"instruction_id": "I1", "status": "DONE", "orders_total": 1, "in_doubt": 1}
    server.answer("GET", PATH, body={"items": [row], "total": 1, "as_of": 1})

    result = run("instructions", "approve", "I1", "--wait")

    assert result.exit_code == Exit.UNKNOWN
    assert "DONE: 1 in doubt of 1 orders" in result.stdout


def test_who_may_not_decide_is_told(server: FakeServer) -> None:
    problem = {"code": "SAME_PERSON", "detail": "ann asked for it", "status": 403, "title": "No"}
    server.answer("POST", f"{PATH}/I1/approve", 403, problem)

    result = run("instructions", "approve", "I1")

    assert result.exit_code == Exit.NOT_ALLOWED
    assert "ann asked for it" in result.stderr


@pytest.mark.parametrize(
    "words",
    [
        ("signal", "S", "BUY", "TCS"),
        ("lists", "buy", "nifty", "--preview", "T1"),
        ("exit", "TCS", "--preview", "T1"),
    ],
    ids=["signal", "list", "exit"],
)
def test_what_is_held_for_approval_is_told_so(words: tuple[str, ...], server: FakeServer) -> None:
    server.answer("POST", PATH, 202, HELD)

    result = run(*words, "--confirm")

    said = f"waits for approval until {FOREVER} ({WHY}), instruction I1\n"
    assert (result.exit_code, result.stdout) == (Exit.OK, said)


def test_one_for_later_says_both(server: FakeServer) -> None:
    server.answer("POST", PATH, 202, {**HELD, "fire_at": FOREVER})

    result = run("signal", "S", "BUY", "TCS", "--confirm")

    assert f"({WHY}), then held until {FOREVER}, instruction I1" in result.stdout


def test_a_preview_says_that_it_would_be_held(server: FakeServer) -> None:
    server.answer("POST", f"{PATH}/preview", 200, answer(ACCEPTED, token="T1", needs_approval=WHY))

    assert f"It would be held: {WHY}." in run("signal", "S", "BUY", "TCS").stdout


def test_how_to_undo_is_said_while_it_can_be(server: FakeServer) -> None:
    server.answer("POST", PATH, 202, answer(ACCEPTED, undo_until=FOREVER))

    said = run("signal", "S", "BUY", "TCS", "--confirm").stdout

    assert f"new orders go at {FOREVER}" in said
    assert "phalanx instructions cancel I1" in said


def test_the_list_is_filtered_by_what_they_wait_for(server: FakeServer) -> None:
    row = {"instruction_id": "I1", "status": "HELD", "waits_for": "approval"}
    server.answer("GET", PATH, body={"items": [row], "total": 1, "as_of": 1})

    lines = run("instructions", "--waits-for", "approval").stdout.splitlines()

    assert server.last.url.params["waits_for"] == "approval"
    assert "approval" in lines[1]


def test_one_of_them_tells_who_decided(server: FakeServer) -> None:
    approval = {"decision": "approved", "actor": "bob", "note": "fine", "decided_at": FOREVER}
    tree = {"instruction_id": "I1", "kind": "signal", "status": "DONE", "approval": approval}
    server.answer("GET", f"{PATH}/I1", body={**tree, "orders": [], "skips": [], "cancels": []})

    said = run("instructions", "show", "I1").stdout

    assert "needed another person's approval" in said
    assert [word for word in ("approved", "bob", "fine") if word not in said] == []
