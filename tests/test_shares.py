"""How tasks are dealt out to processes."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st
from modal_lint.shares import deal

WEIGHTS = st.lists(st.integers(0, 10_000), min_size=1, max_size=60)


@given(weights=WEIGHTS, jobs=st.integers(1, 8), data=st.data())
def test_each_task_is_dealt_once_and_the_heaviest_comes_last(
    weights: list[int], jobs: int, data: st.DataObject
) -> None:
    ties = data.draw(st.lists(st.integers(0, 5), min_size=len(weights), max_size=len(weights)))
    shares = deal(weights, jobs, ties)
    assert len(shares) == jobs
    assert sorted(task for share in shares for task in share) == list(range(len(weights)))
    for share in shares:
        assert [weights[task] for task in share] == sorted(weights[task] for task in share)


@given(weights=WEIGHTS, jobs=st.integers(1, 8))
def test_no_share_has_much_more_to_do_than_the_others(weights: list[int], jobs: int) -> None:
    loads = [sum(weights[task] + 1 for task in share) for share in deal(weights, jobs, ())]
    part = (sum(weights) + len(weights)) / jobs
    assert max(loads) <= max(1.2 * part, part + max(weights) + 1)


def test_what_is_tied_together_stays_together() -> None:
    ties = [0, 3, 3, 0, 3, 3, 0, 3, 3]
    shares = deal([10, 10, 10, 20, 20, 20, 11, 10, 10], 2, ties)
    assert [sorted(share) for share in shares] == [[3, 4, 5], [0, 1, 2, 6, 7, 8]]


def test_what_is_too_much_for_one_is_cut_where_the_tie_is_loosest() -> None:
    shares = deal([10] * 9, 2, [0, 5, 5, 5, 5, 1, 5, 5, 5])
    assert [sorted(share) for share in shares] == [[0, 1, 2, 3, 4], [5, 6, 7, 8]]


@pytest.mark.parametrize(("loose", "cut"), [(None, 50), (42, 42), (59, 59), (20, 60)])
def test_tasks_are_cut_where_the_tie_is_loosest_if_that_is_near_the_middle(loose: int | None, cut: int) -> None:
    ties = [1 if task == loose else 3 for task in range(100)]
    shares = deal([1] * 100, 2, ties)
    assert sorted(map(sorted, shares)) == [list(range(cut)), list(range(cut, 100))]
