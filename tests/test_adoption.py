"""A project that begins late: many findings, one command, and a check that is green and protects from then on."""

from __future__ import annotations

import re
import subprocess
import sys
from typing import TYPE_CHECKING

import pytest
from fixture_cases import run
from lint_process import lint, token

if TYPE_CHECKING:
    from pathlib import Path

_FILES, _FUNCTIONS = 50, 10
_FILE = ".modal-lint-baseline.json"


def _module(number: int, before: str = "") -> str:
    seeds = range(1000 + number * _FUNCTIONS, 1000 + (number + 1) * _FUNCTIONS)
    functions = "".join(f"{before}\n\n{_function(f'work_{seed}', seed)}" for seed in seeds)
    return f'import modal\n\napp = modal.App("a")\n{functions}'


def _function(name: str, seed: int) -> str:
    return f'@app.function(env={{"HF_TOKEN": "{token(seed)}"}})\ndef {name}():\n    pass\n'


@pytest.fixture
def project(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.chdir(tmp_path)
    (tmp_path / "pyproject.toml").touch()
    for number in range(_FILES):
        (tmp_path / f"m{number}.py").write_text(_module(number))
    return tmp_path


def _told(*arguments: str | Path) -> list[str]:
    done = run("check", "--color", "never", "--output-format", "concise", "-q", *map(str, arguments))
    assert done.status in (0, 1), done.said
    return [":".join(line.split(":")[:2]) for line in done.out.splitlines()]


def test_five_hundred_findings_become_a_baseline_in_one_command(project: Path) -> None:
    done = lint("check", "--update-baseline", "--baseline", _FILE, cwd=project)
    assert done.status == 0, done.said
    assert f"{_FILE} holds 500 entries now (500 new, 0 gone)" in done.err
    assert done.out == "All checks passed! (50 files checked, 500 in the baseline)\n"
    known = ("--baseline", _FILE)
    assert _told(*known, "m1.py", "m2.py") == []
    (project / "m7.py").write_text(_module(7, before="\n# moved\n"))
    assert _told(*known, "m7.py") == []
    changed = _module(7).replace(token(1073), token(9999))
    (project / "m7.py").write_text(changed)
    line = changed[: changed.index(token(9999))].count("\n") + 1
    assert _told(*known, "m7.py", "m8.py") == [f"m7.py:{line}"]


def test_five_hundred_findings_become_comments_in_one_command(project: Path) -> None:
    done = lint("check", "--add-suppressions=before 2027", cwd=project)
    assert done.status == 0, done.said
    assert "Added suppressions for 500 findings in 50 files." in done.err
    assert done.out == "All checks passed! (50 files checked, 500 suppressed)\n"
    assert len(re.findall(r"  # modal-lint: ignore\[MS101\] before 2027\n", (project / "m7.py").read_text())) == 10
    text = (project / "m7.py").read_text().replace("app = ", "\n\napp = ")
    more = f"\n\n{_function('more', 9999)}"
    (project / "m7.py").write_text(text + more)
    assert _told("m7.py", "m8.py") == [f"m7.py:{(text + more).count(chr(10)) - 2}"]


# ---- what conventions promise of the command line and the configuration -----------------------------------------


def test_known_secrets_name_the_secret_of_a_fix(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    (tmp_path / "modal-lint.toml").write_text('known-secrets = { "our-hub" = ["HF_TOKEN"] }\n')
    (tmp_path / "app.py").write_text(f'import modal\n\napp = modal.App("a")\n\n\n{_function("work", 1)}')
    assert run("fix", "--unsafe-fixes", "--color", "never").status == 0
    text = (tmp_path / "app.py").read_text()
    assert 'modal.Secret.from_name("our-hub"' in text
    assert "huggingface" not in text


def test_known_secrets_provide_keys(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    text = (
        'import os\n\nimport modal\n\napp = modal.App("a")\n\n\n'
        '@app.function(secrets=[modal.Secret.from_name("ours")])\ndef f():\n    return os.environ["OUR_TOKEN"]\n'
    )
    (tmp_path / "app.py").write_text(text)
    select = ("--select", "MS312")
    held = ("--config", 'known-secrets = {"ours" = ["OTHER_TOKEN"]}')
    assert _told(*select, *held) == ["app.py:10"]
    assert _told(*select, "--config", 'known-secrets = {"ours" = ["OUR_TOKEN"]}') == []


def test_rules_can_be_ignored_in_some_files_also_from_a_folder_below(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "modal-lint.toml").write_text('per-file-ignores = { "tests/*" = ["MS1"] }\n')
    (tmp_path / "tests").mkdir()
    for place in ("tests/app.py", "app.py"):
        (tmp_path / place).write_text(_module(1))
    monkeypatch.chdir(tmp_path)
    assert {one.split(":")[0] for one in _told()} == {"app.py"}
    monkeypatch.chdir(tmp_path / "tests")
    assert _told() == []


def test_a_configuration_below_adds_to_the_one_it_extends(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / ".git").mkdir()
    (tmp_path / "modal-lint.toml").write_text("ignore = ['MS101']\nextend-exclude = ['skipped']\n")
    for name, text in {"plain": "min-confidence = 'low'\n", "more": "extend = '../modal-lint.toml'\n"}.items():
        (tmp_path / name / "skipped").mkdir(parents=True)
        (tmp_path / name / "modal-lint.toml").write_text(text)
        for place in ("app.py", "skipped/app.py"):
            (tmp_path / name / place).write_text(_module(1))
    monkeypatch.chdir(tmp_path)
    assert {one.rpartition(":")[0] for one in _told()} == {"plain/app.py", "plain/skipped/app.py"}


def test_foreign_markers_count_unless_switched_off(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    (tmp_path / "app.py").write_text(_module(1).replace('"})\n', '"})  # pragma: allowlist secret\n'))
    assert _told() == []
    assert len(_told("--config", "respect-foreign-markers = false")) == _FUNCTIONS


def test_fix_only_fixes_and_says_nothing_of_the_rest(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    (tmp_path / "app.py").write_text(f"{_module(1)}x = 1  # modal-lint: ignore[MS102]\n")
    done = run("check", "--fix-only", "--color", "never")
    assert (done.status, done.out) == (0, "")
    assert done.err == "Fixed 1 finding.\n"
    assert (tmp_path / "app.py").read_text() == f"{_module(1)}x = 1\n"
    assert run("check", "--fix-only", "--exit-non-zero-on-fix").status == 0
    source = b"import modal\nx = 1  # modal-lint: ignore[MS102]\n"
    piped = lint("check", "--fix-only", "-", cwd=tmp_path, stdin=source)
    assert (piped.status, piped.out, piped.err) == (0, "import modal\nx = 1\n", "")
    (tmp_path / "bad.py").write_text("import modal\n(\n")
    done = run("check", "--fix-only", "--color", "never", "--output-format", "concise")
    assert done.status == 1, "a file that was not checked is never clean"
    assert done.out.startswith("bad.py:2:")


def test_every_option_that_the_conventions_list_is_there() -> None:
    """The table of conventions, by hand: a row that goes missing is a broken promise."""
    options = (
        *("--select", "--ignore", "--extend-select", "--per-file-ignores", "--fixable", "--unfixable"),
        *("--min-severity", "--min-confidence", "--fix", "--unsafe-fixes", "--fix-only", "--diff", "--show-fixes"),
        *("--exit-non-zero-on-fix", "--output-format", "--output-file", "--output", "--color", "--quiet", "--verbose"),
        *("--silent", "--statistics", "--show-files", "--show-settings", "--exclude", "--extend-exclude"),
        *("--force-exclude", "--respect-gitignore", "--stdin-filename", "--staged", "--since", "--config"),
        *("--isolated", "--baseline", "--update-baseline", "--add-suppressions", "--ignore-suppressions", "--jobs"),
        *("--no-cache", "--cache-dir", "--exit-zero"),
    )
    text = run("check", "--help").out
    assert [option for option in options if not re.search(rf"(?<![\w-]){option}(?![\w-])", text)] == []


def test_what_is_not_asked_for_is_not_loaded(project: Path) -> None:
    """A check without these options starts as if they did not exist."""
    late = ("adoption", "baseline", "baseline_file", "git", "since", "staged", "suppressing", "symbols")
    code = (
        "import sys\nfrom modal_lint.start import status\ncode = status(['check', 'pyproject.toml', '-q'])\n"
        f"print(code, [one for one in {late!r} if 'modal_lint.' + one in sys.modules])\n"
    )
    done = subprocess.run([sys.executable, "-c", code], cwd=project, capture_output=True, encoding="utf-8", check=True)
    assert done.stdout == "0 []\n"
