"""Processes made by forking, with a pipe to each: what is needed of multiprocessing, which takes 8 ms to load."""

from __future__ import annotations

import contextlib
import fcntl
import os
import pickle
import select
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

_HEADER = 8  # bytes that say how many follow
_CAPACITY = 1 << 18  # bytes that a pipe holds, so that nobody waits to be rid of them


class Pipe:
    """One end of a pipe that objects go through."""

    def __init__(self, source: int, sink: int) -> None:
        self._source, self._sink = source, sink

    def fileno(self) -> int:
        """What can be waited for until there is something to receive."""
        return self._source

    def send(self, what: object) -> None:
        """Send an object; raises `OSError` if the other end is closed."""
        data = pickle.dumps(what, pickle.HIGHEST_PROTOCOL)
        left = memoryview(len(data).to_bytes(_HEADER, "big") + data)
        while left:
            left = left[os.write(self._sink, left) :]

    def recv(self) -> Any:
        """The next object; raises `EOFError` if the other end is closed."""
        return pickle.loads(self._read(int.from_bytes(self._read(_HEADER), "big")))

    def close(self) -> None:
        """Send and receive no more."""
        if self._source >= 0:
            os.close(self._source)
            os.close(self._sink)
        self._source = self._sink = -1

    def _read(self, size: int) -> bytearray:
        data = bytearray()
        while len(data) < size:
            more = os.read(self._source, size - len(data))
            if not more:
                raise EOFError
            data += more
        return data


class Process:
    """A process that begins at once.

    Args:
        serve: what it does with its end of the pipe and ``work``.
        work: what else it is given.

    Raises:
        OSError: there can be no more processes.
    """

    def __init__(self, serve: Callable[[Any, Any], None], work: object) -> None:
        ends: list[int] = []
        try:
            ends += os.pipe()
            ends += os.pipe()
            tasks, answers = ends[:2], ends[2:]
            with contextlib.suppress(OSError):  # this user may have no more large ones: small ones do, in more time
                fcntl.fcntl(tasks[1], fcntl.F_SETPIPE_SZ, _CAPACITY)
                fcntl.fcntl(answers[1], fcntl.F_SETPIPE_SZ, _CAPACITY)
            child = os.fork()
        except OSError:
            for end in ends:
                os.close(end)
            raise
        if child == 0:
            status = 1
            try:
                os.close(tasks[1])
                os.close(answers[0])
                serve(Pipe(tasks[0], answers[1]), work)
                status = 0
            finally:
                os._exit(status)
        os.close(tasks[0])
        os.close(answers[1])
        self.pipe = Pipe(answers[0], tasks[1])
        self._child: int | None = child

    def kill(self) -> None:
        """End it, whatever it is at."""
        if self._child is not None:
            with contextlib.suppress(ProcessLookupError):
                os.kill(self._child, 9)
            self.join()

    def join(self) -> None:
        """Wait for its end."""
        self._wait(0)

    def has_ended(self) -> bool:
        """Whether it is no more."""
        self._wait(os.WNOHANG)
        return self._child is None

    def _wait(self, options: int) -> None:
        if self._child is not None:
            try:
                ended, _ = os.waitpid(self._child, options)
            except ChildProcessError:  # somebody else has heard of its end
                ended = self._child
            if ended:
                self._child = None


def wait(pipes: Sequence[Pipe], timeout: float | None = None) -> list[Pipe]:
    """Those of some pipes from which something can be received, after up to ``timeout`` seconds."""
    poll = select.poll()
    by_number = {pipe.fileno(): pipe for pipe in pipes}
    for number in by_number:
        poll.register(number, select.POLLIN)
    return [by_number[number] for number, _ in poll.poll(None if timeout is None else 1000 * timeout)]
