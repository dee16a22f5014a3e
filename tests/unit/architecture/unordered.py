"""Iteration over sets: what is one, and what reads it in its order, which differs between processes.

A set is seen where it is made, and by its name: what a scope, one around it or its module binds or
annotates as one; attributes and functions of the same file; and those of the other files that are
checked with it, where no file uses the name for anything else. Sort it, or keep a dict.
"""

import ast
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from typing import TypeAlias

Function: TypeAlias = ast.FunctionDef | ast.AsyncFunctionDef
Scope: TypeAlias = ast.Module | ast.ClassDef | Function

SCOPES = (ast.Module, ast.ClassDef, ast.FunctionDef, ast.AsyncFunctionDef)
# These read all of an iterable and keep, show, or depend on, its order.
ORDER_KEEPING_CALLS = {
    *("dict", "enumerate", "filter", "iter", "list", "map", "next", "reversed", "tuple", "zip"),
    *("repr", "str", "deque", "Counter", "OrderedDict", "bytes", "bytearray"),
    *("accumulate", "batched", "chain", "cycle", "groupby", "islice", "pairwise", "reduce"),
}
# With a key, what comes first wins among equals.
KEYED_CALLS = {"max", "min", "sorted", "nlargest", "nsmallest"}
ORDER_KEEPING_METHODS = {"extend", "extendleft", "fromkeys", "from_iterable", "join", "writelines"}
SET_TYPES = {"AbstractSet", "MutableSet", "Set", "frozenset", "set"}
WRAPPING_TYPES = {"Annotated", "ClassVar", "Final", "Optional", "Union"}
SET_METHODS = {"difference", "intersection", "symmetric_difference", "union"}
SET_OPERATORS = (ast.BitOr, ast.BitAnd, ast.Sub, ast.BitXor)


@dataclass(frozen=True)
class Names:
    """What is known to be a set by name: variables, attributes, and what functions return."""

    variables: frozenset[str] = frozenset()
    attributes: frozenset[str] = frozenset()
    functions: frozenset[str] = frozenset()

    def plus(self, other: "Names") -> "Names":
        return Names(
            self.variables | other.variables,
            self.attributes | other.attributes,
            self.functions | other.functions,
        )


NOTHING = Names()


def shared_names(trees: Iterable[ast.Module]) -> Names:
    """The sets that several files know by name, without those names that mean something else too."""
    sets, others = NOTHING, NOTHING
    for tree in trees:
        found = _of_module(tree)
        sets, others = sets.plus(found[0]), others.plus(found[1])
    return Names(
        sets.variables - others.variables,
        sets.attributes - others.attributes,
        sets.functions - others.functions,
    )


def unordered(tree: ast.Module, shared: Names = NOTHING) -> Iterator[tuple[ast.AST, str]]:
    """Every place that reads a set in its order, with what it reads."""
    sets, others = _of_module(tree)
    known = sets.plus(
        Names(
            shared.variables - others.variables,
            shared.attributes - others.attributes,
            shared.functions - others.functions,
        )
    )
    yield from _in_scope(tree, known)


def _in_scope(scope: Scope, known: Names) -> Iterator[tuple[ast.AST, str]]:
    own, others = _bound(scope, known)
    visible = Names((known.variables - others) | own, known.attributes, known.functions)
    for node in own_nodes(scope):
        for source in _read_in_order(node):
            if _is_set(source, visible):
                yield node, f"{ast.unparse(source)} has no order"
        if isinstance(node, SCOPES):
            yield from _in_scope(node, visible)


def own_nodes(scope: Scope) -> Iterator[ast.AST]:
    """The nodes of a scope in the order they are written, without those of the scopes inside it."""
    waiting: list[ast.AST] = list(ast.iter_child_nodes(scope))
    while waiting:
        node = waiting.pop(0)
        yield node
        if not isinstance(node, SCOPES):
            waiting[:0] = ast.iter_child_nodes(node)


def _of_module(tree: ast.Module) -> tuple[Names, Names]:
    """(sets, others): what the file's names, attributes and functions are, and what they are not."""
    own, others = _bound(tree, NOTHING)
    attributes: tuple[set[str], set[str]] = (set(), set())
    functions: tuple[set[str], set[str]] = (set(), set())
    for node in ast.walk(tree):
        match node:
            case ast.FunctionDef(name=name, returns=ast.expr() as returns):
                functions[not _is_set_type(returns)].add(name)
            case ast.AnnAssign(target=ast.Attribute(attr=name), annotation=annotation):
                attributes[not _is_set_type(annotation)].add(name)
            case ast.Assign(targets=[ast.Attribute(attr=name)], value=value):
                attributes[not _is_set(value, NOTHING)].add(name)
            case ast.ClassDef(body=body):
                for field in body:
                    match field:
                        case ast.AnnAssign(target=ast.Name(id=name), annotation=annotation):
                            attributes[not _is_set_type(annotation)].add(name)
                        case _:
                            pass
            case _:
                pass
    return (
        Names(frozenset(own), _only(attributes), _only(functions)),
        Names(frozenset(others), frozenset(attributes[1]), frozenset(functions[1])),
    )


