"""Which files to check: directories are walked once, explicit files are taken as they are, nothing is opened."""

from __future__ import annotations

import os
from operator import itemgetter
from typing import TYPE_CHECKING, NamedTuple

from modal_lint.files import ReadError, project_root, reason_of, require_regular
from modal_lint.globs import compiled, matches_upwards
from modal_lint.ignorefiles import IgnoreFiles
from modal_lint.model import Failure
from modal_lint.records import made, record

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator, Sequence

    from modal_lint.config import Source
    from modal_lint.settings import Settings

STDIN = "-"
NOTEBOOK = ".ipynb"
MARKDOWN = (".md", ".markdown")
DOCUMENTS = (NOTEBOOK, *MARKDOWN)  # what holds Python
SUFFIXES = (".py", ".pyi", NOTEBOOK)


class Target(NamedTuple):
    """One file to check: how to call it, where it is, whose project it belongs to, what the settings for it are."""

    path: str  # relative to the current directory if it is inside, as findings show it
    absolute: str
    root: str
    settings: Settings
    is_stdin: bool = False


@record
class Discovery:
    """The files found, sorted by path, and what could not be looked at.

    Args:
        targets: the files.
        failures: why a file or folder is not among them.
        settings: the settings of all files, each once, by its `id`.
    """

    targets: list[Target] = made(default_factory=list)
    failures: list[Failure] = made(default_factory=list)
    settings: dict[int, Settings] = made(default_factory=dict)

    def take(self, targets: Sequence[Target]) -> None:
        """Add files that have the same settings."""
        self.targets += targets
        self.settings[id(targets[0].settings)] = targets[0].settings


class _Directory(NamedTuple):
    absolute: str
    settings: Settings
    ignored: IgnoreFiles | None


def discover(
    paths: Sequence[str],
    source: Source,
    *,
    stdin_filename: str | None = None,
    taker: Callable[[Sequence[Target]], None] | None = None,
) -> Discovery:
    """The files that ``paths`` mean.

    Args:
        paths: directories, files of any name, or ``-`` for standard input.
        source: says the settings of each directory.
        stdin_filename: what to call standard input; nothing of that name is opened.
        taker: is handed all files, in no order and some at a time, while others are still being looked for.

    Raises:
        UserError: a configuration file on the way is wrong, or Markdown is among the files and cannot be read here.
    """
    search = _Search(source, taker)
    for path in paths:
        if path == STDIN:
            search.take_stdin(stdin_filename)
        else:
            search.take(path)
    search.pass_on()
    if search.wants_markdown and any(target.path.endswith(MARKDOWN) for target in search.found.targets):
        require_markdown()
    search.found.targets.sort(key=itemgetter(0))  # by path
    search.found.failures.sort(key=lambda failure: failure.path)
    return search.found


def require_markdown() -> None:
    """Raise `UserError` where the library that reads Markdown is missing."""
    from importlib.util import find_spec

    from modal_lint.settings import UserError

    if find_spec("markdown_it") is None:
        raise UserError("checking Markdown needs markdown-it-py: pip install 'modal-lint[markdown]'")


def shown_path(absolute: str) -> str:
    """How to call a file: relative to the current directory where it is inside, else absolute."""
    here = os.getcwd().rstrip(os.sep) + os.sep
    return absolute[len(here) :] if absolute.startswith(here) else absolute


