"""A sandbox that has ended, or that another process runs: what its record says, and how its end is asked for."""

from __future__ import annotations

import contextlib
import threading
import time
from typing import TYPE_CHECKING

from modal_lint_runtime import contract, owners
from modal_lint_runtime.errors import ModalError, SandboxTerminatedError, UnsupportedError
from modal_lint_runtime.recorded import Recorded

if TYPE_CHECKING:
    from collections.abc import Callable

    from modal_lint_runtime.backend import ExecOrder, Runs
    from modal_lint_runtime.isolation import Isolation
    from modal_lint_runtime.records import SandboxRecord
    from modal_lint_runtime.workspace import Workspace

REQUESTS = "requests"
"""Directory of a workspace in which other processes ask for a sandbox's end: a file named as its id."""

ANSWER_WITHIN = 30.0
"""Seconds that the process of a sandbox has to end it for another one."""

_CHECK_EVERY = 0.05


class OtherSandbox(Recorded):
    """A sandbox that has ended, or that another process runs: its record."""

    def __init__(self, workspace: Workspace, record: SandboxRecord) -> None:
        self._workspace = workspace
        self._record = record

    @property
    def isolation(self) -> Isolation | None:
        """Not known here."""
        return None

    @property
    def state(self) -> str:
        """One of the states of a sandbox's record."""
        return self._look().state

    def main(self) -> Runs:
        """Raises UnsupportedError: the streams are in the memory of the process that runs it."""
        raise self._elsewhere("its output and input are")

    def exec(self, order: ExecOrder) -> Runs:
        """Raises UnsupportedError: only the process that runs it can, SandboxTerminatedError when it has ended."""
        if self._look().state != "running":
            raise SandboxTerminatedError(f"Sandbox {self._record.id} has ended: nothing can be started in it")
        raise self._elsewhere(f"`exec` of {len(order.args)} arguments is possible")

    def poll(self) -> int | None:
        """Its exit code; None while it runs."""
        return self._look().returncode

    def wait(self, timeout: float | None = None) -> int:
        """Wait for its end. Raises TimeoutError when it still runs after ``timeout`` seconds."""
        deadline = None if timeout is None else time.monotonic() + timeout
        while (code := self.poll()) is None:
            if deadline is not None and time.monotonic() > deadline:
                raise TimeoutError(f"the sandbox still runs after {timeout} s")
            time.sleep(_CHECK_EVERY)
        return code

    def on_end(self, callback: Callable[[], None]) -> None:
        """Have ``callback`` called once when it has ended, from a thread of its own."""

        def watch() -> None:
            with contextlib.suppress(ModalError):
                self.wait()
            callback()

        threading.Thread(target=watch, name="modal-lint sandbox", daemon=True).start()

    def terminate(self) -> int:
        """Ask the process that runs it to end it, and wait for that; its exit code."""
        code = self.poll()
        if code is not None:
            return code
        request = self._workspace.root / REQUESTS / self._record.id
        request.parent.mkdir(mode=0o700, exist_ok=True)
        request.touch(mode=0o600)
        try:
            return self.wait(ANSWER_WITHIN)
        except TimeoutError:
            raise ModalError(f"Process {self._record.owner_pid} does not end its sandbox {self._record.id}") from None
        finally:
            request.unlink(missing_ok=True)

    def _look(self) -> SandboxRecord:
        if self._record.state == "running":
            self._record = self._workspace.sandbox_get(self._record.id)
            if self._record.state == "running" and not owners.runs(self._record.owner_pid):
                lost = contract.TERMINATED_CODE  # its processes died with it
                self._record = self._workspace.sandbox_update(self._record.id, state="lost", returncode=lost)
        return self._record

    def _elsewhere(self, what: str) -> UnsupportedError:
        return UnsupportedError(
            f"Sandbox {self._record.id} belongs to process {self._record.owner_pid}: {what} only there. "
            "Here it can be seen and terminated."
        )
