"""Applying fixes: rounds of compatible fixes, each file replaced atomically, every removed value preserved first."""

from __future__ import annotations

import os
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING

from modal_lint.atomic import WriteError, reason_of, sweep, write_atomic
from modal_lint.discover import DOCUMENTS
from modal_lint.edits import EditError, apply_edits, compatible, merged
from modal_lint.migrate import ConflictError, Preserved, preserve
from modal_lint.source import Unreadable, decode, parse
from modal_lint.vault import RefusedError

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Mapping, Sequence

    from modal_lint.model import Finding, Fix, Move, Report

__all__ = ["FixResult", "Preview", "apply_edits", "compatible", "fix_files", "preview", "write_atomic"]


@dataclass(frozen=True, slots=True)
class FixResult:
    """What a run of fixes did. ``report`` is what is left; ``notes`` are for the user and hold no value."""

    report: Report
    fixed: int = 0
    files: tuple[str, ...] = ()
    preserved: tuple[Preserved, ...] = ()
    notes: tuple[str, ...] = ()
    applied: tuple[Finding, ...] = ()  # the findings whose fix was applied, in order


@dataclass(frozen=True, slots=True)
class Preview:
    """What a fix would make of one file."""

    path: str
    old: bytes
    new: bytes


def _every(finding: Finding) -> bool:  # noqa: ARG001
    return True


def fix_files(
    report: Report,
    recheck: Callable[[Sequence[str]], Report],
    *,
    unsafe: bool,
    root: Path,
    allow: Callable[[Finding], bool] = _every,
    base: Path | None = None,
    max_rounds: int = 100,
) -> FixResult:
    """Apply the fixes of ``report`` in rounds, until nothing changes.

    In each round and file: choose the fixes that go together, drop those whose result would not parse, preserve the
    values that the rest move, then replace the file. A process killed in between leaves the file as it was, or changed
    with every removed value preserved.

    Args:
        report: what the check found.
        recheck: called with the paths changed in a round; returns the whole run's report as it is now.
        unsafe: also apply fixes that are not ``safe``.
        root: the project's root, where values are preserved. A file that a link leads out of it is not touched.
        allow: whether a finding may be fixed (``--fixable`` and the like).
        base: what relative paths in findings are relative to; by default ``root``.
        max_rounds: gives up after so many rounds.
    """
    run = _Run(root=root, base=base or root, wanted=lambda finding: _wanted(finding, unsafe, allow))
    sweep({Path(os.path.realpath(run.locate(path))).parent for path in _by_path(report, run.wanted)})
    for _ in range(max_rounds):
        changed = run.round(report)
        if not changed:
            break
        report = recheck(changed)
    else:
        run.dropped.append(f"fixes did not settle in {max_rounds} rounds")
    return run.result(report)


def preview(
    report: Report,
    *,
    unsafe: bool,
    allow: Callable[[Finding], bool] = _every,
    read: Callable[[str], bytes] | None = None,
    recheck: Callable[[Mapping[str, bytes]], Report] | None = None,
    max_rounds: int = 100,
) -> list[Preview]:
    """What `fix_files` would make of the files, as far as that is known without preserving values. Writes nothing.

    Args:
        report, unsafe, allow, max_rounds: as for `fix_files`.
        read: gives a file's content, say of standard input; by default it is read from disk.
        recheck: called with the content of every file changed so far, by path, after each round. Without it only the
            first round is shown, so a fix that has to wait for another one in the same file is missing.
    """
    load = read or _read
    old: dict[str, bytes] = {}
    new: dict[str, bytes] = {}
    for _ in range(max_rounds):
        changed = False
        for path, findings in _by_path(report, lambda finding: _wanted(finding, unsafe, allow)).items():
            try:
                data = new[path] if path in new else load(path)
            except OSError:
                continue
            plan = _plan(data, findings)
            if plan.data != data:
                old.setdefault(path, data)
                new[path] = plan.data
                changed = True
        if not changed or recheck is None:
            break
        report = recheck(new)
    return [Preview(path, old[path], new[path]) for path in sorted(new) if new[path] != old[path]]


@dataclass(frozen=True, slots=True)
class _Plan:
    """The fixes chosen for one file, what it becomes, and why others were dropped."""

    data: bytes
    chosen: tuple[Finding, ...] = ()
    dropped: tuple[str, ...] = ()

    @property
    def moves(self) -> tuple[Move, ...]:
        return tuple(move for finding in self.chosen for move in _fix(finding).moves)


