"""Containers and their processes: real processes of this machine, streamed, limited in time, and never left behind.

`start` makes a container out of a `ContainerSpec`; `run_step` runs one command of an image build and keeps the files
it changed. Every container has one warden (`warden.py`), a small process that starts and kills the others, and one
thread here (`pump.py`) that moves what they write and read. Everything is safe to call from any thread.
"""

from __future__ import annotations

import os
import shutil
import signal
import socket
import subprocess
import threading
import time
from dataclasses import replace
from typing import TYPE_CHECKING

from modal_lint_runtime import wire
from modal_lint_runtime.errors import ModalError, SandboxTerminatedError, UnsupportedError
from modal_lint_runtime.isolation import Isolation, base_environment, detect
from modal_lint_runtime.launch import ContainerSpec, check_spec, encoded_args, encoded_env, launch, places, seconds
from modal_lint_runtime.output import Output
from modal_lint_runtime.pump import Input, Pump, Streams

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence
    from pathlib import Path

__all__ = ["Container", "ContainerSpec", "Isolation", "Output", "Process", "detect", "run_step", "start"]

_START_LIMIT = 60.0
_END_LIMIT = 30.0
_COMPLAINT_LIMIT = 4096


class Process:
    """A process in a container.

    Attributes:
        stdout: what it writes to its standard output. On a terminal this holds all its output.
        stderr: what it writes to its standard error.
    """

    def __init__(
        self, container: Container, number: int, input_: Input, stdout: Output, stderr: Output, *, streamed: bool
    ) -> None:
        self._container = container
        self._streamed = streamed
        self._number = number
        self._input = input_
        self.stdout = stdout
        self.stderr = stderr
        self._lock = threading.Lock()
        self._started = threading.Event()
        self._ended = threading.Event()
        self._pid: int | None = None
        self._code: int | None = None
        self._timed_out = False
        self._callbacks: list[Callable[[], None]] = []

    def __repr__(self) -> str:
        code = self.poll()
        return f"<Process {self._pid} of {self._container.id}, {'running' if code is None else f'exit code {code}'}>"

    @property
    def pid(self) -> int | None:
        """Its process id as seen from inside the container; None when it could not be started."""
        self._started.wait()
        return self._pid

    @property
    def timed_out(self) -> bool:
        """Whether it was killed because its time was over (exit code 124)."""
        return self._timed_out

    def write_stdin(self, data: bytes) -> None:
        """Write to its standard input; waits only while 16 MiB are unread.

        Raises:
            BrokenPipeError: its standard input is closed, or it has ended.
        """
        self._input.write(data)

    def close_stdin(self) -> None:
        """Close its standard input once it has been given everything. On a terminal that hangs up nothing."""
        self._input.close()

    def poll(self) -> int | None:
        """Return its exit code, 128 + n for one ended by signal n; None while it runs."""
        return self._code

    def wait(self, timeout: float | None = None) -> int:
        """Wait for its end and for the end of its output, and return its exit code.

        What it left behind can keep its output open: that is waited for two seconds at most.

        Raises:
            TimeoutError: it still runs after ``timeout`` seconds.
        """
        deadline = None if timeout is None else time.monotonic() + timeout
        if not self._ended.wait(timeout):
            raise TimeoutError(f"the process still runs after {timeout} s")
        for output in (self.stdout, self.stderr):
            output.wait_closed(None if deadline is None else max(0.0, deadline - time.monotonic()))
        code = self._code
        assert code is not None
        return code

    def kill(self, number: int = signal.SIGKILL) -> None:
        """Send a signal to it and to its descendants; without effect when it has ended."""
        if self._code is None:
            self._container._send(wire.Request(wire.SIGNAL, self._number, number))

    def on_end(self, callback: Callable[[], None]) -> None:
        """Have ``callback`` called once when it has ended, from another thread; at once if it has. It must be quick."""
        with self._lock:
            if self._code is None:
                self._callbacks.append(callback)
                return
        callback()

    def _set_started(self, pid: int) -> None:
        self._pid = pid
        self._started.set()

    def _set_ended(self, code: int) -> None:
        with self._lock:
            if self._code is not None:
                return
            self._code = code
            callbacks, self._callbacks = self._callbacks, []
        if not self._streamed:
            self.stdout.close()
            self.stderr.close()
        self._started.set()
        self._ended.set()
        for callback in callbacks:
            callback()


