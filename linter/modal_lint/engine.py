"""One run: find the files, read them, skip those that cannot concern Modal, let the rules look at the rest."""

from __future__ import annotations

import contextlib
import gc
import os
import time
from collections.abc import Callable, Collection, Iterable, Mapping, Sequence
from functools import partial
from itertools import pairwise, takewhile
from operator import eq
from typing import TYPE_CHECKING

from modal_lint import switches
from modal_lint.discover import Discovery, Target, discover
from modal_lint.files import module_name
from modal_lint.model import Failure, Finding, Outcome, Report
from modal_lint.records import made, record
from modal_lint.sift import ALONE, MENTIONS, SILENT, Ahead, naming, sift

if TYPE_CHECKING:
    from modal_lint.analysis import Analysis
    from modal_lint.baseline import Baselines
    from modal_lint.cache import Cache
    from modal_lint.config import Source
    from modal_lint.model import Rule
    from modal_lint.since import Since
    from modal_lint.source import File
    from modal_lint.staged import Index

Progress = Callable[[int, int], None]

# Fewer files than this are done before a second process has started.
_WORTH_PROCESSES = 24
# Fewer files than this are read in less time than what is known about them.
_WORTH_CACHE = 40
_USUAL = 8_000  # bytes of a file
_NOTHING = Outcome()
# The first rule that fits a credential reports it; see rules.md, "One credential, one finding".
_PRECEDENCE = {"MS106": 0, "MS105": 1, "MS110": 3}
_SINK = 2


def _nothing(done: int, total: int) -> None:
    del done, total


