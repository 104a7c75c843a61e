"""The workspace: what Modal's service keeps for an account, kept in a directory instead.

Values are encrypted; everything else is in clear. Any number of threads and processes may use one directory at once;
what a method has returned from is on the disk.
"""

from __future__ import annotations

import contextlib
import os
import shutil
import time
from pathlib import Path
from typing import TYPE_CHECKING

from modal_lint_runtime import contract, owners, schema
from modal_lint_runtime.contract.verdict import kind_of
from modal_lint_runtime.errors import ConflictError, InvalidError, WorkspaceError
from modal_lint_runtime.store import DATABASE, LOCK, Store
from modal_lint_runtime.vault import KEY_FILE, Vault
from modal_lint_runtime.workspace_apps import Apps, stop_apps
from modal_lint_runtime.workspace_base import number
from modal_lint_runtime.workspace_environments import Environments, add_environment
from modal_lint_runtime.workspace_images import Images
from modal_lint_runtime.workspace_sandboxes import Sandboxes
from modal_lint_runtime.workspace_secrets import Secrets
from modal_lint_runtime.workspace_volumes import Volumes

if TYPE_CHECKING:
    import sqlite3
    from types import TracebackType

__all__ = ["DIRECTORY_VARIABLE", "Workspace", "default_path", "erase"]

DIRECTORY_VARIABLE = "MODAL_LINT_RUNTIME_DIR"
_TABLES = ("environments", "secrets", "apps", "images", "sandboxes", "volumes")


class Workspace(Environments, Secrets, Apps, Images, Sandboxes, Volumes):
    """The workspace in a directory of its own.

    Args:
        path: the directory; by default ``$MODAL_LINT_RUNTIME_DIR``, else the platform's directory for a user's data.
            It is made when missing. One that holds other things is refused.
        patience: how many seconds an operation waits while other processes write.

    Raises:
        InvalidError: ``path`` is no path.
        WorkspaceError: the directory cannot be used, or the workspace in it is damaged, of a newer format or locked.
    """

    def __init__(self, path: Path | str | None = None, *, patience: float = 30.0) -> None:
        waits = number(patience, "patience")
        self.root = _directory(path)
        self._store = Store(self.root, waits)
        self._vault = Vault(self._store)
        self._owner = owners.new_owner()
        self._sweep()

    def __repr__(self) -> str:
        return f"Workspace({str(self.root)!r})"

    def __enter__(self) -> Workspace:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        self.close()

    def close(self) -> None:
        """Delete what is ephemeral and of this object, and let go of the files. Calling it again does nothing."""
        if owners.pid_of(self._owner) == os.getpid():
            with contextlib.suppress(WorkspaceError):
                self._end(self._owner, sandboxes=False)
        self._store.close()

    def status(self) -> dict[str, object]:
        """Where the workspace is, its format, where its key is, its size in bytes, and how many objects it has."""
        with self._store.reading() as connection:
            counts = {table: _count(connection, table) for table in _TABLES}
            running = _count(connection, "sandboxes WHERE state = 'running'")
        return {
            "path": str(self.root),
            "format": schema.VERSION,
            "key": self._vault.place(),
            "bytes": _size(self.root),
            **counts,
            "running": running,
        }

    def check(self) -> None:
        """Look at the whole database and at the key.

        Raises:
            WorkspaceError: the database is damaged, or the key is missing or another one.
        """
        with self._store.reading() as connection:
            sound = connection.execute("PRAGMA quick_check(1)").fetchone()[0] == "ok"
        if not sound:
            raise WorkspaceError(f"The workspace {self.root} is damaged: {DATABASE} is no sound database.")
        if self._vault.place() is not None:
            self._vault.cipher()

    def reset(self) -> None:
        """Delete everything in the workspace for good, image layers and Volumes included; the key stays.

        Raises:
            ConflictError: a sandbox still runs.
        """
        self._sweep()
        with self._store.writing(scrub=True) as connection:
            if _count(connection, "sandboxes WHERE state = 'running'"):
                raise ConflictError("The workspace has sandboxes that run: terminate them first.")
            connection.execute("DELETE FROM environments")
            connection.execute("DELETE FROM images")
            add_environment(connection, contract.DEFAULT_ENVIRONMENT)
        _clear(self.root)

    def _sweep(self) -> None:
        """Make sure of the first environment, and end what processes left behind that died."""
        with self._store.reading() as connection:
            empty = connection.execute("SELECT 1 FROM environments LIMIT 1").fetchone() is None
            dead = [owner for owner in _owners(connection) if not owners.alive(owner)]
        if empty:
            with self._store.writing() as connection:
                if not _count(connection, "environments"):
                    add_environment(connection, contract.DEFAULT_ENVIRONMENT)
        for owner in dead:
            self._end(owner, sandboxes=True)

    def _end(self, owner: str, *, sandboxes: bool) -> None:
        with self._store.reading() as connection:
            if owner not in _owners(connection):
                return
        with self._store.writing(scrub=True) as connection:
            connection.execute("DELETE FROM secrets WHERE owner = ?", (owner,))
            connection.execute("DELETE FROM volumes WHERE owner = ?", (owner,))
            stop_apps(connection, "owner = ?", (owner,))
            if sandboxes:
                connection.execute(
                    "UPDATE sandboxes SET state = 'lost', returncode = ?, finished_at = ? "
                    "WHERE owner = ? AND state = 'running'",
                    (contract.TERMINATED_CODE, time.time(), owner),
                )
        self._sweep_volumes()


