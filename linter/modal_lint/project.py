"""The files of one project: names across files, and who calls what."""

from __future__ import annotations

import os
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING

from modal_lint.source import File, Unreadable

if TYPE_CHECKING:
    from modal_lint.evaluate import Evaluator

MAX_BYTES = 4 << 20  # of a file that is looked into because another one imports it
MAX_FILES = 20_000  # of a project, searched for callers
MAX_TOTAL = 96 << 20  # bytes of sources kept for that search
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
        self._files: dict[str, File | None] = {}  # by real path
        self._modules: dict[tuple[str, str, int], File | None] = {}

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
        self._modules.clear()
        self.__dict__.pop("evaluator", None)
        self.__dict__.pop("_sources", None)

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
        directory = os.path.dirname(os.path.realpath(importer.path))
        key = (dotted, directory, level)
        if key not in self._modules:
            self._modules[key] = self._find(dotted, directory, level)
        return self._modules[key]

    def _find(self, dotted: str, directory: str, level: int) -> File | None:
        parts = [part for part in dotted.split(".") if part]
        if level:
            base = directory
            for _ in range(level - 1):
                base = os.path.dirname(base)
            return self._at(base, parts)
        if not parts:
            return None
        for base in self._bases(directory):
            found = self._at(base, parts)
            if found is not None:
                return found
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
        if not self.inside(os.path.realpath(base)):
            return None
        path = os.path.join(base, *parts)
        if parts and os.path.isfile(path + ".py"):
            return self.load(path + ".py")
        init = os.path.join(path, "__init__.py")
        return self.load(init) if os.path.isfile(init) else None

    def below(self, package: File, name: str) -> File | None:
        """A submodule of a package."""
        if os.path.basename(package.path) != "__init__.py":
            return None
        return self._at(os.path.dirname(os.path.realpath(package.path)), [name])

    # ---- callers --------------------------------------------------------------------------------------------

    @cached_property
    def _sources(self) -> dict[str, bytes]:
        """The content of every source of the project, as far as the bounds allow."""
        found: dict[str, bytes] = {}
        total = 0
        stack = [str(self.root)]
        while stack and len(found) < MAX_FILES and total < MAX_TOTAL:
            try:
                entries = sorted(os.scandir(stack.pop()), key=lambda entry: entry.name)
            except OSError:
                continue
            for entry in entries:
                if entry.is_symlink() or entry.name.startswith("."):
                    continue
                if entry.is_dir():
                    if entry.name not in _SKIPPED:
                        stack.append(entry.path)
                elif entry.name.endswith(".py"):
                    try:
                        if entry.stat().st_size <= MAX_BYTES:
                            with open(entry.path, "rb") as handle:
                                found[entry.path] = handle.read()
                            total += len(found[entry.path])
                    except OSError:
                        continue
        return found

    def mentioning(self, name: str, module: File) -> list[File]:
        """The other files of the project that name both ``name`` and the module that defines it."""
        stem = os.path.splitext(os.path.basename(module.path))[0]
        if stem == "__init__":
            stem = os.path.basename(os.path.dirname(os.path.realpath(module.path)))
        words = (name.encode(), stem.encode())
        here = os.path.realpath(module.path)
        paths = [p for p, data in self._sources.items() if p != here and all(word in data for word in words)]
        return [file for path in paths[:200] if (file := self.load(path)) is not None]
