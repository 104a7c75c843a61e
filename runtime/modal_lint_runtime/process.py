"""One process in a container: what it is given, what it writes, and how it ends."""

from __future__ import annotations

import contextlib
import os
import signal
import threading
import time
from typing import TYPE_CHECKING

from modal_lint_runtime import wire
from modal_lint_runtime.output import Output
from modal_lint_runtime.pump import Input, Streams

if TYPE_CHECKING:
    from collections.abc import Callable

    from modal_lint_runtime.processes import Container


class Process:
    """A process in a container.

    Attributes:
        stdout: what it writes to its standard output. On a terminal this holds all its output.
        stderr: what it writes to its standard error.
    """

    def __init__(self, container: Container, number: int, pipes: Pipes) -> None:
        self._container = container
        self._number = number
        self._input = pipes.streams.input
        self._idle = not pipes.theirs
        self.stdout = pipes.stdout
        self.stderr = pipes.stderr
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
            UnsupportedError: it belongs to the process that has forked this one.
        """
        if self._code is None:
            self._container.require_owner()
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
            self._container.require_owner()
            self._container._send(wire.Request(wire.SIGNAL, self._number, number))

    def on_end(self, callback: Callable[[], None]) -> None:
        """Have ``callback`` called once when it has ended, from another thread; at once if it has.

        It must be quick; what it raises there is lost."""
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
        if self._idle:
            self.stdout.close()
            self.stderr.close()
        self._started.set()
        self._ended.set()
        for callback in callbacks:
            with contextlib.suppress(Exception):  # the thread that calls it serves the whole container
                callback()


class Pipes:
    """The streams of a process that is about to start: the container's ends and ours.

    Attributes:
        theirs: descriptors of its standard input, output and error; none for a main process that only idles.
        streams: our ends, for the pump.
        stdout: what its standard output goes to.
        stderr: what its standard error goes to.

    Args:
        wake: makes the pump look at the input again.
        pty: one terminal for all three.
        merged: standard error goes where standard output does.
        has_input: whether its standard input is a pipe, or empty.
    """

    def __init__(
        self, wake: Callable[[], None], *, pty: bool = False, merged: bool = False, has_input: bool = True
    ) -> None:
        self.stdout, self.stderr = Output(), Output(closed=pty or merged)
        with contextlib.ExitStack() as opened:  # closes them when there is no room for the rest
            self.theirs, feed, outputs = self._open(opened, pty=pty, merged=merged, has_input=has_input)
            opened.pop_all()
        self.streams = Streams(Input(feed, wake), outputs)

    @classmethod
    def idle(cls) -> Pipes:
        """The streams of a main process that only waits to be terminated."""
        pipes = cls.__new__(cls)
        pipes.stdout, pipes.stderr = Output(), Output()
        pipes.theirs, pipes.streams = (), Streams(Input(None), {})
        return pipes

    def _open(
        self, opened: contextlib.ExitStack, *, pty: bool, merged: bool, has_input: bool
    ) -> tuple[tuple[int, ...], int | None, dict[int, Output]]:
        def owned(*descriptors: int) -> tuple[int, ...]:
            for descriptor in descriptors:
                opened.callback(os.close, descriptor)
            return descriptors

        if pty:
            ours, theirs = owned(*os.openpty())
            (feed,) = owned(os.dup(ours))
            return (theirs, *owned(os.dup(theirs)), *owned(os.dup(theirs))), feed, {ours: self.stdout}
        stdin, *feeds = owned(*os.pipe()) if has_input else owned(os.open(os.devnull, os.O_RDONLY))
        feed_ = feeds[0] if feeds else None
        out, write_out = owned(*os.pipe())
        if merged:
            return (stdin, write_out, *owned(os.dup(write_out))), feed_, {out: self.stdout}
        err, write_err = owned(*os.pipe())
        return (stdin, write_out, write_err), feed_, {out: self.stdout, err: self.stderr}

    def close_theirs(self) -> None:
        """Close the container's ends: it has its own by now, or never will."""
        for descriptor in self.theirs:
            os.close(descriptor)
