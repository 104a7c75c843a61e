"""The workspace's file: an SQLite database in write-ahead mode, shared by threads and processes."""

from __future__ import annotations

import contextlib
import os
import sqlite3
import threading
import time
from typing import TYPE_CHECKING

from modal_lint_runtime import schema
from modal_lint_runtime.errors import WorkspaceError
from modal_lint_runtime.locking import write_lock

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

DATABASE, LOCK = "workspace.db", "workspace.lock"
_IDLE_CONNECTIONS = 8
_PAUSE = 0.005
_SETTINGS = ("foreign_keys = ON", "synchronous = FULL", "secure_delete = ON", "trusted_schema = OFF")
_LOCKED = ("SQLITE_BUSY", "SQLITE_LOCKED", "SQLITE_PROTOCOL")
_UNWRITABLE = ("SQLITE_READONLY", "SQLITE_CANTOPEN", "SQLITE_PERM", "SQLITE_AUTH")
_DAMAGED = ("SQLITE_CORRUPT", "SQLITE_NOTADB", "SQLITE_FORMAT", "SQLITE_SCHEMA")


class Store:
    """Transactions on the database of the workspace at ``root``, which is a directory that exists.

    Safe to share by threads. After a fork the child opens connections of its own. ``patience`` is how many seconds an
    operation waits for another writer.

    Raises:
        WorkspaceError: the database is damaged, of a newer format, locked for too long, or cannot be written.
    """

    def __init__(self, root: Path, patience: float = 30.0) -> None:
        self.root = root
        self.path = root / DATABASE
        self._patience = patience
        self._idle: list[sqlite3.Connection] = []
        self._inherited: list[list[sqlite3.Connection]] = []
        self._mutex = threading.Lock()
        self._pid = os.getpid()
        self._closed = False
        self._identity = self._create()
        self._prepare()

    @contextlib.contextmanager
    def reading(self) -> Iterator[sqlite3.Connection]:
        """One consistent view of the data for the time of a ``with`` block."""
        with self._connection() as connection:
            connection.execute("BEGIN")
            try:
                yield connection
            finally:
                if connection.in_transaction:
                    connection.execute("ROLLBACK")

    @contextlib.contextmanager
    def writing(self, *, scrub: bool = False) -> Iterator[sqlite3.Connection]:
        """A transaction that is on the disk when the block ends, or undone when it raises.

        ``scrub`` also empties the write-ahead log, so that what was deleted or replaced is in no file any more (as long
        as no reader holds on to it; then the next one does it).
        """
        with self._connection() as connection, write_lock(self.root / LOCK, self._patience):
            connection.execute("BEGIN IMMEDIATE")
            try:
                yield connection
                connection.execute("COMMIT")
            except BaseException:
                if connection.in_transaction:
                    connection.execute("ROLLBACK")
                raise
            if scrub:
                self._empty_log(connection)

    def close(self) -> None:
        """Close the connections; operations afterwards raise WorkspaceError."""
        with self._mutex:
            self._closed = True
            idle, self._idle = self._idle, []
        if os.getpid() == self._pid and idle:
            # The last one to close writes the log back, which no other writer may meet.
            with contextlib.suppress(WorkspaceError), write_lock(self.root / LOCK, min(self._patience, 2.0)):
                for connection in idle:
                    with contextlib.suppress(sqlite3.Error):
                        connection.close()

    @contextlib.contextmanager
    def _connection(self) -> Iterator[sqlite3.Connection]:
        with self._translated():
            connection = self._take()
            try:
                yield connection
            finally:
                self._give_back(connection)

    def _take(self) -> sqlite3.Connection:
        with self._mutex:
            if self._closed:
                raise WorkspaceError(f"The workspace {self.root} is closed.")
            if os.getpid() != self._pid:
                # SQLite's connections must not be used, not even closed, on the other side of a fork.
                self._inherited.append(self._idle)
                self._idle, self._pid = [], os.getpid()
            if _identity(self.path) != self._identity:
                raise WorkspaceError(f"The workspace {self.root} was removed or replaced while it was open.")
            if self._idle:
                return self._idle.pop()
        return self._connect()

    def _give_back(self, connection: sqlite3.Connection) -> None:
        with self._mutex:
            if not self._closed and len(self._idle) < _IDLE_CONNECTIONS:
                self._idle.append(connection)
                return
        connection.close()

    def _connect(self) -> sqlite3.Connection:
        connection = sqlite3.connect(
            self.path.as_uri() + "?mode=rw",
            uri=True,
            timeout=self._patience,
            isolation_level=None,
            check_same_thread=False,
        )
        connection.row_factory = sqlite3.Row
        for setting in _SETTINGS:
            connection.execute(f"PRAGMA {setting}")
        return connection

    def _create(self) -> tuple[int, int]:
        try:
            with contextlib.suppress(FileExistsError):
                # Not by SQLite: its files get the mode of this one.
                os.close(os.open(self.path, os.O_CREAT | os.O_EXCL | os.O_WRONLY, 0o600))
        except OSError as error:
            raise WorkspaceError(f"The workspace {self.root} cannot be written: {error.strerror}.") from None
        if not self.path.is_file():
            raise WorkspaceError(f"The workspace {self.root} is damaged: {DATABASE} is no file.")
        return _identity(self.path)

    def _prepare(self) -> None:
        with self.reading() as connection:  # in one view: another process may be creating the tables
            found = schema.version(connection)
        with self._connection() as connection:
            if found == schema.VERSION and _journal(connection) == "wal":
                return
            with write_lock(self.root / LOCK, self._patience):
                self._use_log(connection)
                connection.execute("BEGIN IMMEDIATE")
                try:
                    schema.migrate(connection)
                    connection.execute("COMMIT")
                except BaseException:
                    if connection.in_transaction:
                        connection.execute("ROLLBACK")
                    raise

    def _use_log(self, connection: sqlite3.Connection) -> None:
        deadline = time.monotonic() + self._patience
        while True:
            try:
                connection.execute("PRAGMA journal_mode = WAL")
            except sqlite3.OperationalError as error:
                # SQLite does not wait for readers here, whatever its timeout.
                if "locked" not in str(error) or time.monotonic() >= deadline:
                    raise
                time.sleep(_PAUSE)
            else:
                return

    def _empty_log(self, connection: sqlite3.Connection) -> None:
        with contextlib.suppress(sqlite3.OperationalError):
            connection.execute("PRAGMA wal_checkpoint(TRUNCATE)")

    @contextlib.contextmanager
    def _translated(self) -> Iterator[None]:
        try:
            yield
        except sqlite3.Error as error:
            raise WorkspaceError(_explain(self.root, error)) from None


