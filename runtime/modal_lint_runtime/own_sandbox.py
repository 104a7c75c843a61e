"""A sandbox that this process runs."""

from __future__ import annotations

import contextlib
import functools
import os
import threading
import weakref
from typing import TYPE_CHECKING, Concatenate, ParamSpec, Protocol, TypeVar

from modal_lint_runtime import contract
from modal_lint_runtime.errors import ModalError, SandboxTerminatedError, SandboxTimeoutError
from modal_lint_runtime.local_variables import environment, values
from modal_lint_runtime.other_sandbox import OtherSandbox
from modal_lint_runtime.recorded import Recorded

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence

    from modal_lint_runtime.backend import ExecOrder, Runs
    from modal_lint_runtime.isolation import Isolation
    from modal_lint_runtime.records import SandboxRecord, SandboxState
    from modal_lint_runtime.workspace import Workspace


class ContainerLike(Protocol):
    """What runs a sandbox."""

    @property
    def main(self) -> Runs:
        """Its main process."""

    @property
    def isolation(self) -> Isolation | None:
        """What it has for itself, as far as that is this runtime's business."""

    @property
    def timed_out(self) -> bool:
        """Whether it outlived its time."""

    def exec(
        self,
        args: Sequence[str],
        env: Mapping[str, str] | None = None,
        workdir: str | None = None,
        timeout: float | None = None,
        pty: bool = False,
    ) -> Runs:
        """Start a process in it."""

    def terminate(self) -> int:
        """End it."""

    def close(self) -> None:
        """End it and remove what it has left."""


P = ParamSpec("P")
R = TypeVar("R")


def _at_home(method: Callable[Concatenate[OwnSandbox, P], R]) -> Callable[Concatenate[OwnSandbox, P], R]:
    """A method of `OwnSandbox` that is `OtherSandbox`'s in a process which the sandbox's own has forked."""

    @functools.wraps(method)
    def call(self: OwnSandbox, /, *args: P.args, **kwargs: P.kwargs) -> R:
        if self.at_home:
            return method(self, *args, **kwargs)
        other: Callable[P, R] = getattr(self.seen_from_outside(), method.__name__)
        return other(*args, **kwargs)

    return call


class OwnSandbox(Recorded):
    """A sandbox that this process runs."""

    def __init__(self, workspace: Workspace, record: SandboxRecord, container: ContainerLike) -> None:
        self._workspace = workspace
        self._record = record
        self._container = container
        self._finishing = threading.Lock()
        self._terminated = False
        self._state: SandboxState = "running"

    @property
    def at_home(self) -> bool:
        """Whether this is the process that runs it, and not one which that has forked."""
        return self._record.owner_pid == os.getpid()

    def seen_from_outside(self) -> OtherSandbox:
        """It, as other processes have it."""
        return OtherSandbox(self._workspace, self._record)

    @property
    def isolation(self) -> Isolation | None:
        """How far it is isolated; None in Docker."""
        return self._container.isolation

    @property
    def state(self) -> str:
        """One of the states of a sandbox's record."""
        if not self.at_home:
            return self.seen_from_outside().state
        if self._container.main.poll() is not None:
            self.finish()
        return self._state

    @_at_home
    def main(self) -> Runs:
        """Its main process."""
        return self._container.main

    @_at_home
    def exec(self, order: ExecOrder) -> Runs:
        """Start a process in it. Raises SandboxTerminatedError or SandboxTimeoutError when it has ended."""
        self._require_running()
        env = environment({}, values(self._workspace, order.sources), {})
        try:
            return self._container.exec(order.args, env, order.workdir, order.timeout, order.pty)
        except SandboxTerminatedError:
            self._require_running()
            raise

    @_at_home
    def poll(self) -> int | None:
        """Its exit code; None while it runs."""
        return self._container.main.poll()

    @_at_home
    def wait(self, timeout: float | None = None) -> int:
        """Wait for its end. Raises TimeoutError when it still runs after ``timeout`` seconds."""
        code = self._container.main.wait(timeout)
        self.finish()
        return code

    @_at_home
    def on_end(self, callback: Callable[[], None]) -> None:
        """Have ``callback`` called once when it has ended, at once if it has."""
        self._container.main.on_end(callback)

    @_at_home
    def terminate(self) -> int:
        """End it now; its exit code."""
        self._terminated = True
        code = self._container.terminate()
        self.finish()
        return code

    def finish(self) -> None:
        """Write down how it ended and remove what it has left: once, by whoever notices first."""
        with self._finishing:
            if self._state != "running":
                return
            code = self._container.main.wait()
            self._state = self._ending(code)
            try:
                with contextlib.suppress(ModalError):  # its App or environment was deleted meanwhile
                    self._workspace.sandbox_update(self._record.id, state=self._state, returncode=code)
            finally:
                self._container.close()
                OWN.pop(self._record.id, None)

    def _ending(self, code: int) -> SandboxState:
        if self._container.timed_out:
            return "timeout"
        return "terminated" if self._terminated and code == contract.TERMINATED_CODE else "finished"

    def _require_running(self) -> None:
        if self._container.main.poll() is None:
            return
        if self.state == "timeout":
            raise SandboxTimeoutError(f"Sandbox {self._record.id} ran into its timeout")
        raise SandboxTerminatedError(f"Sandbox {self._record.id} has ended: nothing can be started in it")


OWN: weakref.WeakValueDictionary[str, OwnSandbox] = weakref.WeakValueDictionary()
"""The sandboxes that this process runs, of all its clients."""
