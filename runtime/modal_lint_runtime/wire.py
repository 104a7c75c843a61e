"""What a client and the warden of its container say to each other, over a Unix socket.

Requests go to the warden, each with the descriptors of a new process's streams; replies come back. Neither side writes
any of it down. Light on purpose: a warden imports it at every start.
"""

from __future__ import annotations

import array
import contextlib
import os
import socket
import struct

TYPE_CHECKING = False
if TYPE_CHECKING:  # importing typing would cost a fifth of the warden's start
    from collections.abc import Mapping, Sequence

PROGRAM = (
    "import sys; package = type(sys)('modal_lint_runtime'); package.__path__ = [sys.argv[1] + '/modal_lint_runtime']; "
    "sys.modules['modal_lint_runtime'] = package; from modal_lint_runtime.{} import main; main(*sys.argv[2:])"
)
"""Runs ``main`` of a module of this package, found below the first argument, in a Python without site-packages.

The package's own ``__init__`` is left out: it would double the time of the start.
"""

TERMINATED = 137
"""Exit code of what was terminated, as Modal reports it."""

TIMED_OUT = 124
"""Exit code of what outlived its timeout, as Modal reports it."""

NOT_FOUND = 127
"""Exit code of a command that does not exist, as a shell has it."""

NOT_EXECUTABLE = 126
"""Exit code of a command that exists and cannot be run, as a shell has it."""

# Kinds of requests; kinds of replies; flags of a request to start a process.
SPAWN, SIGNAL, TERMINATE = 1, 2, 3
STARTED, EXITED, EXPIRED = 1, 2, 3
MAIN, TERMINAL, MAKE_WORKDIR = 1, 2, 4

_REQUEST = struct.Struct("!BIIdII")  # kind, process number, flags or signal, seconds or 0, arguments, bytes that follow
_REPLY = struct.Struct("!BIi")  # kind, process number, process id or exit code
_STDIO = 3


class ClientGoneError(Exception):
    """The other end of the control socket is closed."""


class Request:
    """What the client asks for.

    Attributes:
        kind: SPAWN, SIGNAL or TERMINATE.
        number: the client's number of the process.
        flags: of a SPAWN: MAIN, TERMINAL, MAKE_WORKDIR; of a SIGNAL: the signal.
        seconds: until the process is killed; 0 for never.
        args: the program and its arguments; none for a main process that only waits to be terminated.
        env: the whole environment.
        workdir: where the process starts.
        stdio: descriptors of stdin, stdout and stderr.
    """

    __slots__ = ("args", "env", "flags", "kind", "number", "seconds", "stdio", "workdir")

    def __init__(
        self,
        kind: int,
        number: int = 0,
        flags: int = 0,
        seconds: float = 0.0,
        args: Sequence[bytes] = (),
        env: Mapping[bytes, bytes] | None = None,
        workdir: bytes = b"/",
        stdio: Sequence[int] = (),
    ) -> None:
        self.kind = kind
        self.number = number
        self.flags = flags
        self.seconds = seconds
        self.args = tuple(args)
        self.env = dict(env or {})
        self.workdir = workdir
        self.stdio = tuple(stdio)


def send_request(control: socket.socket, request: Request) -> None:
    """Send ``request``. Raises OSError when the warden is gone."""
    variables = [name + b"=" + value for name, value in request.env.items()]
    body = b"\0".join([request.workdir, *request.args, *variables])
    size = len(request.args)
    header = _REQUEST.pack(request.kind, request.number, request.flags, request.seconds, size, len(body))
    rights = [(socket.SOL_SOCKET, socket.SCM_RIGHTS, array.array("i", request.stdio))] if request.stdio else []
    sent = control.sendmsg([header, body], rights)
    control.sendall((header + body)[sent:])


def read_reply(control: socket.socket) -> tuple[int, int, int] | None:
    """Receive kind, process number and value; None when the warden is gone."""
    try:
        data = control.recv(_REPLY.size, socket.MSG_WAITALL)
    except OSError:
        return None
    if len(data) < _REPLY.size:
        return None
    kind, number, value = _REPLY.unpack(data)
    return kind, number, value


def read_request(control: socket.socket) -> Request:
    """Receive a request. Raises ClientGoneError when the other end is closed."""
    space = socket.CMSG_SPACE(_STDIO * array.array("i").itemsize)
    try:
        header, ancillary, _, _ = control.recvmsg(_REQUEST.size, space, getattr(socket, "MSG_CMSG_CLOEXEC", 0))
        header += _receive(control, _REQUEST.size - len(header))
        kind, number, flags, seconds, size, length = _REQUEST.unpack(header)
        workdir, *parts = _receive(control, length).split(b"\0")
    except OSError as error:
        raise ClientGoneError from error
    stdio = array.array("i")
    for _, _, data in ancillary:
        stdio.frombytes(data)
    for descriptor in stdio:
        os.set_inheritable(descriptor, False)
    env = dict(part.split(b"=", 1) for part in parts[size:])
    return Request(kind, number, flags, seconds, parts[:size], env, workdir, stdio)


def _receive(control: socket.socket, length: int) -> bytes:
    data = bytearray()
    while len(data) < length:
        piece = control.recv(length - len(data))
        if not piece:
            raise ClientGoneError
        data += piece
    return bytes(data)


def send_reply(control: socket.socket, kind: int, number: int, value: int) -> None:
    """Send a reply, to nobody when the client is gone."""
    with contextlib.suppress(OSError):
        control.sendall(_REPLY.pack(kind, number, value))
