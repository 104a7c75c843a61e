"""Where a finding is, as machines want to hear it: paths from the repository's top, URIs, 1-based places."""

from __future__ import annotations

import os
from functools import lru_cache
from typing import TYPE_CHECKING, NamedTuple

from modal_lint.files import git_root

if TYPE_CHECKING:
    from modal_lint.model import Finding, Span, Step

# Where CI services say that they have put the work tree; asked only where there is no `.git`.
_CHECKOUTS = ("CI_PROJECT_DIR", "GITHUB_WORKSPACE", "BUILD_SOURCESDIRECTORY", "CIRCLE_WORKING_DIRECTORY", "WORKSPACE")
STDIN = "-"


class Spot(NamedTuple):
    """A range in a file, lines and columns from 1, the end column exclusive; ``within`` names a notebook's cell."""

    line: int
    column: int
    end_line: int
    end_column: int
    within: str = ""


def spot(where: Finding | Step) -> Spot:
    """The place of a finding or step.

    Lines of a notebook count inside a cell, and mean nothing to who looks at the file: there it is the file's first
    line, and ``within`` says the rest.
    """
    span = where.span
    if where.cell is None:
        return from_one(span)
    return Spot(1, 1, 1, 1, f"cell {where.cell}, line {span.line}, column {span.column + 1}: ")


def from_one(span: Span) -> Spot:
    """``span`` with columns from 1."""
    return Spot(span.line, span.column + 1, span.end_line, span.end_column + 1)


def top() -> str:
    """The top of the work tree: of git, else what the CI service says, else the current directory."""
    return _top(os.getcwd(), tuple(os.environ.get(name, "") for name in _CHECKOUTS))


@lru_cache(maxsize=8)  # a report asks for every place in it
def _top(here: str, named: tuple[str, ...]) -> str:
    found = git_root(here)
    if found is not None:
        return found
    return next((folder for folder in named if os.path.isabs(folder) and _below(here, folder)), here)


def from_top(path: str) -> str | None:
    """``path`` from the top with forward slashes; None where it is elsewhere."""
    return path if path == STDIN else _from(path, os.getcwd(), top())


@lru_cache(maxsize=1 << 12)
def _from(path: str, here: str, folder: str) -> str | None:
    absolute = os.path.normpath(os.path.join(here, path))
    if not _below(absolute, folder):
        absolute, folder = os.path.realpath(absolute), os.path.realpath(folder)
    return os.path.relpath(absolute, folder).replace(os.sep, "/") if _below(absolute, folder) else None


def shown(path: str) -> str:
    """``path`` from the top, or else absolute, as text that UTF-8 can hold."""
    return encodable(from_top(path) or os.path.abspath(path).replace(os.sep, "/"))


def uri(path: str) -> str:
    """``path`` as a URI: a relative one from the top, or else of the scheme ``file``."""
    from urllib.parse import quote

    relative = from_top(path)
    if relative is not None:
        return quote(os.fsencode(relative), safe="/")
    absolute = os.path.abspath(path).replace(os.sep, "/")
    return "file://" + quote(os.fsencode(absolute if absolute.startswith("/") else "/" + absolute), safe="/")


def escaped(text: str, escapes: dict[int, str]) -> str:
    """``text`` with ``escapes`` in place of characters that mean something, fit for any encoding."""
    return encodable(text.translate(escapes))


def encodable(text: str) -> str:
    """``text`` with what no encoding has (parts of names of files that are no text) as backslash escapes."""
    return text.encode("utf-8", "backslashreplace").decode("utf-8")


def _below(path: str, folder: str) -> bool:
    folder = folder.rstrip(os.sep) + os.sep
    return (path + os.sep).startswith(folder)
