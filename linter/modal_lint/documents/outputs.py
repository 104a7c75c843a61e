"""What a notebook keeps besides its code: the outputs of its cells, and metadata; as texts, images left out."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Any

from modal_lint.documents.base import Shown

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence

MAX_TEXT = 1 << 20  # characters of one text that are looked at
MAX_TOTAL = 16 << 20  # of all of them
_TEXTUAL = re.compile(r"text/|application/(?:[\w.+-]*json|javascript|x-latex)\b|image/svg\+xml")
_COLOUR = re.compile(r"\x1b\[[0-9;?]*[A-Za-z]")
_ENCODED = re.compile(r"data:[\w/+.-]+;base64,[A-Za-z0-9+/=\s]*")


def displayed(notebook: Mapping[str, Any], cells: Sequence[Any]) -> Iterator[Shown]:
    """The texts that are kept with each cell and with the whole notebook, as far as the bounds allow."""
    left = MAX_TOTAL
    for cell, what, value in _parts(notebook, cells):
        texts = []
        for text in _texts(value):
            left -= len(text)
            if left < 0:
                return
            texts.append(text)
        if texts:
            yield Shown(cell, what, tuple(texts))


def _parts(notebook: Mapping[str, Any], cells: Sequence[Any]) -> Iterator[tuple[int | None, str, Any]]:
    for number, cell in enumerate(cells, 1):
        if isinstance(cell, dict):
            yield number, "the output of this cell", cell.get("outputs")
            yield number, "the metadata of this cell", cell.get("metadata")
    yield None, "the metadata of the notebook", notebook.get("metadata")


def _texts(value: Any) -> Iterator[str]:
    """The strings in a value of JSON; a list of strings is one text, as the format has it, and images are none."""
    pending = [value]
    while pending:
        current = pending.pop()
        if isinstance(current, dict):
            named = [item for key, item in current.items() if "/" not in key or _TEXTUAL.match(key)]
            pending += reversed(named)
        elif isinstance(current, list) and current and all(isinstance(item, str) for item in current):
            yield _readable("".join(current))
        elif isinstance(current, list):
            pending += reversed(current)
        elif isinstance(current, str):
            yield _readable(current)


def _readable(text: str) -> str:
    return _ENCODED.sub(" ", _COLOUR.sub("", text[:MAX_TEXT]))
