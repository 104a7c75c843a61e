"""Variables that are read while a module is imported: on the machine that deploys, and in every container."""

from __future__ import annotations

import ast
from typing import TYPE_CHECKING, NamedTuple

from modal_lint.environments import asking
from modal_lint.environments.needs import outside_functions
from modal_lint.environments.sources import GIVEN
from modal_lint.library import ENVIRON
from modal_lint.uses import default_frame
from modal_lint.values import Const, External

if TYPE_CHECKING:
    from collections.abc import Iterator

    from modal_lint.environments.containers import Container
    from modal_lint.source import File


class Read(NamedTuple):
    """One read that fails where the variable is not set."""

    key: str
    node: ast.Subscript


def reads(file: File) -> Iterator[Read]:
    """The reads of a module that happen whenever it is imported, of variables that it does not set itself."""
    ev = file.project.evaluator
    guards = file.environments.guards(file.tree)
    found = []
    for node in outside_functions(file.tree):
        if not isinstance(node, ast.Subscript) or not isinstance(node.ctx, ast.Load):
            continue
        if not isinstance(node.slice, ast.Constant) or not isinstance(node.slice.value, str):
            continue
        frame = default_frame(ev, file, file.scopes.scope(node))
        if not any(isinstance(one, External) and one.name in ENVIRON for one in ev.ask(node.value, frame)):
            continue
        if guards.always(node) and not guards.mentions(node.slice.value):
            found.append(Read(node.slice.value, node))
    if not found:
        return
    own = file.environments.set_at_import
    if own.open:
        return
    for read in sorted(found, key=lambda one: (one.node.lineno, one.node.col_offset)):
        if read.key not in own.assigned and read.key not in GIVEN and not read.key.startswith("MODAL_"):
            yield read


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
