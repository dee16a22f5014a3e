"""The fault table names the test that shows each line; a name that leads nowhere proves nothing."""

import re
from pathlib import Path

ROOT = Path(__file__).parents[3]
PAGE = ROOT / "docs" / "reliability.md"
_PROOF = re.compile(r"`(tests/[\w/]+\.py)(?:::(\w+))?`")


def proofs() -> list[tuple[str, str]]:
    return _PROOF.findall(PAGE.read_text(encoding="utf-8"))


def stands(name: str, text: str) -> bool:
    """Whether a file with this text has a test of just this name."""
    return re.search(rf"\bdef {name}\(", text) is not None


def test_a_name_that_only_begins_like_a_test_proves_nothing() -> None:
    text = "async def test_of_one_that_stands(world: World) -> None:"

    assert stands("test_of_one_that_stands", text)
    assert not stands("test_of_one", text)


def test_every_proof_of_the_fault_table_is_a_test_that_stands() -> None:
    missing = []
    for path, name in proofs():
        file = ROOT / path
        text = file.read_text(encoding="utf-8") if file.exists() else ""
        if not (stands(name, text) if name else text):
            missing.append(f"{path}::{name}")
    assert proofs()
    assert not missing


def test_every_line_of_the_fault_table_has_a_proof() -> None:
    page = PAGE.read_text(encoding="utf-8")
    table = page[page.index("## The fault table") : page.index("## The simulation")]
    rows = [line for line in table.splitlines() if line.startswith("| ")]
    lines = [row for row in rows if "shown by" not in row]

    assert lines
    assert [row for row in lines if not _PROOF.search(row)] == []
