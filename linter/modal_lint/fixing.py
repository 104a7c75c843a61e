"""Fixes of a whole run: which may be applied, each in its project, and what to tell about them."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from modal_lint.report.diff import unified

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from modal_lint.engine import Session
    from modal_lint.fix import FixResult, Preview
    from modal_lint.model import Finding, Report
    from modal_lint.report.base import Look


@dataclass(frozen=True, slots=True)
class Fixed:
    """What was fixed: the report of what is left, the findings that are gone, and lines to tell."""

    report: Report
    applied: tuple[Finding, ...]
    lines: tuple[str, ...]


class Fixer:
    """Applies or previews the fixes of one session.

    Args:
        session: the run whose findings are fixed.
        unsafe: also apply fixes that are not safe.
    """

    def __init__(self, session: Session, *, unsafe: bool) -> None:
        self._session = session
        self._unsafe = unsafe
        self._targets = {target.path: target for target in session.found.targets}

    def apply(self, report: Report) -> Fixed:
        """Fix the files of ``report``, project by project."""
        applied: list[Finding] = []
        lines: list[str] = []
        for root in sorted({self._targets[one.path].root for one in report.findings if one.path in self._targets}):
            sources = self._sources(report)
            result = self._apply_in(root, report)
            report = result.report
            applied += result.applied
            lines += story(result, Path(root), sources)
        return Fixed(report, tuple(applied), tuple(lines))

    def diff(self, report: Report, look: Look) -> dict[str, str]:
        """The masked differences that fixes would make, by path."""
        seen = list(report.findings)
        previews = self._previews(report, self._may_fix, seen)
        return {one.path: unified(one.path, one.old, one.new, seen, look) for one in previews}

    def fixed_stdin(self, report: Report) -> tuple[bytes, Report]:
        """Standard input with its fixes, and the report of what is left in it.

        What is moved into a Secret has to be moved out of a file, so such fixes are left to the file itself.
        """
        data = self._session.stdin or b""
        previews = self._previews(
            report, lambda one: self._is_stdin(one) and not _moves(one) and self._may_fix(one), []
        )
        if not previews:
            return data, report
        return previews[0].new, self._session.recheck([previews[0].path], {previews[0].path: previews[0].new})

    def _apply_in(self, root: str, report: Report) -> FixResult:
        from modal_lint.fix import fix_files

        return fix_files(
            report,
            self._session.recheck,
            unsafe=self._unsafe,
            root=Path(root),
            allow=lambda one: self._may_fix(one) and self._targets[one.path].root == root,
            base=Path.cwd(),
        )

    def _previews(self, report: Report, allow: Callable[[Finding], bool], seen: list[Finding]) -> list[Preview]:
        from modal_lint.fix import preview

        def recheck(contents: Mapping[str, bytes]) -> Report:
            again = self._session.recheck(tuple(contents), contents)
            seen.extend(again.findings)
            return again

        return preview(report, unsafe=self._unsafe, allow=allow, read=self._content, recheck=recheck)

    def _may_fix(self, finding: Finding) -> bool:
        """Whether `fixable` and `unfixable` let this finding be fixed."""
        from modal_lint.selection import catalogue, is_fixable

        target = self._targets.get(finding.path)
        rule = next((rule for rule in catalogue() if rule.code == finding.code), None)
        if target is None or rule is None:
            return False
        return is_fixable(rule, target.settings.fixable, target.settings.unfixable)

    def _is_stdin(self, finding: Finding) -> bool:
        target = self._targets.get(finding.path)
        return target is not None and target.is_stdin

    def _content(self, path: str) -> bytes:
        target = self._targets.get(path)
        if target is not None and target.is_stdin:
            return self._session.stdin or b""
        return Path(path).read_bytes()

    def _sources(self, report: Report) -> dict[str, bytes]:
        """The files that hold the values about to be moved, as they are before."""
        sources: dict[str, bytes] = {}
        from modal_lint.committed.findings import holder

        for path in {holder(finding) for finding in report.findings if _moves(finding)}:
            try:
                sources[path] = Path(path).read_bytes()
            except OSError:
                continue
        return sources


def _moves(finding: Finding) -> bool:
    return finding.fix is not None and bool(finding.fix.moves)


def story(result: FixResult, root: Path, sources: Mapping[str, bytes]) -> list[str]:
    """What to tell after a fix: where values are, what to run next, what to rotate.

    Args:
        result: what was fixed.
        root: of the project.
        sources: the files that held the values, as they were before.
    """
    if not result.applied and not result.notes:
        return []
    from modal_lint.committed.findings import moved
    from modal_lint.migrate import report_lines

    return report_lines(result.preserved, committed=moved(result.applied, sources), notes=result.notes, root=root)
