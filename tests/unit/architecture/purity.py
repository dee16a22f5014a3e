"""What import-linter cannot see: clocks, chance, threads, floats, unordered iteration, early imports.

Domain, engine and desk must give the same result for the same input for ever, on every machine. The
contracts in pyproject.toml are about imports alone; the rules here look inside the modules too.
"""

import ast
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import TypeAlias

from tests.unit.architecture.unordered import own_nodes, shared_names, unordered

Rule: TypeAlias = Callable[[ast.Module], Iterator[tuple[ast.AST, str]]]

# `clock.now()` is the port and welcome; these are the ways around it.
CLOCKS = {"date", "datetime", "get_event_loop", "get_running_loop", "loop", "time"}
CLOCK_CALLS = {"now", "utcnow", "today", "time", "time_ns", "monotonic", "monotonic_ns"}
# `hash` and `id` differ from one process to the next.
IMPURE_CALLS = {"__import__", "eval", "exec", "hash", "id", "input", "open", "print"}
THREAD_AND_SOCKET_CALLS = {
    *("to_thread", "run_in_executor", "call_soon_threadsafe", "run_coroutine_threadsafe"),
    *("open_connection", "open_unix_connection", "start_server", "start_unix_server"),
    *("create_connection", "create_server", "create_datagram_endpoint"),
    *("create_subprocess_exec", "create_subprocess_shell"),
}
CLOCK_MODULES = {"time", "sched", "timeit"}
WAITING_CALLS = {"sleep", "timeout", "timeout_at", "wait_for", "call_later", "call_at"}
RANDOM_MODULES = {"random", "secrets", "uuid", "os.urandom", "numpy.random"}
RANDOM_CALLS = {"SystemRandom", "urandom", "uuid1", "uuid4", "token_bytes", "token_hex", "shuffle"}
FLOAT_MODULES = {"cmath", "math", "numpy", "operator.truediv", "statistics"}
FLOAT_CALLS = {"timestamp", "total_seconds", "truediv"}
THREAD_AND_SOCKET_MODULES = {
    *("_thread", "concurrent", "multiprocessing", "queue", "threading"),
    *("select", "selectors", "socket", "socketserver", "ssl", "subprocess"),
}


@dataclass(frozen=True)
class Finding:
    """One breach: where, and of what."""

    path: Path
    line: int
    what: str

    def __str__(self) -> str:
        return f"{self.path}:{self.line}: {self.what}"


def check(path: Path, rules: tuple[Rule, ...], *beside: Path) -> list[Finding]:
    """Every breach of the rules in one file, or in the files of a folder.

    ``beside``: further folders whose names for sets these files may use.
    """
    trees = parsed(path)
    shared = shared_names(
        [*trees.values(), *(t for other in beside for t in parsed(other).values())]
    )
    bound = [
        partial(unordered, shared=shared) if rule is no_unordered_iteration else rule
        for rule in rules
    ]
    return [
        Finding(file, getattr(node, "lineno", 0), what)
        for file, tree in trees.items()
        for rule in bound
        for node, what in rule(tree)
    ]


def parsed(path: Path) -> dict[Path, ast.Module]:
    """The file, or every file of the folder."""
    files = sorted(path.rglob("*.py")) if path.is_dir() else [path]
    return {file: ast.parse(file.read_text(encoding="utf-8"), str(file)) for file in files}


def _last_name(node: ast.AST) -> str | None:
    """`c` of `c`, `a.c`, `c()` and `a.b.c()`."""
    match node:
        case ast.Name(id=name) | ast.Attribute(attr=name):
            return name
        case ast.Call(func=function):
            return _last_name(function)
        case _:
            return None


def _imported(node: ast.AST, modules: set[str]) -> str | None:
    """The one of these modules, or of what is in them, that is imported here."""
    match node:
        case ast.Import(names=names):
            imported = [name.name for name in names]
        case ast.ImportFrom(module=str(module), names=names):
            imported = [module, *(f"{module}.{name.name}" for name in names)]
        case _:
            return None
    found = (name for name in imported if name in modules or name.split(".")[0] in modules)
    return next(found, None)


