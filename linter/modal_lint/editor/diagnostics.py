"""Findings as the editor shows them."""

from __future__ import annotations

import inspect
import os
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING

from lsprotocol import types
from pygls.uris import from_fs_path

from modal_lint.editor.checks import real_path
from modal_lint.editor.text import Text
from modal_lint.files import ReadError, read_regular
from modal_lint.model import Severity
from modal_lint.report.base import from_failure
from modal_lint.selection import catalogue
from modal_lint.source import Unreadable, decode

if TYPE_CHECKING:
    from collections.abc import Iterable

    from modal_lint.editor.checking import Checked
    from modal_lint.editor.documents import Document, Unit
    from modal_lint.model import Finding, Span

SOURCE = "modal-lint"
_LEVELS = {
    Severity.ERROR: types.DiagnosticSeverity.Error,
    Severity.WARNING: types.DiagnosticSeverity.Warning,
    Severity.INFO: types.DiagnosticSeverity.Information,
}
_TAGS = {"MS002": types.DiagnosticTag.Unnecessary, "MS410": types.DiagnosticTag.Deprecated}


class Places:
    """Where the paths of findings are in the editor.

    Args:
        units: the open ones.
        encoding: the units of columns.
    """

    def __init__(self, units: Iterable[Unit], encoding: str) -> None:
        listed = tuple(units)
        self._named = {unit.name: unit for unit in listed}
        self._open = {real_path(unit): unit for unit in listed}
        self._encoding = encoding
        self._read: dict[str, Text] = {}

    def location(self, path: str, span: Span, cell: int | None = None) -> types.Location:
        """A place of a finding."""
        unit = self.unit(path)
        document = unit.parts.get(cell) if unit is not None else None
        if document is not None:
            return types.Location(document.uri, document.text.range(span))
        absolute = os.path.abspath(path)
        return types.Location(str(from_fs_path(absolute)), self._text(absolute).range(span))

    def unit(self, path: str) -> Unit | None:
        """What is open of a path of a finding."""
        return self._named.get(path) or self._open.get(os.path.realpath(path))

    def _text(self, path: str) -> Text:
        if path not in self._read:
            try:
                source = decode(read_regular(path))
            except (ReadError, Unreadable):
                source = ""
            self._read[path] = Text(source, self._encoding)
        return self._read[path]


def findings_of(checked: Checked) -> tuple[Finding, ...]:
    """The findings of a document; that it cannot be read is one."""
    failure = checked.outcome.failure
    return checked.findings if failure is None else (from_failure(failure),)


def diagnostic(finding: Finding, document: Document, places: Places | None) -> types.Diagnostic:
    """A finding of ``document``; with ``places``, also how its value got there."""
    text = finding.message if not finding.help else f"{finding.message}\n{finding.help}"
    return types.Diagnostic(
        range=document.text.range(finding.span),
        message=text,
        severity=_LEVELS[finding.severity],
        code=finding.code,
        code_description=_page(finding.code),
        source=SOURCE,
        tags=[_TAGS[finding.code]] if finding.code in _TAGS else None,
        related_information=_flow(finding, places) if places is not None else None,
    )


@cache
def _page(code: str) -> types.CodeDescription | None:
    """Where a rule's page can be read: at the beginning of the file of its code."""
    rule = next((rule for rule in catalogue() if rule.code == code), None)
    path = inspect.getsourcefile(rule.check) if rule is not None else None
    return types.CodeDescription(Path(path).as_uri()) if path is not None and os.path.isfile(path) else None


def _flow(finding: Finding, places: Places) -> list[types.DiagnosticRelatedInformation] | None:
    if len(finding.flow) < 2:
        return None
    return [
        types.DiagnosticRelatedInformation(places.location(step.path, step.span, step.cell), step.text)
        for step in finding.flow
    ]
