"""Configuration: which file counts, how layers merge, and what is refused."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest
from lint_process import leaky, lint, token
from modal_lint.config import Resolver, inline
from modal_lint.model import Confidence, Rule, Severity
from modal_lint.selection import Selection, enabled
from modal_lint.settings import Settings, UserError, layer

if TYPE_CHECKING:
    from pathlib import Path


@pytest.fixture(autouse=True)
def _here(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)


def _at(directory: Path, **how: str) -> Settings:
    return Resolver(**how).at(str(directory))  # type: ignore[arg-type]


def test_the_closest_file_wins_and_one_without_our_section_is_passed_over(tmp_path: Path) -> None:
    (tmp_path / "pyproject.toml").write_text("[tool.modal-lint]\nmin-confidence = 'low'\n")
    for name, text in {
        "a/pyproject.toml": "[tool.ruff]\n",
        "b/modal-lint.toml": "min-confidence = 'high'\n",
        "b/pyproject.toml": "[tool.modal-lint]\nmin-confidence = 'medium'\n",
        "c/.modal-lint.toml": "[tool.modal-lint]\nmin-severity = 'error'\n",
    }.items():
        (tmp_path / name).parent.mkdir(exist_ok=True)
        (tmp_path / name).write_text(text)
    assert _at(tmp_path / "a" / "deep").min_confidence is Confidence.LOW
    assert _at(tmp_path / "b").min_confidence is Confidence.HIGH
    assert _at(tmp_path / "c").min_severity is Severity.ERROR
    assert _at(tmp_path / "c").min_confidence is Confidence.MEDIUM


def test_each_directory_has_its_own_settings_in_one_run(tmp_path: Path) -> None:
    for name in ("a", "b"):
        (tmp_path / name).mkdir()
        (tmp_path / name / "app.py").write_text(leaky(token(ord(name))))
    (tmp_path / "a" / "modal-lint.toml").write_text("ignore = ['MS1']\n")
    done = lint("check", ".", "--output-format", "concise", "-q", cwd=tmp_path)
    assert [line.split(":")[0] for line in done.out.splitlines()] == ["b/app.py"]


def test_extend_merges(tmp_path: Path) -> None:
    (tmp_path / "base.toml").write_text("min-confidence = 'low'\nextend-exclude = ['one']\nignore = ['MS1']\n")
    (tmp_path / "modal-lint.toml").write_text("extend = 'base.toml'\nextend-exclude = ['two']\nselect = ['MS101']\n")
    settings = _at(tmp_path)
    assert settings.min_confidence is Confidence.LOW
    assert [glob.pattern for glob in settings.extend_exclude] == ["one", "two"]
    assert [rule.code for rule in enabled(_RULES, settings.selections)] == ["MS101"]


def test_extend_in_circles(tmp_path: Path) -> None:
    (tmp_path / "modal-lint.toml").write_text("extend = 'modal-lint.toml'\n")
    done = lint("check", cwd=tmp_path)
    assert done.status == 2
    assert "round in circles" in done.err


@pytest.mark.parametrize("target", ["../outside.toml", "{outside}", "link.toml", "sub/../../outside.toml"])
def test_a_checked_tree_cannot_extend_what_is_outside(tmp_path: Path, target: str) -> None:
    (tmp_path / "outside.toml").write_text("min-severity = 'error'\n")
    project = tmp_path / "project"
    (project / "sub").mkdir(parents=True)
    (project / "link.toml").symlink_to(tmp_path / "outside.toml")
    text = f"[tool.modal-lint]\nextend = '{target.format(outside=tmp_path / 'outside.toml')}'\n"
    (project / "pyproject.toml").write_text(text)
    done = lint("check", ".", cwd=project)
    assert done.status == 2
    assert "pyproject.toml: `extend` points outside the project" in done.err
    assert lint("check", ".", "--config", "pyproject.toml", cwd=project).status == 0


def test_a_configuration_may_extend_within_its_repository(tmp_path: Path) -> None:
    (tmp_path / ".git").mkdir()
    (tmp_path / "pyproject.toml").write_text("[tool.modal-lint]\nmin-severity = 'error'\n")
    (tmp_path / "pkg").mkdir()
    (tmp_path / "pkg" / "pyproject.toml").write_text("[tool.modal-lint]\nextend = '../pyproject.toml'\n")
    assert _at(tmp_path / "pkg").min_severity is Severity.ERROR


@pytest.mark.parametrize("key", ["output-file", "o", "config", "stdin-filename", "exit-zero"])
def test_a_checked_tree_cannot_say_where_to_write_or_what_to_read(tmp_path: Path, key: str) -> None:
    (tmp_path / "modal-lint.toml").write_text(f"{key} = 'x'\n")
    done = lint("check", cwd=tmp_path)
    assert done.status == 2
    assert f"modal-lint.toml: unknown key `{key}`" in done.err


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("selct = ['MS1']", "unknown key `selct`; did you mean `select`?"),
        ("select = 'MS1'", "`select`: must be a list of strings"),
        ("select = ['MS999']", "`select`: unknown rule `MS999`"),
        ("fix = 'yes'", "`fix`: must be true or false"),
        ("jobs = true", "`jobs`: must be a number"),
        ("min-severity = 'high'", "`min-severity`: must be one of info, warning, error"),
        ("per-file-ignores = ['a']", "`per-file-ignores`: must be a table of lists of strings"),
        ("per-file-ignores = {'a.py' = ['MSX']}", "`per-file-ignores`: unknown rule `MSX`"),
        ("select = [", "not valid TOML"),
    ],
)
def test_mistakes_name_the_file_and_the_key(tmp_path: Path, text: str, message: str) -> None:
    (tmp_path / "modal-lint.toml").write_text(text)
    done = lint("check", cwd=tmp_path)
    assert done.status == 2
    assert done.err.startswith("error: modal-lint.toml: ")
    assert message in done.err
    assert len(done.err.splitlines()) == 1


def test_a_broken_file_is_not_quoted(tmp_path: Path) -> None:
    (tmp_path / "modal-lint.toml").write_text(f"token = {token()}\n")
    done = lint("check", cwd=tmp_path)
    assert done.status == 2
    assert token() not in done.said
    assert "line 1" in done.err


def test_isolated_and_inline_configuration(tmp_path: Path) -> None:
    (tmp_path / "app.py").write_text(leaky())
    (tmp_path / "modal-lint.toml").write_text("ignore = ['MS101']\n")
    assert lint("check", cwd=tmp_path).status == 0
    assert lint("check", "--isolated", cwd=tmp_path).status == 1
    assert lint("check", "--config", "select = ['MS101']", cwd=tmp_path).status == 1
    assert lint("check", "--isolated", "--config", "modal-lint.toml", cwd=tmp_path).status == 2


def test_per_file_ignores(tmp_path: Path) -> None:
    (tmp_path / "tests").mkdir()
    (tmp_path / "tests" / "app.py").write_text(leaky())
    (tmp_path / "bad.py").write_text("import modal\n(\n")
    assert lint("check", cwd=tmp_path).status == 1
    flags = ["--per-file-ignores", "tests/*:hardcoded-env,bad.py:MS001"]
    assert lint("check", *flags, cwd=tmp_path).status == 0
    assert lint("check", "--per-file-ignores", "!other/*:MS1,bad.py:MS0", cwd=tmp_path).status == 0


def test_selecting_rules_does_not_hide_unreadable_files(tmp_path: Path) -> None:
    (tmp_path / "bad.py").write_text("import modal\n(\n")
    assert lint("check", "--select", "MS1", cwd=tmp_path).status == 1
    assert lint("check", "--ignore", "MS001", cwd=tmp_path).status == 0


def test_a_pattern_is_relative_to_its_file(tmp_path: Path) -> None:
    (tmp_path / "sub" / "x").mkdir(parents=True)
    (tmp_path / "sub" / "x" / "app.py").write_text(leaky())
    (tmp_path / "sub" / "modal-lint.toml").write_text("extend-exclude = ['x/*']\n")
    assert lint("check", ".", cwd=tmp_path).status == 0


_RULES = tuple(
    Rule(code, name, Severity.ERROR, lambda _: ())
    for code, name in (("MS001", "zero"), ("MS101", "one"), ("MS102", "two"), ("MS201", "three"), ("MS501", "four"))
)


@pytest.mark.parametrize(
    ("layers", "codes"),
    [
        ([], "MS001 MS101 MS102 MS201"),
        ([Selection(extend=("MS5",))], "MS001 MS101 MS102 MS201 MS501"),
        ([Selection(select=("ALL",), ignore=("MS1",))], "MS001 MS201 MS501"),
        ([Selection(select=("MS101",), ignore=("MS1",))], "MS101"),
        ([Selection(select=("MS1",), ignore=("MS101",))], "MS102"),
        ([Selection(select=("one",), ignore=("MS101",))], "MS101"),
        ([Selection(ignore=("MS1",)), Selection(select=("MS1",))], "MS101 MS102"),
        ([Selection(select=("MS1",)), Selection(ignore=("two",))], "MS101"),
        ([Selection(select=("ms2",))], "MS201"),
    ],
)
def test_the_most_specific_selector_wins(layers: list[Selection], codes: str) -> None:
    default = Settings().selections
    assert [rule.code for rule in enabled(_RULES, (*default, *layers))] == codes.split()


def test_inline_settings_must_be_toml() -> None:
    assert inline("jobs=3").values == {"jobs": 3}
    with pytest.raises(UserError, match="KEY=VALUE"):
        inline("jobs=three words")
    with pytest.raises(UserError, match=r"--select: unknown rule `MSX`"):
        layer({"select": ["MSX"]}, "/")
