"""docs/cli.md names every command with an example that works, every exit code, and no others."""

import re
import shlex
from collections.abc import Iterator
from typing import Any

import pytest
import typer.main
from typer.core import TyperGroup

from phalanx.cli.exit_codes import Exit
from phalanx.cli.tree import app
from tests.conftest import ROOT

PAGE = (ROOT / "docs/cli.md").read_text(encoding="utf-8")
ROOT_COMMAND = typer.main.get_command(app)
ROW = re.compile(r"^\| `([a-z -]+)` \| .+ \| `phalanx (.+)` \| ([a-z ]*) ?\|$", re.MULTILINE)


def section(title: str) -> str:
    return PAGE.partition(f"## {title}\n")[2].partition("\n## ")[0]


ROWS = {
    command: (example, acts.strip()) for command, example, acts in ROW.findall(section("Commands"))
}


def commands(group: Any, path: str = "") -> Iterator[str]:  # noqa: ANN401  Typer's are private
    """Every command that does something, by its words."""
    for name, command in group.commands.items():
        words = f"{path} {name}".strip()
        if command.hidden:
            continue
        if isinstance(command, TyperGroup):
            yield from commands(command, words)
        if not isinstance(command, TyperGroup) or command.invoke_without_command:
            yield words


def test_every_command_has_its_row() -> None:
    assert sorted(ROWS) == sorted(commands(ROOT_COMMAND))


@pytest.mark.parametrize("command", ROWS)
def test_every_example_is_one_of_its_command_and_is_understood(command: str) -> None:
    words = shlex.split(ROWS[command][0])
    found: Any = ROOT_COMMAND
    for word in command.split():
        assert words.pop(0) == word
        found = found.commands[word]

    found.make_context(command, words)


@pytest.mark.parametrize("command", ROWS)
def test_what_the_page_says_about_confirm_is_true(command: str) -> None:
    found: Any = ROOT_COMMAND
    for word in command.split():
        found = found.commands[word]
    options = {option for param in found.params for option in param.opts}

    assert (ROWS[command][1] == "confirm") == ("--confirm" in options)
    if ROWS[command][1] == "at once" and command != "produce":
        assert "--idempotency-key" in options


def test_every_exit_code_has_its_row() -> None:
    rows = re.findall(r"^\| (\d+) \| ([^|]+?) \|", section("Exit codes"), re.MULTILINE)
    meanings = {int(code): meaning for code, meaning in rows}

    assert list(meanings) == [code.value for code in Exit]
    assert meanings[Exit.UNKNOWN] == "outcome unknown"
