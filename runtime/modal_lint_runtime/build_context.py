"""The directory that ``COPY`` takes files from, and nothing outside of it."""

from __future__ import annotations

import fnmatch
import hashlib
import os
import stat
from dataclasses import dataclass
from pathlib import Path, PurePosixPath
from typing import TYPE_CHECKING, Protocol, cast

from modal_lint_runtime.dockerfile import ignore_matcher
from modal_lint_runtime.errors import InvalidError

if TYPE_CHECKING:
    from collections.abc import Iterator

_BLOCK = 1 << 20


class _Matcher(Protocol):
    def matches(self, path: str) -> bool: ...

    def may_match_under(self, dir_path: str) -> bool: ...


@dataclass(frozen=True)
class Entry:
    """A file, directory or link of the context: where it is, and its path there (``a/b``; empty for the whole)."""

    real: Path
    name: str
    mode: int

    @property
    def is_dir(self) -> bool:
        """Whether it is a directory."""
        return stat.S_ISDIR(self.mode)

    @property
    def is_link(self) -> bool:
        """Whether it is a symbolic link."""
        return stat.S_ISLNK(self.mode)


class BuildContext:
    """A directory as a build sees it: less what ``.dockerignore`` (or ``ignore``) leaves out.

    Raises:
        InvalidError: the directory does not exist, or a pattern is not valid.
    """

    def __init__(self, directory: Path, ignore: tuple[str, ...] | None = None) -> None:
        if not directory.is_dir():
            raise InvalidError("The build context is not a directory.")
        self._root = directory.resolve()
        self._matcher = cast("_Matcher", ignore_matcher(_patterns(self._root) if ignore is None else list(ignore)))

    def sources(self, pattern: str) -> list[Entry]:
        """What a source of ``COPY`` stands for: one entry, or several for ``*``, ``?`` and ``[…]``, in order of name.

        Raises:
            InvalidError: it leaves the context (by ``..`` or through a link), or nothing matches.
        """
        parts = _inside(pattern)
        found = [entry for entry in self._glob(parts) if not self._left_out(entry.name, entry.is_dir)]
        if not found:
            raise InvalidError(
                f"COPY finds nothing in the build context for {pattern!r} (or .dockerignore leaves it out)."
            )
        return found

    def below(self, entry: Entry) -> Iterator[Entry]:
        """Everything under a directory, directories before what is in them, in order of name.

        Raises:
            InvalidError: a link there leads out of the context.
        """
        for part in sorted(os.listdir(entry.real)):
            name = f"{entry.name}/{part}" if entry.name else part
            left_out = self._matcher.matches(name)
            if left_out and not self._matcher.may_match_under(name):
                continue  # before anything is asked of it: what is left out may be a link to anywhere
            child = self._entry(entry.real / part, name)
            if child is not None and child.is_dir:
                inner = list(self.below(child))
                if inner or not left_out:
                    yield child
                    yield from inner
            elif child is not None and not left_out:
                yield child

    def digest(self, entries: list[Entry]) -> str:
        """A digest of the entries and all below them: names, kinds, permissions and contents; no times, no owners."""
        digest = hashlib.sha256()
        for top in entries:
            for entry in (top, *(self.below(top) if top.is_dir else ())):
                head = f"{entry.name}\0{stat.S_IFMT(entry.mode)}\0{stat.S_IMODE(entry.mode)}\0"
                digest.update(head.encode("utf-8", "surrogateescape"))
                digest.update(_content_digest(entry))
        return digest.hexdigest()

    def _glob(self, parts: tuple[str, ...]) -> list[Entry]:
        entries = [Entry(self._root, "", self._root.stat().st_mode)]
        for part in parts:
            entries = [child for entry in entries if entry.is_dir for child in self._children(entry, part)]
        return entries

    def _children(self, parent: Entry, pattern: str) -> Iterator[Entry]:
        names = sorted(os.listdir(parent.real))
        for name in [pattern] if pattern in names else fnmatch.filter(names, pattern):
            path = parent.real / name
            # A link that is named as a source is followed, as in Docker, but only within the context.
            real = _resolved(path, name) if path.is_symlink() else path
            self._require_inside(real, name)
            entry = self._entry(real, real.relative_to(self._root).as_posix()) if real.exists() else None
            if entry is not None:
                yield entry

    def _entry(self, path: Path, name: str) -> Entry | None:
        mode = path.lstat().st_mode
        if stat.S_ISLNK(mode):
            target = Path(os.path.normpath(path.parent / os.readlink(path)))
            self._require_inside(target, name)
            self._require_inside(_resolved(path, name), name)
        elif not stat.S_ISDIR(mode) and not stat.S_ISREG(mode):
            return None  # sockets, pipes and devices have no content to copy
        return Entry(path, name, mode)

    def _require_inside(self, path: Path, name: str) -> None:
        if not path.is_relative_to(self._root):
            raise InvalidError(f"The link {name!r} leads out of the build context (leave it out by .dockerignore).")

    def _left_out(self, name: str, is_dir: bool) -> bool:
        if not name or not self._matcher.matches(name):
            return False
        return not (is_dir and self._matcher.may_match_under(name))


def _resolved(path: Path, name: str) -> Path:
    try:
        return path.resolve()
    except (OSError, RuntimeError):
        raise InvalidError(f"The link {name!r} of the build context leads in a circle.") from None


def _inside(pattern: str) -> tuple[str, ...]:
    parts = PurePosixPath("/" + os.path.normpath(pattern.lstrip("/") or ".")).parts[1:]
    if ".." in parts:
        raise InvalidError("COPY takes files from the build context only: a source leads out of it by '..'.")
    return parts


def _patterns(root: Path) -> list[str]:
    try:
        text = (root / ".dockerignore").read_text(encoding="utf-8-sig")
    except FileNotFoundError:
        return []
    except (OSError, UnicodeDecodeError):
        raise InvalidError("The build context's .dockerignore cannot be read.") from None
    return text.splitlines()


def _content_digest(entry: Entry) -> bytes:
    if entry.is_link:
        return hashlib.sha256(os.fsencode(os.readlink(entry.real))).digest()
    digest = hashlib.sha256()
    if not entry.is_dir:
        with entry.real.open("rb") as file:
            while block := file.read(_BLOCK):
                digest.update(block)
    return digest.digest()
