"""One run: find the files, read them, skip those that cannot concern Modal, let the rules look at the rest."""

from __future__ import annotations

import gc
import os
from collections.abc import Callable, Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from modal_lint.discover import Discovery, Target, discover
from modal_lint.files import ReadError, read_regular
from modal_lint.model import Failure, Finding, Report
from modal_lint.prefilter import concerns_modal, names_module, uses_modal

if TYPE_CHECKING:
    from modal_lint.analysis import Outcome
    from modal_lint.config import Source
    from modal_lint.model import Rule

Progress = Callable[[int, int], None]

# Fewer files than this are done before a second process has started.
_WORTH_PROCESSES = 24
_NOTEBOOK = ".ipynb"
# The first rule that fits a credential reports it; see rules.md, "One credential, one finding".
_PRECEDENCE = {"MS106": 0, "MS105": 1, "MS110": 3}
_SINK = 2


def _nothing(done: int, total: int) -> None:
    del done, total


@dataclass(slots=True)
class Session:
    """A run that can look again at files that have changed since.

    Args:
        paths: directories, files, or ``-``.
        source: the settings of each directory: a `config.Resolver`, or `Settings` for all.
        stdin: what standard input held, if ``-`` is among the paths.
        stdin_filename: what to call it.
        rules: instead of all rules, for tests.
        progress: told after each file how many of the files that concern Modal are done.
    """

    paths: Sequence[str]
    source: Source
    stdin: bytes | None = None
    stdin_filename: str | None = None
    rules: Sequence[Rule] | None = None
    progress: Progress = _nothing
    jobs: int = 0
    _found: Discovery | None = None
    _outcomes: dict[str, Outcome] = field(default_factory=dict)
    _unread: dict[str, Failure] = field(default_factory=dict)

    @property
    def found(self) -> Discovery:
        """The files of this run; they are looked for once.

        Raises:
            UserError: a configuration file on the way is wrong.
        """
        if self._found is None:
            self._found = discover(self.paths, self.source, stdin_filename=self.stdin_filename)
        return self._found

    def run(self) -> Report:
        """Check everything."""
        self._outcomes.clear()
        self._unread.clear()
        return self._check(self.found.targets, {})

    def recheck(self, changed: Collection[str], contents: Mapping[str, bytes] | None = None) -> Report:
        """The whole run's report, with ``changed`` files looked at again.

        Args:
            changed: paths as in findings.
            contents: what to take for a file's content instead of reading it.
        """
        # A change in one file can change what a value in another one is: whatever had a finding is looked at again.
        again = {path for path, outcome in self._outcomes.items() if outcome.findings} | set(changed)
        return self._check([target for target in self.found.targets if target.path in again], contents or {})

    def roots(self) -> dict[str, str]:
        """The project root of each file of this run, by path as in findings."""
        return {target.path: target.root for target in self.found.targets}

    def _check(self, targets: Iterable[Target], contents: Mapping[str, bytes]) -> Report:
        work: list[tuple[Target, bytes]] = []
        silent: list[Target] = []  # say nothing of Modal
        for target in targets:
            self._outcomes.pop(target.path, None)
            self._unread.pop(target.path, None)
            try:
                data = contents[target.path] if target.path in contents else self._read(target)
            except ReadError as trouble:
                self._unread[target.path] = Failure(target.path, trouble.reason)
                continue
            if not concerns_modal(data):
                silent.append(target)
                continue
            if target.path.endswith(_NOTEBOOK):
                # Its JSON would parse as Python and pass for clean.
                self._unread[target.path] = Failure(target.path, "notebooks cannot be checked yet")
            else:
                work.append((target, data))
        work += self._neighbours(work, silent)
        self._outcomes.update(self._analyse(work))
        return self._report()

    def _neighbours(self, work: Sequence[tuple[Target, bytes]], silent: Sequence[Target]) -> list[tuple[Target, bytes]]:
        """The files that never say Modal but import, from a file beside or below them, one that does.

        They may use an object of Modal's that the other file made. Only these few are read a second time.
        """
        names: dict[str, set[bytes]] = {}
        for target, data in work:
            if not uses_modal(data):
                continue
            folder, name = os.path.split(target.absolute)
            stem = os.path.basename(folder) if name == "__init__.py" else name.rpartition(".")[0]
            for place in (folder, os.path.dirname(folder)):
                names.setdefault(place, set()).add(os.fsencode(stem))
        found: list[tuple[Target, bytes]] = []
        for target in silent:
            stems = names.get(os.path.dirname(target.absolute))
            if stems and not target.is_stdin:
                try:
                    data = self._read(target)
                except ReadError:
                    continue
                if any(stem in data and names_module(data, stem) for stem in stems):
                    found.append((target, data))
        return found

    def _read(self, target: Target) -> bytes:
        return (self.stdin or b"") if target.is_stdin else read_regular(target.absolute)

    def _analyse(self, work: Sequence[tuple[Target, bytes]]) -> dict[str, Outcome]:
        if not work:
            return {}
        from modal_lint import analysis

        rules = analysis.catalogue() if self.rules is None else tuple(self.rules)
        jobs = _usable_jobs(self.jobs or work[0][0].settings.jobs, len(work))
        was_on = gc.isenabled()
        gc.disable()  # trees are many objects and few garbage: half of the time would go into looking for it
        try:
            if jobs > 1:
                from modal_lint import pool

                outcomes = pool.analyse(work, rules, jobs, self.progress)
            else:
                outcomes = analysis.analyse_here(work, rules, self.progress)
        finally:
            if was_on:
                gc.freeze()  # what was built is still needed: it is not worth a search for garbage
                gc.enable()
        return {target.path: outcome for (target, _), outcome in zip(work, outcomes, strict=True)}

    def _report(self) -> Report:
        outcomes = self._outcomes.values()
        failures = [*self.found.failures, *self._unread.values()]
        failures += [outcome.failure for outcome in outcomes if outcome.failure is not None]
        shadows = [finding for outcome in outcomes for finding in outcome.suppressed]
        kept = _once([finding for outcome in outcomes for finding in outcome.findings], shadows)
        lost = {failure.path for failure in failures}
        return Report(
            findings=tuple(kept),
            failures=tuple(sorted(failures, key=lambda failure: (failure.path, failure.line))),
            checked=sum(1 for target in self.found.targets if target.path not in lost),
            suppressed=len(shadows),
        )


