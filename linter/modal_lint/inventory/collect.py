"""The inventory of files and directories: one run over them, with the facts of each file."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING, cast

from modal_lint.engine import Session
from modal_lint.inventory.merge import merged, moved

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from modal_lint.config import Source
    from modal_lint.inventory.model import Facts, Inventory
    from modal_lint.model import Report
    from modal_lint.source import File


def visit(file: File) -> Facts | None:
    """What one file says of named Secrets; None where it says nothing. For `Session`'s ``visit``.

    Args:
        file: a file of a project, as an analysis opens it.
    """
    from modal_lint.inventory.facts import facts_of

    facts = facts_of(file)
    return facts if any(facts) else None


def collect(
    paths: Sequence[str],
    source: Source,
    *,
    stdin: bytes | None = None,
    stdin_filename: str | None = None,
    jobs: int = 0,
    progress: Callable[[int, int], None] | None = None,
) -> Inventory:
    """The named Secrets that files and directories use, with their keys and users. No file is changed or run.

    Args:
        paths: directories, files, or ``-`` for standard input.
        source: the settings of each directory: a `config.Resolver`, or `Settings` for all.
        stdin: what standard input held, if ``-`` is among the paths.
        stdin_filename: what to call it.
        jobs: how many processes; 0 leaves it to the settings.
        progress: told after each file how many of the files that concern Modal are done.

    Raises:
        UserError: a configuration file on the way is wrong.
    """
    session = Session(paths, source, stdin, stdin_filename, rules=(), jobs=jobs, visit=visit)
    if progress is not None:
        session.progress = progress
    return of_run(session, session.run())


def of_run(session: Session, report: Report) -> Inventory:
    """The inventory of a run that had `visit` among its questions.

    Args:
        session: of the run.
        report: what it found; its failures become those of the inventory.
    """
    real = {os.path.realpath(target.absolute): target.path for target in session.found.targets if not target.is_stdin}
    known = set(real.values())
    shown: dict[str, str] = {}

    def path(other: str) -> str:
        if other not in shown:
            shown[other] = other if other in known else real.get(os.path.realpath(other), other)
        return shown[other]

    facts = (moved(cast("Facts", one), path) for one in session.facts.values())
    return merged(facts, report.failures, report.checked)
