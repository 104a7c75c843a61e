"""The cheap question that most files answer with no: can this file concern Modal at all?"""

from __future__ import annotations

import re

# A module may import an `app` and never say whose it is; then its decorators tell. A regular expression that begins
# with one fixed byte costs a third of lowering the file, one that ignores case five times as much.
_DECORATOR = re.compile(rb"@\s*\w+\.(?:function|cls|server)\(")
_IMPORT_LINE = re.compile(rb"[ \t]*(?:(?:from|import)\b|\w+(?:[ \t]+as[ \t]+\w+)?,?[ \t]*\)?[ \t]*(?:#|\r?$))")


def concerns_modal(data: bytes) -> bool:
    """Whether ``data``, the bytes of a source file, may use Modal; False means that no rule can have a finding."""
    return b"modal" in data.lower() or _DECORATOR.search(data) is not None


def names_module(data: bytes, word: bytes) -> bool:
    """Whether a word stands in an import statement, or alone on a line as in the parentheses of one."""
    at = data.find(word)
    while at >= 0:
        start, end = data.rfind(b"\n", 0, at) + 1, data.find(b"\n", at)
        if _IMPORT_LINE.match(data, start, end if end >= 0 else len(data)):
            return True
        at = data.find(word, at + len(word))
    return False
