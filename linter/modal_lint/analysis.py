"""The rules on one file: the boundary at which anything that goes wrong becomes a `Failure` of that file."""

from __future__ import annotations

import contextlib
import os
from typing import TYPE_CHECKING

from modal_lint import selection, suppress, switches
from modal_lint.credentials.custom import judging
from modal_lint.discover import DOCUMENTS
from modal_lint.discreet import discreet
from modal_lint.files import ReadError, read_regular
from modal_lint.model import INTERNAL, Failure, Finding, Outcome, Rule
from modal_lint.prefilter import concerns_modal
from modal_lint.project import Project
from modal_lint.records import made, record
from modal_lint.source import Unreadable

if TYPE_CHECKING:
    from collections.abc import Callable, Collection, Iterable, Iterator, Mapping, Sequence

    from modal_lint.discover import Target
    from modal_lint.globs import Glob
    from modal_lint.selection import Selection
    from modal_lint.settings import Settings
    from modal_lint.source import File

UNREADABLE = "MS001"


@record
class Analysis:
    """The rules on many files, as numbered tasks for this process or several.

    Args:
        targets: the files.
        given: contents to take instead of those on the disk, by path as in findings.
        rules: what to look for; None for all rules, which are only loaded when a file concerns Modal.
        visit: what else to ask of each file that concerns Modal; its answer goes into the outcome.
        contents: what to take for the content of the files that are imported, by real path.
        silent: tells the absolute paths of files that are known not to say Modal, if that is asked.
    """

    targets: Sequence[Target]
    given: Mapping[str, bytes]
    rules: Sequence[Rule] | None = None
    visit: Callable[[File], object] | None = None
    contents: Mapping[str, bytes] = made(default_factory=dict)
    silent: Callable[[], Collection[str]] = frozenset
    _silent: Collection[str] | None = None
    _projects: dict[str, Project] = made(default_factory=dict)
    _enabled: dict[tuple[Selection, ...], tuple[Rule, ...]] = made(default_factory=dict)

    def perform(self, task: int) -> Outcome:
        """What the rules find in one file. Never raises: whatever goes wrong is the failure of this file."""
        target = self.targets[task]
        try:
            with judging(target.settings.custom):
                data = self.given.get(target.path)
                return self._analyse(target, read_regular(target.absolute) if data is None else data)
        except ReadError as trouble:
            return Outcome(failure=Failure(target.path, trouble.reason))
        except Exception as error:  # the one broad except: parser errors quote source, so only the type is told
            return Outcome(failure=Failure(target.path, f"{INTERNAL} ({_where(error)})"))

    def crashed(self, task: int) -> Outcome:
        """The outcome of a file at which the process died."""
        return Outcome(failure=Failure(self.targets[task].path, f"{INTERNAL} (the analysis crashed)"))

    def finish(self) -> frozenset[str]:
        """The real paths of all files and folders that were looked at on the way."""
        return frozenset().union(*(project.looked_at() for project in self._projects.values()))

    def _analyse(self, target: Target, data: bytes) -> Outcome:
        project = self._project(target.root)
        project.known_secrets = target.settings.known_secrets
        is_document = target.path.endswith(DOCUMENTS)  # those that hold no code about Modal are told apart later
        if is_document:
            concerned = concerns_modal(data)
        else:
            concerned = project.concerns(target.path, data) or b"modal-lint" in data
        if not concerned and not is_document and not switches.is_off("prefilter"):
            return Outcome()
        try:
            if is_document:
                return self._document(target, project, data)
            file = project.open(target.path, data)
            if switches.is_off("focus"):
                _parse_whole(file)
            outcome = _judge(file, target, self._rules_of(target))
            return outcome if self.visit is None else outcome._replace(facts=self.visit(file))
        except Unreadable as trouble:
            failure = self._failure(target, trouble.reason, trouble.line, trouble.column)
        except RecursionError:
            failure = self._failure(target, "nested too deeply to be analysed")
        return Outcome(failure=failure) if concerned else Outcome()

    def _document(self, target: Target, project: Project, data: bytes) -> Outcome:
        """What the rules find in the code of a notebook or of Markdown."""
        from modal_lint.documents import checking

        def failed(trouble: Unreadable) -> Failure | None:
            failure = self._failure(target, trouble.reason, trouble.line, trouble.column)
            return failure and failure._replace(cell=trouble.cell)

        rules = self._rules_of(target)
        return checking.outcome(
            target.path, data, project, lambda file: _judge(file, target, rules), failed, self.visit
        )

    def _rules_of(self, target: Target) -> tuple[Rule, ...]:
        """Those of the rules that look at a file, as `enabled`; found once for all files with the same choices."""
        chosen = target.settings.selections
        if chosen not in self._enabled:
            self._enabled[chosen] = selection.enabled(self._asked, chosen)
        return _not_ignored(target, self._enabled[chosen])

    @property
    def _asked(self) -> Sequence[Rule]:
        return selection.catalogue() if self.rules is None else self.rules

    def _project(self, root: str) -> Project:
        if root not in self._projects:
            self._projects[root] = Project(root, self.contents, self._is_silent)
        return self._projects[root]

    def _is_silent(self, path: str) -> bool:
        if self._silent is None:
            self._silent = self.silent()
        return path in self._silent

    def _failure(self, target: Target, reason: str, line: int = 1, column: int = 0) -> Failure | None:
        """The failure of an unreadable file, or None where the user has switched MS001 off by name or prefix."""
        for rule in self._asked:
            if rule.code == UNREADABLE:
                chosen = target.settings.selections
                if selection.explicitly_ignored(rule, chosen) or selection.covers(_ignored_here(target), rule):
                    return None
        return Failure(target.path, reason, line, column)


