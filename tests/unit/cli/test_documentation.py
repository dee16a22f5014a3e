"""docs/cli.md names every command, every exit code and no others."""

import re

from phalanx.cli.exits import Exit
from phalanx.cli.tree import COMMANDS
from tests.conftest import ROOT

PAGE = (ROOT / "docs/cli.md").read_text(encoding="utf-8")


def section(title: str) -> str:
    return PAGE.partition(f"## {title}\n")[2].partition("\n## ")[0]


def test_every_command_has_its_row() -> None:
    rows = [line for line in section("Commands").splitlines() if line.startswith("| `")]
    first_cells = [row.split(" | ")[0] for row in rows]
    named = {word for cell in first_cells for word in re.findall(r"`([a-z-]+)", cell)}

    assert named == set(COMMANDS)


def test_every_exit_code_has_its_row() -> None:
    rows = re.findall(r"^\| (\d) \| ([^|]+?) \|", section("Exit codes"), re.MULTILINE)
    meanings = {int(code): meaning for code, meaning in rows}

    assert list(meanings) == [code.value for code in Exit]
    assert meanings[Exit.UNKNOWN] == "outcome unknown"
