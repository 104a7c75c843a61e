"""One expression: its ``ast``, where the nodes of it stand in the file, and the items between its brackets."""

from __future__ import annotations

import ast
import re
from functools import cached_property
from typing import TYPE_CHECKING

from modal_lint.rewrite.sequence import Item, Part, Sequence
from modal_lint.rewrite.text import CannotRewrite, Source, past_blanks, past_closing, span_of

if TYPE_CHECKING:
    from collections.abc import Iterable

_OPENING = "(\n"  # lines and their columns are counted from the line after it
_NAME_AND_SIGN = re.compile(r"\w+(?:[ \t\f\n\\]|#[^\n]*\n)*=")


class Parsed:
    """The expression between two offsets; raises ``CannotRewrite`` where there is none."""

    def __init__(self, source: Source, start: int, end: int) -> None:
        self.source = source
        self.start = start
        self.end = end
        self.node = parsed_ast(source.plain[start:end])

    @cached_property
    def _enclosed(self) -> Source:
        return Source(_enclosed(self.source.plain[self.start : self.end]))

    def range(self, node: Part) -> tuple[int, int]:
        """The offsets of a node in the file, without parentheses around it."""
        start, end = self._enclosed.range(span_of(self._enclosed.lines, node))
        base = self.start - len(_OPENING)
        return base + start, base + end

    def sequence(self, node: ast.expr) -> Sequence | None:
        """The items of a call, dict, list, set or tuple display; None for any other node."""
        parts: Iterable[tuple[Part, ...]]
        start, end = self.range(node)
        match node:
            case ast.Call():
                start = past_closing(self.source.plain, self.range(node.func)[1])[1]
                arguments: list[Part] = [*node.args, *node.keywords]
                parts = [(part,) for part in sorted(arguments, key=lambda part: (part.lineno, part.col_offset))]
            case ast.Dict():
                parts = [
                    (value,) if key is None else (key, value) for key, value in zip(node.keys, node.values, strict=True)
                ]
            case ast.List() | ast.Set() | ast.Tuple():
                parts = [(part,) for part in node.elts]
            case _:
                return None
        # A tuple without parentheses of its own has those that were put around the text.
        is_tuple = isinstance(node, ast.Tuple)
        start, end = max(start + 1, self.start), min(end - 1, self.end)
        return Sequence.found(self.source, start, end, [(one, self._end(one[-1], end)) for one in parts], is_tuple)

    def _end(self, node: Part, limit: int) -> int:
        """Where a node ends: a call's only argument may be a generator whose parentheses are the call's."""
        end = self.range(node)[1]
        if end > limit and isinstance(node, ast.GeneratorExp):
            last = node.generators[-1]
            return self.range(last.ifs[-1] if last.ifs else last.iter)[1]
        return end

    def lacks_brackets(self, item: Item) -> bool:
        """Whether an item is a generator whose parentheses are those of the call."""
        return isinstance(item.value, ast.GeneratorExp) and self.range(item.value)[0] < item.start

    def value_range(self, item: Item) -> tuple[int, int]:
        """The offsets of an argument's value, parentheses around it included."""
        name = isinstance(item.parts[0], ast.keyword) and _NAME_AND_SIGN.match(self.source.plain, item.start)
        return past_blanks(self.source.plain, name.end()) if name else item.start, item.end


def parsed_ast(text: str) -> ast.expr:
    """The ``ast`` of an expression's text; raises ``CannotRewrite`` where it is none."""
    try:
        return ast.parse(_enclosed(text), mode="eval").body
    except (SyntaxError, ValueError, RecursionError, MemoryError):
        raise CannotRewrite("the text at this place is not an expression") from None


def _enclosed(text: str) -> str:
    return f"{_OPENING}{text}\n)"
