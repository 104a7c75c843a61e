"""Recognise providers' credentials by their shape, in one value or anywhere in a text."""

from __future__ import annotations

import re
import string
from functools import cache, lru_cache
from typing import TYPE_CHECKING, NamedTuple

from modal_lint.credentials import custom, keys
from modal_lint.credentials.placeholders import is_filler, is_sequence
from modal_lint.lazy import lazy

if TYPE_CHECKING:
    from collections.abc import Iterator

    from modal_lint.credentials.records import Shape

# What a credential may not touch on either side: there it is a part of something longer.
_BEFORE = r"(?<![A-Za-z0-9_-])"
_AFTER = r"(?![A-Za-z0-9_-])"
_WORD = frozenset(string.ascii_letters + string.digits + "_-")
MIN_LENGTH, _MAX = 16, 16_000  # characters of what has a shape
_SHORT = 300  # characters, among which it is not worth to look for the long words
# What shapes of one word consist of; all other bytes become spaces, which is twice as fast as a pattern.
_IN_WORDS = frozenset(b"_+/.:$!~@%=,-" + (string.ascii_letters + string.digits).encode())
_TO_WORDS = bytes(byte if byte in _IN_WORDS else 0x20 for byte in range(256))
_TO_PARTS = bytes(byte if chr(byte) in _WORD else 0x20 for byte in range(256))
_BEGINNING = 3  # characters by which the literals that a part begins with are looked up
_RUN = lazy(r"[A-Za-z0-9_+/.:$!~@%=,-]{16}")  # in whatever has a shape that needs no name

_PUBLIC = lazy(
    r"pk_(?:live|test|prod)_|pk-lf-|pk\.eyJ|sb_publishable_|phc_|pub_|pub-|publishable|ssh-(?:rsa|dss|ed25519)\s|ecdsa-sha2|"
    r"-----BEGIN (?:RSA |EC )?(?:PUBLIC KEY|CERTIFICATE)|age1[a-z0-9]{50}|pk_[A-Za-z0-9]{20,}$|public_|rzp_test_$"
)


_Entry = tuple[str, "tuple[Shape, ...]"]  # a literal and the shapes that have it


class Hit(NamedTuple):
    """A shape found at ``text[start:end]``."""

    start: int
    end: int
    shape: Shape


@cache
def _whole(pattern: str) -> re.Pattern[str]:
    return re.compile(pattern)


@cache
def _within(pattern: str) -> re.Pattern[str]:
    return re.compile(f"{_BEFORE}(?:{pattern}){_AFTER}")


def all_shapes() -> tuple[Shape, ...]:
    """The providers' table."""
    from modal_lint.credentials.providers import SHAPES

    return SHAPES


@lru_cache(maxsize=1024)
def _hinted(key: str) -> tuple[Shape, ...]:
    """The shapes that this name, if it is a credential's, allows."""
    if not keys.is_credential_key(key):
        return ()
    return tuple(shape for shape in all_shapes() if shape.hints and keys.hinted(key, shape.hints))


@lru_cache(maxsize=1)
def _by_literal() -> tuple[_Entry, ...]:
    table: dict[str, list[Shape]] = {}
    for shape in all_shapes():
        for literal in () if shape.hints else shape.literals:
            table.setdefault(literal, []).append(shape)
    return tuple((literal, tuple(shapes)) for literal, shapes in table.items())


def is_public(value: str) -> bool:
    """Whether a value is meant to be seen: a publishable key, a public key, a certificate."""
    return _PUBLIC.match(value) is not None


def identify(value: str, key: str | None) -> Shape | None:
    """The shape that the whole of ``value`` has. Shapes with hints count only under a credential's name that fits."""
    if not MIN_LENGTH <= len(value) <= _MAX or not value.isascii():
        return None
    for shape in _hinted(key) if key is not None else ():
        if _fits(shape, value):
            return shape
    return next((shape for shape in _promising(value) if _fits(shape, value)), None)


def _promising(value: str) -> Iterator[Shape]:
    """The shapes without hints of which ``value`` holds a literal, where it has to be."""
    beginning, inside = _indexed()
    for literal, shapes in inside:
        if literal in value:
            yield from shapes
    for literal, shapes in beginning.get(value[:2], ()):
        if value.startswith(literal):
            yield from shapes


@lru_cache(maxsize=1)
def _indexed() -> tuple[dict[str, list[_Entry]], list[_Entry]]:
    """The shapes that begin with a literal, by its first two characters; those that hold one further on."""
    beginning: dict[str, list[_Entry]] = {}
    inside: list[_Entry] = []
    for literal, shapes in _by_literal():
        beginning.setdefault(literal[:2], []).append((literal, tuple(shape for shape in shapes if _begins(shape))))
        rest = tuple(shape for shape in shapes if not _begins(shape))
        if rest:
            inside.append((literal, rest))
    return beginning, inside


def _fits(shape: Shape, value: str) -> bool:
    return _whole(shape.pattern).fullmatch(value) is not None and passes(shape, value)


def passes(shape: Shape, value: str) -> bool:
    """Whether the checksum, or whatever check the shape has, holds."""
    if not shape.check:
        return True
    from modal_lint.credentials.checksums import CHECKS

    return CHECKS[shape.check](value)


