"""Git's plumbing within one time limit, its output whole or as a stream.

Git is given ids of objects, never a value. The tree may be hostile: `modal_lint.git` says what is switched off.
"""

from __future__ import annotations

import contextlib
import subprocess
import tempfile
import threading
import time
from pathlib import Path
from typing import IO, TYPE_CHECKING

from modal_lint.git import OPTIONS, clean_environment, find_git

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator


class NoAnswer(Exception):  # noqa: N818 - git's, not ours
    """There is no git, it failed, or the time is over."""


class Plumbing:
    """One repository.

    Args:
        directory: a folder of it.
        seconds: how long all calls together may take.
    """

    def __init__(self, directory: str, seconds: float) -> None:
        self.directory = directory
        self._deadline = time.monotonic() + seconds
        self._git = find_git(Path(directory))

    @property
    def late(self) -> bool:
        """Whether the time is over."""
        return time.monotonic() >= self._deadline

    def run(self, *arguments: str, ids: Iterable[bytes] = ()) -> bytes:
        """What git prints. Raises NoAnswer."""
        with self.stream(*arguments, ids=ids) as output:
            return output.read()

    def lines(self, *arguments: str, ids: Iterable[bytes] = ()) -> list[bytes]:
        """The lines that git prints. Raises NoAnswer."""
        return self.run(*arguments, ids=ids).splitlines()

    @contextlib.contextmanager
    def stream(self, *arguments: str, ids: Iterable[bytes] = ()) -> Iterator[IO[bytes]]:
        """What git prints, as it comes.

        Args:
            arguments: the command and its options.
            ids: given to git line by line on its standard input.

        Raises:
            NoAnswer: also at the end, for a git that failed or was ended for being late.
        """
        left = self._deadline - time.monotonic()
        if self._git is None or left <= 0:
            raise NoAnswer
        with tempfile.TemporaryFile() as stdin:
            stdin.writelines(each + b"\n" for each in ids)
            stdin.seek(0)
            try:
                process = subprocess.Popen(
                    [self._git, *OPTIONS, *arguments],
                    cwd=self.directory,
                    env=clean_environment(),
                    stdin=stdin,
                    stdout=subprocess.PIPE,
                    stderr=subprocess.DEVNULL,
                )
            except (OSError, ValueError):
                raise NoAnswer from None
            guard = threading.Timer(left, process.kill)
            guard.start()
            assert process.stdout is not None
            try:
                yield process.stdout
                if process.wait() != 0:
                    raise NoAnswer
            finally:
                guard.cancel()
                process.kill()
                process.stdout.close()
                process.wait()


def tracks(directory: Path, name: str, seconds: float = 5.0) -> bool | None:
    """Whether git tracks the file ``name`` of a folder; None when that cannot be told."""
    try:
        return bool(Plumbing(str(directory), seconds).run("ls-files", "-z", "--", name))
    except NoAnswer:
        return None
