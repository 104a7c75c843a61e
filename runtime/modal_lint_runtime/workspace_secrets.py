"""Secrets of the workspace."""

from __future__ import annotations

import json
import time
from typing import TYPE_CHECKING, Literal

from modal_lint_runtime import contract
from modal_lint_runtime.contract.verdict import shown
from modal_lint_runtime.errors import AlreadyExistsError, ConflictError
from modal_lint_runtime.records import SecretRecord, new_id
from modal_lint_runtime.workspace_base import (
    Base,
    environment_id,
    known_name,
    no_name,
    no_object,
    now_after,
    object_id,
    one_of,
    page,
)

if TYPE_CHECKING:
    import sqlite3
    from collections.abc import Iterable, Mapping, Sequence

    from modal_lint_runtime.cipher import Cipher

OnConflict = Literal["fail", "keep", "overwrite"]

_SELECT = """
SELECT s.*, v.name AS environment, (
    SELECT json_group_array(key) FROM (SELECT key FROM entries WHERE secret_id = s.id ORDER BY number)
) AS keys
FROM secrets AS s JOIN environments AS v ON v.id = s.environment_id
"""
_STAMP_EVERY = 1.0  # seconds: a use is a write to the disk, and a burst of them says no more than one


class Secrets(Base):
    """Methods about Secrets. No record and no error holds a value."""

    def secret_lookup(
        self, name: str, environment: str = contract.DEFAULT_ENVIRONMENT, required_keys: Iterable[str] = ()
    ) -> SecretRecord:
        """The named Secret.

        Raises:
            NotFoundError: there is no such Secret or environment; MissingKeysError when it lacks a required key.
            InvalidError: an argument of the wrong type.
        """
        wanted, required = known_name(name, "Secret"), contract.required_keys(required_keys)
        with self._store.reading() as connection:
            place = environment_id(connection, environment)
            found = _records(connection, "WHERE s.environment_id = ? AND s.name = ?", (place, wanted))
        if not found:
            raise no_name("Secret", wanted)
        contract.require(required, found[0].keys, wanted)
        return found[0]

    def secret_create(
        self,
        name: str,
        entries: Mapping[str, str],
        environment: str = contract.DEFAULT_ENVIRONMENT,
        *,
        on_conflict: OnConflict = "fail",
    ) -> SecretRecord:
        """Create a named Secret; it is on the disk when this returns.

        ``on_conflict`` says what happens to one that exists: it is an error, it is kept as it is, or its entries are
        replaced by the new ones, under the same id.

        Raises:
            AlreadyExistsError: the name is taken and ``on_conflict`` is "fail".
            NotFoundError: there is no such environment.
            InvalidError: an argument of the wrong type or content.
        """
        wanted = contract.object_name(name, "Secret")
        values = contract.entries(entries, "entries", site=contract.Site.CREATE)
        one_of(on_conflict, ("fail", "keep", "overwrite"), "on_conflict")
        cipher = self._vault.cipher()
        with self._store.writing(scrub=on_conflict == "overwrite") as connection:
            place = environment_id(connection, environment)
            found = connection.execute(
                "SELECT id FROM secrets WHERE environment_id = ? AND name = ?", (place, wanted)
            ).fetchone()
            if found is None:
                id_ = _insert(connection, place, name=wanted)
                _put(connection, cipher, id_, values)
            else:
                id_ = found["id"]
                if on_conflict == "fail":
                    raise AlreadyExistsError(f"Secret {shown(wanted)} already exists")
                if on_conflict == "overwrite":
                    connection.execute("DELETE FROM entries WHERE secret_id = ?", (id_,))
                    _put(connection, cipher, id_, values)
                    _touch(connection, id_)
            return _get(connection, id_)

    def secret_ephemeral(
        self, entries: Mapping[str, str], environment: str = contract.DEFAULT_ENVIRONMENT, app_id: str | None = None
    ) -> SecretRecord:
        """Create a Secret without a name. It ends with this workspace's closing, this process, or its App.

        Raises:
            NotFoundError: there is no such environment or App.
            ConflictError: the App is stopped.
            InvalidError: an argument of the wrong type or content.
        """
        values = contract.entries(entries, "entries")
        app = None if app_id is None else object_id(app_id, "App", "app_id")
        cipher = self._vault.cipher()
        with self._store.writing() as connection:
            place = environment_id(connection, environment)
            if app is not None:
                _running_app(connection, app)
            id_ = _insert(connection, place, app_id=app, owner=self._owner)
            _put(connection, cipher, id_, values)
            return _get(connection, id_)

    def secret_update(self, secret_id: str, entries: Mapping[str, str | None]) -> SecretRecord:
        """Add and replace entries, and remove those that are None; what runs already keeps the old ones (S19f).

        Raises:
            NotFoundError: there is no such Secret.
            InvalidError: an argument of the wrong type or content.
        """
        wanted = object_id(secret_id, "Secret", "secret_id")
        values, removed = _split(entries)
        cipher = self._vault.cipher()
        with self._store.writing(scrub=True) as connection:
            _get(connection, wanted)
            connection.executemany(
                "DELETE FROM entries WHERE secret_id = ? AND key = ?", [(wanted, key) for key in removed]
            )
            _put(connection, cipher, wanted, values)
            _touch(connection, wanted)
            return _get(connection, wanted)

    def secret_get(self, secret_id: str) -> SecretRecord:
        """The Secret with that id. Raises NotFoundError when there is none, InvalidError for no string."""
        wanted = object_id(secret_id, "Secret", "secret_id")
        with self._store.reading() as connection:
            return _get(connection, wanted)

    def secret_list(
        self,
        environment: str = contract.DEFAULT_ENVIRONMENT,
        limit: int | None = None,
        before: float | None = None,
    ) -> list[SecretRecord]:
        """The named Secrets, newest first: at most ``limit``, made before the time ``before`` (seconds, epoch).

        Raises:
            NotFoundError: there is no such environment.
            InvalidError: an argument of the wrong type or content.
        """
        until, most = page(limit, before)
        with self._store.reading() as connection:
            place = environment_id(connection, environment)
            return _records(
                connection,
                "WHERE s.environment_id = ? AND s.name IS NOT NULL AND s.created_at < ? "
                "ORDER BY s.created_at DESC LIMIT ?",
                (place, until, most),
            )

    def secret_delete(self, secret_id: str) -> None:
        """Delete a Secret for good: Apps that refer to it fail at their next start (S19g).

        Raises NotFoundError when there is none, InvalidError for no string.
        """
        wanted = object_id(secret_id, "Secret", "secret_id")
        with self._store.writing(scrub=True) as connection:
            if not connection.execute("DELETE FROM secrets WHERE id = ?", (wanted,)).rowcount:
                raise no_object("Secret", wanted)

    def secret_values(self, secret_id: str) -> dict[str, str]:
        """The values, for the environment of a process that is being started, and for nothing else.

        Raises:
            NotFoundError: the Secret does not exist or was deleted.
            InvalidError: no string.
            WorkspaceError: the key is missing or another one, or a value is damaged.
        """
        wanted = object_id(secret_id, "Secret", "secret_id")
        with self._store.reading() as connection:
            record = _get(connection, wanted)
            sealed = connection.execute(
                "SELECT key, value FROM entries WHERE secret_id = ? ORDER BY number", (wanted,)
            ).fetchall()
        cipher = self._vault.cipher() if sealed else None
        values = {row["key"]: cipher.open(row["value"], wanted, row["key"]) for row in sealed} if cipher else {}
        self._stamp(record)
        return values

    def _stamp(self, record: SecretRecord) -> None:
        now = time.time()
        if record.last_used_at is None or now - record.last_used_at > _STAMP_EVERY:
            with self._store.writing() as connection:
                connection.execute("UPDATE secrets SET last_used_at = ? WHERE id = ?", (now, record.id))


