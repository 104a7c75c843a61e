"""Hooks for real: under pre-commit, from a clone of this repository's HEAD, and as a plain hook of git with `--staged`.

Whatever the work tree looks like, both judge what is being committed. One environment of pre-commit serves all tests.
"""

from __future__ import annotations

import json
import shutil
import sys
from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple

import pytest
from git_tree import Repository
from lint_process import SOURCES, token

if TYPE_CHECKING:
    import subprocess
    from collections.abc import Callable

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
# Reads the credential from a module beside it.
IMPORTING = (
    HARDCODED.replace('"{token}"', "TOKEN").format().replace("import modal\n", "import modal\nfrom keys import TOKEN\n")
)
READING = 'import os\n\nTOKEN = os.environ["HF_TOKEN"]\n'
_PLAIN = f"""#!/bin/sh
PYTHONPATH="{SOURCES}" exec "{sys.executable}" -m modal_lint check --staged --since HEAD --force-exclude
"""

pytestmark = [
    pytest.mark.skipif(not (ROOT / ".git").exists(), reason="needs this repository's history, not only its files"),
    pytest.mark.skipif(shutil.which("git") is None, reason="needs git"),
]


def _hardcoded(seed: int = 2) -> str:
    return HARDCODED.format(token=token(seed))


class Hooks(NamedTuple):
    """What pre-commit gets this project's hooks from, and where it keeps the environments that it makes of it."""

    clone: Path
    revision: str
    home: Path


class Project(Repository):
    """A repository of a user, whose commits are judged by a hook."""

    home = ""

    def run(self, *command: str, **variables: str) -> subprocess.CompletedProcess[str]:
        """As `Repository.run`, with what the hooks need."""
        return super().run(*command, PRE_COMMIT_HOME=self.home, **variables)

    def pre_commit(self, *arguments: str) -> subprocess.CompletedProcess[str]:
        """Run pre-commit."""
        return self.run(sys.executable, "-m", "pre_commit", *arguments)

    def blocks(self, *command: str, naming: str | list[str]) -> None:
        """A git command (commit, by default) is stopped for some files, and nothing says a credential."""
        done = self.run("git", *(command or ("commit", "-q", "-m", "a change")))
        assert done.returncode != 0, done.stdout
        for name in [naming] if isinstance(naming, str) else naming:
            assert name in done.stdout, done.stdout
        assert "MS101" in done.stdout, done.stdout
        assert not any(token(seed) in done.stdout for seed in range(9))

    def passes(self, *command: str) -> None:
        """A git command (commit, by default) goes through."""
        self.git(*(command or ("commit", "-q", "-m", "a change")))

    def skipping(self, **files: str) -> None:
        """Commit without being asked."""
        for name, text in files.items():
            self.stage(f"{name}.py", text)
        self.git("commit", "-q", "--no-verify", "-m", "before")


@pytest.fixture(scope="session")
def hooks(tmp_path_factory: pytest.TempPathFactory) -> Hooks:
    """A clone of this repository: what a user's pre-commit fetches, and nothing that is not committed."""
    folder = tmp_path_factory.mktemp("hooks")
    clone = folder / "clone"
    git = Repository(folder / "any")
    git.git("clone", "-q", str(ROOT), str(clone))
    return Hooks(clone, git.git("-C", str(clone), "rev-parse", "HEAD"), folder / "home")


def _with_pre_commit(folder: Path, hooks: Hooks) -> Project:
    project = Project(folder)
    project.home = str(hooks.home)
    configuration = f"repos:\n- repo: {hooks.clone}\n  rev: {hooks.revision}\n  hooks:\n  - id: modal-lint\n"
    project.stage(".pre-commit-config.yaml", configuration)
    installed = project.pre_commit("install", "--hook-type", "pre-commit", "--hook-type", "pre-merge-commit")
    assert installed.returncode == 0, installed.stdout
    return project


def _with_plain_hook(folder: Path, hooks: Hooks) -> Project:
    project = Project(folder)
    project.home = str(hooks.home)
    for name in ("pre-commit", "pre-merge-commit"):
        hook = project.folder / ".git" / "hooks" / name
        hook.write_text(_PLAIN)
        hook.chmod(0o755)
    project.stage("README.md", "A bot.\n")
    return project


_KINDS: dict[str, Callable[[Path, Hooks], Project]] = {"pre-commit": _with_pre_commit, "plain": _with_plain_hook}


@pytest.fixture(params=list(_KINDS))
def project(request: pytest.FixtureRequest, tmp_path: Path, hooks: Hooks) -> Project:
    made = _KINDS[request.param](tmp_path / "project", hooks)
    made.git("commit", "-q", "--no-verify", "-m", "begin")
    return made


def test_a_commit_with_a_hardcoded_key_is_blocked(project: Project) -> None:
    project.stage("app.py", _hardcoded())
    project.blocks(naming="app.py")
    project.stage("app.py", CLEAN)
    project.passes()
    assert project.git("log", "-1", "--format=%s") == "a change"


def test_unstaged_changes_do_not_count(project: Project) -> None:
    project.stage("app.py", _hardcoded())
    project.write("app.py", CLEAN)
    project.blocks(naming="app.py")
    assert (project.folder / "app.py").read_text() == CLEAN
    project.git("add", "app.py")
    project.write("app.py", _hardcoded())
    project.passes()
    assert (project.folder / "app.py").read_text() == _hardcoded()


