"""`gitlab`: a Code Quality report, as GitLab takes it from Code Climate's format.

The keys are those of GitLab's documentation ("Code Quality report format") and of its own check
(gitlab-org/gitlab, app/validators/json_schemas/codeclimate.json).
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from modal_lint.model import Severity
from modal_lint.report.base import Look, diagnostics
from modal_lint.report.fingerprints import fingerprints
from modal_lint.report.json import dump
from modal_lint.report.places import encodable, shown, spot
from modal_lint.report.weaknesses import weakness

if TYPE_CHECKING:
    from modal_lint.model import Finding, Report

_SEVERITIES = {Severity.ERROR: "critical", Severity.WARNING: "major", Severity.INFO: "info"}


def render(report: Report, look: Look) -> str:
    """A JSON list; every fingerprint in it is another one and stays when lines move."""
    del look
    found = diagnostics(report)
    return dump([_issue(finding, mark) for finding, mark in zip(found, fingerprints(found), strict=True)])


def _issue(finding: Finding, mark: str) -> dict[str, Any]:
    where = spot(finding)
    issue: dict[str, Any] = {
        "type": "issue",
        "check_name": finding.code,
        "description": encodable(f"{where.within}{finding.message} ({finding.name})"),
        "categories": ["Bug Risk" if weakness(finding.code) is None else "Security"],
        "severity": _SEVERITIES[finding.severity],
        "fingerprint": mark,
        "location": {"path": shown(finding.path), "lines": {"begin": where.line, "end": where.end_line}},
    }
    if finding.help:
        issue["content"] = {"body": encodable(finding.help)}
    return issue
