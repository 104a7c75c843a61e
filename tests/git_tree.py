"""A git repository for tests: nothing of the user's configuration, nothing of a hook that runs the tests."""

from __future__ import annotations

import os
import subprocess
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from pathlib import Path

    import pytest

_NAMES = {f"GIT_{who}_{what}": "someone@example.org" for who in ("AUTHOR", "COMMITTER") for what in ("NAME", "EMAIL")}


def environment() -> dict[str, str]:
    """The variables for git and for what git runs."""
    kept = {name: value for name, value in os.environ.items() if not name.startswith("GIT_")}
    return {**kept, **_NAMES, "GIT_CONFIG_GLOBAL": os.devnull, "GIT_CONFIG_NOSYSTEM": "1"}


def entered(folder: Path, patch: pytest.MonkeyPatch) -> Repository:
    """A repository that this process works in, without a word of the git around the tests."""
    for name in [name for name in os.environ if name.startswith("GIT_")]:
        patch.delenv(name)
    patch.setenv("GIT_CONFIG_GLOBAL", os.devnull)
    made = Repository(folder)
    patch.chdir(made.folder)
    return made


class Repository:
    """A work tree with a repository of its own.

    Args:
        folder: made if it is not there.
    """

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        folder.mkdir(parents=True, exist_ok=True)
        self.git("init", "-q", "-b", "main")

    def run(self, *command: str, **variables: str) -> subprocess.CompletedProcess[str]:
        """Run a command at the top; standard output and error come together."""
        return subprocess.run(
            command,
            cwd=self.folder,
            env={**environment(), **variables},
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            encoding="utf-8",
            errors="surrogateescape",
            timeout=240,
            check=False,
        )

    def git(self, *arguments: str) -> str:
        """What git prints; it has to succeed."""
        done = self.run("git", *arguments)
        assert done.returncode == 0, done.stdout
        return done.stdout.strip()

    def write(self, name: str, text: str) -> Path:
        """Write a file of the work tree."""
        path = self.folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text, encoding="utf-8", newline="")
        return path

    def stage(self, name: str, text: str) -> None:
        """Write a file and add it to the index."""
        self.write(name, text)
        self.git("add", "--", name)

    def commit(self, **files: str) -> str:
        """Write and commit files, whose names are those of modules; the commit's id."""
        for name, text in files.items():
            self.stage(f"{name}.py", text)
        self.git("commit", "-q", "--allow-empty", "-m", "a change")
        return self.git("rev-parse", "HEAD")

    def commit_quietly(self, **files: str) -> str:
        """As `commit`, without asking hooks."""
        for name, text in files.items():
            self.stage(f"{name}.py", text)
        self.git("commit", "-q", "--no-verify", "-m", "a change")
        return self.git("rev-parse", "HEAD")
