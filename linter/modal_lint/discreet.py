"""The last look at a finding before anyone sees it: no credential stands in its words.

Rules name keys, variables and Secrets as the source does. Where the source has a credential in place of a name, so
would the finding.
"""

from __future__ import annotations

from bisect import bisect_right
from functools import lru_cache
from typing import TYPE_CHECKING

from modal_lint import credentials
from modal_lint.credentials import custom
from modal_lint.kept import Kept
from modal_lint.lazy import lazy
from modal_lint.model import Confidence

if TYPE_CHECKING:
    from modal_lint.credentials import Match
    from modal_lint.model import Finding, Fix
    from modal_lint.source import File

_TELLING = 8  # characters; a shorter value of the file may be a part of any word
_LONGEST = 100_000
_WORD = lazy(r"[^\s'\"`…]{12,}")


def discreet(finding: Finding, file: File) -> Finding:
    """``finding`` with every credential in its texts masked; a fix that would write one is left out."""
    message = _masked(finding.message, file)
    help_ = finding.help and _masked(finding.help, file)
    key = finding.key and _masked(finding.key, file)
    flow = tuple(step._replace(text=_masked(step.text, file)) for step in finding.flow)
    fix = finding.fix if finding.fix is None or _is_discreet(finding.fix, file) else None
    if (message, help_, key, flow, fix) == (finding.message, finding.help, finding.key, finding.flow, finding.fix):
        return finding
    return finding._replace(message=message, help=help_, key=key, flow=flow, fix=fix)


def _is_discreet(fix: Fix, file: File) -> bool:
    return all(_masked(text, file) == text for text in (fix.title, *fix.notes, *(edit.text for edit in fix.edits)))


def _masked(text: str, file: File) -> str:
    for value in file.exposures.said_in(text):
        if len(value) >= _TELLING:
            text = text.replace(value, credentials.mask(value))
    for found in reversed(_sure(text)):
        text = text[: found.start] + credentials.mask(text[found.start : found.end]) + text[found.end :]
    return _WORD.sub(lambda word: _whole(word[0], file), text)


def _sure(text: str) -> list[Match]:
    return _found(text) if custom.current() else _found_by_us(text)


def _found(text: str) -> list[Match]:
    return [found for found in credentials.find_in_text(text) if found.credential.confidence is Confidence.HIGH]


_found_by_us = lru_cache(maxsize=256)(_found)  # rules say the same of many findings


def _whole(word: str, file: File) -> str:
    """``word``, or the mask of the credential that it is a part of: rules cut long names, and a half has no shape."""
    core = word.strip("()[]{},.;:")
    if not core or core not in file.text:
        return word
    text, spans = _shaped(file)
    at = text.find(core)
    while at >= 0:
        for start, end in spans[max(bisect_right(spans, (at + 1,)) - 1, 0) :]:
            if start >= at + len(core):
                break
            if at < end:
                return credentials.mask(text[start:end])
        at = text.find(core, at + 1)
    return word


def _shaped(file: File) -> tuple[str, list[tuple[int, int]]]:
    """The literals of a file in which a credential's shape stands, as one text, and where the credentials are."""
    known = _SHAPED.get(file)
    if known is None:
        texts: list[str] = []
        spans: list[tuple[int, int]] = []
        length = 0
        for node in file.scopes.strings:
            text = repr(node.value) if isinstance(node.value, str) else ""
            found = _sure(text) if len(text) < _LONGEST else []
            if found:
                texts.append(text)
                spans += [(length + one.start, length + one.end) for one in found]
                length += len(text) + 1
        known = _SHAPED[file] = ("\n".join(texts), sorted(spans))
    return known


# Made once for a file: there may be a finding for each of its literals.
_SHAPED: Kept[File, tuple[str, list[tuple[int, int]]]] = Kept()
