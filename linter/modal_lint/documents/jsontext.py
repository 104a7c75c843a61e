"""The text of a JSON document by place: where a value stands, and new strings in the spelling of the old ones.

The standard library's scanner reads the values; only where they stand is found out here.
"""

from __future__ import annotations

import json
import re
from json.decoder import scanstring  # type: ignore[attr-defined]
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Iterator

_SPACE = re.compile(r"[ \t\n\r]*")
_SCAN = json.JSONDecoder().scan_once  # type: ignore[attr-defined]
_CHARACTER = re.compile(r"\\u[dD][89abAB][0-9a-fA-F]{2}\\u[dD][c-fC-F][0-9a-fA-F]{2}|\\u[0-9a-fA-F]{4}|\\.|[^\\]", re.S)
_ESCAPED = re.compile(r"(?<!\\)(?:\\\\)*\\u(?!00[0-7])")


def members(text: str, at: int) -> Iterator[tuple[str, int, int]]:
    """The keys of the object at ``at``, each with where its value begins and ends. The document is valid."""
    at = _after_space(text, at + 1)
    while text[at] != "}":
        key, at = scanstring(text, at + 1)
        start = _after_space(text, _after_space(text, at) + 1)
        _, end = _SCAN(text, start)
        yield key, start, end
        at = _after_space(text, end)
        if text[at] == ",":
            at = _after_space(text, at + 1)


def items(text: str, at: int) -> Iterator[tuple[int, int]]:
    """Where each item of the list at ``at`` begins and ends. The document is valid."""
    at = _after_space(text, at + 1)
    while text[at] != "]":
        _, end = _SCAN(text, at)
        yield at, end
        at = _after_space(text, end)
        if text[at] == ",":
            at = _after_space(text, at + 1)


def start_of(text: str) -> int:
    """Where the document's value begins."""
    return _after_space(text, 0)


def member(text: str, at: int, name: str) -> tuple[int, int] | None:
    """Where the value of a key of the object at ``at`` stands: of the last such key, as readers take it."""
    found = None
    for key, start, end in members(text, at):
        if key == name:
            found = (start, end)
    return found


def writes_ascii(text: str) -> bool:
    """Whether the document spells whatever is not ASCII as ``\\uXXXX``."""
    return text.isascii() and _ESCAPED.search(text) is not None


def spelled(value: Any, *, ascii_only: bool) -> str:
    """A value as JSON."""
    text = json.dumps(value, ensure_ascii=ascii_only)
    # Half of a surrogate pair cannot be written as it is.
    return json.dumps(value) if any("\ud800" <= character <= "\udfff" for character in text) else text


def raw_offsets(raw: str) -> list[int]:
    """For each character of a JSON string, given without its quotes, where it is spelled, and where the last ends."""
    return [*(found.start() for found in _CHARACTER.finditer(raw)), len(raw)]


def _after_space(text: str, at: int) -> int:
    found = _SPACE.match(text, at)
    return found.end() if found is not None else at