def _split(entries: Mapping[str, str | None]) -> tuple[dict[str, str], list[str]]:
    if not isinstance(entries, dict):
        return contract.update_entries(entries), []
    contract.update_entries({key: "" if value is None else value for key, value in entries.items()})
    values = {key: value for key, value in entries.items() if value is not None}
    return values, [key for key in entries if key not in values]


def _insert(
    connection: sqlite3.Connection,
    environment: str,
    *,
    name: str | None = None,
    app_id: str | None = None,
    owner: str | None = None,
) -> str:
    id_, now = new_id("st"), now_after(connection, "secrets", environment)
    connection.execute(
        "INSERT INTO secrets (id, name, environment_id, app_id, created_at, updated_at, owner) "
        "VALUES (?, ?, ?, ?, ?, ?, ?)",
        (id_, name, environment, app_id, now, now, owner),
    )
    return id_


def _put(connection: sqlite3.Connection, cipher: Cipher, id_: str, values: Mapping[str, str]) -> None:
    connection.executemany(
        "INSERT INTO entries (secret_id, key, value) VALUES (?, ?, ?) "
        "ON CONFLICT (secret_id, key) DO UPDATE SET value = excluded.value",
        [(id_, key, cipher.seal(value, id_, key)) for key, value in values.items()],
    )


def _touch(connection: sqlite3.Connection, id_: str) -> None:
    connection.execute("UPDATE secrets SET updated_at = max(?, updated_at) WHERE id = ?", (time.time(), id_))


def _running_app(connection: sqlite3.Connection, id_: str) -> None:
    row = connection.execute("SELECT state FROM apps WHERE id = ?", (id_,)).fetchone()
    if row is None:
        raise no_object("App", id_)
    if row["state"] == "stopped":
        raise ConflictError(f"App {id_} is stopped")


def _get(connection: sqlite3.Connection, id_: str) -> SecretRecord:
    found = _records(connection, "WHERE s.id = ?", (id_,))
    if not found:
        raise no_object("Secret", id_)
    return found[0]


def _records(connection: sqlite3.Connection, rest: str, values: Sequence[object]) -> list[SecretRecord]:
    return [
        SecretRecord(
            id=row["id"],
            name=row["name"],
            environment=row["environment"],
            keys=tuple(json.loads(row["keys"])),
            created_at=row["created_at"],
            updated_at=row["updated_at"],
            last_used_at=row["last_used_at"],
            app_id=row["app_id"],
        )
        for row in connection.execute(_SELECT + rest, values)
    ]
