"""Markdown: the Python in its fenced blocks."""

from __future__ import annotations

from typing import TYPE_CHECKING

from modal_lint.documents.base import Document
from modal_lint.edits import apply_edits

if TYPE_CHECKING:
    from collections.abc import Iterable

    from modal_lint.model import Edit


def read(data: bytes) -> Document:
    """Markdown from its bytes.

    Raises:
        Unreadable: it is not valid UTF-8.
    """

    def writer(edits: Iterable[Edit]) -> bytes:
        return apply_edits(data, edits, encoding="utf-8")

    return Document((), writer)
