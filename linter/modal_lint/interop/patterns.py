"""Patterns that a project brings, run by RE2: its syntax is the one of gitleaks, and no pattern can make it slow.

A pattern comes with the checked tree, so it is not trusted: Python's own `re` can be made to run for years.
"""

from __future__ import annotations

import functools
import os
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from modal_lint.credentials.entropy import entropy
from modal_lint.settings import UserError

if TYPE_CHECKING:
    from collections.abc import Iterator

_MEMORY = 8 << 20  # of one pattern
_NO_RE2 = "needs google-re2: pip install 'modal-lint[patterns]'"
LONGEST = 10_000  # characters of a pattern


class PatternError(ValueError):
    """A pattern that RE2 does not take. The message does not quote it."""


@functools.lru_cache(maxsize=4096)
def compiled(regex: str) -> Any:
    """A pattern of RE2.

    Raises:
        PatternError: it is none, or too large.
        UserError: google-re2 is not installed.
    """
    try:
        import re2
    except ImportError:
        raise UserError(f"a pattern of your own, or of gitleaks, {_NO_RE2}") from None
    if len(regex) > LONGEST:
        raise PatternError(f"is longer than {LONGEST} characters")
    options = re2.Options()
    options.max_mem = _MEMORY
    options.log_errors = False
    try:
        return re2.compile(regex, options=options)
    except (re2.error, ValueError, UnicodeError):
        raise PatternError("is no pattern of RE2") from None


def relative(path: str, base: str) -> str:
    """A path as patterns see it: from the folder ``base``, with slashes."""
    return (os.path.relpath(path, base) if path and base else path).replace(os.sep, "/")


@dataclass(frozen=True, slots=True)
class Pattern:
    """One kind of credential, as gitleaks describes it.

    Attributes:
        name: of the kind.
        regex: what it looks like; with groups, one of them is the credential.
        group: which; 0 for the first that is not empty.
        entropy: a credential has more than that, in bits a character.
        keywords: one of them occurs in the text, in lower case; none means any text.
        path: a pattern of the files in which it counts.
        base: the folder that paths are told relative to.
    """

    name: str
    regex: str
    group: int = 0
    entropy: float = 0.0
    keywords: tuple[str, ...] = ()
    path: str | None = None
    base: str = ""

    def check(self) -> None:
        """Raises PatternError or UserError where it cannot be used."""
        groups = compiled(self.regex).groups
        if self.path is not None:
            compiled(self.path)
        if self.group > groups:
            raise PatternError(f"has no group {self.group}")

    def find(self, text: str, path: str) -> Iterator[tuple[int, int]]:
        """Where credentials stand in a text of the file ``path``."""
        if self.keywords:
            lowered = text.lower()
            if not any(keyword in lowered for keyword in self.keywords):
                return
        if self.path is not None and compiled(self.path).search(relative(path, self.base)) is None:
            return
        for found in compiled(self.regex).finditer(text):
            start, end = self._span(found)
            if end > start and (not self.entropy or entropy(text[start:end]) > self.entropy):
                yield start, end

    def _span(self, found: Any) -> tuple[int, int]:
        groups = (self.group,) if self.group else range(1, found.re.groups + 1)
        spans = [(int(found.start(each)), int(found.end(each))) for each in groups]
        whole = (int(found.start()), int(found.end()))
        return next((span for span in spans if span[1] > span[0] >= 0), whole if not self.group else (0, 0))
