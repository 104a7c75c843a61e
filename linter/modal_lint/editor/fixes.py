"""Fixes of one document: which there are, what all safe ones make of it, and moving a value. In the worker's thread."""

from __future__ import annotations

import os
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING

from modal_lint import credentials
from modal_lint.discover import DOCUMENTS, MARKDOWN
from modal_lint.editor.checking import analysed
from modal_lint.editor.revision import Revision
from modal_lint.edits import EditError, compatible, merged
from modal_lint.settings import UserError
from modal_lint.source import Unreadable, parse

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Mapping, Sequence

    from modal_lint.editor.checking import Checked, Subject
    from modal_lint.editor.documents import Unit
    from modal_lint.editor.revision import Change
    from modal_lint.editor.worker import Stop
    from modal_lint.model import Edit, Finding, Fix

REASON = "TODO: say why"
_ROUNDS = 20
_MARK = "\ufeff"


@dataclass(frozen=True, slots=True)
class Draft:
    """What is analysed as a whole, under edits: one text, or those of a notebook's cells by their numbers."""

    name: str
    texts: Mapping[int | None, Revision]
    join: Callable[[Mapping[int | None, str]], bytes]

    @classmethod
    def of(cls, unit: Unit) -> Draft:
        """An open document or notebook as it is now."""
        texts = {number: Revision(part.source) for number, part in unit.parts.items()}
        return cls(unit.name, texts, unit.data_with)

    @property
    def data(self) -> bytes:
        """The bytes that the file would have."""
        return self.join({number: text.text for number, text in self.texts.items()})

    def edited(self, edits: Iterable[Edit]) -> Draft:
        """With edits made."""
        listed = tuple(edits)
        return replace(
            self,
            texts={
                number: text.edited([edit for edit in listed if edit.cell == number])
                for number, text in self.texts.items()
            },
        )

    def is_valid(self) -> bool:
        """Whether all of it can be parsed."""
        try:
            if not self.name.endswith(DOCUMENTS):
                parse(self.texts[None].text.removeprefix(_MARK))
                return True
            from modal_lint.documents.checking import read

            return not read(self.name, self.data).broken
        except Unreadable:
            return False

    def is_discreet(self) -> bool:
        """Whether nothing that is inserted looks like a credential: it would be told to the editor."""
        texts = [change.text for changes in self.changes().values() for change in changes]
        return all(credentials.mask_text(text) == text for text in texts)

    def changes(self) -> dict[int | None, list[Change]]:
        """What has to be done to the original texts."""
        made = {number: list(text.changes()) for number, text in self.texts.items()}
        return {number: changes for number, changes in made.items() if changes}


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


def tried(draft: Draft, fixes: Iterable[Fix]) -> list[tuple[Fix, Draft]]:
    """Each fix with what it makes of the draft, where that is valid."""
    made = [(fix, draft.edited(fix.edits)) for fix in fixes]
    return [(fix, after) for fix, after in made if after.is_valid() and after.is_discreet()]


def suppressions(draft: Draft, findings: Iterable[Finding]) -> list[tuple[Finding, Draft]]:
    """Each finding with the comment that silences it, where there is a place; the reason is left to be written."""
    from modal_lint.suppress import UNUSED

    if draft.name.endswith(MARKDOWN):
        return []  # it has no place for comments of ours but in its blocks, by hand
    made = []
    for finding in findings:
        text = draft.texts.get(finding.cell)
        edits = _comments(text.text, finding) if text is not None and finding.code != UNUSED else []
        after = draft.edited(edit._replace(cell=finding.cell) for edit in edits)
        if edits and after.is_valid() and after.is_discreet():
            made.append((finding, after))
    return made


def _comments(source: str, finding: Finding) -> list[Edit]:
    from modal_lint.suppressing import Comments

    try:
        return Comments(source.removeprefix(_MARK), REASON).edits([finding])
    except EditError:
        return []


def all_safe(draft: Draft, subject: Subject, checked: Checked, stop: Stop) -> Draft:
    """What all safe fixes together make of the draft, in rounds until nothing changes.

    A fix that moves a value is left to be chosen by itself: its value has to be preserved first.
    """
    for _ in range(_ROUNDS):
        better = _round(draft, [one.fix for one in fixable(checked) if one.fix is not None and is_plain(one.fix)])
        if better is None or checked.target is None:
            break
        draft = better
        checked = analysed(checked.target, replace(subject, data=draft.data), stop)
    return draft


def _round(draft: Draft, fixes: Sequence[Fix]) -> Draft | None:
    """The draft with as many of ``fixes`` as go together; None if that is none."""
    whole = _together(fix for fix in fixes if draft.edited(fix.edits).is_discreet())
    made = draft.edited(merged(whole))
    if whole and not made.is_valid():
        good: tuple[Fix, ...] = ()
        for fix in whole:
            if draft.edited(merged((*good, fix))).is_valid():
                good = (*good, fix)
        whole, made = good, draft.edited(merged(good))
    return made if whole and made.data != draft.data else None


def _together(fixes: Iterable[Fix]) -> tuple[Fix, ...]:
    """Those of ``fixes`` that can be made at once; what touches in different cells does not touch."""
    distinct = tuple(dict.fromkeys(fixes))
    cells = {edit.cell for fix in distinct for edit in fix.edits}
    kept = set(distinct)
    for cell in cells:
        here = {fix._replace(edits=edits): fix for fix in distinct if (edits := _in_cell(fix, cell))}
        chosen = compatible(here)
        kept -= {fix for part, fix in here.items() if part not in chosen}
    return tuple(fix for fix in distinct if fix in kept)


def _in_cell(fix: Fix, cell: int | None) -> tuple[Edit, ...]:
    return tuple(edit for edit in fix.edits if edit.cell == cell)


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
