"""The folder ``.modal-lint``: opened without following links, so that a hostile tree cannot divert a value.

On POSIX every name is looked up relative to an open folder (``dir_fd``) with ``O_NOFOLLOW``; what is not a folder or
file of the user who runs us is refused. Where the system has no such calls (Windows) links are looked for by name.
"""

from __future__ import annotations

import contextlib
import os
import secrets
import stat
import time
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

from modal_lint.atomic import sync_folder, write_all

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

try:
    import fcntl
except ImportError:  # Windows
    fcntl = None  # type: ignore[assignment]

NAME = ".modal-lint"
SECRETS = "secrets"
_TEMPORARY = ".new-"
_GONE = ".gone-"
_BY_FD = os.open in os.supports_dir_fd
_SAFE = getattr(os, "O_NOFOLLOW", 0) | getattr(os, "O_CLOEXEC", 0) | getattr(os, "O_BINARY", 0)
_READ = os.O_RDONLY | _SAFE | getattr(os, "O_NONBLOCK", 0)
_CREATE = os.O_WRONLY | os.O_CREAT | os.O_EXCL | _SAFE
_OVERWRITE = os.O_WRONLY | _SAFE | getattr(os, "O_NONBLOCK", 0)
_LOCK_SECONDS = 30.0


class RefusedError(Exception):
    """Nothing was written, because the place to write to cannot be trusted or used. The message names it."""


class Folder:
    """One open folder; every operation takes a plain name inside it."""

    def __init__(self, path: Path, fd: int | None) -> None:
        self.path = path
        self.fd = fd

    @classmethod
    def root(cls, path: Path) -> Folder:
        """The project's root, wherever the user says that is."""
        return cls(path, os.open(path, os.O_RDONLY | os.O_DIRECTORY) if _BY_FD else None)

    def close(self) -> None:
        if self.fd is not None:
            os.close(self.fd)

    def enter(self, name: str) -> Folder:
        """Open the folder ``name``, made when missing, as a private folder of this user.

        Raises:
            RefusedError: it is a link, no folder, or somebody else's.
        """
        self._no_link(name)
        with contextlib.suppress(FileExistsError):
            os.mkdir(self._at(name), 0o700, **self._relative)
            self.sync()
        if self.fd is None:
            return Folder(self.path / name, None)
        try:
            fd = os.open(name, os.O_RDONLY | os.O_DIRECTORY | _SAFE, dir_fd=self.fd)
        except OSError:
            raise RefusedError(f"{self.path / name} is not a folder of its own (a link?)") from None
        try:
            self._own(fd, name)
            if stat.S_IMODE(os.fstat(fd).st_mode) != 0o700:
                os.fchmod(fd, 0o700)
        except BaseException:
            os.close(fd)
            raise
        return Folder(self.path / name, fd)

    def read(self, name: str) -> bytes | None:
        """The content of the file ``name``, or None when there is none.

        Raises:
            RefusedError: it is a link, no regular file, or somebody else's.
        """
        self._no_link(name)
        try:
            fd = os.open(self._at(name), _READ, **self._relative)
        except FileNotFoundError:
            return None
        except OSError:
            raise RefusedError(f"{self.path / name} cannot be opened as a file of its own (a link?)") from None
        with open(fd, "rb") as file:
            self._own(fd, name)
            if not stat.S_ISREG(os.fstat(fd).st_mode):
                raise RefusedError(f"{self.path / name} is not a regular file")
            return file.read()

    def replace(self, name: str, data: bytes) -> None:
        """Give the file ``name`` the content ``data``, with mode 0600, atomically and durably."""
        temporary = f"{_TEMPORARY}{secrets.token_hex(8)}"
        fd = os.open(self._at(temporary), _CREATE, 0o600, **self._relative)
        try:
            try:
                write_all(fd, data)
            finally:
                os.close(fd)
            os.replace(self._at(temporary), self._at(name), src_dir_fd=self.fd, dst_dir_fd=self.fd)
        except BaseException:
            with contextlib.suppress(OSError):
                os.unlink(self._at(temporary), **self._relative)
            raise
        self.sync()

    def names(self) -> list[str]:
        """The entries of the folder, sorted."""
        return sorted(os.listdir(self.path if self.fd is None else self.fd))

    def status(self, name: str) -> os.stat_result:
        """What the system says of the entry ``name`` itself, not of what a link names."""
        return os.stat(self._at(name), follow_symlinks=False, **self._relative)

    def destroy(self, name: str, expected: bytes) -> bool:
        """Overwrite and delete the file ``name``; whether nothing else of this file system names its content.

        It is renamed first, so that a run that is killed leaves no half of it under its name: `sweep` finishes.
        A file with other hard links is not overwritten, since those are not ours.

        Raises:
            RefusedError: it holds something else than ``expected`` by now, or is no file of this user's own.
            OSError: the system refused.
        """
        if self.read(name) != expected:
            raise RefusedError(f"{self.path / name} changed meanwhile")
        gone = f"{_GONE}{secrets.token_hex(8)}"
        os.rename(self._at(name), self._at(gone), src_dir_fd=self.fd, dst_dir_fd=self.fd)
        self.sync()
        alone = self._shred(gone)
        self.sync()
        return alone

    def discard(self, name: str) -> None:
        """Delete the file ``name``, which holds no value, if it is there."""
        with contextlib.suppress(FileNotFoundError):
            os.unlink(self._at(name), **self._relative)

    def _shred(self, name: str) -> bool:
        fd = os.open(self._at(name), _OVERWRITE, **self._relative)
        try:
            self._own(fd, name)
            status = os.fstat(fd)
            alone = stat.S_ISREG(status.st_mode) and status.st_nlink == 1
            if alone:
                write_all(fd, os.urandom(status.st_size))
        finally:
            os.close(fd)
        os.unlink(self._at(name), **self._relative)
        return alone

    def sweep(self) -> None:
        """Destroy what killed runs left behind. Only for who holds the lock."""
        for name in self.names():
            if name.startswith((_TEMPORARY, _GONE)):
                try:
                    self._shred(name)
                except (OSError, RefusedError):
                    with contextlib.suppress(OSError):
                        os.unlink(self._at(name), **self._relative)

    def sync(self) -> None:
        sync_folder(self.path if self.fd is None else self.fd)

    @contextmanager
    def locked(self) -> Iterator[None]:
        """Hold the folder for this process, where the system has file locks.

        Raises:
            RefusedError: another process held it for too long.
        """
        if fcntl is None or self.fd is None:
            yield
            return
        # A descriptor of its own: the lock goes with it, also when the process is killed.
        fd = os.open(".", os.O_RDONLY | os.O_DIRECTORY | _SAFE, dir_fd=self.fd)
        try:
            _wait_for_lock(fd, self.path)
            yield
        finally:
            os.close(fd)

    @property
    def _relative(self) -> dict[str, Any]:
        return {} if self.fd is None else {"dir_fd": self.fd}

    def _at(self, name: str) -> str:
        return os.path.join(self.path, name) if self.fd is None else name

    def _no_link(self, name: str) -> None:
        if self.fd is None and os.path.islink(self.path / name):
            raise RefusedError(f"{self.path / name} is a link")

    def _own(self, fd: int, name: str) -> None:
        if hasattr(os, "geteuid") and os.fstat(fd).st_uid != os.geteuid():
            raise RefusedError(f"{self.path / name} belongs to another user")


