"""Apps of the workspace."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING

from modal_lint_runtime import contract
from modal_lint_runtime.records import AppRecord, AppState, new_id
from modal_lint_runtime.workspace_base import (
    Base,
    environment_id,
    known_name,
    no_name,
    no_object,
    now_after,
    object_id,
    of_type,
    one_of,
)

if TYPE_CHECKING:
    import sqlite3
    from collections.abc import Sequence

_SELECT = "SELECT a.*, v.name AS environment FROM apps AS a JOIN environments AS v ON v.id = a.environment_id "
_STATES = ("initializing", "ephemeral", "detached", "deployed", "stopped")


class Apps(Base):
    """Methods about Apps."""

    def app_lookup(
        self, name: str, environment: str = contract.DEFAULT_ENVIRONMENT, *, create_if_missing: bool = False
    ) -> AppRecord:
        """The named App that is not stopped; ``create_if_missing`` makes it.

        Raises:
            NotFoundError: there is no such App or environment.
            InvalidError: an argument of the wrong type, or an impossible name for an App to be created.
        """
        of_type(create_if_missing, bool, "create_if_missing")
        wanted = contract.object_name(name, "App") if create_if_missing else known_name(name, "App")
        with self._store.reading() as connection:
            found = _by_name(connection, environment_id(connection, environment), wanted)
        if found is not None:
            return found
        if not create_if_missing:
            raise no_name("App", wanted)
        with self._store.writing() as connection:
            place = environment_id(connection, environment)
            return _by_name(connection, place, wanted) or _insert(connection, place, wanted, "deployed", None)

    def app_create(self, environment: str = contract.DEFAULT_ENVIRONMENT) -> AppRecord:
        """Create an App without a name; it is stopped when this process ends.

        Raises NotFoundError when there is no such environment, InvalidError for no string.
        """
        with self._store.writing() as connection:
            return _insert(connection, environment_id(connection, environment), None, "ephemeral", self._owner)

    def app_get(self, app_id: str) -> AppRecord:
        """The App with that id. Raises NotFoundError when there is none, InvalidError for no string."""
        wanted = object_id(app_id, "App", "app_id")
        with self._store.reading() as connection:
            return _get(connection, wanted)

    def app_list(self, environment: str = contract.DEFAULT_ENVIRONMENT) -> list[AppRecord]:
        """The Apps of an environment, stopped ones too, newest first.

        Raises NotFoundError when there is no such environment, InvalidError for no string.
        """
        with self._store.reading() as connection:
            place = environment_id(connection, environment)
            return _records(connection, "WHERE a.environment_id = ? ORDER BY a.created_at DESC", (place,))

    def app_set_state(self, app_id: str, state: AppState) -> AppRecord:
        """Say what an App does now; "stopped" is as `app_stop`.

        Raises NotFoundError when there is no such App, InvalidError for a state that there is not.
        """
        wanted = object_id(app_id, "App", "app_id")
        if one_of(state, _STATES, "state") == "stopped":
            return self.app_stop(wanted)
        with self._store.writing() as connection:
            connection.execute("UPDATE apps SET state = ? WHERE id = ? AND state != 'stopped'", (state, wanted))
            return _get(connection, wanted)

    def app_stop(self, app_id: str) -> AppRecord:
        """Stop an App and delete the ephemeral Secrets it owns; its name is free again.

        Raises NotFoundError when there is none, InvalidError for no string.
        """
        wanted = object_id(app_id, "App", "app_id")
        with self._store.writing(scrub=True) as connection:
            stop_apps(connection, "id = ?", (wanted,))
            return _get(connection, wanted)


def stop_apps(connection: sqlite3.Connection, which: str, values: Sequence[object]) -> None:
    """Mark the Apps that meet the condition ``which`` as stopped, and delete the Secrets they own."""
    ids = [row["id"] for row in connection.execute(f"SELECT id FROM apps WHERE state != 'stopped' AND {which}", values)]
    for id_ in ids:
        connection.execute("DELETE FROM secrets WHERE app_id = ?", (id_,))
        connection.execute("UPDATE apps SET state = 'stopped', stopped_at = ? WHERE id = ?", (time.time(), id_))


def _insert(
    connection: sqlite3.Connection, environment: str, name: str | None, state: AppState, owner: str | None
) -> AppRecord:
    id_ = new_id("ap")
    connection.execute(
        "INSERT INTO apps (id, name, environment_id, state, created_at, owner) VALUES (?, ?, ?, ?, ?, ?)",
        (id_, name, environment, state, now_after(connection, "apps", environment), owner),
    )
    return _get(connection, id_)


def _by_name(connection: sqlite3.Connection, environment: str, name: str) -> AppRecord | None:
    rest = "WHERE a.environment_id = ? AND a.name = ? AND a.state != 'stopped'"
    return next(iter(_records(connection, rest, (environment, name))), None)


def _get(connection: sqlite3.Connection, id_: str) -> AppRecord:
    found = _records(connection, "WHERE a.id = ?", (id_,))
    if not found:
        raise no_object("App", id_)
    return found[0]


def _records(connection: sqlite3.Connection, rest: str, values: Sequence[object]) -> list[AppRecord]:
    return [
        AppRecord(row["id"], row["name"], row["environment"], row["state"], row["created_at"], row["stopped_at"])
        for row in connection.execute(_SELECT + rest, values)
    ]
