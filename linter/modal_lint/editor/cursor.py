"""What the cursor is in, by the text before it: while someone types, a source is seldom valid Python."""

from __future__ import annotations

from enum import Enum
from typing import TYPE_CHECKING, NamedTuple

from modal_lint.lazy import lazy

if TYPE_CHECKING:
    from modal_lint.editor.text import Text

_BEFORE = 4_000  # characters looked at before the cursor
_QUOTED = r"(?:\"[^\"\n]*\"|'[^'\n]*')"
_GAP = r"(?:\s|\#[^\n]*\n)*"
_CALL = rf"\b(?P<owner>\w+){_GAP}\.{_GAP}from_name{_GAP}\({_GAP}(?:name{_GAP}={_GAP})?"
_NAME = lazy(rf"{_CALL}(?P<quote>[\"'])(?P<typed>[^\"'\n]*)\Z")
_KEY = lazy(
    rf"{_CALL}(?:\"(?P<double>[^\"\n]*)\"|'(?P<single>[^'\n]*)')[^()]*?\brequired_keys{_GAP}={_GAP}[\[(]{_GAP}"
    rf"(?:{_QUOTED}{_GAP},{_GAP})*(?P<quote>[\"'])(?P<typed>[^\"'\n]*)\Z"
)
_VARIABLE = lazy(
    rf"\b(?:environ{_GAP}(?:\[|\.{_GAP}(?:get|pop|setdefault){_GAP}\()|getenv{_GAP}\(){_GAP}"
    r"(?P<quote>[\"'])(?P<typed>[^\"'\n]*)\Z"
)
_ALIAS = lazy(r"\bimport\b[^\n]*\bSecret\s+as\s+(\w+)")
_REST = lazy(r"[^\"'\n]*")


class Kind(Enum):
    """What a text in quotes says."""

    NAME = "name"  # of a Secret that is looked up
    KEY = "key"  # one that the Secret must have
    VARIABLE = "variable"  # of the environment


class Cursor(NamedTuple):
    """What the cursor is in. ``word`` is the whole text in the quotes, ``start`` its offset, ``end`` the cursor's."""

    kind: Kind
    word: str
    start: int
    end: int
    secret: str | None = None  # the Secret whose key it is


def cursor_in(text: Text, offset: int) -> Cursor | None:
    """What the cursor at ``offset`` is in; None if it is nothing that we know."""
    before = text.source[max(offset - _BEFORE, 0) : offset]
    for kind, pattern in ((Kind.NAME, _NAME), (Kind.KEY, _KEY), (Kind.VARIABLE, _VARIABLE)):
        found = pattern.search(before)
        if found is None or (kind is not Kind.VARIABLE and not _is_secret(found["owner"], text.source)):
            continue
        rest = _REST.match(text.source, offset)
        word = found["typed"] + (rest[0] if rest is not None else "")
        secret = (found["double"] or found["single"]) if kind is Kind.KEY else None
        return Cursor(kind, word, offset - len(found["typed"]), offset, secret)
    return None


def _is_secret(owner: str, source: str) -> bool:
    """Whether it is Secrets that a name before ``.from_name`` looks up."""
    return owner in ("Secret", "secrets") or any(owner == alias for alias in _ALIAS.findall(source))
