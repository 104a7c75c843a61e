"""The whole local environment as one value: ``os.environ``, ``dict(os.environ)``, ``{**os.environ}``."""

from __future__ import annotations

import ast
from typing import TYPE_CHECKING, NamedTuple

from modal_lint.modal_api import Sink
from modal_lint.uses import frame_at
from modal_lint.values import External, Mapping, Sequence, Value, Values

if TYPE_CHECKING:
    from collections.abc import Iterator

    from modal_lint.calls import Frame
    from modal_lint.scopes import Mutation
    from modal_lint.source import File
    from modal_lint.uses import Given, Use

SINKS = (
    Sink.ENV,
    Sink.BUILD_ENV,
    Sink.SECRET,
    Sink.STORED_SECRET,
    Sink.IMAGE_ENV,
    Sink.BUILD_ARGS,
    Sink.PAYLOAD,
    Sink.BUILD_PAYLOAD,
)
ENVIRON = "os.environ"
LOCAL_KEYS = "modal.Secret.from_local_environ"
MAX_DEPTH = 5
_LISTS = frozenset(("builtins.list", "builtins.tuple", "builtins.sorted", "builtins.set"))
_COPIERS = frozenset(("builtins.dict", "copy.copy", "copy.deepcopy", "collections.OrderedDict", "collections.ChainMap"))


class Copy(NamedTuple):
    """One use that gets all of the environment, and the node of its file that stands for it."""

    use: Use
    given: Given | None
    node: ast.AST


def given_to_modal(file: File) -> Iterator[Copy]:
    """The arguments of Modal's API that are the whole environment, each once."""
    if not may_have(file):
        return
    seen: set[ast.AST] = set()
    for use in file.given_uses:
        for copy in _copies(use):
            if copy.node not in seen:
                seen.add(copy.node)
                yield copy


def may_have(file: File) -> bool:
    """Whether a file can have the environment as a value: it says so, or takes names from other files."""
    return file.says("environ") or any(isinstance(node, ast.ImportFrom) for node in file.scopes.imports)


def _copies(use: Use) -> Iterator[Copy]:
    for given in use.given(*SINKS):
        node = given.argument.node
        for value in given.values(use.file.project.evaluator):
            found = _inside(use.file, value, node, 0)
            if found is not None:
                yield Copy(use, given, found if found in use.file.scopes.parents else use.node)
    if use.api.name == LOCAL_KEYS:
        for argument in use.bound.named.get("env_keys", ()):
            if argument.node is not None and argument.frame is not None and _all_keys(argument.node, argument.frame):
                yield Copy(use, None, argument.node)


def _inside(file: File, value: Value, node: ast.AST | None, depth: int) -> ast.AST | None:
    """The node that stands for the whole environment in a value; None where it is not in there."""
    made = _copied_at(value, depth)
    if made is not None and made in file.scopes.parents:
        return made
    if made is not None or _is_environ(value) or _is_union(file, value, node, depth):
        return node if node is not None else file.tree
    if depth < MAX_DEPTH and isinstance(value, (Mapping, Sequence)):
        inner: list[Values] = [entry.value for entry in value.entries] if isinstance(value, Mapping) else [*value.items]
        for values in inner:
            for one in values:
                found = _inside(file, one, node, depth + 1)
                if found is not None:
                    return found
    return None


# ---- expressions that give the whole environment -----------------------------------------------------------------


def is_whole(file: File, node: ast.AST, frame: Frame, depth: int = 0) -> bool:
    """Whether an expression may be the whole environment, or a copy of all of it."""
    if depth > MAX_DEPTH:
        return False
    values = file.project.evaluator.ask(node, frame)
    return any(
        _is_environ(value) or _copied_at(value, depth) is not None or _is_union(file, value, node, depth)
        for value in values
    )


def _is_environ(value: Value) -> bool:
    return isinstance(value, External) and value.name == ENVIRON


def _copied_at(value: Value, depth: int) -> ast.AST | None:
    """The expression that makes a mapping a copy of the environment; None where it is none."""
    if not isinstance(value, Mapping) or value.complete or value.place is None:
        return None
    file, node = value.place.file, value.place.node
    frame = frame_at(file, node)
    changes = _changes(file, node)
    if any(_filters(change) for change in changes):
        return None
    if isinstance(node, ast.Dict):
        parts = [part for key, part in zip(node.keys, node.values, strict=True) if key is None]
        whole = any(is_whole(file, part, frame, depth + 1) for part in parts)
    elif isinstance(node, ast.Call):
        whole = _copying(file, node, frame, depth)
    else:
        whole = isinstance(node, ast.DictComp) and _comprehended(file, node, frame, depth)
    if whole:
        return node
    return next((change.node for change in changes if _adds_all(file, change, frame, depth)), None)


