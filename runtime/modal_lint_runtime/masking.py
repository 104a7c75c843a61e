"""Credentials' values taken out of logs, and found in files.

A value is hidden in the forms in which tools print it: as it is, line by line, percent encoded, escaped as in JSON, and
inside Base64 at each of its three alignments (``Authorization: Basic`` holds ``user:token``). Values under
`SHORTEST` characters are not hidden: replacing every ``1`` would make a log unreadable and say the value all the same.
"""

from __future__ import annotations

import base64
import json
import os
import re
import stat
from dataclasses import dataclass
from typing import TYPE_CHECKING
from urllib.parse import quote, quote_plus

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping
    from pathlib import Path

SHORTEST = 4
SHORTEST_ENCODED = 8
#: Shorter values (``info``, ``8080``) turn up in files by chance.
SHORTEST_IN_FILES = 8
MASK = b"***"

_LINE_ENDS = re.compile(rb"[\r\n]+")
_LAST_LINE_END = re.compile(rb"[\r\n](?=[^\r\n]*\Z)")
_BASE64_LINES = (76, 64)  # base64(1) and MIME; PEM
_LONGEST_LINE = 1 << 16
_BLOCK = 1 << 20


class Masker:
    """Replaces values in bytes and text by ``***``.

    ``values`` are the values to hide; the object keeps them in memory and shows none of them.
    """

    def __init__(self, values: Iterable[str] = ()) -> None:
        patterns = {form for value in values for form in _forms(value)}
        self._patterns = tuple(sorted(patterns, key=len, reverse=True))
        self.longest = len(self._patterns[0]) if self._patterns else 0

    def __repr__(self) -> str:
        return f"Masker(<{len(self._patterns)} patterns>)"

    def mask(self, data: bytes) -> bytes:
        """``data`` with every value replaced; values that overlap give one mask."""
        spans = self.spans(data)
        if not spans:
            return data
        parts, end = [], 0
        for start, stop in spans:
            parts += [data[end:start], MASK]
            end = stop
        return b"".join([*parts, data[end:]])

    def text(self, text: str) -> str:
        """``text`` with every value replaced."""
        return self.mask(text.encode("utf-8", "surrogateescape")).decode("utf-8", "replace")

    def spans(self, data: bytes) -> list[tuple[int, int]]:
        """Where values stand in ``data``: ordered, disjoint (start, end) pairs."""
        found = sorted((at, at + len(form)) for form in self._patterns for at in _occurrences(data, form))
        merged: list[tuple[int, int]] = []
        for start, stop in found:
            if merged and start < merged[-1][1]:
                merged[-1] = (merged[-1][0], max(stop, merged[-1][1]))
            else:
                merged.append((start, stop))
        return merged


class MaskedStream:
    """Masks a stream that arrives in chunks of any size.

    Whole lines pass at once; an unfinished line waits for its end, since a value may stand across the border of two
    chunks. No pattern holds a line end, so nothing is missed. Overlong lines pass in parts cut outside of any value.
    """

    def __init__(self, masker: Masker) -> None:
        self._masker = masker
        self._pending = b""

    def feed(self, chunk: bytes) -> bytes:
        """The masked bytes that may be shown after ``chunk``."""
        self._pending += chunk
        last = _LAST_LINE_END.search(self._pending)
        cut = last.end() if last else 0
        if len(self._pending) - cut > _LONGEST_LINE + self._masker.longest:
            cut = self._safe_cut()
        ready, self._pending = self._pending[:cut], self._pending[cut:]
        return self._masker.mask(ready)

    def finish(self) -> bytes:
        """The rest, masked."""
        ready, self._pending = self._pending, b""
        return self._masker.mask(ready)

    def _safe_cut(self) -> int:
        cut = len(self._pending) - max(self._masker.longest - 1, 0)
        for start, stop in self._masker.spans(self._pending):
            if start < cut < stop:
                return start
        return cut


