"""A ``.secrets.baseline`` of detect-secrets: which of our findings it knows, by file and by the hash of the value."""

from __future__ import annotations

import hashlib
import json
import os
import re
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from modal_lint.committed.findings import credential_in
from modal_lint.credentials import find_in_text
from modal_lint.credentials.urls import userinfos
from modal_lint.files import ReadError, read_regular
from modal_lint.settings import UserError

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from modal_lint.model import Finding, Outcome

_HASH = re.compile(r"[0-9a-f]{40}")
_MOST_PIECES = 200


@dataclass(frozen=True, slots=True)
class Theirs:
    """What a baseline of detect-secrets knows.

    Attributes:
        folder: that its paths are relative to.
        known: by path with slashes, the hashes, and whether somebody said that it is a real secret.
    """

    folder: str
    known: Mapping[str, Mapping[str, bool]]

    @property
    def size(self) -> int:
        """How many values it knows."""
        return sum(map(len, self.known.values()))

    def match(self, finding: Finding) -> tuple[str, str] | None:
        """The entry that is about a finding: path and hash."""
        if finding.secret is None:
            return None
        hashes = [hashlib.sha1(text.encode(), usedforsecurity=False).hexdigest() for text in _readings(finding)]
        for place in (finding.path, finding.origin[0] if finding.origin is not None else finding.path):
            path = os.path.relpath(os.path.realpath(place), os.path.realpath(self.folder)).replace(os.sep, "/")
            for each in hashes:
                if each in self.known.get(path, ()):
                    return path, each
        return None


@dataclass(frozen=True, slots=True)
class Matched:
    """Our side of it: outcomes with the known findings alone, and the entries that they are."""

    outcomes: Mapping[str, Outcome]
    entries: frozenset[tuple[str, str]]
    real: tuple[Finding, ...]  # somebody said that these are real secrets


def matched(theirs: Theirs, outcomes: Mapping[str, Outcome]) -> Matched:
    """The findings of ``outcomes`` that a baseline of detect-secrets knows."""
    kept: dict[str, Outcome] = {}
    entries: set[tuple[str, str]] = set()
    real: list[Finding] = []
    for path, outcome in outcomes.items():
        found = {finding: entry for finding in outcome.findings if (entry := theirs.match(finding)) is not None}
        kept[path] = outcome._replace(findings=tuple(found), below=())
        entries |= set(found.values())
        real += [finding for finding, (where, value) in found.items() if theirs.known[where][value]]
    return Matched(kept, frozenset(entries), tuple(real))


def load(path: str) -> Theirs:
    """Read a baseline of detect-secrets.

    Raises:
        UserError: it cannot be read, or is none.
    """
    try:
        document = json.loads(read_regular(path).decode("utf-8-sig"))
        results = document["results"]
        known = {str(name).replace("\\", "/"): dict(map(_entry, entries)) for name, entries in results.items()}
    except ReadError as trouble:
        raise UserError(f"{_shown(path)}: {trouble.reason}") from None
    except (ValueError, KeyError, TypeError, AttributeError, RecursionError):
        raise UserError(f"{_shown(path)} is no baseline of detect-secrets; `detect-secrets scan` writes one") from None
    return Theirs(
        os.path.dirname(os.path.abspath(path)), {os.path.normpath(name): each for name, each in known.items()}
    )


def _entry(entry: dict[str, Any]) -> tuple[str, bool]:
    value = entry["hashed_secret"]
    if not _HASH.fullmatch(value):
        raise ValueError
    return value, entry.get("is_secret") is True


def _readings(finding: Finding) -> Iterator[str]:
    """What detect-secrets may have taken for the value: all of it, or a part that is a credential by itself."""
    assert finding.secret is not None
    text = finding.secret.reveal()
    readings = [text, credential_in(finding.secret).reveal(), *text.split("\x00")]
    readings += [text[match.start : match.end] for match in find_in_text(text)]
    for url in userinfos(text):
        readings += [url.password, url.user]
    readings += re.split(r"[\s=:'\"]+", text)[:_MOST_PIECES]
    for reading in dict.fromkeys(readings):
        if reading and not any("\ud800" <= char <= "\udfff" for char in reading):
            yield reading


def _shown(path: str) -> str:
    from modal_lint.discover import shown_path
    from modal_lint.report.base import visible

    return visible(shown_path(path))
