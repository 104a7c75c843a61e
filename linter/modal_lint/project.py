"""The files of one project: names across files, and who calls what."""

from __future__ import annotations

import ast
import os
from collections import deque
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING

from modal_lint.prefilter import imports_of, names_module, uses_modal
from modal_lint.source import File, Unreadable

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from modal_lint.evaluate import Evaluator

MAX_BYTES = 4 << 20  # of a file that is looked into because another one imports it
MAX_FOLDERS = 3_000  # of a project, searched for callers
MAX_FILES = 8_000  # in them
MAX_TOTAL = 48 << 20  # bytes of sources kept for that search
MAX_IMPORTERS = 100  # files looked into for callers of one function
_SKIPPED = frozenset(
    ("node_modules", "site-packages", "__pycache__", "build", "dist", "venv", "env", "__pypackages__", "_build")
)


class Project:
    """A tree of sources, read on demand; nothing outside ``root`` is ever read.

    Args:
        root: the top of the tree.
    """

    def __init__(self, root: Path) -> None:
        self.root = Path(os.path.realpath(root))
        self.known_secrets: Mapping[str, tuple[str, ...]] = {}  # what the configuration says the workspace holds
        self._files: dict[str, File | None] = {}  # by real path
        self._mentions: dict[tuple[str, str], list[File]] = {}
        self._by_stem: dict[str, list[str]] = {}
        self._reaching: dict[tuple[str, frozenset[bytes]], bool] = {}
        self._using: dict[str, bool] = {}
        self._imported: dict[str, list[tuple[str, frozenset[bytes]]]] = {}
        self._paths: dict[tuple[str, str, int], str | None] = {}
        self._listed: dict[str, frozenset[str]] = {}

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
        key = os.path.realpath(path)
        known = self._files.get(key)
        if known is not None and known.data == data:
            known.path = path
            return known
        file = File(path, data, self)
        if known is not None:
            self._forget()
        self._files[key] = file
        return file

    def _forget(self) -> None:
        """A file has changed: whatever was concluded from the old one is void."""
        self._files.clear()
        caches = (self._mentions, self._by_stem, self._reaching, self._using, self._imported, self._paths, self._listed)
        for cache in caches:
            cache.clear()
        for name in ("evaluator", "_sources"):
            self.__dict__.pop(name, None)

    def load(self, path: str | Path) -> File | None:
        """Another file of the project; None if it is outside, not there, too large or not Python."""
        real = os.path.realpath(path)
        if real in self._files:
            return self._files[real]
        self._files[real] = None
        if not self.inside(real):
            return None
        try:
            if not os.path.isfile(real) or os.path.getsize(real) > MAX_BYTES:
                return None
            with open(real, "rb") as handle:
                data = handle.read()
            self._files[real] = File(self._shown(real), data, self)
        except (OSError, Unreadable):
            return None
        return self._files[real]

    def inside(self, real: str) -> bool:
        """Whether a real path lies in the project."""
        root = str(self.root)
        return real == root or real.startswith(root.rstrip(os.sep) + os.sep)

    def _shown(self, real: str) -> str:
        """A path as the user would write it: relative to here where that is shorter."""
        relative = os.path.relpath(real)
        return real if relative.startswith("..") else relative

    # ---- modules --------------------------------------------------------------------------------------------

    def module(self, dotted: str, importer: File, level: int = 0) -> File | None:
        """The file that an import names, as seen from the importing file; None if it is not in the project."""
        directory = os.path.dirname(importer.real)
        path = self._path_of(dotted, directory, level)
        return None if path is None else self.load(path)

    def _read(self, path: str) -> bytes | None:
        """The content of a file of the project, however it was come by."""
        known = self._files.get(path)
        if known is not None:
            return known.data
        return self._content(path) if self.inside(os.path.realpath(path)) else None

    def _content(self, path: str) -> bytes | None:
        """The content of a file by its real path; None if it cannot be read or is too large."""
        try:
            if os.path.getsize(path) > MAX_BYTES:
                return None
            with open(path, "rb") as handle:
                return handle.read()
        except OSError:
            return None

    def _bases(self, directory: str) -> list[str]:
        """Where absolute imports may start: the importer's folder, those above it, the root, and ``src``."""
        root = str(self.root)
        found = []
        current = directory
        while self.inside(current):
            found.append(current)
            if current == root:
                break
            current = os.path.dirname(current)
        return [*found, os.path.join(root, "src"), os.path.join(root, "lib")]

    def _at(self, base: str, parts: list[str]) -> File | None:
        path = self._path_at(base, parts)
        return None if path is None else self.load(path)

    def _path_at(self, base: str, parts: list[str]) -> str | None:
        path = os.path.join(base, *parts)
        if not self.inside(path):
            return None
        if parts and self._is_file(path + ".py"):
            return path + ".py"
        init = os.path.join(path, "__init__.py")
        return init if self._is_file(init) else None

    def _is_file(self, path: str) -> bool:
        """Whether there is such a file; each folder is listed once."""
        folder, name = os.path.split(path)
        if folder not in self._listed:
            try:
                self._listed[folder] = frozenset(os.listdir(folder))
            except OSError:
                self._listed[folder] = frozenset()
        return name in self._listed[folder] and os.path.isfile(path)

    def concerns(self, path: str, data: bytes) -> bool:
        """Whether a source can hold anything of Modal's: it uses Modal, or imports a file of the project that does.

        Only bytes are looked at: most files that say ``modal`` mean something else, and are never parsed.
        """
        return uses_modal(data) or self._brings(os.path.realpath(path), data, None)

    def _reaches(self, path: str, names: frozenset[bytes]) -> bool:
        """Whether a file uses Modal, or is a package that passes one of these names on from such a file."""
        key = (path, names)
        if key not in self._reaching:
            self._reaching[key] = False  # cuts cycles
            if path not in self._using:
                data = self._read(path)
                self._using[path] = data is not None and uses_modal(data)
            package = path.endswith("__init__.py")
            self._reaching[key] = self._using[path] or (package and self._brings(path, None, names))
        return self._reaching[key]

    def _brings(self, path: str, data: bytes | None, wanted: frozenset[bytes] | None) -> bool:
        """Whether an import of a source brings something of Modal's, one of the names ``wanted`` if given."""
        if path not in self._imported:
            data = self._read(path) if data is None else data
            self._imported[path] = [] if data is None else imports_of(data)
        directory = os.path.dirname(path)
        for dotted, names in self._imported[path]:
            if wanted is None or b"*" in names or names & wanted:
                passed_on = wanted if wanted is not None and b"*" in names else names
                if any(self._reaches(*found) for found in self._modules_of(dotted, directory, passed_on)):
                    return True
        return False

    def _modules_of(
        self, dotted: str, directory: str, names: frozenset[bytes]
    ) -> Iterator[tuple[str, frozenset[bytes]]]:
        """The module that names are imported from, and those of them that are modules of it."""
        module = dotted.lstrip(".")
        path = self._path_of(module, directory, len(dotted) - len(module))
        if path is None:
            return
        yield path, names
        if path.endswith("__init__.py"):
            for name in sorted(names):
                inner = self._path_at(os.path.dirname(path), [name.decode()])
                if inner is not None:
                    yield inner, frozenset()

    def _path_of(self, dotted: str, directory: str, level: int = 0) -> str | None:
        """The path of the file that an import names; nothing is read."""
        key = (dotted, directory, level)
        if key not in self._paths:
            parts = [part for part in dotted.split(".") if part]
            bases = self._bases(directory)
            if level:
                bases = [directory]
                for _ in range(level - 1):
                    bases = [os.path.dirname(bases[0])]
            found = (self._path_at(base, parts) for base in bases if parts or level)
            self._paths[key] = next((path for path in found if path is not None), None)
        return self._paths[key]

    def below(self, package: File, name: str) -> File | None:
        """A submodule of a package."""
        if os.path.basename(package.path) != "__init__.py":
            return None
        return self._at(os.path.dirname(package.real), [name])

    # ---- callers --------------------------------------------------------------------------------------------

    @cached_property
    def _sources(self) -> dict[str, bytes]:
        """The content of the project's sources, those nearer to the root first, as far as the bounds allow."""
        found: dict[str, bytes] = {}
        total = 0
        folders = deque([str(self.root)])
        for _ in range(MAX_FOLDERS):
            if not folders or len(found) >= MAX_FILES or total >= MAX_TOTAL:
                break
            for entry in _entries(folders.popleft()):
                if entry.is_dir(follow_symlinks=False):
                    if entry.name not in _SKIPPED:
                        folders.append(entry.path)
                elif entry.name.endswith(".py"):
                    data = self._content(entry.path)
                    if data is not None:
                        found[entry.path] = data
                        total += len(data)
        return found

    def mentioning(self, name: str, module: File) -> list[File]:
        """The other files of the project that import from a module and say ``name``."""
        stem = os.path.splitext(os.path.basename(module.real))[0]
        if stem == "__init__":
            stem = os.path.basename(os.path.dirname(module.real))
        key = (name, module.real)
        if key not in self._mentions:
            word = name.encode()
            paths = [path for path in self._importers(stem) if path != module.real and word in self._sources[path]]
            files = [self.load(path) for path in paths[:MAX_IMPORTERS]]
            self._mentions[key] = [file for file in files if file is not None and self._imports(file, module, name)]
        return self._mentions[key]

    def _importers(self, stem: str) -> list[str]:
        """The sources with an import statement in which a module's last name stands."""
        if stem not in self._by_stem:
            word = os.fsencode(stem)
            self._by_stem[stem] = [path for path, data in self._sources.items() if names_module(data, word)]
        return self._by_stem[stem]

    def _imports(self, file: File, module: File, name: str) -> bool:
        """Whether a file imports the name from the module, or the module itself."""
        for statement in file.scopes.imports:
            if isinstance(statement, ast.ImportFrom):
                base = self.module(statement.module or "", file, statement.level)
                if base is module and any(alias.name in (name, "*") for alias in statement.names):
                    return True
                names = [f"{statement.module or ''}.{alias.name}" for alias in statement.names]
                if any(self.module(one, file, statement.level) is module for one in names):
                    return True
            elif any(self.module(alias.name, file) is module for alias in statement.names):
                return True
        return False


def _entries(folder: str) -> list[os.DirEntry[str]]:
    """What is in a folder, in order, without links and hidden things."""
    try:
        with os.scandir(folder) as found:
            shown = [entry for entry in found if not entry.name.startswith(".") and not entry.is_symlink()]
    except OSError:
        return []
    return sorted(shown, key=lambda entry: entry.name)
