"""The hooks under the real pre-commit, from a clone of this repository's HEAD: a credential stops the commit."""

from __future__ import annotations

import os
import shutil
import string
import subprocess
import sys
from pathlib import Path
from random import Random

import pytest

ROOT = Path(__file__).parent.parent
CLEAN = """import modal

app = modal.App("bot")


@app.function(secrets=[modal.Secret.from_name("huggingface-secret", required_keys=["HF_TOKEN"])])
def answer() -> None: ...
"""
HARDCODED = """import modal

app = modal.App("bot")


@app.function(env={{"HF_TOKEN": "{token}"}})
def answer() -> None: ...
"""

pytestmark = [
    pytest.mark.skipif(not (ROOT / ".git").exists(), reason="needs this repository's history, not only its files"),
    pytest.mark.skipif(shutil.which("git") is None, reason="needs git"),
]


def _token() -> str:
    """A key in Hugging Face's shape, made here so that no committed file holds one."""
    return "hf_" + "".join(Random(2).choices(string.ascii_letters, k=34))


class Project:
    """A git repository of a user, with pre-commit's own files beside it."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder / "project"
        # Variables of a git hook that runs these tests would point our git at the wrong repository.
        kept = {name: value for name, value in os.environ.items() if not name.startswith("GIT_")}
        self._environment = {
            **kept,
            "PRE_COMMIT_HOME": str(folder / "pre-commit"),
            "GIT_CONFIG_GLOBAL": os.devnull,
            "GIT_CONFIG_NOSYSTEM": "1",
            **{
                f"GIT_{who}_{what}": "someone@example.org"
                for who in ("AUTHOR", "COMMITTER")
                for what in ("NAME", "EMAIL")
            },
        }
        self.folder.mkdir()
        self.git("init", "-q")

    def run(self, *command: str) -> subprocess.CompletedProcess[str]:
        return subprocess.run(
            command,
            cwd=self.folder,
            env=self._environment,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            encoding="utf-8",
            timeout=240,
            check=False,
        )

    def git(self, *arguments: str) -> str:
        done = self.run("git", *arguments)
        assert done.returncode == 0, done.stdout
        return done.stdout.strip()

    def pre_commit(self, *arguments: str) -> subprocess.CompletedProcess[str]:
        return self.run(sys.executable, "-m", "pre_commit", *arguments)

    def stage(self, name: str, text: str) -> None:
        (self.folder / name).write_text(text, encoding="utf-8")
        self.git("add", name)


@pytest.fixture
def project(tmp_path: Path) -> Project:
    return Project(tmp_path)


@pytest.fixture
def hooks(tmp_path: Path, project: Project) -> Path:
    """A clone of this repository: what a user's pre-commit fetches, and nothing that is not committed."""
    clone = tmp_path / "hooks"
    project.git("clone", "-q", str(ROOT), str(clone))
    return clone


def test_a_commit_with_a_hardcoded_key_is_blocked(project: Project, hooks: Path) -> None:
    revision = project.git("-C", str(hooks), "rev-parse", "HEAD")
    configuration = f"repos:\n- repo: {hooks}\n  rev: {revision}\n  hooks:\n  - id: modal-lint\n"
    project.stage(".pre-commit-config.yaml", configuration)
    installed = project.pre_commit("install")
    assert installed.returncode == 0, installed.stdout
    token = _token()

    project.stage("app.py", HARDCODED.format(token=token))
    blocked = project.run("git", "commit", "-q", "-m", "Add the bot")

    assert blocked.returncode != 0, blocked.stdout
    assert "app.py" in blocked.stdout, blocked.stdout
    assert "MS101" in blocked.stdout, blocked.stdout
    assert token not in blocked.stdout

    project.stage("app.py", CLEAN)
    passed = project.run("git", "commit", "-q", "-m", "Add the bot")

    assert passed.returncode == 0, passed.stdout
    assert project.git("log", "--format=%s") == "Add the bot"


def test_try_repo_offers_the_hook(project: Project, hooks: Path) -> None:
    token = _token()
    project.stage("app.py", HARDCODED.format(token=token))

    tried = project.pre_commit("try-repo", str(hooks), "modal-lint", "--files", "app.py")

    assert tried.returncode == 1, tried.stdout
    assert "MS101" in tried.stdout, tried.stdout
    assert token not in tried.stdout
