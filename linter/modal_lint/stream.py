"""Several processes for many light tasks, which they begin with while others are still being found."""

from __future__ import annotations

import gc
from collections import deque
from typing import TYPE_CHECKING, Generic, TypeVar

from modal_lint import workers

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from modal_lint.workers import Work, Worker

T = TypeVar("T")
Task = TypeVar("Task")

# Groups of tasks that a process has while others are still offered: one to do, and the next one, so that it need not
# wait. The answers to so few must fit into a pipe (8 KB on macOS): nobody waits to be rid of them while we wait to be
# rid of the next tasks.
_AHEAD = 2
_TOGETHER = 4
_MEANWHILE = 16  # tasks that a process may get of our part too, for as long as we are told to take our time
_ENOUGH = 32  # tasks; of more than these a process gets only half of its part, so that there is something to even out


class Stream(Generic[Task, T]):
    """Tasks and their answers. When no more tasks come, this process does its part; and what another one died at.

    Args:
        work: what to do; none of it brings a process down.
        jobs: how many processes, this one counted.
    """

    def __init__(self, work: Work[Task, T], jobs: int) -> None:
        self._work = work
        self._tasks: list[Task] = []
        self._answers: dict[int, T] = {}  # by number of the task
        self._new: list[int] = []  # tasks whose answers have not been told
        self._waiting: deque[int] = deque()  # tasks that nobody has yet
        self._handed: dict[Worker, deque[list[int]]] = {}
        gc.freeze()
        try:
            for _ in range(jobs - 1):
                self._handed[workers.started(work)] = deque()
        except OSError:  # there can be no more processes: those that have begun are to end
            self.close()
            raise

    def offer(self, task: Task) -> None:
        """Take on one more task."""
        self._waiting.append(len(self._tasks))
        self._tasks.append(task)
        self._collect(timeout=0)
        self._hand_out(min(_TOGETHER, 1 + len(self._waiting) // 8), _AHEAD)

    def answers(self, seen: Callable[[T], None] | None = None) -> list[T]:
        """The answers to all tasks in order; then the processes end.

        Args:
            seen: told each answer; it may take its time, during which the processes have enough to do.
        """
        left = len(self._tasks)
        try:
            # No more will come: each gets its part of what is left, on top of what it has; then who waits does.
            theirs = 0 if seen is None else min(_MEANWHILE, len(self._waiting) // max(1, len(self._handed)))
            self._hand_out(max(self._part(), theirs), _AHEAD + 1)
            while left:
                self._hand_out(self._part(), 1)
                if self._waiting and not self._new:
                    number = self._waiting.popleft()
                    self._learn([number], [self._work.perform(self._tasks[number])])
                    self._collect(timeout=0)
                elif not self._new:
                    self._collect()
                for number in self._new:
                    if seen is not None:
                        seen(self._answers[number])
                left -= len(self._new)
                self._new.clear()
        finally:
            self.close()
        return [self._answers[number] for number in range(len(self._tasks))]

    def close(self) -> None:
        """Have the processes end, whatever they are at."""
        workers.end([*self._handed], [worker for worker, groups in self._handed.items() if not groups])
        gc.unfreeze()

    def _part(self) -> int:
        """How many of the tasks that nobody has yet a process gets at once."""
        even = len(self._waiting) // (len(self._handed) + 1)
        return max(1, min(even, max(even // 2, _ENOUGH)))

    def _hand_out(self, most: int, ahead: int) -> None:
        """Give each process that has less than ``ahead`` groups one more, of up to ``most`` tasks."""
        for worker, groups in self._handed.items():
            if self._waiting and len(groups) < ahead:
                groups.append([self._waiting.popleft() for _ in range(min(most, len(self._waiting)))])
                worker.hand([self._tasks[number] for number in groups[-1]])

    def _learn(self, numbers: Sequence[int], answers: Sequence[T]) -> None:
        self._answers.update(zip(numbers, answers, strict=True))
        self._new += numbers

    def _collect(self, timeout: float | None = None) -> None:
        """Take the answers that are there, after waiting for some for up to ``timeout`` seconds."""
        for worker in workers.ready([worker for worker, groups in self._handed.items() if groups], timeout):
            groups = self._handed[worker]
            answers = worker.answers()
            if answers is not None:
                self._learn(groups.popleft(), answers)
            else:
                workers.end([worker], [])
                del self._handed[worker]
                self._waiting.extend(number for group in groups for number in group)
