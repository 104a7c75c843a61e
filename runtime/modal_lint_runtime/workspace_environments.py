"""Environments of the workspace."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING

from modal_lint_runtime import contract
from modal_lint_runtime.contract.verdict import shown
from modal_lint_runtime.errors import AlreadyExistsError, InvalidError
from modal_lint_runtime.records import EnvironmentRecord, new_id
from modal_lint_runtime.workspace_base import environment_id, of_type
from modal_lint_runtime.workspace_volumes import Volumes

if TYPE_CHECKING:
    import sqlite3


class Environments(Volumes):
    """Methods about environments."""

    def environments(self) -> list[EnvironmentRecord]:
        """All environments by name."""
        with self._store.reading() as connection:
            rows = connection.execute("SELECT * FROM environments ORDER BY name").fetchall()
        return [_record(row) for row in rows]

    def environment_get(self, name: str) -> EnvironmentRecord:
        """The environment of that name. Raises NotFoundError when there is none, InvalidError for no string."""
        of_type(name, str, "name")
        with self._store.reading() as connection:
            return _get(connection, environment_id(connection, name))

    def environment_create(self, name: str) -> EnvironmentRecord:
        """Create an environment. Raises AlreadyExistsError for a taken name, InvalidError for an impossible one."""
        wanted = contract.new_environment_name(name, argument="name")
        with self._store.writing() as connection:
            if connection.execute("SELECT 1 FROM environments WHERE name = ?", (wanted,)).fetchone():
                raise AlreadyExistsError(f"Environment {shown(wanted)} already exists")
            add_environment(connection, wanted)
            return _get(connection, environment_id(connection, wanted))

    def environment_delete(self, name: str) -> None:
        """Delete an environment with its Secrets, Volumes, Apps and sandboxes' records, for good.

        Raises:
            NotFoundError: there is no such environment.
            InvalidError: it is `main`, which always exists.
        """
        if contract.environment_name(of_type(name, str, "name")) == contract.DEFAULT_ENVIRONMENT:
            raise InvalidError(f"`name`: the environment {contract.DEFAULT_ENVIRONMENT!r} cannot be deleted")
        with self._store.writing(scrub=True) as connection:
            connection.execute("DELETE FROM environments WHERE id = ?", (environment_id(connection, name),))
        self._sweep_volumes()


def add_environment(connection: sqlite3.Connection, name: str) -> None:
    """Insert the row of an environment."""
    connection.execute(
        "INSERT INTO environments (id, name, created_at) VALUES (?, ?, ?)", (new_id("en"), name, time.time())
    )


def _get(connection: sqlite3.Connection, id_: str) -> EnvironmentRecord:
    return _record(connection.execute("SELECT * FROM environments WHERE id = ?", (id_,)).fetchone())


def _record(row: sqlite3.Row) -> EnvironmentRecord:
    return EnvironmentRecord(row["id"], row["name"], row["created_at"])
