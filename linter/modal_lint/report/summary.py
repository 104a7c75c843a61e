"""The last lines of a run: how many findings, how many of them a fix would take, how many files were checked."""

from __future__ import annotations

from collections import Counter
from typing import TYPE_CHECKING

from modal_lint.report.base import Look, diagnostics, fix_mark, visible
from modal_lint.report.json import dump

if TYPE_CHECKING:
    from collections.abc import Iterable

    from modal_lint.model import Finding, Report


def summary(report: Report, look: Look, *, fixed: int = 0) -> str:
    """What a run found, in two or three lines."""
    found = diagnostics(report)
    files = count(report.checked, "file")
    suppressed = f", {report.suppressed} suppressed" if report.suppressed else ""
    suppressed += f", {report.baselined} in the baseline" if report.baselined else ""
    suppressed += f", {report.outside} outside of the changes" if report.outside else ""
    if not found:
        repaired = f"Fixed {count(fixed, 'finding')}. " if fixed else ""
        return f"{repaired}{look.paint('All checks passed!', 'green')} ({files} checked{suppressed})\n"
    head = look.paint(f"Found {count(len(found), 'finding')}", "bold")
    repaired = f" ({fixed} fixed)" if fixed else ""
    failed = f", {count(len(report.failures), 'file')} not checked" if report.failures else ""
    return f"{head}{repaired} in {files} checked{failed}{suppressed}.\n" + _fixable(report.findings, look)


def statistics(report: Report, look: Look, *, as_json: bool) -> str:
    """How often each rule fired, the most frequent first."""
    found = diagnostics(report)
    counts = Counter((finding.code, finding.name) for finding in found)
    marks = {finding.code: fix_mark(finding, look) or "[ ] " for finding in found}
    ordered = sorted(counts.items(), key=lambda item: (-item[1], item[0]))
    if as_json:
        return dump(
            [
                {"code": code, "name": name, "count": number, "fixable": "[ ]" not in marks[code]}
                for (code, name), number in ordered
            ]
        )
    wide = len(str(max(counts.values(), default=0)))
    rows = [
        f"{number:>{wide}}  {look.paint(code, 'bold', 'red')}  {marks[code]}{name}\n"
        for (code, name), number in ordered
    ]
    return "".join(rows)


def fixed_list(fixed: Iterable[Finding]) -> str:
    """What was fixed, by file and rule."""
    files: dict[str, Counter[tuple[str, str]]] = {}
    for finding in fixed:
        files.setdefault(finding.path, Counter())[finding.code, finding.name] += 1
    lines = [f"Fixed {count(sum(rules.total() for rules in files.values()), 'finding')}:"]
    for path, rules in sorted(files.items()):
        lines.append(f"- {visible(path)}:")
        lines += [f"    {number} × {code} ({name})" for (code, name), number in sorted(rules.items())]
    return "\n".join(lines) + "\n"


def _fixable(findings: Iterable[Finding], look: Look) -> str:
    fixes = [finding.fix for finding in findings if finding.fix is not None and finding.fix.edits]
    now = sum(1 for fix in fixes if fix.safe or look.unsafe)
    later = len(fixes) - now
    more = f"{count(later, 'more fix', 'more fixes')} with `--fix --unsafe-fixes`"
    if now:
        return f"[*] {now} fixable with `--fix`" + (f", {more}" if later else "") + ".\n"
    return f"[-] {later} fixable with `--fix --unsafe-fixes`.\n" if later else ""


def unsafe_fixes(report: Report, look: Look) -> str:
    """How many fixes wait for `--unsafe-fixes`, if any."""
    fixes = [finding.fix for finding in report.findings if finding.fix is not None and finding.fix.edits]
    waiting = 0 if look.unsafe else sum(1 for fix in fixes if not fix.safe)
    return f"{count(waiting, 'more fix', 'more fixes')} with `--unsafe-fixes`." if waiting else ""


def count(number: int, one: str, many: str | None = None) -> str:
    """``1 file``, ``2 files``."""
    return f"{number} {one if number == 1 else many or one + 's'}"
