"""Options that come in sets: written once, the same for every command."""

from dataclasses import dataclass
from typing import Annotated

import pytest
import typer
import typer.main
from typer.core import TyperGroup
from typer.testing import CliRunner

from phalanx.cli.option_sets import Asking, Changing, Firing, Timed, expanded
from phalanx.cli.options import Mode, OnMoved
from phalanx.cli.tree import app as tree


@dataclass(frozen=True, kw_only=True)
class Size:
    width: Annotated[int, typer.Option("--width")] = 3
    height: Annotated[int, typer.Option("--height")] = 4


def test_a_set_stands_for_its_fields() -> None:
    app = typer.Typer()

    @app.command()
    @expanded
    def draw(name: str, *, colour: str = "red", size: Size) -> None:
        """Draw it."""
        typer.echo(f"{name} {colour} {size}")

    result = CliRunner().invoke(app, ["box", "--height", "9"])
    shown = CliRunner().invoke(app, ["--help"]).stdout

    assert result.stdout == "box red Size(width=3, height=9)\n"
    assert all(option in shown for option in ("--width", "--height", "--colour", "Draw it."))
    assert "--size" not in shown


def test_two_sets_with_one_field_are_a_mistake() -> None:
    def draw(*, size: Size, other: Size) -> None: ...

    with pytest.raises(ValueError, match="duplicate parameter name"):
        expanded(draw)


def test_what_was_said_goes_into_the_request_and_nothing_else() -> None:
    assert Timed().remarks() == {}
    assert Timed(note="n", expires_s=5, mode=Mode.LIVE, fire_at="t").remarks() == {
        "note": "n",
        "expires_s": 5,
        "mode": "live",
        "fire_at": "t",
    }


def test_the_defaults_send_nothing() -> None:
    firing = Firing()

    assert (firing.confirm, firing.preview, firing.on_moved) == (False, None, OnMoved.SKIP)
    assert isinstance(firing, Changing)
    assert isinstance(firing, Asking)


def test_every_command_that_takes_confirm_can_be_rehearsed_as_json() -> None:
    root = typer.main.get_command(tree)
    assert isinstance(root, TyperGroup)
    commands = list(root.commands.values())
    for group in [one for one in commands if isinstance(one, TyperGroup)]:
        commands += group.commands.values()

    confirmed = {
        str(one.name): {option for param in one.params for option in param.opts}
        for one in commands
        if any("--confirm" in param.opts for param in one.params)
    }
    assert set(confirmed) == {
        *("signal", "batch", "exit", "buy", "fire", "mode"),
        *("retry", "reverse", "repeat"),
    }
    wanted = {"--json", "--server", "--timeout", "--idempotency-key"}
    assert all(wanted <= options for options in confirmed.values())
    assert {name for name, options in confirmed.items() if "--wait" not in options} == {"mode"}