def _identity(path: Path) -> tuple[int, int]:
    try:
        found = path.stat()
    except OSError:
        return (0, 0)
    return (found.st_dev, found.st_ino)


def _journal(connection: sqlite3.Connection) -> str:
    return str(connection.execute("PRAGMA journal_mode").fetchone()[0])


def _explain(root: Path, error: sqlite3.Error) -> str:
    code = getattr(error, "sqlite_errorname", "") or _code(str(error))
    if code.startswith(_LOCKED):
        return f"The workspace {root} is locked by another process."
    if code.startswith(_UNWRITABLE):
        return f"The workspace {root} cannot be read and written."
    if code.startswith(_DAMAGED):
        return f"The workspace {root} is damaged: {DATABASE} is no sound database."
    if code.startswith("SQLITE_FULL"):
        return f"The disk of the workspace {root} is full."
    return f"The workspace {root} failed: {code or type(error).__name__}."


def _code(text: str) -> str:
    """The error code by the text that stands for it: before Python 3.11 an error carries no code."""
    texts = {
        "locked": "SQLITE_BUSY",
        "locking protocol": "SQLITE_PROTOCOL",
        "readonly": "SQLITE_READONLY",
        "unable to open": "SQLITE_CANTOPEN",
        "malformed": "SQLITE_CORRUPT",
        "not a database": "SQLITE_NOTADB",
        "is full": "SQLITE_FULL",
    }
    return next((code for part, code in texts.items() if part in text), "")
