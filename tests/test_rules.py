"""Every rule against its page: the bad example gives what it announces, the good one nothing, the fix leads there."""

from __future__ import annotations

import textwrap
from typing import TYPE_CHECKING

import pytest
from fixture_cases import (
    blocks,
    check,
    expected,
    extended,
    fix,
    sources,
    told,
    without_expectations,
    write,
)
from material import fill
from modal_lint_rules import RULES

if TYPE_CHECKING:
    from pathlib import Path

    from modal_lint.model import Rule

_FIXED = [rule for rule in RULES if rule.fixable in ("safe", "unsafe")]
# MS001 is about files that cannot be read, and a page cannot show one; MS107's fix needs a directory, which a page
# cannot show either: test_fixtures.py has both.
_PAGED = [rule for rule in RULES if rule.code != "MS001"]


# What a page shows is a notebook.
_NOTEBOOKS = ("MS111",)
# Files that a page takes for granted.
_BESIDE = {"MS107": {".env": ""}, "MS301": {".env.prod": ""}}


def _code(rule: Rule) -> str:
    return rule.code


@pytest.mark.parametrize("rule", _PAGED, ids=_code)
def test_page_has_one_bad_and_one_good_example(rule: Rule) -> None:
    assert len(blocks(rule.page, "bad")) == 1
    assert len(blocks(rule.page, "good")) == 1
    assert f"# expect: {rule.code}" in blocks(rule.page, "bad")[0]
    assert "# expect:" not in blocks(rule.page, "good")[0]


@pytest.mark.parametrize("rule", _PAGED, ids=_code)
def test_bad_example_gives_what_it_announces_and_good_gives_nothing(
    rule: Rule, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (bad,), (good,) = blocks(rule.page, "bad"), blocks(rule.page, "good")
    monkeypatch.chdir(tmp_path)
    beside = _BESIDE.get(rule.code, {})
    suffix = "ipynb" if rule.code in _NOTEBOOKS else "py"
    write(tmp_path / "one", {f"bad.{suffix}": bad, **beside})
    write(tmp_path / "two", {f"good.{suffix}": good, **beside})
    assert told(check(["."], extend=extended(rule.code))) == expected(f"one/bad.{suffix}", bad)
    compile(good, "good.py", "exec")


@pytest.mark.parametrize("rule", [rule for rule in _FIXED if rule.code != "MS107"], ids=_code)
def test_fix_of_the_bad_example_is_the_good_one(rule: Rule, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (bad,), (good,) = blocks(rule.page, "bad"), blocks(rule.page, "good")
    monkeypatch.chdir(tmp_path)
    write(tmp_path, {"bad.py": without_expectations(bad), **_BESIDE.get(rule.code, {})})
    fix(".", extend=extended(rule.code))
    once = dict(sources(tmp_path))
    assert once["bad.py"] == fill(good)
    assert fix(".", extend=extended(rule.code)).status == 0
    assert dict(sources(tmp_path)) == once


_SPELLINGS = {
    "an asynchronous client's references are awaited": (
        """
        from modal_lint_runtime import AsyncModalClient

        async def main(app, image):
            async with AsyncModalClient() as client:
                box = await client.sandboxes.create(app, image)
                await box.exec(["env"], env={"OPENAI_API_KEY": "⟨openai⟩"})
        """,
        '        await box.exec(["env"], secrets=[await client.secrets.from_name('
        '"openai-secret", required_keys=["OPENAI_API_KEY"])])',
    ),
    "quotes inside an f-string stay as they are": (
        """
        import os
        import modal

        def main(image: modal.Image):
            image.run_commands(f"login {os.environ.get('LOGIN', '⟨github⟩')}")
        """,
        """    image.run_commands(f"login {os.environ['LOGIN']}")""",
    ),
}


@pytest.mark.parametrize("name", _SPELLINGS)
def test_fix_spells(name: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    text, line = _SPELLINGS[name]
    monkeypatch.chdir(tmp_path)
    write(tmp_path, {"app.py": textwrap.dedent(text)})
    fix("app.py")
    assert line in (tmp_path / "app.py").read_text(encoding="utf-8").splitlines()
