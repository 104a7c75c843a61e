"""Reading files without surprises, and where a project begins."""

from __future__ import annotations

import os
import stat

MAX_BYTES = 64 * 1024 * 1024
_OPEN = os.O_RDONLY | getattr(os, "O_NONBLOCK", 0) | getattr(os, "O_BINARY", 0) | getattr(os, "O_CLOEXEC", 0)
_MARKERS = ("pyproject.toml", ".git", "setup.cfg")
_KINDS = (
    (stat.S_ISDIR, "a directory"),
    (stat.S_ISFIFO, "a named pipe"),
    (stat.S_ISSOCK, "a socket"),
    (stat.S_ISCHR, "a device"),
    (stat.S_ISBLK, "a device"),
)


class ReadError(Exception):
    """A file that cannot be read; ``reason`` says why, and quotes nothing of it."""

    def __init__(self, reason: str) -> None:
        super().__init__(reason)
        self.reason = reason


def read_regular(path: str, limit: int = MAX_BYTES) -> bytes:
    """The bytes of the regular file ``path``; pipes, sockets and devices are never waited for.

    Args:
        path: the file.
        limit: how many bytes it may have.

    Raises:
        ReadError: not there, not readable, not a regular file, or too large.
    """
    try:
        descriptor = os.open(path, _OPEN)
    except OSError as error:
        raise ReadError(reason_of(error, path)) from None
    try:
        status = os.fstat(descriptor)
        _require_regular(status, limit)
        return _read_all(descriptor, status.st_size)
    except OSError as error:
        raise ReadError(reason_of(error, path)) from None
    finally:
        os.close(descriptor)


def read_into(path: str, buffer: bytearray | memoryview) -> int:
    """Read the file ``path``, found to be a regular one, into ``buffer`` and return its size; -1 if it does not fit.

    Memory that is used again is far quicker than new memory for every file. A file that is full of bytes has told by
    them what it is: only an empty one is asked whether it still is a file.

    Raises:
        ReadError: as `read_regular`.
    """
    try:
        descriptor = os.open(path, _OPEN)
    except OSError as error:
        raise ReadError(reason_of(error, path)) from None
    try:
        size = os.readv(descriptor, (buffer,))
        if not size:
            _require_regular(os.fstat(descriptor))
        return size if size < len(buffer) else -1
    except OSError as error:
        raise ReadError(reason_of(error, path)) from None
    finally:
        os.close(descriptor)


def require_regular(path: str) -> None:
    """Raise `ReadError` unless ``path`` is a regular file or a link to one; opens nothing."""
    try:
        status = os.stat(path)
    except (OSError, ValueError) as error:
        raise ReadError(reason_of(error, path)) from None
    _require_regular(status)


def reason_of(error: Exception, path: str) -> str:
    """Why the operating system refuses ``path``, in the words of this program."""
    if isinstance(error, FileNotFoundError):
        return "dangling symbolic link" if os.path.islink(path) else "no such file or directory"
    if isinstance(error, PermissionError):
        return "permission denied"
    if isinstance(error, OSError) and error.errno is not None:
        return os.strerror(error.errno).lower()
    return "not a usable path"


def cache_folder() -> str:
    """Where the caches of this user are."""
    home = os.environ.get("XDG_CACHE_HOME") or os.path.join(os.path.expanduser("~"), ".cache")
    return os.environ.get("MODAL_LINT_CACHE_DIR") or os.path.join(home, "modal-lint")


def project_root(directory: str) -> str:
    """The nearest directory from ``directory`` upwards that looks like a project's top, else ``directory``."""
    return _upwards(directory, _MARKERS) or directory


def git_root(directory: str) -> str | None:
    """The top of the git work tree that ``directory`` is in, or None."""
    return _upwards(directory, (".git",))


def _upwards(directory: str, names: tuple[str, ...]) -> str | None:
    while True:
        if any(os.path.lexists(os.path.join(directory, name)) for name in names):
            return directory
        parent = os.path.dirname(directory)
        if parent == directory:
            return None
        directory = parent


def _require_regular(status: os.stat_result, limit: int = MAX_BYTES) -> None:
    if not stat.S_ISREG(status.st_mode):
        kind = next((name for is_kind, name in _KINDS if is_kind(status.st_mode)), "something else")
        raise ReadError(f"not a regular file but {kind}")
    if status.st_size > limit:
        raise ReadError(f"larger than {limit // 1024 // 1024} MB")


def _read_all(descriptor: int, size: int) -> bytes:
    data = os.read(descriptor, size + 1)
    if len(data) == size:
        return data
    parts = [data]
    while data and sum(map(len, parts)) <= MAX_BYTES:
        data = os.read(descriptor, 1 << 20)
        parts.append(data)
    return b"".join(parts)


def module_name(path: str) -> str:
    """The last name by which the source at a path is imported: of a package's ``__init__.py`` that of its folder."""
    folder, name = os.path.split(path)
    return os.path.basename(folder) if name == "__init__.py" else os.path.splitext(name)[0]
