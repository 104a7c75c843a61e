"""How tasks are dealt out to processes: evenly, and together where they need the same."""

from __future__ import annotations

from itertools import accumulate
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Sequence

_EVEN = 1.2  # how much more than its part a process may get for the sake of what is tied together


def deal(weights: Sequence[int], jobs: int, ties: Sequence[int]) -> list[list[int]]:
    """The tasks in ``jobs`` shares of about the same weight, each with the heaviest at its end.

    Neighbours stay together as far as that can be: of the share with most to do, the heaviest stretch is cut where its
    ties are loosest, until that share has little more to do than the others.

    Args:
        weights: of each task, how long it takes, in any unit.
        jobs: how many shares.
        ties: of each task, how much it needs what the one before it needs, in any unit; none if all are alike.
    """
    ends = [0, *accumulate(weight + 1 for weight in weights)]
    stretches = [range(len(weights))]
    while True:
        shares, fullest, load = _spread(stretches, jobs, ends)
        whole = [stretch for stretch in shares[fullest] if len(stretch) > 1]
        if not whole or load * jobs <= ends[-1] * _EVEN:
            break
        heaviest = max(whole, key=lambda stretch: ends[stretch.stop] - ends[stretch.start])
        stretches.remove(heaviest)
        stretches += _halves(heaviest, ends, ties)
    tasks = ([task for stretch in share for task in stretch] for share in shares)
    return [sorted(share, key=lambda task: (weights[task], -task)) for share in tasks]


def _spread(stretches: Sequence[range], jobs: int, ends: Sequence[int]) -> tuple[list[list[range]], int, int]:
    """The stretches in shares, the heaviest first to who has least; which share has most to do, and how much."""
    shares: list[list[range]] = [[] for _ in range(jobs)]
    loads = [0] * jobs
    for stretch in sorted(stretches, key=lambda one: (ends[one.start] - ends[one.stop], one.start)):
        least = loads.index(min(loads))
        shares[least].append(stretch)
        loads[least] += ends[stretch.stop] - ends[stretch.start]
    return shares, loads.index(max(loads)), max(loads)


def _halves(stretch: range, ends: Sequence[int], ties: Sequence[int]) -> tuple[range, range]:
    """A stretch in two, cut where the tie is loosest; among equals, where the weights of both sides differ least."""
    both = ends[stretch.start] + ends[stretch.stop]
    cut = min(stretch[1:], key=lambda at: (ties[at] if ties else 0, abs(2 * ends[at] - both)))
    return range(stretch.start, cut), range(cut, stretch.stop)
