"""Sizes and names: a module has one noun and a few hundred lines, a function fits on a screen."""

import ast
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.conftest import ROOT

FUNCTION_LINES_MAX = 50
MODULE_LINES_MAX = 450
NAMES_THAT_SAY_NOTHING = {"base", "base2", "common", "helpers", "manager", "misc", "util", "utils"}


def too_long(file: Path) -> Iterator[str]:
    text = file.read_text(encoding="utf-8")
    if (lines := len(text.splitlines())) > MODULE_LINES_MAX:
        yield f"{file.name}: {lines} lines"
    for node in ast.walk(ast.parse(text)):
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef):
            lines = (node.end_lineno or node.lineno) - node.lineno + 1
            if lines > FUNCTION_LINES_MAX:
                yield f"{file.name}:{node.lineno}: {node.name} has {lines} lines"


def modules() -> list[Path]:
    return sorted((ROOT / "src").rglob("*.py"))


def test_modules_and_functions_are_short() -> None:
    assert [finding for file in modules() for finding in too_long(file)] == []


def test_modules_have_names_that_say_something() -> None:
    assert [str(file) for file in modules() if file.stem in NAMES_THAT_SAY_NOTHING] == []


@pytest.mark.parametrize(
    ("code", "finding"),
    [
        ("x = 1\n" * 451, "snippet.py: 451 lines"),
        ("def f():\n" + " x = 1\n" * 50, "snippet.py:1: f has 51 lines"),
    ],
    ids=["module", "function"],
)
def test_what_is_too_long_is_found(tmp_path: Path, code: str, finding: str) -> None:
    file = tmp_path / "snippet.py"
    file.write_text(code, encoding="utf-8")

    assert list(too_long(file)) == [finding]
