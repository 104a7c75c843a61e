"""The function or class that a place of a file is in, by its qualified name: a place that survives moving lines."""

from __future__ import annotations

import ast
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    from modal_lint.model import Finding
    from modal_lint.source import File

_NAMED = (ast.FunctionDef, ast.AsyncFunctionDef, ast.ClassDef)


def named(file: File, findings: Iterable[Finding]) -> tuple[Finding, ...]:
    """The findings of a file, each with the symbol that it stands in."""
    known = tuple(findings)
    if not known:
        return known
    symbols = sorted(_symbols(file.tree))  # what is inside another one comes after it
    return tuple(finding._replace(symbol=_at(finding.span.line, symbols)) for finding in known)


def _at(line: int, symbols: Iterable[tuple[int, int, str]]) -> str | None:
    found = None
    for start, end, name in symbols:
        if start <= line <= end:
            found = name
    return found


def _symbols(tree: ast.Module) -> Iterator[tuple[int, int, str]]:
    """First line (of the decorators), last line and qualified name of every function and class."""
    pending: list[tuple[ast.AST, str]] = [(tree, "")]
    while pending:
        node, prefix = pending.pop()
        for child in ast.iter_child_nodes(node):
            inner = prefix
            if isinstance(child, _NAMED):
                name = prefix + child.name
                first = min((child.lineno, *(one.lineno for one in child.decorator_list)))
                yield first, child.end_lineno or child.lineno, name
                inner = name + "."
            if not isinstance(child, ast.expr):
                pending.append((child, inner))
