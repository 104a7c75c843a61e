"""`github`: workflow commands, which GitHub Actions shows beside the lines that they are about.

The grammar and its escapes are those of the runner (actions/runner, ActionCommand.cs) and of its toolkit
(actions/toolkit, packages/core/src/command.ts).
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from modal_lint.model import Severity
from modal_lint.report.base import Look, diagnostics, place, visible
from modal_lint.report.places import escaped, shown, spot

if TYPE_CHECKING:
    from modal_lint.model import Finding, Report

_COMMANDS = {Severity.ERROR: "error", Severity.WARNING: "warning", Severity.INFO: "notice"}
_DATA = str.maketrans({"%": "%25", "\r": "%0D", "\n": "%0A"})
_PROPERTY = _DATA | str.maketrans({":": "%3A", ",": "%2C"})


def render(report: Report, look: Look) -> str:
    """One command a finding; the message repeats the place for whoever reads the log."""
    del look
    return "".join(_command(finding) + "\n" for finding in diagnostics(report))


def _command(finding: Finding) -> str:
    where = spot(finding)
    properties: dict[str, object] = {"file": shown(finding.path), "line": where.line}
    if where.end_line == where.line:
        properties |= {"col": where.column, "endLine": where.end_line, "endColumn": max(where.end_column, where.column)}
    else:
        properties["endLine"] = where.end_line  # GitHub takes columns only within one line
    properties["title"] = f"{finding.name} ({finding.code})"
    told = ",".join(f"{name}={escaped(str(value), _PROPERTY)}" for name, value in properties.items())
    lines = [f"{place(finding)}: {finding.code} {visible(finding.message)}"]
    if finding.help:
        lines.append(f"help: {finding.help}")
    return f"::{_COMMANDS[finding.severity]} {told}::{escaped(chr(10).join(lines), _DATA)}"
