"""Containers and their processes: real processes of this machine, streamed, limited in time, and never left behind.

`start` makes a container out of a `ContainerSpec`; `run_step` runs one command of an image build and keeps the files
it changed. Every container has one warden (`warden.py`), a small process that starts and kills the others, and one
thread here (`pump.py`) that moves what they write and read. Everything is safe to call from any thread.
"""

from __future__ import annotations

import contextlib
import errno
import os
import shutil
import socket
import subprocess
import threading
from dataclasses import replace
from functools import partial
from typing import TYPE_CHECKING

from modal_lint_runtime import wire
from modal_lint_runtime.errors import ModalError, ResourceExhaustedError, SandboxTerminatedError, UnsupportedError
from modal_lint_runtime.isolation import Isolation, base_environment, detect
from modal_lint_runtime.launch import (
    ContainerSpec,
    Mount,
    check_spec,
    encoded_args,
    encoded_env,
    launch,
    places,
    seconds,
)
from modal_lint_runtime.output import Output
from modal_lint_runtime.process import Pipes, Process
from modal_lint_runtime.pump import Input, Pump, Streams

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping, Sequence
    from pathlib import Path

__all__ = ["Container", "ContainerSpec", "Isolation", "Mount", "Output", "Process", "detect", "run_step", "start"]

_START_LIMIT = 60.0
_END_LIMIT = 30.0
_COMPLAINT_LIMIT = 4096
_EXHAUSTED = {errno.EMFILE, errno.ENFILE, errno.EAGAIN, errno.ENOMEM, errno.ENOSPC}


