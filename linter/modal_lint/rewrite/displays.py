"""Dict, list, set and tuple displays, and the expressions that stand in for them: entries out, items in."""

from __future__ import annotations

from typing import TYPE_CHECKING

import libcst as cst

from modal_lint.rewrite.text import CannotRewrite
from modal_lint.rewrite.tree import Parsed, walk

if TYPE_CHECKING:
    from collections.abc import Sequence as Many

    from modal_lint.model import Span
    from modal_lint.rewrite.sequence import Item, Pieces, Sequence

_LOOSER_THAN_STAR = (cst.BooleanOperation, cst.Comparison, cst.IfExp, cst.Lambda, cst.NamedExpr, cst.Yield)


def refuse_bindings(node: cst.CSTNode) -> None:
    """Raise ``CannotRewrite`` where text that is to go does more than give a value."""
    for part in walk(node):
        if isinstance(part, cst.NamedExpr):
            raise CannotRewrite("a name is bound inside the text that would go")
        if isinstance(part, (cst.Yield, cst.Await)):
            raise CannotRewrite("the text that would go suspends its function")


def without_entries(parsed: Parsed, value: cst.CSTNode, entries: Many[Span]) -> tuple[Pieces, bool]:
    """The pieces of ``value`` without the entries, and whether ``value`` is now a mapping with nothing in it."""
    mappings = [(node, parsed.sequence(node)) for node in walk(value) if _is_mapping(node)]
    places = [_entry(mappings, parsed, *parsed.source.range(span)) for span in entries]
    changed: list[Sequence] = []
    for sequence, item in places:
        if any(item is other for other in sequence.items):
            sequence.remove(item)
        if not any(sequence is other for other in changed):
            changed.append(sequence)
    start, end = parsed.ranges[value] if value is not parsed.node else (parsed.start, parsed.end)
    pieces: Pieces = []
    for sequence in sorted(changed, key=lambda sequence: sequence.start):
        if sequence.start < start:
            raise CannotRewrite("an entry lies inside another one")
        pieces += [(start, sequence.start), *sequence.pieces()]
        start = sequence.end
    whole = mappings[0][1] if mappings and mappings[0][0] is value else None
    empty = whole is not None and not any(True for _ in whole.pieces())
    return [*pieces, (start, end)], empty


def _is_mapping(node: cst.CSTNode) -> bool:
    match node:
        case cst.Dict() | cst.Call(func=cst.Name(value="dict")):
            return True
    return False


def _entry(
    mappings: Many[tuple[cst.CSTNode, Sequence | None]], parsed: Parsed, start: int, end: int
) -> tuple[Sequence, Item]:
    """The innermost mapping and the item of it whose key lies between two offsets."""
    for node, sequence in reversed(mappings):
        nodes = node.args if isinstance(node, cst.Call) else node.elements if isinstance(node, cst.Dict) else ()
        for part, item in zip(nodes, sequence.items if sequence else (), strict=False):
            if item.start <= start and end <= item.end and _is_key(part, parsed, start):
                refuse_bindings(part)
                assert sequence is not None
                return sequence, item
    raise CannotRewrite("the entry is not in this mapping")


def _is_key(part: cst.CSTNode, parsed: Parsed, start: int) -> bool:
    if isinstance(part, cst.DictElement):
        return start < parsed.ranges[part.value][0]
    return True


def extended(parsed: Parsed, node: cst.BaseExpression, place: tuple[int, int], text: str, *, at_front: bool) -> Pieces:
    """The pieces of the expression at ``place`` with one more item, laid out as the others of a display."""
    sequence = parsed.sequence(node) if isinstance(node, (cst.List, cst.Tuple, cst.Set)) else None
    if sequence is None:
        return starred(node, place, text, at_front=at_front)
    if at_front:
        sequence.insert(0, text)
    else:
        sequence.append(text)
    return [(place[0], sequence.start), *sequence.pieces(), (sequence.end, place[1])]


def starred(
    node: cst.BaseExpression, place: tuple[int, int], text: str, *, at_front: bool, may_be_none: bool = False
) -> Pieces:
    """The pieces of a list that holds the items of the expression at ``place`` and one more."""
    if isinstance(node, cst.Name) and node.value == "None":
        return [f"[{text}]"]
    _refuse_unlisted(node)
    none = may_be_none or _gives_none(node)
    inner: Pieces = ["(", place, ")"] if isinstance(node, _LOOSER_THAN_STAR) else [place]
    if none:
        inner = ["(", *inner, " or ())"]
    return ["[" + text + ", *", *inner, "]"] if at_front else ["[*", *inner, f", {text}]"]


def _refuse_unlisted(node: cst.BaseExpression) -> None:
    if isinstance(node, (cst.Lambda, cst.Dict)):
        raise CannotRewrite("the expression is not a sequence")


def _gives_none(node: cst.BaseExpression) -> bool:
    match node:
        case cst.Name(value="None"):
            return True
        case cst.IfExp():
            return _gives_none(node.body) or _gives_none(node.orelse)
        case cst.BooleanOperation():
            return _gives_none(node.right) or isinstance(node.operator, cst.And)
    return False
