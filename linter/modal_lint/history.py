"""Whether a value was ever committed to git, found out without showing it to anybody.

The value never enters a command line or another process: git hands over the versions of a file, the search is ours.

The tree may be hostile, and a repository's own ``.git/config`` can name programs. The calls are chosen so that none
runs: only plumbing (``rev-list``, ``cat-file``, ``ls-files``) is used, which has no hooks, pager, aliases, external
diffs, textconv or signature checks and applies no filters; ``core.fsmonitor`` and ``core.hooksPath`` are overridden; a
partial clone would fetch what is missing through a transport of the repository's choice, so fetching is off and no
transport is allowed. A repository of another user stays git's own decision (``safe.directory``): if it declines, we do
not know.
"""

from __future__ import annotations

import json
import os
import subprocess
import time
from typing import TYPE_CHECKING

from modal_lint.git import ENVIRONMENT, FOREIGN, OPTIONS, find_git

if TYPE_CHECKING:
    from pathlib import Path

    from modal_lint.model import Hidden

_BLOBS = 500
_BYTES = 64 * 1024 * 1024


class History:
    """The committed versions of files under one root, read at most once each and within one time limit."""

    def __init__(self, root: Path, *, seconds: float = 5.0) -> None:
        self._root = root
        self._deadline = time.monotonic() + seconds
        self._git = find_git(root)
        self._versions: dict[str, tuple[list[bytes], bool] | None] = {}

    def holds(self, path: str, value: Hidden, *, source: bytes = b"") -> bool | None:
        """Whether a committed version of the file at ``path`` (relative to the root) holds ``value``.

        Args:
            path: the file whose versions are searched.
            value: what to search for.
            source: the text that the value was taken from. If it spells the value in one piece, we know what to look
                for, and versions without it do not hold it.

        Returns:
            True or False; None when it cannot be told: no git, no repository, not all versions could be read in time,
            or the file has versions and the value may be put together from pieces.
        """
        if path not in self._versions:
            self._versions[path] = self._read(path)
        versions = self._versions[path]
        if versions is None:
            return None
        blobs, complete = versions
        searched = spellings(value)
        if any(spelling in blob for blob in blobs for spelling in searched):
            return True
        known = not blobs or any(spelling in source for spelling in searched)
        return False if complete and known else None

    def tracks(self, path: str) -> bool | None:
        """Whether git tracks ``path``, a file or anything below a folder; None when that cannot be told."""
        output = self._run(["ls-files", "-z", "--", path])
        return None if output is None else bool(output)

    def _read(self, path: str) -> tuple[list[bytes], bool] | None:
        """The versions of a file, newest first, and whether these are all."""
        listed = self._run(["rev-list", "--objects", "--no-object-names", "--all", "--", path])
        shallow = self._run(["rev-parse", "--is-shallow-repository"])
        if listed is None or shallow is None:
            return None
        sizes = self._run(["cat-file", "--batch-check=%(objectname) %(objecttype) %(objectsize)"], listed)
        if sizes is None:
            return None
        rows = [line.split() for line in sizes.splitlines()]
        blobs = [(row[0], int(row[2])) for row in rows if len(row) == 3 and row[1] == b"blob"]
        complete = shallow.strip() == b"false" and all(row[-1:] != [b"missing"] for row in rows)
        chosen = _within_limits(blobs)
        contents = self._run(["cat-file", "--batch=%(objectsize)"], b"".join(name + b"\n" for name in chosen))
        if contents is None:
            return None
        versions = _split(contents)
        return versions, complete and len(versions) == len(blobs)

    def _run(self, arguments: list[str], stdin: bytes = b"") -> bytes | None:
        left = self._deadline - time.monotonic()
        if self._git is None or left <= 0:
            return None
        environment = {name: text for name, text in os.environ.items() if name not in FOREIGN} | ENVIRONMENT
        try:
            done = subprocess.run(
                [self._git, *OPTIONS, *arguments],
                cwd=self._root,
                env=environment,
                input=stdin,
                stdout=subprocess.PIPE,
                stderr=subprocess.DEVNULL,
                timeout=left,
                check=False,
            )
        except (OSError, ValueError, subprocess.SubprocessError):
            return None
        return done.stdout if done.returncode == 0 else None


def was_committed(root: Path, path: str, value: Hidden, *, seconds: float = 5.0) -> bool | None:
    """Whether a committed version of ``path`` holds ``value``; see `History.holds`, which is for several questions."""
    return History(root, seconds=seconds).holds(path, value)


def _within_limits(blobs: list[tuple[bytes, int]]) -> list[bytes]:
    chosen: list[bytes] = []
    total = 0
    for name, size in blobs[:_BLOBS]:
        total += size
        if total > _BYTES:
            break
        chosen.append(name)
    return chosen


def _split(batch: bytes) -> list[bytes]:
    """The contents in the output of ``cat-file --batch=%(objectsize)``."""
    contents, position = [], 0
    while (end := batch.find(b"\n", position)) >= 0:
        if not batch[position:end].isdigit():
            break
        size = int(batch[position:end])
        contents.append(batch[end + 1 : end + 1 + size])
        position = end + 1 + size + 1
    return contents


def spellings(value: Hidden) -> set[bytes]:
    """The ways in which one literal may spell the value."""
    raw = value.reveal()
    texts = (raw, repr(raw)[1:-1], json.dumps(raw)[1:-1], raw.replace("\n", "\r\n"))
    return {text.encode("utf-8", "surrogatepass") for text in texts if text}
