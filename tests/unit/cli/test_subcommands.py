"""Commands with subcommands: no option is ever dropped on the way from one to the other."""

import json
from collections.abc import Iterator

import pytest
import typer.main
from typer.core import TyperGroup, TyperOption

from phalanx.cli.exit_codes import Exit
from phalanx.cli.tree import app
from tests.unit.cli.doubles import FakeServer, run

ARGUMENTS: dict[str, dict[str, tuple[str, ...]]] = {
    "orders": {
        "cancel": ("AB00000001",),
        "modify": ("AB00000001", "--quantity", "1"),
        "fill": ("AB00000001", "1"),
        "show": ("AB00000001",),
    },
    "strategies": {"subscriptions": ("S",), "set": ("S", "PAPER-1", "--disable")},
    "clients": {"show": ("1",), "add": ("A",), "import": ("-",)},
    "positions": {"import": ("-",)},
    "trades": {"show": ("AB00000001",)},
    "accounts": {"show": ("PAPER-1",), "set": ("PAPER-1", "--disable")},
    "groups": {"show": ("core",), "put": ("core", "PAPER-1"), "remove": ("core",)},
    "lists": {
        "show": ("nifty",),
        "put": ("nifty", "TCS"),
        "remove": ("nifty",),
        "export": ("nifty",),
        "buy": ("nifty",),
        "fire": ("nifty",),
    },
    "limits": {
        "put": ("-",),
        "set": ("global", "--value-max", "1"),
        "remove": ("global",),
    },
    "settings": {"set": ("held_max=1",)},
    "instructions": dict.fromkeys(
        ("show", "cancel", "approve", "decline", "retry", "reverse", "repeat"), ("I1",)
    ),
}

VALUES = {
    ("instructions", "--kind"): "signal",
    ("instructions", "--status"): "DONE",
    ("instructions", "--waits-for"): "time",
    ("trades", "--status"): "ACTIVE",
}
"""Of options that take some words only."""


def _misplaced() -> Iterator[tuple[str, str, dict[str, tuple[str, ...]]]]:
    """Every option of every group, before every one of its subcommands."""
    tree = typer.main.get_command(app)
    assert isinstance(tree, TyperGroup)
    for name, group in tree.commands.items():
        if not isinstance(group, TyperGroup):
            continue
        options: dict[str, tuple[str, ...]] = {
            option.opts[0]: () if option.is_flag else (VALUES.get((name, option.opts[0]), "1"),)
            for option in group.params
            if isinstance(option, TyperOption) and option.name != "help"
        }
        if options:
            yield from ((name, subcommand, options) for subcommand in group.commands)


@pytest.mark.parametrize(("group", "subcommand", "options"), [*_misplaced()])
def test_an_option_before_a_subcommand_is_refused(
    group: str, subcommand: str, options: dict[str, tuple[str, ...]], server: FakeServer
) -> None:
    words = [word for option, value in options.items() for word in (option, *value)]
    result = run(group, *words, subcommand, *ARGUMENTS.get(group, {}).get(subcommand, ()))

    assert result.exit_code == Exit.USAGE
    assert [option for option in options if f"{option} belongs" not in result.stderr] == []
    assert f"phalanx {group}" in result.stderr
    assert (result.stdout, server.requests) == ("", [])


def test_a_lift_for_one_account_is_never_one_for_everybody(server: FakeServer) -> None:
    words = ("--server", "http://other.test", "--account", "PAPER-1")
    result = run("kill", *words, "lift")

    assert result.exit_code == Exit.USAGE
    assert "--server belongs after lift: phalanx kill lift ... --server" in result.stderr
    assert "--account belongs after lift: phalanx kill lift ... --account" in result.stderr
    assert server.requests == []


def test_an_option_that_the_subcommand_does_not_have_is_said_to_be_the_groups() -> None:
    result = run("orders", "--status", "NEW", "--json", "cancel", "AB00000001")

    error = json.loads(result.stderr)
    assert (result.exit_code, error["code"]) == (Exit.USAGE, "USAGE")
    assert error["detail"] == (
        "--status belongs to phalanx orders alone, phalanx orders cancel has no such option; "
        "--json belongs after cancel: phalanx orders cancel ... --json"
    )


def test_the_value_that_is_the_default_is_refused_as_well(server: FakeServer) -> None:
    assert run("kill", "--timeout", "30", "lift").exit_code == Exit.USAGE
    assert server.requests == []


def test_a_server_that_the_environment_names_is_everybodys(
    server: FakeServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("PHALANX_SERVER", "http://other.test")
    server.answer("DELETE", "/api/v1/kill", body={"standing": False})

    assert run("kill", "lift").exit_code == Exit.OK
    assert server.last.url.host == "other.test"
