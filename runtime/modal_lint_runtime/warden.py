"""Starts, watches and ends the processes of one container, from the side where they run.

A program of its own in a bare Python: beside the client, or as process 1 inside a container. The client speaks to it
over a socket (`wire.py`). When that socket ends, the client is dead or done, and every descendant is killed, whatever
session or parent it has given itself. Environments come over the socket too, and so stand in nobody's arguments and in
no file.
"""

from __future__ import annotations

import contextlib
import fcntl
import os
import select
import signal
import socket
import termios
import time

from modal_lint_runtime import wire
from modal_lint_runtime.family import Family, adopt_orphans, die_with_parent, kill_family, reap, send_signal

TYPE_CHECKING = False
if TYPE_CHECKING:
    from modal_lint_runtime.wire import Request


class Watch:
    """Wakes this process for requests, ended children, signals, and the death of the client.

    ``control`` is None for a process that takes no requests. Descriptor 0 of `client` means nobody to watch but the
    control socket's end.
    """

    def __init__(self, control: socket.socket | None, client: int) -> None:
        self._client = client
        self._poll = select.poll()
        self._control = control
        if control is not None:
            self._poll.register(control, select.POLLIN)
        self._wakeup, writer = os.pipe()
        os.set_blocking(self._wakeup, False)
        os.set_blocking(writer, False)
        self._poll.register(self._wakeup, select.POLLIN)
        signal.set_wakeup_fd(writer, warn_on_full_buffer=False)
        for number in (signal.SIGCHLD, signal.SIGTERM, signal.SIGINT, signal.SIGHUP):
            signal.signal(number, lambda *_: None)
        self._pidfd: int | None = None
        # The socket alone does not do: a process that the client forked may hold its other end.
        if client and hasattr(os, "pidfd_open"):
            with contextlib.suppress(OSError):
                self._pidfd = os.pidfd_open(client)
                self._poll.register(self._pidfd, select.POLLIN)

    def wait(self, seconds: float | None) -> bool:
        """Wait for something to happen and return whether there is a request.

        Raises:
            ClientGoneError: the client is dead, or this process was told to end.
        """
        if self._client and self._pidfd is None:
            seconds = 1.0 if seconds is None else min(seconds, 1.0)
        ready = {descriptor for descriptor, _ in self._poll.poll(None if seconds is None else seconds * 1000 + 1)}
        told = self._signals() - {signal.SIGCHLD} if self._wakeup in ready else set()
        if told or self._pidfd in ready or (self._client and os.getppid() != self._client):
            raise wire.ClientGoneError
        return self._control is not None and self._control.fileno() in ready

    def _signals(self) -> set[int]:
        with contextlib.suppress(BlockingIOError):
            return set(os.read(self._wakeup, 4096))
        return set()


class _Child:
    __slots__ = ("code", "deadline", "number", "pid")

    def __init__(self, number: int, pid: int, seconds: float) -> None:
        self.number = number
        self.pid = pid
        self.deadline = time.monotonic() + seconds if seconds else None
        self.code: int | None = None


