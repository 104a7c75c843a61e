"""Sandboxes of Modal's service, as the client's face wants them."""

from __future__ import annotations

import contextlib
import math
import threading
import time
from typing import TYPE_CHECKING, Any

from modal_lint_runtime import contract
from modal_lint_runtime.errors import SandboxTimeoutError
from modal_lint_runtime.modal_backend import handles, translated
from modal_lint_runtime.output import Output

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from modal_lint_runtime.backend import ExecOrder, Runs
    from modal_lint_runtime.isolation import Isolation

_CHECK_EVERY = 0.25


class ServiceProcess:
    """A process in a sandbox of the service; its output is followed by two threads."""

    def __init__(self, handle: Any) -> None:
        self._handle = handle
        self.stdout = followed(handle.stdout)
        self.stderr = followed(handle.stderr)

    def write_stdin(self, data: bytes) -> None:
        """Write to its standard input."""
        with translated():
            self._handle.stdin.write(data)
            self._handle.stdin.drain()

    def close_stdin(self) -> None:
        """Close its standard input."""
        with translated():
            self._handle.stdin.write_eof()
            self._handle.stdin.drain()

    def poll(self) -> int | None:
        """Its exit code; None while it runs."""
        with translated():
            return _code(self._handle.poll())

    def wait(self, timeout: float | None = None) -> int:
        """Wait for its end. Raises TimeoutError when it still runs after ``timeout`` seconds."""
        return _wait(self.poll, timeout)

    def on_end(self, callback: Callable[[], None]) -> None:
        """Have ``callback`` called once when it has ended, from a thread of its own."""
        _watch(self.wait, callback)


class ServiceSandbox:
    """A sandbox of the service."""

    def __init__(self, handle: Any, app_id: str, name: str | None, tags: Mapping[str, str]) -> None:
        self._handle = handle
        self._app_id = app_id
        self._name = name
        self._tags = dict(tags)
        self._main: _MainProcess | None = None

    @property
    def id(self) -> str:
        """Its id."""
        return str(self._handle.object_id)

    @property
    def app_id(self) -> str:
        """The id of its App; empty when it was found by its id."""
        return self._app_id

    @property
    def name(self) -> str | None:
        """Its name as far as it is known."""
        return self._name

    @property
    def tags(self) -> Mapping[str, str]:
        """Its tags as far as they are known."""
        return self._tags

    @property
    def isolation(self) -> Isolation | None:
        """None: that is the service's business."""
        return None

    @property
    def state(self) -> str:
        """``running``, or what its exit code says."""
        ends = {None: "running", contract.TIMEOUT_CODE: "timeout", contract.TERMINATED_CODE: "terminated"}
        return ends.get(self.poll(), "finished")

    def main(self) -> Runs:
        """Its main process."""
        if self._main is None:
            self._main = _MainProcess(self._handle, self)
        return self._main

    def exec(self, order: ExecOrder) -> Runs:
        """Start a process in it."""
        with translated():
            return ServiceProcess(
                self._handle.exec(
                    *order.args,
                    secrets=handles(order.sources),
                    workdir=order.workdir,
                    timeout=whole_seconds(order.timeout),
                    pty=order.pty,
                    text=False,
                )
            )

    def poll(self) -> int | None:
        """Its exit code; None while it runs."""
        with translated():
            return _code(self._handle.poll())

    def wait(self, timeout: float | None = None) -> int:
        """Wait for its end. Raises TimeoutError when it still runs after ``timeout`` seconds."""
        if timeout is not None:
            return _wait(self.poll, timeout)
        with contextlib.suppress(SandboxTimeoutError), translated():
            self._handle.wait(raise_on_termination=False)
        return _wait(self.poll, None)

    def on_end(self, callback: Callable[[], None]) -> None:
        """Have ``callback`` called once when it has ended, from a thread of its own."""
        _watch(self.wait, callback)

    def terminate(self) -> int:
        """End it now; its exit code."""
        code = self.poll()
        if code is not None:
            return code
        with translated():
            self._handle.terminate()
        return self.wait()


class _MainProcess(ServiceProcess):
    """The main process of a sandbox: it ends with it."""

    def __init__(self, handle: Any, sandbox: ServiceSandbox) -> None:
        super().__init__(handle)
        self._sandbox = sandbox

    def wait(self, timeout: float | None = None) -> int:
        """Wait for the sandbox's end."""
        return self._sandbox.wait(timeout)


def whole_seconds(timeout: float | None) -> int | None:
    """A timeout as the package takes it: whole seconds, never shorter than asked for."""
    return None if timeout is None else math.ceil(timeout)


def followed(stream: Any) -> Output:
    """A stream of the package as an `Output` that grows while it runs."""
    output = Output()

    def follow() -> None:
        try:
            for part in stream:
                output.write(part if isinstance(part, bytes) else str(part).encode("utf-8", "replace"))
        except Exception:  # the sandbox or the connection is gone: there is nobody to tell in this thread
            pass
        finally:
            output.close()

    threading.Thread(target=follow, name="modal-lint stream", daemon=True).start()
    return output


def _wait(poll: Callable[[], int | None], timeout: float | None) -> int:
    deadline = None if timeout is None else time.monotonic() + timeout
    while (code := poll()) is None:
        if deadline is not None and time.monotonic() > deadline:
            raise TimeoutError(f"it still runs after {timeout} s")
        time.sleep(_CHECK_EVERY)
    return code


def _watch(wait: Callable[[], int], callback: Callable[[], None]) -> None:
    def watch() -> None:
        with contextlib.suppress(Exception):
            wait()
        callback()

    threading.Thread(target=watch, name="modal-lint sandbox", daemon=True).start()


def _code(code: Any) -> int | None:
    return None if code is None else int(code)
