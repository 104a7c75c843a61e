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
_BY_FD = os.open in os.supports_dir_fd
_SAFE = getattr(os, "O_NOFOLLOW", 0) | getattr(os, "O_CLOEXEC", 0) | getattr(os, "O_BINARY", 0)
_READ = os.O_RDONLY | _SAFE | getattr(os, "O_NONBLOCK", 0)
_CREATE = os.O_WRONLY | os.O_CREAT | os.O_EXCL | _SAFE
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

    def sweep(self) -> None:
        """Remove what killed runs left behind. Only for who holds the lock."""
        for name in os.listdir(self.path if self.fd is None else self.fd):
            if name.startswith(_TEMPORARY):
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