class _Run:
    """The state of one call of `fix_files`."""

    def __init__(self, root: Path, base: Path, wanted: Callable[[Finding], bool]) -> None:
        self.root, self.base, self.wanted = root, base, wanted
        self.applied: list[Finding] = []
        self.notes: list[str] = []
        self.dropped: list[str] = []  # of the last round only: a fix dropped before may have been applied since
        self.preserved: dict[str, Preserved] = {}

    def locate(self, path: str) -> Path:
        return self.base / path

    def round(self, report: Report) -> tuple[str, ...]:
        self.dropped = []
        return tuple(path for path, findings in _by_path(report, self.wanted).items() if self._file(path, findings))

    def _file(self, path: str, findings: Sequence[Finding]) -> bool:
        """Fix one file as far as this round can; whether it changed."""
        try:
            self._inside(path)
            old = self.locate(path).read_bytes()
            plan = self._preserve(old, _plan(old, findings))
            self.dropped += plan.dropped
            if plan.data == old:
                return False
            remarks = write_atomic(self.locate(path), plan.data, expected=old)
        except (WriteError, OSError) as error:
            reason = reason_of(error) if isinstance(error, OSError) else str(error)
            self.dropped.append(f"{path} was not fixed: {reason}")
            return False
        self.applied += plan.chosen
        self.notes += [f"{path}: {remark}" for remark in remarks]
        self.notes += [note for finding in plan.chosen for note in _fix(finding).notes]
        return True

    def _preserve(self, old: bytes, plan: _Plan) -> _Plan:
        """Preserve what the plan moves. A fix whose values cannot be preserved leaves the plan."""
        while plan.moves:
            try:
                self._keep(preserve(self.root, plan.moves))
                break
            except ConflictError:
                plan = self._without_conflicts(old, plan)
            except RefusedError as refused:
                plan = _replan(old, plan, [f for f in plan.chosen if not _fix(f).moves], str(refused))
        return plan

    def _without_conflicts(self, old: bytes, plan: _Plan) -> _Plan:
        """Preserve fix by fix, so that only those that conflict are dropped."""
        kept: list[Finding] = []
        reason = ""
        for finding in plan.chosen:
            try:
                self._keep(preserve(self.root, _fix(finding).moves))
                kept.append(finding)
            except (ConflictError, RefusedError) as error:
                reason = str(error)
        return _replan(old, plan, kept, reason)

    def _keep(self, preserved: Iterable[Preserved]) -> None:
        for entry in preserved:
            earlier = self.preserved.get(entry.path)
            new = tuple(dict.fromkeys((*(earlier.new_keys if earlier else ()), *entry.new_keys)))
            self.preserved[entry.path] = replace(entry, new_keys=new)

    def _inside(self, path: str) -> None:
        """Refuse what only looks like a part of the tree."""
        place, root = self.locate(path), self.root
        seems, real = (Path(look(place)).is_relative_to(look(root)) for look in (os.path.abspath, os.path.realpath))
        if seems and not real:
            raise WriteError("a link leads out of the project")

    def result(self, report: Report) -> FixResult:
        return FixResult(
            report=report._replace(fixed=len(self.applied)),
            fixed=len(self.applied),
            files=tuple(dict.fromkeys(finding.path for finding in self.applied)),
            preserved=tuple(self.preserved.values()),
            notes=tuple(dict.fromkeys((*self.notes, *self.dropped))),
            applied=tuple(self.applied),
        )


def _wanted(finding: Finding, unsafe: bool, allow: Callable[[Finding], bool]) -> bool:
    fix = finding.fix
    return fix is not None and bool(fix.edits) and (fix.safe or unsafe) and allow(finding)


def _fix(finding: Finding) -> Fix:
    assert finding.fix is not None
    return finding.fix


def _read(path: str) -> bytes:
    return Path(path).read_bytes()


def _by_path(report: Report, wanted: Callable[[Finding], bool]) -> dict[str, list[Finding]]:
    """The findings to fix, by file, in an order that does not depend on how they were found."""
    files: dict[str, list[Finding]] = {}
    for finding in sorted(report.findings, key=lambda finding: finding.sort_key):
        if wanted(finding):
            files.setdefault(finding.path, []).append(finding)
    return files


def _plan(data: bytes, findings: Iterable[Finding]) -> _Plan:
    """The fixes that this round can apply to ``data`` together, tried one by one only if the whole does not work."""
    chosen = _compatible(findings)
    new = _apply(data, chosen)
    if new is not None:
        return _Plan(new, chosen)
    good: list[Finding] = []
    dropped: list[str] = []
    for finding in findings:
        together = (*good, finding)
        if _compatible(together) != together:
            continue
        if _apply(data, together) is None:
            dropped.append(_why_not(finding, "the result would not be valid Python"))
        else:
            good.append(finding)
    return _Plan(_apply(data, good) or data, tuple(good), tuple(dropped))


def _replan(data: bytes, plan: _Plan, kept: Sequence[Finding], reason: str) -> _Plan:
    """The plan with only the fixes ``kept``; ``reason`` says why the others go."""
    lost = tuple(_why_not(finding, reason) for finding in plan.chosen if finding not in kept)
    smaller = _plan(data, kept)
    return _Plan(smaller.data, smaller.chosen, (*plan.dropped, *lost, *smaller.dropped))


def _compatible(findings: Iterable[Finding]) -> tuple[Finding, ...]:
    listed = tuple(findings)
    kept = {id(fix) for fix in compatible(_fix(finding) for finding in listed)}
    return tuple(finding for finding in listed if id(finding.fix) in kept)


def _apply(data: bytes, findings: Sequence[Finding]) -> bytes | None:
    """The file with these fixes, or None when that cannot be or is no valid Python."""
    try:
        edits = merged([_fix(finding) for finding in findings])
        if findings and findings[0].path.endswith(DOCUMENTS):
            from modal_lint.documents import checking

            return checking.edited(findings[0].path, data, edits)
        new = apply_edits(data, edits)
        parse(decode(new))
    except (EditError, Unreadable):
        return None
    return new


def _why_not(finding: Finding, reason: str) -> str:
    about = f" ({finding.key})" if finding.key else ""
    return f"{finding.path}: {finding.code}{about} was not fixed: {reason}"
