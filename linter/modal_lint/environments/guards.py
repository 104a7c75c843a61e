"""Whether code is reached whenever the function around it runs, or only where something is so."""

from __future__ import annotations

import ast
from functools import cached_property
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterator

    from modal_lint.source import File

_FAILURES = frozenset(("KeyError", "LookupError", "Exception", "BaseException", "RuntimeError", "OpenAIError"))
_DEFINITIONS = (ast.FunctionDef, ast.AsyncFunctionDef, ast.Lambda)  # the body of a class runs where it stands


class Guards:
    """The conditions inside one function or module.

    Args:
        file: where it stands.
        node: the function or module.
    """

    def __init__(self, file: File, node: ast.AST) -> None:
        self.file, self.node = file, node

    def always(self, node: ast.AST) -> bool:
        """Whether a node is evaluated on every run, and its failure is not caught: no branch, no function inside.

        A run that returns or raises before does not count, nor a loop that makes no turn.
        """
        parents = self.file.scopes.parents
        child, parent = node, parents.get(node)
        while child is not self.node and parent is not None:
            if parent is not self.node and isinstance(parent, _DEFINITIONS) and _is_body(child, parent):
                return False
            if self._is_conditional(child, parent):
                return False
            child, parent = parent, parents.get(parent)
        return True

    def _is_conditional(self, child: ast.AST, parent: ast.AST) -> bool:
        if isinstance(parent, (ast.If, ast.IfExp, ast.While)):
            return child is not parent.test
        if isinstance(parent, ast.BoolOp):
            return child is not parent.values[0]
        if isinstance(parent, (ast.match_case, ast.ExceptHandler)):
            return True
        if isinstance(parent, (ast.For, ast.AsyncFor)):
            return child is not parent.iter and child in parent.orelse
        if isinstance(parent, ast.Try) or type(parent).__name__ == "TryStar":
            body, handlers, orelse = (getattr(parent, name) for name in ("body", "handlers", "orelse"))
            return child in orelse or (child in body and any(map(_catches, handlers)))
        if isinstance(parent, (ast.With, ast.AsyncWith)):
            return child in parent.body and any(_suppresses(item.context_expr) for item in parent.items)
        return False

    def mentions(self, key: str) -> bool:
        """Whether a condition of the function speaks of a variable by its name."""
        return key in self._mentioned

    @cached_property
    def _mentioned(self) -> frozenset[str]:
        return frozenset(
            node.value
            for test in _tests(self.node)
            for node in ast.walk(test)
            if isinstance(node, ast.Constant) and isinstance(node.value, str)
        )


def _is_body(child: ast.AST, definition: ast.AST) -> bool:
    """Whether a node is run when a definition is called, and not when it is made."""
    body = getattr(definition, "body", None)
    return child in body if isinstance(body, list) else child is body


def _tests(node: ast.AST) -> Iterator[ast.AST]:
    for inner in ast.walk(node):
        if isinstance(inner, (ast.If, ast.IfExp, ast.While, ast.Assert)):
            yield inner.test
        elif isinstance(inner, ast.comprehension):
            yield from inner.ifs
        elif isinstance(inner, (ast.For, ast.AsyncFor)):
            yield inner.iter  # ``for key in ("A", "B"): if key not in os.environ``


def _catches(handler: ast.ExceptHandler) -> bool:
    """Whether a handler catches what a missing variable raises."""
    if handler.type is None:
        return True
    named = {node.id for node in ast.walk(handler.type) if isinstance(node, ast.Name)}
    named |= {node.attr for node in ast.walk(handler.type) if isinstance(node, ast.Attribute)}
    return not named.isdisjoint(_FAILURES)


def _suppresses(context: ast.expr) -> bool:
    """``with suppress(KeyError)``, ``with pytest.raises(…)``, and context managers that only run their body locally."""
    func = context.func if isinstance(context, ast.Call) else context
    name = func.attr if isinstance(func, ast.Attribute) else func.id if isinstance(func, ast.Name) else ""
    return name in ("suppress", "raises", "imports", "assertRaises")
