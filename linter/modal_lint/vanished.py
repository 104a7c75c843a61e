"""Names and arguments that the SDK no longer has, where a file uses them."""

from __future__ import annotations

import ast
from functools import lru_cache
from typing import TYPE_CHECKING, Any, NamedTuple

from modal_lint.lazy import contract
from modal_lint.modal_api import canonical
from modal_lint.rejected import is_expected, names_in
from modal_lint.uses import frame_at
from modal_lint.values import External, Object

if TYPE_CHECKING:
    from collections.abc import Iterator

    from modal_lint_runtime.contract import Removed

    from modal_lint.source import File
    from modal_lint.uses import Use

_SECRET = "modal.Secret"  # of which the constructor alone is gone
_ASKING = frozenset(("hasattr", "getattr", "__version__", "version", "Version"))
_DEFINITIONS = (ast.FunctionDef, ast.AsyncFunctionDef, ast.ClassDef)


_Imported = list[tuple[str, ast.alias]]


class Gone(NamedTuple):
    """One use of something that is gone.

    ``node`` is where it stands: an attribute or name, an import's alias, a keyword. ``call`` is the call, decorator
    or import statement around it. ``of_object`` says that it is asked of an instance, and not of the class.
    """

    row: Removed
    node: ast.AST
    call: ast.AST
    use: Use | None = None
    of_object: bool = False


def gone(file: File) -> Iterator[Gone]:
    """What a file uses that is gone, and that nothing around keeps from being reached."""
    imported = list(_imported(file))
    found = (*_imports(file, imported), *_names(file, imported), *_keywords(file))
    told: set[ast.AST] = set()
    for one in found:
        if one.node not in told and not _is_guarded(file, one.node if one.use is None else one.call):
            told.add(one.node)
            yield one


def _is_guarded(file: File, node: ast.AST) -> bool:
    """Whether the code asks for the version, or waits for the name to be missing."""
    if is_expected(file, node):
        return True
    parent = file.scopes.parents.get(node)
    while parent is not None:
        if isinstance(parent, (ast.If, ast.IfExp)) and not _ASKING.isdisjoint(names_in(parent.test)):
            return True
        if isinstance(parent, ast.ExceptHandler) and parent.type is not None and _is_about_names(parent.type):
            return True
        parent = file.scopes.parents.get(parent)
    return False


def _is_about_names(kind: ast.expr) -> bool:
    return not {"AttributeError", "ImportError", "TypeError", "ModuleNotFoundError"}.isdisjoint(names_in(kind))


def told(one: Gone) -> tuple[str, str | None]:
    """The message about one use, and the remedy."""
    verdict = contract.removed_verdict(one.row.name, one.row.keyword)
    assert verdict is not None
    what = f"{one.row.keyword}= of {one.row.name}" if one.row.keyword else one.row.name
    raises = contract.import_error(one.row.name) if isinstance(one.node, ast.alias) else verdict.raises
    if one.row.name == _SECRET:
        what = "the constructor modal.Secret(…)"
    remedy = f"use {one.row.instead}{'=' if one.row.keyword else ''}" if one.row.instead else None
    return f"{what} is gone: it raises {(raises or '').rpartition('.')[2]}", remedy


# ---- names ------------------------------------------------------------------------------------------------------


@lru_cache(maxsize=1)
def _last_names() -> frozenset[str]:
    """The last names of what is gone."""
    return frozenset(row.name.rpartition(".")[2] for row in contract.REMOVED if row.keyword is None)


@lru_cache(maxsize=1)
def _last_called() -> frozenset[str]:
    """The last names of calls of what is gone."""
    return _last_names() | {"aio"}


def _imports(file: File, imported: _Imported) -> Iterator[Gone]:
    """``from modal import Stub``."""
    for _, alias in imported:
        name = f"modal.{alias.name}"
        row = contract.removed(name)
        if row is not None and contract.import_error(name) is not None:
            yield Gone(row, alias, file.statement_of(alias))


