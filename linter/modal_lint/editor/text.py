"""A text with places in it: lines and columns are counted as the protocol counts them.

pygls splits lines where `str.splitlines` does, also at form feeds and U+2028, and takes a column past the end of a line
for the one before it. Both would put an edit at another place than the editor has it.
"""

from __future__ import annotations

import re

from lsprotocol import types

from modal_lint.edits import EditError, source_encoding
from modal_lint.model import Span

_LINE = re.compile(r"[^\r\n]*(?:\r\n|\n|\r)|[^\r\n]+\Z")
_MARK = "\ufeff"  # a byte order mark; the analysis counts columns without it
_UNITS = {types.PositionEncodingKind.Utf8: ("utf-8", 1), types.PositionEncodingKind.Utf16: ("utf-16-le", 2)}


class Text:
    """A text with places in it, in code points and in the editor's units.

    Args:
        source: the text.
        encoding: the units of columns that were agreed upon with the editor.
    """

    def __init__(self, source: str, encoding: str = types.PositionEncodingKind.Utf16) -> None:
        self.source = source
        self.lines: list[str] = _LINE.findall(source)
        self._codec, self._size = _UNITS.get(types.PositionEncodingKind(encoding), ("", 0))
        self._marked = source.startswith(_MARK)

    def line(self, number: int) -> str:
        """The line with this number, counted from 0, without its ending; empty past the end."""
        return self.lines[number].rstrip("\r\n") if 0 <= number < len(self.lines) else ""

    def range(self, span: Span) -> types.Range:
        """A span of the analysis as the editor writes it."""
        return types.Range(self._position(span.line, span.column), self._position(span.end_line, span.end_column))

    def span(self, range_: types.Range) -> Span:
        """A range of the editor's as the analysis writes it."""
        return Span(*self._place(range_.start), *self._place(range_.end))

    def column(self, position: types.Position) -> int:
        """The column in code points; the end of the line for one past it, as the protocol demands."""
        body = self.line(position.line)
        if not self._size or body.isascii():
            return min(position.character, len(body))
        taken = 0
        for at, character in enumerate(body):
            if taken >= position.character:
                return at
            taken += self._width(character)
        return len(body)

    def offset(self, line: int, column: int) -> int:
        """The offset of a place of the analysis."""
        number = min(max(line - 1, 0), len(self.lines))
        return sum(map(len, self.lines[:number])) + min(column + self._shift(number), len(self.line(number)))

    def between(self, start: int, end: int) -> types.Range:
        """The range between two offsets as the editor writes it."""
        return types.Range(self._position_of(start), self._position_of(end))

    def ending(self, line: int) -> str:
        """The line ending in use around a line of the analysis."""
        for number in range(min(line, len(self.lines)) - 1, -1, -1):
            whole = self.lines[number]
            if whole != self.line(number):
                return whole[len(self.line(number)) :]
        return "\n"

    def replaced(self, range_: types.Range, new: str) -> str:
        """The text with another one in place of a range."""
        return self.source[: self._offset(range_.start)] + new + self.source[self._offset(range_.end) :]

    def _position(self, line: int, column: int) -> types.Position:
        number = max(line - 1, 0)
        before = self.line(number)[: column + self._shift(number)]
        return types.Position(number, self._width(before))

    def _position_of(self, offset: int) -> types.Position:
        for number, whole in enumerate(self.lines):
            if offset <= len(self.line(number)):
                return types.Position(number, self._width(whole[:offset]))
            offset -= len(whole)
        return types.Position(len(self.lines), 0)

    def _place(self, position: types.Position) -> tuple[int, int]:
        return position.line + 1, max(self.column(position) - self._shift(position.line), 0)

    def _shift(self, number: int) -> int:
        return 1 if self._marked and number == 0 else 0

    def _width(self, text: str) -> int:
        if not self._size or text.isascii():
            return len(text)
        return len(text.encode(self._codec, "surrogatepass")) // self._size

    def _offset(self, position: types.Position) -> int:
        if position.line >= len(self.lines):
            return len(self.source)
        return sum(map(len, self.lines[: position.line])) + self.column(position)


def encoded(source: str) -> bytes:
    """The bytes of a text in the encoding that it declares; what that cannot hold is one question mark a character."""
    data = source.encode("utf-8", "replace")
    try:
        codec = source_encoding(data)
        return data if codec in ("utf-8", "utf-8-sig") else source.encode(codec, "replace")
    except (EditError, LookupError, UnicodeError):
        return data  # the analysis says what is wrong with the declaration
