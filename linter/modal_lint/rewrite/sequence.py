"""Comma-separated items between brackets, with every comment and blank: take items out, put items in."""

from __future__ import annotations

import ast
from typing import TYPE_CHECKING

from modal_lint.records import made, record
from modal_lint.rewrite.text import CannotRewrite, Piece, Source, past_blanks, past_closing

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

Pieces = list[Piece]
Part = ast.expr | ast.keyword


@record
class Item:
    """One item: its text, what stands before its comma, the comma, and the gap up to the next item or bracket."""

    body: Pieces
    before_comma: Pieces = made(default_factory=list)
    comma: Piece | None = None
    gap: Pieces = made(default_factory=list)
    start: int = -1
    end: int = -1
    parts: tuple[Part, ...] = ()  # what it was made of in the file: a key and a value, or one node

    @property
    def value(self) -> ast.expr:
        """What the item gives: an argument or element without its keyword, key or star."""
        last = self.parts[-1]
        return last.value if isinstance(last, (ast.keyword, ast.Starred)) else last


@record
class Sequence:
    """The inside of a pair of brackets, from ``start`` to ``end``."""

    source: Source
    start: int
    end: int
    lead: Pieces
    items: list[Item]
    is_tuple: bool = False

    @classmethod
    def found(
        cls, source: Source, start: int, end: int, parts: Iterable[tuple[tuple[Part, ...], int]], is_tuple: bool = False
    ) -> Sequence:
        """The items between two offsets, from what they are made of and where the last of that ends.

        Only blanks, comments, parentheses, stars and commas stand between them.
        """
        text = source.plain
        begin = past_blanks(text, start, end)
        sequence = cls(source, start, end, [(start, begin)], [], is_tuple)
        for nodes, last in parts:
            close, place = past_closing(text, last, end)
            item = Item([(begin, close)], start=begin, end=close, parts=nodes)
            if place < end:
                if text[place] != ",":
                    raise CannotRewrite("the text at this place is not as expected")
                item.before_comma, item.comma = [(close, place)], (place, place + 1)
                close = place + 1
            begin = past_blanks(text, close, end)
            item.gap = [(close, begin)]
            sequence.items.append(item)
        return sequence

    def pieces(self) -> Iterator[Piece]:
        """The inside as it stands after the changes."""
        yield from self.lead
        for item in self.items:
            yield from item.body
            yield from item.before_comma
            if item.comma is not None:
                yield item.comma
            yield from item.gap

    def remove(self, item: Item) -> None:
        """Take an item out with its comma, its own trailing comment and its own lines."""
        index = next(i for i, other in enumerate(self.items) if other is item)
        del self.items[index]
        before = self.items[index - 1] if index else None
        last = index == len(self.items)
        gap = self._joined(self._gap_above(index), item, opening=before is None, last=last)
        self._set_gap_above(index, gap)
        if before and last and item.comma is None:
            before.comma = None
            if not self._comments(before.before_comma):
                before.before_comma = []
        if not self.items and not self._comments(self.lead):
            self.lead = []

    def append(self, text: str) -> None:
        """Put an item at the end, laid out as the last one."""
        if not self.items:
            self._fill(text)
            return
        last = self.items[-1]
        indent = self._own_indent(len(self.items) - 1)
        comma, single = last.comma, self.is_tuple and len(self.items) == 1
        new = Item([text], comma="," if comma is not None else None, gap=last.gap)
        last.comma = "," if comma is None else comma
        if indent is None:
            last.gap = [" "]
            if single:
                new.comma = None
        elif "\n" in self._text(new.gap):
            first, rest = self._cut(new.gap, self._text(new.gap).index("\n") + 1)
            last.gap, new.gap = [*first, indent], ["\n", *rest]
        else:
            last.gap = ["\n" + indent]
        self.items.append(new)

    def insert(self, index: int, text: str) -> None:
        """Put an item in front of the one at ``index``, laid out as that one."""
        if index >= len(self.items):
            self.append(text)
            return
        if self.is_tuple and len(self.items) == 1 and "\n" not in self._text(self.items[0].gap):
            self.items[0].comma = None
        indent = self._own_indent(index)
        new = Item([text], comma=",", gap=[" "])
        if indent is not None:
            above = self._gap_above(index)
            first, rest = self._cut(above, self._text(above).index("\n") + 1)
            new.gap = ["\n", *rest]
            self._set_gap_above(index, [*first, indent])
        self.items.insert(index, new)

    def _gap_above(self, index: int) -> Pieces:
        return self.items[index - 1].gap if index else self.lead

    def _set_gap_above(self, index: int, gap: Pieces) -> None:
        if index:
            self.items[index - 1].gap = gap
        else:
            self.lead = gap

    def _fill(self, text: str) -> None:
        lead = self._text(self.lead)
        new = Item([text], comma="," if self.is_tuple else None)
        if "#" in lead:
            above, below = self._cut(self.lead, lead.rindex("\n") + 1)
            last_line = lead.rstrip(" \t")[:-1].rpartition("\n")[2] if "\n" in lead[: lead.rindex("\n")] else ""
            own = last_line[: len(last_line) - len(last_line.lstrip())]
            indent = own or self._text(below) + self.source.indent
            self.lead, new.comma, new.gap = [*above, indent], ",", ["\n", *below]
        else:
            self.lead = []
        self.items.append(new)

    def _own_indent(self, index: int) -> str | None:
        """The indentation of an item that starts its own line, None where it shares a line."""
        gap = self._text(self._gap_above(index))
        return gap.rpartition("\n")[2] if "\n" in gap else None

    def _joined(self, gap: Pieces, item: Item, *, opening: bool, last: bool) -> Pieces:
        """What stands in place of ``gap`` + ``item`` + its gap once the item is out."""
        above = self._text(gap)
        starts_line = "\n" in above
        after = self._after(item, owns_comment=starts_line or opening)
        below = self._text(after)
        ends_line = "\n" in below
        if starts_line and ends_line:
            return self._cut(gap, above.rindex("\n") + 1)[0] + self._cut(after, below.index("\n") + 1)[1]
        if starts_line:
            return gap if not last or "#" in above else after
        if not ends_line:
            return after if last else gap
        if not opening:
            return after
        rest = self._cut(after, below.index("\n"))[1]
        return gap + rest if self._comments(rest) else gap

    def _after(self, item: Item, *, owns_comment: bool) -> Pieces:
        """The text after an item without its comma, as far as anything in it has to stay."""
        own, _, others = self._text(item.before_comma + item.gap).partition("\n")
        if "\n" in self._text(item.before_comma) and ("#" in others or ("#" in own and not owns_comment)):
            return item.before_comma + item.gap
        return item.gap

    def _comments(self, pieces: Pieces) -> bool:
        return "#" in self._text(pieces)

    def _text(self, pieces: Pieces) -> str:
        return self.source.pieces_text(pieces)

    def _cut(self, pieces: Pieces, at: int) -> tuple[Pieces, Pieces]:
        """The pieces before and after ``at`` characters."""
        left: Pieces = []
        for index, piece in enumerate(pieces):
            size = len(piece) if isinstance(piece, str) else piece[1] - piece[0]
            if size > at:
                if isinstance(piece, str):
                    return [*left, piece[:at]], [piece[at:], *pieces[index + 1 :]]
                middle = piece[0] + at
                return [*left, (piece[0], middle)], [(middle, piece[1]), *pieces[index + 1 :]]
            left.append(piece)
            at -= size
        return left, []
