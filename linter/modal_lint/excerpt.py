"""Lines of source as they may be shown: every credential in them masked."""

from __future__ import annotations

import ast
import re
from typing import TYPE_CHECKING

from modal_lint import credentials
from modal_lint.model import ExcerptLine, Span

if TYPE_CHECKING:
    from modal_lint.source import File

MAX_WIDTH = 160
_MASK = "••••"
_OPENING = re.compile(r"(?i)[rbuft]{0,3}('''|\"\"\"|'|\")?")


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


def masked_line(file: File, number: int, start: int, end: int) -> tuple[str, int, int]:
    """A line with every credential masked, and where the columns ``start`` and ``end`` are in it."""
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
    result, position, new_start, new_end = "", 0, start, end
    for low, high, text in sorted(pieces):
        if low < position:
            continue
        result += line[position:low]
        grown = len(result) + len(text) - high
        if start >= high:
            new_start = start + grown
        elif start >= low:
            new_start = len(result)
        if end >= high:
            new_end = end + grown
        elif end > low:
            new_end = len(result) + len(text)
        result += text
        position = high
    result += line[position:]
    return _finished(file, result), new_start, max(new_end, new_start)


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


def _covers(node: ast.AST, number: int) -> bool:
    first = getattr(node, "lineno", 0)
    return bool(first <= number <= (getattr(node, "end_lineno", None) or first))


def _masked_literal(file: File, node: ast.AST, source: str) -> str:
    """A literal's source with its credential masked; all of it where the credential cannot be told apart in it."""
    masked = source
    for value in file.exposures.said_in(source):
        masked = masked.replace(value, credentials.mask(value))
    if masked != source:
        return masked
    masked = credentials.mask_text(source)
    if masked != source and node not in file.exposures.literals:
        return masked
    opening = _OPENING.match(source)
    prefix = opening[0] if opening else ""
    quote = (opening[1] or "") if opening else ""
    closing = quote if quote and source.endswith(quote) and len(source) >= len(prefix) + len(quote) else ""
    return f"{prefix}{_MASK}{closing}"


def _comment(file: File, number: int) -> int:
    """Where the comment of a line begins; the line's end where it has none."""
    line = file.lines[number - 1] if number <= len(file.lines) else ""
    inside = []
    if "#" in line:
        for node in file.texts:
            if _covers(node, number):
                span = file.span(node)
                low = span.column if span.line == number else 0
                inside.append((low, span.end_column if span.end_line == number else len(line)))
    marks = (at for at, char in enumerate(line) if char == "#" and not any(low <= at < high for low, high in inside))
    return next(marks, len(line))


def _finished(file: File, line: str) -> str:
    """What still stands outside of literals and comments and looks like a credential."""
    for value in file.exposures.said_in(line):
        if len(value) >= 6:
            line = line.replace(value, credentials.mask(value))
    for found in reversed(credentials.shapes_in(line)):
        line = line[: found.start] + credentials.mask(line[found.start : found.end]) + line[found.end :]
    return line
