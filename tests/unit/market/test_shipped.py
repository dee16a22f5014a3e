from pathlib import Path

import pytest

from phalanx.market.master import read_aliases, read_index
from phalanx.market.shipped import ALIASES, CLOSES, INSTRUMENTS, shipped_file
from phalanx.market.table import read_rows


def test_a_checkout_has_the_files_at_its_root() -> None:
    for name in (INSTRUMENTS, CLOSES, ALIASES):
        assert shipped_file(name).is_file()


def test_a_wheel_has_them_in_the_package_and_those_win(tmp_path: Path) -> None:
    package = tmp_path / "site-packages/somewhere/phalanx"
    for folder in (package / "data", tmp_path / "site-packages/data"):
        folder.mkdir(parents=True)
        (folder / CLOSES).write_text(str(folder))

    assert shipped_file(CLOSES, package) == package / "data" / CLOSES


def test_a_file_that_is_nowhere_is_named_with_both_places(tmp_path: Path) -> None:
    with pytest.raises(FileNotFoundError, match=r"other\.csv is neither in .*phalanx/data nor"):
        shipped_file("other.csv", tmp_path / "src/phalanx")


def test_the_shipped_master_is_whole() -> None:
    index = read_index(shipped_file(INSTRUMENTS).read_bytes())

    assert len(index) == 3_098


def test_every_shipped_alias_leads_to_an_instrument() -> None:
    aliases = read_aliases(shipped_file(ALIASES).read_bytes())
    index = read_index(shipped_file(INSTRUMENTS).read_bytes(), aliases)

    found = {alias: index.resolve(alias) for alias in aliases}

    assert {alias: found[alias] and found[alias].symbol for alias in found} == {  # type: ignore[union-attr]
        "EICHER": "EICHERMOT",
        "L&T": "LT",
        "JSW": "JSWSTEEL",
        "MINDA": "UNOMINDA",
        "BIRLASOFT": "BSOFT",
    }


def test_every_shipped_close_belongs_to_an_instrument() -> None:
    index = read_index(shipped_file(INSTRUMENTS).read_bytes())
    columns = ("symbol", "date", "close")
    rows = list(read_rows(shipped_file(CLOSES).read_bytes(), columns))

    assert len(rows) == 49
    assert all(row.positive("close") for row in rows)
    assert all(index.resolve(line.split(",")[0]) for line in _lines(CLOSES))


def _lines(name: str) -> list[str]:
    return shipped_file(name).read_text().splitlines()[1:]
