"""What costs little to load: patterns compiled and modules imported when first used, lists of words as text."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Any, cast


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


class _LazyModule:
    def __init__(self, name: str) -> None:
        self._name = name

    def __getattr__(self, name: str) -> Any:
        from importlib import import_module

        value = getattr(import_module(self._name), name)
        setattr(self, name, value)
        return value


if TYPE_CHECKING:
    from modal_lint_runtime import contract as contract
else:
    contract = _LazyModule("modal_lint_runtime.contract")


def vocabulary(text: str) -> frozenset[str]:
    """The words of a text, which are separated by white space."""
    return frozenset(text.split())
