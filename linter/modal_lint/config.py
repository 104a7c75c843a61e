"""Configuration files: which one counts for a directory, what it extends, and how the command line overrides it."""

from __future__ import annotations

import os
import sys
from typing import TYPE_CHECKING, Any, Protocol

from modal_lint.files import ReadError, git_root, project_root, read_regular
from modal_lint.settings import Layer, Settings, UserError, layer, merge

if TYPE_CHECKING:
    from collections.abc import Collection, Mapping

# The first that is there counts; a pyproject.toml without our section is passed over.
FILES = (".modal-lint.toml", "modal-lint.toml", "pyproject.toml")
_MAX_EXTENDS = 16


class Source(Protocol):
    """Where the search for files asks for the settings of a directory."""

    def at(self, directory: str, names: Collection[str] | None = None) -> Settings:
        """The settings for files of ``directory``, whose entries are ``names`` where that is known."""


class Files(Protocol):
    """Where configuration files are looked for: on the disk, or in git's index."""

    def read(self, path: str) -> bytes:
        """The content of a file; raises `ReadError`."""

    def exists(self, path: str) -> bool:
        """Whether there is a file of that path."""


class Disk:
    """The files as they are."""

    def read(self, path: str) -> bytes:
        """The content of a file; raises `ReadError`."""
        return read_regular(path)

    def exists(self, path: str) -> bool:
        """Whether there is a file of that path."""
        return os.path.lexists(path)


class Resolver:
    """Finds the settings for a directory: the closest configuration file, then the command line on top.

    Args:
        overrides: layers of the command line, the strongest last.
        isolated: look at no file.
        explicit: the one file to use, given by the user; it may extend files anywhere.
        files: where configuration files are looked for, instead of on the disk.
    """

    def __init__(
        self,
        overrides: tuple[Layer, ...] = (),
        *,
        isolated: bool = False,
        explicit: str | None = None,
        files: Files | None = None,
    ):
        self._overrides = overrides
        self._on_disk = files is None
        self._files: Files = files or Disk()
        self._cache: dict[str, Settings] = {}
        self._fixed: Settings | None = None
        if explicit is not None:
            self._fixed = merge((*_chain(os.path.abspath(explicit), None, Disk()), *overrides))
        elif isolated:
            self._fixed = merge(overrides)

    def at(self, directory: str, names: Collection[str] | None = None) -> Settings:
        """The settings for files of the absolute ``directory``.

        Raises:
            UserError: a configuration file on the way is wrong.
        """
        if self._fixed is not None:
            return self._fixed
        if directory not in self._cache:
            self._cache[directory] = self._find(directory, names)
        return self._cache[directory]

    def _find(self, directory: str, names: Collection[str] | None) -> Settings:
        for name in FILES:
            path = os.path.join(directory, name)
            if (name in names) if names is not None and self._on_disk else self._files.exists(path):
                table = _read_table(path, self._files)
                if table is not None:
                    return merge((*_layers(table, path, _boundary(path), self._files), *self._overrides))
        parent = os.path.dirname(directory)
        return merge(self._overrides) if parent == directory else self.at(parent)


def nearest_file(directory: str) -> str | None:
    """The configuration file that counts for the absolute ``directory``, None where there is none.

    Raises:
        UserError: a configuration file on the way cannot be read.
    """
    while True:
        for name in FILES:
            path = os.path.join(directory, name)
            if os.path.lexists(path) and _read_table(path, Disk()) is not None:
                return path
        parent = os.path.dirname(directory)
        if parent == directory:
            return None
        directory = parent


def inline(text: str) -> Layer:
    """The layer that `--config KEY=VALUE` means.

    Raises:
        UserError: it is not TOML, or says nothing valid.
    """
    try:
        table = parsed(text)
    except ValueError:
        raise UserError("--config: not a file, and not KEY=VALUE with a TOML value, as in 'select=[\"MS1\"]'") from None
    return layer(table, os.getcwd(), "--config")


def _boundary(path: str) -> str:
    directory = os.path.dirname(path)
    return os.path.realpath(git_root(directory) or project_root(directory))


def _chain(path: str, inside: str | None, files: Files, depth: int = 0) -> list[Layer]:
    table = _read_table(path, files)
    if table is None:
        raise UserError(f"{_shown(path)}: has no [tool.modal-lint] section; add one, or name another file")
    return _layers(table, path, inside, files, depth)


def _layers(table: Mapping[str, Any], path: str, inside: str | None, files: Files, depth: int = 0) -> list[Layer]:
    mine = layer(table, os.path.dirname(path), _shown(path))
    baseline = mine.values.get("baseline")
    if baseline and inside is not None and not _is_inside(os.path.join(mine.base, baseline), inside):
        raise UserError(f"{_shown(path)}: `baseline` points outside the project; pass the file with --baseline instead")
    extended = mine.values.get("extend")
    if extended is None:
        return [mine]
    if depth >= _MAX_EXTENDS:
        raise UserError(f"{_shown(path)}: `extend` goes round in circles or too deep; let it extend fewer files")
    target = os.path.normpath(os.path.join(mine.base, extended))
    if inside is not None and not _is_inside(target, inside):
        raise UserError(f"{_shown(path)}: `extend` points outside the project; pass the file with --config instead")
    if not files.exists(target):
        raise UserError(f"{_shown(path)}: `extend` names {_shown(target)}, and there is no such file")
    return [*_chain(target, inside, files, depth + 1), mine]


def _is_inside(path: str, directory: str) -> bool:
    real = os.path.realpath(path)
    return real == directory or real.startswith(directory.rstrip(os.sep) + os.sep)


def _read_table(path: str, files: Files) -> Mapping[str, Any] | None:
    """The table of settings in the file ``path``; None for a pyproject.toml without our section."""
    try:
        data = files.read(path)
    except ReadError as trouble:
        raise UserError(f"{_shown(path)}: {trouble.reason}") from None
    shared = os.path.basename(path) == "pyproject.toml"
    if shared and b"modal-lint" not in data:
        return None
    try:
        document = parsed(data.decode("utf-8-sig"))
    except (ValueError, RecursionError) as error:
        # The parser's message may quote the file; its place is enough.
        raise UserError(f"{_shown(path)}: not valid TOML{_place(error)}") from None
    section = document.get("tool", {})
    section = section.get("modal-lint") if isinstance(section, dict) else None
    if shared or section is not None:
        if section is not None and not isinstance(section, dict):
            raise UserError(f"{_shown(path)}: `tool.modal-lint` must be a table")
        return section
    return document


def parsed(text: str) -> dict[str, Any]:
    """A TOML document; the parser is loaded late, and its errors are `ValueError`."""
    if sys.version_info >= (3, 11):
        import tomllib
    else:
        import tomli as tomllib
    return tomllib.loads(text)


def _place(error: Exception) -> str:
    import re

    found = re.search(r"\(at (line \d+, column \d+|end of document)\)", str(error))
    return f" ({found.group(1)})" if found else ""


def _shown(path: str) -> str:
    shown = os.path.relpath(path) if path.startswith(os.getcwd() + os.sep) else path
    return shown.encode("utf-8", "backslashreplace").decode()