def _wait_for_lock(fd: int, path: Path) -> None:
    deadline = time.monotonic() + _LOCK_SECONDS
    while True:
        try:
            fcntl.flock(fd, fcntl.LOCK_EX | fcntl.LOCK_NB)
            return
        except OSError:
            if time.monotonic() > deadline:
                raise RefusedError(f"{path} is in use by another run") from None
            time.sleep(0.01)


def is_there(root: str | Path) -> bool:
    """Whether something has the name of the folder of preserved values under ``root``."""
    return os.path.isdir(os.path.join(root, NAME, SECRETS))


def closest(directory: str) -> str | None:
    """The closest project from ``directory`` upwards that has preserved values, links resolved."""
    here = os.path.realpath(directory)
    while not is_there(here):
        parent = os.path.dirname(here)
        if parent == here:
            return None
        here = parent
    return here


@contextmanager
def open_vault(root: Path) -> Iterator[Folder]:
    """The folder of preserved values under ``root``, made when missing, ignored by git, and held for this process.

    Raises:
        RefusedError: a part of it is a link, another user's, or in use by another run.
        OSError: the system refused.
    """
    with contextlib.ExitStack() as stack:

        def opened(folder: Folder) -> Folder:
            stack.callback(folder.close)
            return folder

        outer = opened(opened(Folder.root(root)).enter(NAME))
        stack.enter_context(outer.locked())
        outer.sweep()
        if outer.read(".gitignore") != b"*\n":
            outer.replace(".gitignore", b"*\n")
        inner = opened(outer.enter(SECRETS))
        inner.sweep()
        yield inner
