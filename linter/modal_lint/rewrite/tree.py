"""libcst on one expression: the tree of a piece of the file, with every node's offsets in the file."""

from __future__ import annotations

import ast
from dataclasses import dataclass
from typing import TYPE_CHECKING

import libcst as cst
from libcst.metadata import MetadataWrapper, WhitespaceInclusivePositionProvider

from modal_lint.rewrite.sequence import Item, Sequence
from modal_lint.rewrite.text import CannotRewrite, Source

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping
    from collections.abc import Sequence as Many

# libcst's tree functions recurse a few frames for each level; beyond this the interpreter's limit is near.
_DEEPEST = 120


@dataclass(frozen=True)
class Parsed:
    """An expression, and where each node of its tree stands in the file, blanks and brackets included."""

    source: Source
    start: int
    end: int
    node: cst.BaseExpression
    ranges: Mapping[cst.CSTNode, tuple[int, int]]

    def sequence(self, node: cst.CSTNode) -> Sequence | None:
        """The items of a call, dict, list, set or tuple display; None for any other node."""
        match node:
            case cst.Call():
                return self._call(node)
            case cst.Dict():
                return self.between(node.elements, node.lbrace.whitespace_after, node.rbrace.whitespace_before)
            case cst.List():
                return self.between(node.elements, node.lbracket.whitespace_after, node.rbracket.whitespace_before)
            case cst.Set():
                return self.between(node.elements, node.lbrace.whitespace_after, node.rbrace.whitespace_before)
            case cst.Tuple():
                return self._tuple(node)
        return None

    def _call(self, node: cst.Call) -> Sequence:
        start, end = self.ranges[node.whitespace_before_args]
        if node.args:
            end = self.ranges[node.args[-1]][1]
        return Sequence(self.source, start, end, *self._items(node.args, start, end))

    def between(self, nodes: Many[cst.CSTNode], opening: cst.CSTNode, closing: cst.CSTNode) -> Sequence:
        """The items between the blanks after an opening and before a closing bracket."""
        start, end = self.ranges[opening][0], self.ranges[closing][1]
        return Sequence(self.source, start, end, *self._items(nodes, start, end))

    def _tuple(self, node: cst.Tuple) -> Sequence:
        start, end = self.start, self.end
        if node is not self.node or len(node.lpar) > 1:
            start = self.ranges[node.lpar[-1].whitespace_after][0]
            end = self.ranges[node.rpar[0].whitespace_before][1]
        return Sequence(self.source, start, end, *self._items(node.elements, start, end), is_tuple=True)

    def _items(self, nodes: Many[cst.CSTNode], start: int, end: int) -> tuple[list[tuple[int, int] | str], list[Item]]:
        starts = [self.ranges[node][0] for node in nodes]
        items = [
            self._item(node, begin, until) for node, begin, until in zip(nodes, starts, [*starts, end][1:], strict=True)
        ]
        return [(start, starts[0] if starts else end)], items

    def _item(self, node: cst.CSTNode, start: int, until: int) -> Item:
        end = self.ranges[_last_part(node)][1]
        comma = getattr(node, "comma", None)
        if not isinstance(comma, cst.Comma):
            return Item([(start, end)], gap=[(end, until)], start=start, end=end)
        place = self.ranges[comma.whitespace_before][1]
        return Item([(start, end)], [(end, place)], (place, place + 1), [(place + 1, until)], start, end)


def parse_expression(source: Source, start: int, end: int) -> Parsed:
    """The expression between two offsets; raises ``CannotRewrite`` where libcst sees none."""
    _check_depth(parsed_ast(source.plain[start:end]))
    return _parse(source, start, end, "(")


def parse_call(source: Source, start: int, end: int) -> Parsed:
    """The call between two offsets with its callee left out, which may be a chain too long for libcst."""
    node = parsed_ast(source.plain[start:end])
    if not isinstance(node, ast.Call):
        raise CannotRewrite("there is no call at this place")
    for part in (*node.args, *node.keywords):
        _check_depth(part)
    opening = skip(source.plain, start + end_of(source.plain[start:end], node.func), "(")
    return _parse(source, opening, end, "(_")


