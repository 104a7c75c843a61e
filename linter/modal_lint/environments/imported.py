"""Variables that are read while a module is imported: on the machine that deploys, and in every container."""

from __future__ import annotations

import ast
from typing import TYPE_CHECKING, NamedTuple

from modal_lint.environments import asking, settings
from modal_lint.environments.clients import CLIENTS
from modal_lint.environments.sources import GIVEN
from modal_lint.library import ENVIRON
from modal_lint.nodes import last_name
from modal_lint.uses import frame_at
from modal_lint.values import Class, Const, External

if TYPE_CHECKING:
    from collections.abc import Iterator

    from modal_lint.environments.containers import Container
    from modal_lint.source import File


_STRICT = frozenset(name.rpartition(".")[2] for name, client in CLIENTS.items() if client.strict and not client.any_of)
_READING = frozenset((ast.Subscript, ast.Call))


class Read(NamedTuple):
    """One read that fails where the variable is not set; ``reader`` is what reads it, in words."""

    key: str
    node: ast.expr
    reader: str = "os.environ"


def may_have(file: File) -> bool:
    """Whether a module can have such reads, from its text alone."""
    return file.says("environ", "Settings", *_STRICT)


def reads(file: File) -> Iterator[Read]:
    """The reads of a module that happen whenever it is imported, of variables that it does not set itself."""
    guards = file.environments.guards(file.tree)
    found = [
        read
        for node in file.scopes.at_import
        if node.__class__ in _READING
        for read in _reads_of(file, node)
        if guards.always(read.node) and not guards.mentions(read.key)
    ]
    if not found:
        return
    own = file.environments.set_at_import
    if own.open:
        return
    for read in sorted(found, key=lambda one: (one.node.lineno, one.node.col_offset)):
        if read.key not in own.assigned and read.key not in GIVEN and not read.key.startswith("MODAL_"):
            yield read


def _reads_of(file: File, node: ast.AST) -> Iterator[Read]:
    """What a node reads that fails without it: ``os.environ["K"]``, a settings class, a client that wants its key."""
    if isinstance(node, ast.Subscript):
        key = node.slice.value if isinstance(node.slice, ast.Constant) else None
        if isinstance(node.ctx, ast.Load) and isinstance(key, str) and _is_environment(file, node.value):
            yield Read(key, node)
    elif isinstance(node, ast.Call):
        yield from _constructed(file, node)


def _is_environment(file: File, node: ast.expr) -> bool:
    ev = file.project.evaluator
    frame = frame_at(file, node)
    return any(isinstance(one, External) and one.name in ENVIRON for one in ev.ask(node, frame))


def _constructed(file: File, call: ast.Call) -> Iterator[Read]:
    name = last_name(call.func)
    if name not in _STRICT and not file.says("Settings"):
        return
    ev = file.project.evaluator
    for value in ev.ask(call.func, frame_at(file, call)):
        if isinstance(value, Class):
            for key, required in settings.fields(ev, value, call) or ():
                if required:
                    yield Read(key, call, f"{name}()")
        elif isinstance(value, External) and (client := CLIENTS.get(value.name)) is not None:
            given = {keyword.arg for keyword in call.keywords}
            if client.strict and not client.any_of and not call.args and not given & {None, *client.unless}:
                yield from (Read(key, call, f"{name}()") for key in client.keys)


def fails(container: Container, read: Read) -> bool:
    """Whether a container of the module is surely started without the variable."""
    code = container.code
    if code is None or code.file is not container.use.file:
        return False
    return not _is_pickled(container) and container.supply.lacks(read.key)


def _is_pickled(container: Container) -> bool:
    """Whether the code may travel by itself, so that its module is not imported."""
    values = asking.parameter(container.use, "serialized")
    return values is not None and not all(isinstance(one, Const) and not one.value for one in values)
