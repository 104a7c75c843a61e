"""The file of findings that are known: what it looks like, and the slow hash that stands in it for a credential.

The hash is scrypt (RFC 7914) under a salt of the file: it tells whether a value is the known one, and trying out what
the value may be costs 2 MB and some milliseconds a guess. The file is committed beside the code that holds the values
in clear, so it has the permissions of any other source. One entry is one line, in order, so that branches merge.
"""

from __future__ import annotations

import hashlib
import json
import os
import re
import secrets
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, NamedTuple

from modal_lint.settings import UserError

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

    from modal_lint.model import Hidden

_ABOUT = "What modal-lint knows already. `modal-lint check --update-baseline` writes this file."
_SALT, _BYTES = 16, 16  # of a salt, of a hash
_COST, _BLOCK = 1 << 11, 8  # 2 MB and about 5 ms for one value: a check with 500 known ones takes some seconds
_COSTS = frozenset(1 << power for power in range(10, 15))  # a file may ask for; more would be an attack on us
_WORTH_THREADS = 8  # values
# A line break stands in no string of JSON.
_LOST, _LEFT = re.compile(r"\}(\s*\n\s*\{)"), re.compile(r",(\s*\n\s*\])")


class Place(NamedTuple):
    """Where a finding is, without lines: file (from the baseline's folder, with slashes), rule, symbol and key."""

    path: str
    code: str
    symbol: str | None
    key: str | None


class Entry(NamedTuple):
    """One known finding, by the hash of its credential; or as many of one place as there are, where it has none."""

    place: Place
    value: str | None = None
    number: int = 0

    @property
    def sort_key(self) -> tuple[object, ...]:
        path, code, *names = self.place
        return path, code, *((name is not None, name or "") for name in (*names, self.value)), self.number


class BrokenError(Exception):
    """A file that is no baseline; the message says where it stops being one and quotes nothing."""


@dataclass(slots=True)
class Hasher:
    """The hash of credentials under one salt; each value is hashed once."""

    salt: bytes = field(default_factory=lambda: secrets.token_bytes(_SALT))
    cost: int = _COST
    _known: dict[Hidden, str] = field(default_factory=dict, repr=False)

    def hashes(self, values: Iterable[Hidden]) -> Mapping[Hidden, str]:
        """The hashes of ``values``; the work is shared among the processors.

        Raises:
            UserError: this Python has no scrypt.
        """
        new = [value for value in dict.fromkeys(values) if value not in self._known]
        if len(new) < _WORTH_THREADS:
            found = [self._hash(value) for value in new]
        else:
            from concurrent.futures import ThreadPoolExecutor

            with ThreadPoolExecutor(min(os.cpu_count() or 1, 8)) as threads:
                found = list(threads.map(self._hash, new))
        self._known.update(zip(new, found, strict=True))
        return self._known

    def _hash(self, value: Hidden) -> str:
        text = value.reveal().encode("utf-8", "surrogatepass")
        if not hasattr(hashlib, "scrypt"):
            raise UserError("baseline: this Python was built without scrypt, which baselines need")
        return hashlib.scrypt(text, salt=self.salt, n=self.cost, r=_BLOCK, p=1, dklen=_BYTES).hex()


@dataclass(slots=True)
class Known:
    """What one baseline file says."""

    entries: tuple[Entry, ...] = ()
    hasher: Hasher = field(default_factory=Hasher)

    def render(self) -> bytes:
        """The file's content."""
        scrypt = {"n": self.hasher.cost, "r": _BLOCK, "p": 1, "salt": self.hasher.salt.hex()}
        lines = [json.dumps(_row(entry)) for entry in sorted(self.entries, key=lambda entry: entry.sort_key)]
        listed = "[\n" + ",\n".join("    " + line for line in lines) + "\n  ]" if lines else "[]"
        head = f'{{\n  "about": {json.dumps(_ABOUT)},\n  "scrypt": {json.dumps(scrypt)},\n'
        return f'{head}  "findings": {listed}\n}}\n'.encode()


def _row(entry: Entry) -> dict[str, Any]:
    place = {name: value for name, value in entry.place._asdict().items() if value is not None}
    return {**place, "value": entry.value} if entry.value is not None else {**place, "count": entry.number}


def parse(data: bytes) -> Known:
    """The baseline that ``data`` is.

    Raises:
        BrokenError: it is none.
    """
    try:
        document = json.loads(_with_commas(data.decode("utf-8-sig")))
    except json.JSONDecodeError as error:
        conflict = any(line.startswith(b"<<<<<<< ") for line in data.splitlines())
        why = "has an unresolved merge conflict" if conflict else "is not JSON"
        raise BrokenError(f"{why} (line {error.lineno})") from None
    except (ValueError, RecursionError):
        raise BrokenError("is not JSON") from None
    if not isinstance(document, dict) or not isinstance(document.get("findings"), list):
        raise BrokenError("is no baseline of modal-lint")
    hasher = _hasher(document.get("scrypt"))
    entries = [_entry(row, number) for number, row in enumerate(document["findings"], 1)]
    return Known(tuple(dict.fromkeys(entries)), hasher)


def _with_commas(text: str) -> str:
    """The text with the commas between lines that a merge, which takes lines from both sides, may have lost or left."""
    return _LEFT.sub(r"\1", _LOST.sub(r"},\1", text))


def _hasher(found: object) -> Hasher:
    table = found if isinstance(found, dict) else {}
    cost = table.get("n")
    try:
        salt = bytes.fromhex(table.get("salt", ""))
    except (TypeError, ValueError):
        salt = b""
    if not salt or type(cost) is not int or cost not in _COSTS or (table.get("r"), table.get("p")) != (_BLOCK, 1):
        raise BrokenError("has no usable `scrypt`")
    return Hasher(salt, cost)


def _entry(row: object, number: int) -> Entry:
    table = row if isinstance(row, dict) else {}
    path, code, symbol, key = (table.get(name) for name in Place._fields)
    value, count = table.get("value"), table.get("count")
    texts = isinstance(path, str) and isinstance(code, str) and all(isinstance(x, str | None) for x in (symbol, key))
    valued = isinstance(value, str) and count is None
    counted = value is None and type(count) is int and count > 0
    if not texts or not (valued or counted):
        raise BrokenError(f"has a mistake in entry {number} of its findings")
    place = Place(str(path), str(code), symbol, key)
    return Entry(place, str(value)) if valued else Entry(place, number=int(str(count)))
