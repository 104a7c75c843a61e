"""One Secret after the other: what would be done, and doing it. A value is destroyed here only after it is verified."""

from __future__ import annotations

from dataclasses import dataclass
from enum import Enum
from typing import TYPE_CHECKING

from modal_lint.committed.objects import spellings
from modal_lint.model import Hidden
from modal_lint.pushing import journal
from modal_lint.vault import NAME, SECRETS, RefusedError

if TYPE_CHECKING:
    from collections.abc import Mapping

    from modal_lint_runtime.errors import ModalError

    from modal_lint.pushing.held import Held
    from modal_lint.pushing.places import Existing, Place
    from modal_lint.vault import Folder

# Shorter than that a value is a part of any text.
_TELLING = 3


class Conflict(str, Enum):
    """What happens to a Secret that exists."""

    STOP = "stop"
    FORCE = "force"
    MERGE = "merge"


class Act(str, Enum):
    """What a push does with one Secret."""

    CREATE = "create"
    RESUME = "resume"
    REPLACE = "replace"
    MERGE = "merge"
    CONFIRM = "confirm"
    NOTHING = "nothing"


@dataclass(frozen=True, slots=True)
class Step:
    """What is to be done for one Secret, and how that is told before it is done."""

    held: Held
    act: Act
    text: str


@dataclass(frozen=True, slots=True)
class Result:
    """How it went for one Secret. ``done`` is false where something is left to the user."""

    name: str
    text: str
    done: bool
    destroyed: bool = False


class Push:
    """Pushes from an open, locked folder to one place.

    Args:
        folder: of preserved values.
        place: where to.
        conflict: what happens to a Secret that exists.
        keep: leave the preserved files.
    """

    def __init__(self, folder: Folder, place: Place, conflict: Conflict, *, keep: bool) -> None:
        self._folder = folder
        self._place = place
        self._conflict = conflict
        self._keep = keep

    def plan(self, held: Held) -> Step:
        """What would be done. Nothing is changed.

        Raises:
            ModalError: the place could not be asked. Its text may hold anything: see `reason`.
        """
        if held.problem is not None:
            return Step(held, Act.NOTHING, f"cannot be pushed: {held.problem}")
        keys = ", ".join(held.keys)
        found = self._place.find(held.name, held.entries)
        if found is None:
            return Step(held, Act.CREATE, f"would be created with {keys}")
        if found.same:
            return Step(held, Act.CONFIRM, f"exists with the same values; {self._removed('would be')}")
        if self._conflict is Conflict.FORCE:
            lost = f", and lose {', '.join(found.extra)}" if found.extra else ""
            unknown = ", and lose any other key" if found.extra is None else ""
            return Step(held, Act.REPLACE, f"exists and would be replaced: it would hold {keys}{lost}{unknown}")
        if self._conflict is Conflict.MERGE:
            return Step(held, Act.MERGE, f"exists and would be updated: {_merged(held, found)}")
        if journal.explains(self._folder, held.name, self._place, found):
            return Step(held, Act.RESUME, f"was begun by a push that was interrupted; {keys} would be written again")
        return Step(held, Act.NOTHING, _conflicting(held, found))

    def perform(self, step: Step) -> Result:
        """Do it: make the Secret, verify it, destroy the preserved files.

        Raises:
            ModalError: the place failed. Whatever is done already is found by the next run.
            OSError: the system refused.
        """
        held = step.held
        if step.act is Act.NOTHING:
            return Result(held.name, step.text, done=False)
        if step.act is Act.CREATE:
            self._create(held)
        elif step.act is Act.REPLACE:
            self._place.replace(held.name, held.entries)
        elif step.act in (Act.MERGE, Act.RESUME):
            self._place.merge(held.name, held.entries)
        found = self._place.find(held.name, held.entries)
        if found is None or found.missing or found.same is False:
            return Result(held.name, f"{_lacking(held, found)}; the preserved file stays: push again", done=False)
        what = "keys verified" if found.same is None else "keys and values verified"
        return self._finish(held, f"{_DONE[step.act]} with {', '.join(held.keys)}, {what}")

    def _create(self, held: Held) -> None:
        from modal_lint_runtime.errors import AlreadyExistsError, AuthError, InvalidError, PermissionDeniedError

        journal.begin(self._folder, held.name, self._place)
        try:
            self._place.create(held.name, held.entries)
        except (AlreadyExistsError, AuthError, InvalidError, PermissionDeniedError):
            journal.end(self._folder, held.name)  # it was not made; after other failures nobody knows
            raise

    def _finish(self, held: Held, told: str) -> Result:
        if self._keep:
            journal.end(self._folder, held.name)
            return Result(held.name, f"{told}; {self._removed('')}", done=True)
        try:
            shared = [file for file, data in held.files.items() if not self._folder.destroy(file, data)]
        except RefusedError as refused:
            return Result(held.name, f"{told}; not deleted: {refused}; push again", done=False)
        journal.end(self._folder, held.name)
        if shared:
            text = f"{told}; deleted, but other hard links of the preserved file keep the values: delete them"
            return Result(held.name, text, done=False)
        return Result(held.name, f"{told}; {', '.join(map(shown, held.files))} deleted", done=True, destroyed=True)

    def _removed(self, verb: str) -> str:
        if self._keep:
            return "the preserved file stays (--keep)"
        return f"the preserved file {verb} deleted"


_DONE = {
    Act.CREATE: "created",
    Act.RESUME: "written again",
    Act.REPLACE: "replaced",
    Act.MERGE: "updated",
    Act.CONFIRM: "exists",
}


def reason(error: ModalError | OSError, held: Held) -> str:
    """The text of a failure, unless it repeats a value."""
    text = str(error) if not isinstance(error, OSError) else error.strerror or "the system refused"
    kind = type(error).__name__
    if holds_value(text, held.entries):
        return f"{kind}, in words that repeat a value and are not shown"
    return " ".join(text.split()) or kind


def holds_value(text: str, entries: Mapping[str, str]) -> bool:
    """Whether a text repeats one of the values, as it is or escaped."""
    raw = text.encode("utf-8", "surrogatepass")
    values = [value for value in entries.values() if len(value) >= _TELLING]
    return any(spelling in raw for value in values for spelling in spellings(Hidden(value)))


def shown(file: str) -> str:
    """A preserved file as seen from the project's root."""
    return f"{NAME}/{SECRETS}/{file}"


def _merged(held: Held, found: Existing) -> str:
    added = [key for key in held.keys if key in found.missing]
    replaced = [key for key in held.keys if key not in found.missing]
    parts = [f"{', '.join(added)} added"] if added else []
    parts += [f"{', '.join(replaced)} given the preserved values"] if replaced else []
    return ", ".join(parts) + "; its other keys stay"


def _conflicting(held: Held, found: Existing) -> str:
    if not found.missing:
        what = "has other values" if found.same is False else f"has {', '.join(held.keys)}; values cannot be compared"
    else:
        what = f"lacks {', '.join(found.missing)}"
    return (
        f"exists already and {what}: --merge adds and replaces these keys, --force replaces the whole Secret; "
        "if it is right as it is, delete the preserved file"
    )


def _lacking(held: Held, found: Existing | None) -> str:
    if found is None:
        return "is not there after it was made"
    if found.missing:
        return f"lacks {', '.join(found.missing)} after it was written"
    return f"does not hold the values of {', '.join(held.keys)} after they were written"
