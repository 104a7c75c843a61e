"""Text edits on the bytes of one file: everything that no edit names stays byte for byte.

Lines end at ``\\n``, ``\\r\\n`` and ``\\r`` only, as for Python's own tokenizer: a form feed or U+2028 is text.
"""

from __future__ import annotations

import re
import tokenize
from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from modal_lint.model import Edit, Fix

_LINE = re.compile(r"[^\r\n]*(?:\r\n|\n|\r|\Z)")
_BYTES_LINE = re.compile(rb"[^\r\n]*(?:\r\n|\n|\r|\Z)")


class EditError(ValueError):
    """An edit that cannot be applied to this text. Its message quotes neither the text nor the edit."""


@dataclass(frozen=True, slots=True)
class _Lines:
    """The lines of a text with their offsets."""

    text: str
    starts: tuple[int, ...]
    endings: tuple[str, ...]

    @classmethod
    def of(cls, text: str) -> _Lines:
        starts, endings = [0], []
        for match in _LINE.finditer(text):
            line = match.group()
            body = line.rstrip("\r\n")
            endings.append(line[len(body) :])
            if match.end() >= len(text):
                break
            starts.append(match.end())
        if endings[-1]:
            # A position after the last line ending is a place too: the start of an empty line.
            starts.append(len(text))
            endings.append("")
        return cls(text, tuple(starts), tuple(endings))

    def offset(self, line: int, column: int) -> int:
        if not 1 <= line <= len(self.starts):
            raise EditError("an edit names a line that the file does not have")
        start = self.starts[line - 1]
        stop = self.starts[line] if line < len(self.starts) else len(self.text)
        if not 0 <= column <= stop - len(self.endings[line - 1]) - start:
            raise EditError("an edit names a column that its line does not have")
        return start + column

    def ending_near(self, line: int) -> str:
        """The line ending in use around a line: its own, else that of the nearest line before it."""
        for ending in reversed(self.endings[:line]):
            if ending:
                return ending
        return "\n"


def source_encoding(data: bytes) -> str:
    """The encoding that Python would read ``data`` with: byte order mark, PEP 263 cookie, or UTF-8.

    Raises:
        EditError: the declaration is unknown or contradicts itself.
    """
    lines = (match.group() for match in _BYTES_LINE.finditer(data))
    try:
        return tokenize.detect_encoding(lambda: next(lines, b""))[0]
    except (SyntaxError, LookupError):
        raise EditError("the encoding of the file is not known") from None


def apply_edits(data: bytes, edits: Iterable[Edit], *, encoding: str | None = None) -> bytes:
    """Apply ``edits`` to the bytes of a file.

    Args:
        data: the file as it is on disk.
        edits: spans count lines from 1 and columns in code points from 0, a byte order mark excluded. Insertions at one
            place keep their order. A line feed in an edit's text becomes the line ending used around that place.
        encoding: what the file is encoded in; by default what its byte order mark or cookie says.

    Raises:
        EditError: a span lies outside the text, two edits overlap, or the text cannot be coded in the file's encoding.
    """
    wanted = tuple(edits)
    if not wanted:
        return data
    codec = encoding or source_encoding(data)
    text = _decode(data, codec)
    lines = _Lines.of(text)
    pieces: list[str] = []
    done = 0
    for start, stop, new in sorted(
        ((*_range(lines, edit), _text(lines, edit)) for edit in wanted), key=lambda piece: piece[:2]
    ):
        if start < done:
            raise EditError("two edits overlap")
        pieces += (text[done:start], new)
        done = stop
    pieces.append(text[done:])
    try:
        return "".join(pieces).encode(codec)
    except UnicodeError:
        raise EditError("an edit cannot be written in the encoding of the file") from None


def _decode(data: bytes, codec: str) -> str:
    try:
        text = data.decode(codec)
        if text.encode(codec) == data:
            return text
    except (UnicodeError, LookupError):
        pass
    raise EditError("the file cannot be decoded and written back unchanged")


def _range(lines: _Lines, edit: Edit) -> tuple[int, int]:
    span = edit.span
    start, stop = lines.offset(span.line, span.column), lines.offset(span.end_line, span.end_column)
    if stop < start:
        raise EditError("an edit ends before it starts")
    return start, stop


def _text(lines: _Lines, edit: Edit) -> str:
    return edit.text.replace("\r\n", "\n").replace("\n", lines.ending_near(edit.span.line))


def compatible(fixes: Iterable[Fix]) -> tuple[Fix, ...]:
    """The fixes of one file that can be applied together, in their order; the others wait for the next round.

    A fix comes whole or not at all. It waits when one of its edits touches (overlaps or borders on) an edit of a fix
    chosen before it: what each of two such fixes leaves behind is only known once the other is in place. The one
    exception is an insertion that is exactly equal, say the same import: `merged` makes it once.
    """
    chosen: list[Fix] = []
    taken: list[Edit] = []
    for fix in fixes:
        if all(_same_insertion(edit, other) or not _touch(edit, other) for edit in fix.edits for other in taken):
            chosen.append(fix)
            taken += fix.edits
    return tuple(chosen)


def merged(fixes: Sequence[Fix]) -> tuple[Edit, ...]:
    """The edits of compatible fixes; an insertion that an earlier fix makes already is not made again."""
    edits: list[Edit] = []
    for fix in fixes:
        earlier = tuple(edits)
        edits += (edit for edit in fix.edits if edit not in earlier)
    return tuple(edits)


def _touch(one: Edit, other: Edit) -> bool:
    if one.cell != other.cell:
        return False
    a, b = one.span, other.span
    return (a.line, a.column) <= (b.end_line, b.end_column) and (b.line, b.column) <= (a.end_line, a.end_column)


def _same_insertion(one: Edit, other: Edit) -> bool:
    span = one.span
    return one == other and (span.line, span.column) == (span.end_line, span.end_column)
