"""Sandboxes of the workspace: their records. Their processes are the business of `processes`."""

from __future__ import annotations

import json
import time
from typing import TYPE_CHECKING, Any

from modal_lint_runtime import contract, owners
from modal_lint_runtime.contract.verdict import shown
from modal_lint_runtime.errors import AlreadyExistsError, InvalidError
from modal_lint_runtime.records import SandboxRecord
from modal_lint_runtime.workspace_base import (
    Base,
    environment_id,
    no_object,
    number,
    object_id,
    of_type,
    one_of,
)

if TYPE_CHECKING:
    import sqlite3
    from collections.abc import Callable, Mapping, Sequence

_STATES = ("running", "finished", "terminated", "timeout", "failed", "lost")


class Sandboxes(Base):
    """Methods about sandboxes."""

    def sandbox_put(self, record: SandboxRecord) -> SandboxRecord:
        """Store the record of a new sandbox under the id that it brings; a missing time is now.

        Raises:
            AlreadyExistsError: a running sandbox of the App has the name, or another sandbox the id.
            NotFoundError: there is no such App.
            InvalidError: no record, or a field of the wrong type or content.
        """
        columns = _columns(of_type(record, SandboxRecord, "record"), self._owner)
        with self._store.writing() as connection:
            if connection.execute("SELECT 1 FROM apps WHERE id = ?", (columns["app_id"],)).fetchone() is None:
                raise no_object("App", record.app_id)
            if connection.execute("SELECT 1 FROM sandboxes WHERE id = ?", (columns["id"],)).fetchone():
                raise AlreadyExistsError(f"Sandbox {record.id} already exists")
            if columns["state"] == "running":
                _name_is_free(connection, record.app_id, columns["name"])
            names = ", ".join(columns)
            marks = ", ".join("?" * len(columns))
            connection.execute(f"INSERT INTO sandboxes ({names}) VALUES ({marks})", tuple(columns.values()))
            return _get(connection, record.id)

    def sandbox_update(self, sandbox_id: str, **changes: object) -> SandboxRecord:
        """Change fields of a record: name, tags, state, returncode, finished_at, timeout, image_id.

        A state other than "running" also sets ``finished_at``, unless it is given.

        Raises:
            NotFoundError: there is no such sandbox.
            AlreadyExistsError: the new name is that of another running sandbox of the App.
            InvalidError: another field, or a value of the wrong type or content.
        """
        wanted = object_id(sandbox_id, "Sandbox", "sandbox_id")
        columns = {name: _column(name, value) for name, value in changes.items()}
        if columns.get("state", "running") != "running":
            columns.setdefault("finished_at", time.time())
        with self._store.writing() as connection:
            before = _get(connection, wanted)
            name, state = columns.get("name", before.name), columns.get("state", before.state)
            if state == "running" and (name, state) != (before.name, before.state):
                _name_is_free(connection, before.app_id, name, wanted)
            for column, value in columns.items():
                connection.execute(f"UPDATE sandboxes SET {column} = ? WHERE id = ?", (value, wanted))
            return _get(connection, wanted)

    def sandbox_get(self, sandbox_id: str) -> SandboxRecord:
        """The sandbox with that id. Raises NotFoundError when there is none, InvalidError for no string."""
        wanted = object_id(sandbox_id, "Sandbox", "sandbox_id")
        with self._store.reading() as connection:
            return _get(connection, wanted)

    def sandbox_list(
        self,
        app_id: str | None = None,
        environment: str | None = None,
        tags: Mapping[str, str] | None = None,
        running_only: bool = True,
    ) -> list[SandboxRecord]:
        """Sandboxes, newest first: of an App, of an environment, with all these tags, those that run.

        Raises:
            NotFoundError: there is no such environment.
            InvalidError: an argument of the wrong type or content.
        """
        wanted = contract.tags(tags, "tags")
        of_type(running_only, bool, "running_only")
        where, values = ["1"], list[object]()
        if app_id is not None:
            where.append("b.app_id = ?")
            values.append(object_id(app_id, "App", "app_id"))
        if running_only:
            where.append("b.state = 'running'")
        with self._store.reading() as connection:
            if environment is not None:
                where.append("a.environment_id = ?")
                values.append(environment_id(connection, environment))
            found = _records(connection, f"WHERE {' AND '.join(where)} ORDER BY b.created_at DESC", values)
        return [record for record in found if wanted.items() <= record.tags.items()]

    def sandbox_by_name(self, app_id: str, name: str) -> SandboxRecord | None:
        """The running sandbox of an App with that name; None when there is none. Raises InvalidError for no string."""
        app, wanted = object_id(app_id, "App", "app_id"), contract.lookup_name(name, "Sandbox")
        if not contract.is_object_name(wanted):
            return None
        with self._store.reading() as connection:
            return _running(connection, app, wanted)


