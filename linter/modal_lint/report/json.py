"""`json`: a list of objects with ruff's keys, and what a flow adds to them."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING, Any

from modal_lint.report.base import Look, diagnostics

if TYPE_CHECKING:
    from collections.abc import Sequence

    from modal_lint.model import Edit, Finding, Fix, Report, Span, Step


def render(report: Report, look: Look) -> str:
    """A JSON list, sorted by place; file names are absolute, rows and columns begin with 1."""
    del look
    return dump([described(finding) for finding in diagnostics(report)])


def dump(document: Sequence[object] | dict[str, object]) -> str:
    """``document`` as indented JSON; names of files that are no valid text stay readable escapes."""
    import json

    return json.dumps(document, indent=2) + "\n"


def described(finding: Finding) -> dict[str, Any]:
    """A finding with ruff's keys and ours."""
    return {
        "cell": finding.cell,
        "code": finding.code,
        "name": finding.name,
        "message": finding.message,
        "filename": os.path.abspath(finding.path) if finding.path != "-" else "-",
        **_span(finding.span),
        "noqa_row": (finding.statement or finding.span).line,
        "fix": _fix(finding.fix),
        "severity": finding.severity.value,
        "confidence": finding.confidence.value,
        "provider": finding.provider,
        "key": finding.key,
        "flow": [_step(step) for step in finding.flow],
        "url": None,
        **({} if finding.committed is None else {"exposure": finding.committed._asdict()}),
    }


def _span(span: Span) -> dict[str, Any]:
    return {
        "location": {"row": span.line, "column": span.column + 1},
        "end_location": {"row": span.end_line, "column": span.end_column + 1},
    }


def _fix(fix: Fix | None) -> dict[str, Any] | None:
    if fix is None:
        return None
    applicability = "display" if not fix.edits else "safe" if fix.safe else "unsafe"
    return {"applicability": applicability, "message": fix.title, "edits": [_edit(edit) for edit in fix.edits]}


def _edit(edit: Edit) -> dict[str, Any]:
    cell = {} if edit.cell is None else {"cell": edit.cell}
    return {"content": edit.text, **_span(edit.span), **cell}


def _step(step: Step) -> dict[str, Any]:
    cell = {} if step.cell is None else {"cell": step.cell}
    return {"filename": os.path.abspath(step.path), **_span(step.span), "message": step.text, **cell}
