"""One pass over the objects of a repository: which of them hold which value. Git hands over, the search is ours."""

from __future__ import annotations

import json
import re
from dataclasses import dataclass, field
from typing import IO, TYPE_CHECKING, NamedTuple

from modal_lint.committed.plumbing import NoAnswer

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Sequence

    from modal_lint.committed.plumbing import Plumbing
    from modal_lint.model import Hidden

# An object that is larger holds data; all objects together that are searched, in bytes.
LARGEST = 32 * 1024 * 1024
MOST = 1024 * 1024 * 1024
_BATCH = 4 * 1024 * 1024
# A shorter value may stand anywhere without being the credential: it counts in its own file only, as a word.
_TELLING = 16
# So many values are quickly looked for one by one; of more, the long words of a text are compared first.
_FEW = 16
_LONG = 12
_WORD = re.compile(rb"[A-Za-z0-9_]")
_LONG_WORDS = re.compile(rb"[A-Za-z0-9_]{%d,}" % _LONG)


class Needle:
    """A value as it may be spelled in a file."""

    def __init__(self, value: Hidden) -> None:
        raw = value.reveal()
        self.everywhere = len(raw) >= _TELLING
        self._spellings = tuple(sorted(spellings(value) | _other_encodings(raw), key=len))
        self._words = None if self.everywhere else re.compile(b"|".join(map(_as_word, self._spellings)))
        # One long word of each spelling, if all have one: where none of these stands, the value does not.
        words = [max(_LONG_WORDS.findall(spelling), key=len, default=b"") for spelling in self._spellings]
        self._anchors = frozenset(words) if all(words) else frozenset()

    def __repr__(self) -> str:
        return "Needle(••••)"

    def __bool__(self) -> bool:
        return bool(self._spellings)

    def in_(self, data: bytes) -> bool:
        """Whether ``data`` holds the value."""
        if self._words is not None:
            return self._words.search(data) is not None
        return any(spelling in data for spelling in self._spellings)

    def may_be_in(self, data: bytes, words: bytes | None) -> bool:
        """Whether it is worth to look closer; ``words`` are the long words of ``data``, where there are many values."""
        if words is not None and self._anchors:
            return any(anchor in words for anchor in self._anchors)
        return any(spelling in data for spelling in self._spellings)


def _as_word(spelling: bytes) -> bytes:
    before = rb"(?<![A-Za-z0-9_])" if _WORD.match(spelling[:1]) else b""
    after = rb"(?![A-Za-z0-9_])" if _WORD.match(spelling[-1:]) else b""
    return before + re.escape(spelling) + after


def _other_encodings(raw: str) -> set[bytes]:
    """A value that is not ASCII in files that are not UTF-8; see `_plain` for the others."""
    if raw.isascii():
        return set()
    found = {raw.encode("utf-16-le", "surrogatepass"), raw.encode("utf-16-be", "surrogatepass")}
    return found | ({raw.encode("latin-1")} if all(ord(char) < 256 for char in raw) else set())


def _plain(data: bytes) -> bytes:
    """``data``, and after it what it says if it is UTF-16, as Windows writes it, of ASCII characters."""
    return data + b"\n" + data.replace(b"\0", b"") if b"\0" in data else data


def spellings(value: Hidden) -> set[bytes]:
    """The ways in which one literal, in Python or JSON, may spell a value in UTF-8."""
    raw = value.reveal()
    texts = {raw, repr(raw)[1:-1], json.dumps(raw)[1:-1]}
    texts |= {text.replace("\n", "\r\n") for text in texts}
    return {text.encode("utf-8", "surrogatepass") for text in texts if text}


class Listed(NamedTuple):
    """One object of the repository."""

    id: bytes
    kind: bytes
    size: int


@dataclass(slots=True)
class Found:
    """What a pass found: by needle, the objects that hold it; and whether everything was looked at."""

    blobs: list[set[bytes]]
    commits: list[set[bytes]] = field(default_factory=list)
    complete: bool = True


def search(git: Plumbing, needles: Sequence[Needle], own: frozenset[bytes]) -> Found:
    """Search all blobs and the messages of commits and tags.

    Args:
        git: the repository.
        needles: the values.
        own: the blobs that were versions of the values' own files; they come first.

    Raises:
        NoAnswer: the objects cannot be listed.
    """
    listed = [one for one in _listed(git) if one.kind in (b"blob", b"commit", b"tag")]
    found = Found([set() for _ in needles], [set() for _ in needles])
    chosen: list[Listed] = []
    total = 0
    for one in sorted(listed, key=lambda one: one.id not in own):  # else in the order of the packs: far quicker
        if one.size > LARGEST or total + one.size > MOST:
            found.complete = False
            continue
        total += one.size
        chosen.append(one)
    try:
        with git.stream("cat-file", "--batch", "--buffer", ids=(one.id for one in chosen)) as output:
            for batch in _batches(_contents(output)):
                _search(batch, needles, own, found)
    except NoAnswer:
        found.complete = False
    return found


class Object(NamedTuple):
    """One object with its content."""

    id: bytes
    kind: bytes
    data: bytes


def _search(batch: Sequence[Object], needles: Sequence[Needle], own: frozenset[bytes], found: Found) -> None:
    """Note which objects of a batch hold what: first all of it at once, since few do."""
    text = b"\n".join(one.data for one in batch)
    words = b"\n".join(set(_LONG_WORDS.findall(text))) if len(needles) > _FEW else None
    mine = [one for one in batch if one.id in own]
    for at, needle in enumerate(needles):
        where = (batch if needle.may_be_in(text, words) else ()) if needle.everywhere else mine
        for one in where:
            if needle.in_(one.data):
                (found.commits if one.kind == b"commit" else found.blobs)[at].add(one.id)


def _batches(objects: Iterable[Object]) -> Iterator[list[Object]]:
    batch: list[Object] = []
    size = 0
    for one in objects:
        batch.append(one)
        size += len(one.data)
        if size >= _BATCH:
            yield batch
            batch, size = [], 0
    yield batch


def _listed(git: Plumbing) -> Iterator[Listed]:
    with git.stream("cat-file", "--batch-all-objects", "--batch-check", "--unordered", "--buffer") as output:
        for line in output:
            words = line.split()
            if len(words) == 3 and words[2].isdigit():
                yield Listed(words[0], words[1], int(words[2]))


def _contents(output: IO[bytes]) -> Iterator[Object]:
    """The objects in the output of ``cat-file --batch``; what is missing is not there."""
    while head := output.readline():
        words = head.split()
        if len(words) != 3 or not words[2].isdigit():
            continue
        data = output.read(int(words[2]) + 1)
        if len(data) != int(words[2]) + 1:
            return
        yield Object(words[0], words[1], _plain(data[:-1]))
