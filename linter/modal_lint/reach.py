"""Which files can hold anything of Modal's, as bytes tell: those that use it, and those whose imports lead to such."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING

from modal_lint.prefilter import imports_of, uses_modal

if TYPE_CHECKING:
    from collections.abc import Iterator

    from modal_lint.project import Project

MAX_LISTED = 1_000  # folders listed to learn that nobody there uses Modal
# A file by its real path, and the names imported from it; None: the file itself.
_Import = tuple[str, "frozenset[bytes] | None"]


class Reach:
    """Where the imports of the files of a project lead; what was found out is kept.

    Args:
        project: whose files.
    """

    def __init__(self, project: Project) -> None:
        self._project = project
        self._concerned: tuple[tuple[str, bytes], bool] | None = None  # the last answer, and what was asked
        self._barren: set[_Import] = set()  # lead to nothing of Modal's
        self._modules: dict[str, frozenset[bytes]] = {}  # by folder
        self._using: dict[str, bool] = {}
        self._using_below: dict[str, bool] = {}  # by folder
        self._imported: dict[str, list[tuple[str, frozenset[bytes]]]] = {}
        self._importing: dict[str, frozenset[str]] = {}

    def looked_at(self) -> set[str]:
        """The real paths of the files that were read."""
        return {*self._using, *self._imported}

    def forget(self, path: str) -> None:
        """What a source imports is to be found out anew."""
        self._imported.pop(path, None)
        self._importing.pop(path, None)

    def concerns(self, path: str, data: bytes) -> bool:
        """Whether a source can hold anything of Modal's: it uses Modal, or imports a file of the project that does.

        Only bytes are looked at: most files that say ``modal`` mean something else, and are never parsed.
        """
        asked = (path, data)
        if self._concerned is None or self._concerned[0] != asked:  # of each file it is asked twice in a row
            self._concerned = asked, uses_modal(data) or self._leads_to_modal(self._project.real_path(path), data)
        return self._concerned[1]

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
        if self._project.given or not self._project.inside(path):
            return False
        top = self._project.top_of(path)
        while not self._may_use(top):
            if top == self._project.root:
                return True
            top = self._project.top_of(top)
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
            self._project.walked.add(folder)
            try:
                with os.scandir(folder) as entries:
                    found = [entry for entry in entries if entry.name.endswith(".py") or entry.name.isidentifier()]
            except OSError:
                return True
            for entry in found:
                if not entry.name.endswith(".py"):
                    if entry.is_symlink():  # it may lead out of the project, or in circles
                        return True
                    folders += [entry.path] if entry.is_dir() else []
                elif self._project.is_silent(entry.path):
                    silent += 1
                else:  # where too little is known, following the imports is less to read
                    others += 1
                    if others > 8 + silent // 4 or self._uses(entry.path):
                        return True
        return False

    def _uses(self, path: str) -> bool:
        if self._project.is_silent(path):
            return False
        if path not in self._using:
            data = self._project.read(path)
            self._using[path] = data is not None and uses_modal(data)
        return self._using[path]

    def _brought(self, path: str, wanted: frozenset[bytes] | None) -> Iterator[_Import]:
        """The modules that a source imports from, with the names; only those that bring one of ``wanted``, if given."""
        if path not in self._imported:
            data = self._project.read(path)
            self._imported[path] = [] if data is None else imports_of(data)
        directory = os.path.dirname(path)
        for dotted, names in self._imported[path]:
            if wanted is None or b"*" in names or not names.isdisjoint(wanted):
                passed_on = wanted if wanted is not None and b"*" in names else names
                yield from self._modules_of(dotted, directory, passed_on)

    def _modules_of(self, dotted: str, directory: str, names: frozenset[bytes]) -> Iterator[_Import]:
        """The module that names are imported from, and those of them that are modules of it."""
        module = dotted.lstrip(".")
        path = self._project.path_of(module, directory, len(dotted) - len(module))
        if path is None:
            return
        yield path, names
        if path.endswith("__init__.py"):
            folder = os.path.dirname(path)
            for name in sorted(names & self._modules_in(folder)):
                inner = self._project.path_at(folder, [name.decode()])
                if inner is not None:
                    yield inner, frozenset()

    def _modules_in(self, folder: str) -> frozenset[bytes]:
        """The names that may be modules of a package."""
        if folder not in self._modules:
            self._modules[folder] = frozenset(
                os.fsencode(name.removesuffix(".py")) for name in self._project.names_in(folder)
            )
        return self._modules[folder]
