"""The files of one project: names across files, and who calls what."""

from __future__ import annotations

import ast
import os
from collections import deque
from functools import cached_property
from typing import TYPE_CHECKING

from modal_lint.bytesearch import says
from modal_lint.definitions import defines_plainly
from modal_lint.files import ReadError, module_name, read_regular
from modal_lint.overlay import Overlay
from modal_lint.prefilter import names_module
from modal_lint.reach import Reach
from modal_lint.source import File, Unreadable

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from modal_lint.documents.base import Module
    from modal_lint.evaluate import Evaluator

MAX_BYTES = 4 << 20  # of a file that is looked into because another one imports it
MAX_FOLDERS = 3_000  # of a project, searched for callers
MAX_FILES = 8_000  # in them
MAX_TOTAL = 48 << 20  # bytes of sources kept for that search
MAX_IMPORTERS = 100  # files looked into for callers of one function
_SKIPPED = frozenset(
    ("node_modules", "site-packages", "__pycache__", "build", "dist", "venv", "env", "__pypackages__", "_build")
)


# A module as an import statement names it, its level, and the names that it takes from it; None: the module itself.
_Brought = tuple[str, int, "frozenset[str] | None"]


class Project:
    """A tree of sources, read on demand; nothing outside ``root`` is ever read.

    Args:
        root: the top of the tree.
        contents: what to take for the content of files instead of what the disk holds, by real path; an `Overlay` may
            say that there are no others.
        is_silent: whether a file is known not to use Modal itself.
    """

    def __init__(
        self,
        root: str | os.PathLike[str],
        contents: Mapping[str, bytes] | None = None,
        is_silent: Callable[[str], bool] = lambda _: False,
    ) -> None:
        self.root = os.path.realpath(root)
        self.given = contents if isinstance(contents, Overlay) else Overlay(contents or {})
        self.is_silent = is_silent
        self.known_secrets: Mapping[str, tuple[str, ...]] = {}  # what the configuration says the workspace holds
        self._files: dict[str, File | None] = {}  # by real path
        self._mentions: dict[tuple[str, str, str], list[File]] = {}
        self._by_stem: dict[tuple[str, str], list[str]] = {}
        self._said: dict[tuple[str, tuple[bytes, ...]], bool] = {}
        self._plain: dict[tuple[str, str], bool] = {}  # by path and name: whether it is plainly a class or function
        self._paths: dict[tuple[str, str, int], str | None] = {}
        self._tops: dict[tuple[str, str], bool] = {}
        self._listed: dict[str, frozenset[str]] = {}
        self._real: dict[str, str] = {}
        self._resolved: dict[str, str] = {}
        self._folders: dict[str, str] = {}  # of files
        self._by_last_part: dict[File, dict[str, list[_Brought]]] = {}
        self._above: dict[str, list[tuple[str, frozenset[str]]]] = {}
        self._contents: dict[str, bytes] = {}
        self._below: dict[str, list[str]] = {}
        self.walked: set[str] = set()  # folders
        self._reach = Reach(self)

    @cached_property
    def evaluator(self) -> Evaluator:
        """What evaluates this project's expressions."""
        from modal_lint.evaluate import Evaluator

        return Evaluator(self)

    def open(self, path: str, data: bytes) -> File:
        """A file from its content as read.

        Raises:
            Unreadable: it cannot be decoded or parsed.
        """
        key = self.real_path(path)
        known = self._files.get(key)
        if known is not None and known.data == data:
            known.path = path
            return known
        file = File(path, data, self)
        file.real = key
        if known is not None:
            self._forget()
        self._files[key] = file
        return file

    def open_module(self, path: str, module: Module) -> File:
        """A part of a document as a file, which no other file can import.

        Raises:
            Unreadable: it cannot be parsed.
        """
        self._reach.forget(self.real_path(path))
        return File(path, module.data, self, module)

    def looked_at(self) -> set[str]:
        """The real paths of all files and folders of the project that were looked at so far."""
        said = {path for path, _ in (*self._said, *self._plain)}
        return {*self._files, *self._reach.looked_at(), *said, *self._contents, *self._listed, *self.walked}

    def _forget(self) -> None:
        """A file has changed: whatever was concluded from the old one is void."""
        self._files.clear()
        caches = (
            *(self._mentions, self._by_stem, self._paths, self._listed, self._said, self._plain),
            *(self._above, self._tops, self._contents, self._below, self._real),
            *(self._resolved, self._by_last_part),
        )
        for cache in caches:
            cache.clear()
        self._reach = Reach(self)
        self.__dict__.pop("evaluator", None)

    def load(self, path: str) -> File | None:
        """Another file of the project; None if it is outside, not there, too large or not Python."""
        real = self._resolved.get(path)
        if real is None:
            real = self._resolved[path] = self.real_path(path)
        if real in self._files:
            return self._files[real]
        self._files[real] = None
        if not self.inside(real):
            return None
        if not self._is_file(real) or not self._keep(real):
            return None
        try:
            file = File(self._shown(real), self._contents[real], self)
        except Unreadable:
            return None
        file.real = real
        self._files[real] = file
        return file

    def _is_file(self, path: str) -> bool:
        if path in self.given or self.is_silent(path):  # a file that was read before is one
            return True
        return os.path.isfile(path) and not self.given.hides(path)

    def inside(self, real: str) -> bool:
        """Whether a real path lies in the project."""
        root = self.root
        return real == root or real.startswith(root.rstrip(os.sep) + os.sep)

    def _shown(self, real: str) -> str:
        """A path as the user would write it: relative to here where that is shorter."""
        relative = os.path.relpath(real)
        return real if relative.startswith("..") else relative

    def content(self, path: str) -> bytes | None:
        """The content of a file of the project, whatever it is; None if it is not there or too large."""
        folder, name = os.path.split(path)
        if name not in self.names_in(folder) or not self.inside(self.real_path(path)) or not self._is_file(path):
            return None
        return self._contents[path] if self._keep(path) else None

    def saying(self, *words: str) -> list[File]:
        """The sources of the project that say all of some words, as many as callers are looked for in."""
        wanted = [word.encode("utf-8", "surrogatepass") for word in words]
        paths = [path for path in self._sources(self.root) if all(word in self._contents[path] for word in wanted)]
        return [file for path in paths[:MAX_IMPORTERS] if (file := self.load(path)) is not None]

    # ---- modules --------------------------------------------------------------------------------------------

    def module(self, dotted: str, importer: File, level: int = 0) -> File | None:
        """The file that an import names, as seen from the importing file; None if it is not in the project."""
        path = self.path_of(dotted, self._folder_of(importer), level)
        return None if path is None else self.load(path)

    def has_module(self, dotted: str, importer: File, level: int = 0) -> bool:
        """Whether the file that an import names is in the project; nothing is read."""
        return self.path_of(dotted, self._folder_of(importer), level) is not None

    def has_top(self, name: str, importer: File) -> bool:
        """Whether an absolute import that begins with a name can lead to a file of the project."""
        key = (name, self._folder_of(importer))
        if key not in self._tops:
            module = name + ".py"
            self._tops[key] = any(name in names or module in names for _, names in self._bases(key[1]))
        return self._tops[key]

    def defines(self, dotted: str, name: str, importer: File, level: int = 0) -> bool:
        """Whether what a file imports by this name is plainly a class or function; nothing is parsed for that."""
        path = self.path_of(dotted, self._folder_of(importer), level)
        if path is None:
            return False
        known = self._files.get(path)
        if known is not None and "scopes" in known.__dict__:  # its tree tells faster than its text
            return known.scopes.defines_plainly(name)
        key = (path, name)
        if key not in self._plain:
            data = self.read(path)
            self._plain[key] = data is not None and defines_plainly(data, name)
        return self._plain[key]

    def _folder_of(self, file: File) -> str:
        """The folder that a file is in."""
        folder = self._folders.get(file.real)
        if folder is None:
            folder = self._folders[file.real] = os.path.dirname(file.real)
        return folder

    def read(self, path: str) -> bytes | None:
        """The content of a file of the project, however it was come by."""
        known = self._files.get(path)
        if known is not None:
            return known.data
        return self._contents[path] if self.inside(self.real_path(path)) and self._keep(path) else None

    def real_path(self, path: str) -> str:
        """A path with every link resolved; those on the way are resolved once."""
        folder, name = os.path.split(path)
        if name in ("", ".", ".."):
            return os.path.realpath(path)
        if folder not in self._real:
            self._real[folder] = self.real_path(folder)
        real = os.path.join(self._real[folder], name)
        return os.path.realpath(real) if os.path.islink(real) else real

    def _content(self, path: str) -> bytes | None:
        """The content of a file by its real path; None if it cannot be read or is too large."""
        if path in self.given:
            return self.given[path]
        if self.given.hides(path):
            return None
        try:
            return read_regular(path, MAX_BYTES)
        except ReadError:
            return None

    def _bases(self, directory: str) -> list[tuple[str, frozenset[str]]]:
        """Where absolute imports may start, and what is there: the importer's folder, those above it up to the root,
        its ``src`` and ``lib``."""
        known = self._above.get(directory)
        if known is None:
            root = self.root
            if directory == root or not self.inside(directory):
                tops = [root] if directory == root else []
                folders = [*tops, os.path.join(root, "src"), os.path.join(root, "lib")]
                known = [(folder, self.names_in(folder)) for folder in folders]
            else:
                known = [(directory, self.names_in(directory)), *self._bases(os.path.dirname(directory))]
            self._above[directory] = known
        return known

    def _at(self, base: str, parts: list[str]) -> File | None:
        path = self.path_at(base, parts)
        return None if path is None else self.load(path)

    def path_at(self, base: str, parts: list[str]) -> str | None:
        """The path of the module with these names below a folder; None if there is none."""
        if not self.inside(base):
            return None
        path = base
        for at, part in enumerate(parts, 1):
            names = self.names_in(path)
            if at == len(parts) and part + ".py" in names and self._is_file(found := os.path.join(path, part + ".py")):
                return found
            if part not in names:
                return None
            path = os.path.join(path, part)
        init = os.path.join(path, "__init__.py")
        return init if "__init__.py" in self.names_in(path) and self._is_file(init) else None

    def names_in(self, folder: str) -> frozenset[str]:
        """What is in a folder of the project, which is listed once; nothing if it is none."""
        if folder not in self._listed:
            real = self.real_path(folder)
            try:
                listed = os.listdir(folder) if self.inside(real) else []
            except OSError:
                listed = []
            given = self.given
            self._listed[folder] = given.names_in(real, listed) if given else frozenset(listed)
        return self._listed[folder]

    def concerns(self, path: str, data: bytes) -> bool:
        """Whether a source can hold anything of Modal's: it uses Modal, or imports a file of the project that does.

        Only bytes are looked at: most files that say ``modal`` mean something else, and are never parsed.
        """
        return self._reach.concerns(path, data)

    def imported_by(self, path: str, data: bytes | None = None) -> frozenset[str]:
        """The files of the project that a source imports from, as its bytes tell.

        Args:
            path: the real path of the source.
            data: what to take for its content.
        """
        return self._reach.imported_by(path, data)

    def says(self, path: str, words: tuple[bytes, ...]) -> bool:
        """Whether one of some words stands in a source, given by its real path; it is not parsed for that."""
        key = (path, words)
        if key not in self._said:
            data = self.read(path)
            self._said[key] = data is not None and says(data, words)
        return self._said[key]

    def path_of(self, dotted: str, directory: str, level: int = 0) -> str | None:
        """The path of the file that an import names; nothing is read."""
        key = (dotted, directory, level)
        if key not in self._paths:
            parts = [part for part in dotted.split(".") if part]
            bases: list[str] = []
            if level:
                bases = [directory]
                for _ in range(level - 1):
                    bases = [os.path.dirname(bases[0])]
            elif parts:
                package, module = parts[0], parts[0] + ".py"
                bases = [base for base, names in self._bases(directory) if package in names or module in names]
            found = (self.path_at(base, parts) for base in bases)
            self._paths[key] = next((path for path in found if path is not None), None)
        return self._paths[key]

    def below(self, package: File, name: str) -> File | None:
        """A submodule of a package."""
        if os.path.basename(package.path) != "__init__.py":
            return None
        return self._at(os.path.dirname(package.real), [name])

    # ---- callers --------------------------------------------------------------------------------------------

    def mentioning(self, name: str, module: File, other: str = "") -> list[File]:
        """The other files of the project that import ``name`` from a module, or the module, and say ``other``, too."""
        stem = module_name(module.real)
        key = (name, module.real, other)
        if key not in self._mentions:
            words = [word.encode() for word in (name, other) if word]
            importers = self._importers(stem, self.top_of(module.real))
            contents = ((path, self._contents[path]) for path in importers if path != module.real)
            paths = [path for path, content in contents if all(says(content, (word,)) for word in words)]
            files = [self.load(path) for path in paths[:MAX_IMPORTERS]]
            self._mentions[key] = [file for file in files if file is not None and self._imports(file, module, name)]
        return self._mentions[key]

    def top_of(self, path: str) -> str:
        """The folder that every importer of a file is in or below: no dotted name reaches it from further up."""
        top = os.path.dirname(path)
        while top != self.root and os.path.basename(top).isidentifier():
            top = os.path.dirname(top)
        return top

    def _importers(self, stem: str, top: str) -> list[str]:
        """The sources below a folder with an import statement in which a module's last name stands."""
        key = (stem, top)
        if key not in self._by_stem:
            word = os.fsencode(stem)
            self._by_stem[key] = [path for path in self._sources(top) if names_module(self._contents[path], word)]
        return self._by_stem[key]

    def _sources(self, top: str) -> list[str]:
        """The sources below a folder, those nearer to it first, as far as the bounds allow; their contents are kept."""
        if top not in self._below:
            found: list[str] = []
            total = 0
            folders = deque([top])
            for _ in range(MAX_FOLDERS):
                if not folders or len(found) >= MAX_FILES or total >= MAX_TOTAL:
                    break
                folder = folders.popleft()
                self.walked.add(folder)
                for path, is_folder in self._children(folder):
                    if is_folder:
                        if os.path.basename(path) not in _SKIPPED:
                            folders.append(path)
                    elif path.endswith(".py") and self._keep(path):
                        found.append(path)
                        total += len(self._contents[path])
            self._below[top] = found
        return self._below[top]

    def _children(self, folder: str) -> list[tuple[str, bool]]:
        """The paths in a folder, without links and hidden things, and whether each is a folder."""
        found = [(entry.path, entry.is_dir(follow_symlinks=False)) for entry in _entries(folder)]
        return self.given.children(folder, found) if self.given else found

    def _keep(self, path: str) -> bool:
        """Whether a source could be read; its content is kept."""
        if path not in self._contents:
            data = self._content(path)
            if data is None:
                return False
            self._contents[path] = data
        return True

    def _imports(self, file: File, module: File, name: str) -> bool:
        """Whether a file imports the name from the module, or the module itself."""
        index = self._by_last_part.get(file)
        if index is None:
            index = self._by_last_part[file] = _imports_by_last_part(file)
        brought = (*index.get(module_name(module.real), ()), *index.get("", ()))
        return any(
            (names is None or name in names or "*" in names) and self.module(dotted, file, level) is module
            for dotted, level, names in brought
        )


def _imports_by_last_part(file: File) -> dict[str, list[_Brought]]:
    """The modules that a file may import, by the last part of their name; "" is that of the package around."""
    found: dict[str, list[_Brought]] = {}
    for statement in file.scopes.imports:
        level, package = 0, ""
        if isinstance(statement, ast.ImportFrom):
            level, package = statement.level, statement.module or ""
            names = frozenset(alias.name for alias in statement.names)
            found.setdefault(package.rpartition(".")[2], []).append((package, level, names))
            package += "."
        for alias in statement.names:
            found.setdefault(alias.name.rpartition(".")[2], []).append((package + alias.name, level, None))
    return found


def _entries(folder: str) -> list[os.DirEntry[str]]:
    """What is in a folder, in order, without links and hidden things."""
    try:
        with os.scandir(folder) as found:
            shown = [entry for entry in found if not entry.name.startswith(".") and not entry.is_symlink()]
    except OSError:
        return []
    return sorted(shown, key=lambda entry: entry.name)
