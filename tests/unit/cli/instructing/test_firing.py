"""Previewing, firing what was previewed, waiting for it, and what may have happened when no answer came."""

import json
from itertools import count

import httpx
import pytest

from phalanx.cli.exit_codes import Exit
from phalanx.cli.instructing import waiting
from tests.unit.cli.doubles import FakeServer, run
from tests.unit.cli.instructing.answers import ACCEPTED, FOREVER, answer, order, skip

PREVIEW = "/api/v1/instructions/preview"
FIRE = "/api/v1/instructions"
BUY = ("lists", "buy", "nifty")
PLANNED = answer(
    order("A", "TCS", "2", "100.5", charges="1.25", cash_after="798"),
    order("A", "LT", "1", "99", charges="0.5", cash_after="698.5"),
    order("B", "TCS", "3", "100.5", charges="1", cash_after="500"),
    skip("B", "ALREADY_HELD", "the client already holds LT"),
    kind="priority_buy",
    counts={"orders": 3, "cancels": 0, "skips": 1},
    outcomes_total=4,
    token="T1",
)
FIRED = {**PLANNED, "instruction_id": "I1", "token": None}


def test_a_preview_has_a_row_per_account_and_their_sum(server: FakeServer) -> None:
    server.answer("POST", PREVIEW, body=PLANNED)
    lines = run(*BUY).stdout.splitlines()

    assert lines[0] == "preview: priority_buy: 3 orders for 2 accounts, 1 skipped, value 601.5"
    assert [line.split("  ")[0] for line in lines[1:5]] == [
        "client",
        "client of A",
        "client of B",
        "total",
    ]
    assert lines[2].split()[-6:] == ["A", "2", "300", "1.75", "698.5", "-"]
    assert lines[3].split()[-7:] == ["B", "1", "301.5", "1", "500", "1", "ALREADY_HELD"]
    assert lines[4].split() == ["total", "2", "accounts", "3", "601.5", "2.75", "-", "1"]
    assert lines[7].split() == ["1", "ALREADY_HELD", "the", "client", "already", "holds", "LT"]
    assert lines[-1].endswith("--confirm --preview=T1")


def test_the_detail_is_a_row_per_order_and_skip(server: FakeServer) -> None:
    server.answer("POST", PREVIEW, body=PLANNED)
    lines = run(*BUY, "--detail").stdout.splitlines()

    assert len(lines) == 7
    assert lines[1].split()[:3] == ["client", "account", "outcome"]
    assert "stop" not in lines[1]


LARGE = PLANNED | {
    "outcomes_total": 9_944,
    "counts": {"orders": 9_940, "cancels": 1, "skips": 3},
    "accounts": [
        {
            "client": "client of A",
            "client_id": 1,
            "account": "A",
            "orders": 9_000,
            "cancels": 1,
            "skips": 0,
            "value": "900000.5",
            "charges": "90",
            "cash_after": "7",
        },
        {
            "client": "client of B",
            "client_id": 2,
            "account": "B",
            "orders": 940,
            "cancels": 0,
            "skips": 2,
            "value": "940",
            "charges": "0",
            "cash_after": "500",
        },
        {
            "client": "",
            "client_id": None,
            "account": "C",
            "orders": 0,
            "cancels": 0,
            "skips": 1,
            "value": "0",
            "charges": "0",
            "cash_after": None,
        },
    ],
    "totals": {
        "accounts": 3,
        "orders": 9_940,
        "cancels": 1,
        "skips": 3,
        "value": "900940.5",
        "charges": "90",
        "reasons": [{"reason": "ALREADY_HELD", "message": "the client holds LT", "skips": 3}],
    },
}


