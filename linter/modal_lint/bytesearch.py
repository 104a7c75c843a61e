"""Words in sources, looked for as `bytes.find` does, and five to ten times as fast."""

from __future__ import annotations

from typing import TYPE_CHECKING

import stringzilla

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable

# What, in what, from where, to where; -1 if it is not there. For a word of one byte `bytes.find` is as good.
find: Callable[[bytes | bytearray, bytes, int, int], int] = stringzilla.find


def says(data: bytes, words: Iterable[bytes]) -> bool:
    """Whether one of some words stands in a source."""
    stop = len(data)
    return any(find(data, word, 0, stop) >= 0 for word in words)