def test_unstaged_changes_of_an_imported_module_do_not_count(project: Project) -> None:
    hardcoded = f'TOKEN = "{token(2)}"\n'
    project.stage("app.py", IMPORTING)
    project.stage("keys.py", hardcoded)
    project.write("keys.py", READING)
    project.blocks(naming="app.py")
    project.git("add", "keys.py")
    project.write("keys.py", hardcoded)
    project.passes()
    assert (project.folder / "keys.py").read_text() == hardcoded


def test_a_file_that_is_staged_in_part(project: Project) -> None:
    project.skipping(app=CLEAN)
    whole = CLEAN.replace("def answer", "def reply") + _hardcoded().split("\n\n", 1)[1].replace("answer", "more")
    project.write("app.py", whole)
    project.write(
        "part.diff", "--- a/app.py\n+++ b/app.py\n@@ -7 +7 @@\n-def answer() -> None: ...\n+def reply() -> None: ...\n"
    )
    project.git("apply", "--cached", "--unidiff-zero", "part.diff")
    project.passes()
    assert project.git("show", "HEAD:app.py") == CLEAN.replace("answer", "reply").strip()
    assert (project.folder / "app.py").read_text() == whole
    project.git("add", "app.py")
    project.write("app.py", CLEAN)
    project.blocks(naming="app.py")


def test_names_with_spaces_and_letters_of_any_language(project: Project) -> None:
    names = ["with space.py", "größe ☃.py", "'quoted'.py"]
    for seed, name in enumerate(names):
        project.stage(name, _hardcoded(seed))
    project.blocks(naming=names)
    for name in names:
        project.stage(name, CLEAN)
    project.passes()


def test_renamed_and_deleted_files(project: Project) -> None:
    project.skipping(old=CLEAN, gone=_hardcoded(1), kept=_hardcoded(2))
    project.git("rm", "-q", "gone.py")
    project.passes()
    project.git("mv", "old.py", "new.py")
    project.passes()
    project.git("mv", "new.py", "newer.py")
    project.stage("newer.py", _hardcoded(3))
    project.blocks(naming="newer.py")


def test_a_merge_without_conflict(project: Project) -> None:
    project.git("checkout", "-q", "-b", "side")
    project.skipping(side=_hardcoded())
    project.git("checkout", "-q", "main")
    project.skipping(main=CLEAN)
    project.blocks("merge", "-q", "--no-edit", "side", naming="side.py")
    project.git("merge", "--abort")
    project.git("checkout", "-q", "side")
    project.skipping(side=CLEAN)
    project.git("checkout", "-q", "main")
    project.passes("merge", "-q", "--no-edit", "side")


def test_a_merge_with_a_conflict(project: Project) -> None:
    project.skipping(app=CLEAN)
    project.git("checkout", "-q", "-b", "side")
    project.skipping(app=CLEAN.replace("answer", "reply"))
    project.git("checkout", "-q", "main")
    project.skipping(app=CLEAN.replace("answer", "respond"))
    assert project.run("git", "merge", "-q", "side").returncode != 0
    project.stage("app.py", _hardcoded())
    project.blocks("commit", "-q", "--no-edit", naming="app.py")
    project.stage("app.py", CLEAN)
    project.passes("commit", "-q", "--no-edit")
    assert len(project.git("log", "-1", "--format=%P").split()) == 2


def test_the_files_that_pre_commit_is_told(tmp_path: Path, hooks: Hooks) -> None:
    project = _with_pre_commit(tmp_path / "project", hooks)
    project.skipping(app=_hardcoded(1), clean=CLEAN)
    for arguments, status in (
        (["--files", "clean.py"], 0),
        (["--files", "app.py", "clean.py"], 1),
        (["--all-files"], 1),
    ):
        done = project.pre_commit("run", *arguments)
        assert done.returncode == status, done.stdout
        assert ("app.py:6:" in done.stdout) is bool(status)
        assert token(1) not in done.stdout
    cell: dict[str, object] = {
        "cell_type": "code",
        "execution_count": None,
        "id": "c",
        "metadata": {},
        "outputs": [],
        "source": _hardcoded(3),
    }
    notebook = {"cells": [cell], "metadata": {}, "nbformat": 4, "nbformat_minor": 5}
    project.stage("book.ipynb", json.dumps(notebook))
    told = project.pre_commit("run", "--files", "book.ipynb")
    assert told.returncode == 1, told.stdout
    assert "book.ipynb:cell 1:6:" in told.stdout
    ranged = project.pre_commit("run", "--from-ref", "HEAD", "--to-ref", "HEAD")
    assert ranged.returncode == 0, ranged.stdout


def test_try_repo_offers_the_hook(tmp_path: Path, hooks: Hooks) -> None:
    project = Project(tmp_path / "project")
    project.home = str(hooks.home)
    project.stage("app.py", _hardcoded())
    tried = project.pre_commit("try-repo", str(hooks.clone), "modal-lint", "--files", "app.py")
    assert tried.returncode == 1, tried.stdout
    assert "MS101" in tried.stdout, tried.stdout
    assert token(2) not in tried.stdout


def test_a_baseline_and_a_hook_that_knows_it(project: Project) -> None:
    project.skipping(app=_hardcoded(1))
    project.stage("pyproject.toml", "[tool.modal-lint]\nbaseline = 'known.json'\n")
    made = project.run(sys.executable, "-m", "modal_lint", "check", "--update-baseline", PYTHONPATH=SOURCES)
    assert made.returncode == 0, made.stdout
    project.git("add", "known.json")
    project.stage("app.py", "# a line more\n" + _hardcoded(1))
    project.passes()
    project.stage("app.py", _hardcoded(4))
    project.blocks(naming="app.py")
