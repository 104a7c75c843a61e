"""Data that costs little to load: patterns compiled when they are first used, lists of words written as text."""

from __future__ import annotations

import re
from typing import Any, cast


class _Lazy:
    def __init__(self, source: str, flags: int) -> None:
        self._source, self._flags = source, flags

    def __getattr__(self, name: str) -> Any:
        value = getattr(re.compile(self._source, self._flags), name)
        setattr(self, name, value)  # the next use goes straight to the compiled pattern's method
        return value


def lazy(source: str, flags: int = 0) -> re.Pattern[str]:
    """Like ``re.compile``, but compiled at the first use."""
    return cast("re.Pattern[str]", _Lazy(source, flags))


def vocabulary(text: str) -> frozenset[str]:
    """The words of a text, which are separated by white space."""
    return frozenset(text.split())
