"""Several processes for numbered tasks; a crash costs only the task that a process was at."""

from __future__ import annotations

import contextlib
import gc
import multiprocessing
import os
import sys
from dataclasses import dataclass, field
from multiprocessing.connection import Connection, wait
from typing import TYPE_CHECKING, Any, Generic, Protocol, TypeVar

from modal_lint.deep import with_deep_stack
from modal_lint.shares import deal

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence
    from multiprocessing.process import BaseProcess

T = TypeVar("T")
T_co = TypeVar("T_co", covariant=True)

# Forking is the cheapest start and shares what is loaded; macOS's libraries do not survive it.
_METHOD = "fork" if sys.platform.startswith("linux") else "spawn"
# So many tasks always fit into a pipe: nobody waits there for one who is waiting itself.
_AHEAD = 100


class Work(Protocol[T_co]):
    """What a worker does. It is brought to the process once; tasks are numbers."""

    def perform(self, task: int) -> T_co:
        """The answer to a task."""

    def crashed(self, task: int) -> T_co:
        """The answer to a task at which the process died."""

    def finish(self) -> object:
        """What one process has to tell when all tasks are done."""


@dataclass(slots=True)
class _Worker:
    process: BaseProcess
    pipe: Connection
    share: list[int]  # tasks that are its own to begin
    groups: list[list[int]] = field(default_factory=list)  # of tasks that it was handed, in order


def _nothing(done: int, total: int) -> None:
    del done, total


def _ignore(answer: object) -> None:
    del answer


def answers(
    work: Work[T],
    weights: Sequence[int],
    jobs: int,
    progress: Callable[[int, int], None] = _nothing,
    seen: Callable[[T], None] = _ignore,
    *,
    light: bool = False,
    together: int = 0,
    ties: Sequence[int] = (),
) -> tuple[dict[int, T], list[Any]]:
    """The answers to all tasks, and what each process told in the end.

    Args:
        work: what to do.
        weights: of each task, how long it takes, in any unit. Neighbours share what they need: each process gets
            stretches of them, and takes from another one's when it has done its own.
        jobs: how many processes.
        progress: told after each task how many of all are done.
        seen: told each answer; it may take its time if the tasks are light.
        light: the tasks are many and alike: a process is always handed half of what is left of its share in advance.
        together: up to which weight tasks are handed over, and answered, at once.
        ties: of each task, how much it needs what the one before it needs, in any unit; without them, all are alike.
    """
    shares = deal(weights, max(1, min(jobs, len(weights))), ties)
    return _Pool(work, weights, shares, progress, seen, light, together).run()


class _Pool(Generic[T]):
    def __init__(
        self,
        work: Work[T],
        weights: Sequence[int],
        shares: list[list[int]],
        progress: Callable[[int, int], None],
        seen: Callable[[T], None],
        light: bool,
        together: int,
    ) -> None:
        self._work = work
        self._weights = weights
        self._shares = shares
        self._total = len(weights)
        self._progress = progress
        self._seen = seen
        self._light = light
        self._together = together
        self._suspects: set[int] = set()  # a process died at one of them
        self._context: Any = multiprocessing.get_context(_METHOD)  # typeshed's base class lacks `Process`
        self._done: dict[int, T] = {}
        self._told: list[Any] = []

    def run(self) -> tuple[dict[int, T], list[Any]]:
        gc.freeze()
        workers = [self._started(share) for share in self._shares]
        try:
            for worker in workers:
                self._feed(worker)
            while len(self._done) < self._total:
                self._collect(workers)
        finally:
            self._end(workers)
            gc.unfreeze()
        return self._done, self._told

    def _started(self, share: list[int]) -> _Worker:
        ours, theirs = self._context.Pipe()
        process = self._context.Process(target=_serve, args=(theirs, ours, self._work), daemon=True)
        process.start()
        theirs.close()
        return _Worker(process, ours, share)

    def _feed(self, worker: _Worker) -> None:
        ahead = min(len(worker.share) // 2, _AHEAD) if self._light else 0
        while len(worker.groups) <= ahead:
            if worker.share:
                group = self._group(worker.share)
            elif not worker.groups and (others := max(self._shares, key=len)):
                group = [others.pop(0)]  # the lightest: what it needs is needed twice
            else:
                return
            worker.groups.append(group)
            with contextlib.suppress(OSError):  # it died: the end of its pipe tells
                worker.pipe.send(group)

    def _group(self, share: list[int]) -> list[int]:
        """The next task of a share, with some that follow if all of them are light; most of it is left for later."""
        group = [share.pop()]
        weight = self._weights[group[0]]
        most = len(share) // 4
        while len(group) <= most and weight + self._weights[share[-1]] <= self._together:
            if not self._suspects.isdisjoint((group[0], share[-1])):
                break
            group.append(share.pop())
            weight += self._weights[group[-1]]
        return group

    def _collect(self, workers: list[_Worker]) -> None:
        busy = {worker.pipe: worker for worker in workers if worker.groups}
        for pipe in wait(list(busy)):
            worker = busy[pipe]  # type: ignore[index]
            group = worker.groups.pop(0)
            try:
                answers = worker.pipe.recv()
            except (EOFError, OSError):
                answers = self._crashed(worker, group)
                workers[workers.index(worker)] = worker = self._started(worker.share)
            for task, answer in zip(group, answers, strict=False):
                self._done[task] = answer
                self._progress(len(self._done), self._total)
            self._feed(worker)
            for answer in answers:
                self._seen(answer)

    def _crashed(self, worker: _Worker, group: list[int]) -> list[T]:
        """The answers to a group of tasks at which a process died; those it had not begun are left for the next one."""
        worker.pipe.close()
        for later in reversed(worker.groups):
            worker.share += reversed(later)
        if len(group) == 1:
            return [self._work.crashed(group[0])]
        self._suspects.update(group)  # one of them it was: each is done again alone
        worker.share += reversed(group)
        return []

    def _end(self, workers: list[_Worker]) -> None:
        """Hear what the processes have to tell, and see them end, all at the same time."""
        idle = [worker for worker in workers if not worker.groups]
        for worker in idle:
            with contextlib.suppress(OSError):
                worker.pipe.send(None)
        for worker in idle:
            with contextlib.suppress(OSError, EOFError):
                self._told.append(worker.pipe.recv())
        for worker in idle:
            worker.process.join(timeout=1)
        for worker in workers:
            if worker.process.is_alive():
                worker.process.kill()
            worker.pipe.close()


def _serve(pipe: Connection, other_end: Connection, work: Work[Any]) -> None:
    """A worker: answers each task until the pipe ends."""
    if _METHOD == "fork":
        other_end.close()
    gc.disable()

    def loop() -> None:
        while True:
            try:
                group = pipe.recv()
            except (EOFError, OSError):
                return
            if group is None:
                pipe.send(work.finish())
                return
            pipe.send([work.perform(task) for task in group])

    try:
        with_deep_stack(loop)
    except KeyboardInterrupt:
        os._exit(130)
