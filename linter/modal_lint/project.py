"""The files of one project: names across files, and who calls what."""

from __future__ import annotations

import ast
import os
from collections import deque
from functools import cached_property
from typing import TYPE_CHECKING

from modal_lint.definitions import defines_plainly
from modal_lint.files import ReadError, module_name, read_regular
from modal_lint.overlay import Overlay
from modal_lint.prefilter import imports_of, names_module, uses_modal
from modal_lint.source import File, Unreadable

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping

    from modal_lint.documents.base import Module
    from modal_lint.evaluate import Evaluator

MAX_BYTES = 4 << 20  # of a file that is looked into because another one imports it
MAX_FOLDERS = 3_000  # of a project, searched for callers
MAX_FILES = 8_000  # in them
MAX_TOTAL = 48 << 20  # bytes of sources kept for that search
MAX_IMPORTERS = 100  # files looked into for callers of one function
MAX_LISTED = 1_000  # folders listed to learn that nobody there uses Modal
_SKIPPED = frozenset(
    ("node_modules", "site-packages", "__pycache__", "build", "dist", "venv", "env", "__pypackages__", "_build")
)


# A file by its real path, and the names imported from it; None: the file itself.
_Import = tuple[str, "frozenset[bytes] | None"]
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
        self._given = contents if isinstance(contents, Overlay) else Overlay(contents or {})
        self._is_silent = is_silent
        self.known_secrets: Mapping[str, tuple[str, ...]] = {}  # what the configuration says the workspace holds
        self._files: dict[str, File | None] = {}  # by real path
        self._mentions: dict[tuple[str, str, str], list[File]] = {}
        self._by_stem: dict[tuple[str, str], list[str]] = {}
        self._barren: set[_Import] = set()  # lead to nothing of Modal's
        self._concerned: tuple[tuple[str, bytes], bool] | None = None  # the last answer, and what was asked
        self._modules: dict[str, frozenset[bytes]] = {}
        self._using: dict[str, bool] = {}
        self._using_below: dict[str, bool] = {}  # by folder
        self._imported: dict[str, list[tuple[str, frozenset[bytes]]]] = {}
        self._importing: dict[str, frozenset[str]] = {}
        self._said: dict[tuple[str, tuple[bytes, ...]], bool] = {}
        self._plain: dict[tuple[str, str], bool] = {}  # by path and name: whether it is plainly a class or function
        self._paths: dict[tuple[str, str, int], str | None] = {}
        self._listed: dict[str, frozenset[str]] = {}
        self._real: dict[str, str] = {}
        self._resolved: dict[str, str] = {}
        self._folders: dict[str, str] = {}  # of files
        self._by_last_part: dict[File, dict[str, list[_Brought]]] = {}
        self._above: dict[str, list[tuple[str, frozenset[str]]]] = {}
        self._contents: dict[str, bytes] = {}
        self._below: dict[str, list[str]] = {}
        self._walked: set[str] = set()

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
        key = self._real_path(path)
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
        for known in (self._imported, self._importing):
            known.pop(self._real_path(path), None)
        return File(path, module.data, self, module)

    def looked_at(self) -> set[str]:
        """The real paths of all files and folders of the project that were looked at so far."""
        said = {path for path, _ in (*self._said, *self._plain)}
        return {*self._files, *self._using, *self._imported, *said, *self._contents, *self._listed, *self._walked}

    def _forget(self) -> None:
        """A file has changed: whatever was concluded from the old one is void."""
        self._files.clear()
        caches = (
            *(self._mentions, self._by_stem, self._barren, self._using, self._imported, self._paths, self._listed),
            *(self._importing, self._said, self._plain, self._using_below),
            *(self._above, self._contents, self._below, self._modules, self._real),
            *(self._resolved, self._by_last_part),
        )
        for cache in caches:
            cache.clear()
        self._concerned = None
        self.__dict__.pop("evaluator", None)

    def load(self, path: str) -> File | None:
        """Another file of the project; None if it is outside, not there, too large or not Python."""
        real = self._resolved.get(path)
        if real is None:
            real = self._resolved[path] = self._real_path(path)
        if real in self._files:
            return self._files[real]
        self._files[real] = None
        if not self.inside(real):
            return None
        data = self._content(real) if self._is_file(real) else None
        if data is None:
            return None
        try:
            self._files[real] = File(self._shown(real), data, self)
        except Unreadable:
            return None
        return self._files[real]

    def _is_file(self, path: str) -> bool:
        if path in self._given or self._is_silent(path):  # a file that was read before is one
            return True
        return os.path.isfile(path) and not self._given.hides(path)

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
        if name not in self.names_in(folder) or not self.inside(self._real_path(path)) or not self._is_file(path):
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
        path = self._path_of(dotted, self._folder_of(importer), level)
        return None if path is None else self.load(path)

    def has_module(self, dotted: str, importer: File, level: int = 0) -> bool:
        """Whether the file that an import names is in the project; nothing is read."""
        return self._path_of(dotted, self._folder_of(importer), level) is not None

    def defines(self, dotted: str, name: str, importer: File, level: int = 0) -> bool:
        """Whether what a file imports by this name is plainly a class or function; nothing is parsed for that."""
        path = self._path_of(dotted, self._folder_of(importer), level)
        if path is None:
            return False
        key = (path, name)
        if key not in self._plain:
            data = self._read(path)
            self._plain[key] = data is not None and defines_plainly(data, name)
        return self._plain[key]

    def _folder_of(self, file: File) -> str:
        """The folder that a file is in."""
        folder = self._folders.get(file.real)
        if folder is None:
            folder = self._folders[file.real] = os.path.dirname(file.real)
        return folder

    def _read(self, path: str) -> bytes | None:
        """The content of a file of the project, however it was come by."""
        known = self._files.get(path)
        if known is not None:
            return known.data
        return self._content(path) if self.inside(self._real_path(path)) else None

    def _real_path(self, path: str) -> str:
        """A path with every link resolved; those on the way are resolved once."""
        folder, name = os.path.split(path)
        if name in ("", ".", ".."):
            return os.path.realpath(path)
        if folder not in self._real:
            self._real[folder] = self._real_path(folder)
        real = os.path.join(self._real[folder], name)
        return os.path.realpath(real) if os.path.islink(real) else real

    def _content(self, path: str) -> bytes | None:
        """The content of a file by its real path; None if it cannot be read or is too large."""
        if path in self._given:
            return self._given[path]
        if self._given.hides(path):
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
        path = self._path_at(base, parts)
        return None if path is None else self.load(path)

    def _path_at(self, base: str, parts: list[str]) -> str | None:
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
        """What is in a folder, which is listed once; nothing if it is none."""
        if folder not in self._listed:
            try:
                listed = os.listdir(folder)
            except OSError:
                listed = []
            given = self._given
            self._listed[folder] = given.names_in(self._real_path(folder), listed) if given else frozenset(listed)
        return self._listed[folder]

    def concerns(self, path: str, data: bytes) -> bool:
        """Whether a source can hold anything of Modal's: it uses Modal, or imports a file of the project that does.

        Only bytes are looked at: most files that say ``modal`` mean something else, and are never parsed.
        """
        asked = (path, data)
        if self._concerned is None or self._concerned[0] != asked:  # of each file it is asked twice in a row
            self._concerned = asked, uses_modal(data) or self._leads_to_modal(self._real_path(path), data)
        return self._concerned[1]

    def says(self, path: str, words: tuple[bytes, ...]) -> bool:
        """Whether one of some words stands in a source, given by its real path; it is not parsed for that."""
        key = (path, words)
        if key not in self._said:
            data = self._read(path)
            self._said[key] = data is not None and any(word in data for word in words)
        return self._said[key]

    def imported_by(self, path: str, data: bytes | None = None) -> frozenset[str]:
        """The files of the project that a source imports from, as its bytes tell.

        Args:
            path: the real path of the source.
            data: what to take for its content.
        """
        if path not in self._importing:
            if data is not None:
                self._imported[path] = imports_of(data)
            self._importing[path] = frozenset(one for one, _ in self._brought(path, None))
        return self._importing[path]

    def _leads_to_modal(self, path: str, data: bytes) -> bool:
        """Whether an import brings something from a file that uses Modal, maybe through packages that pass it on."""
        if self._is_apart(path):
            return False
        if path not in self._imported:
            self._imported[path] = imports_of(data)
        pending: list[_Import] = [(path, None)]
        seen: set[_Import] = set()
        while pending:
            for found in self._brought(*pending.pop()):
                if found in seen or found in self._barren:
                    continue
                seen.add(found)
                if self._uses(found[0]):
                    return True
                if found[0].endswith("__init__.py"):
                    pending.append(found)
        self._barren |= seen
        return False

    def _is_apart(self, path: str) -> bool:
        """Whether no file that uses Modal is where imports can lead from a file, however many are on the way.

        A dotted name leads from the folder of who imports, or one above it, down through folders whose names are
        identifiers. So whatever is reached has its own top among the tops above the file.
        """
        if self._given or not self.inside(path):
            return False
        top = self._top_of(path)
        while not self._may_use(top):
            if top == self.root:
                return True
            top = self._top_of(top)
        return False

    def _may_use(self, top: str) -> bool:
        """Whether a file that a dotted name can reach from a folder uses Modal; it errs to yes."""
        if top not in self._using_below:
            self._using_below[top] = self._finds_user([top])
        return self._using_below[top]

    def _finds_user(self, folders: list[str]) -> bool:
        silent = others = 0
        for folder in folders:  # which grows
            if len(folders) > MAX_LISTED:
                return True
            self._walked.add(folder)
            try:
                with os.scandir(folder) as entries:
                    found = [entry for entry in entries if entry.name.endswith(".py") or entry.name.isidentifier()]
            except OSError:
                return True
            for entry in found:
                if not entry.name.endswith(".py"):
                    folders += [entry.path] if entry.is_dir() else []
                elif self._is_silent(entry.path):
                    silent += 1
                else:  # where too little is known, following the imports is less to read
                    others += 1
                    if others > 8 + silent // 4 or self._uses(entry.path):
                        return True
        return False

    def _uses(self, path: str) -> bool:
        if self._is_silent(path):
            return False
        if path not in self._using:
            data = self._read(path)
            self._using[path] = data is not None and uses_modal(data)
        return self._using[path]

    def _brought(self, path: str, wanted: frozenset[bytes] | None) -> Iterator[_Import]:
        """The modules that a source imports from, with the names; only those that bring one of ``wanted``, if given."""
        if path not in self._imported:
            data = self._read(path)
            self._imported[path] = [] if data is None else imports_of(data)
        directory = os.path.dirname(path)
        for dotted, names in self._imported[path]:
            if wanted is None or b"*" in names or not names.isdisjoint(wanted):
                passed_on = wanted if wanted is not None and b"*" in names else names
                yield from self._modules_of(dotted, directory, passed_on)

    def _modules_of(self, dotted: str, directory: str, names: frozenset[bytes]) -> Iterator[_Import]:
        """The module that names are imported from, and those of them that are modules of it."""
        module = dotted.lstrip(".")
        path = self._path_of(module, directory, len(dotted) - len(module))
        if path is None:
            return
        yield path, names
        if path.endswith("__init__.py"):
            folder = os.path.dirname(path)
            for name in sorted(names & self._modules_in(folder)):
                inner = self._path_at(folder, [name.decode()])
                if inner is not None:
                    yield inner, frozenset()

    def _modules_in(self, folder: str) -> frozenset[bytes]:
        """The names that may be modules of a package."""
        if folder not in self._modules:
            self._modules[folder] = frozenset(os.fsencode(name.removesuffix(".py")) for name in self.names_in(folder))
        return self._modules[folder]

    def _path_of(self, dotted: str, directory: str, level: int = 0) -> str | None:
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
            found = (self._path_at(base, parts) for base in bases)
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
            words = (name.encode(), other.encode())
            importers = self._importers(stem, self._top_of(module.real))
            contents = ((path, self._contents[path]) for path in importers if path != module.real)
            paths = [path for path, content in contents if words[0] in content and words[1] in content]
            files = [self.load(path) for path in paths[:MAX_IMPORTERS]]
            self._mentions[key] = [file for file in files if file is not None and self._imports(file, module, name)]
        return self._mentions[key]

    def _top_of(self, path: str) -> str:
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
                self._walked.add(folder)
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
        return self._given.children(folder, found) if self._given else found

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
