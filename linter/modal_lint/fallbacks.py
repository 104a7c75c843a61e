"""The fix of a hardcoded fallback: the lookup stays, the literal goes."""

from __future__ import annotations

import ast
from typing import TYPE_CHECKING

from modal_lint import moving
from modal_lint.model import Edit, Fix, Hidden, Move

if TYPE_CHECKING:
    from modal_lint.exposure import Exposure
    from modal_lint.source import File
    from modal_lint.values import Fallback

_CALLS = frozenset(("get", "getenv"))


def without(exposure: Exposure) -> tuple[Fix | None, str]:
    """The fix that takes the fallback away, or the reason why there is none."""
    fallback, value, origin = exposure.fallback, exposure.value.known, exposure.origin
    if fallback is None or fallback.key is None or value is None or origin is None:
        return None, "the variable is not known"
    file = fallback.place.file
    if file is not exposure.use.file:
        return None, f"the lookup stands in {file.path}"
    lookup = _lookup(file, fallback)
    if lookup is None:
        return None, "the lookup and its fallback are apart"
    literal, environ = lookup
    if not isinstance(literal, ast.Constant) or literal is not origin.node or literal.value != value:
        return None, "the fallback is not one plain literal"
    edits = [Edit(file.span(fallback.place.node), f"{environ}[{_quoted(file, fallback.key)}]")]
    (name, _keys), *_ = moving.grouped(file, [fallback.key]).items()
    moves = (Move(name, fallback.key, Hidden(value)),)
    inside = file.scopes.scope(fallback.place.node).function.node is not file.tree
    return Fix(f"Read {fallback.key} without a fallback", tuple(edits), safe=inside, moves=moves), ""


def _lookup(file: File, fallback: Fallback) -> tuple[ast.expr, str] | None:
    """The fallback's expression, and how the file spells ``os.environ``; None where that is not certain."""
    node = fallback.place.node
    if isinstance(node, ast.BoolOp) and isinstance(node.op, ast.Or) and len(node.values) == 2:
        environ = _environ(file, node.values[0])
        return None if environ is None else (node.values[1], environ)
    if isinstance(node, ast.Call):
        environ = _environ(file, node)
        given = (
            node.args[1] if len(node.args) == 2 else next((k.value for k in node.keywords if k.arg == "default"), None)
        )
        return None if environ is None or given is None else (given, environ)
    return None


def _environ(file: File, node: ast.expr) -> str | None:
    if not isinstance(node, ast.Call) or not node.args or not isinstance(node.args[0], ast.Constant):
        return None
    func = node.func
    if not isinstance(func, ast.Attribute) or func.attr not in _CALLS:
        return None
    return file.segment(func.value) if func.attr == "get" else f"{file.segment(func.value)}.environ"


def _quoted(file: File, key: str) -> str:
    from modal_lint.rewrite import string_literal

    return string_literal(key, moving.source_of(file).quote)
