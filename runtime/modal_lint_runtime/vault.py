"""Where the workspace's key is, and the cipher made from it."""

from __future__ import annotations

import base64
import binascii
import os
import threading
from typing import TYPE_CHECKING, Literal

from modal_lint_runtime import keyring_key
from modal_lint_runtime.cipher import KEY_BYTES, Cipher, new_key
from modal_lint_runtime.errors import WorkspaceError
from modal_lint_runtime.records import new_id

if TYPE_CHECKING:
    import sqlite3
    from pathlib import Path

    from modal_lint_runtime.store import Store

KEY_FILE = "workspace.key"
Place = Literal["file", "keyring"]

_CHECK_TEXT = "modal-lint workspace key"


class Vault:
    """The cipher of a workspace; its key is made when the first value is stored and found when one is needed.

    The database keeps where the key is and a known text sealed with it, so that another key is noticed at once.
    """

    def __init__(self, store: Store) -> None:
        self._store = store
        self._mutex = threading.Lock()
        self._cipher: Cipher | None = None

    def cipher(self) -> Cipher:
        """The cipher; call it outside a transaction.

        Raises:
            WorkspaceError: the key is missing, damaged or another one, or the keyring that has it does not answer.
        """
        with self._mutex:
            if self._cipher is None:
                self._cipher = self._find() or self._make()
            return self._cipher

    def place(self) -> Place | None:
        """Where the key is; None before the first value is stored."""
        with self._store.reading() as connection:
            found = _meta(connection, "key_place")
        return None if found is None else "keyring" if found == "keyring" else "file"

    def _find(self) -> Cipher | None:
        with self._store.reading() as connection:
            return self._known(connection)

    def _known(self, connection: sqlite3.Connection) -> Cipher | None:
        check = connection.execute("SELECT value FROM meta WHERE name = 'key_check'").fetchone()
        if check is None:
            return None
        account = _meta(connection, "id") or ""
        key = _from_keyring(account) if _meta(connection, "key_place") == "keyring" else _read(self._key_path)
        if key is None:
            raise WorkspaceError(f"The key of the workspace is missing: {self._key_path}.")
        cipher = Cipher(key)
        try:
            cipher.open(check["value"], account, "")
        except WorkspaceError:
            raise WorkspaceError(
                f"The key of the workspace {self._store.root} is not the one it was made with."
            ) from None
        return cipher

    def _make(self) -> Cipher:
        with self._store.writing() as connection:
            known = self._known(connection)
            if known is not None:
                return known
            account = new_id("wk")
            key, place = self._new_key(account)
            cipher = Cipher(key)
            rows = {"id": account, "key_place": place, "key_check": cipher.seal(_CHECK_TEXT, account, "")}
            connection.executemany("INSERT INTO meta (name, value) VALUES (?, ?)", rows.items())
            return cipher

    def _new_key(self, account: str) -> tuple[bytes, Place]:
        left = _read(self._key_path)  # of a process that was killed before it could write down that there is a key
        if left is not None:
            return left, "file"
        key = new_key()
        if keyring_key.keep(account, base64.b64encode(key).decode()):
            return key, "keyring"
        _write(self._key_path, key)
        return key, "file"

    @property
    def _key_path(self) -> Path:
        return self._store.root / KEY_FILE


def _meta(connection: sqlite3.Connection, name: str) -> str | None:
    row = connection.execute("SELECT value FROM meta WHERE name = ?", (name,)).fetchone()
    return None if row is None else str(row["value"])


def _from_keyring(account: str) -> bytes:
    text = keyring_key.fetch(account)
    if text is None:
        why = "does not give it" if keyring_key.enabled() else f"is switched off by {keyring_key.SWITCH}"
        raise WorkspaceError(f"The key of the workspace is in the system's keyring, which {why}.")
    return _decoded(text, "in the system's keyring")


def _read(path: Path) -> bytes | None:
    try:
        return _decoded(path.read_text(encoding="ascii"), f"in {path}")
    except FileNotFoundError:
        return None
    except UnicodeDecodeError:
        raise WorkspaceError(f"The key of the workspace in {path} is damaged.") from None
    except OSError as error:
        raise WorkspaceError(f"The key of the workspace in {path} cannot be read: {error.strerror}.") from None


def _decoded(text: str, where: str) -> bytes:
    try:
        key = base64.b64decode(text.strip(), validate=True)
    except (binascii.Error, ValueError):
        key = b""
    if len(key) != KEY_BYTES:
        raise WorkspaceError(f"The key of the workspace {where} is damaged.")
    return key


def _write(path: Path, key: bytes) -> None:
    """Write the key file whole or not at all; the caller holds the write lock, so no other writes it."""
    unfinished = path.with_suffix(".key.new")
    try:
        handle = os.open(unfinished, os.O_CREAT | os.O_TRUNC | os.O_WRONLY | os.O_CLOEXEC, 0o600)
        with open(handle, "wb") as file:
            file.write(base64.b64encode(key) + b"\n")
            file.flush()
            os.fsync(file.fileno())
        os.replace(unfinished, path)
        _sync_directory(path.parent)
    except OSError as error:
        raise WorkspaceError(f"The key of the workspace in {path} cannot be written: {error.strerror}.") from None


def _sync_directory(path: Path) -> None:
    if os.name != "posix":
        return
    handle = os.open(path, os.O_RDONLY)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)
