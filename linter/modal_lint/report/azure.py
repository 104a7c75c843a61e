"""`azure`: logging commands of Azure Pipelines.

The grammar is that of "Logging commands" in Microsoft's documentation; the escapes are those of its own task library
(microsoft/azure-pipelines-task-lib, node/taskcommand.ts).
"""

from __future__ import annotations

import os
from typing import TYPE_CHECKING

from modal_lint.model import Severity
from modal_lint.report.base import Look, diagnostics, visible
from modal_lint.report.places import escaped, spot

if TYPE_CHECKING:
    from modal_lint.model import Finding, Report

_DATA = str.maketrans({"%": "%AZP25", "\r": "%0D", "\n": "%0A"})
_PROPERTY = _DATA | str.maketrans({"]": "%5D", ";": "%3B"})


def render(report: Report, look: Look) -> str:
    """One command a finding, with the absolute path that the agent asks for; there are errors and warnings only."""
    del look
    return "".join(_command(finding) + "\n" for finding in diagnostics(report))


def _command(finding: Finding) -> str:
    where = spot(finding)
    properties = {
        "type": "error" if finding.severity is Severity.ERROR else "warning",
        "sourcepath": finding.path if finding.path == "-" else os.path.abspath(finding.path),
        "linenumber": str(where.line),
        "columnnumber": str(where.column),
        "code": finding.code,
    }
    told = "".join(f"{name}={escaped(value, _PROPERTY)};" for name, value in properties.items())
    message = f"{where.within}{visible(finding.message)}" + (f" ({visible(finding.help)})" if finding.help else "")
    return f"##vso[task.logissue {told}]{escaped(message, _DATA)}"
