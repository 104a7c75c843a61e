"""Images of the workspace: their records. Their layers are the builder's."""

from __future__ import annotations

import dataclasses
import json
import time
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from modal_lint_runtime import contract
from modal_lint_runtime.errors import InvalidError
from modal_lint_runtime.records import ImageRecord
from modal_lint_runtime.workspace_base import (
    Base,
    environment_id,
    known_name,
    no_name,
    no_object,
    number,
    object_id,
    of_type,
)

if TYPE_CHECKING:
    import sqlite3

_TUPLES = ("layers", "entrypoint", "cmd", "shell", "warnings")
_NEEDED = ("layers", "warnings")


class Images(Base):
    """Methods about images."""

    def image_put(self, record: ImageRecord) -> ImageRecord:
        """Store an image's record, or replace the one with the same id; a missing time is now.

        Raises:
            InvalidError: no record, or its content is not JSON-able.
        """
        of_type(record, ImageRecord, "record")
        id_ = object_id(record.id, "Image", "record.id")
        made = number(record.created_at, "record.created_at") or time.time()
        stored = dataclasses.replace(record, created_at=made)
        body = _body(stored)
        key = _text(record.content_key, "record.content_key")
        with self._store.writing() as connection:
            connection.execute(
                "INSERT INTO images (id, content_key, created_at, body) VALUES (?, ?, ?, ?) ON CONFLICT (id) DO UPDATE "
                "SET content_key = excluded.content_key, created_at = excluded.created_at, body = excluded.body",
                (id_, key, stored.created_at, body),
            )
        return stored

    def image_get(self, image_id: str) -> ImageRecord:
        """The image with that id. Raises NotFoundError when there is none, InvalidError for no string."""
        wanted = object_id(image_id, "Image", "image_id")
        with self._store.reading() as connection:
            return _get(connection, wanted)

    def image_find(self, content_key: str) -> ImageRecord | None:
        """The newest image with that content; None when there is none. Raises InvalidError for no string."""
        key = _text(content_key, "content_key")
        with self._store.reading() as connection:
            row = connection.execute(
                "SELECT body FROM images WHERE content_key = ? ORDER BY created_at DESC LIMIT 1", (key,)
            ).fetchone()
        return None if row is None else _record(row)

    def image_list(self) -> list[ImageRecord]:
        """All images, newest first."""
        with self._store.reading() as connection:
            rows = connection.execute("SELECT body FROM images ORDER BY created_at DESC").fetchall()
        return [_record(row) for row in rows]

    def image_delete(self, image_id: str) -> None:
        """Delete an image's record and names. Raises NotFoundError when there is none, InvalidError for no string."""
        wanted = object_id(image_id, "Image", "image_id")
        with self._store.writing() as connection:
            if not connection.execute("DELETE FROM images WHERE id = ?", (wanted,)).rowcount:
                raise no_object("Image", wanted)

    def image_tag(self, image_id: str, name: str, environment: str = contract.DEFAULT_ENVIRONMENT) -> None:
        """Give an image a name, which another image may have had until now.

        Raises:
            NotFoundError: there is no such image or environment.
            InvalidError: an argument of the wrong type or content.
        """
        wanted, tag = object_id(image_id, "Image", "image_id"), contract.object_name(name, "Image")
        with self._store.writing() as connection:
            place = environment_id(connection, environment)
            _get(connection, wanted)
            connection.execute(
                "INSERT INTO image_tags (environment_id, name, image_id) VALUES (?, ?, ?) "
                "ON CONFLICT (environment_id, name) DO UPDATE SET image_id = excluded.image_id",
                (place, tag, wanted),
            )

    def image_by_tag(self, name: str, environment: str = contract.DEFAULT_ENVIRONMENT) -> ImageRecord:
        """The image of that name. Raises NotFoundError when there is none, InvalidError for no string."""
        wanted = known_name(name, "Image")
        with self._store.reading() as connection:
            place = environment_id(connection, environment)
            row = connection.execute(
                "SELECT body FROM images JOIN image_tags ON image_id = id WHERE environment_id = ? AND name = ?",
                (place, wanted),
            ).fetchone()
        if row is None:
            raise no_name("Image", wanted)
        return _record(row)

    def image_untag(self, name: str, environment: str = contract.DEFAULT_ENVIRONMENT) -> None:
        """Take a name from its image. Raises NotFoundError when nothing has it, InvalidError for no string."""
        wanted = known_name(name, "Image")
        with self._store.writing() as connection:
            place = environment_id(connection, environment)
            done = connection.execute("DELETE FROM image_tags WHERE environment_id = ? AND name = ?", (place, wanted))
            if not done.rowcount:
                raise no_name("Image", wanted)


def _text(value: object, argument: str) -> str:
    """``value`` without what SQLite cannot keep. Raises InvalidError for no string."""
    return of_type(value, str, argument).encode("utf-8", "backslashreplace").decode()


def _body(record: ImageRecord) -> str:
    fields: dict[str, Any] = {each.name: getattr(record, each.name) for each in dataclasses.fields(record)}
    for name in _TUPLES:
        if fields[name] is not None or name in _NEEDED:
            fields[name] = _texts(fields[name], f"record.{name}")
    for name in ("workdir", "user"):
        if fields[name] is not None:
            of_type(fields[name], str, f"record.{name}")
    for name in ("env", "definition"):
        if not isinstance(fields[name], Mapping):
            raise InvalidError(f"`record.{name}` must be a mapping")
        fields[name] = dict(fields[name])
    _texts([*fields["env"], *fields["env"].values()], "record.env")
    try:
        return json.dumps(fields)
    except (TypeError, ValueError, RecursionError):
        raise InvalidError("`record.definition` must hold what JSON can") from None


def _texts(value: object, argument: str) -> list[str]:
    if not isinstance(value, (tuple, list)) or not all(isinstance(each, str) for each in value):
        raise InvalidError(f"`{argument}` must hold strings")
    return list(value)


def _record(row: sqlite3.Row) -> ImageRecord:
    known = {each.name for each in dataclasses.fields(ImageRecord)}
    fields = {name: value for name, value in json.loads(row["body"]).items() if name in known}
    for name in _TUPLES:
        if fields.get(name) is not None:
            fields[name] = tuple(fields[name])
    return ImageRecord(**fields)


def _get(connection: sqlite3.Connection, id_: str) -> ImageRecord:
    row = connection.execute("SELECT body FROM images WHERE id = ?", (id_,)).fetchone()
    if row is None:
        raise no_object("Image", id_)
    return _record(row)
