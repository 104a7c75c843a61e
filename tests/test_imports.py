"""What start-up costs: the paths on which nothing is analysed must not load what analysing needs."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest
from lint_process import leaky, modules_after

if TYPE_CHECKING:
    from pathlib import Path

_HEAVY = ("libcst", "modal_lint_rules", "modal_lint_runtime", "modal_lint.source", "modal_lint.credentials", "modal")


@pytest.mark.parametrize(
    "arguments", [["--version"], ["--help"], ["check", "--help"], ["check", "."], ["check", "--fix", "."]]
)
def test_nothing_to_check_loads_no_analysis(tmp_path: Path, arguments: list[str]) -> None:
    (tmp_path / "plain.py").write_text("print('nothing of interest')\n")
    loaded = modules_after(*arguments, cwd=tmp_path)
    if arguments == ["--help"]:
        loaded.discard("modal_lint_runtime")  # whose first line of help is shown; its parts are loaded late
        assert loaded.isdisjoint({"cryptography", "sqlite3", "grpclib"})
    assert loaded.isdisjoint(_HEAVY)
    assert loaded.isdisjoint({"pathspec", "multiprocessing", "modal_lint.analysis", "modal_lint.fix", "unittest"})


def test_version_loads_nothing_but_the_command_line(tmp_path: Path) -> None:
    ours = {name for name in modules_after("--version", cwd=tmp_path) if name.startswith("modal_lint")}
    assert ours == {
        *("modal_lint", "modal_lint.start", "modal_lint.cli", "modal_lint.terminal"),
        *("modal_lint.model", "modal_lint.report", "modal_lint.report.base"),
    }


def test_a_plain_run_needs_no_parser_of_arguments(tmp_path: Path) -> None:
    (tmp_path / "plain.py").write_text("print('nothing of interest')\n")
    loaded = modules_after("check", "--force-exclude", "plain.py", cwd=tmp_path)
    assert loaded.isdisjoint({"click", "difflib", "json", "pathlib", "shutil", "tomllib"})


def test_findings_and_their_fixes_need_no_other_parser_than_pythons(tmp_path: Path) -> None:
    (tmp_path / "app.py").write_text(leaky())
    for options in (["check"], ["check", "--diff", "--unsafe-fixes"]):
        assert "libcst" not in modules_after(*options, ".", cwd=tmp_path)


def test_checking_does_load_the_rules(tmp_path: Path) -> None:
    (tmp_path / "app.py").write_text(leaky())
    assert "modal_lint_rules" in modules_after("check", ".", cwd=tmp_path)
