"""Records: what they have in common with dataclasses, and what not."""

from __future__ import annotations

import pickle
from typing import Any

import pytest
from modal_lint.records import fields, made, record, replace


@record
class Point:
    """A place."""

    x: int
    y: int = 0
    seen: list[int] = made(default_factory=list)

    def __post_init__(self) -> None:
        self.y = min(self.y, 10)

    @property
    def both(self) -> int:
        """The sum."""
        return self.x + self.y


def test_fields_are_taken_in_order_or_by_name_and_have_defaults() -> None:
    assert (Point(1).both, Point(1, 2).both, Point(y=3, x=1).both) == (1, 3, 4)
    assert fields(Point) == ("x", "y", "seen")
    assert (Point.__name__, Point.__qualname__, Point.__module__) == ("Point", "Point", __name__)


def test_a_default_is_made_for_each_record_that_is_given_none() -> None:
    given = [1]
    assert Point(1).seen is not Point(2).seen
    assert Point(1, 2, given).seen is given


def test_there_are_no_other_attributes_than_the_fields() -> None:
    point: Any = Point(1)
    with pytest.raises(AttributeError):
        point.z = 1
    with pytest.raises(TypeError):
        Point(1, 2, [], 4)  # type: ignore[call-arg]


def test_a_changed_record_is_a_new_one_and_bounded_like_one() -> None:
    point = Point(1, 2)
    changed = replace(point, y=50)
    assert (changed.x, changed.y, point.y) == (1, 10, 2)
    assert changed.seen is point.seen


def test_records_are_compared_by_identity_and_show_nothing() -> None:
    assert Point(1) != Point(1)
    assert "12345" not in repr(Point(12345))


def test_a_record_can_be_sent_to_another_process() -> None:
    assert pickle.loads(pickle.dumps(Point(1, 2, [3]))).seen == [3]
