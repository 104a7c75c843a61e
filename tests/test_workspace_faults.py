"""The workspace when things go wrong: damaged files, wrong keys, keyrings, killed processes, older formats."""

from __future__ import annotations

import base64
import fcntl
import json
import os
import sqlite3
import subprocess
import sys
import time
from contextlib import closing
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest
from lint_process import SOURCES, _without_privileges
from modal_lint_runtime import schema
from modal_lint_runtime.cipher import Cipher, new_key
from modal_lint_runtime.errors import NotFoundError, WorkspaceError
from modal_lint_runtime.records import SandboxRecord, new_id
from modal_lint_runtime.workspace import Workspace, erase

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

BENCH = Path(__file__).parent.parent / "bench"
VALUE = "the-value-that-is-kept"


@pytest.fixture
def root(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A workspace with one Secret, closed."""
    monkeypatch.setenv("MODAL_LINT_RUNTIME_KEYRING", "0")
    path = tmp_path / "workspace"
    with Workspace(path) as workspace:
        workspace.secret_create("name", {"A": VALUE})
    return path


def _value(workspace: Workspace) -> str:
    return workspace.secret_values(workspace.secret_lookup("name").id)["A"]


def _python(
    script: str, *arguments: str | Path, humble: bool = False, environment: Mapping[str, str] | None = None
) -> subprocess.CompletedProcess[str]:
    """Run a script in a process of its own."""
    return subprocess.run(
        [sys.executable, "-c", script, *map(str, arguments)],
        env={**os.environ, "PYTHONPATH": SOURCES, **(environment or {})},
        capture_output=True,
        text=True,
        timeout=60,
        preexec_fn=_without_privileges if humble else None,
        check=False,
    )


def _overwrite(path: Path, at: int, content: bytes) -> None:
    with path.open("r+b") as file:
        file.seek(at)
        file.write(content)


def _use_all(root: Path) -> None:
    with Workspace(root) as workspace:
        workspace.check()
        _value(workspace)


def _no_header(root: Path) -> None:
    _overwrite(root / "workspace.db", 0, b"\xff" * 100)


def _no_pages(root: Path) -> None:
    _overwrite(root / "workspace.db", 4096, b"\xff" * ((root / "workspace.db").stat().st_size - 4096))


def _cut(root: Path) -> None:
    os.truncate(root / "workspace.db", 5000)


def _text(root: Path) -> None:
    (root / "workspace.db").write_text("not a database, and longer than the header of one " * 10)


def _directory(root: Path) -> None:
    (root / "workspace.db").unlink()
    (root / "workspace.db").mkdir()


@pytest.mark.parametrize("damage", [_no_header, _no_pages, _cut, _text, _directory])
def test_a_damaged_database_is_told(damage: Callable[[Path], None], root: Path) -> None:
    damage(root)
    with pytest.raises(WorkspaceError, match="damaged") as caught:
        _use_all(root)
    assert str(root) in str(caught.value)


def test_a_damaged_value_is_told(root: Path) -> None:
    with closing(sqlite3.connect(root / "workspace.db")) as connection, connection:
        (sealed,) = connection.execute("SELECT value FROM entries").fetchone()
        for bad in (
            b"",
            sealed[:5],
            sealed[:-1],
            sealed[:-1] + bytes([sealed[-1] ^ 1]),
            b"\x02" + sealed[1:],
            7,
            "text",
        ):
            connection.execute("UPDATE entries SET value = ?", (bad,))
            connection.commit()
            with pytest.raises(WorkspaceError, match="decrypted"), Workspace(root) as workspace:
                _value(workspace)


def test_a_value_opens_only_where_it_was_put(root: Path) -> None:
    with Workspace(root) as workspace:
        workspace.secret_create("other", {"B": "x"})
    with closing(sqlite3.connect(root / "workspace.db")) as connection, connection:
        connection.execute("UPDATE entries SET value = (SELECT value FROM entries WHERE key = 'A')")
    with Workspace(root) as workspace:
        assert _value(workspace) == VALUE
        with pytest.raises(WorkspaceError, match="decrypted"):
            workspace.secret_values(workspace.secret_lookup("other").id)


def test_two_values_that_are_alike_do_not_look_alike() -> None:
    cipher = Cipher(new_key())
    assert cipher.seal("same", "st-1", "A") != cipher.seal("same", "st-1", "A")
    assert cipher.open(cipher.seal("same", "st-1", "A"), "st-1", "A") == "same"
    with pytest.raises(WorkspaceError):
        cipher.open(cipher.seal("same", "a", "bc"), "ab", "c")


KEYS = {
    "another": (base64.b64encode(new_key()), "not the one"),
    "no base64": (b"!" * 44, "damaged"),
    "too short": (base64.b64encode(b"short"), "damaged"),
    "empty": (b"", "damaged"),
    "no text": (b"\xff\xfe\x00", "damaged"),
}


@pytest.mark.parametrize("key", KEYS)
def test_a_wrong_key_is_told_and_nothing_is_written_with_it(key: str, root: Path) -> None:
    good = (root / "workspace.key").read_bytes()
    content, message = KEYS[key]
    (root / "workspace.key").write_bytes(content)
    with Workspace(root) as workspace:
        for _ in range(2):
            with pytest.raises(WorkspaceError, match=message):
                _value(workspace)
            with pytest.raises(WorkspaceError, match=message):
                workspace.secret_create("other", {"A": "1"})
    (root / "workspace.key").write_bytes(good)
    with Workspace(root) as workspace:
        assert _value(workspace) == VALUE
        assert len(workspace.secret_list()) == 1


def test_a_missing_key_is_told_and_no_new_one_is_made(root: Path) -> None:
    (root / "workspace.key").unlink()
    with Workspace(root) as workspace:
        assert workspace.secret_lookup("name").keys == ("A",)
        for call in (lambda: _value(workspace), lambda: workspace.secret_ephemeral({"A": "1"}), workspace.check):
            with pytest.raises(WorkspaceError, match="missing"):
                call()
    assert not (root / "workspace.key").exists()


def test_a_key_without_a_database_entry_is_taken_over(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """As when the process that made it was killed at once."""
    monkeypatch.setenv("MODAL_LINT_RUNTIME_KEYRING", "0")
    Workspace(tmp_path / "w").close()
    key = base64.b64encode(new_key())
    (tmp_path / "w" / "workspace.key").write_bytes(key)
    (tmp_path / "w" / "workspace.key.new").write_bytes(b"half")
    with Workspace(tmp_path / "w") as workspace:
        workspace.secret_create("name", {"A": VALUE})
        assert _value(workspace) == VALUE
    assert (tmp_path / "w" / "workspace.key").read_bytes() == key


def test_a_path_that_is_a_file(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("mine")
    for path in (tmp_path / "file", tmp_path / "file" / "below"):
        with pytest.raises(WorkspaceError, match="file"):
            Workspace(path)
    assert (tmp_path / "file").read_text() == "mine"


def test_a_directory_with_other_things_is_left_alone(tmp_path: Path) -> None:
    (tmp_path / "notes.txt").write_text("mine")
    mode = tmp_path.stat().st_mode
    with pytest.raises(WorkspaceError, match="other things"):
        Workspace(tmp_path)
    with pytest.raises(WorkspaceError, match="no workspace"):
        erase(tmp_path)
    assert [path.name for path in tmp_path.iterdir()] == ["notes.txt"]
    assert tmp_path.stat().st_mode == mode


def test_another_programs_database_is_left_alone(tmp_path: Path) -> None:
    with closing(sqlite3.connect(tmp_path / "workspace.db")) as connection, connection:
        connection.execute("CREATE TABLE theirs (x)")
    (tmp_path / "workspace.lock").touch()
    before = (tmp_path / "workspace.db").read_bytes()
    with pytest.raises(WorkspaceError, match="another program"):
        Workspace(tmp_path)
    with pytest.raises(WorkspaceError, match="no workspace"):
        erase(tmp_path)
    assert (tmp_path / "workspace.db").read_bytes() == before


OPEN = """
import sys
from modal_lint_runtime.errors import WorkspaceError
from modal_lint_runtime.workspace import Workspace
try:
    with Workspace(sys.argv[1], patience=0.3) as workspace:
        workspace.secret_create("new", {"A": "1"})
except WorkspaceError as error:
    print(error)
else:
    print("opened")
"""


def test_a_directory_that_cannot_be_written(root: Path, tmp_path: Path) -> None:
    tmp_path.chmod(0o500)
    root.chmod(0o500)
    try:
        for path in (tmp_path / "new", tmp_path / "workspace"):
            done = _python(OPEN, path, humble=True)
            assert done.returncode == 0, done.stderr
            assert "cannot" in done.stdout or "read" in done.stdout, done.stdout
            assert str(path) in done.stdout
    finally:
        tmp_path.chmod(0o700)
        root.chmod(0o700)


def test_a_key_that_cannot_be_read(root: Path) -> None:
    (root / "workspace.key").unlink()
    (root / "workspace.key").mkdir()
    with Workspace(root) as workspace, pytest.raises(WorkspaceError, match="cannot be read"):
        _value(workspace)


def test_a_lock_that_stays_taken(root: Path) -> None:
    with (root / "workspace.lock").open("r+") as file:
        fcntl.flock(file, fcntl.LOCK_EX)
        began = time.monotonic()
        assert "locked by another process" in _python(OPEN, root).stdout
        assert time.monotonic() - began < 30
    assert _python(OPEN, root).stdout == "opened\n"


def test_another_program_that_keeps_the_database_locked(root: Path) -> None:
    with closing(sqlite3.connect(root / "workspace.db")) as connection:
        connection.execute("BEGIN IMMEDIATE")
        assert "locked by another process" in _python(OPEN, root).stdout


def test_a_workspace_that_is_removed_or_replaced_while_open(root: Path, tmp_path: Path) -> None:
    with Workspace(root) as workspace:
        root.rename(tmp_path / "away")
        with pytest.raises(WorkspaceError, match="removed or replaced"):
            workspace.secret_lookup("name")
        Workspace(root).close()
        with pytest.raises(WorkspaceError, match="removed or replaced"):
            workspace.secret_create("new", {"A": "1"})
        assert Workspace(root).secret_list() == []


def test_a_damaged_workspace_can_be_erased(root: Path) -> None:
    (root / "layers" / "one").mkdir(parents=True)
    _no_header(root)
    erase(root)
    assert list(root.iterdir()) == []
    with Workspace(root) as workspace:
        assert workspace.secret_list() == []


def test_a_newer_format_is_refused(root: Path) -> None:
    with closing(sqlite3.connect(root / "workspace.db")) as connection, connection:
        connection.execute(f"PRAGMA user_version = {schema.VERSION + 1}")
    with pytest.raises(WorkspaceError, match=f"format {schema.VERSION + 1}"):
        Workspace(root)


# Format 1, written down here by hand: it must stay readable whatever becomes of the code.
FORMAT_1 = """
CREATE TABLE meta (name TEXT PRIMARY KEY, value BLOB NOT NULL) WITHOUT ROWID;
CREATE TABLE environments (id TEXT PRIMARY KEY, name TEXT NOT NULL UNIQUE, created_at REAL NOT NULL);
CREATE TABLE apps (id TEXT PRIMARY KEY, name TEXT,
    environment_id TEXT NOT NULL REFERENCES environments ON DELETE CASCADE,
    state TEXT NOT NULL, created_at REAL NOT NULL, stopped_at REAL, owner TEXT);
CREATE UNIQUE INDEX apps_by_name ON apps (environment_id, name) WHERE name IS NOT NULL AND state != 'stopped';
CREATE TABLE secrets (id TEXT PRIMARY KEY, name TEXT,
    environment_id TEXT NOT NULL REFERENCES environments ON DELETE CASCADE,
    app_id TEXT REFERENCES apps ON DELETE CASCADE,
    created_at REAL NOT NULL, updated_at REAL NOT NULL, last_used_at REAL, owner TEXT);
CREATE UNIQUE INDEX secrets_by_name ON secrets (environment_id, name) WHERE name IS NOT NULL;
CREATE TABLE entries (number INTEGER PRIMARY KEY, secret_id TEXT NOT NULL REFERENCES secrets ON DELETE CASCADE,
    key TEXT NOT NULL, value BLOB NOT NULL, UNIQUE (secret_id, key));
INSERT INTO environments VALUES ('en-0123456789abcdefghijAB', 'main', 1700000000.0);
INSERT INTO apps VALUES ('ap-0123456789abcdefghijAB', 'api', 'en-0123456789abcdefghijAB', 'deployed',
    1700000001.0, NULL, NULL);
INSERT INTO secrets VALUES ('st-0123456789abcdefghijAB', 'name', 'en-0123456789abcdefghijAB', NULL,
    1700000002.0, 1700000003.0, NULL, NULL);
PRAGMA application_id = 1835823735;
PRAGMA user_version = 1;
"""
SECRET_1, ACCOUNT_1 = "st-0123456789abcdefghijAB", "wk-0123456789abcdefghijAB"


def _format_1(root: Path) -> None:
    """A workspace as the first version wrote it: values are 0x01, a nonce, and AES-256-GCM bound to a JSON list."""
    from cryptography.hazmat.primitives.ciphers.aead import AESGCM

    key = bytes(range(32))

    def sealed(text: str, *place: str) -> bytes:
        return b"\x01" + b"n" * 12 + AESGCM(key).encrypt(b"n" * 12, text.encode(), json.dumps(place).encode())

    root.mkdir(mode=0o700)
    (root / "workspace.key").write_bytes(base64.b64encode(key) + b"\n")
    with closing(sqlite3.connect(root / "workspace.db")) as connection, connection:
        connection.executescript(FORMAT_1)
        rows = {"id": ACCOUNT_1, "key_place": "file", "key_check": sealed("modal-lint workspace key", ACCOUNT_1, "")}
        connection.executemany("INSERT INTO meta VALUES (?, ?)", rows.items())
        connection.execute("INSERT INTO entries VALUES (1, ?, 'A', ?)", (SECRET_1, sealed(VALUE, SECRET_1, "A")))


def test_an_older_format_is_brought_forward(tmp_path: Path) -> None:
    _format_1(tmp_path / "w")
    for _ in range(2):
        with Workspace(tmp_path / "w") as workspace:
            record = workspace.secret_lookup("name")
            assert (record.id, record.created_at, record.updated_at) == (SECRET_1, 1700000002.0, 1700000003.0)
            assert _value(workspace) == VALUE
            app = workspace.app_lookup("api")
            workspace.sandbox_put(SandboxRecord(new_id("sb"), app.id))
            assert workspace.status()["format"] == schema.VERSION
            workspace.check()


def test_several_processes_bring_an_older_format_forward_at_once(tmp_path: Path) -> None:
    _format_1(tmp_path / "w")
    command = [sys.executable, "-c", OPEN.replace("0.3", "30").replace('"new"', "f'new-{__import__(\"os\").getpid()}'")]
    environment = {**os.environ, "PYTHONPATH": SOURCES}
    started = [
        subprocess.Popen([*command, tmp_path / "w"], env=environment, stdout=subprocess.PIPE, text=True)
        for _ in range(6)
    ]
    assert [process.communicate(timeout=60)[0] for process in started] == ["opened\n"] * 6
    with Workspace(tmp_path / "w") as workspace:
        assert len(workspace.secret_list()) == 7
        assert _value(workspace) == VALUE


def test_every_format_ends_with_the_tables_of_the_newest() -> None:
    def tables(start: int) -> set[tuple[str, str]]:
        with closing(sqlite3.connect(":memory:")) as connection:
            connection.executescript("".join(schema.MIGRATIONS[:start]))
            if start:
                connection.execute(f"PRAGMA application_id = {schema.APPLICATION_ID}")
                connection.execute(f"PRAGMA user_version = {start}")
            schema.migrate(connection)
            return set(connection.execute("SELECT type, name FROM sqlite_master"))

    assert all(tables(start) == tables(0) for start in range(schema.VERSION + 1))


# Keyrings of the interface that the keyring package has for others' backends; the names say how they behave.
BACKENDS = """
import os, time
from keyring.backend import KeyringBackend

class Working(KeyringBackend):
    priority = 5
    def _file(self, service, username):
        return os.path.join(os.environ["RING"], f"{service}-{username}")
    def get_password(self, service, username):
        try:
            with open(self._file(service, username)) as file:
                return file.read()
        except FileNotFoundError:
            return None
    def set_password(self, service, username, password):
        with open(self._file(service, username), "w") as file:
            file.write(password)

class Raising(Working):
    def get_password(self, service, username):
        raise RuntimeError("locked")
    set_password = get_password

class Hanging(Working):
    def get_password(self, service, username):
        time.sleep(600)
    def set_password(self, service, username, password):
        time.sleep(600)

class Forgetting(Working):
    def set_password(self, service, username, password):
        pass
"""
USE = """
import sys, time
from modal_lint_runtime import keyring_key
from modal_lint_runtime.errors import ModalError
from modal_lint_runtime.workspace import Workspace
keyring_key.PATIENCE = 0.5
try:
    with Workspace(sys.argv[1]) as workspace:
        record = workspace.secret_create("name", {"A": sys.argv[2]}, on_conflict="keep")
        assert workspace.secret_values(record.id) == {"A": sys.argv[2]}
        print(workspace.status()["key"])
except ModalError as error:
    print(f"{type(error).__name__}: {error}")
"""


def _use(tmp_path: Path, backend: str, **environment: str) -> str:
    (tmp_path / "ring").mkdir(exist_ok=True)
    (tmp_path / "code").mkdir(exist_ok=True)
    (tmp_path / "code" / "backends.py").write_text(BACKENDS)
    done = _python(
        USE,
        tmp_path / "w",
        VALUE,
        environment={
            "PYTHONPATH": os.pathsep.join([str(tmp_path / "code"), SOURCES]),
            "PYTHON_KEYRING_BACKEND": backend,
            "RING": str(tmp_path / "ring"),
            "MODAL_LINT_RUNTIME_KEYRING": "",
            **environment,
        },
    )
    assert done.returncode == 0, done.stderr
    return done.stdout.strip()


def test_the_key_is_in_a_keyring_that_works_and_in_no_file(tmp_path: Path) -> None:
    assert _use(tmp_path, "backends.Working") == "keyring"
    assert _use(tmp_path, "backends.Working") == "keyring"
    assert not (tmp_path / "w" / "workspace.key").exists()
    (kept,) = (tmp_path / "ring").iterdir()
    key = kept.read_bytes()
    assert len(base64.b64decode(key)) == 32
    for path in (tmp_path / "w").iterdir():
        assert key not in path.read_bytes()
        assert base64.b64decode(key) not in path.read_bytes()


@pytest.mark.parametrize(
    "backend",
    [
        "backends.Raising",
        "backends.Hanging",
        "backends.Forgetting",
        "backends.NotThere",
        "keyring.backends.fail.Keyring",
        "keyring.backends.null.Keyring",
    ],
)
def test_the_key_is_in_a_file_when_no_keyring_serves(backend: str, tmp_path: Path) -> None:
    began = time.monotonic()
    assert _use(tmp_path, backend) == "file"
    assert time.monotonic() - began < 20
    assert (tmp_path / "w" / "workspace.key").stat().st_mode & 0o777 == 0o600


def test_a_keyring_can_be_switched_off(tmp_path: Path) -> None:
    assert _use(tmp_path, "backends.Working", MODAL_LINT_RUNTIME_KEYRING="0") == "file"
    assert _use(tmp_path, "backends.Working") == "file"
    assert list((tmp_path / "ring").iterdir()) == []


def test_a_keyring_that_no_longer_gives_the_key_is_told(tmp_path: Path) -> None:
    assert _use(tmp_path, "backends.Working") == "keyring"
    switched_off = _use(tmp_path, "backends.Working", MODAL_LINT_RUNTIME_KEYRING="0")
    assert switched_off.startswith("WorkspaceError")
    assert "MODAL_LINT_RUNTIME_KEYRING" in switched_off
    for backend in ("backends.Raising", "backends.Hanging", "keyring.backends.fail.Keyring"):
        assert _use(tmp_path, backend).startswith("WorkspaceError: The key of the workspace is in the system's keyring")
    (kept,) = (tmp_path / "ring").iterdir()
    kept.write_bytes(base64.b64encode(new_key()))
    assert _use(tmp_path, "backends.Working").startswith("WorkspaceError")
    kept.write_text("no key")
    assert "damaged" in _use(tmp_path, "backends.Working")


def test_a_deletion_elsewhere_is_seen_at_once(root: Path) -> None:
    with Workspace(root) as here, Workspace(root) as there:
        record = here.secret_lookup("name")
        there.secret_delete(record.id)
        with pytest.raises(NotFoundError):
            here.secret_values(record.id)


@pytest.mark.parametrize(
    "part",
    [
        ("--secrets=800", "--lookups=0", "--kills=0", "--starts=0"),
        ("--secrets=0", "--lookups=1000", "--kills=0", "--starts=0"),
        ("--secrets=0", "--lookups=0", "--kills=30", "--starts=0"),
        ("--secrets=0", "--lookups=0", "--kills=0", "--starts=12"),
    ],
    ids=["many", "lookups", "kills", "starts"],
)
def test_load_and_killed_processes(part: tuple[str, ...]) -> None:
    (measured,) = benched("runtime_store.py", *part).values()
    if "acknowledged" in measured:
        assert measured["acknowledged"] > 0
        assert measured["killed_in_a_write"] > 0


@pytest.mark.skipif(not Path("/proc/self").is_dir(), reason="looks for processes in /proc")
def test_clients_killed_in_the_middle_of_changes_builds_and_sandboxes() -> None:
    measured = benched("runtime_kills.py", "--rounds=12")
    assert measured["acknowledged"]["secret"] > 0
    assert set(measured["interrupted"]) != {"nothing"}


def benched(program: str, *options: str) -> dict[str, Any]:
    """What a program of bench/ has measured; it fails by itself where something was lost or left."""
    done = subprocess.run(
        [sys.executable, BENCH / program, *options],
        env={**os.environ, "PYTHONPATH": SOURCES},
        capture_output=True,
        text=True,
        timeout=200,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    measured: dict[str, Any] = json.loads(done.stdout)
    return measured
