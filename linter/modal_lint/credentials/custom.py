"""What a project adds to the detection of credentials. Without such a project this module costs nothing.

While a file is judged, what counts is its own project's; at all other times, say while text is masked for output, what
any project of the run has added.
"""

from __future__ import annotations

import contextlib
from typing import TYPE_CHECKING, Protocol

if TYPE_CHECKING:
    from collections.abc import Iterator

    from modal_lint.credentials.records import Credential, Match


class Addition(Protocol):
    """A project's own detection; `modal_lint.interop.customs.Custom` is one."""

    def verdict(self, key: str | None, text: str, path: str) -> Credential | None:
        """The verdict on one value by the project's patterns."""

    def names(self, key: str) -> bool:
        """Whether the project says that this name is one of a credential."""

    def matches(self, text: str, path: str) -> Iterator[Match]:
        """The places in a text that the project's patterns find."""


_known: dict[Addition, None] = {}
_now: tuple[Addition, ...] | None = None


def register(addition: Addition) -> None:
    """Count an addition as one of this run."""
    _known[addition] = None


@contextlib.contextmanager
def judging(addition: Addition | None) -> Iterator[None]:
    """Let only this addition count."""
    global _now
    before = _now
    _now = () if addition is None else (addition,)
    if addition is not None:
        register(addition)
    try:
        yield
    finally:
        _now = before


def current() -> tuple[Addition, ...]:
    """The additions that count."""
    return tuple(_known) if _now is None else _now


def names(key: str) -> bool:
    """Whether an addition says that this name is one of a credential."""
    return any(addition.names(key) for addition in current())


def verdict(key: str | None, text: str, path: str) -> Credential | None:
    """The first verdict of an addition."""
    return next((found for each in current() if (found := each.verdict(key, text, path)) is not None), None)


def matches(text: str, path: str = "") -> Iterator[Match]:
    """The places in a text that additions find."""
    for addition in current():
        yield from addition.matches(text, path)