class Warden:
    """Carries out the client's requests until the main process ends or the client does."""

    def __init__(self, control: socket.socket, client: int) -> None:
        self._control = control
        self._watch = Watch(control, client)
        self._children: dict[int, _Child] = {}
        self._main: _Child | None = None

    def run(self) -> None:
        """Return when the container has ended and nothing runs any more."""
        try:
            code = self._serve()
        except wire.ClientGoneError:
            code = wire.TERMINATED
        statuses = kill_family(self._children)
        for child in self._children.values():
            if child is not self._main:
                status = statuses.get(child.pid, signal.SIGKILL)
                self._reply(wire.EXITED, child.number, _exit_code(status) if child.code is None else child.code)
        if self._main is not None:
            self._reply(wire.EXITED, self._main.number, code)

    def _serve(self) -> int:
        while True:
            if self._watch.wait(self._until_deadline()):
                request = wire.read_request(self._control)
                if request.kind == wire.TERMINATE:
                    return wire.TERMINATED
                self._obey(request)
            code = self._expire()
            if code is None:
                code = self._collect()
            if code is not None:
                return code

    def _until_deadline(self) -> float | None:
        deadlines = [child.deadline for child in self._all() if child.deadline is not None]
        return max(0.0, min(deadlines) - time.monotonic()) if deadlines else None

    def _all(self) -> list[_Child]:
        idle = [self._main] if self._main is not None and self._main.pid == 0 else []
        return [*self._children.values(), *idle]

    def _obey(self, request: Request) -> None:
        if request.kind == wire.SIGNAL:
            for child in self._children.values():
                if child.number == request.number:
                    send_signal(Family().tree(child.pid), request.flags)
            return
        self._start(request)
        for descriptor in request.stdio:
            os.close(descriptor)

    def _start(self, request: Request) -> None:
        try:
            pid = _spawn(request) if request.args else 0
        except OSError as error:  # the machine has no room for another process
            os.write(request.stdio[2], os.fsencode(f"cannot start a process: {error.strerror}\n"))
            self._reply(wire.EXITED, request.number, wire.NOT_EXECUTABLE)
            if request.flags & wire.MAIN:
                raise wire.ClientGoneError from error
            return
        child = _Child(request.number, pid, request.seconds)
        if pid:
            self._children[pid] = child
        if request.flags & wire.MAIN:
            self._main = child
        self._reply(wire.STARTED, child.number, pid or os.getpid())

    def _expire(self) -> int | None:
        """Kill what has outlived its time. Returns the main process's code when it is among them."""
        now = time.monotonic()
        for child in self._all():
            if child.deadline is None or child.deadline > now:
                continue
            child.deadline = None
            child.code = wire.TIMED_OUT
            self._reply(wire.EXPIRED, child.number, wire.TIMED_OUT)
            if child is self._main:
                return wire.TIMED_OUT
            send_signal(Family().tree(child.pid), signal.SIGKILL)
        return None

    def _collect(self) -> int | None:
        """Reap what has ended. Returns the main process's code when it is among them."""
        ended: dict[int, int] = {}
        reap(ended)
        result = None
        for pid, status in ended.items():
            child = self._children.pop(pid, None)
            if child is None:
                continue  # an orphan we had adopted
            code = _exit_code(status) if child.code is None else child.code
            if child is self._main:
                result = code
            else:
                self._reply(wire.EXITED, child.number, code)
        return result

    def _reply(self, kind: int, number: int, value: int) -> None:
        wire.send_reply(self._control, kind, number, value)


def _exit_code(status: int) -> int:
    code = os.waitstatus_to_exitcode(status)
    return code if code >= 0 else 128 - code


def _spawn(request: Request) -> int:
    pid = os.fork()
    if pid == 0:
        try:
            _become(request)
        finally:
            os._exit(wire.NOT_EXECUTABLE)
    return pid


def _become(request: Request) -> None:
    os.setsid()
    die_with_parent()
    signal.set_wakeup_fd(-1)
    for number in (signal.SIGPIPE, signal.SIGXFSZ):  # Python ignores these, and that would be inherited
        signal.signal(number, signal.SIG_DFL)
    if request.flags & wire.TERMINAL:
        fcntl.ioctl(request.stdio[0], termios.TIOCSCTTY, 0)
    for target, descriptor in enumerate(request.stdio):
        os.dup2(descriptor, target)
    os.umask(0o022)
    name = os.fsdecode(request.args[0])
    try:
        if request.flags & wire.MAKE_WORKDIR:
            os.makedirs(request.workdir, exist_ok=True)
        os.chdir(request.workdir)
    except OSError as error:
        _complain(f"cannot enter {os.fsdecode(request.workdir)}: {error.strerror}")
        os._exit(wire.NOT_EXECUTABLE)
    try:
        os.execvpe(request.args[0], request.args, request.env)
    except (FileNotFoundError, NotADirectoryError):
        _complain(f"{name}: command not found")
        os._exit(wire.NOT_FOUND)
    except OSError as error:
        _complain(f"{name}: {error.strerror}")
        os._exit(wire.NOT_EXECUTABLE)


def _complain(text: str) -> None:
    os.write(2, os.fsencode(text + "\n"))


def main(control: str, client: str, source: str | None = None) -> None:
    """Serve a container until it ends.

    Args:
        control: descriptor of the socket.
        client: process id of the client; 0 when it cannot be seen from here.
        source: a descriptor that this program was imported through, closed before anybody else can use it.
    """
    adopt_orphans()
    with contextlib.suppress(ImportError, ValueError, OSError):
        import resource

        resource.setrlimit(resource.RLIMIT_CORE, (0, 0))  # a core dump would hold environments
    if source is not None:
        os.close(int(source))
    with socket.socket(fileno=int(control)) as connection:
        connection.set_inheritable(False)
        Warden(connection, int(client)).run()
