"""Lines of source as they may be shown: every credential in them masked."""

from __future__ import annotations

import ast
from bisect import bisect_right
from typing import TYPE_CHECKING, NamedTuple

from modal_lint import credentials
from modal_lint.exposure import MIN_PART
from modal_lint.kept import Kept
from modal_lint.lazy import lazy
from modal_lint.model import ExcerptLine, Span

if TYPE_CHECKING:
    from collections.abc import Iterator

    from modal_lint.source import File

MAX_WIDTH = 160
_MASK = "••••"
_OPENING = lazy(r"(?i)[rbuft]{0,3}('''|\"\"\"|'|\")?")


def excerpt(file: File, span: Span) -> tuple[ExcerptLine, ...]:
    """The first line of a span, masked, with the part that the span covers."""
    text, start, end = masked_line(file, span.line, span.column, _end(file, span))
    return (ExcerptLine(span.line, *_window(text, start, end)),)


def _end(file: File, span: Span) -> int:
    return span.end_column if span.end_line == span.line else len(file.lines[span.line - 1])


def _window(text: str, start: int, end: int) -> tuple[str, int, int]:
    """The part of a long line around what is underlined."""
    if len(text) <= MAX_WIDTH:
        return text, start, end
    left = max(0, min(start - 20, len(text) - MAX_WIDTH))
    cut = text[left : left + MAX_WIDTH]
    shift = left - 1 if left else 0
    shown = ("…" if left else "") + cut + ("…" if left + MAX_WIDTH < len(text) else "")
    return shown, start - shift, min(end - shift, len(shown))


class _Masked(NamedTuple):
    """One line with every credential masked; the lists say, piece by piece, where it differs from the source."""

    text: str
    lows: list[int]  # where a masked piece begins in the source
    highs: list[int]  # and ends
    starts: list[int]  # where it begins in ``text``
    ends: list[int]  # and ends

    def start(self, column: int) -> int:
        """Where a span that begins at a column of the source begins."""
        index = bisect_right(self.highs, column)
        if index < len(self.lows) and self.lows[index] <= column:
            return self.starts[index]
        return self._shifted(column, index)

    def end(self, column: int) -> int:
        """Where a span that ends at a column of the source ends."""
        index = bisect_right(self.highs, column)
        if index < len(self.lows) and self.lows[index] < column:
            return self.ends[index]
        return self._shifted(column, index)

    def _shifted(self, column: int, index: int) -> int:
        return column + self.ends[index - 1] - self.highs[index - 1] if index else column


def masked_line(file: File, number: int, start: int, end: int) -> tuple[str, int, int]:
    """A line with every credential masked, and where the columns ``start`` and ``end`` are in it."""
    lines = _LINES.setdefault(file, {})
    if number not in lines:
        lines[number] = _masked(file, number)
    line = lines[number]
    new_start = line.start(start)
    return line.text, new_start, max(line.end(end), new_start)


_LINES: Kept[File, dict[int, _Masked]] = Kept()


def _masked(file: File, number: int) -> _Masked:
    line = file.lines[number - 1] if number <= len(file.lines) else ""
    pieces: list[tuple[int, int, str]] = []
    for node in file.telling.get(number, ()):
        span = file.span(node)
        low = span.column if span.line == number else 0
        high = span.end_column if span.end_line == number else len(line)
        pieces.append((low, high, _masked_literal(file, node, line[low:high])))
    comment = _comment(file, number)
    if comment < len(line):
        pieces.append((comment, len(line), credentials.mask_text(line[comment:])))
    result: list[str] = []
    length, position = 0, 0
    lows: list[int] = []
    highs: list[int] = []
    starts: list[int] = []
    ends: list[int] = []
    for low, high, text in sorted(pieces):
        if low < position:
            continue
        result += (line[position:low], text)
        length += low - position + len(text)
        lows.append(low)
        highs.append(high)
        starts.append(length - len(text))
        ends.append(length)
        position = high
    return _Masked(_finished(file, "".join([*result, line[position:]])), lows, highs, starts, ends)


