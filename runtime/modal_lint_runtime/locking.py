"""One writer at a time, over threads and processes.

SQLite has a write lock of its own, but waits for it unfairly (a sleeping poll that gives up under load), and versions
before 3.51.3 can lose committed pages when a checkpoint meets a write (https://sqlite.org/wal.html#walresetbug).
Holding this lock around every write and checkpoint avoids both.
"""

from __future__ import annotations

import contextlib
import os
import random
import time
from typing import TYPE_CHECKING

from modal_lint_runtime.errors import WorkspaceError

try:
    import fcntl
except ImportError:  # Windows: SQLite's own lock has to do
    fcntl = None  # type: ignore[assignment]

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

_SHORTEST, _LONGEST = 0.0005, 0.01


@contextlib.contextmanager
def write_lock(path: Path, patience: float) -> Iterator[None]:
    """Hold the lock at ``path`` (made when missing, mode 0600), waiting at most ``patience`` seconds for it.

    Raises:
        WorkspaceError: the lock stays taken, or its file cannot be opened.
    """
    if fcntl is None:
        yield
        return
    try:
        handle = os.open(path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
    except OSError as error:
        raise WorkspaceError(f"The workspace {path.parent} cannot be written: {error.strerror}.") from None
    try:
        _acquire(handle, path, patience)
        try:
            yield
        finally:
            fcntl.flock(handle, fcntl.LOCK_UN)  # a forked child may hold a copy of the handle: closing is not enough
    finally:
        os.close(handle)


def _acquire(handle: int, path: Path, patience: float) -> None:
    deadline = time.monotonic() + patience
    pause = _SHORTEST
    while True:
        try:
            fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            if time.monotonic() >= deadline:
                raise WorkspaceError(f"The workspace {path.parent} is locked by another process.") from None
        except OSError as error:
            raise WorkspaceError(f"The workspace {path.parent} cannot be locked: {error.strerror}.") from None
        else:
            return
        time.sleep(pause * random.uniform(0.5, 1.5))
        pause = min(pause * 2, _LONGEST)