class _Search:
    def __init__(self, source: Source, taker: Callable[[Sequence[Target]], None] | None) -> None:
        self.found = Discovery()
        self._taker = taker
        self._taken = 0
        self.wants_markdown = False  # there may be some among the files
        self._source = source
        self._seen: set[str] = set()
        self._here = os.getcwd().rstrip(os.sep) + os.sep

    def take_stdin(self, name: str | None) -> None:
        here = self._here.rstrip(os.sep) or os.sep
        root = project_root(here)
        absolute = os.path.abspath(name) if name else os.path.join(here, STDIN)
        # A name from outside the project is a name only: neither its settings nor its neighbours are read.
        directory = os.path.dirname(absolute) if _is_inside(absolute, root) else here
        settings = self._source.at(directory)
        if not (settings.force_exclude and matches_upwards(settings.excluded, absolute, root)):
            shown = self._shown(absolute) if name else STDIN
            self.wants_markdown |= shown.endswith(MARKDOWN)
            self.found.take([Target(shown, absolute, root, settings, is_stdin=True)])

    def take(self, path: str) -> None:
        absolute = os.path.abspath(path)
        directory = absolute if os.path.isdir(absolute) else os.path.dirname(absolute)
        root = project_root(directory)
        settings = self._source.at(directory)
        if settings.force_exclude and matches_upwards(settings.excluded, absolute, root):
            return
        if directory is absolute:
            self._walk(absolute, root)
        else:
            self.wants_markdown |= absolute.endswith(MARKDOWN)
            self._add_file(absolute, root, settings)

    def _walk(self, top: str, root: str) -> None:
        real_root = os.path.realpath(root)
        pending: list[tuple[str, IgnoreFiles | None]] = [(top, None)]
        while pending:  # in almost the order in which the files are sorted in the end
            directory, ignored = pending.pop()
            entries = self._entries(directory)
            names = {entry.name for entry in entries}
            settings = self._source.at(directory, names)
            self.wants_markdown |= settings.include_markdown
            if settings.respect_gitignore:
                ignored = IgnoreFiles.above(top) if directory == top and ignored is None else ignored
                ignored = (ignored or IgnoreFiles()).entered(directory, names)
            files: list[str] = []
            folders: list[str] = []
            for entry in self._wanted(entries, _Directory(directory, settings, ignored)):
                if entry.is_file(follow_symlinks=False):
                    files.append(entry.path)
                elif entry.is_dir(follow_symlinks=False):
                    folders.append(entry.path)
                elif entry.is_symlink():
                    self._add_link(entry.path, root, real_root, settings)
                else:
                    self._add_file(entry.path, root, settings)
            self._add(sorted(files), root, settings)
            pending += [(folder, ignored) for folder in sorted(folders, reverse=True)]
            self.pass_on()

    def pass_on(self) -> None:
        """Hand over the files that were found since the last time."""
        targets = self.found.targets
        if self._taker is not None and len(targets) > self._taken:
            self._taker(targets[self._taken :])
            self._taken = len(targets)

    def _entries(self, directory: str) -> list[os.DirEntry[str]]:
        try:
            with os.scandir(directory) as entries:
                return list(entries)
        except OSError as error:
            self._fail(directory, reason_of(error, directory))
            return []

    def _wanted(self, entries: Iterable[os.DirEntry[str]], where: _Directory) -> Iterator[os.DirEntry[str]]:
        excluded = compiled(where.settings.excluded)
        suffixes = SUFFIXES + MARKDOWN if where.settings.include_markdown else SUFFIXES
        ignored = where.ignored if where.ignored is not None and where.ignored.levels else None
        for entry in entries:
            name = entry.name
            if not name.endswith(suffixes) and not entry.is_dir(follow_symlinks=False):
                continue
            if excluded.matches(name, entry.path):
                continue
            if ignored is not None and ignored.ignores(entry.path, entry.is_dir(follow_symlinks=False)):
                continue
            yield entry

    def _add_link(self, absolute: str, root: str, real_root: str, settings: Settings) -> None:
        if os.path.isdir(absolute):
            return  # never followed: it may lead in circles, and what is inside the project is found anyway
        if os.path.exists(absolute) and not _is_inside(os.path.realpath(absolute), real_root):
            self._fail(absolute, "symbolic link out of the project; name it on the command line to check it")
            return
        self._add_file(absolute, root, settings)

    def _add_file(self, absolute: str, root: str, settings: Settings) -> None:
        try:
            require_regular(absolute)
        except ReadError as trouble:
            self._fail(absolute, trouble.reason)
        else:
            self._add([absolute], root, settings)

    def _add(self, paths: Sequence[str], root: str, settings: Settings) -> None:
        """Take regular files of one folder, by their absolute paths."""
        fresh = [path for path in paths if path not in self._seen]
        if fresh:
            self._seen.update(fresh)
            within = len(self._here) if fresh[0].startswith(self._here) else 0
            self.found.take([Target(path[within:], path, root, settings) for path in fresh])

    def _fail(self, absolute: str, reason: str) -> None:
        if absolute not in self._seen:
            self._seen.add(absolute)
            self.found.failures.append(Failure(self._shown(absolute), reason))

    def _shown(self, absolute: str) -> str:
        return absolute[len(self._here) :] if absolute.startswith(self._here) else absolute


def _is_inside(path: str, directory: str) -> bool:
    return path == directory or path.startswith(directory.rstrip(os.sep) + os.sep)