def _changes(file: File, node: ast.AST) -> list[Mutation]:
    """What is done to the name to which an expression is assigned."""
    statement = file.scopes.parents.get(node)
    target = statement.targets[0] if isinstance(statement, ast.Assign) else getattr(statement, "target", None)
    return file.scopes.scope(node).mutations.get(target.id, []) if isinstance(target, ast.Name) else []


def _adds_all(file: File, change: Mutation, frame: Frame, depth: int) -> bool:
    """``d.update(os.environ)``."""
    call = change.node
    if not isinstance(call, ast.Call) or change.path or getattr(call.func, "attr", "") != "update":
        return False
    parts = [*call.args, *(keyword.value for keyword in call.keywords if keyword.arg is None)]
    return any(is_whole(file, part, frame, depth + 1) for part in parts)


def _copying(file: File, node: ast.Call, frame: Frame, depth: int) -> bool:
    """``os.environ.copy()``, ``dict(os.environ, A="1")``, ``dict(**os.environ)``."""
    names = {value.name for value in file.project.evaluator.ask(node.func, frame) if isinstance(value, External)}
    if f"{ENVIRON}.copy" in names:
        return True
    if isinstance(node.func, ast.Attribute) and node.func.attr == "copy" and not node.args:
        return is_whole(file, node.func.value, frame, depth + 1)
    parts = [*node.args, *(keyword.value for keyword in node.keywords if keyword.arg is None)]
    return bool(names & _COPIERS) and any(is_whole(file, part, frame, depth + 1) for part in parts)


def _comprehended(file: File, node: ast.DictComp, frame: Frame, depth: int) -> bool:
    """``{k: v for k, v in os.environ.items()}``, nothing left out and nothing hidden."""
    if len(node.generators) != 1 or node.generators[0].ifs:
        return False
    over, target, value = node.generators[0].iter, node.generators[0].target, node.value
    if isinstance(over, ast.Call) and isinstance(over.func, ast.Attribute) and over.func.attr == "items":
        values = target.elts[-1] if isinstance(target, ast.Tuple) and target.elts else None
        same = isinstance(value, ast.Name) and isinstance(values, ast.Name) and value.id == values.id
        return same and is_whole(file, over.func.value, frame, depth + 1)
    return isinstance(target, ast.Name) and looks_up(value, target.id) and is_whole(file, over, frame, depth + 1)


def looks_up(node: ast.expr, name: str) -> bool:
    """``os.environ[name]``, ``os.environ.get(name)``, whatever the mapping is."""
    key: ast.expr | None = None
    if isinstance(node, ast.Subscript):
        key = node.slice
    elif isinstance(node, ast.Call) and isinstance(node.func, ast.Attribute) and node.func.attr == "get" and node.args:
        key = node.args[0]
    return isinstance(key, ast.Name) and key.id == name


def _is_union(file: File, value: Value, node: ast.AST | None, depth: int) -> bool:
    """``os.environ | {…}``, written there or assigned to the name that stands there."""
    if not isinstance(value, Mapping) or value.complete or node not in file.scopes.parents:
        return False
    assert node is not None
    frame = frame_at(file, node)
    if isinstance(node, ast.BinOp) and isinstance(node.op, ast.BitOr):
        return any(is_whole(file, side, frame, depth + 1) for side in (node.left, node.right))
    home = file.scopes.lookup(node.id, file.scopes.scope(node)) if isinstance(node, ast.Name) else None
    if home is None or not isinstance(node, ast.Name):
        return False
    if any(_filters(change) for change in home.mutations.get(node.id, ())):
        return False
    return any(
        binding.kind == "assign"
        and isinstance(binding.value, ast.BinOp)
        and is_whole(file, binding.value, frame, depth + 1)
        for binding in home.bindings[node.id]
    )


def _filters(change: Mutation) -> bool:
    """Whether a change takes keys out that are not named one by one."""
    node = change.node
    if change.kind == "delete":
        return not isinstance(change.path[-1], (ast.Constant, str))
    if change.kind == "call" and isinstance(node, ast.Call) and isinstance(node.func, ast.Attribute):
        if node.func.attr == "pop":
            return not (node.args and isinstance(node.args[0], ast.Constant))
        return node.func.attr == "clear"
    return False


def _all_keys(node: ast.AST, frame: Frame) -> bool:
    """``list(os.environ)``, ``os.environ.keys()``."""
    ev = frame.file.project.evaluator
    if not isinstance(node, ast.Call):
        return is_whole(frame.file, node, frame)
    if isinstance(node.func, ast.Attribute) and node.func.attr == "keys":
        return is_whole(frame.file, node.func.value, frame)
    names = {value.name for value in ev.ask(node.func, frame) if isinstance(value, External)}
    return bool(names & _LISTS) and len(node.args) == 1 and _all_keys(node.args[0], frame)