def test_a_large_preview_has_every_account_and_the_totals_of_all(server: FakeServer) -> None:
    server.answer("POST", PREVIEW, body=LARGE)
    result = run(*BUY)
    lines = result.stdout.splitlines()

    assert lines[0] == (
        "preview: priority_buy: 9,940 orders for 2 accounts, 1 cancels, 3 skipped, value 9,00,940.5"
    )
    assert lines[2].split()[3:] == ["A", "9000", "1", "900000.5", "90", "7", "-"]
    assert lines[3].split()[3:] == ["B", "940", "-", "940", "0", "500", "2"]
    assert lines[4].split()[-8:] == ["-", "C", "0", "-", "0", "-", "-", "1"]
    assert lines[5].split() == [
        "total",
        *["3", "accounts", "9940", "1", "900940.5", "90", "-", "3"],
    ]
    assert lines[8].split()[:2] == ["3", "ALREADY_HELD"]
    assert result.stderr == ""


def test_the_detail_of_a_large_preview_says_that_it_is_not_all(server: FakeServer) -> None:
    server.answer("POST", PREVIEW, body=LARGE)

    assert run(*BUY, "--detail").stderr == "4 of 9944 outcomes are listed here\n"


def test_outcomes_that_are_not_listed_are_said(server: FakeServer) -> None:
    server.answer("POST", PREVIEW, body={**PLANNED, "outcomes_total": 9_944})
    result = run(*BUY)

    assert result.stderr == "4 of 9944 outcomes are listed and added up here\n"
    assert "3 orders for 2+ accounts" in result.stdout


def test_a_preview_as_json_is_the_servers(server: FakeServer) -> None:
    server.answer("POST", PREVIEW, body=PLANNED)

    assert json.loads(run(*BUY, "--json").stdout) == PLANNED


def test_firing_previews_and_fires_that(server: FakeServer) -> None:
    server.answer("POST", PREVIEW, body=PLANNED)
    server.answer("POST", FIRE, 202, FIRED)
    result = run(*BUY, "--confirm", "--on-moved", "refuse")

    assert result.exit_code == Exit.OK
    assert [request.url.path for request in server.requests] == [PREVIEW, FIRE]
    body = json.loads(server.last.content)
    assert (body["preview"], body["on_moved"]) == ("T1", "refuse")
    assert result.stdout.startswith("I1: priority_buy: 3 orders for 2 accounts")


def test_a_preview_of_yesterday_is_fired_as_it_was(server: FakeServer) -> None:
    server.answer("POST", FIRE, 202, FIRED)
    run(*BUY, "--confirm", "--preview", "T0")

    assert json.loads(server.last.content)["preview"] == "T0"
    assert len(server.requests) == 1


def test_with_a_key_of_the_callers_a_repeat_is_the_same_request(server: FakeServer) -> None:
    server.answer("POST", FIRE, 202, FIRED)
    for _ in range(2):
        run(*BUY, "--confirm", "--idempotency-key", "job-42")

    first, second = server.requests
    assert first.content == second.content
    assert b"preview" not in first.content


def test_an_account_that_moved_is_refused_by_risk(server: FakeServer) -> None:
    server.answer("POST", PREVIEW, body=PLANNED)
    moved = ["A: cash changed", "B: the price of TCS left its collar"]
    problem = {"code": "MOVED", "detail": "2 accounts moved", "differences": moved}
    server.answer("POST", FIRE, 409, problem)
    result = run(*BUY, "--confirm")

    assert result.exit_code == Exit.REFUSED
    assert result.stderr.splitlines() == [
        "error: 2 accounts moved [MOVED]",
        "  A: cash changed",
        "  B: the price of TCS left its collar",
    ]
    assert json.loads(run(*BUY, "--confirm", "--json").stderr)["differences"] == moved


def test_an_unknown_outcome_is_repeated_with_the_same_preview(server: FakeServer) -> None:
    def silence(request: httpx.Request) -> httpx.Response:
        raise httpx.ReadTimeout("", request=request)

    server.answer("POST", PREVIEW, body=PLANNED)
    server.handle("POST", FIRE, silence)
    result = run(*BUY, "--confirm", "--json")

    error = json.loads(result.stderr)
    assert result.exit_code == Exit.UNKNOWN
    assert (error["preview"], error["idempotency_key"]) == (
        "T1",
        server.last.headers["idempotency-key"],
    )
    assert f"--preview=T1 --idempotency-key {error['idempotency_key']}" in error["detail"]


