"""`phalanx accounts arm` and `disarm`."""

import json

import httpx

from phalanx.cli.exit_codes import Exit
from tests.unit.cli.doubles import FakeServer, run

PATH = "/api/v1/armed"


def test_accounts_clients_and_groups_are_armed_together(server: FakeServer) -> None:
    server.answer("PUT", PATH, body={"accounts": ["A", "B"], "armed_until": "midnight"})

    words = ("A", "--client", "7", "--group", "core", "--note", "the open")
    result = run("accounts", "arm", *words, "--idempotency-key", "k")

    assert result.stdout == "2 accounts are armed until midnight\n"
    assert json.loads(server.last.content) == {
        "accounts": ["A"],
        "clients": [7],
        "groups": ["core"],
        "note": "the open",
    }
    assert server.last.headers["idempotency-key"] == "k"


def test_nobody_named_is_a_mistake(server: FakeServer) -> None:
    assert run("accounts", "arm").exit_code == Exit.USAGE
    assert run("accounts", "disarm").exit_code == Exit.USAGE
    assert run("accounts", "disarm", "A", "--all").exit_code == Exit.USAGE
    assert server.requests == []


def test_each_account_is_disarmed_under_a_key_of_its_own(server: FakeServer) -> None:
    for one in ("A", "B"):
        server.answer("DELETE", f"/api/v1/accounts/{one}/armed", body={"accounts": [one]})

    result = run("accounts", "disarm", "A", "B", "--idempotency-key", "k")

    assert result.stdout == "2 accounts were armed and are no more\n"
    assert [one.headers["idempotency-key"] for one in server.requests] == ["k", "k-1"]


def test_all_are_disarmed_at_once(server: FakeServer) -> None:
    server.handle("DELETE", PATH, lambda _: httpx.Response(200, json={"accounts": ["A"]}))

    result = run("accounts", "disarm", "--all", "--json")

    assert json.loads(result.stdout) == {"accounts": ["A"]}
