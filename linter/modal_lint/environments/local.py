"""Mappings filled from the local environment: which entries may be missing, and how they are better written."""

from __future__ import annotations

import ast
from typing import TYPE_CHECKING, NamedTuple

from modal_lint import moving
from modal_lint.environments import asking, sources
from modal_lint.library import ENVIRON, GETENV
from modal_lint.model import Fix
from modal_lint.nodes import written_entries
from modal_lint.values import EnvRead, External, Mapping, Text

if TYPE_CHECKING:
    from collections.abc import Iterator

    from modal_lint.source import File
    from modal_lint.uses import Given, Use
    from modal_lint.values import Entry

_FROM_DICT = "modal.Secret.from_dict"
_LOCAL = ENVIRON | GETENV


class Missing(NamedTuple):
    """An entry whose value is a look-up that gives None where the variable is not set."""

    key: str
    place: ast.expr  # the entry's value
    lookup: ast.Call


def missing(use: Use, given: Given) -> Iterator[Missing]:
    """The entries of a mapping that may be left out, where nothing in the file looks at the variable before."""
    if written_entries(given.argument.node) is not None:
        return
    for value in given.values(use.file.project.evaluator):
        for entry in value.entries if isinstance(value, Mapping) else ():
            found = _missing(use.file, entry)
            if found is not None:
                yield found


def _missing(file: File, entry: Entry) -> Missing | None:
    key = entry.key.known if isinstance(entry.key, Text) else None
    one = entry.value[0] if len(entry.value) == 1 else None
    if key is None or entry.maybe or entry.place is None or entry.place.file is not file:
        return None
    if not isinstance(one, EnvRead) or not sources.may_miss(one) or one.place.file is not file:
        return None
    node, lookup = _value_at(file, entry.place.node), one.place.node
    if node is None or not isinstance(lookup, ast.Call) or (node is not lookup and not _is_only_held(file, node)):
        return None
    for around in (file.scopes.scope(lookup).function.node, file.scopes.scope(node).function.node, file.tree):
        if one.key is not None and file.environments.guards(around).mentions(one.key):
            return None
    return Missing(key, node, lookup)


def _value_at(file: File, key: ast.AST) -> ast.expr | None:
    """The value that stands beside a key, also in a comprehension."""
    parent = file.scopes.parents.get(key)
    return parent.value if isinstance(parent, ast.DictComp) and key is parent.key else moving.value_of(file, key)


def _is_only_held(file: File, node: ast.expr) -> bool:
    """Whether a value is a name that is bound once and that no condition asks about."""
    if not isinstance(node, ast.Name):
        return False
    scopes = file.scopes
    home = scopes.lookup(node.id, scopes.scope(node))
    if home is None or len(home.bindings[node.id]) != 1 or home.bindings[node.id][0].kind != "assign":
        return False
    return not any(_is_tested(file, other) for other in file.names[node.id])


def _is_tested(file: File, node: ast.AST) -> bool:
    """Whether a name stands in a condition, or is handed to a function that may check it."""
    child, parent = node, file.scopes.parents.get(node)
    while parent is not None and not isinstance(child, ast.stmt):
        if isinstance(parent, (ast.If, ast.IfExp, ast.While, ast.Assert)) and child is parent.test:
            return True
        if isinstance(parent, (ast.BoolOp, ast.Compare, ast.comprehension, ast.match_case)):
            return True
        if isinstance(parent, ast.Match) and child is parent.subject:
            return True
        if isinstance(parent, ast.Expr) and isinstance(parent.value, ast.Call):
            return True  # ``check(token)``
        child, parent = parent, file.scopes.parents.get(parent)
    return False


# ---- fixes ------------------------------------------------------------------------------------------------------


def from_local_environ(use: Use) -> Fix | None:
    """``Secret.from_dict({"K": os.environ["K"]})`` as ``Secret.from_local_environ(["K"])``, where every entry is so."""
    from modal_lint import rewrite

    file, call = use.file, use.node
    display = asking.written(use, "env_dict")
    if use.api.name != _FROM_DICT or not isinstance(display, ast.Dict) or not isinstance(call.func, ast.Attribute):
        return None
    if call.func.attr != "from_dict" or len(call.args) + len(call.keywords) != 1 or not display.keys:
        return None
    keys = []
    for key, value in zip(display.keys, display.values, strict=True):
        if not isinstance(key, ast.Constant) or not isinstance(key.value, str) or _variable(file, value) != key.value:
            return None
        keys.append(rewrite.string_literal(key.value, file.rewriting.quote))
    text = f"{file.segment(call.func.value)}.from_local_environ([{', '.join(keys)}])"
    edits = rewrite.replace(file.rewriting, file.span(call), text)
    return Fix("Take the variables from the local environment", tuple(edits), safe=True)


def _variable(file: File, node: ast.expr) -> str | None:
    """The variable that an expression reads, where it does nothing else and has no default."""
    key: ast.expr | None = None
    source: ast.expr | None = None
    if isinstance(node, ast.Subscript):
        key, source = node.slice, node.value
    elif isinstance(node, ast.Call) and len(node.args) == 1 and not node.keywords:
        key, source = node.args[0], node.func
    if source is None or not isinstance(key, ast.Constant) or not isinstance(key.value, str):
        return None
    ev = file.project.evaluator
    from modal_lint.uses import frame_at

    frame = frame_at(file, node)
    if not any(isinstance(one, External) and one.name in _LOCAL for one in ev.ask(source, frame)):
        return None  # a `.env` file, which need not be in the environment
    values = ev.ask(node, frame)
    return key.value if any(isinstance(one, EnvRead) and one.key == key.value for one in values) else None


def required(file: File, lookup: ast.Call) -> Fix | None:
    """``os.environ.get("K")`` as ``os.environ["K"]``, in a function: at module level a container may have no ``K``."""
    from modal_lint import rewrite

    func = lookup.func
    if file.scopes.scope(lookup).function.node is file.tree or not isinstance(func, ast.Attribute):
        return None
    if func.attr not in ("get", "getenv") or not isinstance(lookup.args[0], ast.Constant):
        return None
    environ = file.segment(func.value) if func.attr == "get" else f"{file.segment(func.value)}.environ"
    text = f"{environ}[{file.segment(lookup.args[0])}]"
    edits = rewrite.replace(file.rewriting, file.span(lookup), text)
    return Fix("Let it fail where the variable is not set", tuple(edits), safe=True)
