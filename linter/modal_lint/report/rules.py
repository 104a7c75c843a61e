"""What reports say about rules: their titles and pages. Rules are loaded only where something was found."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterable

    from modal_lint.model import Rule

_FENCE = re.compile(r"^```python (bad|good)$", re.MULTILINE)
_EXPECTATION = re.compile(r"[ \t]*# expect: MS\d{3}.*$", re.MULTILINE)


def page(rule: Rule) -> str:
    """The rule's page as Markdown for others: without the marks that our own tests look at."""
    return _EXPECTATION.sub("", _FENCE.sub(_named, rule.page))


def _named(found: re.Match[str]) -> str:
    return f"{'Wrong' if found[1] == 'bad' else 'Right'}:\n\n```python"


def used(codes: Iterable[str]) -> dict[str, Rule]:
    """The rules of ``codes``, by code, in order."""
    wanted = sorted(set(codes))
    if not wanted:
        return {}
    from modal_lint.selection import catalogue

    known = {rule.code: rule for rule in catalogue()}
    return {code: known[code] for code in wanted if code in known}


def titles(codes: Iterable[str]) -> dict[str, str]:
    """A line of plain text about the rule of each of ``codes``."""
    wanted = set(codes)
    return {**{code: code for code in wanted}, **{code: title(rule) for code, rule in used(wanted).items()}}


def title(rule: Rule) -> str:
    """The first line of the rule's page, as plain text."""
    from modal_lint.report.pages import summary_of

    return summary_of(rule).replace("`", "") or rule.name
