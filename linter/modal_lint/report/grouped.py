"""`grouped`: the findings below the name of their file."""

from __future__ import annotations

from itertools import groupby
from typing import TYPE_CHECKING

from modal_lint.report.base import Look, diagnostics, fix_mark, visible

if TYPE_CHECKING:
    from collections.abc import Iterator

    from modal_lint.model import Finding, Report


def render(report: Report, look: Look) -> str:
    """``path:``, and below it a line a finding: ``  line:column  MS101 [*] message``."""
    blocks = []
    for path, findings in groupby(diagnostics(report), key=lambda finding: finding.path):
        lines = [look.paint(visible(path), "bold") + ":", *_rows(list(findings), look), ""]
        blocks.append("".join(line + "\n" for line in lines))
    return "".join(blocks)


def _rows(findings: list[Finding], look: Look) -> Iterator[str]:
    places = [_place(finding) for finding in findings]
    wide = max(map(len, places))
    for place, finding in zip(places, findings, strict=True):
        code = look.paint(finding.code, "bold", "red")
        yield f"  {look.paint(place.ljust(wide), 'dim')}  {code} {fix_mark(finding, look)}{visible(finding.message)}"


def _place(finding: Finding) -> str:
    cell = "" if finding.cell is None else f"cell {finding.cell}:"
    return f"{cell}{finding.span.line}:{finding.span.column + 1}"
