"""Which names a file's scopes bind, and which of them reach a module at a place. Standard library only."""

from __future__ import annotations

import ast
from bisect import bisect_right
from functools import lru_cache
from typing import TYPE_CHECKING, NamedTuple

from modal_lint.nodes import parts

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

_Function = (ast.FunctionDef, ast.AsyncFunctionDef, ast.Lambda)
_OWN_SCOPE = (*_Function, ast.ClassDef)
# What may bind a name, or says that it is bound elsewhere.
_BINDING = frozenset(
    (*_OWN_SCOPE, ast.Import, ast.ImportFrom, ast.Name, ast.ExceptHandler, ast.MatchAs, ast.MatchStar, ast.MatchMapping,
     ast.Global, ast.Nonlocal)
)  # fmt: skip
_MANY = 40  # children, from which on they are searched in order of place


class Binding(NamedTuple):
    """One binding of a name in a scope; ``target`` is the dotted name it imports, None for anything else."""

    name: str
    target: str | None
    node: ast.AST
    runtime: bool = True  # False under ``if TYPE_CHECKING``
    fallback: bool = False  # in an ``except`` handler

    @property
    def line(self) -> int:
        return getattr(self.node, "end_lineno", None) or 0


def scopes_at(tree: ast.Module, line: int, column: int) -> list[ast.AST]:
    """The scopes around a place (1-based line, 0-based UTF-8 column), the module first."""
    scopes: list[ast.AST] = [tree]
    node: ast.AST | None = tree
    while node is not None:
        child = _child_at(node, line, column)
        if child is not None and isinstance(node, _OWN_SCOPE) and _in_body(node, child):
            scopes.append(node)
        node = child
    return scopes


def visible(scopes: list[ast.AST], name: str) -> tuple[ast.AST, tuple[Binding, ...]] | None:
    """The scope whose ``name`` is seen from the innermost of ``scopes``, with its bindings; None where unbound."""
    for index in range(len(scopes) - 1, -1, -1):
        scope = scopes[index]
        if isinstance(scope, ast.ClassDef) and index < len(scopes) - 1:
            continue
        if found := bindings(scope).get(name):
            return scope, found
    return None


def is_deferred(scopes: list[ast.AST], scope: ast.AST) -> bool:
    """Whether the innermost scope runs later than the body of ``scope``."""
    return any(isinstance(inner, _Function) for inner in scopes[scopes.index(scope) + 1 :])


@lru_cache(maxsize=16)
def imported(scope: ast.AST) -> tuple[tuple[str, tuple[Binding, ...]], ...]:
    """The names of a scope that an import binds."""
    return tuple((name, group) for name, group in bindings(scope).items() if any(one.target for one in group))


@lru_cache(maxsize=16)
def bindings(scope: ast.AST) -> dict[str, tuple[Binding, ...]]:
    """Every name a module, function, class or lambda binds."""
    found: dict[str, tuple[Binding, ...]] = {}
    elsewhere: set[str] = set()
    for binding in _bindings(scope, elsewhere):
        found[binding.name] = (*found.get(binding.name, ()), binding)
    return {name: all_of for name, all_of in found.items() if name not in elsewhere}


def _bindings(scope: ast.AST, elsewhere: set[str]) -> Iterator[Binding]:
    if isinstance(scope, _Function):
        arguments = scope.args
        every = [*arguments.posonlyargs, *arguments.args, *arguments.kwonlyargs, arguments.vararg, arguments.kwarg]
        yield from (Binding(argument.arg, None, argument) for argument in every if argument is not None)
    body = getattr(scope, "body", [])
    stack = [(node, True, False) for node in (body if isinstance(body, list) else [body])]
    while stack:
        node, runtime, fallback = stack.pop()
        kind = node.__class__
        if kind in _BINDING:
            if isinstance(node, (ast.Global, ast.Nonlocal)):
                elsewhere.update(node.names)
            yield from (Binding(name, target, node, runtime, fallback) for name, target in _bound_by(node))
        if kind not in _OWN_SCOPE:
            typing_only = node.body if isinstance(node, ast.If) and _is_type_checking(node.test) else ()
            handler = fallback or kind is ast.ExceptHandler
            stack += [(child, runtime and child not in typing_only, handler) for child in parts(node)]


def _bound_by(node: ast.AST) -> Iterator[tuple[str, str | None]]:
    match node:
        case ast.Import():
            for alias in node.names:
                top = alias.name.partition(".")[0]
                yield (alias.asname, alias.name) if alias.asname else (top, top)
        case ast.ImportFrom():
            for alias in node.names:
                target = f"{node.module}.{alias.name}" if node.module and not node.level else None
                yield alias.asname or alias.name, target
        case ast.FunctionDef() | ast.AsyncFunctionDef() | ast.ClassDef():
            yield node.name, None
        case ast.Name(ctx=ast.Store() | ast.Del()):
            yield node.id, None
        case ast.ExceptHandler(name=str(name)) | ast.MatchAs(name=str(name)) | ast.MatchStar(name=str(name)):
            yield name, None
        case ast.MatchMapping(rest=str(name)):
            yield name, None


def _is_type_checking(test: ast.expr) -> bool:
    return (isinstance(test, ast.Name) and test.id == "TYPE_CHECKING") or (
        isinstance(test, ast.Attribute) and test.attr == "TYPE_CHECKING"
    )


def _in_body(scope: ast.AST, child: ast.AST) -> bool:
    body = getattr(scope, "body", None)
    return child is body or (isinstance(body, list) and isinstance(child, ast.stmt))


def _child_at(node: ast.AST, line: int, column: int) -> ast.AST | None:
    for child in _candidates(node, line, column):
        if not hasattr(child, "lineno"):
            if (inner := _child_at(child, line, column)) is not None:
                return inner
        elif _start(child) <= (line, column) < (child.end_lineno or 0, child.end_col_offset or 0):  # type: ignore[attr-defined]
            return child
    return None


def _candidates(node: ast.AST, line: int, column: int) -> Iterable[ast.AST]:
    """The children that may stand at a place; of many only the last that starts before it, and those without place."""
    if not isinstance(node, ast.Module) and _length(node) < _MANY:
        return ast.iter_child_nodes(node)
    unplaced, placed, starts = _ordered(node)
    at = bisect_right(starts, (line, column))
    return [*unplaced, *placed[max(at - 1, 0) : at]]


def _length(node: ast.AST) -> int:
    """How long the list is that makes up the most of a node."""
    many = getattr(node, "body", None) or getattr(node, "elts", None) or getattr(node, "keys", None)
    return len(many) if isinstance(many, list) else 0


@lru_cache(maxsize=16)
def _ordered(node: ast.AST) -> tuple[list[ast.AST], list[ast.AST], list[tuple[int, int]]]:
    """The children without a place, those with one in order, and where these start."""
    children = list(ast.iter_child_nodes(node))
    placed = sorted((child for child in children if hasattr(child, "lineno")), key=_start)
    return [child for child in children if not hasattr(child, "lineno")], placed, [_start(child) for child in placed]


def _start(node: ast.AST) -> tuple[int, int]:
    first: tuple[int, int] = (node.lineno, node.col_offset)  # type: ignore[attr-defined]
    decorators = getattr(node, "decorator_list", [])
    return min([first, *((decorator.lineno, 0) for decorator in decorators)])