def no_clock(tree: ast.Module) -> Iterator[tuple[ast.AST, str]]:
    """Time is an argument; waiting is the timer's business."""
    for node in ast.walk(tree):
        if module := _imported(node, CLOCK_MODULES):
            yield node, f"{module} is a clock"
        match node:
            case ast.Call(func=ast.Attribute(value=clock, attr=method)) if (
                method in CLOCK_CALLS and _last_name(clock) in CLOCKS
            ):
                yield node, f"{ast.unparse(node)} reads the clock"
            case ast.Call(
                func=ast.Attribute(value=ast.Name(id="asyncio") | ast.Call(), attr=method)
            ) if method in WAITING_CALLS and not _waits_not_at_all(node):
                yield node, f"{method}() waits by a clock of its own"
            case _:
                pass


def _waits_not_at_all(call: ast.Call) -> bool:
    """`asyncio.sleep(0)` gives way and knows no time."""
    match call:
        case ast.Call(args=[ast.Constant(value=0)]):
            return True
        case _:
            return False


def no_randomness(tree: ast.Module) -> Iterator[tuple[ast.AST, str]]:
    """Chance is an argument, or a port, so that a run can be repeated."""
    for node in ast.walk(tree):
        if module := _imported(node, RANDOM_MODULES):
            yield node, f"{module} is chance"
        if isinstance(node, ast.Call) and _last_name(node) in RANDOM_CALLS:
            yield node, f"{_last_name(node)}() is chance"


def no_effects(tree: ast.Module) -> Iterator[tuple[ast.AST, str]]:
    """No I/O, nothing asynchronous, nothing that differs between two processes."""
    for node in ast.walk(tree):
        match node:
            case ast.Call(func=ast.Name(id=name)) if name in IMPURE_CALLS:
                yield node, f"{name}() is not pure"
            case ast.AsyncFunctionDef(name=name):
                yield node, f"{name} is asynchronous"
            case _:
                pass


def no_floats(tree: ast.Module) -> Iterator[tuple[ast.AST, str]]:
    """Money, prices and quantities are exact, so there is no float at all, and no true division."""
    for node in ast.walk(tree):
        if module := _imported(node, FLOAT_MODULES):
            yield node, f"{module} reckons with floats"
        match node:
            case ast.Constant(value=float() | complex() as value):
                yield node, f"{value} is a float"
            case ast.Name(id="float" | "complex" as name):
                yield node, name
            case ast.BinOp(op=ast.Div()) | ast.AugAssign(op=ast.Div()):
                yield node, "/ makes a float, // does not"
            case ast.BinOp(op=ast.Pow(), right=ast.UnaryOp(op=ast.USub())):
                yield node, "a negative power is a float"
            case ast.Call() if _last_name(node) in FLOAT_CALLS:
                yield node, f"{_last_name(node)}() makes a float"
            case _:
                pass


def no_threads_or_sockets(tree: ast.Module) -> Iterator[tuple[ast.AST, str]]:
    """No threads, sockets and processes, nor the parts of asyncio behind which there are some."""
    for node in ast.walk(tree):
        if module := _imported(node, THREAD_AND_SOCKET_MODULES):
            yield node, f"{module} belongs behind a port"
        if isinstance(node, ast.Call) and _last_name(node) in THREAD_AND_SOCKET_CALLS:
            yield node, f"{_last_name(node)}() belongs behind a port"


def no_early_bootstrap(tree: ast.Module) -> Iterator[tuple[ast.AST, str]]:
    """The doors import `bootstrap` inside the function that needs it."""
    for node in own_nodes(tree):
        match node:
            case ast.Import(names=names):
                early = any(name.name.startswith("phalanx.bootstrap") for name in names)
            case ast.ImportFrom(module="phalanx", names=names):
                early = any(name.name == "bootstrap" for name in names)
            case ast.ImportFrom(module=str(module)):
                early = module.startswith("phalanx.bootstrap")
            case _:
                early = False
        if early:
            yield node, "phalanx.bootstrap is imported with the module"


def no_unordered_iteration(tree: ast.Module) -> Iterator[tuple[ast.AST, str]]:
    """The order of a set of strings differs between processes: sort it, or keep a dict."""
    yield from unordered(tree)


EVERYWHERE: tuple[Rule, ...] = (
    no_clock,
    no_randomness,
    no_threads_or_sockets,
    no_floats,
    no_unordered_iteration,
)

PURE: tuple[Rule, ...] = (*EVERYWHERE, no_effects)
"""The rules of domain and engine."""

SHELL: tuple[Rule, ...] = EVERYWHERE
"""The rules of the desk, which may use asyncio but reaches the world through ports only."""

DOORS: tuple[Rule, ...] = (no_early_bootstrap,)
"""The rules of the API and the CLI."""
