"""docs/tutorial.md, followed word by word in a scratch repository."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest
from lint_process import SOURCES
from pages import blocks, commands, says

pytest.importorskip("modal")

PAGE = Path(__file__).resolve().parent.parent / "docs" / "tutorial.md"
_GIT = ("-c", "user.name=n", "-c", "user.email=e@example.com", "-c", "commit.gpgSign=false")
# What commands leave to be done.
_STATUS = {"modal-lint check --output-format concise": 1, "modal-lint fix": 1, "modal-lint preflight": 1}


def test_the_tutorial_is_true(tmp_path: Path) -> None:
    project = tmp_path / "project"
    (project / "jobs").mkdir(parents=True)
    (project / "pyproject.toml").write_text("")
    environment = _environment(tmp_path)
    followed = 0
    begun = False
    for block in blocks(PAGE.read_text(encoding="utf-8")):
        if block.kind == "console":
            if not begun:
                _git(project, "init", "-q", "-b", "main")
                _git(project, "add", ".")
                _git(project, *_GIT, "commit", "-q", "-m", "first")
                begun = True
            for command, said in commands(block.text):
                done = subprocess.run(
                    ["sh", "-c", command], cwd=project, env=environment, capture_output=True, text=True, check=False
                )
                output = done.stderr + done.stdout
                wanted = next((status for start, status in _STATUS.items() if command.startswith(start)), 0)
                assert done.returncode == wanted, (command, output)
                assert says(said).search(output), (command, output)
                followed += 1
        elif block.title and block.kind != "yaml":
            (project / block.title).write_text(block.text)
    assert followed > 10


def test_the_hook_judges(tmp_path: Path) -> None:
    """The plain hook of the page keeps a credential out."""
    (hook,) = (block.text for block in blocks(PAGE.read_text(encoding="utf-8")) if block.text.startswith("#!"))
    _git(tmp_path, "init", "-q")
    _git(tmp_path, *_GIT, "commit", "-q", "--allow-empty", "-m", "first")
    path = tmp_path / ".git" / "hooks" / "pre-commit"
    path.parent.mkdir(exist_ok=True)
    path.write_text(hook)
    path.chmod(0o755)
    (tmp_path / "app.py").write_text("import modal\n\nmodal.Secret.from_dict({'DB_PASSWORD': 'v7Tq2mXp9KsR'})\n")
    _git(tmp_path, "add", ".")
    done = subprocess.run(
        ["git", *_GIT, "commit", "-q", "-m", "x"],
        cwd=tmp_path,
        env=_environment(tmp_path),
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 1
    assert "MS102" in done.stdout + done.stderr


def _git(folder: Path, *arguments: str) -> None:
    subprocess.run(["git", *arguments], cwd=folder, check=True, capture_output=True)


def _environment(folder: Path) -> dict[str, str]:
    """The environment of a user who has installed modal-lint."""
    commands = folder / "bin"
    commands.mkdir()
    program = commands / "modal-lint"
    program.write_text(f'#!/bin/sh\nexec "{sys.executable}" -m modal_lint "$@"\n')
    program.chmod(0o755)
    kept = {name: value for name, value in os.environ.items() if not name.startswith(("MODAL_", "GIT_"))}
    return {
        **kept,
        "PATH": f"{commands}{os.pathsep}{os.environ['PATH']}",
        "PYTHONPATH": SOURCES,
        "MODAL_LINT_RUNTIME_DIR": str(folder / "workspace"),
        "MODAL_LINT_RUNTIME_KEYRING": "0",
        "GIT_AUTHOR_NAME": "n",
        "GIT_AUTHOR_EMAIL": "e@example.com",
        "GIT_COMMITTER_NAME": "n",
        "GIT_COMMITTER_EMAIL": "e@example.com",
        "COLUMNS": "200",
    }
