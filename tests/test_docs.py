"""The documentation: what is generated is current, blocks are valid, commands are accepted, the site is whole."""

from __future__ import annotations

import json
import os
import re
import shlex
import shutil
import subprocess
import sys
from pathlib import Path

import pytest
import yaml
from lint_process import SOURCES
from modal_lint import reference
from modal_lint.settings import layer
from pages import Block, blocks, commands

if sys.version_info >= (3, 11):
    import tomllib
else:
    import tomli as tomllib

_TOP = Path(__file__).resolve().parent.parent
_PAGES = sorted([*(_TOP / "docs").glob("*.md"), _TOP / "README.md"])
# Pages whose commands are followed one by one, with what they print.
_FOLLOWED = {
    "inventory.md": "test_inventory_docs.py",
    "migrating.md": "test_migrating_docs.py",
    "tutorial.md": "test_tutorial.py",
}
# Commands that wait for input, for an end, or for an account; they have tests of their own.
_WAITING = ("baseline", "preflight", "runtime", "secrets", "server")
_TARGETS = re.compile(r"^([a-z]+):", re.MULTILINE)


def _blocks(*kinds: str) -> list[object]:
    found = [(page, block) for page in _PAGES for block in blocks(page.read_text(encoding="utf-8"))]
    return [
        pytest.param(block, id=f"{page.stem}-{at}") for at, (page, block) in enumerate(found) if block.kind in kinds
    ]


def test_the_configuration_reference_is_current() -> None:
    assert (_TOP / reference.PAGE).read_text(encoding="utf-8") == reference.page()


@pytest.mark.parametrize("block", _blocks("toml"))
def test_toml_is_a_valid_configuration(block: Block, tmp_path: Path) -> None:
    (tmp_path / ".gitleaks.toml").write_text("")
    table = tomllib.loads(block.text)
    layer(table.get("tool", {}).get("modal-lint", {}), str(tmp_path), "docs")


@pytest.mark.parametrize("block", _blocks("yaml"))
def test_yaml_can_be_read(block: Block) -> None:
    assert list(yaml.safe_load_all(block.text))


@pytest.mark.parametrize("block", _blocks("json"))
def test_json_can_be_read(block: Block) -> None:
    json.loads(block.text)


@pytest.mark.parametrize("block", _blocks("python"))
def test_python_compiles(block: Block) -> None:
    compile(block.text, "docs", "exec")


@pytest.mark.parametrize("page", [page for page in _PAGES if page.name not in _FOLLOWED], ids=lambda page: page.stem)
def test_every_command_is_accepted(page: Path, tmp_path: Path) -> None:
    project = _project(tmp_path)
    for block in blocks(page.read_text(encoding="utf-8")):
        for command, _ in commands(block.text) if block.kind == "console" else ():
            words = shlex.split(command, comments=True)
            if words[0] == "modal-lint" and words[1] not in _WAITING:
                done = _run(words[1:], project)
                assert done.returncode in (0, 1), (command, done.stderr)
            else:
                assert _is_known(words), command


def _is_known(words: list[str]) -> bool:
    """Whether a command that is run elsewhere, or cannot be run here, at least names what there is."""
    if words[0] == "make":
        return words[1] in _TARGETS.findall((_TOP / "Makefile").read_text())
    if words[:2] == ["pip", "install"]:
        extras = re.findall(r"\[(\w+)\]", words[2])
        known = tomllib.loads((_TOP / "pyproject.toml").read_text())["project"]["optional-dependencies"]
        return all(extra in known for extra in extras)
    if words[0] == "modal-lint":
        names = [word for word in words[1:3] if not word.startswith("-")]
        return _run([*names, "--help"], _TOP).returncode == 0
    return words[0] in ("git", "python")


def _project(folder: Path) -> Path:
    """The examples, as a repository with a branch to compare with, a notebook and text."""
    project = folder / "project"
    shutil.copytree(_TOP / "examples", project / "examples")
    (project / "src" / "jobs").mkdir(parents=True)
    for name in ("report.py", "app.py"):
        (project / name).write_text("import modal\n")
    (project / "src" / "jobs" / "job.py").write_text("import modal\n")
    notebook = {"cells": [], "metadata": {}, "nbformat": 4, "nbformat_minor": 5}
    (project / "train.ipynb").write_text(json.dumps(notebook))
    git = ["git", "-c", "user.name=n", "-c", "user.email=e@example.com", "-c", "commit.gpgSign=false"]
    for words in (["init", "-q", "-b", "main"], ["add", "."], ["commit", "-qm", "x"]):
        subprocess.run([*git, *words], cwd=project, check=True)
    subprocess.run([*git, "update-ref", "refs/remotes/origin/main", "HEAD"], cwd=project, check=True)
    return project


def _run(words: list[str], folder: Path) -> subprocess.CompletedProcess[str]:
    environment = {name: value for name, value in os.environ.items() if not name.startswith("MODAL_")}
    environment |= {
        "PYTHONPATH": SOURCES,
        "MODAL_LINT_RUNTIME_DIR": str(folder / ".workspace"),
        "MODAL_LINT_RUNTIME_KEYRING": "0",
    }
    return subprocess.run(
        [sys.executable, "-m", "modal_lint", *words],
        cwd=folder,
        env=environment,
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
        timeout=120,
        check=False,
    )


def test_the_pages_that_are_followed_have_their_tests() -> None:
    for page, test in _FOLLOWED.items():
        assert page in (_TOP / "tests" / test).read_text(encoding="utf-8")
