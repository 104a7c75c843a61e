"""What a row of the table of facts is."""

from __future__ import annotations

from typing import NamedTuple


class Fact(NamedTuple):
    """One fact: what happens in each SDK, and in this runtime."""

    code: str
    """The code by which verdicts, rules and documents refer to it."""
    what: str
    """The situation."""
    python: str
    """`modal` 1.6.4."""
    js: str
    """`modal` 0.11.1 of npm."""
    go: str
    """The Go SDK 0.9.0."""
    reference: str
    """The embedded runtime."""
    source: str
    """Where it stands: `P` is the Python SDK, `J` the JavaScript and `G` the Go SDK (files of the public repository),
    `D` Modal's documentation; several are divided by `; `."""
    checks: tuple[str, ...] = ()
    """The functions of the contract that express it."""
