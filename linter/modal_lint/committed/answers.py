"""The answers for many values at once, repository by repository."""

from __future__ import annotations

import os
import time
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, NamedTuple

from modal_lint.committed.objects import Needle, search
from modal_lint.committed.plumbing import NoAnswer, Plumbing
from modal_lint.committed.whereabouts import Places
from modal_lint.files import git_root
from modal_lint.model import Committed

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from modal_lint.committed.objects import Found
    from modal_lint.committed.whereabouts import Origin
    from modal_lint.model import Hidden

SECONDS = 20.0


@dataclass(frozen=True, slots=True)
class Question:
    """One value, the absolute path of the file that it stands in, and what that file holds or held."""

    path: str
    value: Hidden
    source: bytes = field(repr=False)


def answers(questions: Sequence[Question], seconds: float = SECONDS) -> list[Committed]:
    """Whether each value is in git.

    Args:
        questions: the values; those of one repository are searched in one pass.
        seconds: how long this may take, all repositories together.
    """
    deadline = time.monotonic() + seconds
    found: dict[Question, Committed] = {}
    for top, group in _by_repository(questions).items():
        if top is None:
            found |= dict.fromkeys(group, _unknown("it is not in a git repository"))
        else:
            found |= _Repository(top, group, deadline - time.monotonic()).answers()
    return [found[question] for question in questions]


def _by_repository(questions: Iterable[Question]) -> dict[str | None, list[Question]]:
    groups: dict[str | None, list[Question]] = {}
    for question in dict.fromkeys(questions):
        top = git_root(os.path.dirname(os.path.realpath(question.path)))
        groups.setdefault(top, []).append(question)
    return groups


class _Repository:
    def __init__(self, top: str, questions: Sequence[Question], seconds: float) -> None:
        self._git = Plumbing(top, seconds)
        self._questions = list(questions)
        self._needles = [Needle(question.value) for question in self._questions]
        self._paths = sorted({os.path.relpath(os.path.realpath(question.path), top) for question in self._questions})
        self._places = Places(self._git, self._paths)

    def answers(self) -> dict[Question, Committed]:
        try:
            found = search(self._git, self._needles, self._own_blobs())
            limits = self._limits(found)
        except NoAnswer:
            return dict.fromkeys(self._questions, _unknown("git gives no answer here"))
        wanted = frozenset().union(*found.blobs)
        try:
            bringing = self._places.bringing(wanted) if wanted else {}
        except NoAnswer:
            bringing = None
        answered: dict[Question, Committed] = {}
        for at, question in enumerate(self._questions):
            if not found.blobs[at] and not found.commits[at]:
                answered[question] = self._not_found(at, limits)
                continue
            try:
                if bringing is None:
                    raise NoAnswer
                commits = set(found.commits[at]).union(*(bringing.get(blob, ()) for blob in found.blobs[at]))
                answered[question] = self._whereabouts(commits, found.blobs[at])
            except NoAnswer:
                answered[question] = Committed(
                    "found", "Rotate it: it is in git's objects; since when and where took too long to find out"
                )
        return answered

    def _own_blobs(self) -> frozenset[bytes]:
        lines = self._git.lines("rev-list", "--objects", "--all", "--reflog", "--", *self._paths)
        staged = self._git.lines("ls-files", "--stage", "--", *self._paths)
        return frozenset([line.split(None, 1)[0] for line in lines if line] + [line.split()[1] for line in staged])

    def _limits(self, found: Found) -> str | None:
        """Why a value that was not found may be there all the same."""
        if self._places.boundary:
            return "the history here is shallow (`git fetch --unshallow` brings the rest)"
        if self._places.is_partial:
            return "this is a partial clone, which holds a part of the objects"
        if not found.complete:
            return "git's objects could not all be searched"
        return None

    def _not_found(self, at: int, limits: str | None) -> Committed:
        question, needle = self._questions[at], self._needles[at]
        if limits is not None:
            return _unknown(limits, "not found, but ")
        if not needle or not needle.in_(question.source):
            return _unknown("the value is not spelled in one piece")
        return Committed("never", "Never committed: moving it is enough", complete=True)

    def _whereabouts(self, commits: set[bytes], blobs: set[bytes]) -> Committed:
        places = self._places
        if (first := places.first(commits & places.pushed)) is not None:
            told = self._told(first)
            ref = places.reference(first.commit, ("refs/remotes",))
            return Committed(
                "pushed", f"Rotate it: committed {told.when}, on {ref}", told.commit, told.date, ref, told.sure
            )
        if (first := places.first(commits & places.named)) is not None:
            told = self._told(first)
            ref = places.reference(first.commit, ("refs/heads", "refs/tags")) or places.reference(first.commit, ())
            text = f"Committed {told.when}, on {ref or 'HEAD'}, {_NOT_PUSHED}"
            return Committed("local", text, told.commit, told.date, ref, told.sure)
        if (first := places.first(commits & places.stashed)) is not None:
            told = self._told(first)
            text = f"Only in a stash of {told.when}: move it, then drop that stash (`git stash drop`)"
            return Committed("stashed", text, told.commit, told.date, None, complete=True)
        if (first := places.first(commits)) is not None:
            told = self._told(first)
            text = f"In the former commit of {told.when}, on no branch by now: {_IF_DROPPED}"
            return Committed("unreachable", text, told.commit, told.date, None, complete=True)
        if blobs & places.staged:
            text = "Never committed, but staged: move it, and stage the file again before you commit"
            return Committed("staged", text, complete=True)
        return Committed("unreachable", f"In git's objects, on no branch: {_IF_DROPPED}", complete=True)

    def _told(self, first: Origin) -> _Told:
        date = time.strftime("%Y-%m-%d", time.gmtime(first.time))
        commit = self._places.abbreviated(first.commit)
        sure = first.commit not in self._places.boundary
        before = "" if sure else " or before, where the history here ends (it is shallow)"
        return _Told(f"{date} ({commit}){before}", commit, date, sure)


class _Told(NamedTuple):
    """A commit in words; ``sure`` is false where an earlier one may have brought the value."""

    when: str
    commit: str
    date: str
    sure: bool


_NOT_PUSHED = "not pushed as far as this clone knows: rotate it, or take it out of the history before you push"
_IF_DROPPED = "rotate it if that was ever pushed, else it goes with `git gc` in time"


def _unknown(why: str, found: str = "") -> Committed:
    return Committed("unknown", f"Rotate it if it was ever committed or shared: {found}{why}")