@lru_cache(maxsize=64)
def is_made_up(shape: Shape, value: str) -> bool:
    """Whether a value has the shape but its body is a run, a sequence or a telling word."""
    body = value[len(prefix_of(shape, value)) :]
    return is_filler(body) or is_sequence(body)


def prefix_of(shape: Shape, value: str) -> str:
    """The part of ``value`` that every credential of this shape begins with."""
    found = [literal for literal in shape.literals if value.startswith(literal)]
    return max(found, key=len, default="")


def public_prefix(value: str, provider: str | None) -> str:
    """The provider's public prefix of a value, or "" when the value has no shape that we know."""
    shape = identify(value, None)
    if shape is not None:
        return prefix_of(shape, value)
    if provider is None:
        return ""
    found = [prefix_of(shape, value) for shape in all_shapes() if shape.provider == provider]
    return max(found, key=len, default="")


def may_hold(text: str) -> bool:
    """Whether a text may hold a shape that needs no name: a long run of the characters that shapes consist of."""
    return len(text) >= MIN_LENGTH and _RUN.search(text) is not None


def search(text: str) -> list[Hit]:
    """The shapes in ``text`` that need no key, in order, the longer of two that overlap; made-up ones are left out."""
    if not may_hold(text):
        return []
    words = _long_words(text)
    # Matches with letters or digits of other scripts are lost in there: nobody but a project calls them credentials.
    told = words is not text and (text.isascii() or not custom.current())
    if told and next(_candidates(words, words), None) is None:
        return []
    hits: dict[tuple[int, int], Hit] = {}
    for shape, found in _candidates(text, words):
        span = found.span()
        if span not in hits and passes(shape, found.group()) and not is_made_up(shape, found.group()):
            hits[span] = Hit(*span, shape)
    chosen: list[Hit] = []
    for hit in sorted(hits.values(), key=lambda hit: (hit.start, -hit.end)):
        if not chosen or hit.start >= chosen[-1].end:
            chosen.append(hit)
    return chosen


def _candidates(text: str, words: str) -> Iterator[tuple[Shape, re.Match[str]]]:
    """Where a literal stands, the shapes that begin with it are tried; the others are searched in all of the text."""
    searched: set[str] = set()
    for literal, beginning, others in _present(words):
        for shape in others:
            if shape.id not in searched:
                searched.add(shape.id)
                yield from ((shape, found) for found in _within(shape.pattern).finditer(text))
        at = text.find(literal) if beginning else -1
        while at >= 0:
            if at == 0 or text[at - 1] not in _WORD:
                for shape in beginning:
                    here = _within(shape.pattern).match(text, at)
                    if here:
                        yield shape, here
            at = text.find(literal, at + 1)


def _present(words: str) -> list[_Literal]:
    """The literals that stand in long words where they may, in the order of the table."""
    table, by_beginning, anywhere, _ = _literals()
    parts = words.encode("ascii", "replace").translate(_TO_PARTS).split()
    beginnings = by_beginning.keys() & {part[:_BEGINNING] for part in parts}
    found = [at for beginning in beginnings for at in by_beginning[beginning]] + anywhere
    return [table[at] for at in sorted(found) if table[at].text in words]


class _Literal(NamedTuple):
    """A literal that shapes need, those that begin with it, and the others."""

    text: str
    beginning: tuple[Shape, ...]
    others: tuple[Shape, ...]


@lru_cache(maxsize=1)
def _literals() -> tuple[list[_Literal], dict[bytes, list[int]], list[int], list[str]]:
    """All literals, and where in that list they are: those that nothing but a part of a word begins with, by how that
    part begins, and the others. Last those of shapes that are more than one word."""
    table: list[_Literal] = []
    by_beginning: dict[bytes, list[int]] = {}
    anywhere: list[int] = []
    for literal, shapes in _by_literal():
        beginning = tuple(shape for shape in shapes if _begins(shape))
        others = tuple(shape for shape in shapes if not _begins(shape))
        part = literal.encode().translate(_TO_PARTS).partition(b" ")[0][:_BEGINNING]
        looked_up = not others and (len(part) == _BEGINNING or len(part) < len(literal)) and part != b""
        (by_beginning.setdefault(part, []) if looked_up else anywhere).append(len(table))
        table.append(_Literal(literal, beginning, others))
    composed = [literal for literal, shapes in _by_literal() if any(map(_is_composed, shapes))]
    return table, by_beginning, anywhere, composed


def _long_words(text: str) -> str:
    """The long words of a text, which are a small part of it: any shape that is one word is inside one.

    Where there may be another shape, and where it is not worth it, all of the text.
    """
    if len(text) <= _SHORT or any(literal in text for literal in _literals()[-1]):
        return text
    words = text.encode("ascii", "replace").translate(_TO_WORDS).split()
    return b"\n".join({word for word in words if len(word) >= MIN_LENGTH}).decode()


def _is_composed(shape: Shape) -> bool:
    """Whether a shape is more than one word."""
    return len(shape.example.encode("ascii", "replace").translate(_TO_WORDS).split()) > 1


def _begins(shape: Shape) -> bool:
    """Whether the literals of a shape are what its matches begin with."""
    return shape.example.startswith(shape.literals)
