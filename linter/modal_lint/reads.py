"""Stretches of a text whose characters are not known, but the environment variable that they come from."""

from __future__ import annotations

from typing import TYPE_CHECKING

from modal_lint.records import record
from modal_lint.values import EnvRead, Hole, Text

if TYPE_CHECKING:
    from collections.abc import Iterator

    from modal_lint.values import Values


@record
class ReadHole(Hole):
    """An unknown stretch of a text that holds the value of an environment variable."""

    read: EnvRead


def text_of(read: EnvRead) -> Text:
    """The text that a variable's value is."""
    return Text((ReadHole(read),))


def reads_in(values: Values) -> Iterator[tuple[EnvRead, bool]]:
    """The variables that possibilities hold, each with whether it is the whole value and no part of a text."""
    for value in values:
        if isinstance(value, EnvRead):
            yield value, True
        elif isinstance(value, Text):
            whole = len(value.parts) == 1
            for part in value.parts:
                if isinstance(part, ReadHole):
                    yield part.read, whole
