"""Credentials that a notebook shows beside its code: in outputs and metadata."""

from __future__ import annotations

from typing import TYPE_CHECKING

from modal_lint import credentials, diagnosis
from modal_lint.excerpt import excerpt
from modal_lint.model import Confidence, Finding, Hidden, Rule, Span

if TYPE_CHECKING:
    from collections.abc import Iterator

    from modal_lint.documents.base import Module, Shown
    from modal_lint.source import File


def findings(file: File, rule: Rule) -> Iterator[Finding]:
    """A finding for each credential that the outputs or the metadata of a cell, or of the notebook, show."""
    module = file.module
    for shown in module.shown if module is not None else ():
        told: set[str] = set()
        for text in shown.texts:
            for found in _certain(text):
                value = text[found.start : found.end]
                if value not in told:
                    told.add(value)
                    yield _finding(file, rule, shown, found, value)


def _certain(text: str) -> list[credentials.Match]:
    if not (credentials.has_shape(text) or "://" in text or "PRIVATE KEY" in text):
        return []
    return [found for found in credentials.find_in_text(text) if found.credential.confidence is Confidence.HIGH]


def _finding(file: File, rule: Rule, shown: Shown, found: credentials.Match, value: str) -> Finding:
    lines = _lines(file.module, shown.cell)
    span = Span(1, 0, 1, 0)
    if lines is not None:
        last = next((at for at in range(lines[1], lines[0], -1) if file.lines[at - 1].strip()), lines[0])
        text = file.lines[last - 1]
        span = Span(last, len(text) - len(text.lstrip()), last, len(text.rstrip()))
    what = diagnosis.named(found.key, found.credential)
    return Finding(
        path=file.path,
        span=span,
        code=rule.code,
        name=rule.name,
        message=f"{what} stands in {shown.what}",
        severity=rule.severity,
        confidence=found.credential.confidence,
        key=None if found.key is None else credentials.mask_text(found.key),
        provider=found.credential.provider,
        help="clear it, and rotate the credential if the notebook was ever committed or shared",
        excerpt=excerpt(file, span) if lines is not None else (),
        statement=span if lines is None else Span(lines[0], 0, lines[1], len(file.lines[lines[1] - 1])),
        # A cell without a line in the module is its own place already; 0 stands for the notebook.
        cell=None if lines is not None else shown.cell or 0,
        secret=Hidden(value),
    )


def _lines(module: Module | None, cell: int | None) -> tuple[int, int] | None:
    """The first and the last line of a cell in the module."""
    rows = module.rows if module is not None else ()
    found = [number for number, row in enumerate(rows, 1) if row.cell == cell and cell is not None]
    return (found[0], found[-1]) if found else None
