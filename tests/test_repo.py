"""The repository keeps its own rules: rules registered and documented, our code clean, no secret committed."""

from __future__ import annotations

import importlib
import re
import subprocess
from pathlib import Path

import pytest
from fixture_cases import run
from modal_lint.credentials import shapes_in
from modal_lint_rules import RULES

ROOT = Path(__file__).parent.parent
_RULE_FILES = sorted((ROOT / "rules" / "modal_lint_rules").glob("ms*.py"))
_MODULE = re.compile(r"(ms\d{3})_(\w+)")
_TABLE_ROW = re.compile(r"^\| (MS\d{3}) \| ([a-z0-9-]+) \|", re.MULTILINE)
_MAX_BYTES = 1 << 20


def _committed() -> list[Path]:
    try:
        done = subprocess.run(["git", "ls-files", "-z"], cwd=ROOT, capture_output=True, check=True)
    except (OSError, subprocess.CalledProcessError):
        pytest.skip("not a git checkout")
    return [path for name in done.stdout.decode().split("\0") if name and (path := ROOT / name).is_file()]


def test_every_rule_file_is_registered_in_order() -> None:
    registered = [rule.check.__module__.rpartition(".")[2] for rule in RULES]
    assert registered == [path.stem for path in _RULE_FILES]
    assert len({rule.code for rule in RULES}) == len(RULES) == len({rule.name for rule in RULES})


@pytest.mark.parametrize("path", _RULE_FILES, ids=lambda path: path.stem)
def test_code_and_name_are_those_of_the_file(path: Path) -> None:
    rule = importlib.import_module(f"modal_lint_rules.{path.stem}").RULE
    found = _MODULE.fullmatch(path.stem)
    assert found is not None
    assert (rule.code, rule.name) == (found[1].upper(), found[2].replace("_", "-"))
    assert rule.page, "a rule's docstring is its page"


@pytest.mark.parametrize("rule", RULES, ids=lambda rule: rule.code)
def test_every_rule_has_fixtures(rule: object) -> None:
    folder = ROOT / "tests" / "fixtures" / rule.code  # type: ignore[attr-defined]
    assert any(path.suffix in (".py", ".ipynb") for path in folder.rglob("*"))


def test_our_own_tree_is_clean(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(ROOT)
    done = run("check", "--output-format", "concise", "linter", "rules", "runtime", "tests")
    assert done.status == 0, done.said


def test_readme_shows_the_rules_that_there_are() -> None:
    readme = (ROOT / "README.md").read_text(encoding="utf-8")
    assert _TABLE_ROW.findall(readme) == [(rule.code, rule.name) for rule in RULES]


def test_readme_names_the_commands_of_the_makefile() -> None:
    readme = (ROOT / "README.md").read_text(encoding="utf-8")
    makefile = (ROOT / "Makefile").read_text(encoding="utf-8")
    for target in ("demo", "test"):
        assert f"make {target}" in readme
        assert re.search(rf"^{target}:", makefile, re.MULTILINE)


def test_no_committed_file_holds_a_credential() -> None:
    found = []
    for path in _committed():
        data = path.read_bytes()
        if b"\0" not in data and len(data) <= _MAX_BYTES:
            text = data.decode("utf-8", "replace")
            found += [f"{path.relative_to(ROOT)}: {one.credential.kind}" for one in shapes_in(text)]
    assert found == []