@dataclass(frozen=True)
class Leak:
    """The value of ``key`` stands in the file ``path`` of an image (absolute there)."""

    path: str
    key: str

    def __str__(self) -> str:
        return f"{self.path} holds the value of {self.key}: a build command wrote it there, and it stays in the image"


def find_leaks(root: Path, values: Mapping[str, str]) -> tuple[Leak, ...]:
    """The files, link targets and file names below ``root`` that hold a value (as it is, percent encoded or Base64).

    ``values`` maps keys to values; those under `SHORTEST_IN_FILES` characters are passed over.
    """
    forms = {key: _file_forms(value) for key, value in values.items() if len(value) >= SHORTEST_IN_FILES}
    if not forms:
        return ()
    longest = max(len(form) for each in forms.values() for form in each)
    found = set()
    for folder, folders, files in os.walk(os.fsencode(root)):
        for name in (*folders, *files):
            path = os.path.join(folder, name)
            shown = "/" + os.path.relpath(os.fsdecode(path), root)
            for key in _keys_in(path, name, forms, longest):
                found.add((shown, key))
    masker = Masker(values.values())
    return tuple(Leak(masker.text(path), key) for path, key in sorted(found))


def _keys_in(path: bytes, name: bytes, forms: Mapping[str, tuple[bytes, ...]], longest: int) -> Iterator[str]:
    for block in (name, *_blocks(path, longest)):
        for key, each in forms.items():
            if any(form in block for form in each):
                yield key


def _blocks(path: bytes, overlap: int) -> Iterator[bytes]:
    try:
        mode = os.lstat(path).st_mode
        if stat.S_ISLNK(mode):
            yield os.readlink(path)
        if not stat.S_ISREG(mode):
            return
        with open(path, "rb") as file:
            tail = b""
            while block := file.read(_BLOCK):
                yield tail + block
                tail = block[-overlap:]
    except OSError:
        return


def _forms(value: str) -> set[bytes]:
    raw = value.encode("utf-8", "surrogateescape")
    forms = set()
    for line in _LINE_ENDS.split(raw):
        forms |= {line, line.strip(), *_escapes(line.decode("utf-8", "surrogateescape"))}
    forms |= set(_escapes(value)) | set(_base64_forms(raw))
    return {form for form in forms if len(form) >= SHORTEST and not _LINE_ENDS.search(form)}


def _escapes(value: str) -> Iterator[bytes]:
    quoted = (quote(value, safe="", errors="surrogateescape"), quote_plus(value, errors="surrogateescape"))
    for form in (*quoted, quote(value, errors="surrogateescape")):
        yield form.encode()
        yield re.sub(r"%[0-9A-F]{2}", lambda found: found[0].lower(), form).encode()
    for ascii_only in (True, False):
        yield json.dumps(value, ensure_ascii=ascii_only)[1:-1].encode("utf-8", "surrogateescape")
    yield repr(value)[1:-1].encode("utf-8", "surrogateescape")


def _base64_forms(raw: bytes) -> Iterator[bytes]:
    whole = base64.b64encode(raw)
    pieces = {whole.rstrip(b"=")}
    for width in _BASE64_LINES:
        if len(whole) > width:
            pieces |= {whole[at : at + width] for at in range(0, len(whole), width)}
    for before in range(3):
        # Of the encoding of "something + value + something", the characters that depend on the value alone.
        encoded = base64.b64encode(b"\0" * before + raw)
        first, last = -(-before * 8 // 6), (before + len(raw)) * 8 // 6
        pieces.add(encoded[first:last])
    for piece in pieces:
        if len(piece) >= SHORTEST_ENCODED:
            yield piece
            yield piece.replace(b"+", b"-").replace(b"/", b"_")


def _file_forms(value: str) -> tuple[bytes, ...]:
    raw = value.encode("utf-8", "surrogateescape")
    percent = quote(value, safe="", errors="surrogateescape").encode()
    return tuple(dict.fromkeys([raw, percent, *_base64_forms(raw)]))


def _occurrences(data: bytes, form: bytes) -> Iterator[int]:
    at = data.find(form)
    while at >= 0:
        yield at
        at = data.find(form, at + 1)
