"""Several processes for many light tasks, which they begin with while others are still being found."""

from __future__ import annotations

import gc
from collections import deque
from typing import TYPE_CHECKING, Generic, TypeVar

from modal_lint import workers

if TYPE_CHECKING:
    from collections.abc import Callable

    from modal_lint.workers import Work, Worker

T = TypeVar("T")
Task = TypeVar("Task")

# Tasks that a process has while others are still offered: one to do, and the next one, so that it need not wait. The
# answer to a single task fits into a pipe: nobody waits to be rid of it while we wait to be rid of the next task.
_AHEAD = 2


class Stream(Generic[Task, T]):
    """Tasks and their answers.

    Args:
        work: what to do.
        jobs: how many processes.
    """

    def __init__(self, work: Work[Task, T], jobs: int) -> None:
        self._work = work
        self._tasks: list[Task] = []
        self._answers: dict[int, T] = {}  # by number of the task
        self._waiting: deque[int] = deque()  # tasks that nobody has yet
        self._suspects: set[int] = set()  # a process died at one of them
        gc.freeze()
        self._handed: dict[Worker, deque[list[int]]] = {workers.started(work): deque() for _ in range(jobs)}

    def offer(self, task: Task) -> None:
        """Take on one more task."""
        self._waiting.append(len(self._tasks))
        self._tasks.append(task)
        self._collect(timeout=0)
        self._hand_out(1, _AHEAD)

    def answers(self, seen: Callable[[int, T], None] | None = None) -> list[T]:
        """The answers to all tasks in order; then the processes end.

        Args:
            seen: told each task's number and its answer; it may take its time, during which the processes have enough
                to do.
        """
        told = 0
        try:
            while any(self._handed.values()):  # much is only sent to who is waiting for it
                self._collect()
            while told < len(self._tasks):
                # No more will come: half of what is left at once, so that there is still something to even out.
                self._hand_out(max(1, len(self._waiting) // (2 * len(self._handed))), 1)
                if told == len(self._answers):
                    self._collect()
                for number, answer in list(self._answers.items())[told:]:
                    if seen is not None:
                        seen(number, answer)
                    told += 1
        finally:
            self.close()
        return [self._answers[number] for number in range(len(self._tasks))]

    def close(self) -> None:
        """Have the processes end, whatever they are at."""
        workers.end([*self._handed], [worker for worker, groups in self._handed.items() if not groups])
        gc.unfreeze()

    def _hand_out(self, most: int, ahead: int) -> None:
        """Give each process what it can take: ``ahead`` groups of up to ``most`` tasks."""
        for worker, groups in self._handed.items():
            while self._waiting and len(groups) < ahead:
                groups.append(self._group(most))
                worker.hand([self._tasks[number] for number in groups[-1]])

    def _group(self, most: int) -> list[int]:
        group = [self._waiting.popleft()]
        while self._waiting and len(group) < most and self._suspects.isdisjoint((group[0], self._waiting[0])):
            group.append(self._waiting.popleft())
        return group

    def _collect(self, timeout: float | None = None) -> None:
        """Take the answers that are there, after waiting for some for up to ``timeout`` seconds."""
        for worker in workers.ready([worker for worker, groups in self._handed.items() if groups], timeout):
            groups = self._handed[worker]
            group = groups.popleft()
            answers = worker.answers()
            if answers is not None:
                self._answers.update(zip(group, answers, strict=True))
                continue
            del self._handed[worker]
            self._handed[workers.started(self._work)] = deque()
            if len(group) == 1:
                self._answers[group[0]] = self._work.crashed(self._tasks[group[0]])
                group = []
            self._suspects.update(group)  # one of them it was: each is done again alone
            self._waiting.extendleft(reversed([*group, *(number for later in groups for number in later)]))
