"""Fluent chains: one step out, the others as they were."""

from __future__ import annotations

import ast
from typing import TYPE_CHECKING

from modal_lint.rewrite.text import CannotRewrite, Source, past_closing
from modal_lint.rewrite.tree import Parsed

if TYPE_CHECKING:
    from modal_lint.model import Edit, Span


def drop_chain_step(source: Source, call: Span) -> list[Edit]:
    """Take the last ``.method(…)`` of the chain at ``call`` out, with its own lines and trailing comment.

    Raises ``CannotRewrite`` where the call is no step of a chain or binds a name.
    """
    start, end = source.range(call)
    parsed = Parsed(source, start, end)
    node = parsed.node
    if not isinstance(node, ast.Call) or not isinstance(node.func, ast.Attribute):
        raise CannotRewrite("the call is no step of a chain")
    _refuse_bindings(node)
    value_end, dot = past_closing(source.plain, parsed.range(node.func.value)[1])
    return [source.edit(*_step(source.plain, value_end, dot, end), "")]


def _step(text: str, value_end: int, dot: int, end: int) -> tuple[int, int]:
    """The offsets of the text that goes with the step ``text[dot:end]`` after a value."""
    gap = text[value_end:dot]
    line_end = text.find("\n", end)
    line_end = len(text) if line_end < 0 else line_end
    rest = text[end:line_end].strip()
    if "\n" not in gap:
        return value_end, end
    if "\\" in gap.partition("#")[0]:
        if "#" in gap or gap.count("\n") != gap.count("\\"):
            raise CannotRewrite("the chain mixes line continuations and comments")
        return value_end, end
    if line_end < len(text) and (not rest or rest.startswith("#")):
        return text.rindex("\n", 0, dot) + 1, line_end + 1
    if "#" in gap or rest.startswith((".", "[", "(")):
        return dot, end
    return value_end, end


def _refuse_bindings(call: ast.Call) -> None:
    for part in (*call.args, *call.keywords):
        for node in ast.walk(part):
            if isinstance(node, (ast.NamedExpr, ast.Yield, ast.YieldFrom, ast.Await)):
                raise CannotRewrite("the step binds a name or suspends its function")
