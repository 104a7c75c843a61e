"""Fixes of one document: which there are, what all safe ones make of it, and moving a value. In the worker's thread."""

from __future__ import annotations

import os
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING

from modal_lint.editor.checking import analysed
from modal_lint.editor.documents import encoded
from modal_lint.editor.revision import Change, Revision
from modal_lint.edits import EditError, compatible, merged
from modal_lint.settings import UserError
from modal_lint.source import Unreadable, parse

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from modal_lint.editor.checking import Checked, Subject
    from modal_lint.editor.worker import Stop
    from modal_lint.model import Edit, Finding, Fix

REASON = "TODO: say why"
_ROUNDS = 20


def fixable(checked: Checked) -> list[Finding]:
    """The findings with a fix that can be applied, and that the settings let us apply."""
    from modal_lint.selection import catalogue, is_fixable

    if checked.target is None or not checked.parsed:
        return []
    settings = checked.target.settings
    allowed = {rule.code for rule in catalogue() if is_fixable(rule, settings.fixable, settings.unfixable)}
    return [one for one in checked.findings if one.fix is not None and one.fix.edits and one.code in allowed]


def is_plain(fix: Fix) -> bool:
    """Whether a fix is done with its edits: it is safe, and no value has to be preserved first."""
    return fix.safe and not fix.moves


def works(source: str, edits: Iterable[Edit]) -> bool:
    """Whether the text with ``edits`` is valid Python."""
    return _is_python(Revision(source).edited(edits).text)


def changes(source: str, edits: Iterable[Edit]) -> list[Change]:
    """What ``edits`` do to a text, with its line endings."""
    return list(Revision(source).edited(edits).changes())


def suppressions(source: str, findings: Iterable[Finding]) -> list[tuple[Finding, list[Change]]]:
    """The comment that silences each finding, where there is a place for one; its reason is left to be written."""
    from modal_lint.suppress import UNUSED
    from modal_lint.suppressing import Comments

    wanted = [finding for finding in findings if finding.code != UNUSED]
    try:
        comments = Comments(source.removeprefix("\ufeff"), REASON) if wanted else None
    except EditError:
        return []
    made = [(finding, comments.edits([finding])) for finding in wanted] if comments is not None else []
    return [(finding, changes(source, edits)) for finding, edits in made if edits and works(source, edits)]


def all_safe(source: str, subject: Subject, checked: Checked, stop: Stop) -> list[Change]:
    """What all safe fixes together do to a text, in rounds until nothing changes.

    A fix that moves a value is left to be chosen by itself: its value has to be preserved first.
    """
    revision = Revision(source)
    for _ in range(_ROUNDS):
        better = _round(revision, [one.fix for one in fixable(checked) if one.fix is not None and is_plain(one.fix)])
        if better is None or checked.target is None:
            break
        revision = better
        again = replace(subject, data=encoded(revision.text))
        checked = analysed(checked.target, again, stop)
    return list(revision.changes())


def _round(revision: Revision, fixes: Sequence[Fix]) -> Revision | None:
    """The text with as many of ``fixes`` as go together; None if that is none."""
    whole = compatible(dict.fromkeys(fixes))
    made = revision.edited(merged(whole))
    if whole and not _is_python(made.text):
        good: tuple[Fix, ...] = ()
        for fix in whole:
            if _is_python(revision.edited(merged((*good, fix))).text):
                good = (*good, fix)
        whole, made = good, revision.edited(merged(good))
    return made if whole and made.text != revision.text else None


def _is_python(text: str) -> bool:
    try:
        parse(text.removeprefix("\ufeff"))
    except Unreadable:
        return False
    return True


def move(finding: Finding, checked: Checked, holder: bytes) -> list[str]:
    """Preserve the values that a fix moves; what to tell the user once it is applied.

    Args:
        finding: one with such a fix.
        checked: what it was found by.
        holder: the source that the values stand in, as it is before.

    Raises:
        UserError: they cannot be preserved.
    """
    from modal_lint.fix import FixResult
    from modal_lint.fixing import story
    from modal_lint.migrate import ConflictError, preserve
    from modal_lint.model import Report
    from modal_lint.vault import RefusedError

    assert finding.fix is not None
    assert checked.target is not None
    root = checked.target.root
    if not os.path.realpath(checked.target.absolute).startswith(os.path.realpath(root).rstrip(os.sep) + os.sep):
        raise UserError("not moved: a link leads out of the project")
    try:
        kept = preserve(Path(root), finding.fix.moves)
    except (ConflictError, RefusedError) as error:
        raise UserError(f"not moved: {error}") from None
    except OSError as error:
        raise UserError(f"not moved: the value cannot be preserved: {(error.strerror or 'unknown').lower()}") from None
    done = FixResult(Report(), fixed=1, preserved=kept, notes=finding.fix.notes, applied=(finding,))
    path = finding.origin[0] if finding.origin is not None else finding.path
    return story(done, Path(root), {path: holder})