def test_a_preview_that_gets_no_answer_has_changed_nothing(server: FakeServer) -> None:
    def silence(request: httpx.Request) -> httpx.Response:
        raise httpx.ReadTimeout("", request=request)

    server.handle("POST", PREVIEW, silence)

    assert run(*BUY, "--confirm").exit_code == Exit.UNREACHABLE


LATER = [
    BUY,
    ("batch", "TCS", "--side", "BUY", "--method", "fixed_quantity", "--quantity", "1"),
    ("exit", "TCS"),
    ("signal", "S", "BUY", "TCS"),
]


@pytest.mark.parametrize("words", LATER, ids=["list", "batch", "exit", "signal"])
def test_what_fires_later_is_shown_as_it_would_be_now(
    words: tuple[str, ...], server: FakeServer
) -> None:
    server.answer("POST", PREVIEW, body=PLANNED)
    result = run(*words, "--at", FOREVER)

    assert (result.exit_code, "fire_at" in json.loads(server.last.content)) == (Exit.OK, False)
    lines = result.stdout.splitlines()
    assert lines[0] == f"planned at {FOREVER}; this is what it would be now"
    assert lines[-1] == "Nothing was sent. Send it with --confirm."


@pytest.mark.parametrize("words", LATER, ids=["list", "batch", "exit", "signal"])
def test_what_fires_later_is_sent_without_a_preview(
    words: tuple[str, ...], server: FakeServer
) -> None:
    server.answer("POST", FIRE, 202, answer(status="HELD", fire_at=FOREVER))
    result = run(*words, "--at", FOREVER, "--confirm")

    (request,) = server.requests
    body = json.loads(request.content)
    assert (body["fire_at"], "preview" in body, "on_moved" in body) == (FOREVER, False, False)
    assert (result.exit_code, result.stdout) == (
        Exit.OK,
        f"held until {FOREVER}, instruction I1\n",
    )


@pytest.mark.parametrize(
    "words",
    [
        ("--at", FOREVER, "--preview", "T1", "--confirm"),
        ("--at", "tomorrow"),
        ("--at", "2026-11-20T15:00"),
        ("--at", "2001-01-01T00:00:00Z"),
    ],
    ids=["preview", "no time", "no offset", "over"],
)
def test_an_at_that_cannot_be_is_usage(words: tuple[str, ...], server: FakeServer) -> None:
    assert run(*BUY, *words).exit_code == Exit.USAGE
    assert server.requests == []


@pytest.mark.parametrize(
    ("skips", "kind", "exit_code"),
    [
        (("ALREADY_HELD", "RANK_NOT_COVERED"), "priority_buy", Exit.OK),
        (("ALREADY_HELD", "KILL_ACCOUNT"), "priority_buy", Exit.PARTIAL),
        (("ZERO_QUANTITY",), "signal", Exit.PARTIAL),
        (("NOTHING_TO_EXIT",), "exit", Exit.OK),
        (("MOVED",), "batch", Exit.PARTIAL),
    ],
)
def test_what_a_list_was_never_meant_to_buy_is_no_failure(
    skips: tuple[str, ...], kind: str, exit_code: Exit, server: FakeServer
) -> None:
    outcomes = (order("A", "TCS", "1", "100"), *(skip("B", reason) for reason in skips))
    server.answer("POST", FIRE, 202, answer(*outcomes, kind=kind))

    assert run(*BUY, "--confirm", "--preview", "T").exit_code == exit_code


def progress(status: str, **counts: int) -> dict[str, object]:
    row = {"instruction_id": "I1", "status": status, "orders_total": 3, **counts}
    return {"items": [{"instruction_id": "I2", "status": "DONE"}, row], "total": 2, "as_of": 1}


