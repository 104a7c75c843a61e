"""What one project adds to the detection of credentials, and what it allows."""

from __future__ import annotations

import fnmatch
import functools
import os
import re
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

from modal_lint.credentials import classify
from modal_lint.credentials.custom import judging
from modal_lint.credentials.masking import mask
from modal_lint.credentials.records import Credential, Match
from modal_lint.globs import Glob, matches
from modal_lint.interop.allowances import line_of
from modal_lint.model import Confidence, Hidden

if TYPE_CHECKING:
    from collections.abc import Iterator

    from modal_lint.interop.allowances import Allowance
    from modal_lint.interop.patterns import Pattern
    from modal_lint.model import Finding

_FAMILY = "MS1"
_SHORTEST = 6  # characters of a credential
_LONGEST_KEY = 200


@dataclass(frozen=True, slots=True)
class Custom:
    """Additions and allowances; those of several places add up.

    Attributes:
        patterns: kinds of credentials, each with its own allowances.
        keys: patterns (``*``, ``?``) of names that name a credential.
        ignored_keys: patterns of names that name none.
        allowances: for everything.
        hashes: of values that are allowed, each with its salt.
        paths: files in which credentials are allowed.
    """

    patterns: tuple[tuple[Pattern, tuple[Allowance, ...]], ...] = ()
    keys: tuple[str, ...] = ()
    ignored_keys: tuple[str, ...] = ()
    allowances: tuple[Allowance, ...] = ()
    hashes: tuple[tuple[str, str], ...] = ()
    paths: tuple[Glob, ...] = ()

    def plus(self, other: Custom) -> Custom:
        """Both together."""
        return replace(
            self,
            patterns=self.patterns + other.patterns,
            keys=self.keys + other.keys,
            ignored_keys=self.ignored_keys + other.ignored_keys,
            allowances=self.allowances + other.allowances,
            hashes=self.hashes + other.hashes,
            paths=self.paths + other.paths,
        )

    # ---- additions: see `credentials.custom.Addition` -------------------------------------------------------

    def names(self, key: str) -> bool:
        """Whether ``keys`` has a name."""
        return _fits(self.keys, key)

    def verdict(self, key: str | None, text: str, path: str) -> Credential | None:
        """The verdict on one value: the patterns look at it alone, and as it would stand after its name."""
        line = line_of(key, text)
        start = line.index(text)
        for pattern, allowed in self.patterns:
            for offset, whole in ((0, text), (start, line)):
                for low, high in pattern.find(whole, path):
                    low, high = max(low - offset, 0), min(high - offset, len(text))
                    if self._tells(allowed, key, text[low:high], path):
                        return _credential(pattern, text)
        return None

    def matches(self, text: str, path: str) -> Iterator[Match]:
        """The places in a text that the patterns find."""
        for pattern, allowed in self.patterns:
            for low, high in pattern.find(text, path):
                if self._tells(allowed, None, text[low:high], path):
                    yield Match(low, high, None, _credential(pattern, text[low:high]))

    def _tells(self, allowed: tuple[Allowance, ...], key: str | None, value: str, path: str) -> bool:
        return len(value) >= _SHORTEST and not any(each.allows(key, value, path) for each in allowed)

    # ---- allowances -----------------------------------------------------------------------------------------

    def allows(self, finding: Finding) -> bool:
        """Whether a finding is about a value, a name or a file that the project allows."""
        if finding.secret is None or not finding.code.startswith(_FAMILY):
            return False
        place = finding.origin[0] if finding.origin is not None else finding.path
        if any(matches(self.paths, os.path.abspath(path)) for path in (finding.path, place)):
            return True
        if finding.key and finding.confidence is not Confidence.HIGH and _fits(self.ignored_keys, finding.key):
            return True
        from modal_lint.committed.findings import credential_in

        value = credential_in(finding.secret)
        if any(not each.rules and each.allows(finding.key, value.reveal(), place) for each in self.allowances):
            return True
        if any(_hash(salt, value) == known for salt, known in self.hashes):
            return True
        return self._is_excepted(finding.key, value.reveal(), place)

    def _is_excepted(self, key: str | None, value: str, path: str) -> bool:
        """Whether only patterns know a value, and all of them make an exception for it under this name."""
        if not any(allowed for _, allowed in self.patterns) or self.verdict(key, value, path) is not None:
            return False
        without = replace(self, patterns=tuple((pattern, ()) for pattern, _ in self.patterns))
        with judging(None):
            return classify(key, value, path=path) is None and without.verdict(key, value, path) is not None


def _fits(globs: tuple[str, ...], key: str) -> bool:
    return bool(globs) and len(key) <= _LONGEST_KEY and _any_of(globs).match(key.upper()) is not None


@functools.lru_cache(maxsize=64)
def _any_of(globs: tuple[str, ...]) -> re.Pattern[str]:
    return re.compile("|".join(fnmatch.translate(glob.upper()) for glob in globs))


@functools.lru_cache(maxsize=4096)
def _hash(salt: str, value: Hidden) -> str:
    from modal_lint.baseline_file import Hasher

    return Hasher(bytes.fromhex(salt)).hashes([value])[value]


def _credential(pattern: Pattern, text: str) -> Credential:
    return Credential(Confidence.HIGH, None, pattern.name, False, mask(text))
