"""The cheap question that most files answer with no: can this file concern Modal at all?"""

from __future__ import annotations

import codecs
import re
from bisect import bisect_right
from typing import TYPE_CHECKING

from modal_lint.bytesearch import find, places

if TYPE_CHECKING:
    from collections.abc import Sequence

# A module may import an `app` and never say whose it is; then its decorators tell.
_REGISTRARS = (b".function(", b".cls(", b".server(")
_DECORATOR = re.compile(rb"@\s*\w+\.(?:function|cls|server)\(")
# A text in an encoding that no Python reads: nobody can run it, but where it says Modal, it is not clean either.
_UTF_16 = (codecs.BOM_UTF16_LE, codecs.BOM_UTF16_BE)
_IN_UTF_16 = b"o\0d\0a\0l"
_SIGNS = (b"odal", b"MODAL_", *_REGISTRARS, _IN_UTF_16)  # one of them stands in whatever concerns Modal
_M = (b"m", b"M")
_OF_ANOTHER_WORD = b"it"  # modality, modalities
_IMPORT_LINE = re.compile(rb"[ \t]*(?:(?:from|import)\b|\w+(?:[ \t]+as[ \t]+\w+)?,?[ \t]*\)?[ \t]*(?:#|\r?$))")
# What stands before a module's name in an import statement of one line.
_IMPORTING = re.compile(rb"(?:^(?:\xef\xbb\xbf)?|[;:(])[ \t]*(?:import|from)[ \t]+(?:[\w., \t]+,[ \t]*)?$")
_SDK = re.compile(rb"modal(?:_lint_runtime)?\b")
# It may also call Modal's tool, or import it by a function.
_COMMAND = re.compile(rb"modal[\"', \t]+(?:secret|token|endpoint)[\"', \t]+(?:create|set)\b")
_IMPORT_CALL = re.compile(rb"(?:import_module|__import__)\(\s*[\"']$")
# Or hold its tokens: a word to look for first, and what has to stand there, from how many bytes before.
_TRACES = (
    (b"MODAL_", 0, re.compile(rb"MODAL_(?:TOKEN|OAUTH)_")),
    (b"odal-", 1, re.compile(rb"(?<![A-Za-z])(?<![A-Za-z]-)[mM]odal-(?i:key|secret)\b")),
)

_LONGEST = 400  # bytes of a line before the module that it imports

_IMPORTS = re.compile(rb"[ \t]*(?:from[ \t]+([.\w]+)[ \t]+import[ \t]+([^\n]*)|import[ \t]+([^\n#]+))")
_NAMES = re.compile(rb"[A-Za-z_]\w*|\*")


def concerns_modal(data: bytes | bytearray, end: int | None = None) -> bool:
    """Whether a source may use Modal: it says so, has one of its variables, or registers a function with some app.

    Args:
        data: the bytes of the source.
        end: how many of them count, if not all.
    """
    stop = len(data) if end is None else end
    if _says_in_utf_16(data, stop):
        return True
    for at in places(data, b"odal", stop):
        if data[at - 1 : at] in _M and data[at + 4 : at + 6] != _OF_ANOTHER_WORD and _begins_word(data, at - 1):
            return True
    return find(data, b"MODAL_", 0, stop) >= 0 or _registers(data, stop)


def may_concern_modal(data: bytes | bytearray, ends: Sequence[int]) -> set[int]:
    """Which of some sources may use Modal; to ask this of many small ones at once is faster than to ask of each.

    Args:
        data: the bytes of the sources, one behind the other.
        ends: where each of them ends.
    """
    found: set[int] = set()
    for sign in _SIGNS:
        at = find(data, sign, 0, ends[-1])
        while at >= 0:
            which = bisect_right(ends, at)
            found.add(which)
            at = find(data, sign, ends[which], ends[-1])
    return found


def _says_in_utf_16(data: bytes | bytearray, stop: int) -> bool:
    return data.startswith(_UTF_16, 0, stop) and data.find(_IN_UTF_16, 0, stop) >= 0


def _registers(data: bytes | bytearray, stop: int) -> bool:
    """Whether one of the first ``stop`` bytes begins a decorator that registers something with an App."""
    at = data.find(b"@", 0, stop)
    if at >= 0 and all(find(data, word, at, stop) < 0 for word in _REGISTRARS):
        return False
    while at >= 0:
        if _DECORATOR.match(data, at, stop):
            return True
        at = data.find(b"@", at + 1, stop)
    return False


def _begins_word(data: bytes | bytearray, at: int) -> bool:
    """Whether a word begins there: not in "multimodal", nor in "multi-modal"."""
    before = data[max(at - 2, 0) : at]
    return not before[-1:].isalpha() and not (before[-1:] == b"-" and before[:1].isalpha())


def names_module(data: bytes, word: bytes) -> bool:
    """Whether a word stands in an import statement, or alone on a line as in the parentheses of one."""
    stop = len(data)
    for at in places(data, word, stop):
        start, end = data.rfind(b"\n", 0, at) + 1, data.find(b"\n", at)
        if _IMPORT_LINE.match(data, start, end if end >= 0 else stop):
            return True
    return False


def names_module_in_text(data: bytes | bytearray, word: bytes, end: int) -> bool:
    """Whether a word stands behind ``import`` or ``from`` anywhere in the first ``end`` bytes, say in a JSON string."""
    pattern = re.compile(rb"(?:from|import)[ \t]+[^\"\\\n]{0,400}?\b" + re.escape(word) + rb"\b")
    return pattern.search(data, 0, end) is not None


def uses_modal(data: bytes) -> bool:
    """Whether a source imports Modal itself, or has one of its tokens, variables or commands in it."""
    stop = len(data)
    for at in places(data, b"modal", stop):
        if _SDK.match(data, at):
            start = max(at - _LONGEST, 0)
            line = max(data.rfind(b"\n", start, at), data.rfind(b"\r", start, at)) + 1
            if at - line < _LONGEST and _IMPORTING.search(data[line:at]):
                return True
            if (_COMMAND.match(data, at) and _begins_word(data, at)) or _IMPORT_CALL.search(data[max(at - 40, 0) : at]):
                return True
    return _says_in_utf_16(data, stop) or any(_stands(data, word, before, pattern) for word, before, pattern in _TRACES)


def _stands(data: bytes, word: bytes, before: int, pattern: re.Pattern[bytes]) -> bool:
    return any(pattern.match(data, max(at - before, 0)) for at in places(data, word, len(data)))


def imports_of(data: bytes) -> list[tuple[str, frozenset[bytes]]]:
    """The modules that a source imports, with leading dots, and the names that it takes from each.

    ``import modal`` is left out: it means the SDK, even where a folder of the project has that name.
    """
    if b"\r" in data:
        data = data.replace(b"\r", b"\n")
    found: list[tuple[str, frozenset[bytes]]] = []
    stop = len(data)
    at = find(data, b"import", 0, stop)
    while at >= 0:
        match = _IMPORTS.match(data, data.rfind(b"\n", 0, at) + 1)
        if match is None or match.end() <= at:
            at = find(data, b"import", at + 6, stop)
            continue
        if match[3] is not None:
            modules = [part.split()[0] for part in match[3].split(b",") if part.split()]
            found += [(module.decode(), frozenset()) for module in modules if not _SDK.fullmatch(module)]
            at = find(data, b"import", match.end(), stop)
            continue
        start = match.start(2)
        rest = data[start : data.find(b")", start)] if data[start : start + 1] == b"(" else match[2]
        found.append((match[1].decode(), frozenset(_NAMES.findall(rest))))
        at = find(data, b"import", start + len(rest), stop)
    return found
