"""The tables of the workspace, and how an older file becomes a current one."""

from __future__ import annotations

from typing import TYPE_CHECKING

from modal_lint_runtime.errors import WorkspaceError

if TYPE_CHECKING:
    import sqlite3

APPLICATION_ID = 0x6D6C7277
"""In the file's header (PRAGMA application_id), so that a stranger's database is never taken for ours: "mlrw"."""

_SECRETS = """
CREATE TABLE meta (name TEXT PRIMARY KEY, value BLOB NOT NULL) WITHOUT ROWID;
CREATE TABLE environments (
    id TEXT PRIMARY KEY, name TEXT NOT NULL UNIQUE, created_at REAL NOT NULL
);
CREATE TABLE apps (
    id TEXT PRIMARY KEY, name TEXT,
    environment_id TEXT NOT NULL REFERENCES environments ON DELETE CASCADE,
    state TEXT NOT NULL, created_at REAL NOT NULL, stopped_at REAL, owner TEXT
);
CREATE UNIQUE INDEX apps_by_name ON apps (environment_id, name) WHERE name IS NOT NULL AND state != 'stopped';
CREATE TABLE secrets (
    id TEXT PRIMARY KEY, name TEXT,
    environment_id TEXT NOT NULL REFERENCES environments ON DELETE CASCADE,
    app_id TEXT REFERENCES apps ON DELETE CASCADE,
    created_at REAL NOT NULL, updated_at REAL NOT NULL, last_used_at REAL, owner TEXT
);
CREATE UNIQUE INDEX secrets_by_name ON secrets (environment_id, name) WHERE name IS NOT NULL;
CREATE INDEX secrets_by_time ON secrets (environment_id, created_at) WHERE name IS NOT NULL;
CREATE INDEX secrets_by_owner ON secrets (owner) WHERE owner IS NOT NULL;
CREATE INDEX secrets_by_app ON secrets (app_id) WHERE app_id IS NOT NULL;
CREATE TABLE entries (
    number INTEGER PRIMARY KEY, secret_id TEXT NOT NULL REFERENCES secrets ON DELETE CASCADE,
    key TEXT NOT NULL, value BLOB NOT NULL, UNIQUE (secret_id, key)
);
"""

_SANDBOXES = """
CREATE TABLE images (
    id TEXT PRIMARY KEY, content_key TEXT NOT NULL, created_at REAL NOT NULL, body TEXT NOT NULL
);
CREATE INDEX images_by_content ON images (content_key);
CREATE TABLE image_tags (
    environment_id TEXT NOT NULL REFERENCES environments ON DELETE CASCADE, name TEXT NOT NULL,
    image_id TEXT NOT NULL REFERENCES images ON DELETE CASCADE,
    PRIMARY KEY (environment_id, name)
) WITHOUT ROWID;
CREATE INDEX image_tags_by_image ON image_tags (image_id);
CREATE TABLE sandboxes (
    id TEXT PRIMARY KEY, app_id TEXT NOT NULL REFERENCES apps ON DELETE CASCADE,
    name TEXT, image_id TEXT, tags TEXT NOT NULL, state TEXT NOT NULL, returncode INTEGER,
    created_at REAL NOT NULL, finished_at REAL, owner TEXT NOT NULL, timeout REAL
);
CREATE UNIQUE INDEX sandboxes_by_name ON sandboxes (app_id, name) WHERE name IS NOT NULL AND state = 'running';
CREATE INDEX sandboxes_by_state ON sandboxes (state, created_at);
"""

_VOLUMES = """
CREATE TABLE volumes (
    id TEXT PRIMARY KEY, name TEXT,
    environment_id TEXT NOT NULL REFERENCES environments ON DELETE CASCADE,
    version INTEGER NOT NULL, created_at REAL NOT NULL, owner TEXT
);
CREATE UNIQUE INDEX volumes_by_name ON volumes (environment_id, name) WHERE name IS NOT NULL;
CREATE INDEX volumes_by_owner ON volumes (owner) WHERE owner IS NOT NULL;
"""

MIGRATIONS = (_SECRETS, _SANDBOXES, _VOLUMES)
"""Step n brings version n to n + 1; a released step never changes."""

VERSION = len(MIGRATIONS)


def version(connection: sqlite3.Connection) -> int:
    """The schema version of an open file, 0 for an empty one; call it inside a transaction.

    Raises:
        WorkspaceError: the file is another program's database, or a newer version's workspace.
    """
    found = _pragma(connection, "user_version")
    ours = _pragma(connection, "application_id") == APPLICATION_ID
    if not ours and connection.execute("SELECT 1 FROM sqlite_master LIMIT 1").fetchone():
        raise WorkspaceError("The file workspace.db is another program's database.")
    if not ours:
        return 0
    if found > VERSION:
        raise WorkspaceError(
            f"The workspace has format {found}, this modal-lint knows up to {VERSION}: upgrade modal-lint."
        )
    return found


def migrate(connection: sqlite3.Connection) -> None:
    """Bring the tables to the current version, inside the transaction that is open."""
    for number in range(version(connection), VERSION):
        for statement in MIGRATIONS[number].split(";\n"):
            connection.execute(statement)
    connection.execute(f"PRAGMA application_id = {APPLICATION_ID}")
    connection.execute(f"PRAGMA user_version = {VERSION}")


def _pragma(connection: sqlite3.Connection, name: str) -> int:
    return int(connection.execute(f"PRAGMA {name}").fetchone()[0])