def parse_import_names(source: Source, start: int, end: int) -> Sequence | None:
    """The parenthesised names of the ``from`` import between two offsets; None where they have no parentheses."""
    module, ranges = _module(start, f"{source.plain[start:end]}\n", 0)
    statement = module.body[0]
    node = statement.body[0] if isinstance(statement, cst.SimpleStatementLine) else None
    match node:
        case cst.ImportFrom(names=[*names], lpar=cst.LeftParen() as left, rpar=cst.RightParen() as right):
            parsed = Parsed(source, start, end, cst.Name("_"), ranges)
            return parsed.between(names, left.whitespace_after, right.whitespace_before)
    return None


def parsed_ast(text: str) -> ast.expr:
    """The ``ast`` of an expression's text; raises ``CannotRewrite`` where it is none."""
    try:
        return ast.parse(f"(\n{text}\n)", mode="eval").body
    except (SyntaxError, ValueError, RecursionError, MemoryError):
        raise CannotRewrite("the text at this place is not an expression") from None


def end_of(text: str, node: ast.expr) -> int:
    """The offset in ``text`` at which a node of ``parsed_ast(text)`` ends."""
    lines = text.split("\n")
    line = (node.end_lineno or 2) - 2  # the text was parsed one line down
    column = len(lines[line].encode("utf-8", "surrogatepass")[: node.end_col_offset].decode("utf-8", "replace"))
    return sum(len(before) + 1 for before in lines[:line]) + column


def skip(text: str, offset: int, wanted: str) -> int:
    """The offset of ``wanted`` after blanks, comments, line continuations and closing parentheses."""
    while offset < len(text) and text[offset] != wanted:
        if text[offset] == "#":
            offset = (text.find("\n", offset) + 1 or len(text)) - 1
        elif text[offset] not in " \t\f\n\\)":
            break
        offset += 1
    if text[offset : offset + 1] != wanted:
        raise CannotRewrite("the text at this place is not as expected")
    return offset


def _parse(source: Source, start: int, end: int, prefix: str) -> Parsed:
    text = f"{prefix}{source.plain[start:end]}\n)\n"
    module, ranges = _module(start, text, len(prefix))
    return Parsed(source, start, end, _only_expression(module), ranges)


def _module(start: int, text: str, prefix: int) -> tuple[cst.Module, dict[cst.CSTNode, tuple[int, int]]]:
    """``text`` as a module, and its nodes' offsets in the file, where what follows the prefix stands at ``start``."""
    try:
        module = cst.parse_module(text)
        positions = MetadataWrapper(module, unsafe_skip_copy=True).resolve(WhitespaceInclusivePositionProvider)
    except (cst.ParserSyntaxError, RecursionError):
        raise CannotRewrite("libcst cannot read the text at this place") from None
    part = Source(text)
    base = start - prefix
    return module, {
        node: (
            base + part.offset(place.start.line, place.start.column),
            base + part.offset(place.end.line, place.end.column),
        )
        for node, place in positions.items()
    }


def _last_part(node: cst.CSTNode) -> cst.CSTNode:
    """The child an item's text ends with."""
    if isinstance(node, cst.ImportAlias):
        return node.asname or node.name
    value = getattr(node, "value", None)
    if not isinstance(value, cst.CSTNode):
        raise CannotRewrite("an item at this place has no value")
    return value


def _only_expression(module: cst.Module) -> cst.BaseExpression:
    match module.body:
        case [cst.SimpleStatementLine(body=[cst.Expr(value=value)])]:
            return value
    raise CannotRewrite("there is no single expression at this place")


def _check_depth(root: ast.AST) -> None:
    level: list[ast.AST] = [root]
    for _ in range(_DEEPEST):
        level = [child for node in level for child in ast.iter_child_nodes(node)]
        if not level:
            return
    raise CannotRewrite("the expression is nested too deeply")


def walk(node: cst.CSTNode) -> Iterator[cst.CSTNode]:
    """A node and everything under it, outermost first."""
    stack = [node]
    while stack:
        current = stack.pop()
        yield current
        stack.extend(reversed(current.children))
