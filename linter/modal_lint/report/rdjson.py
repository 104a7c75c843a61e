"""`rdjson`: reviewdog's diagnostic format.

The keys are those of reviewdog's own description (reviewdog/reviewdog, proto/rdf/reviewdog.proto): columns count the
bytes that UTF-8 takes, from 1, and the end is exclusive.
"""

from __future__ import annotations

import codecs
import re
from typing import TYPE_CHECKING, Any

from modal_lint.files import ReadError, read_regular
from modal_lint.model import Severity
from modal_lint.report.base import Look, diagnostics
from modal_lint.report.json import dump
from modal_lint.report.places import encodable, spot
from modal_lint.report.sarif import is_whole

if TYPE_CHECKING:
    from collections.abc import Mapping

    from modal_lint.model import Edit, Finding, Report, Span

_SEVERITIES = {Severity.ERROR: "ERROR", Severity.WARNING: "WARNING", Severity.INFO: "INFO"}
_NEWLINE = re.compile(r"\r\n|\n|\r")
_BOM = len(codecs.BOM_UTF8)


def render(report: Report, look: Look) -> str:
    """A JSON object; a place whose line cannot be read any more has no column."""
    sources = _Sources(look.contents)
    found = [_diagnostic(finding, sources) for finding in diagnostics(report)]
    return dump({"source": {"name": "modal-lint"}, "diagnostics": found})


class _Sources:
    """The lines of the files that findings are in, read again to count bytes."""

    def __init__(self, contents: Mapping[str, bytes]) -> None:
        self._contents = contents
        self._lines: dict[str, list[str]] = {}
        self._with_bom: set[str] = set()

    def range(self, path: str, span: Span) -> dict[str, Any]:
        return {
            "start": self._position(path, span.line, span.column),
            "end": self._position(path, span.end_line, span.end_column),
        }

    def _position(self, path: str, line: int, column: int) -> dict[str, int]:
        lines = self._of(path)
        if line > len(lines) or column > len(lines[line - 1]):
            return {"line": line}
        before = len(lines[line - 1][:column].encode("utf-8", "surrogatepass"))
        if line == 1 and path in self._with_bom:
            before += _BOM
        return {"line": line, "column": before + 1}

    def _of(self, path: str) -> list[str]:
        if path not in self._lines:
            self._lines[path] = self._read(path)
        return self._lines[path]

    def _read(self, path: str) -> list[str]:
        from modal_lint.source import Unreadable, decode

        try:
            data = self._contents[path] if path in self._contents else read_regular(path)
            text = decode(data)
        except (ReadError, Unreadable):
            return []
        if data.startswith(codecs.BOM_UTF8):
            self._with_bom.add(path)
        return _NEWLINE.split(text)


def _diagnostic(finding: Finding, sources: _Sources) -> dict[str, Any]:
    where = spot(finding)
    location: dict[str, Any] = {"path": encodable(finding.path)}
    if finding.cell is None:
        location["range"] = sources.range(finding.path, finding.span)
    told: dict[str, Any] = {
        "message": encodable(where.within + finding.message + (f"\n{finding.help}" if finding.help else "")),
        "location": location,
        "severity": _SEVERITIES[finding.severity],
        "code": {"value": finding.code},
    }
    if finding.fix is not None and is_whole(finding.fix):
        told["suggestions"] = [_suggestion(finding.path, edit, sources) for edit in finding.fix.edits]
    return told


def _suggestion(path: str, edit: Edit, sources: _Sources) -> dict[str, Any]:
    return {"range": sources.range(path, edit.span), "text": edit.text}
