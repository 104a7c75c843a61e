"""Lists in pages, newest first; the SDKs ask again from where a page ended."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from modal_proto import api_pb2

PAGE = 100
"""How many objects one call answers at most (P secret.py, volume.py, `max_page_size`)."""


def page_size(pagination: api_pb2.ListPagination) -> int:
    """How many objects the next page holds."""
    wanted = pagination.max_objects
    return min(wanted, PAGE) if wanted > 0 else PAGE
