"""`modal-lint baseline import`."""

from __future__ import annotations

import os
from typing import Any

import click

from modal_lint.report.base import place, visible
from modal_lint.report.summary import count
from modal_lint.settings import UserError
from modal_lint.terminal import tell, write

_CONTEXT: dict[str, Any] = {"help_option_names": ["-h", "--help"], "max_content_width": 100}


@click.group(context_settings=_CONTEXT)
def baseline() -> None:
    """Take over what another tool's baseline knows."""


@baseline.command(name="import", context_settings=_CONTEXT)
@click.argument("file")
@click.argument("paths", nargs=-1, metavar="[PATHS]...")
@click.option("--baseline", "into", metavar="FILE", help="The baseline to write; by default the configured one.")
def import_(file: str, paths: tuple[str, ...], into: str | None) -> int:
    """Write what FILE, a baseline of detect-secrets, knows of our findings into the baseline of modal-lint.

    What the baseline holds already stays. PATHS are checked for it, by default the folder of FILE.
    """
    from modal_lint.baseline import Baselines, update_lines
    from modal_lint.config import Resolver
    from modal_lint.engine import Session
    from modal_lint.interop import secrets_baseline
    from modal_lint.settings import layer

    theirs = secrets_baseline.load(file)
    source = Resolver((layer({} if into is None else {"baseline": into}, os.getcwd()),))
    session = Session(paths or (os.path.relpath(theirs.folder),), source)
    if not any(target.settings.baseline for target in session.found.targets):
        raise UserError("say where to: --baseline FILE, or `baseline` in the configuration")
    session.baselines = Baselines(recording=True)
    session.run()
    found = secrets_baseline.matched(theirs, session.outcomes)
    lines = update_lines(session.baselines.add(session.found.targets, found.outcomes)) if found.entries else ()
    for line in lines:
        write(visible(line) + "\n")
    known, total = len(found.entries), count(theirs.size, "entry", "entries")
    tell(f"{known} of {total} of {visible(file)} {'is a finding' if known == 1 else 'are findings'} of modal-lint here")
    for finding in found.real:
        tell(f"note: {place(finding)} was audited as a real secret: rotate it and move it (`modal-lint fix`)")
    return 0