def _imported(file: File) -> Iterator[tuple[str, ast.alias]]:
    """The names bound by ``from modal import name``, each with the alias that says whose they are."""
    for statement in file.scopes.imports:
        if isinstance(statement, ast.ImportFrom) and statement.module == "modal" and not statement.level:
            for alias in statement.names:
                yield alias.asname or alias.name, alias


def _names(file: File, imported: _Imported) -> Iterator[Gone]:
    """Calls and decorators by a name that is gone."""
    known = {bound for bound, alias in imported if alias.name in _last_names()}
    for func, around in _callees(file, known):
        if isinstance(func, ast.Attribute):
            name, of_object = _attribute_name(file, func)
        else:
            name, of_object = _imported_name(file, func), False
        row = None if name is None else contract.removed(name)
        if row is None or (row.name == _SECRET and not isinstance(around, ast.Call)):
            continue
        if isinstance(func, ast.Name) and contract.import_error(row.name) is not None:
            continue  # the import itself is told of
        yield Gone(row, func, around, None, of_object)


def _callees(file: File, known: set[str]) -> list[tuple[ast.Name | ast.Attribute, ast.AST]]:
    """What is called, and what decorates without a call, where it has one of some names or the last name of a row."""
    scopes, lasts = file.scopes, _last_names()
    found: list[tuple[ast.Name | ast.Attribute, ast.AST]] = []
    attribute, name = ast.Attribute, ast.Name
    # What stands on the way to what is called may have the name of a row, too.
    is_passed = any(name in lasts and name != "Secret" for name in scopes.passed)
    for call in scopes.calls if is_passed else scopes.called(_last_called() | known):
        func: Any = call.func
        if func.__class__ is attribute:
            if func.attr == "aio":
                func = func.value
            around: ast.AST = call
            while func.__class__ is attribute:
                # Of a class that is not called only `_SECRET` could be meant, in `Secret.from_name(…)`.
                if func.attr in lasts and (around is call or func.attr != "Secret"):
                    found.append((func, around))
                around = func = func.value
            if around is not call:
                continue
        if func.__class__ is name and func.id in known:
            found.append((func, call))
    for node in scopes.of:
        for one in node.decorator_list if isinstance(node, _DEFINITIONS) else ():
            if isinstance(one, ast.Attribute):
                if one.attr in lasts:
                    found.append((one, one))
            elif isinstance(one, ast.Name) and one.id in known:
                found.append((one, one))
    return found


def _attribute_name(file: File, node: ast.Attribute) -> tuple[str | None, bool]:
    """The canonical name of an attribute, and whether it is one of an instance; None where it may be another."""
    frame = frame_at(file, node)
    names: set[tuple[str, bool]] = set()
    for owner in file.project.evaluator.ask(node.value, frame):
        if isinstance(owner, External) and owner.name.split(".")[0] == "modal":
            names.add((f"{canonical(owner.name)}.{node.attr}", False))
        elif isinstance(owner, Object):
            names.add((f"{owner.type}.{node.attr}", True))
        else:
            return None, False
    return names.pop() if len(names) == 1 else (None, False)


def _imported_name(file: File, node: ast.Name) -> str | None:
    frame = frame_at(file, node)
    values = file.project.evaluator.ask(node, frame)
    return values[0].name if len(values) == 1 and isinstance(values[0], External) else None


# ---- arguments --------------------------------------------------------------------------------------------------


def _keywords(file: File) -> Iterator[Gone]:
    """Arguments that a call no longer takes."""
    for use in file.given_uses:
        for name, argument in use.bound.keywords:
            row = contract.removed(use.api.name, name)
            if row is None or use.api.until is not None:
                continue
            written = next((keyword for keyword in _written(use) if keyword.arg == name), None)
            place = argument.entry.place if argument.entry is not None else None
            elsewhere = place.node if place is not None and place.file is file else use.node
            yield Gone(row, written or elsewhere, use.node, use)


def _written(use: Use) -> list[ast.keyword]:
    return use.node.keywords if isinstance(use.node, ast.Call) else []
