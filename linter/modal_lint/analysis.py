"""The rules on one file: the boundary at which anything that goes wrong becomes a `Failure` of that file."""

from __future__ import annotations

import sys
import threading
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, TypeVar

from modal_lint import selection, suppress
from modal_lint.model import Failure, Finding, Rule
from modal_lint.project import Project
from modal_lint.selection import catalogue
from modal_lint.source import Unreadable

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator, Sequence

    from modal_lint.discover import Target
    from modal_lint.globs import Glob
    from modal_lint.settings import Settings
    from modal_lint.source import File

__all__ = ["INTERNAL", "Outcome", "analyse", "analyse_here", "catalogue", "with_deep_stack"]

UNREADABLE = "MS001"
INTERNAL = "internal error"

# Sources nest deeper than Python's default lets us recurse; every level costs stack, so the stack grows with it.
_RECURSION = 50_000
_STACKS = (512 << 20, 256 << 20, 64 << 20, 16 << 20)

T = TypeVar("T")


@dataclass(frozen=True, slots=True)
class Outcome:
    """What one file gave: findings to report, findings that comments silence, or why there are none."""

    findings: tuple[Finding, ...] = ()
    suppressed: tuple[Finding, ...] = ()
    failure: Failure | None = None


class Projects:
    """One `Project` for each root, made on first need."""

    def __init__(self) -> None:
        self._made: dict[str, Project] = {}

    def at(self, root: str) -> Project:
        """The project whose top is ``root``."""
        if root not in self._made:
            self._made[root] = Project(Path(root))
        return self._made[root]


def analyse(target: Target, data: bytes, projects: Projects, rules: Sequence[Rule]) -> Outcome:
    """What ``rules`` find in one file. Never raises: whatever goes wrong is the failure of this file."""
    try:
        project = projects.at(target.root)
        project.known_secrets = target.settings.known_secrets
        if not project.concerns(target.path, data) and b"modal-lint" not in data:
            return Outcome()
        file = project.open(target.path, data)
        return _judge(file, target, _enabled(target, rules))
    except Unreadable as trouble:
        return Outcome(failure=_failure(target, rules, trouble.reason, trouble.line, trouble.column))
    except RecursionError:
        return Outcome(failure=_failure(target, rules, "nested too deeply to be analysed"))
    except Exception as error:  # the one broad except: parser errors quote source, so only the type is told
        return Outcome(failure=Failure(target.path, f"{INTERNAL} ({_where(error)})"))


def analyse_here(
    work: Sequence[tuple[Target, bytes]], rules: Sequence[Rule], progress: Callable[[int, int], None]
) -> list[Outcome]:
    """The outcomes of ``work`` in its order, one after the other in this process."""
    projects = Projects()

    def all_files() -> Iterator[Outcome]:
        for done, (target, data) in enumerate(work, 1):
            yield analyse(target, data, projects, rules)
            progress(done, len(work))

    return with_deep_stack(lambda: list(all_files()))


def with_deep_stack(task: Callable[[], T]) -> T:
    """What ``task`` returns or raises, run in a thread with room for deep recursion."""
    results: list[T] = []
    errors: list[BaseException] = []

    def body() -> None:
        try:
            results.append(task())
        except BaseException as error:
            errors.append(error)

    limit = sys.getrecursionlimit()
    thread, size = _started(body)
    try:
        sys.setrecursionlimit(max(limit, min(_RECURSION, size // 6000)))
        thread.go()
        thread.join()
    finally:
        sys.setrecursionlimit(limit)
    if errors:
        raise errors[0]
    return results[0]


class _Waiting(threading.Thread):
    """A thread that begins its work when told to."""

    def __init__(self, body: Callable[[], None]) -> None:
        super().__init__(daemon=True)
        self._body = body
        self._ready = threading.Event()

    def run(self) -> None:
        self._ready.wait()
        self._body()

    def go(self) -> None:
        """Begin."""
        self._ready.set()


def _started(body: Callable[[], None]) -> tuple[_Waiting, int]:
    """A thread with the largest stack that can be had here, and the size of it."""
    before = threading.stack_size()
    try:
        for size in _STACKS:
            try:
                threading.stack_size(size)
                thread = _Waiting(body)
                thread.start()
            except (ValueError, RuntimeError, MemoryError):
                continue
            return thread, size
        threading.stack_size(before)
        thread = _Waiting(body)
        thread.start()
        return thread, 0
    finally:
        threading.stack_size(before)


def _judge(file: File, target: Target, rules: tuple[Rule, ...]) -> Outcome:
    settings = target.settings
    found = [
        finding for rule in rules if rule.code not in (UNREADABLE, suppress.UNUSED) for finding in rule.check(file)
    ]
    if not found and not suppress.speaks_to_us(file.text):
        return Outcome()
    if settings.ignore_suppressions:
        return Outcome(tuple(one for one in found if _is_wanted(one, settings)))
    silenced = {id(finding) for finding in found if _is_silenced(finding, file, settings)}
    if any(rule.code == suppress.UNUSED for rule in rules):
        unused = list(suppress.unused(file, found, rules))
        silenced |= {id(one) for one in unused if file.suppressions.silences(one)}
        found += unused
    wanted = [finding for finding in found if _is_wanted(finding, settings)]
    return Outcome(
        findings=tuple(finding for finding in wanted if id(finding) not in silenced),
        suppressed=tuple(finding for finding in wanted if id(finding) in silenced),
    )


def _is_wanted(finding: Finding, settings: Settings) -> bool:
    return (
        finding.severity.rank >= settings.min_severity.rank and finding.confidence.rank >= settings.min_confidence.rank
    )


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


def _enabled(target: Target, rules: Sequence[Rule]) -> tuple[Rule, ...]:
    on = selection.enabled(rules, target.settings.selections)
    ignored = _ignored_here(target)
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


def _failure(target: Target, rules: Sequence[Rule], reason: str, line: int = 1, column: int = 0) -> Failure | None:
    """The failure of an unreadable file, or None where the user has switched MS001 off by name or prefix."""
    for rule in rules:
        if rule.code == UNREADABLE:
            chosen = target.settings.selections
            if selection.explicitly_ignored(rule, chosen) or selection.covers(_ignored_here(target), rule):
                return None
    return Failure(target.path, reason, line, column)


def _where(error: Exception) -> str:
    """The error's type and where in this program it happened; its text may quote the source."""
    import traceback

    frames = traceback.extract_tb(error.__traceback__)
    place = f" in {Path(frames[-1].filename).name}:{frames[-1].lineno}" if frames else ""
    return f"{type(error).__name__}{place}"