class Container:
    """A running container. Made by `start`; leaving its ``with`` block ends it.

    Attributes:
        id: its name for people.
        owner: the process that has started it; one that this has forked can do nothing with it.
        isolation: what its processes have for themselves.
        main: its main process. Its end is the container's, and kills the others.
    """

    main: Process

    def __init__(
        self, spec: ContainerSpec, isolation: Isolation, pipes: Callable[[Callable[[], None]], Pipes] | None = None
    ) -> None:
        check_spec(spec, isolation)
        self.id = spec.id
        self.owner = os.getpid()
        self.isolation = replace(isolation, network=spec.network)
        self._spec = spec
        self._places = places(spec, isolation)
        self._env = {**base_environment(self._places.home), **spec.env}
        self._lock = threading.Lock()
        self._sending = threading.Lock()
        self._processes: dict[int, tuple[Process, Streams]] = {}
        self._numbers = 0
        main = wire.Request(
            wire.SPAWN,
            flags=wire.MAIN | wire.MAKE_WORKDIR | (wire.TERMINAL if spec.pty else 0),
            seconds=seconds(spec.timeout),
            args=() if spec.args is None else encoded_args(spec.args),
            env=encoded_env(self._env),
            workdir=self._places.workdir(spec.workdir),
        )
        self._launch()
        try:
            self.main = self._begin(main, pipes or partial(Pipes, pty=spec.pty))
        except BaseException:
            self.close()
            raise

    def _launch(self) -> None:
        self._complaints = Output(limit=_COMPLAINT_LIMIT)
        self._control, theirs = socket.socketpair()
        with theirs, contextlib.ExitStack() as undo:
            undo.callback(self._control.close)
            self._warden = launch(self._spec, self.isolation, theirs)
            undo.callback(self._bury)
            undo.callback(self._control.close)  # with both ends closed it ends, and removes what it has made
            undo.callback(theirs.close)
            assert self._warden.stderr is not None
            with self._warden.stderr as stderr:
                complaints = os.dup(stderr.fileno())
            undo.callback(os.close, complaints)
            self._pump = Pump(self._control, self._on_reply, self._on_end)
            undo.pop_all()
        self._pump.add(Streams(Input(None), {complaints: self._complaints}))
        self._pump.start()

    def _begin(self, request: wire.Request, pipes: Callable[[Callable[[], None]], Pipes]) -> Process:
        try:
            process: Process | None = self._spawn(request, pipes(self._pump.wake) if request.args else Pipes.idle())
        except SandboxTerminatedError:
            process = None
        if process is None or process.pid is None:
            raise ModalError(f"container {self.id} did not start: {self._complaint()}")
        return process

    def __repr__(self) -> str:
        return f"<Container {self.id}, {self.isolation.kind}>"

    def __enter__(self) -> Container:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    @property
    def timed_out(self) -> bool:
        """Whether it was killed because its time was over (exit code 124)."""
        return self.main.timed_out

    def exec(
        self,
        args: Sequence[str],
        env: Mapping[str, str] | None = None,
        workdir: str | None = None,
        timeout: float | None = None,
        pty: bool = False,
    ) -> Process:
        """Start another process.

        A command that does not exist exits with 127, one that cannot be run or whose working directory cannot be
        entered with 126; why stands on its standard error.

        Args:
            args: program and arguments; looked up in the PATH of its environment.
            env: variables laid over the container's.
            workdir: where it starts, made when missing; None for the container's.
            timeout: seconds until it is killed and its exit code is 124.
            pty: give it a terminal.

        Raises:
            InvalidError: an argument that no process can be given.
            UnsupportedError: another process has started it.
            SandboxTerminatedError: the container has ended.
            ResourceExhaustedError: this process or the machine has no room for another one.
        """
        self.require_owner()
        own = {} if env is None else env
        encoded_env(own)
        request = wire.Request(
            wire.SPAWN,
            flags=wire.MAKE_WORKDIR | (wire.TERMINAL if pty else 0),
            seconds=seconds(timeout),
            args=encoded_args(args),
            env=encoded_env({**self._env, **own}),
            workdir=self._places.workdir(self._spec.workdir if workdir is None else workdir),
        )
        with _limits(f"a process in container {self.id}"):
            return self._spawn(request, Pipes(self._pump.wake, pty=pty))

    def terminate(self) -> int:
        """Kill everything and return the exit code: 137, or what it had exited with before."""
        self.require_owner()
        self._send(wire.Request(wire.TERMINATE))
        self._pump.join(_END_LIMIT)
        return self.main.wait(_END_LIMIT)

    def poll(self) -> int | None:
        """Return the main process's exit code; None while it runs."""
        return self.main.poll()

    def wait(self, timeout: float | None = None) -> int:
        """Wait for the end and return the main process's exit code.

        Raises:
            TimeoutError: it still runs after ``timeout`` seconds.
        """
        return self.main.wait(timeout)

    def close(self) -> None:
        """End it, and wait until its processes and its scratch directory are gone. Closing twice is fine."""
        if self.owner == os.getpid():
            self._send(wire.Request(wire.TERMINATE))
            self._pump.join(_END_LIMIT)

    def require_owner(self) -> None:
        """Raise UnsupportedError in a process that has been forked since: the thread that serves it is not there."""
        if self.owner != os.getpid():
            raise UnsupportedError(f"container {self.id} belongs to process {self.owner}, not to one that it forks")

    def _complaint(self) -> str:
        return self._complaints.read(timeout=1.0).decode("utf-8", "replace").strip() or "its warden ended"

    def _spawn(self, request: wire.Request, pipes: Pipes) -> Process:
        with self._lock:
            self._numbers += 1
            request.number = self._numbers
            process = Process(self, request.number, pipes)
            self._processes[request.number] = process, pipes.streams
        request.stdio = pipes.theirs
        self._pump.add(pipes.streams)
        try:
            sent = self._send(request)
        finally:
            pipes.close_theirs()
        if not sent:
            raise SandboxTerminatedError(f"container {self.id} has ended")
        process._started.wait(_START_LIMIT)
        return process

    def _send(self, request: wire.Request) -> bool:
        with self._sending:
            try:
                wire.send_request(self._control, request)
            except OSError:
                return False
            return True

    def _on_reply(self, kind: int, number: int, value: int) -> None:
        with self._lock:
            known = self._processes.get(number)
        if known is None:  # a warden in the hands of what runs in the container may say anything
            return
        process, streams = known
        if kind == wire.STARTED:
            process._set_started(value)
        elif kind == wire.EXPIRED:
            process._timed_out = True
        elif kind == wire.EXITED:
            with self._lock:
                del self._processes[number]
            self._pump.ended(streams)
            process._set_ended(value)

    def _on_end(self) -> None:
        with self._sending:
            self._control.close()
        with self._lock:
            processes, self._processes = self._processes, {}
        for process, _ in processes.values():
            process._set_ended(wire.TERMINATED)
        self._bury()

    def _bury(self) -> None:
        """Wait for the warden, which removes the scratch directory; do it where the warden was killed."""
        try:
            self._warden.wait(_END_LIMIT)
        except subprocess.TimeoutExpired:
            self._warden.kill()
            self._warden.wait()
        if self._spec.scratch.exists():
            shutil.rmtree(self._spec.scratch, ignore_errors=True)


