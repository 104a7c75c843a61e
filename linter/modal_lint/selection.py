"""Which rules are on: selectors are codes, prefixes of codes, names, or `ALL`, and the most specific one wins."""

from __future__ import annotations

import re
from functools import lru_cache
from typing import TYPE_CHECKING, Any, NamedTuple

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

    from modal_lint.model import Rule

_FAMILY = re.compile(r"MS[0-5]?\Z")
_EXACT = 100  # a name says one rule, more exactly than any prefix


class Selection(NamedTuple):
    """One layer of choices; ``select`` of None leaves what lower layers chose."""

    select: tuple[str, ...] | None = None
    extend: tuple[str, ...] = ()
    ignore: tuple[str, ...] = ()

    @classmethod
    def of(cls, values: Mapping[str, Any]) -> Selection:
        """The choices among checked configuration ``values``."""
        return cls(values.get("select"), values.get("extend-select", ()), values.get("ignore", ()))


DEFAULT = Selection(("MS0", "MS1", "MS2", "MS3", "MS4"))


def specificity(selector: str, rule: Rule) -> int:
    """How exactly ``selector`` names ``rule``; -1 if it does not."""
    if selector == "ALL":
        return 0
    if selector == rule.name:
        return _EXACT
    return len(selector) if selector and rule.code.startswith(selector.upper()) else -1


def covers(selectors: Iterable[str], rule: Rule) -> bool:
    """Whether one of ``selectors`` names ``rule``."""
    return any(specificity(selector, rule) >= 0 for selector in selectors)


def enabled(rules: Iterable[Rule], selections: Iterable[Selection]) -> tuple[Rule, ...]:
    """Those of ``rules`` that are on after all ``selections``, applied in order."""
    return _enabled(tuple(rules), tuple(selections))


@lru_cache(maxsize=256)
def _enabled(rules: tuple[Rule, ...], layers: tuple[Selection, ...]) -> tuple[Rule, ...]:
    return tuple(rule for rule in rules if _is_on(rule, layers))


def _is_on(rule: Rule, layers: tuple[Selection, ...]) -> bool:
    on = False
    for chosen in layers:
        if chosen.select is not None:
            on = False
        wanted = _most_specific((chosen.select or ()) + chosen.extend, rule)
        unwanted = _most_specific(chosen.ignore, rule)
        if wanted >= 0 or unwanted >= 0:
            on = wanted > unwanted
    return on


def _most_specific(selectors: tuple[str, ...], rule: Rule) -> int:
    return max((specificity(selector, rule) for selector in selectors), default=-1)


def is_opt_in(rule: Rule) -> bool:
    """Whether ``rule`` is off unless it is selected."""
    return not _is_on(rule, (DEFAULT,))


def explicitly_ignored(rule: Rule, selections: Iterable[Selection]) -> bool:
    """Whether some layer names ``rule`` (or its prefix) in `ignore` and none after it selects it again."""
    return not _is_on(rule, (Selection(("ALL",)), *(chosen._replace(select=None) for chosen in selections)))


def is_fixable(rule: Rule, fixable: tuple[str, ...], unfixable: tuple[str, ...]) -> bool:
    """Whether fixes of ``rule`` may be applied; the more specific of the two lists wins."""
    return _most_specific(fixable, rule) > _most_specific(unfixable, rule)


def is_known(selector: str) -> bool:
    """Whether ``selector`` names at least one rule, or a family that may get rules."""
    if selector == "ALL" or _FAMILY.match(selector.upper()):
        return True
    return any(specificity(selector, rule) >= 0 for rule in catalogue())


def vocabulary() -> list[str]:
    """Every code and name a user can write."""
    return ["ALL", *(word for rule in catalogue() for word in (rule.code, rule.name))]


@lru_cache(maxsize=1)
def catalogue() -> tuple[Rule, ...]:
    """All rules, in the order of their codes. Loads them: late on purpose."""
    from modal_lint_rules import RULES

    return tuple(sorted(RULES, key=lambda rule: rule.code))
