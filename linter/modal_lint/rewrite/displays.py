"""Dict, list, set and tuple displays, and the expressions that stand in for them: entries out, items in."""

from __future__ import annotations

import ast
from itertools import chain
from typing import TYPE_CHECKING

from modal_lint.rewrite.text import CannotRewrite

if TYPE_CHECKING:
    from collections.abc import Iterator
    from collections.abc import Sequence as Many

    from modal_lint.model import Span
    from modal_lint.rewrite.sequence import Item, Pieces, Sequence
    from modal_lint.rewrite.tree import Parsed

_LOOSER_THAN_STAR = (ast.BoolOp, ast.Compare, ast.IfExp, ast.Lambda, ast.NamedExpr, ast.Yield, ast.YieldFrom)


def refuse_bindings(*nodes: ast.AST) -> None:
    """Raise ``CannotRewrite`` where text that is to go does more than give a value."""
    for part in chain.from_iterable(map(ast.walk, nodes)):
        if isinstance(part, ast.NamedExpr):
            raise CannotRewrite("a name is bound inside the text that would go")
        if isinstance(part, (ast.Yield, ast.YieldFrom, ast.Await)):
            raise CannotRewrite("the text that would go suspends its function")


def without_entries(
    parsed: Parsed, value: ast.expr, place: tuple[int, int], entries: Many[Span]
) -> tuple[Pieces, bool]:
    """The pieces of ``value`` at ``place`` without the entries, and whether it is a mapping with nothing in it now."""
    mappings = [(node, sequence) for node in _mappings(value) if (sequence := parsed.sequence(node)) is not None]
    places = [_entry(mappings, parsed, *parsed.source.range(span)) for span in entries]
    changed: list[Sequence] = []
    for sequence, item in places:
        if any(item is other for other in sequence.items):
            sequence.remove(item)
        if not any(sequence is other for other in changed):
            changed.append(sequence)
    start, end = place
    pieces: Pieces = []
    for sequence in sorted(changed, key=lambda sequence: sequence.start):
        if sequence.start < start:
            raise CannotRewrite("an entry lies inside another one")
        pieces += [(start, sequence.start), *sequence.pieces()]
        start = sequence.end
    whole = mappings[0][1] if mappings and mappings[0][0] is value else None
    empty = whole is not None and not any(True for _ in whole.pieces())
    return [*pieces, (start, end)], empty


def _mappings(node: ast.AST) -> Iterator[ast.expr]:
    """Dict displays and calls of ``dict``, an outer one before those in it."""
    match node:
        case ast.JoinedStr():  # not every Python knows the places of what is in it
            return
        case ast.Dict() | ast.Call(func=ast.Name(id="dict")):
            yield node
    for child in ast.iter_child_nodes(node):
        yield from _mappings(child)


def _entry(mappings: Many[tuple[ast.expr, Sequence]], parsed: Parsed, start: int, end: int) -> tuple[Sequence, Item]:
    """The innermost mapping and the item of it whose key lies between two offsets."""
    for _, sequence in reversed(mappings):
        for item in sequence.items:
            if item.start <= start and end <= item.end and _is_key(item, parsed, start):
                refuse_bindings(*item.parts)
                return sequence, item
    raise CannotRewrite("the entry is not in this mapping")


def _is_key(item: Item, parsed: Parsed, start: int) -> bool:
    return len(item.parts) == 1 or start < parsed.range(item.parts[-1])[0]


def extended(parsed: Parsed, node: ast.expr, place: tuple[int, int], text: str, *, at_front: bool) -> Pieces:
    """The pieces of the expression at ``place`` with one more item, laid out as the others of a display."""
    sequence = parsed.sequence(node) if isinstance(node, (ast.List, ast.Tuple, ast.Set)) else None
    if sequence is None:
        return starred(node, place, text, at_front=at_front)
    if at_front:
        sequence.insert(0, text)
    else:
        sequence.append(text)
    return [(place[0], sequence.start), *sequence.pieces(), (sequence.end, place[1])]


def starred(node: ast.expr, place: tuple[int, int], text: str, *, at_front: bool, may_be_none: bool = False) -> Pieces:
    """The pieces of a list that holds the items of the expression at ``place`` and one more."""
    if _is_none(node):
        return [f"[{text}]"]
    _refuse_unlisted(node)
    none = may_be_none or _gives_none(node)
    inner: Pieces = ["(", place, ")"] if isinstance(node, _LOOSER_THAN_STAR) else [place]
    if none:
        inner = ["(", *inner, " or ())"]
    return ["[" + text + ", *", *inner, "]"] if at_front else ["[*", *inner, f", {text}]"]


def _refuse_unlisted(node: ast.expr) -> None:
    if isinstance(node, (ast.Lambda, ast.Dict)):
        raise CannotRewrite("the expression is not a sequence")


def _gives_none(node: ast.expr) -> bool:
    match node:
        case ast.IfExp():
            return _gives_none(node.body) or _gives_none(node.orelse)
        case ast.BoolOp():
            return _gives_none(node.values[-1]) or isinstance(node.op, ast.And)
    return _is_none(node)


def _is_none(node: ast.expr) -> bool:
    return isinstance(node, ast.Constant) and node.value is None
