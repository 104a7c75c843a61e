"""Secrets through the local server, with the real Python SDK and its command."""

from __future__ import annotations

import json
import subprocess
import sys
from typing import TYPE_CHECKING, Any

import pytest

modal = pytest.importorskip("modal")

if TYPE_CHECKING:
    from modal_lint_runtime.pytest_plugin import ModalWorkspace

pytest_plugins = ["modal_lint_runtime.pytest_plugin"]


def names(**kwargs: Any) -> list[str]:
    return [secret.name for secret in modal.Secret.objects.list(**kwargs)]


def run_modal(workspace: ModalWorkspace, *arguments: str) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, "-m", "modal", *arguments]
    return subprocess.run(command, env=workspace.environment(), text=True, capture_output=True, timeout=60, check=False)


@pytest.mark.usefixtures("modal_workspace")
def test_create_look_up_and_delete() -> None:
    modal.Secret.objects.create("api-keys", {"API_KEY": "first", "OTHER": "x"})
    secret = modal.Secret.from_name("api-keys", required_keys=["API_KEY"]).hydrate()
    assert secret.object_id.startswith("st-")
    assert names() == ["api-keys"]
    modal.Secret.objects.delete("api-keys")
    assert names() == []
    with pytest.raises(modal.exception.NotFoundError, match="Secret 'api-keys' not found"):
        modal.Secret.from_name("api-keys").hydrate()


def test_values_are_what_the_workspace_holds(modal_workspace: ModalWorkspace) -> None:
    modal.Secret.objects.create("api-keys", {"A": "1", "B": ""})
    secret_id = modal.Secret.from_name("api-keys").hydrate().object_id
    assert modal_workspace.workspace.secret_values(secret_id) == {"A": "1", "B": ""}
    modal.Secret.from_name("api-keys").update({"B": "2", "C": "3"})
    assert modal_workspace.workspace.secret_values(secret_id) == {"A": "1", "B": "2", "C": "3"}


@pytest.mark.usefixtures("modal_workspace")
def test_missing_keys_are_a_conflict_that_names_them() -> None:
    modal.Secret.objects.create("database", {"DB_HOST": "h"})
    with pytest.raises(modal.exception.ConflictError, match=r"Secret is missing key\(s\): DB_PASSWORD, DB_USER"):
        modal.Secret.from_name("database", required_keys=["DB_HOST", "DB_PASSWORD", "DB_USER"]).hydrate()


def test_a_second_create_fails_or_keeps(modal_workspace: ModalWorkspace) -> None:
    modal.Secret.objects.create("one", {"A": "1"})
    with pytest.raises(modal.exception.AlreadyExistsError):
        modal.Secret.objects.create("one", {"A": "2"})
    modal.Secret.objects.create("one", {"A": "2"}, allow_existing=True)
    secret_id = modal.Secret.from_name("one").hydrate().object_id
    assert modal_workspace.workspace.secret_values(secret_id) == {"A": "1"}


@pytest.mark.parametrize("entries", [{"bad-key": "v"}, {"": "v"}, {"1A": "v"}, {"A": "v" * 32769}])
@pytest.mark.usefixtures("modal_workspace")
def test_bad_entries_are_invalid_and_not_shown(entries: dict[str, str]) -> None:
    entries = {key: f"shown-{value}" for key, value in entries.items()}
    with pytest.raises(modal.exception.InvalidError) as error:
        modal.Secret.objects.create("bad", entries)
    assert "shown-" not in str(error.value)
    assert names() == []


def test_list_is_newest_first_over_many_pages(modal_workspace: ModalWorkspace) -> None:
    for number in range(103):
        modal_workspace.secret(f"secret-{number}", {"A": "1"})
    assert names() == [f"secret-{number}" for number in reversed(range(103))]
    assert names(max_objects=3) == ["secret-102", "secret-101", "secret-100"]


@pytest.mark.usefixtures("modal_workspace")
def test_info_has_times_and_no_value() -> None:
    modal.Secret.objects.create("known", {"A": "hidden-value"})
    info = modal.Secret.from_name("known").info()
    assert info.name == "known"
    assert info.created_at.year >= 2024
    assert "hidden-value" not in repr(info)


@pytest.mark.usefixtures("modal_workspace")
def test_delete_of_a_missing_secret() -> None:
    with pytest.raises(modal.exception.NotFoundError):
        modal.Secret.objects.delete("nowhere")
    modal.Secret.objects.delete("nowhere", allow_missing=True)


def test_environments_are_apart(modal_workspace: ModalWorkspace) -> None:
    modal.Environment.objects.create("dev")
    modal.Secret.objects.create("both", {"A": "dev"}, environment_name="dev")
    modal.Secret.objects.create("both", {"A": "main"})
    ids = [modal.Secret.from_name("both", environment_name=name).hydrate().object_id for name in ("dev", "main")]
    assert [modal_workspace.workspace.secret_values(each)["A"] for each in ids] == ["dev", "main"]
    assert sorted(environment.name for environment in modal.Environment.objects.list()) == ["dev", "main"]
    modal.Environment.objects.delete("dev")
    with pytest.raises(modal.exception.NotFoundError):
        modal.Secret.from_name("both", environment_name="dev").hydrate()


def test_the_secret_command(modal_workspace: ModalWorkspace) -> None:
    assert run_modal(modal_workspace, "secret", "create", "cli", "A=1", "B=2").returncode == 0
    twice = run_modal(modal_workspace, "secret", "create", "cli", "A=1")
    assert twice.returncode != 0
    assert run_modal(modal_workspace, "secret", "create", "--force", "cli", "A=9").returncode == 0
    listed = json.loads(run_modal(modal_workspace, "secret", "list", "--json").stdout)
    assert [row["name"] for row in listed] == ["cli"]
    secret_id = modal.Secret.from_name("cli").hydrate().object_id
    assert modal_workspace.workspace.secret_values(secret_id) == {"A": "9"}
    assert run_modal(modal_workspace, "secret", "delete", "--yes", "cli").returncode == 0
    assert names() == []


def test_apps(modal_workspace: ModalWorkspace) -> None:
    with pytest.raises(modal.exception.NotFoundError):
        modal.App.lookup("service")
    app = modal.App.lookup("service", create_if_missing=True)
    assert modal.App.lookup("service").app_id == app.app_id
    listed = run_modal(modal_workspace, "app", "list", "--json")
    assert [row["description"] for row in json.loads(listed.stdout)] == ["service"]
