"""Several processes for many files: one file at a time each, so that a crash costs only the file it was at."""

from __future__ import annotations

import contextlib
import gc
import multiprocessing
import os
import sys
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from multiprocessing.connection import Connection, wait
from typing import TYPE_CHECKING, Any

from modal_lint import analysis
from modal_lint.analysis import INTERNAL, Outcome, Projects, with_deep_stack
from modal_lint.model import Failure, Rule

if TYPE_CHECKING:
    from multiprocessing.process import BaseProcess

    from modal_lint.discover import Target

Work = Sequence[tuple["Target", bytes]]

# Forking is the cheapest start and shares what is loaded; macOS's libraries do not survive it.
_METHOD = "fork" if sys.platform.startswith("linux") else "spawn"


@dataclass(slots=True)
class _Worker:
    process: BaseProcess
    pipe: Connection
    task: int | None = None


def analyse(work: Work, rules: Sequence[Rule], jobs: int, progress: Callable[[int, int], None]) -> list[Outcome]:
    """The outcomes of ``work`` in its order, from ``jobs`` processes.

    A process that dies costs a failure for the file it was at, and is replaced.
    """
    return _Pool(work, rules, jobs, progress).run()


class _Pool:
    def __init__(self, work: Work, rules: Sequence[Rule], jobs: int, progress: Callable[[int, int], None]) -> None:
        self._work = work
        self._rules = tuple(rules)
        self._jobs = jobs
        self._progress = progress
        self._context: Any = multiprocessing.get_context(_METHOD)  # typeshed's base class lacks `Process`
        # Large files first: the last one to finish decides how long everything takes.
        self._waiting = sorted(range(len(work)), key=lambda at: len(work[at][1]))
        self._done: dict[int, Outcome] = {}

    def run(self) -> list[Outcome]:
        gc.freeze()
        workers = [self._started() for _ in range(self._jobs)]
        try:
            for worker in workers:
                self._feed(worker)
            while len(self._done) < len(self._work):
                self._collect(workers)
        finally:
            for worker in workers:
                _stop(worker)
            gc.unfreeze()
        return [self._done[at] for at in range(len(self._work))]

    def _started(self) -> _Worker:
        ours, theirs = self._context.Pipe()
        process = self._context.Process(target=_serve, args=(theirs, ours, self._rules), daemon=True)
        process.start()
        theirs.close()
        return _Worker(process, ours)

    def _feed(self, worker: _Worker) -> None:
        worker.task = None
        if self._waiting:
            worker.task = self._waiting.pop()
            with contextlib.suppress(OSError):  # it died: the end of its pipe tells
                worker.pipe.send(self._work[worker.task])

    def _collect(self, workers: list[_Worker]) -> None:
        busy = {worker.pipe: worker for worker in workers if worker.task is not None}
        for pipe in wait(list(busy)):
            worker = busy[pipe]  # type: ignore[index]
            task = worker.task
            assert task is not None
            try:
                self._done[task] = worker.pipe.recv()
            except (EOFError, OSError):
                path = self._work[task][0].path
                self._done[task] = Outcome(failure=Failure(path, f"{INTERNAL} (the analysis crashed)"))
                worker.pipe.close()
                workers[workers.index(worker)] = worker = self._started()
            self._progress(len(self._done), len(self._work))
            self._feed(worker)


def _stop(worker: _Worker) -> None:
    if worker.task is None:
        with contextlib.suppress(OSError):
            worker.pipe.send(None)
        worker.process.join(timeout=1)
    if worker.process.is_alive():
        worker.process.kill()
    worker.pipe.close()


def _serve(pipe: Connection, other_end: Connection, rules: tuple[Rule, ...]) -> None:
    """A worker: answers each file with its outcome until the pipe ends."""
    if _METHOD == "fork":
        other_end.close()
    gc.disable()
    projects = Projects()

    def loop() -> None:
        while True:
            try:
                task = pipe.recv()
            except (EOFError, OSError):
                return
            if task is None:
                return
            target, data = task
            pipe.send(analysis.analyse(target, data, projects, rules))

    try:
        with_deep_stack(loop)
    except KeyboardInterrupt:
        os._exit(130)
