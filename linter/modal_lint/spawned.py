"""Processes where forking is not safe, as `forked` has them elsewhere."""

from __future__ import annotations

import multiprocessing
from multiprocessing.connection import wait as wait
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Callable


class Process:
    """A process that begins at once.

    Args:
        serve: what it does with its end of the pipe and ``work``: a function of a module.
        work: what else it is given, to be pickled.
    """

    def __init__(self, serve: Callable[[Any, Any], None], work: object) -> None:
        context = multiprocessing.get_context("spawn")
        self.pipe, theirs = context.Pipe()
        self._process = context.Process(target=serve, args=(theirs, work), daemon=True)
        self._process.start()
        theirs.close()

    def kill(self) -> None:
        """End it, whatever it is at."""
        self._process.kill()
        self.join()

    def join(self) -> None:
        """Wait for its end, which is near."""
        self._process.join(timeout=1)

    def has_ended(self) -> bool:
        """Whether it is no more."""
        return not self._process.is_alive()
