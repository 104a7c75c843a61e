"""Layers: directories that are laid over one another, kept under keys.

``layers/<key>/<generation>/root`` is a layer (the upper directory of an overlay), ``…/layer.json`` what was found amiss
in it. ``building/<key>`` is where one is being made. It is moved into place whole, under a lock on its key, so nobody
sees half a layer, two builders of one key make it once, and what a killed builder leaves is cleared by the next.
"""

from __future__ import annotations

import contextlib
import json
import os
import secrets
import shutil
from dataclasses import dataclass
from typing import TYPE_CHECKING

from modal_lint_runtime.errors import UnsupportedError, WorkspaceError

try:
    import fcntl
except ImportError:  # Windows
    fcntl = None  # type: ignore[assignment]

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator
    from pathlib import Path


@dataclass(frozen=True)
class Layer:
    """A finished layer: its name (a path below ``layers``), and the warnings that came with it."""

    name: str
    warnings: tuple[str, ...] = ()


class LayerStore:
    """The layers of a workspace.

    Args:
        root: the workspace's directory.
    """

    def __init__(self, root: Path) -> None:
        self._layers = root / "layers"
        self._building = root / "building"

    def path(self, name: str) -> Path:
        """Where a layer's files are."""
        return self._layers / name

    def exists(self, names: Iterable[str]) -> bool:
        """Whether all these layers are there."""
        return all(self.path(name).is_dir() for name in names)

    def find(self, key: str) -> Layer | None:
        """The newest layer under a key."""
        newest = max(self._generations(key), default=0)
        if not newest:
            return None
        record = json.loads((self._layers / key / str(newest) / "layer.json").read_text(encoding="utf-8"))
        return Layer(f"{key}/{newest}/root", tuple(record["warnings"]))

    def make(self, key: str, build: Callable[[Path], Iterable[str]], *, again: bool = False) -> Layer:
        """The layer under ``key``, made by ``build`` unless it is there (or if ``again``).

        ``build`` fills the empty directory it gets and returns warnings. A second caller for one key, in whatever
        process, waits for the first. What ``build`` raises is raised, and leaves nothing.
        """
        before = self.find(key)
        with self.lock(key):
            now = self.find(key)
            if now is not None and (not again or now != before):
                return now
            _remove(self._building / key)
            # A name of its own: what a killed builder left running clears its own place a moment later.
            place = self._building / key / secrets.token_hex(4)
            upper = place / "layer" / "root"
            upper.mkdir(parents=True)
            upper.chmod(0o755)  # the root directory of the image
            try:
                warnings = list(build(upper))
                (place / "layer" / "layer.json").write_text(json.dumps({"warnings": warnings}), encoding="utf-8")
                return self._publish(key, place / "layer")
            finally:
                _remove(self._building / key)

    def clean(self) -> int:
        """Make sure of the directories, and remove what builders that died have left; the number of their places."""
        for directory in (self._layers, self._building):
            directory.mkdir(mode=0o700, parents=True, exist_ok=True)
        cleaned = 0
        for place in sorted({path.name.removesuffix(".lock") for path in self._building.iterdir()}):
            with contextlib.suppress(BlockingIOError), self.lock(place, wait=False):
                if (self._building / place).exists():
                    _remove(self._building / place)
                    cleaned += 1
        return cleaned

    def prune(self, used: Iterable[str]) -> int:
        """Remove the layers that are not in ``used`` (names); their number. Not while something is built or runs."""
        keep = {"/".join(name.split("/")[:2]) for name in used}
        found = [path for path in self._layers.glob("*/*") if path.relative_to(self._layers).as_posix() not in keep]
        for path in found:
            _remove(path)
            with contextlib.suppress(OSError):
                path.parent.rmdir()
        return len(found)

    def _generations(self, key: str) -> list[int]:
        try:
            return [int(name) for name in os.listdir(self._layers / key) if name.isdigit()]
        except FileNotFoundError:
            return []

    def _publish(self, key: str, made: Path) -> Layer:
        _flush(made)
        generation = max(self._generations(key), default=0) + 1
        (self._layers / key).mkdir(mode=0o700, exist_ok=True)
        made.rename(self._layers / key / str(generation))
        found = self.find(key)
        if found is None:
            raise WorkspaceError("A layer vanished while it was stored.")
        return found

    @contextlib.contextmanager
    def lock(self, key: str, *, wait: bool = True) -> Iterator[None]:
        """Hold the lock of a key, over threads and processes; without ``wait`` a taken one raises BlockingIOError."""
        if fcntl is None:
            raise UnsupportedError("Images are not built on this system: it has no file locks of the kind needed.")
        path = self._building / f"{key}.lock"
        while True:
            handle = os.open(path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
            try:
                fcntl.flock(handle, fcntl.LOCK_EX | (0 if wait else fcntl.LOCK_NB))
                if not _is_current(handle, path):  # the holder before us removed the file: lock the new one
                    continue
                try:
                    yield
                finally:
                    path.unlink(missing_ok=True)
                return
            finally:
                os.close(handle)


def _is_current(handle: int, path: Path) -> bool:
    try:
        return os.path.samestat(os.fstat(handle), path.stat())
    except FileNotFoundError:
        return False


def _flush(path: Path) -> None:
    """Write a layer to disk before it is named, so that a power cut does not leave a name without content."""
    import ctypes

    handle = os.open(path, os.O_RDONLY)
    try:
        syncfs = getattr(ctypes.CDLL(None), "syncfs", None)
        if syncfs is not None:
            syncfs(handle)
    finally:
        os.close(handle)


def _remove(path: Path) -> None:
    """Remove a tree, also one with directories that its owner may not enter (an overlay's work directory)."""
    if not path.is_symlink() and not path.exists():
        return
    for folder, folders, _ in os.walk(path):
        for name in folders:
            inner = os.path.join(folder, name)
            if not os.path.islink(inner):
                with contextlib.suppress(OSError):
                    os.chmod(inner, 0o700)
    shutil.rmtree(path, ignore_errors=True)