class Container:
    """A running container. Made by `start`; leaving its ``with`` block ends it.

    Attributes:
        id: its name for people.
        isolation: what its processes have for themselves.
        main: its main process. Its end is the container's, and kills the others.
    """

    main: Process

    def __init__(self, spec: ContainerSpec, isolation: Isolation) -> None:
        check_spec(spec, isolation)
        self.id = spec.id
        self.isolation = replace(isolation, network=spec.network)
        self._spec = spec
        self._places = places(spec, isolation)
        self._env = {**base_environment(self._places.home), **spec.env}
        self._lock = threading.Lock()
        self._sending = threading.Lock()
        self._processes: dict[int, tuple[Process, Streams]] = {}
        self._numbers = 0
        self._complaints = Output(limit=_COMPLAINT_LIMIT)
        self._control, theirs = socket.socketpair()
        with theirs:
            try:
                self._warden = launch(spec, isolation, theirs)
            except BaseException:
                self._control.close()
                raise
        self._pump = Pump(self._control, self._on_reply, self._on_end)
        assert self._warden.stderr is not None
        complaints = os.dup(self._warden.stderr.fileno())
        self._warden.stderr.close()
        self._pump.add(Streams(Input(None), {complaints: self._complaints}))
        self._pump.start()

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
            SandboxTerminatedError: the container has ended.
        """
        request = wire.Request(
            wire.SPAWN,
            flags=wire.MAKE_WORKDIR | (wire.TERMINAL if pty else 0),
            seconds=seconds(timeout),
            args=encoded_args(args),
            env=encoded_env({**self._env, **({} if env is None else env)}),
            workdir=self._places.workdir(self._spec.workdir if workdir is None else workdir),
        )
        return self._spawn(request, pty=pty)

    def terminate(self) -> int:
        """Kill everything and return the exit code: 137, or what it had exited with before."""
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
        self._send(wire.Request(wire.TERMINATE))
        self._pump.join(_END_LIMIT)

    def _start_main(self, *, merged: bool, has_input: bool) -> None:
        spec = self._spec
        request = wire.Request(
            wire.SPAWN,
            flags=wire.MAIN | wire.MAKE_WORKDIR,
            seconds=seconds(spec.timeout),
            args=() if spec.args is None else encoded_args(spec.args),
            env=encoded_env(self._env),
            workdir=self._places.workdir(spec.workdir),
        )
        try:
            self.main = self._spawn(request, merged=merged, has_input=has_input)
            started = self.main._started.wait(_START_LIMIT)
        except SandboxTerminatedError:
            started = False
        if not started or self.main.pid is None:
            self.close()
            raise ModalError(f"container {self.id} did not start: {self._complaint()}")

    def _complaint(self) -> str:
        return self._complaints.read(timeout=1.0).decode("utf-8", "replace").strip() or "its warden ended"

    def _spawn(
        self, request: wire.Request, *, pty: bool = False, merged: bool = False, has_input: bool = True
    ) -> Process:
        theirs: tuple[int, ...] = ()
        if request.args:
            theirs, input_, outputs, stdout, stderr = _open_streams(
                self._pump.wake, pty=pty, merged=merged, has_input=has_input
            )
        else:
            input_, outputs, stdout, stderr = Input(None), {}, Output(), Output()
        streams = Streams(input_, outputs)
        with self._lock:
            self._numbers += 1
            request.number = self._numbers
            process = Process(self, request.number, input_, stdout, stderr, streamed=bool(outputs))
            self._processes[request.number] = process, streams
        request.stdio = theirs
        self._pump.add(streams)
        try:
            sent = self._send(request)
        finally:
            for descriptor in theirs:
                os.close(descriptor)
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
        try:
            self._warden.wait(_END_LIMIT)
        except subprocess.TimeoutExpired:
            self._warden.kill()
            self._warden.wait()
        if self._spec.scratch.exists():  # the warden was killed
            shutil.rmtree(self._spec.scratch, ignore_errors=True)


def _open_streams(
    wake: Callable[[], None], *, pty: bool, merged: bool, has_input: bool
) -> tuple[tuple[int, ...], Input, dict[int, Output], Output, Output]:
    """Return the process's descriptors, its input, and its outputs by descriptor and by name."""
    stdout, stderr = Output(), Output(closed=pty or merged)
    if pty:
        ours, theirs = os.openpty()
        return (theirs, os.dup(theirs), os.dup(theirs)), Input(os.dup(ours), wake), {ours: stdout}, stdout, stderr
    if has_input:
        stdin, feed = os.pipe()
    else:
        stdin, feed = os.open(os.devnull, os.O_RDONLY), None
    out, write_out = os.pipe()
    if merged:
        return (stdin, write_out, os.dup(write_out)), Input(feed, wake), {out: stdout}, stdout, stderr
    err, write_err = os.pipe()
    return (stdin, write_out, write_err), Input(feed, wake), {out: stdout, err: stderr}, stdout, stderr


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
    container = Container(spec, isolation or detect())
    container._start_main(merged=False, has_input=True)
    return container


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
    with Container(spec, isolation) as container:
        container._start_main(merged=True, has_input=False)
        for chunk in container.main.stdout.chunks():
            on_output(chunk)
        code = container.main.wait()
    if container._warden.returncode != 0:
        raise ModalError(f"the changes of a build step could not be kept: {container._complaint()}")
    return code
