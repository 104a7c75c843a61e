"""The rules' pages as files: `python -m modal_lint_rules.pages` writes `docs/rules/`, from the rules' own files."""

from __future__ import annotations

import re
import sys
from itertools import groupby
from pathlib import Path
from typing import TYPE_CHECKING

from modal_lint.report.pages import how_known, summary_of
from modal_lint.report.rules import page
from modal_lint.selection import is_opt_in

from modal_lint_rules import RULES

if TYPE_CHECKING:
    from collections.abc import Sequence

    from modal_lint.model import Rule

_CODE = re.compile(r"\bMS\d{3}\b")
FOLDER = Path("docs") / "rules"
INDEX = "README.md"
_FAMILIES = {
    "0": "The linter's own",
    "1": "Exposed: a credential's value is in the source",
    "2": "Leaked: a secret kept out of the source gets out anyway",
    "3": "Silent: it runs, with the wrong environment",
    "4": "Rejected: the call raises",
    "5": "Hygiene",
}
_FIXES = {
    "safe": "safe: `modal-lint fix` applies it",
    "unsafe": "unsafe: `modal-lint fix --unsafe-fixes` applies it",
    "hint": "by hand: the finding says how",
    "none": "none",
}
_INTRODUCTION = """\
# Rules

These pages are written by `python -m modal_lint_rules.pages` from the rules' own files; a test holds them current.
In the examples `⟨openai⟩` and the like stand for a credential of that provider. `modal-lint explain CODE` shows the
same.
"""


def pages() -> dict[str, str]:
    """Every file of the folder: its name, and its text in Markdown."""
    return {INDEX: _index(), **{f"{rule.code}.md": _page(rule) for rule in RULES}}


def _index() -> str:
    families = groupby(RULES, key=lambda rule: rule.code[2])
    return "\n".join([_INTRODUCTION, *(_family(number, list(rules)) for number, rules in families)])


def _family(number: str, rules: Sequence[Rule]) -> str:
    lines = [f"## {_FAMILIES[number]}", ""]
    if all(map(is_opt_in, rules)):
        lines += [f'Off by default: `extend-select = ["MS{number}"]` turns them on.', ""]
    lines += ["| Code | Name | Severity | Fix | What is wrong |", "| --- | --- | --- | --- | --- |"]
    for rule in rules:
        summary = summary_of(rule).replace("|", "\\|")
        link = f"[{rule.code}]({rule.code}.md)"
        lines.append(f"| {link} | {rule.name} | {rule.severity.value} | {rule.fixable} | {summary} |")
    return "\n".join([*lines, ""])


def _page(rule: Rule) -> str:
    on = f'off by default: `extend-select = ["{rule.code}"]` turns it on' if is_opt_in(rule) else "on by default"
    lines = (
        f"# {rule.code}: {rule.name}",
        "",
        f"- Severity: {rule.severity.value}",
        f"- Fix: {_FIXES[rule.fixable]}",
        f"- It is {on}.",
        "",
        _linked(page(rule), rule),
        "",
        "## How we know",
        "",
        how_known(rule).replace("semantics.md", "[semantics](../semantics.md)"),
        "",
        f"[All rules]({INDEX})",
        "",
    )
    return "\n".join(lines)


def _linked(text: str, rule: Rule) -> str:
    """The text with the codes of other rules as links, outside of examples."""
    parts = text.split("```")
    others = {other.code for other in RULES} - {rule.code}
    return "```".join(
        _CODE.sub(lambda found: f"[{found[0]}]({found[0]}.md)" if found[0] in others else found[0], part)
        if number % 2 == 0
        else part
        for number, part in enumerate(parts)
    )


def write(folder: Path) -> None:
    """Write all pages into a folder, and take those of rules away that are no more."""
    folder.mkdir(parents=True, exist_ok=True)
    wanted = pages()
    for old in folder.glob("*.md"):
        if old.name not in wanted:
            old.unlink()
    for name, text in wanted.items():
        (folder / name).write_text(text, encoding="utf-8", newline="\n")


if __name__ == "__main__":
    write(Path(*sys.argv[1:2]) if sys.argv[1:] else FOLDER)
