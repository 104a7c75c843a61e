"""The rules' pages under `docs/rules`, and what `explain` tells of how a claim is known."""

from __future__ import annotations

import json
import re
from pathlib import Path

import pytest
from fixture_cases import run
from modal_lint_rules import RULES
from modal_lint_rules.pages import pages, write

ROOT = Path(__file__).parent.parent
DOCS = ROOT / "docs" / "rules"


def test_pages_are_current(tmp_path: Path) -> None:
    (tmp_path / "MS999.md").write_text("a rule that is no more")
    write(tmp_path)
    made, kept = ({path.name: path.read_text(encoding="utf-8") for path in at.iterdir()} for at in (tmp_path, DOCS))
    assert kept == made, "write them again: python -m modal_lint_rules.pages"


def test_pages_show_no_marks_of_our_tests_and_link_to_what_is_there() -> None:
    for name, text in pages().items():
        assert "# expect:" not in text, name
        assert text.count("```") % 2 == 0, name
        for link in re.findall(r"\]\(([^)]+)\)", text):
            assert link in pages() or (DOCS / link).is_file(), (name, link)


def test_every_rule_is_in_the_index() -> None:
    index = pages()["README.md"]
    assert re.findall(r"^\| \[(MS\d{3})\]", index, re.MULTILINE) == [rule.code for rule in RULES]


@pytest.mark.parametrize("code", ["MS312", "MS407"])
def test_explain_tells_how_a_claim_is_known(code: str) -> None:
    (rule,) = (rule for rule in RULES if rule.code == code)
    described = json.loads(run("explain", code, "--output-format", "json").out)
    assert (described["witness"], described["source"]) == (rule.witness or None, rule.source or None)
    words = " ".join(run("explain", code).out.split())
    assert (rule.witness or rule.source) in words
    assert ("Not witnessed" in words) is not bool(rule.witness)
    assert "# expect:" not in words
