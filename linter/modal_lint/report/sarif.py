"""`sarif`: a log in SARIF 2.1.0, within what GitHub's code scanning takes.

The format is OASIS's (https://docs.oasis-open.org/sarif/sarif/v2.1.0/), the limits are those of GitHub's documentation
("SARIF results exceed one or more limits"). No snippet of a source is in it.
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Any

from modal_lint import __version__
from modal_lint.model import Severity
from modal_lint.report.base import Look, diagnostics
from modal_lint.report.fingerprints import fingerprints
from modal_lint.report.places import Spot, encodable, from_one, from_top, spot, uri
from modal_lint.report.rules import page, title, used
from modal_lint.report.weaknesses import weakness

if TYPE_CHECKING:
    from collections.abc import Sequence

    from modal_lint.model import Finding, Fix, Report, Rule, Span, Step

MAX_RESULTS = 25_000
MAX_STEPS = 1_000
SCHEMA = "https://docs.oasis-open.org/sarif/sarif/v2.1.0/errata01/os/schemas/sarif-schema-2.1.0.json"
FINGERPRINT = "modalLint/v1"
_ROOT = "%SRCROOT%"
_LEVELS = {Severity.ERROR: "error", Severity.WARNING: "warning", Severity.INFO: "note"}
_PROBLEMS = {Severity.ERROR: "error", Severity.WARNING: "warning", Severity.INFO: "recommendation"}
# GitHub shows 7.0 to 8.9 as high, 4.0 to 6.9 as medium, what is below as low.
_SCORES = {Severity.ERROR: "8.5", Severity.WARNING: "5.5", Severity.INFO: "2.0"}
# What a message means by itself (sections 3.11.5 and 3.11.6): a link, and a place for an argument.
_LINK = re.compile(r"\[(?=[^\]]*\]\()")
_ARGUMENT = re.compile(r"\{(\d+)\}")


def render(report: Report, look: Look) -> str:
    """One run; findings over GitHub's limit are left out, the least severe first, and their number is told."""
    del look
    found = diagnostics(report)
    marked = list(zip(found, fingerprints(found), strict=True))
    kept = _within_limit(marked)
    rules = used(finding.code for finding, _ in kept)
    index = {code: number for number, code in enumerate(rules)}
    run = {
        "tool": {
            "driver": {
                "name": "modal-lint",
                "semanticVersion": __version__,
                "rules": [_rule(rule) for rule in rules.values()],
            }
        },
        "columnKind": "unicodeCodePoints",
        "invocations": [_invocation(report, len(found) - len(kept))],
    }
    files = _Files()
    return _log(run, [_result(finding, mark, index, files) for finding, mark in kept])


def _log(run: dict[str, Any], results: list[dict[str, Any]]) -> str:
    """The text of a log with one run, a result a line: indented it would take ten times as long, and be as large."""
    import json

    head = json.dumps({"$schema": SCHEMA, "version": "2.1.0"})[:-1]
    lines = ",\n".join(map(json.dumps, results))
    return f'{head}, "runs": [{json.dumps(run)[:-1]}, "results": [\n{lines}\n]}}]}}\n'


def _within_limit(marked: list[tuple[Finding, str]]) -> list[tuple[Finding, str]]:
    if len(marked) <= MAX_RESULTS:
        return marked
    worst = sorted(range(len(marked)), key=lambda at: -marked[at][0].severity.rank)[:MAX_RESULTS]
    return [marked[at] for at in sorted(worst)]


def _invocation(report: Report, left_out: int) -> dict[str, Any]:
    broken = report.is_broken
    invocation: dict[str, Any] = {"executionSuccessful": not broken}
    if left_out:
        text = f"{left_out} more findings are left out: a run may have {MAX_RESULTS}."
        invocation["toolExecutionNotifications"] = [{"level": "warning", "message": {"text": text}}]
    return invocation


