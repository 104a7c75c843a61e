"""Words in sources, looked for as `bytes.find` does, and five to ten times as fast."""

from __future__ import annotations

from typing import TYPE_CHECKING

import stringzilla

if TYPE_CHECKING:
    from collections.abc import Callable

# What, in what, from where, to where; -1 if it is not there. For a word of one byte `bytes.find` is as good.
find: Callable[[bytes | bytearray, bytes, int, int], int] = stringzilla.find
