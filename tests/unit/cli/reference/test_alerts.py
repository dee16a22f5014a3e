"""`phalanx alerts`: rules and channels, and what was told."""

import json

import pytest

from phalanx.cli.exit_codes import Exit
from phalanx.cli.reference.alerts import What
from phalanx.domain.alerts import AlertKind
from tests.unit.cli.doubles import FakeServer, rows, run

PATH = "/api/v1/alerts"
ALERT = {
    "id": "A1",
    "at": "t",
    "rule": "kills",
    "text": "KILL",
    "deliveries": [
        {"channel": "phone", "status": "sent", "why": ""},
        {"channel": "ops", "status": "failed", "why": "HTTP_404"},
    ],
    "throttled": 3,
}


@pytest.mark.parametrize("words", [(), ("list",)])
def test_what_was_told_is_listed(server: FakeServer, words: tuple[str, ...]) -> None:
    server.answer("GET", PATH, body={"items": [ALERT], "total": 1})

    shown = " ".join(rows(run("alerts", *words).stdout)[1])

    assert shown == "t kills KILL phone sent, ops failed (HTTP_404) 3"


def test_nothing_was_told(server: FakeServer) -> None:
    server.answer("GET", PATH, body={"items": [], "total": 0})

    assert run("alerts").stdout == "nothing was told\n"


def test_a_rule_is_put_whole(server: FakeServer) -> None:
    server.answer("PUT", f"{PATH}/rules/storm", body={})
    options = ("--threshold", "20", "--window", "30", "--throttle", "9", "--account", "A1", "--off")

    said = run("alerts", "put-rule", "storm", "reject_storm", "phone", "ops", *options)

    assert said.stdout == "rule storm is kept, and off\n"
    assert json.loads(server.last.content) == {
        "what": "reject_storm",
        "channels": ["phone", "ops"],
        "accounts": ["A1"],
        "groups": [],
        "threshold": 20,
        "window_s": 30,
        "throttle_s": 9,
        "enabled": False,
    }


@pytest.mark.parametrize(
    ("command", "method", "path"),
    [
        ("remove-rule", "DELETE", "rules/x"),
        ("remove-channel", "DELETE", "channels/x"),
        ("test", "POST", "channels/x/test"),
    ],
)
def test_the_others_name_what_they_are_about(
    server: FakeServer, command: str, method: str, path: str
) -> None:
    server.answer(method, f"{PATH}/{path}", body={})

    assert run("alerts", command, "x").exit_code == 0
    assert (server.last.method, server.last.url.path) == (method, f"{PATH}/{path}")


@pytest.mark.parametrize(
    ("what", "row", "expected"),
    [
        ("rules", {"name": "storm", "what": "kill", "channels": ["a", "b"]}, "storm kill a, b"),
        ("channels", {"name": "phone", "scheme": "slack", "trouble": ""}, "phone slack"),
    ],
)
def test_rules_and_channels_are_listed(
    server: FakeServer, what: str, row: dict[str, object], expected: str
) -> None:
    server.answer("GET", f"{PATH}/{what}", body={"items": [row], "total": 1})

    assert " ".join(rows(run("alerts", what).stdout)[1]).startswith(expected)


def test_a_channel_s_address_comes_from_the_standard_input(server: FakeServer) -> None:
    server.answer("PUT", f"{PATH}/channels/phone", body={})

    said = run("alerts", "put-channel", "phone", "--signed", text="slack://token\nsecret\n")

    assert json.loads(server.last.content) == {"url": "slack://token", "secret": "secret"}
    assert "token" not in said.stdout


def test_an_empty_address_is_refused(server: FakeServer) -> None:
    said = run("alerts", "put-channel", "phone", text="\n")

    assert said.exit_code == Exit.USAGE
    assert "address is empty" in said.stderr


def test_every_kind_may_be_named() -> None:
    assert [one.value for one in What] == [one.value for one in AlertKind]
