"""Moves bytes between a container's pipes and memory, in one thread per container."""

from __future__ import annotations

import contextlib
import os
import selectors
import threading
import time
import weakref
from typing import TYPE_CHECKING

from modal_lint_runtime import wire

if TYPE_CHECKING:
    import socket
    from collections.abc import Callable

    from modal_lint_runtime.output import Output

LINGER = 2.0
"""Seconds that the output of an ended process is still read while something it left behind keeps the pipe open."""

PENDING_LIMIT = 16 * 1024 * 1024
"""Bytes waiting for a process to read them before `Input.write` waits too."""

_PIECE = 1 << 18


class Input:
    """The standard input of a process: written by anybody, passed on by the pump.

    Args:
        descriptor: the pipe's end to write to, owned from now on; None for a stdin that is closed.
        wake: makes the pump look again.
    """

    def __init__(self, descriptor: int | None, wake: Callable[[], None] = lambda: None) -> None:
        self._descriptor = descriptor
        self._wake = wake
        self._pending = bytearray()
        self._closing = descriptor is None
        self._changed = threading.Condition()
        if descriptor is not None:
            os.set_blocking(descriptor, False)

    def write(self, data: bytes) -> None:
        """Pass ``data`` on, waiting only while `PENDING_LIMIT` bytes are not read yet.

        Raises:
            BrokenPipeError: it was closed, or the process no longer reads.
        """
        with self._changed:
            self._changed.wait_for(lambda: self._closing or len(self._pending) < PENDING_LIMIT)
            if self._closing:
                raise BrokenPipeError("the standard input of the process is closed")
            self._pending += data
        self._wake()

    def close(self) -> None:
        """Have it closed once everything is passed on."""
        with self._changed:
            self._closing = True
            self._changed.notify_all()
        self._wake()

    def flush(self) -> tuple[int | None, bool]:
        """Pass on what the pipe takes. The pump's.

        Returns:
            The descriptor to wait for when the pipe is full, else None; and whether it is time to `abandon`.
        """
        with self._changed:
            if self._descriptor is None:
                return None, False
            try:
                while self._pending:
                    with memoryview(self._pending) as view:
                        written = os.write(self._descriptor, view[:_PIECE])
                    del self._pending[:written]
                    self._changed.notify_all()
            except BlockingIOError:
                return self._descriptor, False
            except OSError:  # nobody reads it any more
                return None, True
            return None, self._closing

    def abandon(self) -> None:
        """Close it now, whatever is pending. The pump's."""
        with self._changed:
            self._closing = True
            self._pending.clear()
            self._close()
            self._changed.notify_all()

    def let_go(self) -> None:
        """In a child that was forked: close the child's copy, which would keep the process waiting for more."""
        self._changed = threading.Condition()
        self._closing = True
        self._pending = bytearray()
        self._close()

    def _close(self) -> None:
        descriptor, self._descriptor = self._descriptor, None
        if descriptor is not None:
            os.close(descriptor)


class Streams:
    """The streams of one process.

    Attributes:
        input: its standard input.
        outputs: by descriptor, where to put what comes from it.
        deadline: when to stop reading, on the monotonic clock; None while the process runs.
        writing: the descriptor of the input while its pipe is full.
    """

    def __init__(self, input_: Input, outputs: dict[int, Output]) -> None:
        self.input = input_
        self.outputs = dict(outputs)
        self.deadline: float | None = None
        self.writing: int | None = None