@pytest.fixture
def _no_pauses(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(waiting, "POLL_S", 0.0)


@pytest.mark.usefixtures("_no_pauses")
@pytest.mark.parametrize(
    ("ended", "exit_code", "words"),
    [
        (progress("DONE", filled=3), Exit.OK, "DONE: 3 filled of 3 orders"),
        (progress("DONE", filled=2, canceled=1), Exit.OK, "2 filled, 1 canceled of 3 orders"),
        (progress("DONE", filled=2, rejected=1), Exit.PARTIAL, "2 filled, 1 rejected"),
        (progress("DONE", rejected=2, expired=1), Exit.FAILURE, "2 rejected, 1 expired"),
        (progress("DONE", filled=2, not_received=1), Exit.PARTIAL, "1 not received"),
    ],
)
def test_waiting_ends_as_the_orders_do(
    ended: dict[str, object], exit_code: Exit, words: str, server: FakeServer
) -> None:
    asked = count()

    def poll(_: httpx.Request) -> httpx.Response:
        going = progress("WORKING", filled=1, orders_open=2)
        return httpx.Response(200, json=going if next(asked) < 2 else ended)

    server.answer("POST", FIRE, 202, FIRED)
    server.handle("GET", FIRE, poll)
    result = run(*BUY, "--confirm", "--preview", "T", "--wait")

    assert result.exit_code == exit_code
    assert words in result.stdout.splitlines()[-1]
    assert next(asked) == 3


@pytest.mark.usefixtures("_no_pauses")
def test_a_doubt_that_stays_is_an_unknown_outcome(server: FakeServer) -> None:
    server.answer("POST", FIRE, 202, FIRED)
    server.answer("GET", FIRE, body=progress("WORKING", filled=2, in_doubt=1, orders_open=1))
    words = (*BUY, "--confirm", "--preview", "T", "--wait", "--wait-timeout", "0.1")
    result, documents = run(*words), run(*words, "--json").stdout.splitlines()

    assert result.exit_code == Exit.UNKNOWN
    assert "in doubt" in result.stderr
    assert [json.loads(text)["instruction_id"] for text in documents] == ["I1", "I1"]
    assert json.loads(documents[1])["in_doubt"] == 1


@pytest.mark.usefixtures("_no_pauses")
def test_an_instruction_of_long_ago_is_asked_for_by_name(server: FakeServer) -> None:
    server.answer("POST", FIRE, 202, FIRED)
    server.answer("GET", FIRE, body={"items": [], "total": 900, "as_of": 1})
    row = {"instruction_id": "I1", "status": "DONE", "orders_total": 3, "filled": 3, "orders": []}
    server.answer("GET", f"{FIRE}/I1", body=row)
    result = run(*BUY, "--confirm", "--preview", "T", "--wait")

    assert (result.exit_code, "DONE: 3 filled" in result.stdout) == (Exit.OK, True)


def test_nothing_that_was_refused_is_waited_for(server: FakeServer) -> None:
    server.answer("POST", FIRE, 202, answer(reason="NOTHING_VALID", status="REJECTED"))
    result = run(*BUY, "--confirm", "--preview", "T", "--wait")

    assert result.exit_code == Exit.REFUSED
    assert len(server.requests) == 1


def test_a_cancel_is_no_order(server: FakeServer) -> None:
    cancel = {"status": "ACCEPTED", "client": "c", "account": "A", "order_id": "AB1"}
    both = (cancel, order("A", "TCS", "5", "10"), ACCEPTED)
    server.answer("POST", PREVIEW, body=answer(*both, kind="exit", token="T"))
    lines = run("exit", "TCS").stdout.splitlines()

    assert lines[0] == "preview: exit: 1 orders for 2 accounts, 2 cancels, value 50"
    assert lines[1].split() == ["client", "account", "orders", "cancels", "value"]
