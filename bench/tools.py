"""What a tool to measure is: its command line, its cache, and what it really checks."""

from __future__ import annotations

import re
import shutil
import subprocess
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING

import install
from measure import Command

if TYPE_CHECKING:
    from collections.abc import Mapping

    from corpora import Corpus

_CACHES = install.HOME / "caches"


@dataclass(frozen=True, slots=True)
class Tool:
    """One command line to measure.

    ``state`` says what its own cache holds: "cold" (off, or it has none), "first" (empty, and filled), "warm".
    ``count`` finds one finding in the output. ``on`` names the corpora that it runs on, by their first letters.
    """

    name: str
    checks: str
    argv: tuple[str, ...]
    version: tuple[str, ...]
    state: str = "cold"
    count: str = ""
    on: tuple[str, ...] = ("A", "B", "C")
    env: Mapping[str, str] = field(default_factory=dict)
    statuses: tuple[int, ...] = (0, 1)
    cache: str = ""  # the folder of its cache that a "first" run finds empty
    source: bool = True  # whether the corpus' paths are its arguments
    slow: bool = False  # takes a minute or more; left out of quick runs

    @property
    def label(self) -> str:
        """Name and state, as in the tables."""
        return self.name if self.state == "cold" else f"{self.name} ({self.state})"

    def runs_on(self, corpus: Corpus) -> bool:
        """Whether it is measured on this corpus."""
        return any(corpus.name == name or corpus.name.startswith(f"{name} ") for name in self.on) or (
            corpus.name == "A/10" and "A" in self.on
        )

    def command(self, corpus: Corpus) -> Command:
        """The command for one corpus."""
        cache = str(_CACHES / f"{self.cache}-{re.sub(r'[^A-Za-z0-9]', '', corpus.name)}")
        argv = tuple(part.replace("{cache}", cache) for part in self.argv)
        return Command((*argv, *(corpus.paths if self.source else ())), corpus.root, self.env, self.statuses)

    def forget(self, corpus: Corpus) -> None:
        """Before a "first" run: empty the cache."""
        if self.state == "first":
            for part in self.command(corpus).argv:
                if part.startswith(str(_CACHES)):
                    shutil.rmtree(part, ignore_errors=True)

    def findings(self, output: str) -> int | None:
        """How many findings the output shows, or None if it does not say."""
        return len(re.findall(self.count, output, re.MULTILINE)) if self.count else None


def version_of(tool: Tool) -> str:
    """What the program says of its version."""
    if not tool.version:
        return ""
    done = subprocess.run(tool.version, capture_output=True, text=True, check=False)
    return next(iter(re.findall(r"\d+\.\d+[\w.+-]*", done.stdout + done.stderr)), "?")


def disabled(steps: str, tool: Tool) -> Tool:
    """modal-lint without one of its steps, or without several separated by commas."""
    return replace(tool, env={**tool.env, "MODAL_LINT_DISABLE": steps})
