"""A process in a sandbox."""

from __future__ import annotations

from typing import TYPE_CHECKING

from modal_lint_runtime.streams import Reader, Writer

if TYPE_CHECKING:
    from modal_lint_runtime.backend import Runs


class Process:
    """A process in a sandbox. Made by `Sandbox.exec`.

    Attributes:
        stdout: what it writes to its standard output.
        stderr: what it writes to its standard error.
        stdin: its standard input.
    """

    def __init__(self, core: Runs) -> None:
        self._core = core
        self.stdout = Reader(core.stdout)
        self.stderr = Reader(core.stderr)
        self.stdin = Writer(core)

    def __repr__(self) -> str:
        code = self._core.poll()
        return f"Process({'running' if code is None else f'exit code {code}'})"

    @property
    def returncode(self) -> int | None:
        """Its exit code as far as it is known; None while it runs."""
        return self._core.poll()

    def poll(self) -> int | None:
        """Its exit code; None while it runs."""
        return self._core.poll()

    def wait(self) -> int:
        """Wait for its end and return its exit code: 124 after its timeout, 137 when its sandbox was terminated."""
        return self._core.wait()
