"""The nouns of credential detection: a verdict, a place in a text, one provider shape."""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

if TYPE_CHECKING:
    from modal_lint.model import Confidence


class Credential(NamedTuple):
    """The verdict on one value. It never holds the value, only its mask."""

    confidence: Confidence
    provider: str | None
    kind: str  # "api key", "password", "private key", …
    weak: bool  # a guessable value such as ``postgres``
    mask: str


class Match(NamedTuple):
    """A credential inside a longer text: ``text[start:end]`` is the secret part."""

    start: int
    end: int
    key: str | None  # the variable, header or option it was given to, when there is one
    credential: Credential


class Shape(NamedTuple):
    """How one kind of a provider's credentials looks.

    ``pattern`` matches the whole credential. ``literals`` are strings of which one occurs in every match: where
    none does, the pattern is never compiled. With ``hints`` the shape alone says too little (40 hexadecimal digits):
    it counts only under a key with one of these words. ``example`` is a recipe for the tests: ``{n40}`` stands for 40
    letters and digits, ``h`` lower hex, ``H`` upper hex, ``d`` digits, ``u`` upper case and digits, ``l`` lower case
    and digits, ``a`` letters, ``w`` letters, digits, ``_`` and ``-``, ``b`` base64, ``2`` base32; ``{uuid}`` and
    ``{crc}`` are what they say.
    """

    id: str
    provider: str  # empty where several providers share the shape
    kind: str
    pattern: str
    literals: tuple[str, ...]
    example: str
    hints: tuple[str, ...] = ()
    check: str = ""  # a function of checksums.py
    medium: bool = False  # half of a pair, or a shape that others share
