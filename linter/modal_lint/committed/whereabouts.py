"""Where the objects that hold a value came into history, and which branches have them."""

from __future__ import annotations

import os
from functools import cached_property
from typing import TYPE_CHECKING, NamedTuple

from modal_lint.committed.plumbing import NoAnswer
from modal_lint.files import ReadError, read_regular

if TYPE_CHECKING:
    from collections.abc import Collection, Iterable, Mapping

    from modal_lint.committed.plumbing import Plumbing

_STASH = ("--exclude=refs/stash",)
# With more commits only those that touch the values' own files are compared.
_MANY = 50_000
_STASHES = 200
_PREFERRED = (b"refs/remotes/origin/main", b"refs/remotes/origin/master", b"refs/heads/main", b"refs/heads/master")


class Origin(NamedTuple):
    """The first commit that brought a value, among those that are reachable in the same way."""

    commit: bytes
    time: int  # of the committer, in seconds since the epoch


class Places:
    """What is asked of one repository's history once values were found in it.

    Args:
        git: the repository.
        paths: the values' own files, relative to its top.
    """

    def __init__(self, git: Plumbing, paths: Collection[str]) -> None:
        self._git = git
        self._paths = tuple(paths)

    def bringing(self, blobs: Collection[bytes]) -> dict[bytes, set[bytes]]:
        """By blob, the commits that have it where a parent has not. Raises NoAnswer."""
        many = len(self.times) > _MANY
        paths = ("--", *self._paths) if many else ()
        commits = self._git.lines("rev-list", "--all", "--reflog", *paths) if many else self.times
        found: dict[bytes, set[bytes]] = {}
        commit = b""
        with self._git.stream("diff-tree", "--stdin", "-r", "-m", "--root", *paths, ids=commits) as output:
            for line in output:
                words = line.split(None, 5)
                if not line.startswith(b":"):
                    commit = words[0]
                elif words[3] in blobs:
                    found.setdefault(words[3], set()).add(commit)
        return found

    @cached_property
    def times(self) -> Mapping[bytes, int]:
        """Every commit that git knows a name or a former name of, with its time."""
        lines = self._git.lines("rev-list", "--all", "--reflog", "--timestamp")
        return {words[1]: int(words[0]) for words in map(bytes.split, lines)}

    @cached_property
    def pushed(self) -> frozenset[bytes]:
        """The commits that remote-tracking branches reach."""
        return frozenset(self._git.lines("rev-list", "--remotes"))

    @cached_property
    def named(self) -> frozenset[bytes]:
        """The commits that any branch, tag or other reference but the stash reaches."""
        return frozenset(self._git.lines("rev-list", *_STASH, "--all"))

    @cached_property
    def stashed(self) -> frozenset[bytes]:
        """The commits that only stashes reach."""
        try:
            tips = self._git.lines("rev-list", "--walk-reflogs", "refs/stash", "--")
        except NoAnswer:
            return frozenset()
        names = [tip.decode() for tip in tips[:_STASHES]]
        return frozenset(self._git.lines("rev-list", *names, "--not", *_STASH, "--all"))

    @cached_property
    def staged(self) -> frozenset[bytes]:
        """The blobs in the index."""
        return frozenset(line.split(None, 3)[1] for line in self._git.lines("ls-files", "--stage"))

    @cached_property
    def boundary(self) -> frozenset[bytes]:
        """The commits at which a shallow history ends."""
        if self._git.run("rev-parse", "--is-shallow-repository").strip() != b"true":
            return frozenset()
        path = os.fsdecode(self._git.run("rev-parse", "--git-path", "shallow").removesuffix(b"\n"))
        try:
            return frozenset(read_regular(os.path.join(self._git.directory, path)).split())
        except ReadError:
            return frozenset()

    @cached_property
    def is_partial(self) -> bool:
        """Whether objects may be left at a remote."""
        try:
            return bool(self._git.run("config", "--get", "extensions.partialClone").strip())
        except NoAnswer:
            return False

    def first(self, commits: Iterable[bytes]) -> Origin | None:
        """The earliest of them."""
        known = [Origin(commit, self.times.get(commit, 0)) for commit in commits]
        return min(known, key=lambda one: (one.time, one.commit), default=None)

    def reference(self, commit: bytes, kinds: tuple[str, ...]) -> str | None:
        """The name of a branch or tag that reaches a commit, the likeliest to be known first."""
        lines = self._git.lines("for-each-ref", "--contains", commit.decode(), "--format=%(refname)", *kinds)
        names = [line for line in lines if not line.endswith(b"/HEAD")] or lines
        names.sort(key=lambda name: _PREFERRED.index(name) if name in _PREFERRED else len(_PREFERRED))
        return _short(names[0]) if names else None

    def abbreviated(self, commit: bytes) -> str:
        """A commit's id as people write it."""
        return self._git.run("rev-parse", "--short=7", commit.decode()).decode().strip()


def _short(name: bytes) -> str:
    for prefix in (b"refs/heads/", b"refs/remotes/", b"refs/tags/", b"refs/"):
        if name.startswith(prefix):
            return name.removeprefix(prefix).decode("utf-8", "backslashreplace")
    return name.decode("utf-8", "backslashreplace")