def default_path() -> Path:
    """Where the workspace is when nobody says: ``$MODAL_LINT_RUNTIME_DIR`` or the platform's place for a user's data.

    Raises WorkspaceError when the platform's place is needed and `platformdirs` is not installed.
    """
    told = os.environ.get(DIRECTORY_VARIABLE)
    if told:
        return Path(told)
    try:
        from platformdirs import user_data_path
    except ImportError:
        raise WorkspaceError("The runtime needs its extra: pip install 'modal-lint[runtime]'.") from None
    return user_data_path("modal-lint", appauthor=False)


def erase(path: Path | str | None = None) -> None:
    """Remove a workspace that cannot be opened any more, with all its files; nothing may have it open.

    Raises:
        WorkspaceError: the directory holds no workspace of ours, or cannot be changed.
    """
    root = _path(path)
    if not _is_ours(root):
        raise WorkspaceError(f"{root} holds no workspace.")
    try:
        _clear(root)
        last = [root / DATABASE, root / LOCK]  # they are what tells that the directory is ours
        for path in [*(set(root.iterdir()) - set(last)), *last]:
            path.unlink(missing_ok=True)
    except OSError as error:
        raise WorkspaceError(f"The workspace {root} cannot be removed: {error.strerror}.") from None


def _path(path: object) -> Path:
    if path is None:
        path = default_path()
    if not isinstance(path, (str, Path)):
        raise InvalidError(f"`path` must be a path, got {kind_of(path)}")
    if not str(path) or "\0" in str(path):
        raise InvalidError("`path` must be the path of a directory")
    try:
        os.fsencode(path)
        return Path(os.path.abspath(os.path.expanduser(path)))
    except UnicodeEncodeError:
        raise InvalidError("`path` must be the path of a directory") from None


def _directory(path: object) -> Path:
    root = _path(path)
    try:
        root.mkdir(mode=0o700, parents=True, exist_ok=True)
        names = os.listdir(root)
        if names and DATABASE not in names and not (root / DATABASE).exists():
            raise WorkspaceError(f"The directory {_short(root)} holds other things than a workspace.")
        _close_to_others(root)
    except FileExistsError:
        raise WorkspaceError(f"The workspace {_short(root)} is no directory.") from None
    except OSError as error:
        raise WorkspaceError(f"The workspace {_short(root)} cannot be used: {error.strerror}.") from None
    return root


def _close_to_others(root: Path) -> None:
    for path, mode in ((root, 0o700), *((root / name, 0o600) for name in (DATABASE, KEY_FILE, LOCK))):
        with contextlib.suppress(FileNotFoundError):
            if path.stat().st_mode & 0o077 and os.name == "posix":
                path.chmod(mode)


def _short(path: Path) -> str:
    text = str(path)
    return text if len(text) <= 300 else text[:300] + "..."


def _is_ours(root: Path) -> bool:
    database = root / DATABASE
    if not database.is_file() or not (root / LOCK).exists():
        return False
    with open(database, "rb") as file:
        header = file.read(100)
    stranger = header.startswith(b"SQLite format 3\0") and header[68:72] != schema.APPLICATION_ID.to_bytes(4, "big")
    return not stranger


def _clear(root: Path) -> None:
    """Remove what else is kept in the directory: layers, Volumes, scratch."""
    for path in root.iterdir():
        if path.name.startswith("workspace."):
            continue
        if path.is_dir() and not path.is_symlink():
            shutil.rmtree(path, ignore_errors=True)
        else:
            path.unlink(missing_ok=True)


def _owners(connection: sqlite3.Connection) -> set[str]:
    rows = connection.execute(
        "SELECT owner FROM secrets WHERE owner IS NOT NULL "
        "UNION SELECT owner FROM volumes WHERE owner IS NOT NULL "
        "UNION SELECT owner FROM apps WHERE owner IS NOT NULL AND state != 'stopped' "
        "UNION SELECT owner FROM sandboxes WHERE state = 'running'"
    )
    return {row["owner"] for row in rows}


def _count(connection: sqlite3.Connection, what: str) -> int:
    return int(connection.execute(f"SELECT count(*) FROM {what}").fetchone()[0])


def _size(root: Path) -> int:
    return sum(path.stat().st_size for path in root.glob("workspace.*"))
