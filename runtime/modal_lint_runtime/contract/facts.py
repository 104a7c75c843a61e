"""The table of facts."""

from __future__ import annotations

from modal_lint_runtime.contract.facts_making import MAKING
from modal_lint_runtime.contract.facts_passing import PASSING
from modal_lint_runtime.contract.row import Fact

__all__ = ["FACTS", "Fact", "fact"]

FACTS: tuple[Fact, ...] = MAKING + PASSING
"""All facts, in the order of their codes."""

_BY_CODE = {row.code: row for row in FACTS}


def fact(code: str) -> Fact | None:
    """The fact of this code, None when there is none."""
    return _BY_CODE.get(code)
