"""Classes and functions of a module, seen in its text alone: for those who only ask what kind of thing a name is."""

from __future__ import annotations

import re

from modal_lint.bytesearch import count, find, places

MAX_LINE = 1_000  # bytes; of longer ones nothing is plain
_HEAD = re.compile(rb"[ \t]*(?:class|def|async[ \t]+def)[ \t]+$")
# What stands before a name that is bound there: it is imported, declared, looped over, caught, matched.
_BOUND = re.compile(rb"\b(?:import|global|nonlocal|del|as|case)\b[^#]*$|\bfor\b(?:(?!\bin\b).)*$")
_ASSIGNED = re.compile(rb"(?<![=<>!])=(?!=)|<<=|>>=")
_IN_CALL = re.compile(rb"[\w\])]\([^()]*$")
_ANNOTATING = re.compile(rb"[ \t]*(?!(?:else|try|finally)\b)[\w.]+[ \t]*:")
# A line of names alone goes on with an import, a loop or an assignment of several lines.
_NAMES = re.compile(rb"[ \t]*[(\[]*(?:\w+[ \t]*(?:as[ \t]+\w+[ \t]*)?,[ \t]*)*$")
_MORE_NAMES = re.compile(rb"[ \t]*(?:as[ \t]+\w+[ \t]*)?(?:,[\w, \t]*)?[)\]]*[ \t]*\\?\r?(?:#|$|in\b)")


def defines_plainly(data: bytes, name: str) -> bool:
    """Whether a name is surely a class or function of the module, and one without a decorator.

    True only where one definition at the module's own level is all that can bind the name; of anything less plain the
    tree has to tell.

    Args:
        data: the module's source.
        name: what is asked for.
    """
    word = name.encode()
    defined = False
    for at in places(data, word, len(data)):
        end = at + len(word)
        if not _goes_on(data[at - 1 : at]) and not _goes_on(data[end : end + 1]):
            start, stop = data.rfind(b"\n", 0, at) + 1, data.find(b"\n", at)
            before, behind = data[start:at], data[end : stop if stop >= 0 else len(data)]
            if len(before) + len(behind) > MAX_LINE:
                return False
            if _HEAD.match(before):
                if defined or before[:1].isspace() or _is_decorated(data, start) or _is_quoted(data, start):
                    return False
                defined = True
            elif _may_bind(before, behind):
                return False
    return defined and find(data, b"import *", 0, len(data)) < 0


def _goes_on(character: bytes) -> bool:
    """Whether a word goes on with a character."""
    return character.isalnum() or character == b"_" or character >= b"\x80"


def _may_bind(before: bytes, behind: bytes) -> bool:
    """Whether a name is bound in a line, by what stands in it before and behind the name."""
    if _BOUND.search(before) or (_NAMES.match(before) and _MORE_NAMES.match(behind)):
        return True
    rest = behind.lstrip()
    if rest.startswith(b":="):
        return True
    return not rest.startswith((b"(", b".", b"[")) and bool(_ASSIGNED.search(behind)) and not _is_no_target(before)


def _is_no_target(before: bytes) -> bool:
    return _IN_CALL.search(before) is not None or _ANNOTATING.match(before) is not None


def _is_quoted(data: bytes, at: int) -> bool:
    """Whether a place may stand in a string of several lines."""
    return bool(count(data, b'"""', 0, at) % 2 or count(data, b"'''", 0, at) % 2)


def _is_decorated(data: bytes, start: int) -> bool:
    """Whether the last line of code before a definition is a decorator, or ends one."""
    lines = data[max(start - 4_000, 0) : start].splitlines()
    last = next((line for line in reversed(lines) if line.strip() and not line.lstrip().startswith(b"#")), b"")
    return last.startswith((b"@", b")"))
