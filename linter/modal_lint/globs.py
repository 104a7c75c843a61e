"""File patterns of the settings: `exclude`, `per-file-ignores`, matched as ruff matches them."""

from __future__ import annotations

import fnmatch
import os
import re
from functools import lru_cache
from typing import NamedTuple


class Glob(NamedTuple):
    """A pattern and the directory it was written for: one without `/` also matches a bare name anywhere."""

    pattern: str
    base: str


class Matcher(NamedTuple):
    """Patterns, ready to be matched."""

    names: frozenset[str]
    name_pattern: re.Pattern[str] | None
    path_pattern: re.Pattern[str] | None

    def matches(self, name: str, path: str) -> bool:
        """Whether the absolute ``path``, whose last part is ``name``, fits one of the patterns."""
        if name in self.names or (self.name_pattern is not None and self.name_pattern.match(name)):
            return True
        return self.path_pattern is not None and self.path_pattern.match(path.replace(os.sep, "/")) is not None


def matches(globs: tuple[Glob, ...], path: str) -> bool:
    """Whether the absolute ``path``, or its last part, fits one of ``globs``."""
    return bool(globs) and compiled(globs).matches(os.path.basename(path), path)


def matches_upwards(globs: tuple[Glob, ...], path: str, root: str) -> bool:
    """Whether ``path`` or one of the directories between it and ``root`` fits one of ``globs``."""
    while True:
        if matches(globs, path):
            return True
        parent = os.path.dirname(path)
        if path == root or parent == path:
            return False
        path = parent


@lru_cache(maxsize=64)
def compiled(globs: tuple[Glob, ...]) -> Matcher:
    """``globs``, ready to be matched."""
    bare = [glob.pattern for glob in globs if "/" not in glob.pattern]
    plain = frozenset(pattern for pattern in bare if not _is_wild(pattern))
    return Matcher(
        plain,
        _alternatives([pattern for pattern in bare if _is_wild(pattern)]),
        # Where a plain name fits a path, it fits its last part.
        _alternatives([_anchored(glob) for glob in globs if glob.pattern not in plain]),
    )


def _anchored(glob: Glob) -> str:
    pattern = glob.pattern.removeprefix("./").rstrip("/")
    if pattern.startswith("/"):
        return pattern
    return _escaped(glob.base.replace(os.sep, "/").rstrip("/")) + "/" + pattern


def _escaped(text: str) -> str:
    return re.sub(r"([*?[])", r"[\1]", text)


def _is_wild(pattern: str) -> bool:
    return any(character in pattern for character in "*?[{")


def _alternatives(patterns: list[str]) -> re.Pattern[str] | None:
    if not patterns:
        return None
    return re.compile("|".join(fnmatch.translate(one) for pattern in patterns for one in _braces(pattern)))


def _braces(pattern: str) -> list[str]:
    """`*.{py,pyi}` as `*.py` and `*.pyi`; nested braces are taken literally, as are too many combinations."""
    found = re.search(r"\{([^{},]*(?:,[^{},]*)+)\}", pattern)
    if found is None or pattern.count("{") > 4:
        return [pattern]
    head, tail = pattern[: found.start()], pattern[found.end() :]
    return [one for choice in found.group(1).split(",") for one in _braces(head + choice + tail)]
