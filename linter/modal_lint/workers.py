"""Processes that answer tasks which they are sent; what they are to do is brought along once."""

from __future__ import annotations

import contextlib
import gc
import os
import sys
from typing import TYPE_CHECKING, Any, Protocol, TypeVar

from modal_lint.deep import with_deep_stack

# Forking is the cheapest start and shares what is loaded; macOS's libraries do not survive it.
if sys.platform.startswith("linux"):
    from modal_lint.forked import Process, wait
else:
    from modal_lint.spawned import Process, wait

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

Task_contra = TypeVar("Task_contra", contravariant=True)
T_co = TypeVar("T_co", covariant=True)

# glibc gives the memory that parsing one file took back to the system, and asks for it again with the next file, unless
# it has seen as large a block as it knows of (32 MB where addresses have 64 bits) come and go. Nothing of the block is
# ever touched.
_LARGE = 31 << 20

_LEAVING: list[Process] = []  # have told everything, and give their memory back


class Work(Protocol[Task_contra, T_co]):
    """What a worker does. Tasks and answers go through pipes."""

    def perform(self, task: Task_contra) -> T_co:
        """The answer to a task."""

    def finish(self) -> object:
        """What one process has to tell when all tasks are done."""


class Worker:
    """A process at work."""

    def __init__(self, work: Work[Any, Any]) -> None:
        self.process = Process(_serve, work)
        self.pipe = self.process.pipe

    def hand(self, tasks: Sequence[object]) -> None:
        """Have some tasks done, whose answers come all at once; if the process has died, its answers will tell."""
        with contextlib.suppress(OSError):
            self.pipe.send(tasks)

    def answers(self) -> list[Any] | None:
        """The answers to the tasks that were handed over first; None if the process died at them."""
        try:
            answers: list[Any] = self.pipe.recv()
        except (EOFError, OSError):
            self.pipe.close()
            self.process.kill()  # it is dead or dying; now it is also forgotten
            return None
        return answers


def started(work: Work[Any, Any]) -> Worker:
    """A process that does ``work``."""
    _LEAVING[:] = [process for process in _LEAVING if not process.has_ended()]
    return Worker(work)


def ready(workers: Iterable[Worker], timeout: float | None = None) -> list[Worker]:
    """Those of some workers that have an answer.

    Args:
        workers: who has been handed tasks.
        timeout: how many seconds to wait for one; None for as long as it takes.
    """
    pipes = {worker.pipe: worker for worker in workers}
    return [pipes[pipe] for pipe in wait(list(pipes), timeout)]


def end(workers: Sequence[Worker], idle: Sequence[Worker]) -> list[Any]:
    """Hear what idle workers have to tell, and see the others end.

    Who has told everything is not waited for: all that it still does is to give its memory back, which takes a while.
    """
    told = []
    busy = [worker for worker in workers if worker not in idle]
    for worker in idle:
        with contextlib.suppress(OSError):
            worker.pipe.send(None)
    for worker in idle:
        try:
            told.append(worker.pipe.recv())
            _LEAVING.append(worker.process)
        except (OSError, EOFError):
            busy.append(worker)
    for worker in busy:
        worker.process.kill()
    for worker in workers:
        worker.pipe.close()
    return told


def see_off() -> None:
    """Wait for processes that have told everything: nobody is to find one of them after the end of a run."""
    while _LEAVING:
        _LEAVING.pop().join()


def _serve(pipe: Any, work: Work[Any, Any]) -> None:
    """Answer tasks until the pipe ends."""
    gc.disable()
    with contextlib.suppress(MemoryError):
        bytes(_LARGE)

    def loop() -> None:
        while True:
            try:
                tasks = pipe.recv()
            except (EOFError, OSError):
                return
            if tasks is None:
                pipe.send(work.finish())
                return
            pipe.send([work.perform(task) for task in tasks])

    try:
        with_deep_stack(loop)
    except KeyboardInterrupt:
        os._exit(130)
