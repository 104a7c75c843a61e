"""Files of variables that `Secret.from_dotenv` is told to load: how they are named, and whether they are there."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING

from modal_lint.environments import asking
from modal_lint.exposure import HOLE_MARK, marked
from modal_lint.values import Const, External, Text

if TYPE_CHECKING:
    from collections.abc import Iterator

    from modal_lint.source import File
    from modal_lint.uses import Use

_IGNORE_FILE = ".gitignore"
_HERE = "builtins.__file__"
_FILLER = "x"


def mistaken_name(use: Use) -> str | None:
    """The file's name that a call gives as its path; None where it may be a path, or names the file elsewhere."""
    from modal_lint_runtime.contract import dotenv_path

    if use.bound.open or "filename" in use.bound.named:
        return None
    names: list[str] = []
    for value in asking.parameter(use, "path") or ():
        name = _last_part(value) if isinstance(value, Text) else None
        if name is None or dotenv_path(name.replace(HOLE_MARK, _FILLER)) is None or _is_folder(use.file, value):
            return None
        names.append(name.replace(HOLE_MARK, "…"))
    return names[0] if names else None


def _last_part(value: Text) -> str | None:
    """The last part of a path, where an unknown stretch cannot bring another one."""
    name = marked(value).replace("\\", "/").rpartition("/")[2]
    return None if name.startswith(HOLE_MARK) or name == f".env{HOLE_MARK}" else name


def _is_folder(file: File, value: object) -> bool:
    """Whether a path is that of a folder of the project."""
    known = value.known if isinstance(value, Text) else None
    if known is None:
        return False
    starts = (os.path.dirname(file.real), file.project.root)
    return any(file.project.names_in(path) for path in _joined(file, starts, known))


def missing_file(use: Use) -> str | None:
    """The name of the file that a call looks for, where the project has none where it looks; None if it may have.

    Where the program is started is not known: the folders from the file's own one up to the project's are searched.
    A file that git is told to ignore may be on the machine that deploys.
    """
    file = use.file
    if use.bound.open:
        return None
    wanted = asking.text(use, "filename") if "filename" in use.bound.named else ".env"
    starts = _starts(use)
    if not wanted or starts is None or "/" in wanted or "\\" in wanted:
        return None
    folders = dict.fromkeys(folder for start in starts for folder in _up(file, start))
    if not folders or any(wanted in file.project.names_in(folder) for folder in folders):
        return None
    return None if any(_ignores(file, folder, wanted) for folder in folders) else wanted


def _starts(use: Use) -> list[str] | None:
    """The folders in which a search may begin; None where that is not known."""
    file = use.file
    here = os.path.dirname(file.real)
    values = asking.parameter(use, "path")
    if values is None:
        return [here, file.project.root]
    starts = []
    for value in values:
        if isinstance(value, Const) and value.value is None:
            starts += [here, file.project.root]
        elif isinstance(value, External) and (folder := _beside(value.name, here)) is not None:
            starts.append(folder)
        elif isinstance(value, Text) and value.known is not None:
            found = _joined(file, (here, file.project.root), value.known)
            starts += [path for one in found for path in (one, os.path.dirname(one))]
        else:
            return None
    return starts


def _beside(name: str, folder: str) -> str | None:
    """The folder that ``__file__`` and ``Path(__file__).resolve().parent.parent`` begin a search in."""
    first, *rest = name.removeprefix(_HERE).split(".")
    if not name.startswith(_HERE) or first or not set(rest) <= {"parent", "resolve()", "absolute()"}:
        return None
    for _ in range(rest.count("parent") - 1):
        folder = os.path.dirname(folder)
    return folder


def _joined(file: File, folders: tuple[str, ...], path: str) -> list[str]:
    """The places in the project that a relative path may mean."""
    found = [os.path.realpath(os.path.join(folder, path)) for folder in folders]
    return [one for one in found if file.project.inside(one)]


def _up(file: File, folder: str) -> Iterator[str]:
    """A folder and those above it, as far as the project goes."""
    while file.project.inside(folder):
        yield folder
        above = os.path.dirname(folder)
        if above == folder:
            return
        folder = above


def _ignores(file: File, folder: str, name: str) -> bool:
    """Whether a folder's ignore file leaves out a file of this name."""
    data = file.project.content(os.path.join(folder, _IGNORE_FILE))
    return data is not None and _is_matched(data.decode("utf-8", "replace"), name)


def _is_matched(patterns: str, name: str) -> bool:
    from pathspec import GitIgnoreSpec

    return bool(GitIgnoreSpec.from_lines(patterns.splitlines()).match_file(name))
