"""The workspace: what it keeps, for whom, and what it says to arguments that make no sense."""

from __future__ import annotations

import inspect
import multiprocessing
import os
import secrets
import stat
import subprocess
import sys
import threading
from typing import TYPE_CHECKING, Any

import pytest
from lint_process import SOURCES
from modal_lint_runtime.errors import (
    AlreadyExistsError,
    ConflictError,
    InvalidError,
    MissingKeysError,
    ModalError,
    NotFoundError,
    WorkspaceError,
)
from modal_lint_runtime.records import AppRecord, ImageRecord, SandboxRecord, SecretRecord, new_id
from modal_lint_runtime.workspace import Workspace, default_path

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

HUGE = "x" * 1_000_000


@pytest.fixture
def root(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("MODAL_LINT_RUNTIME_KEYRING", "0")
    return tmp_path / "workspace"


@pytest.fixture
def workspace(root: Path) -> Iterator[Workspace]:
    with Workspace(root) as opened:
        yield opened


def test_a_secret_is_found_by_name_and_its_values_by_id(workspace: Workspace) -> None:
    made = workspace.secret_create("database-creds", {"DB_HOST": "localhost", "DB_PASSWORD": "", "EMOJI": "é\n🔑"})
    found = workspace.secret_lookup("database-creds", required_keys=["DB_PASSWORD", "DB_HOST"])
    assert found == made
    assert found.keys == ("DB_HOST", "DB_PASSWORD", "EMOJI")
    assert workspace.secret_values(found.id) == {"DB_HOST": "localhost", "DB_PASSWORD": "", "EMOJI": "é\n🔑"}


def test_what_is_kept_survives_closing(root: Path) -> None:
    with Workspace(root) as first:
        made = first.secret_create("kept", {"A": "1"})
    with Workspace(root) as second:
        assert second.secret_lookup("kept") == made
        assert second.secret_values(made.id) == {"A": "1"}


def test_a_missing_secret_and_missing_keys_are_told_apart(workspace: Workspace) -> None:
    with pytest.raises(NotFoundError, match="Secret 'missing' not found"):
        workspace.secret_lookup("missing")
    workspace.secret_create("some", {"A": "1"})
    with pytest.raises(MissingKeysError, match="B, C") as caught:
        workspace.secret_lookup("some", required_keys=["B", "A", "C"])
    assert caught.value.keys == ("B", "C")
    with pytest.raises(NotFoundError, match="Environment 'nowhere'"):
        workspace.secret_lookup("some", "nowhere")


def test_a_name_that_is_taken(workspace: Workspace) -> None:
    made = workspace.secret_create("name", {"A": "1", "B": "1"})
    with pytest.raises(AlreadyExistsError, match="'name'"):
        workspace.secret_create("name", {"A": "2"})
    assert workspace.secret_create("name", {"A": "3"}, on_conflict="keep") == made
    assert workspace.secret_values(made.id) == {"A": "1", "B": "1"}
    replaced = workspace.secret_create("name", {"C": "4"}, on_conflict="overwrite")
    assert (replaced.id, replaced.keys) == (made.id, ("C",))
    assert replaced.updated_at > made.updated_at
    assert workspace.secret_values(made.id) == {"C": "4"}


def test_an_update_merges_and_removes(workspace: Workspace) -> None:
    made = workspace.secret_create("name", {"A": "1", "B": "2", "C": "3"})
    changed = workspace.secret_update(made.id, {"B": "two", "C": None, "D": "4", "NEVER_THERE": None})
    assert changed.keys == ("A", "B", "D")
    assert workspace.secret_values(made.id) == {"A": "1", "B": "two", "D": "4"}


def test_a_deleted_secret_is_gone_for_those_that_have_its_id(workspace: Workspace) -> None:
    made = workspace.secret_create("name", {"A": "1"})
    workspace.secret_delete(made.id)
    for call in (workspace.secret_values, workspace.secret_get, workspace.secret_delete):
        with pytest.raises(NotFoundError, match=made.id):
            call(made.id)
    with pytest.raises(NotFoundError):
        workspace.secret_update(made.id, {"A": "2"})
    assert workspace.secret_create("name", {"A": "1"}).id != made.id


def test_the_list_is_newest_first_and_can_be_paged(workspace: Workspace) -> None:
    names = [f"secret-{number}" for number in range(25)]
    for name in names:
        workspace.secret_create(name, {"A": name})
    workspace.secret_ephemeral({"A": "1"})
    paged: list[SecretRecord] = []
    while page := workspace.secret_list(limit=10, before=paged[-1].created_at if paged else None):
        paged += page
    assert [record.name for record in paged] == names[::-1]
    assert paged == workspace.secret_list()
    assert workspace.secret_list(limit=0) == []


def test_a_use_is_noted(workspace: Workspace) -> None:
    made = workspace.secret_create("name", {})
    assert made.last_used_at is None
    assert workspace.secret_values(made.id) == {}
    used = workspace.secret_get(made.id).last_used_at
    assert used is not None
    assert used >= made.created_at


def test_environments_keep_their_objects_apart(workspace: Workspace) -> None:
    assert [each.name for each in workspace.environments()] == ["main"]
    dev = workspace.environment_create("dev")
    assert workspace.environment_get("dev") == dev
    with pytest.raises(AlreadyExistsError):
        workspace.environment_create("dev")
    here, there = workspace.secret_create("name", {"A": "1"}), workspace.secret_create("name", {"A": "2"}, "dev")
    assert (here.environment, there.environment) == ("main", "dev")
    assert workspace.secret_lookup("name", "dev") == there
    assert workspace.secret_lookup("name", "") == here
    workspace.environment_delete("dev")
    with pytest.raises(NotFoundError):
        workspace.secret_values(there.id)
    with pytest.raises(NotFoundError):
        workspace.environment_get("dev")
    with pytest.raises(InvalidError, match="main"):
        workspace.environment_delete("main")


def test_an_ephemeral_secret_ends_with_its_workspace(root: Path) -> None:
    with Workspace(root) as other:
        with Workspace(root) as mine:
            made = mine.secret_ephemeral({"A": "1"})
            assert (made.name, made.app_id) == (None, None)
            assert other.secret_values(made.id) == {"A": "1"}
        with pytest.raises(NotFoundError):
            other.secret_values(made.id)


def test_what_a_dead_process_left_is_ended(root: Path) -> None:
    script = """
import os, signal, sys
from modal_lint_runtime.records import SandboxRecord, new_id
from modal_lint_runtime.workspace import Workspace
workspace = Workspace(sys.argv[1])
app = workspace.app_create()
named = workspace.app_lookup("named", create_if_missing=True)
sandbox = workspace.sandbox_put(SandboxRecord(new_id("sb"), named.id))
print(workspace.secret_ephemeral({"A": "1"}).id, app.id, named.id, sandbox.id, flush=True)
os.kill(os.getpid(), signal.SIGKILL)
"""
    killed = subprocess.run(
        [sys.executable, "-c", script, root],
        env={**os.environ, "PYTHONPATH": SOURCES},
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )
    secret, app, named, sandbox = killed.stdout.split()
    with Workspace(root) as workspace:
        with pytest.raises(NotFoundError):
            workspace.secret_get(secret)
        assert workspace.app_get(app).state == "stopped"
        assert workspace.app_get(named).state == "deployed"
        lost = workspace.sandbox_get(sandbox)
        assert (lost.state, lost.returncode) == ("lost", 137)


def test_apps_and_the_secrets_they_own(workspace: Workspace) -> None:
    with pytest.raises(NotFoundError, match="App 'api'"):
        workspace.app_lookup("api")
    app = workspace.app_lookup("api", create_if_missing=True)
    assert workspace.app_lookup("api", create_if_missing=True) == app == workspace.app_lookup("api")
    anonymous = workspace.app_create()
    assert isinstance(anonymous, AppRecord)
    assert [each.id for each in workspace.app_list()] == [anonymous.id, app.id]
    owned = workspace.secret_ephemeral({"A": "1"}, app_id=app.id)
    assert owned.app_id == app.id
    assert workspace.app_stop(app.id).state == "stopped"
    with pytest.raises(NotFoundError):
        workspace.secret_get(owned.id)
    with pytest.raises(ConflictError):
        workspace.secret_ephemeral({"A": "1"}, app_id=app.id)
    assert workspace.app_lookup("api", create_if_missing=True).id != app.id
    assert workspace.app_set_state(anonymous.id, "detached").state == "detached"


def test_images_are_found_by_content_and_name(workspace: Workspace) -> None:
    record = ImageRecord(
        new_id("im"), "key", {"steps": [["RUN true"]]}, ("one", "two"), {"A": "b"}, "/w", ("sh",), None, warnings=("x",)
    )
    stored = workspace.image_put(record)
    assert workspace.image_get(record.id) == stored == workspace.image_find("key")
    assert stored.layers == ("one", "two")
    assert workspace.image_find("other") is None
    workspace.image_tag(record.id, "base")
    assert workspace.image_by_tag("base") == stored
    newer = workspace.image_put(ImageRecord(new_id("im"), "key"))
    assert workspace.image_find("key") == newer
    workspace.image_tag(newer.id, "base")
    assert workspace.image_by_tag("base") == newer
    assert workspace.image_list() == [newer, stored]
    workspace.image_put(newer)
    assert workspace.image_by_tag("base") == newer
    workspace.image_delete(newer.id)
    with pytest.raises(NotFoundError):
        workspace.image_by_tag("base")
    with pytest.raises(NotFoundError):
        workspace.image_get(newer.id)
    workspace.image_tag(record.id, "base")
    workspace.image_untag("base")
    with pytest.raises(NotFoundError):
        workspace.image_untag("base")


def test_sandboxes_by_name_and_tag(workspace: Workspace) -> None:
    app, other = (workspace.app_lookup(name, create_if_missing=True) for name in ("one", "two"))
    first = workspace.sandbox_put(SandboxRecord(new_id("sb"), app.id, "worker", tags={"kind": "a", "size": "1"}))
    assert first.owner_pid == os.getpid()
    with pytest.raises(AlreadyExistsError, match="worker"):
        workspace.sandbox_put(SandboxRecord(new_id("sb"), app.id, "worker"))
    with pytest.raises(AlreadyExistsError):
        workspace.sandbox_put(SandboxRecord(first.id, app.id))
    second = workspace.sandbox_put(
        SandboxRecord("sb-01JZZZZZZZZZZZZZZZZZZZZZZZ", other.id, "worker", tags={"kind": "a"})
    )
    assert workspace.sandbox_by_name(app.id, "worker") == first
    assert workspace.sandbox_list(tags={"kind": "a"}) == [second, first]
    assert workspace.sandbox_list(tags={"size": "1"}) == [first]
    assert workspace.sandbox_list(app_id=other.id) == [second]
    with pytest.raises(AlreadyExistsError):
        workspace.sandbox_update(workspace.sandbox_put(SandboxRecord(new_id("sb"), app.id)).id, name="worker")
    ended = workspace.sandbox_update(first.id, state="finished", returncode=3)
    assert (ended.returncode, ended.finished_at is not None) == (3, True)
    assert workspace.sandbox_by_name(app.id, "worker") is None
    assert first.id not in {each.id for each in workspace.sandbox_list(environment="main")}
    assert ended in workspace.sandbox_list(running_only=False)
    assert workspace.sandbox_update(first.id, tags={"new": "tag"}).tags == {"new": "tag"}
    with pytest.raises(NotFoundError):
        workspace.sandbox_put(SandboxRecord(new_id("sb"), new_id("ap")))


def test_a_reset_leaves_nothing(workspace: Workspace, root: Path) -> None:
    app = workspace.app_lookup("app", create_if_missing=True)
    workspace.secret_create("name", {"A": "1"})
    sandbox = workspace.sandbox_put(SandboxRecord(new_id("sb"), app.id))
    (root / "layers" / "abc").mkdir(parents=True)
    (root / "layers" / "abc" / "file").write_text("data")
    with pytest.raises(ConflictError):
        workspace.reset()
    workspace.sandbox_update(sandbox.id, state="terminated", returncode=137)
    workspace.reset()
    left = [*workspace.secret_list(), *workspace.app_list(), *workspace.sandbox_list(running_only=False)]
    assert left == []
    assert not (root / "layers").exists()
    assert workspace.secret_create("name", {"A": "1"}).keys == ("A",)


def test_the_status_counts(workspace: Workspace, root: Path) -> None:
    before = workspace.status()
    assert (before["path"], before["key"], before["secrets"]) == (str(root), None, 0)
    workspace.secret_create("name", {"A": "1"})
    after = workspace.status()
    assert (after["key"], after["secrets"], after["environments"]) == ("file", 1, 1)


def test_no_file_holds_a_value(root: Path) -> None:
    marks = {number: secrets.token_hex(16) for number in range(8)}
    shown: list[str] = []
    with Workspace(root) as workspace:
        named = workspace.secret_create("named", {"A": marks[0], "B": marks[1]})
        workspace.secret_update(named.id, {"B": marks[2], "C": marks[3]})
        workspace.secret_create("named", {"A": marks[4]}, on_conflict="overwrite")
        workspace.secret_delete(workspace.secret_create("deleted", {"A": marks[5]}).id)
        workspace.secret_ephemeral({"A": marks[6]})
        workspace.secret_values(named.id)
        shown += [repr(named), repr(workspace), repr(vars(workspace)), str(workspace.status())]
        for entries in (
            {"A": marks[7], "B": 1},
            {"A": marks[7], "1": "x"},
            {"A": marks[7] + "\0"},
            {"A": marks[7] * 9999},
        ):
            with pytest.raises(InvalidError) as caught:
                workspace.secret_create("bad", entries)  # type: ignore[arg-type]  # on purpose
            shown.append(repr(caught.value))
        _hold_none(root, marks.values())
    _hold_none(root, marks.values())
    assert not [mark for mark in marks.values() if mark in "".join(shown)]


def _hold_none(root: Path, marks: Any) -> None:
    files = [path for path in root.rglob("*") if path.is_file()]
    assert {path.name for path in files} >= {"workspace.db", "workspace.key"}
    for path in files:
        # Read by another program: closing a file here would drop the locks that SQLite has on it.
        content = subprocess.run(["cat", path], capture_output=True, check=True).stdout
        assert not [mark for mark in marks if mark.encode() in content or bytes.fromhex(mark) in content], path


def test_a_deletion_leaves_not_even_the_ciphertext(workspace: Workspace, root: Path) -> None:
    kept = workspace.secret_create("kept", {"A": "1"})
    made = workspace.secret_create("name", {"A_RARE_KEY": "value"})
    workspace.secret_delete(made.id)
    for path in root.iterdir():
        content = subprocess.run(["cat", path], capture_output=True, check=True).stdout
        assert made.id.encode() not in content
        assert b"A_RARE_KEY" not in content
    assert workspace.secret_values(kept.id) == {"A": "1"}


def test_files_are_the_users_alone(root: Path) -> None:
    before = os.umask(0)
    try:
        with Workspace(root) as workspace:
            workspace.secret_create("name", {"A": "1"})
            assert {path.name: oct(stat.S_IMODE(path.stat().st_mode)) for path in [root, *root.iterdir()]} == {
                "workspace": "0o700",
                **{f"workspace.{name}": "0o600" for name in ("db", "db-wal", "db-shm", "key", "lock")},
            }
        for path in root.iterdir():
            path.chmod(0o644)
        root.chmod(0o755)
        with Workspace(root):
            assert all(stat.S_IMODE(path.stat().st_mode) == 0o600 for path in root.iterdir())
            assert stat.S_IMODE(root.stat().st_mode) == 0o700
    finally:
        os.umask(before)


def test_many_threads_share_one_workspace(workspace: Workspace) -> None:
    failures: list[BaseException] = []

    def work(number: int) -> None:
        try:
            for turn in range(10):
                made = workspace.secret_create(f"s-{number}-{turn}", {"A": str(turn)})
                assert workspace.secret_values(made.id) == {"A": str(turn)}
                workspace.secret_update(made.id, {"A": "new"})
                assert workspace.secret_lookup(f"s-{number}-{turn}").id == made.id
        except BaseException as error:
            failures.append(error)

    threads = [threading.Thread(target=work, args=(number,)) for number in range(12)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(60)
    assert failures == []
    assert len(workspace.secret_list()) == 120


def test_one_name_is_created_once_by_many_threads(workspace: Workspace) -> None:
    made: list[str] = []

    def create() -> None:
        try:
            made.append(workspace.secret_create("name", {"A": "1"}).id)
        except AlreadyExistsError:
            made.append("")

    threads = [threading.Thread(target=create) for _ in range(10)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(60)
    assert sorted(made)[:-1] == [""] * 9
    assert sorted(made)[-1]


def test_a_forked_child_uses_the_workspace_and_ends_nothing_of_its_parent(workspace: Workspace) -> None:
    ephemeral = workspace.secret_ephemeral({"A": "1"})

    def child() -> None:
        assert workspace.secret_values(ephemeral.id) == {"A": "1"}
        workspace.secret_create("of-the-child", {"A": "2"})
        workspace.close()

    process = multiprocessing.get_context("fork").Process(target=child)
    process.start()
    process.join(60)
    assert process.exitcode == 0
    assert workspace.secret_values(ephemeral.id) == {"A": "1"}
    assert workspace.secret_values(workspace.secret_lookup("of-the-child").id) == {"A": "2"}


def test_a_closed_workspace_says_so(root: Path) -> None:
    workspace = Workspace(root)
    workspace.close()
    workspace.close()
    with pytest.raises(WorkspaceError, match="closed"):
        workspace.secret_list()


def test_the_directory_can_come_from_the_environment(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setenv("MODAL_LINT_RUNTIME_DIR", str(tmp_path / "told"))
    with Workspace() as workspace:
        assert workspace.root == tmp_path / "told" == default_path()
    monkeypatch.delenv("MODAL_LINT_RUNTIME_DIR")
    monkeypatch.setenv("XDG_DATA_HOME", str(tmp_path))
    monkeypatch.setenv("HOME", str(tmp_path))
    assert default_path().is_relative_to(tmp_path)
    assert default_path().name == "modal-lint"


def test_opening_loads_nothing_that_only_values_need(root: Path) -> None:
    Workspace(root).close()
    script = """
import sys
from modal_lint_runtime.workspace import Workspace
with Workspace(sys.argv[1]) as workspace:
    workspace.secret_list()
print([name for name in ("cryptography", "keyring", "click", "platformdirs") if name in sys.modules])
"""
    done = subprocess.run(
        [sys.executable, "-c", script, root],
        env={**os.environ, "PYTHONPATH": SOURCES},
        capture_output=True,
        text=True,
        timeout=60,
        check=True,
    )
    assert done.stdout.strip() == "[]"


ARGUMENTS: dict[str, dict[str, Any]] = {
    "environment_get": {"name": "main"},
    "environment_create": {"name": "new"},
    "environment_delete": {"name": "other"},
    "secret_lookup": {"name": "name", "environment": "main", "required_keys": ["A"]},
    "secret_create": {"name": "new", "entries": {"A": "1"}, "environment": "main", "on_conflict": "fail"},
    "secret_ephemeral": {"entries": {"A": "1"}, "environment": "main", "app_id": None},
    "secret_update": {"secret_id": "SECRET", "entries": {"A": "2"}},
    "secret_get": {"secret_id": "SECRET"},
    "secret_list": {"environment": "main", "limit": 1, "before": 1e12},
    "secret_delete": {"secret_id": "SECRET"},
    "secret_values": {"secret_id": "SECRET"},
    "app_lookup": {"name": "app", "environment": "main", "create_if_missing": True},
    "app_create": {"environment": "main"},
    "app_get": {"app_id": "APP"},
    "app_list": {"environment": "main"},
    "app_set_state": {"app_id": "APP", "state": "detached"},
    "app_stop": {"app_id": "APP"},
    "image_put": {"record": ImageRecord(new_id("im"))},
    "image_get": {"image_id": "IMAGE"},
    "image_find": {"content_key": "key"},
    "image_delete": {"image_id": "IMAGE"},
    "image_tag": {"image_id": "IMAGE", "name": "tag", "environment": "main"},
    "image_by_tag": {"name": "tag", "environment": "main"},
    "image_untag": {"name": "tag", "environment": "main"},
    "sandbox_put": {"record": "RECORD"},
    "sandbox_update": {
        "sandbox_id": "SANDBOX",
        "name": "x",
        "tags": {},
        "state": "running",
        "returncode": 1,
        "timeout": 1,
    },
    "sandbox_get": {"sandbox_id": "SANDBOX"},
    "sandbox_list": {"app_id": "APP", "environment": "main", "tags": {}, "running_only": True},
    "sandbox_by_name": {"app_id": "APP", "name": "name"},
    "volume_lookup": {"name": "name", "environment": "main"},
    "volume_create": {"name": "new", "environment": "main", "version": 0, "on_conflict": "fail"},
    "volume_ephemeral": {"environment": "main", "version": 0},
    "volume_get": {"volume_id": "VOLUME"},
    "volume_list": {"environment": "main", "limit": 1, "before": 1e12},
    "volume_path": {"volume_id": "VOLUME"},
    "volume_delete": {"volume_id": "VOLUME"},
}
WITHOUT_ARGUMENTS = {"environments", "image_list", "status", "check", "reset", "close"}
WRONG: tuple[Any, ...] = (object(), 1.5j, b"bytes", ["list"], {"A": object()}, (1,), lambda: None)
ODD: tuple[Any, ...] = (
    "",
    HUGE,
    "\0",
    "\ud800",
    "a b",
    "../x",
    "-",
    0,
    -1,
    10**30,
    float("nan"),
    float("inf"),
    True,
    [],
    {},
    None,
    (),
)


def test_every_method_is_tried_with_bad_input() -> None:
    public = {name for name, _ in inspect.getmembers(Workspace, inspect.isfunction) if not name.startswith("_")}
    assert public == {*ARGUMENTS, *WITHOUT_ARGUMENTS}


@pytest.mark.parametrize("method", ARGUMENTS)
def test_bad_input_gives_one_typed_error(method: str, workspace: Workspace) -> None:
    app = workspace.app_lookup("app", create_if_missing=True).id
    sandbox = workspace.sandbox_put(SandboxRecord(new_id("sb"), app)).id
    workspace.environment_create("other")
    ids = {
        "SECRET": workspace.secret_create("name", {"A": "1"}).id,
        "APP": app,
        "IMAGE": workspace.image_put(ImageRecord(new_id("im"))).id,
        "SANDBOX": sandbox,
        "RECORD": SandboxRecord(new_id("sb"), app),
        "VOLUME": workspace.volume_create("name").id,
    }
    good = {
        name: ids.get(value, value) if isinstance(value, str) else value for name, value in ARGUMENTS[method].items()
    }
    call = getattr(workspace, method)
    for argument in good:
        for bad in WRONG:
            if argument == "required_keys" and isinstance(bad, (list, dict)):
                continue  # collections of strings
            with pytest.raises(InvalidError) as caught:
                call(**{**good, argument: bad})
            assert f"`{argument}" in str(caught.value), (argument, bad)
        for odd in ODD:
            _returns_or_refuses(call, {**good, argument: odd})
    workspace.check()


def _returns_or_refuses(call: Any, arguments: dict[str, Any]) -> None:
    message = ""
    try:
        call(**arguments)
    except ModalError as error:
        message = str(error)
    assert len(message) < 1000


@pytest.mark.parametrize("bad", [*WRONG, *ODD])
def test_bad_fields_of_records(bad: Any, workspace: Workspace) -> None:
    app = workspace.app_lookup("app", create_if_missing=True).id
    sandbox = {"id": new_id("sb"), "app_id": app}
    for field in inspect.signature(SandboxRecord).parameters:
        _returns_or_refuses(workspace.sandbox_put, {"record": SandboxRecord(**{**sandbox, field: bad})})
    for field in inspect.signature(ImageRecord).parameters:
        _returns_or_refuses(workspace.image_put, {"record": ImageRecord(**{"id": new_id("im"), field: bad})})
    workspace.image_list()
    workspace.sandbox_list(running_only=False)


@pytest.mark.parametrize("bad", [*WRONG, "", "\0", "\ud800", HUGE, "a/" * 100_000, 0, True])
def test_bad_paths(bad: Any) -> None:
    with pytest.raises((InvalidError, WorkspaceError)) as caught:
        Workspace(bad)
    assert len(str(caught.value)) < 1000


def test_bad_patience(root: Path) -> None:
    for bad in (*WRONG, "1", -1, float("nan"), None):
        with pytest.raises(InvalidError, match="`patience`"):
            Workspace(root, patience=bad)