def load() -> None:
    """Load what else the first file asks for that uses Modal, once for all processes that are still to be started."""
    from modal_lint_runtime import contract

    from modal_lint import evaluate
    from modal_lint.credentials import providers

    del contract, evaluate, providers
    selection.catalogue()


def _parse_whole(file: File) -> None:
    """What a linter on libcst's trees would have to do first: the whole tree, and the position of each node."""
    import libcst
    from libcst.metadata import MetadataWrapper, PositionProvider

    with contextlib.suppress(libcst.ParserSyntaxError, RecursionError):
        MetadataWrapper(libcst.parse_module(file.text)).resolve(PositionProvider)


def _judge(file: File, target: Target, rules: tuple[Rule, ...]) -> Outcome:
    settings = target.settings
    found = [discreet(finding, file) for rule in rules for finding in rule.check(file)]
    if not found and not suppress.speaks_to_us(file.text):
        return Outcome()
    if settings.ignore_suppressions:
        outcome = Outcome(tuple(one for one in found if _is_wanted(one, settings)))
        return outcome if settings.baseline is None else _with_symbols(outcome, found, file, settings)
    silenced = {id(finding) for finding in found if _is_silenced(finding, file, settings)}
    if any(rule.code == suppress.UNUSED for rule in rules):
        unused = list(suppress.unused(file, found, rules))
        silenced |= {id(one) for one in unused if file.suppressions.silences(one)}
        found += unused
    wanted = [finding for finding in found if _is_wanted(finding, settings)]
    outcome = Outcome(
        findings=tuple(finding for finding in wanted if id(finding) not in silenced),
        suppressed=tuple(finding for finding in wanted if id(finding) in silenced),
    )
    return outcome if settings.baseline is None else _with_symbols(outcome, found, file, settings)


def _with_symbols(outcome: Outcome, found: Sequence[Finding], file: File, settings: Settings) -> Outcome:
    """The outcome as a baseline knows it: where each finding stands, and what only its level leaves out."""
    from modal_lint.symbols import named

    below = tuple(finding for finding in found if not _is_wanted(finding, settings))
    return outcome._replace(findings=named(file, outcome.findings), below=named(file, below))


def _is_wanted(finding: Finding, settings: Settings) -> bool:
    if finding.severity.rank < settings.min_severity.rank or finding.confidence.rank < settings.min_confidence.rank:
        return False
    return settings.custom is None or not settings.custom.allows(finding)


def _is_silenced(finding: Finding, file: File, settings: Settings) -> bool:
    if file.suppressions.silences(finding):
        return True
    if not settings.respect_foreign_markers:
        return False
    return any(
        where is not None and where.suppressions.silences_foreign(finding, lines)
        for where, lines in _marked_places(finding, file)
    )


def _marked_places(finding: Finding, file: File) -> Iterator[tuple[File | None, Iterable[int]]]:
    """Where another scanner's marker counts: at the flagged statement, and at the literal, which may be elsewhere."""
    yield file, suppress.lines_of(finding)
    if finding.origin is not None:
        path, span = finding.origin
        where = file if path == file.path else file.project.load(path)
        yield where, range(span.line, span.end_line + 1)


def enabled(target: Target, rules: Sequence[Rule]) -> tuple[Rule, ...]:
    """Those of ``rules`` that look at a file."""
    return _not_ignored(target, selection.enabled(rules, target.settings.selections))


def _not_ignored(target: Target, on: tuple[Rule, ...]) -> tuple[Rule, ...]:
    ignored = _ignored_here(target) if target.settings.per_file_ignores else ()
    return tuple(rule for rule in on if not selection.covers(ignored, rule)) if ignored else on


def _ignored_here(target: Target) -> tuple[str, ...]:
    """The selectors that `per-file-ignores` has for this file; a pattern that begins with `!` means all others."""
    return tuple(
        code for glob, codes in target.settings.per_file_ignores if _applies(glob, target.absolute) for code in codes
    )


def _applies(glob: Glob, path: str) -> bool:
    from modal_lint.globs import matches

    if glob.pattern.startswith("!"):
        return not matches((glob._replace(pattern=glob.pattern[1:]),), path)
    return matches((glob,), path)


def _where(error: Exception) -> str:
    """The error's type and where in this program it happened; its text may quote the source."""
    import traceback

    frames = traceback.extract_tb(error.__traceback__)
    place = f" in {os.path.basename(frames[-1].filename)}:{frames[-1].lineno}" if frames else ""
    return f"{type(error).__name__}{place}"
