"""Secrets that go along when Modal pickles a function: what it reads from around it, and the arguments of a build."""

from __future__ import annotations

import ast
from typing import TYPE_CHECKING, Any, NamedTuple

from modal_lint import leaks
from modal_lint.modal_api import Sink
from modal_lint.nodes import parts
from modal_lint.reads import reads_in
from modal_lint.uses import frame_at
from modal_lint.values import Class, Const, Function, Instance, Object, Partial, Place

if TYPE_CHECKING:
    from collections.abc import Iterator

    from modal_lint.evaluate import Evaluator
    from modal_lint.scopes import Binding
    from modal_lint.source import File
    from modal_lint.uses import Use
    from modal_lint.values import EnvRead, Steps, Value

BUILDING = "modal.Image.run_function"
DECLARING = frozenset(("modal.App.function", "modal.App.cls", "modal.App.server"))
_DEFINITIONS = (ast.FunctionDef, ast.AsyncFunctionDef, ast.ClassDef)


class Captured(NamedTuple):
    """A secret that a pickled function takes from around it: the name, where the function reads it, and the pickler."""

    use: Use
    function: Function | Class
    name: ast.Name
    key: str
    read: EnvRead
    steps: Steps


def captured(file: File) -> Iterator[Captured]:
    """The secrets in names that the pickled functions of a file read, each name once in a function."""
    seen: set[tuple[object, str]] = set()
    for use in file.given_uses:
        if use.api.name != BUILDING and use.api.name not in DECLARING:
            continue
        for function in _pickled(use):
            for one in _of(use, function):
                if (function.place.node, one.name.id) not in seen:
                    seen.add((function.place.node, one.name.id))
                    yield one


def _pickled(use: Use) -> Iterator[Function | Class]:
    """The functions and classes that a call of the API pickles."""
    ev = use.file.project.evaluator
    if use.api.name == BUILDING:
        for argument in use.bound.named.get("raw_f", ()):
            if argument.node is not None and argument.frame is not None:
                for value in ev.ask(argument.node, argument.frame):
                    inner = _inner(value)
                    if inner is not None:
                        yield inner
    elif _is_serialized(use, ev):
        decorated = use.file.scopes.parents.get(use.node)
        if isinstance(decorated, _DEFINITIONS) and use.node in decorated.decorator_list:
            place = Place(use.file, decorated)
            yield Class(place) if isinstance(decorated, ast.ClassDef) else Function(place)


def _inner(value: Value) -> Function | Class | None:
    """The function of the project that a value stands for."""
    if isinstance(value, Partial):
        return _inner(value.function)
    if isinstance(value, Object) and value.wraps is not None:
        return _inner(value.wraps)
    return value if isinstance(value, Function) else None


def _is_serialized(use: Use, ev: Evaluator) -> bool:
    """Whether a decorator says ``serialized=True`` for certain, or stands in a notebook.

    A function without a file to import it from is pickled (modal 1.6.4, _utils/function_utils.py, FunctionInfo).
    """
    if use.file.module is not None and use.file.module.is_interactive:
        return True
    for argument in use.bound.named.get("serialized", ()):
        if argument.node is not None and argument.frame is not None:
            values = ev.ask(argument.node, argument.frame)
            return all(isinstance(value, Const) and value.value is True for value in values)
    return False


def _of(use: Use, function: Function | Class) -> Iterator[Captured]:
    file, node = function.place.file, function.place.node
    ev = file.project.evaluator
    for name in _free_names(file, node):
        frame = frame_at(file, name)
        for value in ev.ask(name, frame):
            if isinstance(value, (Instance, Class, Function, Object)):
                continue
            for leaf in leaks.leaves_of(file, None, (value,)):
                for read, _ in reads_in((leaf.value,)):
                    key = leaks.secret_name(file, read, leaf.key)
                    if key is not None:
                        yield Captured(use, function, name, key, read, (*read.steps, *leaf.steps))


def _free_names(file: File, node: ast.AST) -> Iterator[ast.Name]:
    """The names that the body of a function or class reads and that are bound around it, but to no definition.

    One that is bound once, and not changed, is the same wherever it stands.
    """
    scopes = file.scopes
    own = scopes.of[node]
    body = [node.body] if isinstance(node, ast.Lambda) else getattr(node, "body", [])
    seen: set[Binding] = set()
    for statement in body:
        pending: list[Any] = [statement]
        for name in pending:  # which grows
            pending += parts(name)
            if name.__class__ is not ast.Name or name.ctx.__class__ is not ast.Load:
                continue
            home, _, sole = scopes.resolved(name)
            if home is None or (sole is not None and (sole in seen or sole.kind == "def")):
                continue
            inside = home
            while inside is not own and inside.parent is not None:
                inside = inside.parent
            if inside is not own:
                if sole is not None:
                    seen.add(sole)
                yield name


def built_with(file: File) -> Iterator[leaks.Leak]:
    """The secrets among the arguments of functions that build an image."""
    return leaks.at(file, Sink.BUILD_PAYLOAD)
