"""Source text by place: spans to offsets and back, pieces of text to edits. Standard library only."""

from __future__ import annotations

import re
import sys
from bisect import bisect_right
from functools import cached_property
from itertools import chain
from typing import TYPE_CHECKING

from modal_lint.model import Edit, Span

if TYPE_CHECKING:
    import ast
    from collections.abc import Iterable, Sequence

_LINE_BREAK = re.compile(r"\r\n?|\n")
_QUOTE = re.compile(r"""(?<=[\s(\[{,=:])[bBrRfFuU]{0,2}(["'])(?!\1\1)""")
_BLANKS = re.compile(r"(?:[ \t\f\n\\]|#[^\n]*)*")
_BLOCK_INDENT = re.compile(r":[ \t]*(?:#[^\n]*)?\n(?:[ \t]*\n)*([ \t]+)\S")

# A piece of a rewritten text: a range of offsets that stays as it is, or new text.
Piece = tuple[int, int] | str


class CannotRewrite(Exception):  # noqa: N818 - a refusal, not a failure
    """The change cannot be made with certainty; ``reason`` says why and quotes no source."""

    def __init__(self, reason: str) -> None:
        super().__init__(reason)
        self.reason = reason


class Source:
    """One file's text. Offsets count code points of ``plain``, where every line break is ``\\n``."""

    def __init__(self, text: str) -> None:
        self.text = text
        self.plain = _LINE_BREAK.sub("\n", text)

    @cached_property
    def lines(self) -> list[str]:
        """The lines of ``plain``."""
        return self.plain.split("\n")

    @cached_property
    def newline(self) -> str:
        """The file's first line break, which new text uses too."""
        match = _LINE_BREAK.search(self.text)
        return match.group() if match else "\n"

    @cached_property
    def quote(self) -> str:
        """The quote that most of the file's strings open with; the double quote where that is open."""
        found = _QUOTE.findall(self.plain)
        return "'" if found.count("'") > found.count('"') else '"'

    @cached_property
    def indent(self) -> str:
        """The whitespace of the file's first indented block; four spaces where there is none."""
        match = _BLOCK_INDENT.search(self.plain)
        return match.group(1) if match else "    "

    @cached_property
    def _starts(self) -> list[int]:
        return [0, *(match.end() for match in re.finditer("\n", self.plain))]

    @cached_property
    def _text_starts(self) -> list[int]:
        return [0, *(match.end() for match in _LINE_BREAK.finditer(self.text))]

    def offset(self, line: int, column: int) -> int:
        """The offset of a place; raises ``CannotRewrite`` where the file has no such line."""
        if not 1 <= line <= len(self._starts):
            raise CannotRewrite("the place lies outside the file")
        return self._starts[line - 1] + column

    def range(self, span: Span) -> tuple[int, int]:
        """The offsets of a span; raises ``CannotRewrite`` where it does not lie in the file."""
        start, end = self.offset(span.line, span.column), self.offset(span.end_line, span.end_column)
        if not start <= end <= len(self.plain):
            raise CannotRewrite("the place lies outside the file")
        return start, end

    def span(self, start: int, end: int) -> Span:
        """The span between two offsets."""
        return Span(*self._place(start), *self._place(end))

    def _place(self, offset: int) -> tuple[int, int]:
        line = bisect_right(self._starts, offset)
        return line, offset - self._starts[line - 1]

    def segment(self, span: Span) -> str:
        """The original text of a span, with the file's own line breaks."""
        starts = self._text_starts
        self.range(span)
        return self.text[starts[span.line - 1] + span.column : starts[span.end_line - 1] + span.end_column]

    def edit(self, start: int, end: int, text: str) -> Edit:
        """An edit that replaces the text between two offsets."""
        return Edit(self.span(start, end), text.replace("\n", self.newline))

    def edits(self, start: int, end: int, pieces: Iterable[Piece]) -> list[Edit]:
        """The edits that turn the text between two offsets into ``pieces``, whose kept ranges are in order."""
        edits, cursor, added = [], start, ""
        for piece in chain(pieces, [(end, end)]):
            if isinstance(piece, str):
                added += piece
            elif piece[0] < piece[1] or piece[0] == end:
                if added or piece[0] > cursor:
                    edits.append(self.edit(cursor, piece[0], added))
                cursor, added = piece[1], ""
        return edits

    def pieces_text(self, pieces: Iterable[Piece]) -> str:
        """The text that pieces stand for."""
        return "".join(piece if isinstance(piece, str) else self.plain[piece[0] : piece[1]] for piece in pieces)


def span_of(lines: Sequence[str], node: ast.expr | ast.stmt | ast.keyword | ast.alias) -> Span:
    """The span of an ``ast`` node, its UTF-8 columns turned into code points; ``lines`` are the file's lines."""
    end_line, end_column = node.end_lineno or node.lineno, node.end_col_offset or node.col_offset
    return Span(
        node.lineno,
        _code_points(lines[node.lineno - 1], node.col_offset),
        end_line,
        _code_points(lines[end_line - 1], end_column),
    )


def _code_points(line: str, column: int) -> int:
    return column if line.isascii() else len(line.encode("utf-8", "surrogatepass")[:column].decode("utf-8", "replace"))


def past_blanks(text: str, offset: int, limit: int = sys.maxsize) -> int:
    """The offset of what follows blanks, comments and line continuations; ``offset`` is in no string."""
    found = _BLANKS.match(text, offset, limit)
    return found.end() if found else offset


def past_closing(text: str, offset: int, limit: int = sys.maxsize) -> tuple[int, int]:
    """The end of the closing parentheses after ``offset``, and the offset of what follows them and blanks."""
    end = offset
    following = past_blanks(text, end, limit)
    while following < limit and text[following : following + 1] == ")":
        end = following + 1
        following = past_blanks(text, end, limit)
    return end, following


def apply(text: str, edits: Iterable[Edit]) -> str:
    """The text with the edits made, from the end backwards; raises ``ValueError`` where two overlap."""
    source = Source(text)
    starts = source._text_starts
    limit = len(text)
    for edit in sorted(edits, key=lambda edit: edit.span)[::-1]:
        start = starts[edit.span.line - 1] + edit.span.column
        end = starts[edit.span.end_line - 1] + edit.span.end_column
        if end > limit:
            raise ValueError("edits overlap")
        text, limit = text[:start] + edit.text + text[end:], start
    return text


def combine(*groups: Iterable[Edit]) -> list[Edit]:
    """All edits in order, duplicates dropped and touching ones joined; raises ``CannotRewrite`` on an overlap."""
    joined: list[Edit] = []
    for edit in sorted(dict.fromkeys(chain.from_iterable(groups)), key=lambda edit: edit.span):
        if not joined:
            joined.append(edit)
            continue
        last = joined[-1]
        end, start = (last.span.end_line, last.span.end_column), (edit.span.line, edit.span.column)
        if start < end:
            raise CannotRewrite("two changes touch the same text")
        if start == end:
            span = Span(last.span.line, last.span.column, edit.span.end_line, edit.span.end_column)
            joined[-1] = Edit(span, last.text + edit.text)
        else:
            joined.append(edit)
    return joined
