"""`json-lines`: an object a line, with the keys of `json`."""

from __future__ import annotations

from typing import TYPE_CHECKING

from modal_lint.report.base import Look, diagnostics
from modal_lint.report.json import described

if TYPE_CHECKING:
    from modal_lint.model import Report


def render(report: Report, look: Look) -> str:
    """One line a finding; nothing where there is none."""
    import json

    del look
    return "".join(json.dumps(described(finding)) + "\n" for finding in diagnostics(report))
