"""`gitlab-secrets`: a Secret Detection report for GitLab's vulnerability management.

The keys are those of version 15.0.4 of secret-detection-report-format.json
(gitlab-org/security-products/security-report-schemas), which every GitLab since 15.9 takes. What it calls
``raw_source_code_extract`` is the credential: it is left out.
"""

from __future__ import annotations

import os
import re
from datetime import datetime, timedelta, timezone
from typing import TYPE_CHECKING, Any
from uuid import NAMESPACE_URL, uuid5

from modal_lint import __version__
from modal_lint.model import Confidence, Severity
from modal_lint.report.base import Look, diagnostics, place, visible
from modal_lint.report.fingerprints import fingerprints
from modal_lint.report.json import dump
from modal_lint.report.places import encodable, shown, spot
from modal_lint.report.rules import titles
from modal_lint.report.weaknesses import page, weakness

if TYPE_CHECKING:
    from modal_lint.model import Finding, Report

_VERSION = "15.0.4"
_SCHEMA = (
    "https://gitlab.com/gitlab-org/security-products/security-report-schemas/-/raw/"
    f"v{_VERSION}/dist/secret-detection-report-format.json"
)
_FAMILY = "MS1"  # the rules about values in the source
_NO_COMMIT = "0000000"
_COMMIT = re.compile(r"[0-9a-f]{7,64}")
_LONGEST_NAME, _LONGEST_SOLUTION, _LONGEST_DESCRIPTION = 255, 7_000, 1 << 20
_TOOL = {"id": "modal-lint", "name": "modal-lint", "vendor": {"name": "modal-lint"}, "version": __version__}


def render(report: Report, look: Look) -> str:
    """A JSON object: a vulnerability for each value in the source, and a message for whatever else was found."""
    del look
    found = diagnostics(report)
    names = titles(finding.code for finding in found)
    marked = zip(found, fingerprints(found), strict=True)
    secrets = [_vulnerability(finding, mark, names) for finding, mark in marked if finding.code.startswith(_FAMILY)]
    return dump({"version": _VERSION, "schema": _SCHEMA, "vulnerabilities": secrets, "scan": _scan(report)})


def _scan(report: Report) -> dict[str, Any]:
    end = datetime.now(timezone.utc)
    start = end - timedelta(seconds=report.seconds)
    broken = report.is_broken
    scan: dict[str, Any] = {
        "analyzer": _TOOL,
        "scanner": _TOOL,
        "type": "secret_detection",
        "start_time": f"{start:%Y-%m-%dT%H:%M:%S}",
        "end_time": f"{end:%Y-%m-%dT%H:%M:%S}",
        "status": "failure" if broken else "success",
    }
    messages = _messages(report)
    return {**scan, "messages": messages} if messages else scan


def _messages(report: Report) -> list[dict[str, str]]:
    told = []
    for finding in diagnostics(report):
        if not finding.code.startswith(_FAMILY):
            level = "warn" if finding.severity is Severity.ERROR else "info"
            told.append({"level": level, "value": f"{place(finding)}: {finding.code} {visible(finding.message)}"})
    return told


def _vulnerability(finding: Finding, mark: str, names: dict[str, str]) -> dict[str, Any]:
    where = spot(finding)
    path = shown(finding.path)
    item = {"file": path, "start_line": where.line, "end_line": where.end_line}
    found: dict[str, Any] = {
        "id": str(uuid5(NAMESPACE_URL, f"modal-lint:{mark}")),
        "name": names[finding.code][:_LONGEST_NAME],
        "description": encodable(where.within + finding.message)[:_LONGEST_DESCRIPTION],
        "severity": _severity(finding),
        "identifiers": _identifiers(finding),
        "location": {**item, "commit": {"sha": _commit()}},
        "tracking": {
            "type": "source",
            "items": [{**item, "signatures": [{"algorithm": "hash", "value": mark}]}],
        },
    }
    if finding.help:
        found["solution"] = encodable(finding.help)[:_LONGEST_SOLUTION]
    return found


def _severity(finding: Finding) -> str:
    if finding.severity is Severity.INFO:
        return "Low"
    if finding.severity is Severity.WARNING:
        return "Medium"
    return "Critical" if finding.confidence is Confidence.HIGH else "High"


def _identifiers(finding: Finding) -> list[dict[str, str]]:
    told = [{"type": "modal_lint_rule_id", "name": f"modal-lint {finding.code}", "value": finding.code}]
    number = weakness(finding.code)
    if number is not None:
        told.append({"type": "cwe", "name": f"CWE-{number}", "value": str(number), "url": page(number)})
    return told


def _commit() -> str:
    """The commit that CI says it has checked out; what GitLab's own analyzer writes where there is none."""
    said = os.environ.get("CI_COMMIT_SHA", "")
    return said if _COMMIT.fullmatch(said) else _NO_COMMIT