@record
class Session:
    """A run that can look again at files that have changed since.

    Args:
        paths: directories, files, or ``-``.
        source: the settings of each directory: a `config.Resolver`, or `Settings` for all.
        stdin: what standard input held, if ``-`` is among the paths.
        stdin_filename: what to call it.
        rules: instead of all rules, for tests.
        progress: told after each file how many of the files that concern Modal are done.
        jobs: how many processes; 0 leaves it to the settings.
        cache_folder: where to keep what a run found out; None for nowhere.
        visit: what else to ask of each file that concerns Modal: a function of a module, whose answers can be pickled;
            `facts` are the answers. A run that asks neither reads nor writes a cache.
        baselines: what is known already; by default what the settings of the files say.
        since: what has changed, where nothing else counts.
        staged: git's index, whose contents count instead of the work tree's.
    """

    paths: Sequence[str]
    source: Source
    stdin: bytes | None = None
    stdin_filename: str | None = None
    rules: Sequence[Rule] | None = None
    progress: Progress = _nothing
    jobs: int = 0
    cache_folder: str | None = None
    visit: Callable[[File], object] | None = None
    baselines: Baselines | None = None
    since: Since | None = None
    staged: Index | None = None
    _found: Discovery | None = None
    _ahead: Ahead | None = None
    _outcomes: dict[str, Outcome] = made(default_factory=dict)
    _looked_at: frozenset[str] = frozenset()

    @property
    def found(self) -> Discovery:
        """The files of this run; they are looked for once.

        Raises:
            UserError: a configuration file on the way is wrong.
        """
        if self._found is None and self.staged is not None:
            self._found = self.staged.discover(self.paths, self.source)
        elif self._found is None:
            self._found = discover(self.paths, self.source, stdin_filename=self.stdin_filename)
        return self._found

    def begin(self) -> Discovery:
        """The files of a run that is certain to follow; many are read while others are still being looked for.

        Raises:
            UserError: as `found`.
        """
        whole = (
            self.staged is None and self.stdin is None and (self.cache_folder is None or not _holds(self.cache_folder))
        )
        if self._found is not None or not whole:
            return self.found
        self._ahead = Ahead(lambda target: _usable_jobs(self.jobs or target.settings.jobs))
        try:
            self._found = discover(self.paths, self.source, stdin_filename=self.stdin_filename, taker=self._ahead.take)
        except BaseException:
            self._close_ahead()
            raise
        return self._found

    def _close_ahead(self) -> None:
        if self._ahead is not None:
            self._ahead.close()
            self._ahead = None

    def run(self) -> Report:
        """Check everything."""
        self._outcomes.clear()
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

    @property
    def outcomes(self) -> Mapping[str, Outcome]:
        """What each file gave, by path as in findings."""
        return self._outcomes

    def report(self) -> Report:
        """What the last run found, beside the baselines as they are now."""
        return self._report()

    @property
    def facts(self) -> dict[str, object]:
        """What ``visit`` answered, by path as in findings."""
        return {path: one.facts for path, one in self._outcomes.items() if one.facts is not None}

    def _check(self, targets: Sequence[Target], given: Mapping[str, bytes]) -> Report:
        for target in targets if self._outcomes else ():
            self._outcomes.pop(target.path, None)
        jobs = _usable_jobs(self.jobs or (targets[0].settings.jobs if targets else 1))
        cache = self._cache(targets) if not given else None
        if self.stdin is not None:
            given = {target.path: self.stdin for target in targets if target.is_stdin} | dict(given)
        if self.staged is not None:
            given = {target.path: self.staged.contents[target.absolute] for target in self.found.targets} | dict(given)
        if self.since is not None:
            self.since.given = given
        left = cache.left(known=self.baselines is None) if cache is not None else None
        if left is not None:
            again, known = left
            self._close_ahead()
            self._outcomes.update(known)
            self._analyse(again, given, jobs)
        else:
            verdicts = self._look(targets, given, jobs, cache)
            if cache is not None:
                silent = [at for at, verdict in enumerate(verdicts) if verdict in (SILENT, ALONE)]
                outcomes = {one.absolute: self._outcomes.get(one.path, _NOTHING) for one in targets}
                told = {path: outcome for path, outcome in outcomes.items() if outcome != _NOTHING}
                cache.keep(silent, told, self._looked_at)
        return self._report()

    def _cache(self, targets: Sequence[Target]) -> Cache | None:
        """What earlier runs left; None where there is or may be none."""
        if self.cache_folder is None or self.rules is not None or self.visit is not None or self.stdin is not None:
            return None
        if self.staged is not None:
            return None
        if len(targets) < _WORTH_CACHE:
            return None
        from modal_lint.cache import Cache

        return Cache(
            self.cache_folder, self.paths, targets, time.time_ns() if self._ahead is None else self._ahead.began
        )

    def _look(
        self, targets: Sequence[Target], given: Mapping[str, bytes], jobs: int, cache: Cache | None
    ) -> Sequence[int | str]:
        """Look at ``targets``, analyse those that matter, and tell the verdicts on all of them."""
        if self._ahead is not None:
            verdicts = self._ahead.verdicts(targets)
            self._ahead = None
        elif cache is None:
            verdicts = sift(targets, given, jobs)
        else:
            verdicts = [SILENT] * len(targets)
            unknown = [at for at in range(len(targets)) if not cache.is_silent(at)]
            for at, verdict in zip(unknown, sift([targets[at] for at in unknown], given, jobs), strict=True):
                verdicts[at] = verdict
        sizes: dict[int, int] = {}
        importing: list[Target] = []
        for at in [at for at, verdict in enumerate(verdicts) if verdict != ALONE]:
            verdict = verdicts[at]
            if isinstance(verdict, str):
                self._outcomes[targets[at].path] = Outcome(failure=Failure(targets[at].path, verdict))
            elif verdict >= MENTIONS:
                sizes[at] = verdict
            else:
                importing.append(targets[at])
        work = [targets[at] for at in sizes]
        users = [targets[at] for at, size in sizes.items() if size > MENTIONS]
        work += _neighbours(users, importing, given, jobs)
        self._analyse(work, given, jobs, list(sizes.values()), partial(_silent, targets, verdicts))
        return verdicts

    def _analyse(
        self,
        work: Sequence[Target],
        given: Mapping[str, bytes],
        jobs: int,
        sizes: Sequence[int] = (),
        silent: Callable[[], Collection[str]] = frozenset,
    ) -> None:
        """Let the rules look at ``work``, whose first files have ``sizes``; ``silent`` tells which never say Modal."""
        if not work:
            return
        from modal_lint import analysis
        from modal_lint.deep import with_deep_stack

        contents: Mapping[str, bytes] = self.staged.contents if self.staged is not None else {}
        task = analysis.Analysis(work, given, self.rules, self.visit, contents, silent)
        jobs = min(jobs, len(work) // (_WORTH_PROCESSES // 2)) if len(work) >= _WORTH_PROCESSES else 1
        was_on = gc.isenabled()
        gc.disable()  # trees are many objects and few garbage: half of the time would go into looking for it
        try:
            if jobs > 1:
                from modal_lint import pool

                if not sizes or any(size > MENTIONS for size in sizes):
                    analysis.load()
                weights = [*sizes, *[_USUAL] * (len(work) - len(sizes))]
                ties = _ties([target.absolute for target in work])
                outcomes, told = pool.answers(task, weights, jobs, self.progress, together=2 * _USUAL, ties=ties)
            else:
                outcomes = with_deep_stack(lambda: self._one_by_one(task))
                told = [task.finish()]
        finally:
            if was_on:
                gc.freeze()  # what was built is still needed: it is not worth a search for garbage
                gc.enable()
        self._outcomes.update({work[at].path: outcome for at, outcome in sorted(outcomes.items())})
        self._looked_at = frozenset().union(*told)

    def _one_by_one(self, task: Analysis) -> dict[int, Outcome]:
        outcomes: dict[int, Outcome] = {}
        for at in range(len(task.targets)):
            outcomes[at] = task.perform(at)
            self.progress(at + 1, len(task.targets))
        return outcomes

    def _report(self) -> Report:
        outcomes = self._outcomes.values()
        failures = list(self.found.failures)
        failures += [outcome.failure for outcome in outcomes if outcome.failure is not None]
        shadows = [finding for outcome in outcomes for finding in outcome.suppressed]
        found = [finding for outcome in outcomes for finding in outcome.findings]
        kept = once(found, shadows)
        lost = {failure.path for failure in failures}
        unchecked = sum(target.path in lost for target in self.found.targets) if lost else 0
        report = Report(
            findings=tuple(kept),
            failures=tuple(sorted(failures, key=lambda failure: (failure.path, failure.line))),
            checked=len(self.found.targets) - unchecked,
            suppressed=len(shadows),
        )
        return self._narrowed(report, found, shadows)

    def _narrowed(self, report: Report, found: Sequence[Finding], shadows: Sequence[Finding]) -> Report:
        """The report without what a baseline knows and, where only changes count, without what has not changed.

        Both are like suppressed findings: a lesser rule does not report them in their stead.
        """
        known: frozenset[int] = frozenset()
        outside: frozenset[int] = frozenset()
        judges = self.rules is None or len(self.rules) > 0  # who only visits files has no use for a baseline
        if self.baselines is None and judges and any(one.baseline for one in self.found.settings.values()):
            from modal_lint.baseline import Baselines

            self.baselines = Baselines()
        if self.baselines is not None:
            known = self.baselines.hidden(self.found.targets, self._outcomes)
        failures = report.failures
        if self.since is not None:
            outside = self.since.untouched(found) - known
            failures = tuple(one for one in failures if self.since.concerns(one))
        gone = known | outside
        if not gone and failures == report.failures:
            return report
        unseen = [one for one in found if id(one) in gone]
        return report._replace(
            findings=tuple(once([one for one in found if id(one) not in gone], [*shadows, *unseen])),
            failures=failures,
            baselined=sum(id(one) in known for one in report.findings),
            outside=sum(id(one) in outside for one in report.findings) + len(report.failures) - len(failures),
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
    cache_folder: str | None = None,
) -> Report:
    """Check ``paths`` once; see `Session` for the arguments.

    Raises:
        UserError: a configuration file on the way is wrong.
    """
    return Session(paths, settings, stdin, stdin_filename, rules, progress, jobs, cache_folder).run()


def _holds(folder: str) -> bool:
    """Whether there is anything in a folder."""
    with contextlib.suppress(OSError), os.scandir(folder) as entries:
        return next(entries, None) is not None
    return False


def _usable_jobs(wanted: int) -> int:
    if os.environ.get("PRE_COMMIT") == "1" or switches.is_off("processes"):
        return 1  # pre-commit has started several of us already
    available = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1
    return wanted or available


def _ties(paths: Sequence[str]) -> list[int]:
    """How many folders each file has in common with the one before it: the more, the likelier they import the same."""
    folders = [os.path.dirname(path).split(os.sep) for path in paths]
    return [0, *(_common(*two) for two in pairwise(folders))]


def _common(one: Sequence[str], other: Sequence[str]) -> int:
    return sum(1 for _ in takewhile(bool, map(eq, one, other)))


def _neighbours(
    users: Sequence[Target], importing: Sequence[Target], given: Mapping[str, bytes], jobs: int
) -> list[Target]:
    """Those of ``importing``, which never say Modal, that import a file beside or below them that uses it.

    They may use an object of Modal's that the other file made. Only these few are read a second time.
    """
    names: dict[str, set[bytes]] = {}
    for target in users if importing else ():
        folder = os.path.dirname(target.absolute)
        for place in (folder, os.path.dirname(folder)):
            names.setdefault(place, set()).add(os.fsencode(module_name(target.absolute)))
    return naming([target for target in importing if not target.is_stdin], names, given, jobs)


def _silent(targets: Sequence[Target], verdicts: Sequence[int | str]) -> frozenset[str]:
    """The absolute paths of the files that never say Modal."""
    found = zip(targets, verdicts, strict=True)
    return frozenset(one.absolute for one, verdict in found if verdict in (SILENT, ALONE) and not one.is_stdin)


def once(findings: Iterable[Finding], suppressed: Iterable[Finding]) -> list[Finding]:
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