def _rule(rule: Rule) -> dict[str, Any]:
    number = weakness(rule.code)
    properties: dict[str, Any] = {"tags": ["correctness"], "problem.severity": _PROBLEMS[rule.severity]}
    if number is not None:
        tags = ["security", f"external/cwe/cwe-{number:03}"]
        properties = {"tags": tags, "security-severity": _SCORES[rule.severity]}
    return {
        "id": rule.code,
        "name": "".join(word.capitalize() for word in rule.name.split("-")),
        "shortDescription": {"text": title(rule)},
        "fullDescription": {"text": _first_paragraph(rule.page)},
        "help": {"text": page(rule), "markdown": page(rule)},
        "defaultConfiguration": {"level": _LEVELS[rule.severity]},
        "properties": properties,
    }


def _first_paragraph(page: str) -> str:
    """What follows the title of a page, or the title where nothing does; GitHub takes 1,024 characters."""
    blocks = [" ".join(block.split()) for block in page.split("\n\n") if block.strip()]
    return (blocks[1] if len(blocks) > 1 else blocks[0] if blocks else "-")[:1_024]


def _result(finding: Finding, mark: str, index: dict[str, int], files: _Files) -> dict[str, Any]:
    where = spot(finding)
    extras = {"confidence": finding.confidence.value, "key": finding.key, "provider": finding.provider}
    text = where.within + finding.message + (f"\n{finding.help}" if finding.help else "")
    result: dict[str, Any] = {
        "ruleId": finding.code,
        "level": _LEVELS[finding.severity],
        "message": {"text": _said(text)},
        "locations": [_location(finding, files)],
        "partialFingerprints": {FINGERPRINT: mark},
        "properties": {name: encodable(value) for name, value in extras.items() if value is not None},
    }
    if finding.code in index:
        result["ruleIndex"] = index[finding.code]
    if len(finding.flow) > 1:
        result["codeFlows"] = [{"threadFlows": [{"locations": _steps(finding.flow, files)}]}]
    if finding.fix is not None and is_whole(finding.fix):
        result["fixes"] = [_fix(files[finding.path], finding.fix)]
    return result


def _said(text: str) -> str:
    return _ARGUMENT.sub(r"{{\1}}", _LINK.sub(r"\[", encodable(text)))


def is_whole(fix: Fix) -> bool:
    """Whether the edits of ``fix`` are all that it does, and have places that a reader of the file understands.

    One that moves a credential preserves its value first: applied by another tool it would lose the value.
    """
    return bool(fix.edits) and not fix.moves and all(edit.cell is None for edit in fix.edits)


def _steps(flow: Sequence[Step], files: _Files) -> list[dict[str, Any]]:
    shown = flow if len(flow) <= MAX_STEPS else (*flow[: MAX_STEPS - 1], flow[-1])
    return [{"location": {**_location(step, files), "message": {"text": _said(step.text)}}} for step in shown]


def _location(where: Finding | Step, files: _Files) -> dict[str, Any]:
    place: dict[str, Any] = {"artifactLocation": files[where.path], "region": _region(spot(where))}
    location: dict[str, Any] = {"physicalLocation": place}
    if where.cell is not None:
        location["logicalLocations"] = [{"name": f"cell {where.cell}", "kind": "module"}]
    return location


class _Files(dict[str, dict[str, str]]):
    """How the log names files, by path as in findings; each is asked for many times."""

    def __missing__(self, path: str) -> dict[str, str]:
        base = {} if from_top(path) is None else {"uriBaseId": _ROOT}
        self[path] = {"uri": uri(path), **base}
        return self[path]


def _region(where: Spot) -> dict[str, int]:
    return {
        "startLine": where.line,
        "startColumn": where.column,
        "endLine": where.end_line,
        "endColumn": where.end_column,
    }


def _fix(file: dict[str, str], fix: Fix) -> dict[str, Any]:
    replacements = [{"deletedRegion": _place(edit.span), "insertedContent": {"text": edit.text}} for edit in fix.edits]
    changes = [{"artifactLocation": file, "replacements": replacements}]
    return {"description": {"text": encodable(fix.title)}, "artifactChanges": changes}


def _place(span: Span) -> dict[str, int]:
    return _region(from_one(span))
