"""Saying what the local server does not have."""

from __future__ import annotations

from typing import TYPE_CHECKING

from modal_lint_runtime.errors import UnsupportedError

if TYPE_CHECKING:
    from collections.abc import Mapping


def refuse(whose: str, wanted: Mapping[str, bool]) -> None:
    """Raise UnsupportedError that names what is wanted: `whose` is in the plural, `wanted` says of each if it is."""
    refused = [what for what, there in wanted.items() if there]
    if refused:
        raise UnsupportedError(f"The local runtime's {whose} do not have {' or '.join(refused)}.")