def telling_literals(file: File) -> dict[int, list[ast.AST]]:
    """The literals that hold a credential, or part of one, by each line that they stand on."""
    exposed = file.exposures.literals
    found: list[ast.AST] = [node for node in exposed if node in file.scopes.parents]
    found += [node for node in file.scopes.strings if node not in exposed and _gives_away(node.value)]
    lines: dict[int, list[ast.AST]] = {}
    for node in found:
        drawn = _drawn(file, node)
        for line in range(drawn.lineno, (drawn.end_lineno or drawn.lineno) + 1):  # type: ignore[attr-defined]
            lines.setdefault(line, []).append(drawn)
    return lines


def _gives_away(value: object) -> bool:
    return isinstance(value, str) and len(value) < 100_000 and bool(credentials.find_in_text(value))


def _drawn(file: File, node: ast.AST) -> ast.AST:
    """The f-string around a part of one: before Python 3.12 the part has no place of its own."""
    parent = file.scopes.parents.get(node)
    return parent if isinstance(parent, ast.JoinedStr) else node


def _masked_literal(file: File, node: ast.AST, source: str) -> str:
    """A literal's source with its credential masked; all of it where the credential cannot be told apart in it."""
    masked = source
    said = file.exposures.said_in(source)
    for value in said:
        masked = masked.replace(value, credentials.mask(value))
    # What has an escape in its source, or is a slice of the literal, does not stand there as a whole.
    if masked != source and all(any(part in value for value in said) for part in _parts(file, node)):
        return masked
    masked = credentials.mask_text(source)
    if masked != source and node not in file.exposures.literals:
        return masked
    opening = _OPENING.match(source)
    prefix = opening[0] if opening else ""
    quote = (opening[1] or "") if opening else ""
    closing = quote if quote and source.endswith(quote) and len(source) >= len(prefix) + len(quote) else ""
    return f"{prefix}{_MASK}{closing}"


def _parts(file: File, node: ast.AST) -> Iterator[str]:
    """What of a literal, or of the parts of an f-string, is a credential or part of one."""
    for literal in (node, *(node.values if isinstance(node, ast.JoinedStr) else ())):
        yield from (part for part in file.exposures.literals.get(literal, ()) if len(part) >= MIN_PART)
        if isinstance(literal, ast.Constant) and isinstance(literal.value, str) and len(literal.value) < 100_000:
            for found in credentials.find_in_text(literal.value):
                if found.credential.confidence.rank == 2:
                    yield literal.value[found.start : found.end]


def _comment(file: File, number: int) -> int:
    """Where the comment of a line begins; the line's end where it has none."""
    line = file.lines[number - 1] if number <= len(file.lines) else ""
    marks = [at for at, char in enumerate(line) if char == "#"]
    inside = sorted(_stretches(file, number, line)) if marks else []
    index, reach = 0, 0
    for at in marks:
        while index < len(inside) and inside[index][0] <= at:
            reach = max(reach, inside[index][1])
            index += 1
        if at >= reach:
            return at
    return len(line)


def _stretches(file: File, number: int, line: str) -> Iterator[tuple[int, int]]:
    """The parts of a line with a ``#`` that are literals."""
    texts = _TEXTS.get(file)
    if texts is None:
        texts = _TEXTS[file] = {at: [] for at, each in enumerate(file.lines, 1) if "#" in each}
        for node in file.texts:
            first = getattr(node, "lineno", 0)
            for at in range(first, (getattr(node, "end_lineno", None) or first) + 1):
                if at in texts:
                    texts[at].append(node)
    for node in texts.get(number, ()):
        span = file.span(node)
        yield span.column if span.line == number else 0, span.end_column if span.end_line == number else len(line)


_TEXTS: Kept[File, dict[int, list[ast.AST]]] = Kept()


def _finished(file: File, line: str) -> str:
    """What still stands outside of literals and comments and looks like a credential."""
    for value in file.exposures.said_in(line):
        if len(value) >= 6:
            line = line.replace(value, credentials.mask(value))
    for found in reversed(credentials.shapes_in(line)):
        line = line[: found.start] + credentials.mask(line[found.start : found.end]) + line[found.end :]
    return line
