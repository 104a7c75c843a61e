"""Every fixture cut into the cells of a notebook: it means the same, and its fixes lead to the same code."""

from __future__ import annotations

import ast
import json
import random
from collections import Counter
from itertools import pairwise
from pathlib import Path
from typing import TYPE_CHECKING

from fixture_cases import check, extended, fix, without_expectations
from material import fill
from modal_lint_rules import RULES

if TYPE_CHECKING:
    from collections.abc import Iterator

    import pytest
    from modal_lint.model import Report

FIXTURES = Path(__file__).parent / "fixtures"
# What Modal imports, pickles or names is not the same for a notebook.
_OTHERS = ("MS203", "MS314", "MS317")


def _fixtures() -> Iterator[tuple[str, str]]:
    for rule in RULES:
        for path in sorted((FIXTURES / rule.code).glob("*.py")):
            text = fill(without_expectations(path.read_text(encoding="utf-8")))
            try:
                ast.parse(text)
            except SyntaxError:
                continue
            yield f"{rule.code}/{path.stem}", text


def _cells(text: str, random_: random.Random) -> list[str]:
    """The text cut between some of its statements."""
    lines, body = text.split("\n"), ast.parse(text).body
    cuts = [0]
    for before, node in pairwise(body):
        first = min([node.lineno, *(one.lineno for one in getattr(node, "decorator_list", []))]) - 1
        if first >= (before.end_lineno or 0) and random_.random() < 0.6:
            cuts.append(first)
    return ["\n".join(lines[start:end]) for start, end in zip(cuts, [*cuts[1:], len(lines)], strict=True)]


def _written(cells: list[str]) -> str:
    made = [
        {"cell_type": "code", "metadata": {}, "outputs": [], "source": cell.splitlines(keepends=True)} for cell in cells
    ]
    return json.dumps({"cells": made, "metadata": {}, "nbformat": 4, "nbformat_minor": 4}, indent=1)


def _code(path: Path) -> str:
    return "\n".join("".join(cell["source"]) for cell in json.loads(path.read_text(encoding="utf-8"))["cells"])


def _told(report: Report) -> Counter[tuple[str, str | None]]:
    assert report.failures == ()
    return Counter((one.code, one.key) for one in report.findings if one.code not in _OTHERS)


def test_a_notebook_means_what_a_module_means(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    random_ = random.Random(20)
    changed = 0
    for place, text in _fixtures():
        if place.startswith("MS317"):
            continue
        module, notebook = tmp_path / place / "module/a.py", tmp_path / place / "notebook/a.ipynb"
        for path, content in ((module, text), (notebook, _written(_cells(text, random_)))):
            path.parent.mkdir(parents=True)
            (path.parent / "pyproject.toml").touch()
            path.write_text(content, encoding="utf-8")
        monkeypatch.chdir(tmp_path / place)
        extend = extended(place)
        assert _told(check([str(module)], extend=extend)) == _told(check([str(notebook)], extend=extend)), place
        before = _code(notebook)
        fix(str(module), extend=extend)
        fix(str(notebook), extend=extend)
        fixed = module.read_text(encoding="utf-8")
        assert ast.dump(ast.parse(_code(notebook))) == ast.dump(ast.parse(fixed)), place
        changed += before != _code(notebook)
    assert changed > 20
