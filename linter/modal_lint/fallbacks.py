"""The fix of a hardcoded fallback: the lookup stays, the literal goes."""

from __future__ import annotations

import ast
from typing import TYPE_CHECKING

from modal_lint import credentials, naming
from modal_lint.modal_api import Sink
from modal_lint.model import Edit, Fix, Hidden, Move

if TYPE_CHECKING:
    from modal_lint.exposure import Exposure
    from modal_lint.source import File
    from modal_lint.values import Fallback

_CALLS = frozenset(("get", "getenv"))
# Where a secret must not go, whether it is a literal or a variable's value: what is left would be one of family 2.
_KEPT = frozenset(
    (
        *(Sink.IMAGE_ENV, Sink.BUILD_ARGS, Sink.COMMAND, Sink.URL, Sink.PACKAGE, Sink.GIT_USER, Sink.IMAGE_ARGV),
        *(Sink.BUILD_PAYLOAD, Sink.ARGV, Sink.HOST_ARGV, Sink.PAYLOAD, Sink.LABEL),
    )
)


def without(exposure: Exposure) -> tuple[Fix | None, str]:
    """The fix that takes the fallback away, or the reason why there is none."""
    fallback, value, origin = exposure.fallback, exposure.value.known, exposure.origin
    if fallback is None or fallback.key is None or value is None or origin is None:
        return None, "the variable is not known"
    if exposure.sink in _KEPT and any(map(credentials.is_credential_key, (exposure.key, fallback.key))):
        return None, "its value gets out there, wherever it comes from"
    file = fallback.place.file
    if file is not exposure.use.file:
        return None, f"the lookup stands in {file.path}"
    lookup = _lookup(file, fallback)
    if lookup is None:
        return None, "the lookup and its fallback are apart"
    literal, required = lookup
    if not isinstance(literal, ast.Constant) or literal is not origin.node or literal.value != value:
        return None, "the fallback is not one plain literal"
    edits = [Edit(file.span(fallback.place.node), required)]
    (name, _keys), *_ = naming.grouped(file, [fallback.key]).items()
    moves = (Move(name, fallback.key, Hidden(value)),)
    inside = file.scopes.scope(fallback.place.node).function.node is not file.tree
    notes = (f"{file.path} now needs {fallback.key} in the environment that it runs in",)
    return Fix(f"Read {fallback.key} without a fallback", tuple(edits), safe=inside, moves=moves, notes=notes), ""


def _lookup(file: File, fallback: Fallback) -> tuple[ast.expr, str] | None:
    """The fallback's expression, and the lookup without it; None where that is not certain."""
    node = fallback.place.node
    if isinstance(node, ast.BoolOp) and isinstance(node.op, ast.Or) and len(node.values) == 2:
        required = _required(file, node.values[0])
        return None if required is None else (node.values[1], required)
    if isinstance(node, ast.Call):
        required = _required(file, node)
        given = (
            node.args[1] if len(node.args) == 2 else next((k.value for k in node.keywords if k.arg == "default"), None)
        )
        return None if required is None or given is None else (given, required)
    return None


def _required(file: File, node: ast.expr) -> str | None:
    """``os.environ[KEY]`` for a lookup of it, key and module spelled as in the file."""
    if not isinstance(node, ast.Call) or not node.args or not isinstance(node.args[0], ast.Constant):
        return None
    func = node.func
    if not isinstance(func, ast.Attribute) or func.attr not in _CALLS:
        return None
    environ = file.segment(func.value) if func.attr == "get" else f"{file.segment(func.value)}.environ"
    return f"{environ}[{file.segment(node.args[0])}]"
