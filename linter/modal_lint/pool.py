"""Several processes for numbered tasks that are known from the start; a crash costs only the task it happened at."""

from __future__ import annotations

import gc
from typing import TYPE_CHECKING, Any, Generic, Protocol, TypeVar

from modal_lint import workers
from modal_lint.records import made, record
from modal_lint.shares import deal

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from modal_lint.workers import Worker

T = TypeVar("T")
T_co = TypeVar("T_co", covariant=True)


class Work(workers.Work[int, T_co], Protocol[T_co]):
    """What is done with numbered tasks, some of which may bring a process down."""

    def crashed(self, task: int) -> T_co:
        """The answer to a task at which a process died."""


@record
class _Seat:
    """A worker's place: what is its own to do, and what it was handed."""

    worker: Worker
    share: list[int]
    group: list[int] = made(default_factory=list)


def _nothing(done: int, total: int) -> None:
    del done, total


def answers(
    work: Work[T],
    weights: Sequence[int],
    jobs: int,
    progress: Callable[[int, int], None] = _nothing,
    *,
    together: int = 0,
    ties: Sequence[int] = (),
) -> tuple[dict[int, T], list[Any]]:
    """The answers to all tasks, and what each process told in the end.

    Args:
        work: what to do. It is brought to each process once; tasks are numbers.
        weights: of each task, how long it takes, in any unit. Neighbours share what they need: each process gets
            stretches of them, and takes from another one's when it has done its own.
        jobs: how many processes.
        progress: told after each task how many of all are done.
        together: up to which weight tasks are handed over, and answered, at once.
        ties: of each task, how much it needs what the one before it needs, in any unit; without them, all are alike.
    """
    shares = deal(weights, max(1, min(jobs, len(weights))), ties)
    return _Pool(work, weights, shares, progress, together).run()


class _Pool(Generic[T]):
    def __init__(
        self,
        work: Work[T],
        weights: Sequence[int],
        shares: list[list[int]],
        progress: Callable[[int, int], None],
        together: int,
    ) -> None:
        self._work = work
        self._weights = weights
        self._shares = shares
        self._progress = progress
        self._together = together
        self._suspects: set[int] = set()  # a process died at one of them
        self._done: dict[int, T] = {}

    def run(self) -> tuple[dict[int, T], list[Any]]:
        gc.freeze()
        seats: list[_Seat] = []
        told: list[Any] = []
        try:
            for share in self._shares:
                seats.append(_Seat(workers.started(self._work), share))
            for seat in seats:
                self._feed(seat)
            while len(self._done) < len(self._weights):
                self._collect(seats)
        finally:
            told = workers.end([seat.worker for seat in seats], [seat.worker for seat in seats if not seat.group])
            gc.unfreeze()
        return self._done, told

    def _feed(self, seat: _Seat) -> None:
        if seat.share:
            seat.group = self._group(seat.share)
        elif others := max(self._shares, key=len):
            seat.group = [others.pop(0)]  # the lightest: what it needs is needed twice
        if seat.group:
            seat.worker.hand(seat.group)

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

    def _collect(self, seats: list[_Seat]) -> None:
        busy = {seat.worker: seat for seat in seats if seat.group}
        for worker in workers.ready(busy):
            seat = busy[worker]
            answers = worker.answers()  # if that is interrupted, the process still counts as busy, and is killed
            group, seat.group = seat.group, []
            if answers is None:
                answers = self._crashed(seat, group)
                seat.worker = workers.started(self._work)
            for task, answer in zip(group, answers, strict=False):
                self._done[task] = answer
                self._progress(len(self._done), len(self._weights))
            self._feed(seat)

    def _crashed(self, seat: _Seat, group: list[int]) -> list[T]:
        """The answers to a group of tasks at which a process died; those it had not begun are left for the next one."""
        if len(group) == 1:
            return [self._work.crashed(group[0])]
        self._suspects.update(group)  # one of them it was: each is done again alone
        seat.share += reversed(group)
        return []
