"""The text of a preserved ``.env`` file: what python-dotenv, and so ``modal secret create --from-dotenv``, reads back.

Every value is double-quoted on one line. python-dotenv decodes backslash escapes first and expands ``${NAME:-default}``
afterwards, and has no escape for a dollar sign; ``${:-$}``, the default of a variable without a name, is one. The same
trick keeps a closing quote away from a final backslash, which older versions of python-dotenv misread.
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Mapping

HEADER = "# Values that modal-lint moved out of the source. Keep this file out of version control.\n"

_KEY = re.compile(r"[A-Za-z_][A-Za-z0-9_]*")
_ENTRY = re.compile(r'([A-Za-z_][A-Za-z0-9_]*)="((?:[^"\\\r\n]|\\.)*)"[ \t]*')
_ESCAPE = re.compile(r"\\(.)")
_DOLLAR, _NOTHING = "${:-$}", "${:-}"
_ESCAPES = {"\\": "\\", '"': '"', "\n": "n", "\r": "r", "\t": "t"}
_ENCODE = str.maketrans({raw: "\\" + letter for raw, letter in _ESCAPES.items()})
_DECODE = {letter: raw for raw, letter in _ESCAPES.items()}


class FormatError(ValueError):
    """A file has a line that `dump` does not write. The message holds its number only."""


def representable(key: str, value: str) -> bool:
    """Whether a ``.env`` file can hold this entry: the key is an identifier and the value is valid Unicode."""
    return _KEY.fullmatch(key) is not None and not any("\ud800" <= char <= "\udfff" for char in value)


def dump(entries: Mapping[str, str]) -> str:
    """One line an entry, each ending in a line feed."""
    return "".join(f'{key}="{_quote(value)}"\n' for key, value in entries.items())


def load(text: str) -> dict[str, str]:
    """Read back what `dump` wrote; blank lines and comment lines are passed over.

    Raises:
        FormatError: a line has another form. Reading it differently from python-dotenv could lose a value.
    """
    entries: dict[str, str] = {}
    for number, line in enumerate(text.split("\n"), 1):
        if "\r" not in line and (not line.strip() or line.startswith("#")):
            continue
        match = _ENTRY.fullmatch(line)
        if match is None or match[1] in entries:
            raise FormatError(f"line {number}")
        entries[match[1]] = _unquote(match[2], number)
    return entries


def _quote(value: str) -> str:
    quoted = value.translate(_ENCODE).replace("${", _DOLLAR + "{")
    return quoted + _NOTHING if quoted.endswith("\\") else quoted


def _unquote(quoted: str, number: int) -> str:
    if any(letter not in _DECODE for letter in _ESCAPE.findall(quoted)):
        raise FormatError(f"line {number}")
    pieces = _ESCAPE.sub(lambda match: _DECODE[match[1]], quoted).split(_DOLLAR)
    pieces[-1] = pieces[-1].removesuffix(_NOTHING)
    if any("${" in piece for piece in pieces):
        raise FormatError(f"line {number}")
    return "$".join(pieces)
