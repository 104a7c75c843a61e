"""A text under edits that remembers what of it is still the original's.

A change that was made in several rounds can then be told as what was removed and what was inserted. A comparison of the
two texts would tell parts of the text again, and those may hold credentials.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

from modal_lint.editor.text import Text

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    from modal_lint.model import Edit


class Change(NamedTuple):
    """What stood between two offsets of the original is replaced by ``text``."""

    start: int
    end: int
    text: str


class _Piece(NamedTuple):
    """A part of the text: of the original from an offset on, or inserted (-1)."""

    start: int
    text: str

    def cut(self, start: int, end: int) -> _Piece:
        return _Piece(self.start if self.start < 0 else self.start + start, self.text[start:end])


class Revision:
    """A text and what was made of it.

    Args:
        source: the original.
    """

    def __init__(self, source: str) -> None:
        self._size = len(source)
        self._pieces = [_Piece(0, source)]

    @property
    def text(self) -> str:
        """The text as it is now."""
        return "".join(piece.text for piece in self._pieces)

    def edited(self, edits: Iterable[Edit]) -> Revision:
        """The text with ``edits``, whose spans are in the text as it is now and do not overlap."""
        now = Text(self.text)
        made = Revision("")
        made._size, made._pieces = self._size, self._pieces
        places = [
            (
                now.offset(*edit.span[:2]),
                now.offset(*edit.span[2:]),
                _with_ending(edit.text, now.ending(edit.span.line)),
            )
            for edit in edits
        ]
        # From the end backwards; of insertions at one place the last comes first.
        for start, end, text in sorted(places, key=lambda place: place[:2])[::-1]:
            after = list(made._between(end, None))
            made._pieces = [*made._between(0, start), _Piece(-1, text), *after]
        return made

    def changes(self) -> Iterator[Change]:
        """What has to be done to the original, in its order."""
        done, inserted = 0, ""
        for piece in (*self._pieces, _Piece(self._size, "")):
            if piece.start < 0:
                inserted += piece.text
                continue
            if piece.start > done or inserted:
                yield Change(done, piece.start, inserted)
                inserted = ""
            done = piece.start + len(piece.text)

    def _between(self, start: int, end: int | None) -> Iterator[_Piece]:
        at = 0
        for piece in self._pieces:
            stop = at + len(piece.text)
            low, high = max(start, at), stop if end is None else min(end, stop)
            if low < high:
                yield piece.cut(low - at, high - at)
            at = stop


def _with_ending(text: str, ending: str) -> str:
    return text.replace("\r\n", "\n").replace("\n", ending)
