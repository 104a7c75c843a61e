"""Where a finding is, as machines want to hear it: paths from the repository's top, URIs, 1-based places."""

from __future__ import annotations

import os
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
    here = os.getcwd()
    found = git_root(here)
    if found is not None:
        return found
    named = (os.environ.get(name, "") for name in _CHECKOUTS)
    return next((folder for folder in named if os.path.isabs(folder) and _below(here, folder)), here)


def from_top(path: str) -> str | None:
    """``path`` from the top with forward slashes; None where it is elsewhere."""
    if path == STDIN:
        return path
    folder = top()
    for absolute, base in ((os.path.abspath(path), folder), (os.path.realpath(path), os.path.realpath(folder))):
        if _below(absolute, base):
            return os.path.relpath(absolute, base).replace(os.sep, "/")
    return None


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


def encodable(text: str) -> str:
    """``text`` with what no encoding has (parts of names of files that are no text) as backslash escapes."""
    return text.encode("utf-8", "backslashreplace").decode("utf-8")


def _below(path: str, folder: str) -> bool:
    folder = folder.rstrip(os.sep) + os.sep
    return (path + os.sep).startswith(folder)
