"""Sandboxes of this machine: those that this process runs, and those of which it sees only the record."""

from __future__ import annotations

import contextlib
import os
import queue
import threading
import time
import weakref
from typing import TYPE_CHECKING, Protocol

from modal_lint_runtime import contract
from modal_lint_runtime.errors import (
    ModalError,
    SandboxTerminatedError,
    SandboxTimeoutError,
    UnsupportedError,
    WorkspaceError,
)
from modal_lint_runtime.local_variables import environment, values
from modal_lint_runtime.records import SandboxRecord, new_id

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence

    from modal_lint_runtime.apps import App
    from modal_lint_runtime.backend import ExecOrder, Runs, SandboxCore, SandboxOrder
    from modal_lint_runtime.images import Image
    from modal_lint_runtime.isolation import Isolation
    from modal_lint_runtime.local_backend import LocalBackend
    from modal_lint_runtime.records import ImageRecord, SandboxState
    from modal_lint_runtime.workspace import Workspace

REQUESTS = "requests"
"""Directory of a workspace in which other processes ask for a sandbox's end: a file named as its id."""

LOOK_EVERY = 0.2
"""Seconds between two looks at the requests, while sandboxes run."""

ANSWER_WITHIN = 30.0
"""Seconds that the process of a sandbox has to end it for another one."""

_CHECK_EVERY = 0.05


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


class OwnSandbox:
    """A sandbox that this process runs."""

    def __init__(self, workspace: Workspace, record: SandboxRecord, container: ContainerLike) -> None:
        self._workspace = workspace
        self._record = record
        self._container = container
        self._finishing = threading.Lock()
        self._terminated = False
        self._state: SandboxState = "running"

    @property
    def id(self) -> str:
        """Its id."""
        return self._record.id

    @property
    def app_id(self) -> str:
        """The id of its App."""
        return self._record.app_id

    @property
    def name(self) -> str | None:
        """Its name."""
        return self._record.name

    @property
    def tags(self) -> Mapping[str, str]:
        """Its tags."""
        return self._record.tags

    @property
    def isolation(self) -> Isolation | None:
        """How far it is isolated; None in Docker."""
        return self._container.isolation

    @property
    def state(self) -> str:
        """One of the states of a sandbox's record."""
        if self._container.main.poll() is not None:
            self.finish()
        return self._state

    def main(self) -> Runs:
        """Its main process."""
        return self._container.main

    def exec(self, order: ExecOrder) -> Runs:
        """Start a process in it. Raises SandboxTerminatedError or SandboxTimeoutError when it has ended."""
        self._require_running()
        env = environment({}, values(self._workspace, order.sources), {})
        try:
            return self._container.exec(order.args, env, order.workdir, order.timeout, order.pty)
        except SandboxTerminatedError:
            self._require_running()
            raise

    def poll(self) -> int | None:
        """Its exit code; None while it runs."""
        return self._container.main.poll()

    def wait(self, timeout: float | None = None) -> int:
        """Wait for its end. Raises TimeoutError when it still runs after ``timeout`` seconds."""
        code = self._container.main.wait(timeout)
        self.finish()
        return code

    def on_end(self, callback: Callable[[], None]) -> None:
        """Have ``callback`` called once when it has ended, at once if it has."""
        self._container.main.on_end(callback)

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
                _OWN.pop(self._record.id, None)

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


class OtherSandbox:
    """A sandbox that has ended, or that another process runs: its record."""

    def __init__(self, workspace: Workspace, record: SandboxRecord) -> None:
        self._workspace = workspace
        self._record = record

    @property
    def id(self) -> str:
        """Its id."""
        return self._record.id

    @property
    def app_id(self) -> str:
        """The id of its App."""
        return self._record.app_id

    @property
    def name(self) -> str | None:
        """Its name."""
        return self._record.name

    @property
    def tags(self) -> Mapping[str, str]:
        """Its tags."""
        return self._record.tags

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
            if self._record.state == "running" and not _alive(self._record.owner_pid):
                lost = contract.TERMINATED_CODE  # its processes died with it
                self._record = self._workspace.sandbox_update(self._record.id, state="lost", returncode=lost)
        return self._record

    def _elsewhere(self, what: str) -> UnsupportedError:
        return UnsupportedError(
            f"Sandbox {self._record.id} belongs to process {self._record.owner_pid}: {what} only there. "
            "Here it can be seen and terminated."
        )


