"""What has changed since a revision: the lines of each file that are new or stand where others stood.

The work tree (or the index) is compared with the commit where the history parted from the revision, so that what
others did to it meanwhile does not count. The comparison is ours: git only hands over blobs, since comparing files of a
work tree makes it run the filters that the repository configures.
"""

from __future__ import annotations

import difflib
import hashlib
import json
import os
from bisect import bisect_left
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from modal_lint.files import ReadError, read_regular
from modal_lint.git import GitError, Repository
from modal_lint.settings import UserError

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Mapping, Sequence

    from modal_lint.model import Failure, Finding, Span

_OPTION = "--since"
_SUBMODULE = "160000"
_MANY_LINES = 20_000
_NOTEBOOK = ".ipynb"
_RENAMES = (
    *("diff-index", "--cached", "-M", "-z", "--name-status", "--diff-filter=R", "--no-ext-diff", "--no-textconv"),
    "--ignore-submodules=all",
)


@dataclass(frozen=True, slots=True)
class Changes:
    """The changes of one file: its new lines, and after which of its lines others are gone.

    ``cells`` are the numbers of a notebook's cells that are new or not what they were.
    """

    everything: bool = False
    lines: tuple[int, ...] = ()
    gaps: tuple[int, ...] = ()
    cells: frozenset[int] | None = None

    def touch(self, span: Span, cell: int | None = None) -> bool:
        """Whether a stretch of the file has changed."""
        if self.everything:
            return True
        if self.cells is not None:
            return bool(self.cells) if cell is None else cell in self.cells
        return _holds(self.lines, span.line, span.end_line) or _holds(self.gaps, span.line, span.end_line - 1)


def _holds(numbers: tuple[int, ...], first: int, last: int) -> bool:
    """Whether one of the sorted ``numbers`` is from ``first`` to ``last``."""
    at = bisect_left(numbers, first)
    return at < len(numbers) and numbers[at] <= last


UNCHANGED = Changes()
NEW = Changes(everything=True)


@dataclass(slots=True)
class _Base:
    """The files of one repository as they were."""

    repository: Repository
    blobs: Mapping[str, str] = field(default_factory=dict)  # ids by path from the top
    renamed: Mapping[str, str] = field(default_factory=dict)  # old paths by new ones
    contents: dict[str, bytes] = field(default_factory=dict)

    def id_of(self, path: str) -> str | None:
        return self.blobs.get(path) or self.blobs.get(self.renamed.get(path, ""))


class Since:
    """The changes since ``revision`` in the repositories that ``paths`` are in.

    Args:
        revision: anything that git understands as a commit.
        paths: files and folders, as given on the command line.
        read: gives the content of a file by its absolute path, by default from the disk.
        as_hook: as for `Repository`.

    Raises:
        UserError: a path is in no repository, or the revision names no commit there.
    """

    def __init__(
        self,
        revision: str,
        paths: Sequence[str],
        read: Callable[[str], bytes] = read_regular,
        *,
        as_hook: bool = False,
    ) -> None:
        self.given: Mapping[str, bytes] = {}  # contents to take instead, by path as in findings
        self._read = read
        self._now: dict[str, bytes | None] = {}
        self._changes: dict[tuple[str, bytes], Changes] = {}
        self._bases: dict[str, _Base] = {}
        for folder in dict.fromkeys(map(_folder, paths)):
            if self._base(folder) is None:
                repository = Repository(folder, _OPTION, as_hook=as_hook)
                self._bases[repository.top] = _base(repository, revision)

    def untouched(self, findings: Iterable[Finding]) -> frozenset[int]:
        """The ids of the findings of which nothing has changed: no line of the flagged statement, none of the flow."""
        known = list(findings)
        self._now.clear()
        paths = {one.path for one in known} | {step.path for one in known for step in one.flow}
        self._fetch(paths)
        return frozenset(id(one) for one in known if not self._touches(one))

    def concerns(self, failure: Failure) -> bool:
        """Whether a file that could not be checked has changed, or it is our own fault."""
        self._fetch((failure.path,))
        return failure.is_internal or self._of(failure.path) != UNCHANGED

    def _touches(self, finding: Finding) -> bool:
        changes = self._of(finding.path)
        spans = (finding.span, finding.statement, finding.sink)
        if any(changes.touch(span, finding.cell) for span in spans if span is not None):
            return True
        if any(self._of(step.path).touch(step.span, step.cell) for step in finding.flow):
            return True
        origin = finding.origin  # its lines are those of no cell
        return origin is not None and not origin[0].endswith(_NOTEBOOK) and self._of(origin[0]).touch(origin[1])

    def _of(self, path: str) -> Changes:
        data = self._content(path)
        if data is None:
            return NEW
        key = (path, data)
        if key not in self._changes:
            self._changes[key] = self._compared(path, data)
        return self._changes[key]

    def _compared(self, path: str, data: bytes) -> Changes:
        base, name = self._place(path)
        before = base.id_of(name) if base is not None else None
        if base is None or before is None:
            return NEW
        if before == blob_id(data, before):
            return UNCHANGED
        old = base.contents.get(before)
        if old is None:
            return NEW
        return changed_cells(old, data) if path.endswith(_NOTEBOOK) else changed_lines(old, data)

    def _fetch(self, paths: Iterable[str]) -> None:
        """Get the old contents of files that are not what they were, in one go for each repository."""
        wanted: dict[str, set[str]] = {}
        for path in paths:
            base, name = self._place(path)
            data = self._content(path)
            before = base.id_of(name) if base is not None else None
            if base is not None and data is not None and before and before != blob_id(data, before):
                wanted.setdefault(base.repository.top, set()).add(before)
        for top, ids in wanted.items():
            held = self._bases[top].contents
            try:
                held.update(self._bases[top].repository.blobs(one for one in sorted(ids) if one not in held))
            except GitError as error:
                raise UserError(f"{_OPTION}: {error}") from None

    def _content(self, path: str) -> bytes | None:
        data = self.given.get(path)
        if data is not None:
            return data
        if path not in self._now:
            try:
                self._now[path] = self._read(os.path.abspath(path))
            except ReadError:
                self._now[path] = None
        return self._now[path]

    def _place(self, path: str) -> tuple[_Base | None, str]:
        real = os.path.realpath(path)
        base = self._base(real)
        top = base.repository.top if base is not None else os.sep
        return base, os.path.relpath(real, top).replace(os.sep, "/")

    def _base(self, path: str) -> _Base | None:
        """The innermost of the repositories that hold ``path``."""
        holding = [top for top in self._bases if path == top or path.startswith(top.rstrip(os.sep) + os.sep)]
        return self._bases[max(holding, key=len)] if holding else None


