"""The rules' own words: the page of one, the list of all."""

from __future__ import annotations

from textwrap import wrap
from typing import TYPE_CHECKING

from modal_lint.report.base import SEVERITY_COLOUR, Look
from modal_lint.report.json import dump
from modal_lint.report.rules import page
from modal_lint.selection import catalogue, is_opt_in, vocabulary
from modal_lint.settings import UserError, nearest

if TYPE_CHECKING:
    from modal_lint.model import Rule

SDK = "modal 1.6.4"
"""The SDK that the rules' examples ran with (`tests/test_witness.py`)."""


def explain(word: str, look: Look, *, as_json: bool) -> str:
    """The page of the rule with the code or name ``word``.

    Raises:
        UserError: there is no such rule.
    """
    for rule in catalogue():
        if word.upper() == rule.code or word.lower() == rule.name:
            return dump(_described(rule)) if as_json else _page(rule, look)
    hint = nearest(word, vocabulary()[1:]) or "; `modal-lint rules` lists them"
    raise UserError(f"no such rule `{word}`{hint}")


def listing(look: Look, *, as_json: bool) -> str:
    """All rules, by code."""
    if as_json:
        return dump([_described(rule) for rule in catalogue()])
    wide = max((len(rule.name) for rule in catalogue()), default=0)
    return "".join(_row(rule, wide, look) + "\n" for rule in catalogue())


def summary_of(rule: Rule) -> str:
    """The first line of a rule's page, without its mark-up."""
    lines = [line.strip("# ").strip() for line in rule.page.splitlines()]
    return next((line for line in lines if line), "")


def how_known(rule: Rule) -> str:
    """In a sentence or two, how the rule's claim was witnessed, and what else it rests on."""
    source = f"Source: {rule.source}."
    if not rule.witness:
        return f"Not witnessed: no client can show it. {source}"
    shown = f"Witnessed with {SDK}: the bad example {rule.witness}; the good one does not."
    return f"{shown} {source}" if rule.source else shown


def _described(rule: Rule) -> dict[str, object]:
    return {
        "name": rule.name,
        "code": rule.code,
        "severity": rule.severity.value,
        "fix": rule.fixable,
        "opt_in": is_opt_in(rule),
        "summary": summary_of(rule),
        "explanation": page(rule),
        "witness": rule.witness or None,
        "source": rule.source or None,
    }


def _row(rule: Rule, wide: int, look: Look) -> str:
    level = look.paint(f"{rule.severity.value:<7}", SEVERITY_COLOUR[rule.severity])
    summary = f"{'(opt-in) ' if is_opt_in(rule) else ''}{summary_of(rule)}"
    return f"{look.paint(rule.code, 'bold')}  {rule.name:<{wide}}  {level}  {rule.fixable:<6}  {summary}"


def _page(rule: Rule, look: Look) -> str:
    level = look.paint(rule.severity.value, SEVERITY_COLOUR[rule.severity])
    head = f"{look.paint(f'{rule.name} ({rule.code})', 'bold')}  {level}, fix: {rule.fixable}"
    if is_opt_in(rule):
        head += f'\nOpt-in: off unless selected, with --extend-select {rule.code} or extend-select = ["{rule.code}"].'
    return "\n".join([head, "", *_body(page(rule), look), "", *wrap(how_known(rule), 120)]) + "\n"


def _body(page: str, look: Look) -> list[str]:
    lines: list[str] = []
    in_code = False
    for line in page.splitlines():
        if line.startswith("```"):
            in_code = not in_code
            lines.append(look.paint(line, "dim"))
        elif in_code:
            lines.append(look.paint(line, "cyan"))
        else:
            lines.append(look.paint(line, "bold") if line.startswith("#") else line)
    return lines