def start(spec: ContainerSpec, isolation: Isolation | None = None) -> Container:
    """Start a container and its main process.

    Args:
        spec: what it is made of.
        isolation: as `detect` found it, or less; None for `detect`.

    Raises:
        InvalidError: a field of ``spec`` that no container can have.
        UnsupportedError: something that needs more isolation.
        ModalError: the machine refused.
    """
    isolation = isolation or detect()
    with _limits(f"container {spec.id}"):
        return Container(spec, isolation)


@contextlib.contextmanager
def _limits(what: str) -> Iterator[None]:
    """Turn what the machine says when it refuses into an error of this package."""
    try:
        yield
    except OSError as error:
        kind = ResourceExhaustedError if error.errno in _EXHAUSTED else ModalError
        raise kind(f"{what} cannot be started: {error.strerror}") from error
    except RuntimeError as error:
        raise ResourceExhaustedError(f"{what} cannot be started: no room for another thread") from error


def run_step(
    args: Sequence[str],
    env: Mapping[str, str],
    workdir: str | None,
    layers: Sequence[Path],
    upper: Path,
    on_output: Callable[[bytes], None],
    timeout: float | None = None,
    network: bool = True,
    *,
    isolation: Isolation | None = None,
    allow_host: bool = False,
    scratch: Path | None = None,
    hidden: Sequence[Path] = (),
) -> int:
    """Run a command over image layers, keep what it changed, and return its exit code.

    Args:
        args: program and arguments.
        env: its variables, besides PATH, HOME and LANG.
        workdir: where it runs, made when missing.
        layers: what it sees over this machine's files, the top one last.
        upper: the directory that receives its changes, an overlay's upper directory.
        on_output: called here with what it writes, both streams in their order.
        timeout: seconds until it is killed and the code is 124.
        network: False for none.
        isolation: as `detect` found it; None for `detect`.
        allow_host: run it as a plain process on this machine's own files when there is no private file system.
        scratch: an empty directory for the time of the call; None for one beside ``upper``.
        hidden: directories of this machine that it must not see.

    Raises:
        UnsupportedError: no private file system, and not ``allow_host``.
        InvalidError, ModalError: as `start`.
    """
    isolation = isolation or detect()
    if not isolation.filesystem and not allow_host:
        raise UnsupportedError(f"a build step needs a private file system; this is {isolation}")
    spec = ContainerSpec(
        id="build step",
        args=tuple(args),
        env=env,
        workdir=workdir,
        layers=tuple(layers) if isolation.filesystem else (),
        timeout=timeout,
        network=network,
        scratch=scratch or upper.with_name(f"{upper.name}.scratch"),
        hidden=tuple(hidden),
        upper=upper if isolation.filesystem else None,
    )
    with _limits("a build step"):
        container = Container(spec, isolation, partial(Pipes, merged=True, has_input=False))
    with container:
        for chunk in container.main.stdout.drain():
            on_output(chunk)
        code = container.main.wait()
    if container._warden.returncode != 0:
        raise ModalError(f"the changes of a build step could not be kept: {container._complaint()}")
    return code
