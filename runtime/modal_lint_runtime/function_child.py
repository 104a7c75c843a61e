"""What the process of a Function runs: one call, read from standard input, answered in frames on standard output.

Its source is sent to the process before everything else, so it needs nothing of this package there, and imports the
standard library only. What the Function prints goes out in frames of its own and cannot be taken for the answer.
"""

from __future__ import annotations

import contextlib
import json
import os
import pickle
import select
import sys
import threading
import traceback
import types

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any, BinaryIO

OUTPUT, RESULT, FAILURE = b"O", b"R", b"E"
LENGTH = 8
"""Bytes of the length before the data of every frame, big end first."""

_PIECE = 1 << 16


def read_frame(stream: BinaryIO) -> bytes:
    """The next frame of the request."""
    return stream.read(int.from_bytes(stream.read(LENGTH), "big"))


class Answer:
    """Standard output, taken away from the Function: frames for the caller, and a pipe that the Function prints to."""

    def __init__(self) -> None:
        self._out = os.dup(1)
        os.set_inheritable(self._out, False)
        self._lock = threading.Lock()
        self._printed, write = os.pipe()
        os.dup2(write, 1)
        os.close(write)
        os.set_blocking(self._printed, False)
        self._stop, self._stopping = os.pipe()
        self._thread = threading.Thread(target=self._follow, daemon=True)
        self._thread.start()

    def send(self, kind: bytes, data: bytes) -> None:
        """Write a frame."""
        view = memoryview(kind + len(data).to_bytes(LENGTH, "big") + data)
        with self._lock:
            while view:
                view = view[os.write(self._out, view) :]

    def finish(self) -> None:
        """Send what has been printed so far."""
        with contextlib.suppress(OSError, ValueError):  # closed by the Function
            sys.stdout.flush()
        os.write(self._stopping, b"\0")
        self._thread.join()

    def _follow(self) -> None:
        while True:
            ready, _, _ = select.select([self._printed, self._stop], [], [])
            ended = not self._pass_on()
            if ended or self._stop in ready:
                return

    def _pass_on(self) -> bool:
        """Send what there is; whether more may come."""
        try:
            while data := os.read(self._printed, _PIECE):
                self.send(OUTPUT, data)
        except BlockingIOError:
            return True
        return False


def provide_cloudpickle(source: str | None) -> None:
    """Make cloudpickle importable: this Python's own, or the caller's source of it."""
    try:
        import cloudpickle  # noqa: F401
    except ImportError:
        if source is None:
            raise
        package, module = types.ModuleType("cloudpickle"), types.ModuleType("cloudpickle.cloudpickle")
        package.__path__ = []
        sys.modules.update({"cloudpickle": package, "cloudpickle.cloudpickle": module})
        exec(compile(source, "cloudpickle/cloudpickle.py", "exec"), module.__dict__)
        package.__dict__.update({name: value for name, value in vars(module).items() if not name.startswith("__")})


def outcome(payload: bytes) -> tuple[bytes, bytes]:
    """Call the Function; the kind and the data of the frame that says how that went."""
    try:
        import cloudpickle

        function, args, kwargs = pickle.loads(payload)
        result: Any = function(*args, **kwargs)
        if isinstance(result, types.CoroutineType):
            import asyncio

            result = asyncio.run(result)
        return RESULT, cloudpickle.dumps(result)
    except BaseException as error:
        return FAILURE, failure(error)


def failure(error: BaseException) -> bytes:
    """An exception as data: its type's name, its traceback as text, and itself pickled where that can be undone."""
    frames = error.__traceback__.tb_next if error.__traceback__ is not None else None  # the first one is `outcome`
    text = "".join(traceback.format_exception(type(error), error, frames))
    pickled = None
    if isinstance(error, Exception):
        with contextlib.suppress(Exception):
            import cloudpickle

            candidate = cloudpickle.dumps(error)
            pickle.loads(candidate)  # one whose __init__ wants other arguments can be pickled, and not loaded
            pickled = candidate
    return pickle.dumps((type(error).__qualname__, text, pickled))


def main(stdin: BinaryIO) -> None:
    """Read a call, make it, and answer."""
    header = json.loads(read_frame(stdin))
    payload = read_frame(stdin)
    nothing = os.open(os.devnull, os.O_RDONLY)
    os.dup2(nothing, 0)
    os.close(nothing)
    sys.path[:] = header["path"]
    answer = Answer()
    try:
        provide_cloudpickle(header["cloudpickle"])
        kind, data = outcome(payload)
    except BaseException as error:
        kind, data = FAILURE, failure(error)
    answer.finish()
    answer.send(kind, data)
