"""Directories for the time of one container, below ``scratch/`` of a workspace.

They stand in a directory that names the process they belong to; the next client removes those of processes that died.
"""

from __future__ import annotations

import shutil
from typing import TYPE_CHECKING

from modal_lint_runtime import owners

if TYPE_CHECKING:
    from pathlib import Path

DIRECTORY = "scratch"


class Scratch:
    """The scratch directories of one client.

    Args:
        root: the workspace's directory.
    """

    def __init__(self, root: Path) -> None:
        self._place = root / DIRECTORY
        self._mark = owners.new_owner()
        self._sweep()

    def path(self, name: str) -> Path:
        """A directory for a container; whoever runs it makes and removes it."""
        return self._own() / name

    def close(self) -> None:
        """Remove all of this client's."""
        shutil.rmtree(self._place / self._mark, ignore_errors=True)

    def _own(self) -> Path:
        path = self._place / self._mark
        path.mkdir(mode=0o700, parents=True, exist_ok=True)
        return path

    def _sweep(self) -> None:
        for path in self._place.glob("*:*:*"):
            if not owners.alive(path.name):
                shutil.rmtree(path, ignore_errors=True)
