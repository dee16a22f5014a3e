from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.conftest import ROOT
from tests.unit.architecture import purity

PACKAGE = ROOT / "src" / "phalanx"


@pytest.mark.parametrize(
    ("room", "rules"),
    [
        pytest.param("domain", purity.PURE, id="domain"),
        pytest.param("engine", purity.PURE, id="engine"),
        pytest.param("desk", purity.SHELL, id="desk"),
        pytest.param("api", purity.DOORS, id="api"),
        pytest.param("cli", purity.DOORS, id="cli"),
    ],
)
def test_the_room_keeps_its_rules(room: str, rules: tuple[purity.Rule, ...]) -> None:
    assert (PACKAGE / room / "__init__.py").is_file()
    assert [str(finding) for finding in purity.check(PACKAGE / room, rules)] == []


def found(tmp_path: Path, code: str, *rules: purity.Rule) -> Iterator[str]:
    file = tmp_path / "snippet.py"
    file.write_text(code, encoding="utf-8")
    return (finding.what for finding in purity.check(file, rules))


@pytest.mark.parametrize(
    ("code", "what"),
    [
        ("from datetime import datetime\nat = datetime.now()", "datetime.now() reads the clock"),
        ("import datetime\nat = datetime.date.today()", "datetime.date.today() reads the clock"),
        ("at = loop.time()", "loop.time() reads the clock"),
        ("key = hash(symbol)", "hash() is not pure"),
        ("with open('x') as f: pass", "open() is not pure"),
        ("print(order)", "print() is not pure"),
        ("async def decide(): pass", "decide is asynchronous"),
        ("price = 1364.5", "1364.5 is a float"),
        ("price = float(text)", "float"),
        ("def value(price: float) -> int: ...", "float"),
        ("price: int | float = 1", "float"),
        ("half = price / 2", "/ makes a float, // does not"),
        ("price /= 2", "/ makes a float, // does not"),
        ("for x in {a, b}: pass", "{a, b} has no order"),
        ("for x in set(names): pass", "set(names) has no order"),
        ("for x in frozenset(a) - b: pass", "frozenset(a) - b has no order"),
        ("y = [x for x in {n.id for n in names}]", "{n.id for n in names} has no order"),
        ("y = list(set(names))", "set(names) has no order"),
        ("y = [*set(names)]", "set(names) has no order"),
        ("y = ','.join(set(names))", "set(names) has no order"),
        ("def f(a):\n seen = set()\n for x in seen: pass", "seen has no order"),
        ("def f(a):\n seen: set[str] = a\n return tuple(seen)", "seen has no order"),
        ("def f(seen: frozenset[str]):\n return list(seen)", "seen has no order"),
        ("def f():\n seen = {1, 2}\n return seen.pop()", "seen has no order"),
        ("for x in held.union(wanted): pass", "held.union(wanted) has no order"),
    ],
)
def test_an_impure_line_is_found(tmp_path: Path, code: str, what: str) -> None:
    assert what in found(tmp_path, code, *purity.PURE)


@pytest.mark.parametrize(
    "code",
    [
        "for x in sorted({a, b}): pass",
        "total = sum(set(amounts)) + len({1, 2})",
        "seen = {1, 2}\nknown = 3 in seen",
        "def f(seen: set[str]): ...\ndef g(seen: list[str]):\n for x in seen: pass",
        "half = price // 2",
        "for key in {'a': 1}: pass",
        "class Order:\n id: str\n time: int",
        "at = order.time",
        "at = clock.now()",
        "last = stack.pop()",
    ],
)
def test_a_pure_line_is_left_in_peace(tmp_path: Path, code: str) -> None:
    assert list(found(tmp_path, code, *purity.PURE)) == []


@pytest.mark.parametrize(
    "code",
    [
        "await asyncio.to_thread(work)",
        "loop.run_in_executor(None, work)",
        "await asyncio.open_connection('127.0.0.1', 80)",
        "at = asyncio.get_running_loop().time()",
        "at = time.monotonic_ns()",
    ],
)
def test_the_desk_s_way_around_a_port_is_found(tmp_path: Path, code: str) -> None:
    assert list(found(tmp_path, code, *purity.SHELL)) != []


@pytest.mark.parametrize(
    "code",
    [
        "import phalanx.bootstrap",
        "from phalanx import bootstrap",
        "from phalanx.bootstrap import build",
        "if True:\n from phalanx.bootstrap import build",
    ],
)
def test_a_door_that_imports_bootstrap_early_is_found(tmp_path: Path, code: str) -> None:
    assert list(found(tmp_path, code, *purity.DOORS)) != []


def test_a_door_may_import_bootstrap_late(tmp_path: Path) -> None:
    late = "def serve():\n from phalanx.bootstrap import build\n build()"

    assert list(found(tmp_path, late, *purity.DOORS)) == []


def test_every_file_of_a_folder_is_read(tmp_path: Path) -> None:
    (tmp_path / "plans").mkdir()
    (tmp_path / "plans" / "signal.py").write_text("\nprice = 0.5\n", encoding="utf-8")

    (finding,) = purity.check(tmp_path, purity.PURE)

    assert str(finding).endswith("plans/signal.py:2: 0.5 is a float")
