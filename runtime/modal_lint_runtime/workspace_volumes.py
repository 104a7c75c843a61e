"""Volumes of the workspace: a record and a directory each, below ``volumes/``."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING

from modal_lint_runtime import contract
from modal_lint_runtime.contract.verdict import shown
from modal_lint_runtime.errors import AlreadyExistsError, InvalidError
from modal_lint_runtime.records import VolumeRecord, new_id
from modal_lint_runtime.workspace_base import (
    Base,
    environment_id,
    known_name,
    no_name,
    no_object,
    now_after,
    number,
    object_id,
    one_of,
    page,
)

if TYPE_CHECKING:
    import sqlite3
    from collections.abc import Sequence
    from pathlib import Path

DIRECTORY = "volumes"
_SELECT = "SELECT o.*, v.name AS environment FROM volumes AS o JOIN environments AS v ON v.id = o.environment_id "


class Volumes(Base):
    """Methods about Volumes."""

    root: Path

    def volume_lookup(self, name: str, environment: str = contract.DEFAULT_ENVIRONMENT) -> VolumeRecord:
        """The named Volume. Raises NotFoundError without it or its environment, InvalidError for no string."""
        wanted = known_name(name, "Volume")
        with self._store.reading() as connection:
            found = _by_name(connection, environment_id(connection, environment), wanted)
        if found is None:
            raise no_name("Volume", wanted)
        return found

    def volume_create(
        self,
        name: str,
        environment: str = contract.DEFAULT_ENVIRONMENT,
        version: int = 0,
        *,
        on_conflict: str = "fail",
    ) -> VolumeRecord:
        """Create a named Volume; ``on_conflict`` "keep" answers with the one that exists, as it is.

        Raises:
            AlreadyExistsError: the name is taken and ``on_conflict`` is "fail".
            NotFoundError: there is no such environment.
            InvalidError: an argument of the wrong type or content.
        """
        wanted = contract.object_name(name, "Volume")
        kind = _version(version)
        keep = one_of(on_conflict, ("fail", "keep"), "on_conflict") == "keep"
        with self._store.writing() as connection:
            place = environment_id(connection, environment)
            found = _by_name(connection, place, wanted)
            if found is not None and not keep:
                raise AlreadyExistsError(f"Volume {shown(wanted)} already exists")
            return found or _insert(connection, place, wanted, kind, None)

    def volume_ephemeral(self, environment: str = contract.DEFAULT_ENVIRONMENT, version: int = 0) -> VolumeRecord:
        """Create a Volume without a name. It ends with this workspace's closing or this process.

        Raises NotFoundError when there is no such environment, InvalidError for an argument of the wrong type.
        """
        kind = _version(version)
        with self._store.writing() as connection:
            return _insert(connection, environment_id(connection, environment), None, kind, self._owner)

    def volume_get(self, volume_id: str) -> VolumeRecord:
        """The Volume with that id. Raises NotFoundError when there is none, InvalidError for no string."""
        wanted = object_id(volume_id, "Volume", "volume_id")
        with self._store.reading() as connection:
            return _get(connection, wanted)

    def volume_list(
        self,
        environment: str = contract.DEFAULT_ENVIRONMENT,
        limit: int | None = None,
        before: float | None = None,
    ) -> list[VolumeRecord]:
        """The named Volumes, newest first: at most ``limit``, made before the time ``before`` (seconds, epoch).

        Raises:
            NotFoundError: there is no such environment.
            InvalidError: an argument of the wrong type or content.
        """
        until, most = page(limit, before)
        rest = (
            "WHERE o.environment_id = ? AND o.name IS NOT NULL AND o.created_at < ? ORDER BY o.created_at DESC LIMIT ?"
        )
        with self._store.reading() as connection:
            return _records(connection, rest, (environment_id(connection, environment), until, most))

    def volume_path(self, volume_id: str) -> Path:
        """The directory that holds a Volume's files, made when missing and open to its user alone.

        Raises NotFoundError when there is no such Volume, InvalidError for no string.
        """
        path = self.root / DIRECTORY / self.volume_get(volume_id).id
        path.parent.mkdir(mode=0o700, exist_ok=True)
        path.mkdir(mode=0o700, exist_ok=True)
        return path

    def volume_delete(self, volume_id: str) -> None:
        """Delete a Volume with its files for good; containers that have it find it empty.

        Raises NotFoundError when there is none, InvalidError for no string.
        """
        wanted = object_id(volume_id, "Volume", "volume_id")
        with self._store.writing() as connection:
            if not connection.execute("DELETE FROM volumes WHERE id = ?", (wanted,)).rowcount:
                raise no_object("Volume", wanted)
        self._sweep_volumes()

    def _sweep_volumes(self) -> None:
        """Remove the directories of Volumes that are no more."""
        place = self.root / DIRECTORY
        if not place.is_dir():
            return
        names = os.listdir(place)  # before the records: a directory is made after its Volume's record
        with self._store.reading() as connection:
            known = {row["id"] for row in connection.execute("SELECT id FROM volumes")}
        gone = [name for name in names if name not in known]
        if gone:
            from modal_lint_runtime.plain import remove_tree

            for name in gone:
                remove_tree(str(place / name))


def _version(version: object) -> int:
    kind = number(version, "version")
    if kind not in (0, 1, 2):
        raise InvalidError("`version` must be 1 or 2, or 0 for any")
    return int(kind)


def _insert(
    connection: sqlite3.Connection, environment: str, name: str | None, version: int, owner: str | None
) -> VolumeRecord:
    id_ = new_id("vo")
    connection.execute(
        "INSERT INTO volumes (id, name, environment_id, version, created_at, owner) VALUES (?, ?, ?, ?, ?, ?)",
        (id_, name, environment, version, now_after(connection, "volumes", environment), owner),
    )
    return _get(connection, id_)


def _by_name(connection: sqlite3.Connection, environment: str, name: str) -> VolumeRecord | None:
    return next(iter(_records(connection, "WHERE o.environment_id = ? AND o.name = ?", (environment, name))), None)


def _get(connection: sqlite3.Connection, id_: str) -> VolumeRecord:
    found = _records(connection, "WHERE o.id = ?", (id_,))
    if not found:
        raise no_object("Volume", id_)
    return found[0]


def _records(connection: sqlite3.Connection, rest: str, values: Sequence[object]) -> list[VolumeRecord]:
    return [
        VolumeRecord(row["id"], row["name"], row["environment"], row["version"], row["created_at"])
        for row in connection.execute(_SELECT + rest, values)
    ]