class Pump:
    """The thread of one container.

    Args:
        control: the client's end of the warden's socket.
        on_reply: called with the kind, process number and value of each reply.
        on_end: called once when the warden is gone and every stream is closed.
    """

    def __init__(
        self, control: socket.socket, on_reply: Callable[[int, int, int], None], on_end: Callable[[], None]
    ) -> None:
        self._control = control
        self._on_reply = on_reply
        self._on_end = on_end
        self._selector = selectors.DefaultSelector()
        self._wakeup, self._waker = os.pipe()
        os.set_blocking(self._wakeup, False)
        os.set_blocking(self._waker, False)
        self._lock = threading.Lock()
        self._new: list[Streams] = []
        self._streams: list[Streams] = []
        self._alive = True
        self._thread = threading.Thread(target=self._run, name="modal-lint container", daemon=True)
        _LIVE.add(self)

    def start(self) -> None:
        """Begin. Raises RuntimeError, after closing everything, when there is no room for another thread."""
        try:
            self._thread.start()
        except RuntimeError:
            self._end()
            raise

    def join(self, timeout: float | None = None) -> bool:
        """Wait for the end and return whether it came. From the pump's own thread it returns at once."""
        if self._thread is not threading.current_thread():
            self._thread.join(timeout)
        return not self._thread.is_alive()

    def add(self, streams: Streams) -> None:
        """Look after the streams of another process."""
        with self._lock:
            if self._alive:
                self._new.append(streams)
                self._wake_up()
                return
        self._close(streams)

    def wake(self) -> None:
        """Make the thread look at the inputs again."""
        with self._lock:
            if self._alive:
                self._wake_up()

    def _wake_up(self) -> None:
        with contextlib.suppress(BlockingIOError):
            os.write(self._waker, b"\0")

    def _run(self) -> None:
        try:
            self._serve()
        finally:
            self._end()

    def _serve(self) -> None:
        self._selector.register(self._control, selectors.EVENT_READ)
        self._selector.register(self._wakeup, selectors.EVENT_READ)
        connected = True
        while connected or self._streams:
            for key, _ in self._selector.select(self._until_deadline()):
                if key.fileobj is self._control:
                    connected = self._reply()
                elif key.fd == self._wakeup:
                    self._take_new()
                elif key.data is not None:
                    self._read(key.fd, key.data)
            self._write()
            self._drop_overdue(everything_ended=not connected)

    def _until_deadline(self) -> float | None:
        deadlines = [streams.deadline for streams in self._streams if streams.deadline is not None]
        return max(0.0, min(deadlines) - time.monotonic()) if deadlines else None

    def _reply(self) -> bool:
        self._take_new()
        reply = wire.read_reply(self._control)
        if reply is None:
            self._selector.unregister(self._control)
            return False
        self._on_reply(*reply)
        return True

    def _take_new(self) -> None:
        with contextlib.suppress(BlockingIOError):
            os.read(self._wakeup, 4096)
        with self._lock:
            new, self._new = self._new, []
        for streams in new:
            for descriptor in streams.outputs:
                self._selector.register(descriptor, selectors.EVENT_READ, streams)
        self._streams += new

    def ended(self, streams: Streams) -> None:
        """Stop reading the streams of a process that has ended, soon. For `on_reply` only."""
        streams.deadline = time.monotonic() + LINGER
        self._close_input(streams)

    def _read(self, descriptor: int, streams: Streams) -> None:
        try:
            data = os.read(descriptor, _PIECE)
        except BlockingIOError:
            return
        except OSError:  # EIO: how a terminal says that nobody has it open any more
            data = b""
        if data:
            streams.outputs[descriptor].write(data)
        else:
            self._close_output(streams, descriptor)

    def _write(self) -> None:
        for streams in self._streams:
            full, due = streams.input.flush()
            if due:
                self._close_input(streams)
            elif full is None:
                self._stop_writing(streams)
            elif streams.writing is None:
                self._selector.register(full, selectors.EVENT_WRITE, None)
                streams.writing = full

    def _stop_writing(self, streams: Streams) -> None:
        if streams.writing is not None:
            self._selector.unregister(streams.writing)
            streams.writing = None

    def _close_input(self, streams: Streams) -> None:
        self._stop_writing(streams)
        streams.input.abandon()

    def _drop_overdue(self, *, everything_ended: bool) -> None:
        now = time.monotonic()
        for streams in tuple(self._streams):
            if everything_ended and streams.deadline is None:
                self.ended(streams)
            overdue = streams.deadline is not None and streams.deadline <= now
            for descriptor in tuple(streams.outputs) if overdue else ():
                self._close_output(streams, descriptor)
            if not streams.outputs and streams.deadline is not None:
                self._streams.remove(streams)

    def _close_output(self, streams: Streams, descriptor: int) -> None:
        output = streams.outputs.pop(descriptor)  # first: a child forked in between must not close it again
        self._selector.unregister(descriptor)
        os.close(descriptor)
        output.close()

    def _close(self, streams: Streams) -> None:
        streams.input.abandon()
        for descriptor, output in streams.outputs.items():
            os.close(descriptor)
            output.close()

    def _end(self) -> None:
        with self._lock:
            self._alive = False
            os.close(self._waker)
            rest, self._new = [*self._new, *self._streams], []
        for streams in rest:
            self._close(streams)
        os.close(self._wakeup)
        self._selector.close()
        self._on_end()

    def let_go(self) -> None:
        """In a child that was forked, where its thread is not: close the child's copies of its descriptors."""
        if not self._alive:
            return
        self._alive = False
        self._lock = threading.Lock()
        os.close(self._control.detach())
        for descriptor in (self._wakeup, self._waker):
            os.close(descriptor)
        for streams in (*self._streams, *self._new):
            streams.input.let_go()
            for descriptor, output in streams.outputs.items():
                os.close(descriptor)
                output.let_go()
        self._streams, self._new = [], []


_LIVE: weakref.WeakSet[Pump] = weakref.WeakSet()


def _after_fork() -> None:
    for pump in tuple(_LIVE):
        with contextlib.suppress(OSError):
            pump.let_go()


if hasattr(os, "register_at_fork"):
    os.register_at_fork(after_in_child=_after_fork)