def _only(found: tuple[set[str], set[str]]) -> frozenset[str]:
    return frozenset(found[0] - found[1])


def _bound(scope: Scope, known: Names) -> tuple[set[str], set[str]]:
    """The names that a scope binds: those that are sets, and the others."""
    names: tuple[set[str], set[str]] = (set(), set())
    if isinstance(scope, ast.FunctionDef | ast.AsyncFunctionDef):
        arguments = scope.args
        for argument in (*arguments.posonlyargs, *arguments.args, *arguments.kwonlyargs):
            annotation = argument.annotation
            names[annotation is None or not _is_set_type(annotation)].add(argument.arg)
    for node in own_nodes(scope):
        match node:
            case ast.AnnAssign(target=ast.Name(id=name), annotation=annotation):
                is_set = _is_set_type(annotation)
            case ast.Assign(targets=[ast.Name(id=name)], value=value):
                is_set = _is_set(value, _seen(known, names))
            case ast.NamedExpr(target=ast.Name(id=name), value=value):
                is_set = _is_set(value, _seen(known, names))
            case _:
                continue
        names[not is_set].add(name)
    # Once a set, a name is watched wherever it stands.
    return names[0], names[1] - names[0]


def _seen(known: Names, names: tuple[set[str], set[str]]) -> Names:
    variables = (known.variables - names[1]) | names[0]
    return Names(variables, known.attributes, known.functions)


def _read_in_order(node: ast.AST) -> Iterator[ast.expr]:
    match node:
        case (
            ast.For(iter=source)
            | ast.AsyncFor(iter=source)
            | ast.Starred(value=source)
            | ast.YieldFrom(value=source)
            | ast.FormattedValue(value=source)
            | ast.AugAssign(op=ast.Add(), value=source)
            | ast.Assign(targets=[ast.Tuple() | ast.List()], value=source)
        ):
            yield source
        # A set made of a set has no order to lose.
        case ast.ListComp() | ast.DictComp() | ast.GeneratorExp():
            yield from (generator.iter for generator in node.generators)
        case ast.Call(func=function, args=arguments, keywords=keywords):
            yield from _read_by_call(function, arguments, keywords)
        case _:
            pass


def _read_by_call(
    function: ast.expr, arguments: list[ast.expr], keywords: list[ast.keyword]
) -> Iterator[ast.expr]:
    match function:
        case ast.Attribute(value=source, attr="pop") if not arguments:
            yield source
        case ast.Name(id=name) | ast.Attribute(attr=name):
            keyed = name in KEYED_CALLS and any(word.arg == "key" for word in keywords)
            if isinstance(function, ast.Attribute):
                keeps = name in ORDER_KEEPING_METHODS | ORDER_KEEPING_CALLS - {"filter", "next"}
            else:
                keeps = name in ORDER_KEEPING_CALLS
            if keeps or keyed:
                yield from arguments
        case _:
            pass


def _is_set(node: ast.expr, names: Names) -> bool:
    match node:
        case ast.Set() | ast.SetComp():
            return True
        case ast.Name(id=name):
            return name in names.variables
        case ast.Attribute(attr=name):
            return name in names.attributes
        case ast.Call(func=function):
            return _makes_set(function, names)
        case ast.BinOp(left=left, op=op, right=right) if isinstance(op, SET_OPERATORS):
            return any(_is_set(side, names) or _is_view(side) for side in (left, right))
        case ast.BoolOp(values=values):
            return any(_is_set(value, names) for value in values)
        case ast.IfExp(body=body, orelse=other):
            return _is_set(body, names) or _is_set(other, names)
        case ast.NamedExpr(value=value):
            return _is_set(value, names)
        case _:
            return False


def _makes_set(function: ast.expr, names: Names) -> bool:
    match function:
        case ast.Name(id=name):
            return name in {"set", "frozenset"} or name in names.functions
        case ast.Attribute(value=value, attr="copy"):
            return _is_set(value, names)
        case ast.Attribute(attr=method):
            return method in SET_METHODS or method in names.functions
        case _:
            return False


def _is_view(node: ast.expr) -> bool:
    """A dict's keys have an order; what is left of them after a subtraction has none."""
    match node:
        case ast.Call(func=ast.Attribute(attr="keys" | "items"), args=[]):
            return True
        case _:
            return False


def _is_set_type(annotation: ast.expr) -> bool:
    match annotation:
        case ast.Name(id=name) | ast.Attribute(attr=name):
            return name in SET_TYPES
        case ast.Subscript(value=ast.Name(id=name) | ast.Attribute(attr=name), slice=inner):
            if name not in WRAPPING_TYPES:
                return name in SET_TYPES
            return any(_is_set_type(part) for part in getattr(inner, "elts", [inner]))
        case ast.BinOp(left=left, op=ast.BitOr(), right=right):
            return _is_set_type(left) or _is_set_type(right)
        case ast.Constant(value=str(text)):
            return _is_set_type(ast.parse(text, mode="eval").body)
        case _:
            return False
