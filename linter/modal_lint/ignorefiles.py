"""What git would ignore: `.gitignore` on every level and `.git/info/exclude`, through pathspec, loaded late."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING, NamedTuple

from modal_lint.files import ReadError, git_root, read_regular

if TYPE_CHECKING:
    from collections.abc import Collection

    from pathspec import GitIgnoreSpec

_NAME = ".gitignore"


class IgnoreFiles(NamedTuple):
    """The ignore files that count in one directory, the outermost first."""

    levels: tuple[tuple[str, GitIgnoreSpec], ...] = ()

    @classmethod
    def above(cls, directory: str) -> IgnoreFiles:
        """Those of the work tree that ``directory`` is in, from its top down to the parent of ``directory``."""
        top = git_root(directory)
        if top is None:
            return cls()
        found = cls()._with(os.path.join(top, ".git", "info", "exclude"), top)
        for parent in _between(top, directory):
            found = found._with(os.path.join(parent, _NAME), parent)
        return found

    def entered(self, directory: str, names: Collection[str]) -> IgnoreFiles:
        """These, and that of ``directory``, whose entries are ``names``."""
        return self._with(os.path.join(directory, _NAME), directory) if _NAME in names else self

    def ignores(self, path: str, is_directory: bool) -> bool:
        """Whether git would ignore ``path``: the deepest file with a word on it decides."""
        for base, spec in reversed(self.levels):
            relative = os.path.relpath(path, base).replace(os.sep, "/") + ("/" if is_directory else "")
            verdict = spec.check_file(relative).include
            if verdict is not None:
                return verdict
        return False

    def _with(self, file: str, base: str) -> IgnoreFiles:
        if not os.path.lexists(file):
            return self
        try:
            lines = read_regular(file).decode("utf-8", "surrogateescape").split("\n")
            if all(not line.strip() or line.startswith("#") for line in lines):
                return self  # as git makes its info/exclude: not worth loading a library for
            from pathspec import GitIgnoreSpec

            spec = GitIgnoreSpec.from_lines(lines)
        except (ReadError, ValueError):
            return self  # an unusable ignore file ignores nothing: more is checked, not less
        return IgnoreFiles((*self.levels, (base, spec)))


def _between(top: str, directory: str) -> list[str]:
    """The directories from ``top`` down to the parent of ``directory``."""
    parents: list[str] = []
    while directory != top:
        directory = os.path.dirname(directory)
        parents.append(directory)
    return parents[::-1]