class Keeper:
    """Looks after the sandboxes that one client runs, in a thread that exists while there are any."""

    def __init__(self, workspace: Workspace) -> None:
        self._workspace = workspace
        self._lock = threading.Lock()
        self._running: dict[str, OwnSandbox] = {}
        self._ended: queue.SimpleQueue[OwnSandbox | None] = queue.SimpleQueue()
        self._thread: threading.Thread | None = None
        self._closed = False

    def keep(self, sandbox: OwnSandbox) -> None:
        """Look after a sandbox until it has ended. Raises WorkspaceError when this is closed."""
        with self._lock:
            if self._closed:
                raise WorkspaceError("The client is closed.")
            self._running[sandbox.id] = sandbox
            if self._thread is None:
                self._thread = threading.Thread(target=self._run, name="modal-lint sandboxes", daemon=True)
                self._thread.start()
        sandbox.on_end(lambda: self._ended.put(sandbox))

    def close(self) -> None:
        """Terminate all of them."""
        with self._lock:
            self._closed = True
            sandboxes = tuple(self._running.values())
        for sandbox in sandboxes:
            sandbox.terminate()
        self._ended.put(None)

    def _run(self) -> None:
        while True:
            with contextlib.suppress(queue.Empty):
                ended = self._ended.get(timeout=LOOK_EVERY)
                if ended is None:
                    return
                with contextlib.suppress(ModalError):
                    ended.finish()
                if self._forget(ended):
                    return
            self._answer()

    def _forget(self, sandbox: OwnSandbox) -> bool:
        """Drop a sandbox that has ended; whether it was the last and the thread goes."""
        with self._lock:
            self._running.pop(sandbox.id, None)
            if not self._running:
                self._thread = None
            return not self._running

    def _answer(self) -> None:
        try:
            asked = os.listdir(self._workspace.root / REQUESTS)
        except FileNotFoundError:
            return
        with self._lock:
            mine = [self._running[name] for name in asked if name in self._running]
        for sandbox in mine:
            sandbox.terminate()


_OWN: weakref.WeakValueDictionary[str, OwnSandbox] = weakref.WeakValueDictionary()
"""The sandboxes that this process runs, of all its clients."""


def create(backend: LocalBackend, app: App, image: Image, order: SandboxOrder) -> SandboxCore:
    """Start a sandbox and look after it."""
    workspace, record = backend.workspace, backend.running_app(app)
    built = image.built(app)
    sources = values(workspace, order.sources)
    stored = workspace.sandbox_put(
        SandboxRecord(
            id=new_id("sb"),
            app_id=record.id,
            name=order.name,
            image_id=built.id,
            tags=order.tags,
            owner_pid=os.getpid(),
            timeout=order.timeout,
        )
    )
    own = {
        "MODAL_SANDBOX_ID": stored.id,
        "MODAL_IMAGE_ID": built.id,
        "MODAL_ENVIRONMENT": record.environment,
    }
    try:
        container = _start(backend, stored.id, built, order, environment(built.env, sources, own))
    except BaseException:
        workspace.sandbox_update(stored.id, state="failed", returncode=1)
        raise
    sandbox = OwnSandbox(workspace, stored, container)
    try:
        _OWN[sandbox.id] = sandbox
        backend.keeper.keep(sandbox)
    except BaseException:  # interrupted, or the client was closed meanwhile: nobody would look after it
        sandbox.terminate()
        raise
    return sandbox


def found(workspace: Workspace, record: SandboxRecord) -> SandboxCore:
    """A sandbox by its record: with all it can do when this process runs it."""
    own = _OWN.get(record.id) if record.owner_pid == os.getpid() else None
    return own or OtherSandbox(workspace, record)


def _start(
    backend: LocalBackend, id_: str, image: ImageRecord, order: SandboxOrder, env: Mapping[str, str]
) -> ContainerLike:
    from modal_lint_runtime.processes import ContainerSpec, start

    workdir = order.workdir or image.workdir
    if backend.engine == "docker":
        return _start_docker(image, order, env, workdir)
    args = None if order.command is None else (*(image.entrypoint or ()), *order.command)

    spec = ContainerSpec(
        id=id_,
        args=args,
        env=env,
        workdir=workdir,
        layers=backend.builder.layer_paths(image),
        timeout=order.timeout,
        network=order.network,
        scratch=backend.scratch.path(id_),
        hidden=(backend.workspace.root,),
    )
    return start(spec, backend.isolation)


def _start_docker(
    image: ImageRecord, order: SandboxOrder, env: Mapping[str, str], workdir: str | None
) -> ContainerLike:
    from modal_lint_runtime.docker_container import DockerContainer
    from modal_lint_runtime.docker_engine import DockerEngine

    if not order.network:
        raise UnsupportedError("engine='docker' does not take the network away.")
    return DockerContainer(DockerEngine(), image, order.command, env, workdir, order.timeout)


def _alive(pid: int) -> bool:
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return False
    except PermissionError:
        pass  # another user's, so it runs
    return True
