from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.conftest import ROOT
from tests.unit.architecture import purity

PACKAGE = ROOT / "src" / "phalanx"


PURE_ROOMS = tuple(PACKAGE / room for room in ("domain", "engine", "desk"))

WRITTEN_EXCEPTIONS = {
    ("desk/telemetry.py", "/ makes a float, // does not"): (
        "Prometheus wants seconds; they are shown and never read back"
    ),
    ("desk/garbage.py", "/ makes a float, // does not"): (
        "Prometheus wants seconds; they are shown and never read back"
    ),
}
"""What stands although a rule is against it, with the reason. One that nobody needs is a breach too."""


def breaches(room: str, rules: tuple[purity.Rule, ...]) -> tuple[list[str], set[tuple[str, str]]]:
    """Findings that nobody excused, and the exceptions that were needed."""
    unexcused, used = [], set()
    for finding in purity.check(PACKAGE / room, rules, *PURE_ROOMS):
        place = (finding.path.relative_to(PACKAGE).as_posix(), finding.what)
        if place in WRITTEN_EXCEPTIONS:
            used.add(place)
        else:
            unexcused.append(str(finding))
    return unexcused, used


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
    unexcused, used = breaches(room, rules)
    assert unexcused == []
    assert used == {place for place in WRITTEN_EXCEPTIONS if place[0].startswith(f"{room}/")}


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
        ("import time", "time is a clock"),
        ("def f():\n from time import monotonic_ns", "time is a clock"),
        ("await asyncio.sleep(0.5)", "sleep() waits by a clock of its own"),
        ("async with asyncio.timeout(5): pass", "timeout() waits by a clock of its own"),
        ("import random", "random is chance"),
        ("from secrets import token_bytes", "secrets is chance"),
        ("from os import urandom", "os.urandom is chance"),
        ("tag = os.urandom(8)", "urandom() is chance"),
        ("tag = uuid4()", "uuid4() is chance"),
        ("import threading", "threading belongs behind a port"),
        (
            "from concurrent.futures import ThreadPoolExecutor",
            "concurrent.futures belongs behind a port",
        ),
        ("import socket", "socket belongs behind a port"),
        ("import math", "math reckons with floats"),
        ("from numpy import array", "numpy reckons with floats"),
        ("from operator import truediv", "operator.truediv reckons with floats"),
        ("price = 1e8", "100000000.0 is a float"),
        ("price = 2j", "2j is a float"),
        ("price = 10 ** -2", "a negative power is a float"),
        ("passed = delta.total_seconds()", "total_seconds() makes a float"),
        ("half = len(orders) / 2", "/ makes a float, // does not"),
        ("ENDED = frozenset({1, 2})\ndef f():\n for x in ENDED: pass", "ENDED has no order"),
        ("ENDED: frozenset[int] = f()\ndef g():\n return [*ENDED]", "ENDED has no order"),
        ("def f():\n seen = set()\n def g():\n  return list(seen)", "seen has no order"),
        ("def f(seen: set[str] | None):\n return list(seen)", "seen has no order"),
        ("def f(seen: 'set[str]'):\n return list(seen)", "seen has no order"),
        ("SEEN: Final[set[str]] = f()\nx = list(SEEN)", "SEEN has no order"),
        ("class A:\n def f(self):\n  self.a = set()\n  return list(self.a)", "self.a has no order"),
        ("class A:\n a: set[int]\ndef f(x: A):\n return list(x.a)", "x.a has no order"),
        ("def f() -> set[int]: ...\nfor x in f(): pass", "f() has no order"),
        ("for x in old.keys() - new.keys(): pass", "old.keys() - new.keys() has no order"),
        ("for x in names & {1}: pass", "names & {1} has no order"),
        ("y = {x: 1 for x in set(a)}", "set(a) has no order"),
        ("first, second = {1, 2}", "{1, 2} has no order"),
        ("y += {1, 2}", "{1, 2} has no order"),
        ("y = max(set(a), key=len)", "set(a) has no order"),
        ("y = sorted(set(a), key=len)", "set(a) has no order"),
        ("y = f'{set(a)}'", "set(a) has no order"),
        ("y = str({1, 2})", "{1, 2} has no order"),
        ("y = deque(set(a))", "set(a) has no order"),
        ("y = itertools.chain(a, set(b))", "set(b) has no order"),
        ("for x in (seen := set(a)): pass", "(seen := set(a)) has no order"),
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
        "from datetime import UTC, datetime\nat = datetime.fromtimestamp(seconds, UTC)",
        "await asyncio.sleep(0)",
        "self._timer.call_later(delay_ns, self._come)",
        "seed = self._ports.random.bits(32)",
        "from operator import attrgetter",
        "share = 10 ** 8 // count",
        "ENDED = frozenset({1, 2})\nended = status in ENDED",
        "ENDED = frozenset({1, 2})\ndef f(ENDED: list[int]):\n for x in ENDED: pass",
        "both = {name for name in set(a) & set(b)}",
        "y = max(set(a))",
        "for x in old.keys(): pass",
        "class A:\n def f(self):\n  self.a = []\n  return list(self.a)",
        "def f() -> list[int]: ...\nfor x in f(): pass",
        "first, second = pair",
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
        "from queue import SimpleQueue",
        "import random",
        "rate = done / seconds",
        "for reader in set(readers): pass",
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


def test_a_set_of_another_file_is_known_by_its_name(tmp_path: Path) -> None:
    (tmp_path / "orders.py").write_text(
        "TERMINAL = frozenset({1, 2})\nclass Order:\n flags: set[str]\ndef ready() -> set[int]: ...\n"
    )
    (tmp_path / "plan.py").write_text(
        "from orders import TERMINAL, ready\nx = list(TERMINAL)\ny = list(ready())\nz = [*order.flags]\n"
    )

    whats = [finding.what for finding in purity.check(tmp_path / "plan.py", purity.PURE, tmp_path)]

    assert whats == [f"{name} has no order" for name in ("TERMINAL", "ready()", "order.flags")]


def test_a_name_that_means_something_else_elsewhere_proves_nothing(tmp_path: Path) -> None:
    (tmp_path / "orders.py").write_text("class Order:\n flags: set[str]\n")
    (tmp_path / "account.py").write_text("class Account:\n flags: list[str]\n")
    (tmp_path / "plan.py").write_text("z = [*account.flags]\n")

    assert purity.check(tmp_path / "plan.py", purity.PURE, tmp_path) == []
