"""Asking git about a tree that may be hostile: which program, with what switched off, and errors in one line.

A repository's own ``.git/config`` can name programs. Only plumbing is called, which has no pager, aliases, filters,
external diffs or textconv; what is left of hooks, monitors and transports is switched off here.
"""

from __future__ import annotations

import os
import shutil
import subprocess
from pathlib import Path
from typing import TYPE_CHECKING

from modal_lint.settings import UserError

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Sequence

OPTIONS = (
    "--no-pager",
    "--no-optional-locks",
    "--literal-pathspecs",
    "--no-replace-objects",
    *("-c", "core.fsmonitor=false"),
    *("-c", f"core.hooksPath={os.devnull}"),
    *("-c", "core.quotePath=false"),
)
ENVIRONMENT = {
    "GIT_ALLOW_PROTOCOL": "none",
    "GIT_NO_LAZY_FETCH": "1",
    "GIT_OPTIONAL_LOCKS": "0",
    "GIT_TERMINAL_PROMPT": "0",
    "LC_ALL": "C",
}
# A git hook that runs us has these set for its own purposes.
FOREIGN = ("GIT_DIR", "GIT_WORK_TREE", "GIT_INDEX_FILE", "GIT_OBJECT_DIRECTORY", "GIT_ALTERNATE_OBJECT_DIRECTORIES")
# Those that make git itself run other programs, or write where it should not, whoever has set them.
_NEVER = ("GIT_EXTERNAL_DIFF", "GIT_CONFIG", "GIT_TRACE", "GIT_TRACE2", "GIT_TRACE2_EVENT", "GIT_EXEC_PATH")
_SECONDS = 120


class GitError(Exception):
    """Git said no. The message is git's own first line; it may name files and revisions."""


def find_git(root: Path) -> str | None:
    """The git to run: never one that lies in the tree itself."""
    found = shutil.which("git")
    if found is None or not os.path.isabs(found) or Path(found).resolve().is_relative_to(root.resolve()):
        return None
    return found


def clean_environment(*, as_hook: bool = False) -> dict[str, str]:
    """The environment to run git in; ``as_hook`` leaves the repository and the index that a hook is told of."""
    dropped = _NEVER if as_hook else (*_NEVER, *FOREIGN)
    return {name: text for name, text in os.environ.items() if name not in dropped} | ENVIRONMENT


class Repository:
    """One git work tree.

    Args:
        directory: a folder in it.
        option: the option that needs it, for complaints.
        as_hook: take the repository and the index from git's own variables, as a hook is told them.

    Raises:
        UserError: there is no git, or none that answers for this folder.
    """

    def __init__(self, directory: str, option: str, *, as_hook: bool = False) -> None:
        self.option = option
        self._directory = directory
        self._environment = clean_environment(as_hook=as_hook)
        git = find_git(Path(directory))
        if git is None:
            raise UserError(f"{option}: git is not installed; install it, or leave the option out")
        self._git = git
        try:
            self.top = os.path.realpath(os.fsdecode(self.run(["rev-parse", "--show-toplevel"]).removesuffix(b"\n")))
        except GitError as error:
            raise UserError(f"{option}: {_why(str(error), directory)}") from None
        self._directory = self.top

    def run(self, arguments: Sequence[str], stdin: bytes = b"") -> bytes:
        """What git prints.

        Raises:
            GitError: it failed.
        """
        try:
            done = subprocess.run(
                [self._git, *OPTIONS, *arguments],
                cwd=self._directory,
                env=self._environment,
                input=stdin,
                capture_output=True,
                timeout=_SECONDS,
                check=False,
            )
        except subprocess.TimeoutExpired:
            raise GitError("git does not answer") from None
        except (OSError, ValueError):
            raise GitError("git cannot be run") from None
        if done.returncode != 0:
            from modal_lint.report.base import visible

            lines = done.stderr.decode("utf-8", "replace").splitlines()
            said = visible(lines[0].removeprefix("fatal: ")) if lines else ""
            raise GitError(said or f"git ended with {done.returncode}")
        return done.stdout

    def commit(self, revision: str) -> str | None:
        """The id of the commit that ``revision`` names; None if there is none."""
        try:
            found = self.run(["rev-parse", "--verify", "--quiet", "--end-of-options", revision + "^{commit}"])
        except GitError:
            return None
        return found.decode("ascii", "replace").strip() or None

    def blobs(self, ids: Iterable[str]) -> dict[str, bytes]:
        """The contents of blobs; one that is not here, say in a partial clone, is left out.

        Raises:
            GitError: git failed.
        """
        names = list(dict.fromkeys(ids))
        if not names:
            return {}
        output = self.run(["cat-file", "--batch"], "".join(name + "\n" for name in names).encode())
        return dict(_contents(output))


def _contents(output: bytes) -> Iterator[tuple[str, bytes]]:
    """The blobs in the output of ``cat-file --batch``."""
    at = 0
    while (end := output.find(b"\n", at)) >= 0:
        head = output[at:end].decode("ascii", "replace").split(" ")
        at = end + 1
        if len(head) == 3 and head[2].isdigit():  # else: "<id> missing"
            size = int(head[2])
            if head[1] == "blob":
                yield head[0], output[at : at + size]
            at += size + 1


def _why(said: str, directory: str) -> str:
    if "dubious ownership" in said:
        return "git does not trust this repository, which is another user's (see `git help config`, safe.directory)"
    if "not a git repository" in said:
        from modal_lint.discover import shown_path
        from modal_lint.report.base import visible

        this = "this" if directory == os.getcwd() else visible(shown_path(directory))
        return f"{this} is not in a git repository; run it in one, or leave the option out"
    if "work tree" in said:
        return "this repository has no work tree"
    return "git refuses to answer here; see what `git status` says"