def _columns(record: SandboxRecord, owner: str) -> dict[str, Any]:
    pid = _integer(record.owner_pid, "record.owner_pid")
    if pid < 0:
        raise InvalidError("`record.owner_pid` must not be negative")
    mine = pid in (0, owners.pid_of(owner))
    return {
        "id": object_id(record.id, "Sandbox", "record.id"),
        "app_id": object_id(record.app_id, "App", "record.app_id"),
        "name": _column("name", record.name),
        "image_id": _column("image_id", record.image_id),
        "tags": _column("tags", record.tags),
        "state": _column("state", record.state),
        "returncode": _column("returncode", record.returncode),
        "created_at": number(record.created_at, "record.created_at") or time.time(),
        "finished_at": _column("finished_at", record.finished_at),
        "owner": owner if mine else owners.owner_of(pid),
        "timeout": _column("timeout", record.timeout),
    }


def _column(name: str, value: object) -> Any:
    check = _COLUMNS.get(name)
    if check is None:
        raise InvalidError(f"`{name[:80]}` is no field of a sandbox that can be changed")
    return check(value, name)


def _optional(check: Callable[[Any, str], Any]) -> Callable[[Any, str], Any]:
    return lambda value, name: None if value is None else check(value, name)


def _integer(value: object, name: str) -> int:
    result = of_type(value, int, name)
    if not -(2**31) <= result < 2**31:
        raise InvalidError(f"`{name}` must fit into 32 bits")
    return result


_COLUMNS: Mapping[str, Callable[[Any, str], Any]] = {
    "name": _optional(lambda value, name: contract.object_name(value, "Sandbox", argument=name)),
    "image_id": _optional(lambda value, name: object_id(value, "Image", name)),
    "tags": lambda value, name: json.dumps(contract.tags(value, name)),
    "state": lambda value, name: one_of(value, _STATES, name),
    "returncode": _optional(_integer),
    "finished_at": _optional(number),
    "timeout": _optional(number),
}


def _name_is_free(connection: sqlite3.Connection, app_id: str, name: str | None, but: str = "") -> None:
    found = None if name is None else _running(connection, app_id, name)
    if found is not None and found.id != but:
        raise AlreadyExistsError(f"Sandbox with name {shown(name)} already exists in this App")


def _running(connection: sqlite3.Connection, app_id: str, name: str) -> SandboxRecord | None:
    rest = "WHERE b.app_id = ? AND b.name = ? AND b.state = 'running'"
    return next(iter(_records(connection, rest, (app_id, name))), None)


def _get(connection: sqlite3.Connection, id_: str) -> SandboxRecord:
    found = _records(connection, "WHERE b.id = ?", (id_,))
    if not found:
        raise no_object("Sandbox", id_)
    return found[0]


def _records(connection: sqlite3.Connection, rest: str, values: Sequence[object]) -> list[SandboxRecord]:
    rows = connection.execute(f"SELECT b.* FROM sandboxes AS b JOIN apps AS a ON a.id = b.app_id {rest}", values)
    return [
        SandboxRecord(
            id=row["id"],
            app_id=row["app_id"],
            name=row["name"],
            image_id=row["image_id"],
            tags=json.loads(row["tags"]),
            state=row["state"],
            returncode=row["returncode"],
            created_at=row["created_at"],
            finished_at=row["finished_at"],
            owner_pid=owners.pid_of(row["owner"]),
            timeout=row["timeout"],
        )
        for row in rows
    ]
