"""Live tasks: a sandbox's container, the processes started in it, and what they have been fed."""

from __future__ import annotations

import asyncio
import contextlib
import threading
import time
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from modal_lint_runtime.errors import ConflictError, InvalidError, NotFoundError

if TYPE_CHECKING:
    from collections.abc import Iterator

    from modal_lint_runtime.processes import Container, Process

MAX_FINISHED = 256
"""Finished tasks whose output can still be read; the oldest are forgotten."""

MAX_EXECS = 2048
"""Processes of one sandbox that are kept, the oldest finished ones being forgotten."""

CHUNK = 256 * 1024
"""The most bytes of output in one message."""


class Fed:
    """A process and how much of its standard input has been written.

    Writes carry their offset, so that a client may repeat one whose reply was lost.
    """

    def __init__(self, process: Process) -> None:
        self.process = process
        self.written = 0
        self.closed = False
        self._lock = threading.Lock()

    def write(self, offset: int, data: bytes, *, eof: bool) -> None:
        """Write what is new of `data` at `offset`; waits for a process that reads slowly.

        Raises InvalidError when bytes before it are missing, ConflictError when nobody reads any more.
        """
        with self._lock:
            if offset > self.written:
                raise InvalidError(f"stdin has {self.written} bytes, the write starts at {offset}")
            fresh = data[self.written - offset :]
            if fresh and not self.closed:
                try:
                    self.process.write_stdin(fresh)
                except OSError:
                    raise ConflictError("The process no longer reads its standard input.") from None
                self.written += len(fresh)
            if eof and not self.closed:
                self.closed = True
                self.process.close_stdin()


@dataclass
class Task:
    """A sandbox's container. `result` is None while it runs."""

    id: str
    sandbox_id: str
    app_id: str
    container: Container
    main: Fed | None
    execs: dict[str, Fed] = field(default_factory=dict)
    terminated: bool = False
    finished: asyncio.Event = field(default_factory=asyncio.Event)
    returncode: int | None = None
    timed_out: bool = False
    stdin_index: int = 0
    last_active: float = field(default_factory=time.monotonic)
    _lock: threading.Lock = field(default_factory=threading.Lock)
    _starts: dict[str, threading.Lock] = field(default_factory=dict)

    @contextlib.contextmanager
    def starting(self, exec_id: str) -> Iterator[None]:
        """Hold back a second start of the same process until the first is done; others go on."""
        with self._lock:
            start = self._starts.setdefault(exec_id, threading.Lock())
        with start:
            try:
                yield
            finally:
                with self._lock:
                    self._starts.pop(exec_id, None)

    def keep(self, exec_id: str, fed: Fed) -> None:
        """Keep a started process, and forget the oldest finished ones beyond the limit."""
        with self._lock:
            self.execs[exec_id] = fed
            self.last_active = time.monotonic()
            surplus = len(self.execs) - MAX_EXECS
            if surplus > 0:
                finished = [known for known, each in self.execs.items() if each.process.poll() is not None]
                for known in finished[:surplus]:
                    del self.execs[known]

    def exec(self, exec_id: str) -> Fed:
        """A process started in this task. Raises NotFoundError."""
        try:
            return self.execs[exec_id]
        except KeyError:
            raise NotFoundError(f"No process with ID '{exec_id}' in this sandbox") from None


class Tasks:
    """The live and the recently finished tasks."""

    def __init__(self) -> None:
        self._by_id: dict[str, Task] = {}
        self._by_sandbox: dict[str, Task] = {}
        self._lock = threading.Lock()

    def add(self, task: Task) -> None:
        """Keep a started task."""
        with self._lock:
            self._by_id[task.id] = self._by_sandbox[task.sandbox_id] = task
            self._forget_old()

    def _forget_old(self) -> None:
        finished = [task for task in self._by_id.values() if task.finished.is_set()]
        for task in finished[: max(0, len(finished) - MAX_FINISHED)]:
            del self._by_id[task.id], self._by_sandbox[task.sandbox_id]

    def get(self, task_id: str) -> Task:
        """The task with this id. Raises NotFoundError."""
        task = self._by_id.get(task_id)
        if task is None:
            raise NotFoundError(f"No task with ID '{task_id}'")
        return task

    def of_sandbox(self, sandbox_id: str) -> Task | None:
        """The task of a sandbox; None when this server has none (it ended long ago or under another process)."""
        return self._by_sandbox.get(sandbox_id)

    def count(self, app_id: str) -> int:
        """How many tasks of an App run."""
        return sum(task.app_id == app_id and not task.finished.is_set() for task in self)

    def __iter__(self) -> Iterator[Task]:
        with self._lock:
            return iter(list(self._by_id.values()))
