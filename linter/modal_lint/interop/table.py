"""`[tool.modal-lint.credentials]`: the keys, their types, and mistakes in one line."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Any

from modal_lint.globs import Glob
from modal_lint.interop.allowances import Allowance
from modal_lint.interop.customs import Custom
from modal_lint.interop.patterns import Pattern, PatternError
from modal_lint.settings import UserError, nearest

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

_NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9 ._-]{0,60}")
_HASH = re.compile(r"scrypt:((?:[0-9a-f]{2}){16,32}):([0-9a-f]{32})")
_MOST = 200  # entries of one list
_MOST_SALTS = 4


def custom(table: Mapping[str, Any], base: str, where: str) -> Custom:
    """The table as what it adds and allows.

    Args:
        table: what the configuration says.
        base: the folder that its paths are relative to.
        where: the file and the key, for complaints.

    Raises:
        UserError: an unknown key, a value of the wrong type, a pattern that is none, or google-re2 is missing.
    """
    for key in table:
        if key not in _KINDS:
            raise UserError(f"{where}: unknown key `{key}`{nearest(key, _KINDS)}")
    values: dict[str, Any] = {}
    for key, raw in table.items():
        try:
            values[key] = _KINDS[key](raw)
        except TypeError as wrong:
            raise UserError(f"{where}: `{key}` must be {wrong}") from None
        except PatternError as wrong:
            raise UserError(f"{where}: `{key}`: {wrong}") from None
    words = tuple(word.lower() for word in values.get("stopwords", ()))
    return Custom(
        patterns=tuple((pattern, ()) for pattern in values.get("patterns", ())),
        keys=values.get("keys", ()),
        ignored_keys=values.get("ignore-keys", ()),
        allowances=(Allowance(stopwords=words),) if words else (),
        hashes=values.get("allow-values", ()),
        paths=tuple(Glob(pattern, base) for pattern in values.get("allow-paths", ())),
    )


def _texts(value: object) -> tuple[str, ...]:
    if not isinstance(value, list) or len(value) > _MOST or not all(isinstance(one, str) and one for one in value):
        raise TypeError(f"a list of strings, {_MOST} at most")
    return tuple(value)


def _patterns(value: object) -> tuple[Pattern, ...]:
    if not isinstance(value, dict) or len(value) > _MOST:
        raise TypeError("a table of names and patterns")
    found = []
    for name, regex in value.items():
        if not _NAME.fullmatch(name) or not isinstance(regex, str) or not regex:
            raise TypeError("a table of names (letters, digits, spaces) and patterns (strings)")
        pattern = Pattern(name, regex)
        try:
            pattern.check()
        except PatternError as wrong:
            raise PatternError(f"the pattern of {name} {wrong}") from None
        found.append(pattern)
    return tuple(found)


def _hashes(value: object) -> tuple[tuple[str, str], ...]:
    found = [_HASH.fullmatch(text) for text in _texts(value)]
    if not all(found):
        raise TypeError("a list of hashes as `modal-lint secrets hash` prints them")
    # Each salt makes every value be hashed once more, slowly.
    if len({match[1] for match in found if match}) > _MOST_SALTS:
        raise TypeError("hashes of one salt: `modal-lint secrets hash`, run in this folder, keeps to it")
    return tuple((match[1], match[2]) for match in found if match)


_KINDS: dict[str, Callable[[object], Any]] = {
    "patterns": _patterns,
    "keys": _texts,
    "ignore-keys": _texts,
    "allow-values": _hashes,
    "allow-paths": _texts,
    "stopwords": _texts,
}
