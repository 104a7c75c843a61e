"""Replacing a file so that whoever looks, also after a crash, sees the old text or the new one and nothing between.

The new text is written to a temporary beside the file, flushed to the disk, and renamed over it.
"""

from __future__ import annotations

import contextlib
import errno
import os
import secrets
import stat
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterable

try:
    import fcntl
except ImportError:  # Windows
    fcntl = None  # type: ignore[assignment]

_PREFIX, _SUFFIX = ".modal-lint-", ".tmp"
_CREATE = os.O_WRONLY | os.O_CREAT | os.O_EXCL | getattr(os, "O_CLOEXEC", 0) | getattr(os, "O_BINARY", 0)


class WriteError(Exception):
    """A file was left as it was. The message says why and quotes no content."""


def write_all(fd: int, data: bytes) -> None:
    """Write every byte of ``data`` and flush it to the disk."""
    rest = memoryview(data)
    while rest:
        rest = rest[os.write(fd, rest) :]
    os.fsync(fd)


def sync_folder(folder: str | os.PathLike[str] | int) -> None:
    """Make renames in a folder durable, where the system can."""
    if isinstance(folder, int):
        os.fsync(folder)
    elif hasattr(os, "O_DIRECTORY"):
        fd = os.open(folder, os.O_RDONLY | os.O_DIRECTORY)
        try:
            os.fsync(fd)
        finally:
            os.close(fd)


def write_atomic(path: Path, data: bytes, *, expected: bytes) -> tuple[str, ...]:
    """Replace the content of ``path``, keeping its permissions and owner.

    A symbolic link survives: the file that it names is replaced.

    Args:
        path: an existing regular file.
        data: the new content.
        expected: the content that ``data`` was made from; a file that holds anything else by now is left alone.

    Returns:
        Remarks for the user, say that another hard link keeps the old content.

    Raises:
        WriteError: the file changed meanwhile, is read-only, is no regular file, or the system refused.
    """
    try:
        return _replace(Path(os.path.realpath(path, strict=True)), data, expected)
    except OSError as error:
        raise WriteError(reason_of(error)) from None


def reason_of(error: OSError) -> str:
    """Why the system refused to write, and what to do where that is known."""
    why = (error.strerror or type(error).__name__).lower()
    if isinstance(error, PermissionError):
        return f"{why}; make the file and its folder writable"
    return f"{why}; make room" if error.errno in (errno.ENOSPC, errno.EDQUOT) else why


def _replace(target: Path, data: bytes, expected: bytes) -> tuple[str, ...]:
    status = os.stat(target)
    if not stat.S_ISREG(status.st_mode):
        raise WriteError("it is not a regular file")
    if not status.st_mode & 0o222 or not os.access(target, os.W_OK):
        raise WriteError("it is read-only; make it writable")
    temporary = target.with_name(f"{_PREFIX}{secrets.token_hex(8)}{_SUFFIX}")
    fd = os.open(temporary, _CREATE, 0o600)
    try:
        try:
            _hold(fd)
            _dress(fd, target, status)
            write_all(fd, data)
            if target.read_bytes() != expected:
                raise WriteError("it changed meanwhile; run it again")
            # Windows cannot rename a file that is open; elsewhere the lock lives until the rename is done.
            if fcntl is None:
                os.close(fd)
                fd = -1
            os.replace(temporary, target)
        finally:
            if fd >= 0:
                os.close(fd)
    except BaseException:
        with contextlib.suppress(OSError):
            os.unlink(temporary)
        raise
    sync_folder(target.parent)
    return ("other hard links of it keep the old content",) if status.st_nlink > 1 else ()


def _dress(fd: int, target: Path, status: os.stat_result) -> None:
    """Give the temporary the owner, extended attributes and permissions of the file that it replaces."""
    if not hasattr(os, "fchown"):
        return
    mine = os.fstat(fd)
    if (mine.st_uid, mine.st_gid) != (status.st_uid, status.st_gid):
        try:
            os.fchown(fd, status.st_uid, status.st_gid)
        except OSError:
            raise WriteError("its owner cannot be kept") from None
    if hasattr(os, "listxattr"):
        with contextlib.suppress(OSError):
            for name in os.listxattr(target):
                os.setxattr(fd, name, os.getxattr(target, name))
    os.fchmod(fd, stat.S_IMODE(status.st_mode))


def sweep(folders: Iterable[Path]) -> None:
    """Remove the temporaries that a killed run left in ``folders``; those of a living run are locked and stay."""
    for folder in folders:
        with contextlib.suppress(OSError):
            for name in os.listdir(folder):
                if name.startswith(_PREFIX) and name.endswith(_SUFFIX):
                    _remove_stale(folder / name)


def _hold(fd: int) -> None:
    if fcntl is not None:
        with contextlib.suppress(OSError):
            fcntl.flock(fd, fcntl.LOCK_EX | fcntl.LOCK_NB)


def _remove_stale(path: Path) -> None:
    if fcntl is None:
        return
    with contextlib.suppress(OSError):
        fd = os.open(path, os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK)
        try:
            fcntl.flock(fd, fcntl.LOCK_EX | fcntl.LOCK_NB)
            os.unlink(path)
        finally:
            os.close(fd)
