"""docs/inventory.md says what the two commands say."""

from __future__ import annotations

import re
from pathlib import Path
from typing import TYPE_CHECKING

import pytest
from fixture_cases import run
from lint_process import lint
from modal_lint.cli import check
from modal_lint.inventory import Kind
from modal_lint.inventory.cli import inventory
from modal_lint.preflight_command import preflight

pytest.importorskip("modal")

if TYPE_CHECKING:
    from modal_lint_runtime.pytest_plugin import ModalWorkspace

pytest_plugins = ["modal_lint_runtime.pytest_plugin"]

PAGE = (Path(__file__).resolve().parent.parent / "docs/inventory.md").read_text()


@pytest.fixture(autouse=True)
def project(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The project of the page."""
    (tmp_path / "pyproject.toml").touch()
    files = re.findall(r"^```python\n(# (\w+\.py)\n.*?)^```$", PAGE, re.MULTILINE | re.DOTALL)
    assert [name for _, name in files] == ["keys.py", "app.py"]
    for text, name in files:
        (tmp_path / name).write_text(text)
    monkeypatch.chdir(tmp_path)
    return tmp_path


def shown(command: str) -> str:
    found = re.search(rf"^```console\n\$ {re.escape(command)}\n(.*?)^```$", PAGE, re.MULTILINE | re.DOTALL)
    assert found
    return found[1]


def test_the_inventory_of_the_page() -> None:
    assert run("inventory").out == shown("modal-lint inventory")


def test_the_preflight_of_the_page(project: Path, modal_workspace: ModalWorkspace) -> None:
    for name in ("openai-secret", "old-secret"):
        modal_workspace.secret(name, {"OPENAI_ORG": "x"})
    done = lint("preflight", "--env", "main", cwd=project, environment=modal_workspace.environment({}))
    host = modal_workspace.url.partition("://")[2]
    assert done.out.replace(host, "api.modal.com") == shown("modal-lint preflight --env main")


def test_every_kind_of_user_and_every_option_of_ours_is_there() -> None:
    assert [kind.value for kind in Kind if f"`{kind.value}`" not in PAGE] == []
    own = {name for command in (inventory, preflight) for one in command.params for name in one.opts}
    shared = {name for one in check.params for name in one.opts}
    assert {name for name in own - shared if name.startswith("--") and name not in PAGE} == set()
