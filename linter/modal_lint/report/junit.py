"""`junit`: a test report: a suite a file, a failed case a finding. A clean run is one case that passed.

The grammar is that of Jenkins' `junit-4.xsd`, which other CI services read as well.
"""

from __future__ import annotations

import re
from collections import Counter
from itertools import groupby
from typing import TYPE_CHECKING

from modal_lint.report.base import UNREADABLE, Look, diagnostics, place, visible

if TYPE_CHECKING:
    from collections.abc import Sequence
    from xml.etree.ElementTree import Element

    from modal_lint.model import Finding, Report

_TOOL = "modal-lint"
# What XML 1.0 has no way to write, once controls and surrogates are gone.
_NO_XML = re.compile("[\ufffe\uffff]")


def render(report: Report, look: Look) -> str:
    """An XML document in ASCII, so that it stays whole in any encoding. A file that was not checked is an error."""
    from xml.etree import ElementTree

    del look
    found = diagnostics(report)
    suites = ElementTree.Element("testsuites", {"name": _TOOL, **_counts(found, empty=1)})
    for path, findings in groupby(found, key=lambda finding: finding.path):
        _suite(suites, path, list(findings))
    if not found:
        suite = ElementTree.SubElement(suites, "testsuite", {"name": _TOOL, **_counts(found, empty=1)})
        ElementTree.SubElement(suite, "testcase", {"name": f"{report.checked} checked", "classname": _TOOL})
    ElementTree.indent(suites)
    text = ElementTree.tostring(suites, "us-ascii").decode("ascii")
    return f'<?xml version="1.0" encoding="UTF-8"?>\n{text}\n'


def _suite(suites: Element, path: str, findings: Sequence[Finding]) -> None:
    from xml.etree import ElementTree

    suite = ElementTree.SubElement(suites, "testsuite", {"name": _text(path), **_counts(findings)})
    seen: Counter[str] = Counter()
    for finding in findings:
        # No line in the name: a case keeps its history when lines move. Alike ones are numbered.
        name = f"{finding.code} {finding.name}"
        seen[name] += 1
        number = f" ({seen[name]})" if seen[name] > 1 else ""
        case = ElementTree.SubElement(suite, "testcase", {"name": name + number, "classname": _text(path)})
        kind = "error" if finding.code == UNREADABLE else "failure"
        told = {"type": finding.severity.value, "message": _text(finding.message)}
        ElementTree.SubElement(case, kind, told).text = _details(finding)


def _details(finding: Finding) -> str:
    lines = [f"{place(finding)}: {finding.code} {visible(finding.message)}"]
    if len(finding.flow) > 1:
        lines += [f"  {place(step)}  {visible(step.text)}" for step in finding.flow]
    if finding.help:
        lines.append("help: " + visible(finding.help.replace("\n", " ")))
    return "\n".join(_NO_XML.sub("\ufffd", line) for line in lines)


def _counts(findings: Sequence[Finding], empty: int = 0) -> dict[str, str]:
    errors = sum(finding.code == UNREADABLE for finding in findings)
    return {
        "tests": str(len(findings) or empty),
        "failures": str(len(findings) - errors),
        "errors": str(errors),
    }


def _text(text: str) -> str:
    return _NO_XML.sub("\ufffd", visible(text))
