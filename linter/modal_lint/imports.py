"""Names that come from elsewhere: imports, ``import *``, and what an annotation promises."""

from __future__ import annotations

import ast
import re
from typing import TYPE_CHECKING

from modal_lint import library, objects
from modal_lint.modal_api import API, TYPES, canonical
from modal_lint.nodes import last_name
from modal_lint.values import UNKNOWN, Class, External, Instance, Module, Object, Passage, Place, Values, passed

if TYPE_CHECKING:
    from modal_lint.calls import Frame
    from modal_lint.evaluate import Evaluator
    from modal_lint.source import File

_DOTTED = re.compile(r"[A-Za-z_][\w.]*")
SDKS = frozenset(("modal", "modal_lint_runtime"))


def promised(ev: Evaluator, annotation: ast.expr | None, frame: Frame) -> Values | None:
    """The Modal object or instance of a project's class that an annotation promises."""
    if annotation is None:
        return None
    if isinstance(annotation, ast.Constant) and isinstance(annotation.value, str):
        return _promised_by_name(ev, annotation.value, frame)
    if isinstance(annotation, ast.BinOp) and isinstance(annotation.op, ast.BitOr):
        return promised(ev, annotation.left, frame) or promised(ev, annotation.right, frame)
    if isinstance(annotation, ast.Subscript):
        base = last_name(annotation.value) or ast.unparse(annotation.value).rpartition(".")[2]
        inner = annotation.slice
        if base in ("Optional", "Annotated", "Union"):
            first = inner.elts[0] if isinstance(inner, ast.Tuple) and inner.elts else inner
            return promised(ev, first, frame)
        return None
    if not isinstance(annotation, (ast.Name, ast.Attribute)):
        return None
    return _instance_of(ev.evaluate(annotation, frame))


def _instance_of(values: Values) -> Values | None:
    """An instance of the type that an annotation evaluates to."""
    for value in values:
        if isinstance(value, External) and canonical(value.name) in TYPES:
            return (Object(canonical(value.name)),)
        if isinstance(value, Class):
            return (Instance(value),)
    return None


def _promised_by_name(ev: Evaluator, annotation: str, frame: Frame) -> Values | None:
    """The same of an annotation written as a string."""
    scopes = frame.file.scopes
    module = ev.module_frame(frame.file)
    for dotted in _DOTTED.findall(annotation):
        first, *rest = dotted.split(".")
        if first not in scopes.module.bindings:
            continue
        values = ev.bound(first, scopes.module, module, None, frame.file.tree, module)
        for part in rest:
            values = objects.attribute(ev, values, part)
        found = _instance_of(values)
        if found is not None:
            return found
    return None


def brings_definition(alias: ast.AST, file: File) -> bool:
    """Whether an import plainly brings a class or function of the project, as the other file's text tells."""
    statement = file.scopes.parents[alias]
    if not isinstance(statement, ast.ImportFrom) or not isinstance(alias, ast.alias) or alias.name == "*":
        return False
    module = statement.module or ""
    if not statement.level and module.split(".")[0] in SDKS:
        return False
    return file.project.defines(module, alias.name, file, statement.level)


def brings_from_elsewhere(alias: ast.AST, file: File) -> External | None:
    """What an import brings that the project plainly has no module for: what `imported` would find."""
    statement = file.scopes.parents[alias]
    if not isinstance(alias, ast.alias):
        return None
    if isinstance(statement, ast.ImportFrom):
        if statement.level or not statement.module or alias.name == "*":
            return None
        dotted = f"{statement.module}.{alias.name}"
    else:
        dotted = alias.name if alias.asname else alias.name.partition(".")[0]
    top = dotted.partition(".")[0]
    return External(dotted) if top not in SDKS and not file.project.has_top(top, file) else None


def imported(ev: Evaluator, alias: ast.AST, frame: Frame) -> Values:
    assert isinstance(alias, ast.alias)
    statement = frame.file.scopes.parents[alias]
    if isinstance(statement, ast.ImportFrom):
        return _imported_from(ev, statement, alias.name, frame.file)
    dotted = alias.name if alias.asname else alias.name.split(".")[0]
    if dotted in SDKS:  # even where a folder of the project has that name
        return (External(dotted),)
    file = ev.project.module(dotted, frame.file)
    return (Module(file),) if file is not None else (External(dotted),)


def _imported_from(ev: Evaluator, statement: ast.ImportFrom, name: str, file: File) -> Values:
    if not statement.level and (statement.module or "").split(".")[0] in SDKS:
        known = canonical(f"{statement.module}.{name}")
        if known in API or known in TYPES:
            return (External(known),)
    module = ev.project.module(statement.module or "", file, statement.level)
    if module is not None and (module is not file or statement.level == 0):
        values = member(ev, module, name)
        step = Passage(Place(file, statement), f"imported from {statement.module or '.'}")
        if values is not None:
            return passed(values, step)
    inner = f"{statement.module}.{name}" if statement.module else name
    submodule = ev.project.module(inner, file, statement.level)
    if submodule is not None:
        return (Module(submodule),)
    if statement.level or module is not None:
        return UNKNOWN
    return (External(f"{statement.module}.{name}"),)


def member(ev: Evaluator, file: File, name: str) -> Values | None:
    """What a name of a module is for those who import it; None if it has no such name."""
    scopes = file.scopes
    frame = ev.module_frame(file)
    key = (file, name)
    if key in ev.attributes:
        return ev.attributes[key]
    if name not in scopes.module.bindings:
        return starred(ev, name, frame)
    ev.attributes[key] = UNKNOWN
    values = ev.bound(name, scopes.module, frame, None, file.tree, frame)
    ev.attributes[key] = values
    return values


def starred(ev: Evaluator, name: str, frame: Frame) -> Values | None:
    """A name that ``from module import *`` may have brought; the later import wins."""
    for binding in reversed(frame.file.scopes.module.bindings.get("*", [])):
        statement = frame.file.scopes.parents[binding.node]
        assert isinstance(statement, ast.ImportFrom)
        dotted = f"{statement.module}.{name}"
        known = canonical(dotted)
        if not statement.level and (known in API or known in TYPES or dotted in library.STARRED):
            return (External(known),)
        module = ev.project.module(statement.module or "", frame.file, statement.level)
        values = member(ev, module, name) if module is not None and module is not frame.file else None
        if values is not None:
            return values
    return None