def _folder(path: str) -> str:
    if path == "-":
        return os.path.realpath(os.getcwd())
    real = os.path.realpath(path)
    while not os.path.isdir(real):  # a file, or one that is only in the index
        real = os.path.dirname(real)
    return real


def _base(repository: Repository, revision: str) -> _Base:
    commit = repository.commit(revision)
    if commit is None:
        if revision == "HEAD" and _is_unborn(repository):
            return _Base(repository)
        from modal_lint.report.base import visible

        raise UserError(
            f"{_OPTION}: git knows no commit `{visible(revision)[:80]}` here; check the name, "
            "or fetch it first if the clone is shallow"
        )
    try:
        parted = repository.run(["merge-base", commit, "HEAD"]).decode().strip()
    except GitError:
        parted = commit  # histories that share nothing, or a clone that is too shallow to tell
    try:
        listed = repository.run(["ls-tree", "-r", "-z", "--full-tree", parted])
        renames = repository.run([*_RENAMES, parted])
    except GitError as error:
        raise UserError(f"{_OPTION}: {error}") from None
    return _Base(repository, _listed(listed), _renamed(renames))


def _is_unborn(repository: Repository) -> bool:
    try:
        repository.run(["symbolic-ref", "--quiet", "HEAD"])
    except GitError:
        return False
    return repository.commit("HEAD") is None


def _listed(output: bytes) -> dict[str, str]:
    found = {}
    for row in output.split(b"\0"):
        head, tab, path = row.partition(b"\t")
        mode, _, blob = head.decode("ascii", "replace").partition(" ")
        if tab and mode != _SUBMODULE:
            found[os.fsdecode(path)] = blob.rpartition(" ")[2]
    return found


def _renamed(output: bytes) -> dict[str, str]:
    parts = [os.fsdecode(part) for part in output.split(b"\0")]
    return {parts[at + 2]: parts[at + 1] for at in range(0, len(parts) - 2, 3)}


def blob_id(data: bytes, like: str) -> str:
    """The id that git gives to a content, by the hash that made the id ``like``."""
    made = hashlib.new("sha256" if len(like) == 64 else "sha1", usedforsecurity=False)
    made.update(b"blob %d\0" % len(data))
    made.update(data)
    return made.hexdigest()


def changed_lines(old: bytes, new: bytes) -> Changes:
    """What is new in a text; line endings do not count, since git may have changed them on the way."""
    before, after = _lines(old), _lines(new)
    start = 0
    while start < min(len(before), len(after)) and before[start] == after[start]:
        start += 1
    end = 0
    while end < min(len(before), len(after)) - start and before[-1 - end] == after[-1 - end]:
        end += 1
    old_part, new_part = before[start : len(before) - end], after[start : len(after) - end]
    matcher = difflib.SequenceMatcher(None, old_part, new_part, autojunk=len(new_part) > _MANY_LINES)
    lines: list[int] = []
    gaps: list[int] = []
    for kind, _, _, first, last in matcher.get_opcodes():
        if kind in ("insert", "replace"):
            lines += range(start + first + 1, start + last + 1)
        elif kind == "delete":
            gaps.append(start + first)
    return Changes(lines=tuple(lines), gaps=tuple(gaps))


def _lines(data: bytes) -> list[bytes]:
    return data.replace(b"\r\n", b"\n").replace(b"\r", b"\n").split(b"\n")


def changed_cells(old: bytes, new: bytes) -> Changes:
    """The cells of a notebook whose source stands in no cell of the old one."""
    before, after = _cells(old), _cells(new)
    if before is None or after is None:
        return NEW
    known = set(before)
    return Changes(cells=frozenset(number for number, source in enumerate(after, 1) if source not in known))


def _cells(data: bytes) -> list[str] | None:
    try:
        return [str(cell["source"] if isinstance(cell["source"], str) else "".join(cell["source"]))
                for cell in json.loads(data)["cells"]]  # fmt: skip
    except (ValueError, TypeError, KeyError, RecursionError):
        return None
