"""Processes that answer tasks which they are sent; what they are to do is brought along once."""

from __future__ import annotations

import contextlib
import gc
import multiprocessing
import os
import sys
from dataclasses import dataclass
from multiprocessing.connection import Connection, wait
from typing import TYPE_CHECKING, Any, Protocol, TypeVar

from modal_lint.deep import with_deep_stack

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence
    from multiprocessing.process import BaseProcess

Task_contra = TypeVar("Task_contra", contravariant=True)
T_co = TypeVar("T_co", covariant=True)

# Forking is the cheapest start and shares what is loaded; macOS's libraries do not survive it.
_METHOD = "fork" if sys.platform.startswith("linux") else "spawn"


class Work(Protocol[Task_contra, T_co]):
    """What a worker does. Tasks and answers go through pipes."""

    def perform(self, task: Task_contra) -> T_co:
        """The answer to a task."""

    def finish(self) -> object:
        """What one process has to tell when all tasks are done."""


@dataclass(slots=True, eq=False, repr=False)
class Worker:
    """A process at work."""

    process: BaseProcess
    pipe: Connection

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
            return None
        return answers


def started(work: Work[Any, Any]) -> Worker:
    """A process that does ``work``."""
    context: Any = multiprocessing.get_context(_METHOD)  # typeshed's base class lacks `Process`
    ours, theirs = context.Pipe()
    process = context.Process(target=_serve, args=(theirs, ours, work), daemon=True)
    process.start()
    theirs.close()
    return Worker(process, ours)


def ready(workers: Iterable[Worker], timeout: float | None = None) -> list[Worker]:
    """Those of some workers that have an answer.

    Args:
        workers: who has been handed tasks.
        timeout: how many seconds to wait for one; None for as long as it takes.
    """
    pipes = {worker.pipe: worker for worker in workers}
    return [pipes[pipe] for pipe in wait(list(pipes), timeout)]  # type: ignore[index]


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
        except (OSError, EOFError):
            busy.append(worker)
    for worker in busy:
        worker.process.kill()
        worker.process.join(timeout=1)
    for worker in workers:
        worker.pipe.close()
    return told


def _serve(pipe: Connection, other_end: Connection, work: Work[Any, Any]) -> None:
    """Answer tasks until the pipe ends."""
    if _METHOD == "fork":
        other_end.close()
    gc.disable()

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
