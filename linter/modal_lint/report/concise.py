"""`concise`: one line a finding."""

from __future__ import annotations

from typing import TYPE_CHECKING

from modal_lint.report.base import Look, diagnostics, fix_mark, place, visible

if TYPE_CHECKING:
    from modal_lint.model import Report


def render(report: Report, look: Look) -> str:
    """One line a finding: ``path:line:column: MS101 [*] message``."""
    lines = []
    for finding in diagnostics(report):
        code = look.paint(finding.code, "bold", "red")
        lines.append(
            f"{look.paint(place(finding), 'bold')}: {code} {fix_mark(finding, look)}{visible(finding.message)}"
        )
    return "".join(line + "\n" for line in lines)