def run(
    paths: Sequence[str],
    settings: Source,
    *,
    stdin: bytes | None = None,
    stdin_filename: str | None = None,
    progress: Progress = _nothing,
    rules: Sequence[Rule] | None = None,
    jobs: int = 0,
) -> Report:
    """Check ``paths`` once; see `Session` for the arguments.

    Raises:
        UserError: a configuration file on the way is wrong.
    """
    return Session(paths, settings, stdin, stdin_filename, rules, progress, jobs).run()


def _usable_jobs(wanted: int, files: int) -> int:
    if files < _WORTH_PROCESSES or os.environ.get("PRE_COMMIT") == "1":
        return 1
    available = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1
    return min(wanted or available, files // (_WORTH_PROCESSES // 2))


def _once(findings: Iterable[Finding], suppressed: Iterable[Finding]) -> list[Finding]:
    """The findings in order, each credential in one of them only.

    A suppressed finding counts for precedence: silencing the rule that reports a credential must not make a lesser
    rule report it. It does not count among rules of the same precedence: another sink is another decision.
    """
    ordered = sorted(findings, key=lambda finding: finding.sort_key)
    best: dict[object, int] = {}
    for finding in (*ordered, *suppressed):
        if finding.origin is not None:
            best[finding.origin] = min(best.get(finding.origin, _SINK + 2), _precedence(finding))
    told: set[object] = set()
    kept: list[Finding] = []
    for finding in ordered:
        if finding.origin is not None:
            if finding.origin in told or _precedence(finding) > best[finding.origin]:
                continue
            told.add(finding.origin)
        kept.append(finding)
    return list(dict.fromkeys(kept))


def _precedence(finding: Finding) -> int:
    return _PRECEDENCE.get(finding.code, _SINK)
