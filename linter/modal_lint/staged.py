"""What the next commit holds: git's index in place of the work tree.

Sources come from the index alone: one that is deleted there is not there, one that git does not know is not there.
Of other files (configuration, ignore files, the baseline) the staged version counts where git knows them, else that of
the work tree: a `.env` belongs to the machine and never to a commit.
"""

from __future__ import annotations

import os
from typing import TYPE_CHECKING

from modal_lint.config import FILES
from modal_lint.discover import MARKDOWN, SUFFIXES, Discovery, Target, shown_path
from modal_lint.files import MAX_BYTES, ReadError, project_root, read_regular
from modal_lint.git import GitError, Repository
from modal_lint.globs import compiled, matches_upwards
from modal_lint.model import Failure
from modal_lint.overlay import SOURCES, Overlay
from modal_lint.settings import UserError

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from modal_lint.config import Source
    from modal_lint.settings import Settings

OPTION = "--staged"
_UNKNOWN = "no such file in git's index: `git add` it, or check without --staged"
_REGULAR = ("100644", "100755")
_READ_AT_ONCE = (*FILES, ".gitignore")


class Index:
    """The files of the next commit of the repository that ``directory`` is in.

    Run as a hook, git says itself which index that is: `git commit FILE` makes one of its own.

    Raises:
        UserError: there is no such repository, or git refuses.
    """

    def __init__(self, directory: str) -> None:
        self._repository = Repository(directory, OPTION, as_hook=True)
        self.top = self._repository.top
        self._ids: dict[str, str] = {}  # of the blobs, by real path
        self._unmerged: set[str] = set()
        self._failures: dict[str, str] = {}
        try:
            self._list(self._repository.run(["ls-files", "-s", "-z", "--full-name"]))
            wanted = {path: blob for path, blob in self._ids.items() if _is_read(path)}
            self.contents = Overlay(self._contents(wanted), self.top)
        except GitError as error:
            raise UserError(f"{OPTION}: {error}") from None

    def read(self, path: str) -> bytes:
        """The content of a file as it will be committed, of the work tree where git does not know it.

        Raises:
            ReadError: it cannot be read, or is a source that git does not know.
        """
        real = os.path.realpath(path)
        if real in self._failures:
            raise ReadError(self._failures[real])
        if real not in self.contents and real in self._ids:
            try:
                self.contents.update(self._contents({real: self._ids[real]}))
            except GitError:
                raise ReadError("cannot be read from git's index") from None
        if real in self.contents:
            return self.contents[real]
        if self.contents.hides(real):
            raise ReadError(_UNKNOWN)
        return read_regular(path)

    def exists(self, path: str) -> bool:
        """Whether there is a file of that path."""
        real = os.path.realpath(path)
        return real in self._ids or (os.path.lexists(path) and not self.contents.hides(real))

    def discover(self, paths: Sequence[str], source: Source) -> Discovery:
        """The files that ``paths`` mean, as `discover.discover` finds them on the disk.

        Raises:
            UserError: a configuration file on the way is wrong.
        """
        found = Discovery()
        seen: set[str] = set()
        for path in dict.fromkeys(map(os.path.realpath, paths)):
            for target in self._meant(path, source):
                if target.absolute not in seen:
                    seen.add(target.absolute)
                    self._sort_in(target, found)
        found.targets.sort(key=lambda target: target.path)
        found.failures.sort(key=lambda failure: failure.path)
        return found

    def _sort_in(self, target: Target, found: Discovery) -> None:
        try:
            self.read(target.absolute)
        except ReadError as trouble:
            found.failures.append(Failure(target.path, trouble.reason))
            return
        if target.absolute in self.contents:
            found.take([target])
        else:  # not called like a source, or outside of the repository
            found.failures.append(Failure(target.path, _UNKNOWN))

    def _meant(self, path: str, source: Source) -> Iterator[Target]:
        below = path.rstrip(os.sep) + os.sep
        is_folder = os.path.isdir(path) or any(known.startswith(below) for known in self._ids)
        directory = path if is_folder and path not in self._ids else os.path.dirname(path)
        root = project_root(directory)
        settings = source.at(directory)
        if settings.force_exclude and matches_upwards(settings.excluded, path, root):
            return
        if directory != path:
            yield Target(shown_path(path), path, root, settings)
            return
        known = {path: True}
        for absolute in sorted((*self._ids, *self._unmerged)):
            if absolute.startswith(below) and absolute.endswith(SUFFIXES + MARKDOWN):
                folder = os.path.dirname(absolute)
                settings = source.at(folder)
                if absolute.endswith(MARKDOWN) and not settings.include_markdown:
                    continue
                if self._is_open(folder, source, known) and not _excludes(settings, absolute):
                    yield Target(shown_path(absolute), absolute, root, settings)

    def _is_open(self, folder: str, source: Source, known: dict[str, bool]) -> bool:
        """Whether a search comes to a folder: neither it nor one above it is excluded."""
        if folder not in known:
            parent = os.path.dirname(folder)
            known[folder] = self._is_open(parent, source, known) and not _excludes(source.at(parent), folder)
        return known[folder]

    def _list(self, output: bytes) -> None:
        for row in output.split(b"\0"):
            head, tab, name = row.partition(b"\t")
            if not tab:
                continue
            mode, blob, stage = head.decode("ascii", "replace").split(" ")
            path = os.path.join(self.top, os.fsdecode(name).replace("/", os.sep))
            if stage != "0":
                self._unmerged.add(path)
                self._failures[path] = "has an unresolved merge conflict in git's index"
            elif mode in _REGULAR:  # a link leads to a file that is found anyway, a submodule has its own index
                self._ids[path] = blob

    def _contents(self, ids: dict[str, str]) -> dict[str, bytes]:
        sizes = self._repository.run(
            ["cat-file", "--batch-check=%(objectname) %(objectsize)"],
            "".join(blob + "\n" for blob in dict.fromkeys(ids.values())).encode(),
        )
        rows = [line.split(" ") for line in sizes.decode("ascii", "replace").splitlines()]
        large = {row[0] for row in rows if len(row) == 2 and row[1].isdigit() and int(row[1]) > MAX_BYTES}
        blobs = self._repository.blobs(blob for blob in ids.values() if blob not in large)
        for path, blob in ids.items():
            if blob in large:
                self._failures[path] = f"larger than {MAX_BYTES // 1024 // 1024} MB"
            elif blob not in blobs:
                self._failures[path] = "is not in this clone: fetch it first"
        return {path: blobs[blob] for path, blob in ids.items() if blob in blobs}


def _is_read(path: str) -> bool:
    return path.endswith(SOURCES) or os.path.basename(path) in _READ_AT_ONCE


def _excludes(settings: Settings, path: str) -> bool:
    return compiled(settings.excluded).matches(os.path.basename(path), path)
