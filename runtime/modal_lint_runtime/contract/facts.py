"""The facts of the contract as a table."""

from __future__ import annotations

from typing import NamedTuple


class Fact(NamedTuple):
    """One fact: what happens in each SDK, and in this runtime."""

    code: str
    what: str
    python: str
    js: str
    go: str
    reference: str
    source: str


FACTS: tuple[Fact, ...] = ()
"""All facts, in the order of their codes."""
