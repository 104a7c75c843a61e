"""Contents that count instead of those on the disk: of documents open in an editor, of files staged for a commit."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence

SOURCES = (".py", ".pyi", ".ipynb")


class Overlay(dict[str, bytes]):
    """Contents by real path.

    Args:
        files: the contents.
        whole: a folder of which these are all sources: one that only the disk has is not there.
    """

    def __init__(self, files: Mapping[str, bytes] | Iterable[tuple[str, bytes]] = (), whole: str | None = None) -> None:
        super().__init__(files)
        self.whole = whole
        self._names: dict[str, set[str]] | None = None

    def hides(self, path: str) -> bool:
        """Whether the file of that path, which the disk may have, is not there."""
        if self.whole is None or not path.endswith(SOURCES) or path in self:
            return False
        return path.startswith(self.whole.rstrip(os.sep) + os.sep)

    def names_in(self, folder: str, listed: Iterable[str]) -> frozenset[str]:
        """What is in a folder of which the disk has ``listed``."""
        seen = {name for name in listed if not self.hides(os.path.join(folder, name))}
        return frozenset(seen | self._own(folder))

    def children(self, folder: str, listed: Sequence[tuple[str, bool]]) -> list[tuple[str, bool]]:
        """The paths in a folder, and whether each is a folder itself, in order; ``listed`` are those on the disk."""
        found = {path: is_folder for path, is_folder in listed if not self.hides(path)}
        for name in self._own(folder):
            path = os.path.join(folder, name)
            if not name.startswith("."):
                found.setdefault(path, path not in self)
        return sorted(found.items())

    def _own(self, folder: str) -> set[str]:
        """The names that the contents bring to a folder: files, and folders on the way to files."""
        if self._names is None:
            self._names = {}
            for path in self:
                parent, name = os.path.split(path)
                while name and name not in self._names.setdefault(parent, set()):
                    self._names[parent].add(name)
                    parent, name = os.path.split(parent)
        return self._names.get(folder, set())
