"""How a file reaches a name of a module at a place, and the import it needs where it does not."""

from __future__ import annotations

import ast
from bisect import bisect
from typing import TYPE_CHECKING

from modal_lint.rewrite.names import Binding, bindings, imported, is_deferred, scopes_at, visible
from modal_lint.rewrite.sequence import Sequence
from modal_lint.rewrite.text import CannotRewrite, Source, span_of

if TYPE_CHECKING:
    from modal_lint.model import Edit, Span


def ensure_import(
    source: Source, module: str, name: str | None, *, position: Span, tree: ast.Module | None = None
) -> tuple[str, list[Edit]]:
    """The expression that means ``module.name`` (or the module) at ``position``, and the edits that make it so.

    Args:
        source: the file.
        module: a top-level module, such as ``modal``.
        name: a name of it, such as ``Secret``; None for the module itself.
        position: where the expression will stand.
        tree: the file's ``ast``, parsed from ``source.text`` where not given.

    Raises:
        CannotRewrite: where the file cannot be parsed or the names it would take mean something else.
    """
    tree = tree or _parsed(source)
    line = source.lines[position.line - 1]
    column = len(line[: position.column].encode("utf-8", "surrogatepass"))
    scopes = scopes_at(tree, position.line, column)
    if (spelling := _spelling(scopes, module, name, position)) is not None:
        return spelling, []
    if name is not None and (statement := _extendable(scopes, module, name, position)) is not None:
        return name, _with_name(source, statement, name)
    if visible(scopes, module) is not None:
        raise CannotRewrite(f"the name {module} means something else here")
    return (f"{module}.{name}" if name else module), [_new_import(source, tree, module, position)]


def _parsed(source: Source) -> ast.Module:
    try:
        return ast.parse(source.text)
    except (SyntaxError, ValueError, RecursionError, MemoryError):
        raise CannotRewrite("the file cannot be parsed") from None


def _spelling(scopes: list[ast.AST], module: str, name: str | None, position: Span) -> str | None:
    """The shortest spelling in the innermost scope that has one."""
    for scope in reversed(scopes):
        found = [
            spelled
            for bound, group in imported(scope)
            if (spelled := _spelled(group, module, name)) and _is_usable(scopes, scope, bound, group, position)
        ]
        if found:
            return min(found, key=lambda spelled: (spelled.count("."), spelled))
    return None


def _spelled(group: tuple[Binding, ...], module: str, name: str | None) -> str | None:
    """How a name with these bindings reaches the target; None where it may be anything else."""
    imports = [binding for binding in group if binding.target is not None]
    others = [binding for binding in group if binding.target is None and not binding.fallback]
    if others or len({binding.target for binding in imports}) != 1:
        return None
    bound, target = imports[0].name, imports[0].target
    if name is None:
        return bound if target == module else None
    submodule = f"{module}.{name.lower()}"
    if target in (f"{module}.{name}", f"{submodule}.{name}"):
        return bound
    return f"{bound}.{name}" if target in (module, submodule) else None


def _is_usable(scopes: list[ast.AST], scope: ast.AST, bound: str, group: tuple[Binding, ...], position: Span) -> bool:
    seen = visible(scopes, bound)
    if seen is None or seen[0] is not scope:
        return False
    return any(
        binding.runtime and binding.target and _runs_before(scopes, scope, binding.line, position) for binding in group
    )


def _runs_before(scopes: list[ast.AST], scope: ast.AST, line: int, position: Span) -> bool:
    return line < position.line or is_deferred(scopes, scope)


def _extendable(scopes: list[ast.AST], module: str, name: str, position: Span) -> ast.ImportFrom | None:
    """An import from the module that can also import ``name``; None where that name is taken."""
    if visible(scopes, name) is not None or "*" in bindings(scopes[0]):
        return None
    for scope in reversed(scopes):
        for binding in (binding for group in bindings(scope).values() for binding in group):
            node = binding.node
            if (
                isinstance(node, ast.ImportFrom)
                and (node.module, node.level, binding.runtime) == (module, 0, True)
                and not isinstance(scope, ast.ClassDef)
                and _runs_before(scopes, scope, binding.line, position)
            ):
                return node
    return None


def _with_name(source: Source, statement: ast.ImportFrom, name: str) -> list[Edit]:
    index = _sorted_index([alias.name for alias in statement.names], name)
    start, end = source.range(span_of(source.lines, statement))
    ranges = [source.range(span_of(source.lines, alias)) for alias in statement.names]
    if source.plain[end - 1] == ")":
        opening = source.plain.index("(", start)
        sequence = Sequence.found(source, opening + 1, end - 1, [((), last) for _, last in ranges])
        sequence.insert(index, name)
        return source.edits(sequence.start, sequence.end, sequence.pieces())
    if index < len(ranges):
        return [source.edit(ranges[index][0], ranges[index][0], f"{name}, ")]
    return [source.edit(ranges[-1][1], ranges[-1][1], f", {name}")]


def _sorted_index(names: list[str], name: str) -> int:
    """Where a name belongs among imported names in the order import sorters use; last where they are in none."""

    def rank(text: str) -> tuple[int, str]:
        return (0 if text.isupper() and len(text) > 1 else 1 if text[:1].isupper() else 2, text)

    ranks = [rank(text) for text in names]
    return bisect(ranks, rank(name)) if ranks == sorted(ranks) else len(ranks)


def _new_import(source: Source, tree: ast.Module, module: str, position: Span) -> Edit:
    """``import module`` after the leading imports, else after the docstring, else before the first statement."""
    above = _last_of_head(tree)
    text = f"import {module}\n"
    if above is None:
        first = min(_first_line(node) for node in tree.body) if tree.body else 1
        offset = source.offset(first, 0)
    else:
        line = _last_line(tree, above)
        if line >= source.plain.count("\n") + 1:
            offset, text = len(source.plain), "\n" + text
        else:
            offset = source.offset(line + 1, 0)
        if isinstance(above, ast.Expr):
            text = "\n" + text
    edit = source.edit(offset, offset, text)
    if edit.span.line > position.line:
        raise CannotRewrite("the place runs before the file's imports end")
    return edit


def _last_of_head(tree: ast.Module) -> ast.stmt | None:
    """The last statement of the docstring and the imports that the file opens with."""
    last: ast.stmt | None = None
    for node in tree.body:
        docstring = last is None and isinstance(node, ast.Expr) and isinstance(node.value, ast.Constant)
        if not docstring and not _is_import(node):
            break
        last = node
    return last


def _is_import(node: ast.stmt) -> bool:
    match node:
        case ast.Import() | ast.ImportFrom():
            return True
        case ast.If(orelse=[]):
            return all(_is_import(inner) for inner in node.body)
    return False


def _last_line(tree: ast.Module, node: ast.stmt) -> int:
    """The last line of a statement and of those that share a line with its end."""
    line = node.end_lineno or node.lineno
    for other in tree.body:
        if other.lineno <= line:
            line = max(line, other.end_lineno or other.lineno)
    return line


def _first_line(node: ast.stmt) -> int:
    decorators: list[ast.expr] = getattr(node, "decorator_list", [])
    return min([node.lineno, *(decorator.lineno for decorator in decorators)])
