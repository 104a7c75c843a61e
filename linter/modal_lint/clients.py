"""Which client of the reference dialect a new look-up has to go through."""

from __future__ import annotations

import ast
from typing import TYPE_CHECKING

from modal_lint.values import Object

if TYPE_CHECKING:
    from modal_lint.uses import Use

_GROUPS = ("sandboxes", "images", "functions", "secrets", "apps")


def behind(use: Use) -> str | None:
    """The client that a call goes through, that made what it is called on, or the only one in sight, as source text."""
    through = _client_of(use.node)
    return use.file.segment(through) if through is not None else _maker(use) or _client_name(use)


def _client_of(call: ast.AST) -> ast.expr | None:
    """The client in ``client.sandboxes.create(…)``."""
    node = call.func if isinstance(call, ast.Call) else None
    while isinstance(node, ast.Attribute):
        if node.attr in _GROUPS:
            return node.value
        node = node.value.func if isinstance(node.value, ast.Call) else node.value
    return None


def _maker(use: Use) -> str | None:
    """The name of the client that made what the call is called on, where it is the same name here."""
    made = None if use.owner is None else use.owner.call
    client = None if made is None or made.file is not use.file else _client_of(made.node)
    if made is None or not isinstance(client, ast.Name):
        return None
    scopes = use.file.scopes
    home = scopes.lookup(client.id, scopes.scope(client))
    here = scopes.lookup(client.id, scopes.scope(use.node))
    return client.id if home is not None and home is here and len(home.bindings[client.id]) == 1 else None


def _client_name(use: Use) -> str | None:
    """The name of the one client in scope."""
    scopes = use.file.scopes
    scope = scopes.scope(use.node)
    found: dict[str, None] = {}
    for candidate in (scope.function, scopes.module):
        for name, bindings in candidate.bindings.items():
            if len(bindings) != 1 or bindings[0].value is None or bindings[0].kind not in ("assign", "with"):
                continue
            values = use.file.project.evaluator.ask(bindings[0].value, use.frame)
            if any(isinstance(value, Object) and value.type.endswith("ModalClient") for value in values):
                later = candidate is scope.function and bindings[0].position > (use.node.lineno, use.node.col_offset)
                found.update({} if later else {name: None})
    return next(iter(found)) if len(found) == 1 else None
