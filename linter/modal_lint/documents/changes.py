"""Diffs of documents: of each cell that changes, or of the file, with no value of a credential in them."""

from __future__ import annotations

import tokenize
from typing import TYPE_CHECKING

from modal_lint import credentials
from modal_lint.documents.base import NEWLINE, Document, Module
from modal_lint.documents.checking import read
from modal_lint.model import Span
from modal_lint.report.diff import HIDDEN, Hider, painted, unshown

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    from modal_lint.model import Finding
    from modal_lint.report.base import Look

# Lines by cell, and by their number in it; the cell None is the file.
_Shown = dict[int | None, dict[int, str]]


def unified(path: str, old: bytes, new: bytes, findings: Iterable[Finding], look: Look) -> str:
    """The diff of a document; see `modal_lint.report.diff.unified` for the arguments."""
    seen = list(findings)
    try:
        documents = [read(path, data) for data in (old, new)]
        hiders = [Hider(_spans(path, module, seen), seen) for module in documents[0].modules]
        secrets = [hider.touched(module.code) for hider, module in zip(hiders, documents[0].modules, strict=True)]
        pointed = {(cell, line) for cell, span in _places(path, seen) for line in range(span.line, span.end_line + 1)}
        rows = [row for module in documents[0].modules for row in module.rows]
        touched = {row.shown for row in rows if (row.cell, row.line) in pointed}
        before, after = (
            _shown(data, document, hiders, set().union(*secrets), touched)
            for data, document in zip((old, new), documents, strict=True)
        )
    except (SyntaxError, tokenize.TokenError, ValueError, LookupError):
        return unshown(path)
    parts = []
    for cell in sorted({*before, *after}, key=lambda cell: cell or 0):
        lines = [list(side.get(cell, {}).values()) for side in (before, after)]
        if lines[0] != lines[1]:
            parts.append(painted(path if cell is None else f"{path}:cell {cell}", lines[0], lines[1], look))
    return "".join(parts)


def _shown(
    data: bytes,
    document: Document,
    hiders: list[Hider],
    secret: set[str],
    touched: set[str],
) -> _Shown:
    """The lines of a document as they may be shown."""
    shown: _Shown = {}
    if all(row.cell is None for module in document.modules for row in module.rows):
        lines = NEWLINE.split(data.decode("utf-8-sig"))
        shown[None] = {at: _prose(line, hiders) for at, line in enumerate(lines, 1)}
    for at, module in enumerate(document.modules):
        hider = hiders[min(at, len(hiders) - 1)]
        masked = hider.masked(module.code, secret).split("\n")
        for row, line, code in zip(module.rows, masked, module.code.split("\n"), strict=bool(module.rows)):
            text = line if code == row.shown else _command(row.shown, row.shown in touched, hiders)
            shown.setdefault(row.cell, {})[row.line] = row.prefix + text
    return {cell: dict(sorted(lines.items())) for cell, lines in shown.items()}


def _prose(text: str, hiders: list[Hider]) -> str:
    for hider in hiders:
        text = hider.without_values(text)
    return credentials.mask_text(text)


def _command(text: str, touched: bool, hiders: list[Hider]) -> str:
    """A line that is no Python: what a finding points at is not shown of it."""
    return HIDDEN if touched and text.strip() else _prose(text, hiders)


def _spans(path: str, module: Module, findings: Iterable[Finding]) -> list[Span]:
    """The places in a module that findings point at."""
    lines = {(row.cell, row.line): number for number, row in enumerate(module.rows)}
    numbers = {row.number: number for number, row in enumerate(module.rows)}
    origins = [one.origin[1] for one in findings if one.origin is not None and one.origin[0] == path]
    found = [
        (lines.get((cell, one.line)), lines.get((cell, one.end_line)), one) for cell, one in _places(path, findings)
    ]
    found += [(numbers.get(one.line), numbers.get(one.end_line), one) for one in origins]
    return [_back(module, first, last, span) for first, last, span in found if first is not None and last is not None]


def _back(module: Module, first: int, last: int, span: Span) -> Span:
    """A span of the document between two rows of a module, as one of the module."""
    start, end = (len(module.rows[at].prefix) for at in (first, last))
    return Span(first + 1, max(span.column - start, 0), last + 1, max(span.end_column - end, 0))


def _places(path: str, findings: Iterable[Finding]) -> Iterator[tuple[int | None, Span]]:
    for finding in findings:
        if finding.path == path:
            yield finding.cell, finding.span
            yield from ((edit.cell, edit.span) for edit in (finding.fix.edits if finding.fix else ()))
        yield from ((step.cell, step.span) for step in finding.flow if step.path == path)
