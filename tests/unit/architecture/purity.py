"""What import-linter cannot see: impure calls, floats, unordered iteration, imports made too early.

Domain and engine must give the same result for the same input for ever, on every machine. The rules
that are about imports are contracts in pyproject.toml; the ones here look inside the modules.
"""

import ast
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import TypeAlias

Rule: TypeAlias = Callable[[ast.Module], Iterator[tuple[ast.AST, str]]]
Scope: TypeAlias = ast.Module | ast.ClassDef | ast.FunctionDef | ast.AsyncFunctionDef

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
# These read all of an iterable and keep, or depend on, its order.
ORDER_KEEPING_CALLS = {"dict", "enumerate", "iter", "list", "map", "next", "tuple", "zip"}
ORDER_KEEPING_METHODS = {"extend", "fromkeys", "join"}
SET_TYPES = {"AbstractSet", "MutableSet", "Set", "frozenset", "set"}
SET_METHODS = {"difference", "intersection", "symmetric_difference", "union"}
SCOPES = (ast.Module, ast.ClassDef, ast.FunctionDef, ast.AsyncFunctionDef)


@dataclass(frozen=True)
class Finding:
    """One breach: where, and of what."""

    path: Path
    line: int
    what: str

    def __str__(self) -> str:
        return f"{self.path}:{self.line}: {self.what}"


def check(path: Path, rules: tuple[Rule, ...]) -> list[Finding]:
    """Every breach of the rules in one file, or in the files of a folder."""
    files = sorted(path.rglob("*.py")) if path.is_dir() else [path]
    return [
        Finding(file, getattr(node, "lineno", 0), what)
        for file in files
        for rule in rules
        for node, what in rule(ast.parse(file.read_text(encoding="utf-8"), str(file)))
    ]


def _last_name(node: ast.AST) -> str | None:
    """`c` of `c`, `a.c`, `c()` and `a.b.c()`."""
    match node:
        case ast.Name(id=name) | ast.Attribute(attr=name):
            return name
        case ast.Call(func=function):
            return _last_name(function)
        case _:
            return None


def no_clock(tree: ast.Module) -> Iterator[tuple[ast.AST, str]]:
    """Time is an argument."""
    for node in ast.walk(tree):
        match node:
            case ast.Call(func=ast.Attribute(value=clock, attr=method)) if method in CLOCK_CALLS:
                if _last_name(clock) in CLOCKS:
                    yield node, f"{ast.unparse(node)} reads the clock"
            case _:
                pass


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
        if isinstance(node, ast.Constant) and isinstance(node.value, float):
            yield node, f"{node.value} is a float"
        elif isinstance(node, ast.Name) and node.id == "float":
            yield node, "float"
        elif isinstance(node, ast.BinOp | ast.AugAssign) and isinstance(node.op, ast.Div):
            yield node, "/ makes a float, // does not"


def no_threads_or_sockets(tree: ast.Module) -> Iterator[tuple[ast.AST, str]]:
    """The parts of asyncio behind which there are threads, sockets and processes."""
    for node in ast.walk(tree):
        if isinstance(node, ast.Call) and _last_name(node) in THREAD_AND_SOCKET_CALLS:
            yield node, f"{_last_name(node)}() belongs behind a port"


def no_early_bootstrap(tree: ast.Module) -> Iterator[tuple[ast.AST, str]]:
    """The doors import `bootstrap` inside the function that needs it."""
    for node in _own_nodes(tree):
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
    """The order of a set of strings differs between processes: sort it, or keep a dict.

    A set is seen where it is made, and by the names that a scope binds or annotates as one.
    """
    for scope in ast.walk(tree):
        if isinstance(scope, SCOPES):
            names = _set_names(scope)
            for node in _own_nodes(scope):
                for source in _read_in_order(node):
                    if _is_set(source, names):
                        yield node, f"{ast.unparse(source)} has no order"


def _own_nodes(scope: Scope) -> Iterator[ast.AST]:
    """The nodes of a scope without those of the functions and classes inside it."""
    waiting: list[ast.AST] = list(ast.iter_child_nodes(scope))
    while waiting:
        node = waiting.pop()
        yield node
        if not isinstance(node, SCOPES):
            waiting.extend(ast.iter_child_nodes(node))


def _set_names(scope: Scope) -> set[str]:
    names: set[str] = set()
    for node in _own_nodes(scope):
        match node:
            case ast.AnnAssign(target=ast.Name(id=name), annotation=annotation):
                known = _is_set_type(annotation)
            case ast.Assign(targets=[ast.Name(id=name)], value=value):
                known = _is_set(value, names)
            case ast.arg(arg=name, annotation=ast.expr() as annotation):
                known = _is_set_type(annotation)
            case _:
                continue
        if known:
            names.add(name)
    return names


def _read_in_order(node: ast.AST) -> Iterator[ast.expr]:
    match node:
        case ast.For(iter=source) | ast.comprehension(iter=source) | ast.Starred(value=source):
            yield source
        case ast.YieldFrom(value=source):
            yield source
        case ast.Call(func=ast.Name(id=name), args=arguments) if name in ORDER_KEEPING_CALLS:
            yield from arguments
        case ast.Call(func=ast.Attribute(attr=name), args=arguments) if (
            name in ORDER_KEEPING_METHODS
        ):
            yield from arguments
        case ast.Call(func=ast.Attribute(value=source, attr="pop"), args=[]):
            yield source
        case _:
            pass


def _is_set(node: ast.expr, names: set[str]) -> bool:
    match node:
        case ast.Set() | ast.SetComp():
            return True
        case ast.Name(id=name):
            return name in names
        case ast.Call(func=ast.Name(id=name)):
            return name in {"set", "frozenset"}
        case ast.Call(func=ast.Attribute(value=value, attr=method)):
            return method in SET_METHODS or (method == "copy" and _is_set(value, names))
        case ast.BinOp(left=left, op=ast.BitOr() | ast.BitAnd() | ast.Sub() | ast.BitXor()):
            return _is_set(left, names)
        case ast.BoolOp(values=values):
            return any(_is_set(value, names) for value in values)
        case ast.IfExp(body=body, orelse=other):
            return _is_set(body, names) or _is_set(other, names)
        case _:
            return False


def _is_set_type(annotation: ast.expr) -> bool:
    match annotation:
        case ast.Name(id=name) | ast.Subscript(value=ast.Name(id=name)):
            return name in SET_TYPES
        case _:
            return False


PURE: tuple[Rule, ...] = (no_clock, no_effects, no_floats, no_unordered_iteration)
"""The rules of domain and engine."""

SHELL: tuple[Rule, ...] = (no_clock, no_threads_or_sockets)
"""The rules of the desk, which may use asyncio but reaches the world through ports only."""

DOORS: tuple[Rule, ...] = (no_early_bootstrap,)
"""The rules of the API and the CLI."""
