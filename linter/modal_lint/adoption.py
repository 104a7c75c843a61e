"""What a project needs that begins to look late, or looks at a commit: baseline, suppressions, changes, the index."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING

from modal_lint.baseline import Baselines, stale_lines, update_lines
from modal_lint.discover import STDIN
from modal_lint.files import read_regular
from modal_lint.settings import UserError

if TYPE_CHECKING:
    from collections.abc import Iterator

    from modal_lint.command import Request
    from modal_lint.engine import Session
    from modal_lint.model import Report
    from modal_lint.settings import Settings
    from modal_lint.staged import Index


def index_of(request: Request) -> Index:
    """Git's index, for a request that is about it.

    Raises:
        UserError: there is none, or something else was asked for that needs the work tree.
    """
    from modal_lint.staged import OPTION, Index

    if STDIN in request.paths:
        raise UserError(f"{OPTION}: checks what is in git's index, not standard input")
    return Index(_folder(request.paths[0]))


def _folder(path: str) -> str:
    real = os.path.realpath(path)
    while not os.path.isdir(real):
        real = os.path.dirname(real)
    return real


def refuse(request: Request, settings: Settings) -> None:
    """Raise `UserError` for options that do not go together."""
    writing = "--update-baseline" if request.update_baseline else "--add-suppressions"
    writes = request.update_baseline or request.add_suppressions is not None
    if request.update_baseline and request.add_suppressions is not None:
        raise UserError("--update-baseline and --add-suppressions: choose")
    if request.staged and settings.fix:
        raise UserError("--staged: fixes change the work tree, not the index; use --no-fix, or check without --staged")
    if request.staged and request.diff:
        raise UserError("--staged: --diff shows what fixes would make of the work tree; use one of them")
    if not writes:
        return
    if settings.fix or request.diff:
        raise UserError(f"{writing}: does not go with {'--diff' if request.diff else '--fix'}: run one after the other")
    if request.staged:
        raise UserError(f"{writing}: does not go with --staged: it is about the work tree")
    if STDIN in request.paths:
        raise UserError(f"{writing}: is for files, not for standard input")
    if request.update_baseline and request.since is not None:
        raise UserError("--update-baseline: does not go with --since: a baseline holds all findings")
    if request.add_suppressions is not None and settings.ignore_suppressions:
        raise UserError("--add-suppressions: does not go with --ignore-suppressions")


def prepare(session: Session, request: Request, settings: Settings) -> None:
    """Tell a session what counts: the index, the changes, the baseline that is about to be written.

    Raises:
        UserError: the revision is none, the options do not go together, or no baseline is named.
    """
    refuse(request, settings)
    read = read_regular if session.staged is None else session.staged.read
    if request.since is not None:
        from modal_lint.since import Since

        session.since = Since(request.since, request.paths, read, as_hook=request.staged)
    if request.update_baseline or session.staged is not None:
        session.baselines = Baselines(request.update_baseline, read)
    named = any(target.settings.baseline for target in session.found.targets)
    if request.update_baseline and not named and (settings.baseline is None or session.found.targets):
        raise UserError("--update-baseline: say where: --baseline FILE, or `baseline` in the configuration")


def update(session: Session) -> tuple[Report, list[str]]:
    """Write what a session found into its baselines; the report as it is then, and what to tell.

    Raises:
        UserError: a baseline cannot be written.
    """
    assert session.baselines is not None
    done = session.baselines.update(session.found.targets, session.outcomes, _folders(session))
    return session.report(), list(update_lines(done))


def stale(session: Session, *, listed: bool) -> Iterator[str]:
    """What to tell of entries of baselines that fit nothing any more."""
    if session.baselines is not None and session.since is None and session.staged is None and session.stdin is None:
        found = session.baselines.stale(session.found.targets, session.outcomes, _folders(session))
        yield from stale_lines(found, listed=listed)


def silence(session: Session, report: Report, reason: str) -> tuple[Report, list[str]]:
    """Add suppressions for all findings of ``report``; the report of what is left, and what to tell.

    Raises:
        UserError: the reason cannot be written.
    """
    from modal_lint import suppressing

    added = suppressing.add(report, session.recheck, suppressing.checked_reason(reason), session.roots())
    return added.report, list(added.lines())


def _folders(session: Session) -> list[str]:
    return [path for path in map(os.path.abspath, session.paths) if os.path.isdir(path)]
