"""`phalanx limits` and `settings`: what may be bounded, and by which name."""

import json

import pytest

from phalanx.cli.exit_codes import Exit
from tests.unit.cli.doubles import FakeServer, rows, run

PATH = "/api/v1/limits"
SETTINGS = "/api/v1/settings"
STANDING = {
    "level": "account",
    "name": "A",
    "quantity_max": "5",
    "value_max": None,
    "position_max": None,
    "orders_per_day_max": 7,
    "restricted": ["ITC", "LT"],
}
EVERYBODY = {**STANDING, "level": "global", "name": "", "quantity_max": "9", "restricted": []}
LIMITS = {"items": [STANDING, EVERYBODY], "total": 2, "as_of": 1}


def test_the_list(server: FakeServer) -> None:
    server.answer("GET", PATH, body=LIMITS)

    assert rows(run("limits").stdout)[1] == ["account", "A", "5", "-", "-", "7", "ITC,", "LT"]


@pytest.mark.parametrize(
    ("words", "row"),
    [
        (
            ("account", "A", "--value-max", "100"),
            {
                "level": "account",
                "name": "A",
                "quantity_max": "5",
                "value_max": "100",
                "orders_per_day_max": 7,
                "restricted": ["ITC", "LT"],
            },
        ),
        (
            ("account", "A", "--quantity-max", "none", "--orders-per-day-max", "3"),
            {
                "level": "account",
                "name": "A",
                "quantity_max": None,
                "orders_per_day_max": 3,
                "restricted": ["ITC", "LT"],
            },
        ),
        (
            ("account", "A", "--restrict", "none", "--orders-per-day-max", "none"),
            {
                "level": "account",
                "name": "A",
                "quantity_max": "5",
                "orders_per_day_max": None,
                "restricted": [],
            },
        ),
        (
            ("group", "core", "--restrict", "ITC", "--restrict", "LT"),
            {"level": "group", "name": "core", "restricted": ["ITC", "LT"]},
        ),
        (
            ("GLOBAL", "--position-max", "50"),
            {
                "level": "global",
                "name": "",
                "quantity_max": "9",
                "position_max": "50",
                "orders_per_day_max": 7,
                "restricted": [],
            },
        ),
    ],
)
def test_set_keeps_what_is_not_said(
    words: tuple[str, ...], row: dict[str, object], server: FakeServer
) -> None:
    server.answer("GET", PATH, body=LIMITS)
    server.answer("PUT", PATH, body={"items": [STANDING]})
    result = run("limits", "set", *words)

    assert json.loads(server.last.content) == [row]
    assert rows(result.stdout)[1][:2] == ["account", "A"]


@pytest.mark.parametrize(
    "words",
    [
        ("set", "account", "A"),
        ("set", "account", "--value-max", "5"),
        ("set", "global", "A", "--value-max", "5"),
        ("set", "everybody", "--value-max", "5"),
        ("set", "global", "--value-max", "1e3"),
        ("set", "global", "--orders-per-day-max", "1.5"),
        ("remove", "client"),
    ],
)
def test_what_cannot_be_meant_is_not_sent(words: tuple[str, ...], server: FakeServer) -> None:
    assert run("limits", *words).exit_code == Exit.USAGE
    assert server.requests == []


def test_put_and_remove(server: FakeServer) -> None:
    server.answer("PUT", PATH, body={"items": [STANDING]})
    server.answer("DELETE", f"{PATH}/global", body={"removed": True})
    server.answer("DELETE", f"{PATH}/client/7", body={"removed": True})

    run("limits", "put", "-", text="level,name\nglobal,\n")
    assert (server.last.method, server.last.content) == ("PUT", b"level,name\nglobal,\n")
    assert run("limits", "remove", "global").stdout == "the limit of everybody is removed\n"
    assert run("limits", "remove", "client", "7").stdout == "the limit of 7 is removed\n"


def test_settings(server: FakeServer) -> None:
    known = {"value_max": "10000000", "held_max": 1000, "zone_offset_s": 19800}
    server.answer("GET", SETTINGS, body=known)
    server.answer("PATCH", SETTINGS, body={**known, "held_max": 5})

    assert rows(run("settings").stdout)[1] == ["value_max", "10000000"]
    assert run("settings", "show").stdout == run("settings").stdout
    changed = run("settings", "set", "held_max=5", "value_max=500000.5", "zone_offset_s=-3600")
    assert json.loads(server.last.content) == {
        "held_max": 5,
        "value_max": "500000.5",
        "zone_offset_s": -3600,
    }
    assert rows(changed.stdout)[2] == ["held_max", "5"]


@pytest.mark.parametrize("word", ["held_max", "=5", "held_max=", "held_max=many", "no_such=5"])
def test_a_setting_that_cannot_be_meant_is_not_sent(word: str, server: FakeServer) -> None:
    server.answer("GET", SETTINGS, body={"held_max": 1000})

    assert run("settings", "set", word).exit_code == Exit.USAGE
    assert {request.method for request in server.requests} <= {"GET"}
