"""Which files are checked."""

from __future__ import annotations

import subprocess
from pathlib import Path

import pytest
from lint_process import lint
from modal_lint.discover import discover
from modal_lint.globs import Glob, matches
from modal_lint.settings import Settings


@pytest.fixture(autouse=True)
def _here(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)


def _make(*names: str) -> None:
    for name in names:
        path = Path(name)
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text("")


def _found(*paths: str, settings: Settings | None = None) -> list[str]:
    return [target.path for target in discover(paths or (".",), settings or Settings()).targets]


def test_python_files_in_order() -> None:
    _make("b.py", "a.pyi", "c/d.py", "notes.txt", "Makefile", "e.pyc")
    assert _found() == ["a.pyi", "b.py", "c/d.py"]


def test_what_is_skipped_by_default() -> None:
    names = (
        ".git",
        ".venv",
        "venv",
        "node_modules",
        "__pypackages__",
        "build",
        "dist",
        "site-packages",
        ".tox",
        ".nox",
    )
    _make("a.py", *(f"{name}/a.py" for name in (*names, ".mypy_cache", "__pycache__")), *(f"x/{n}/a.py" for n in names))
    assert _found() == ["a.py"]


def test_explicit_files_are_taken_whatever_they_are_called_and_only_once() -> None:
    _make("script", "build/a.py")
    assert _found("script", "build/a.py", "./script") == ["build/a.py", "script"]
    assert _found("build") == ["build/a.py"]


def test_force_exclude_also_means_explicit_files() -> None:
    _make("build/a.py", "b.py")
    assert _found("build/a.py", "b.py", settings=Settings(force_exclude=True)) == ["b.py"]


def test_a_project_below_a_folder_of_an_excluded_name(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    _make("build/project/pyproject.toml", "build/project/a.py")
    monkeypatch.chdir(tmp_path / "build" / "project")
    assert _found() == ["a.py"]
    assert _found("a.py", settings=Settings(force_exclude=True)) == ["a.py"]


def test_files_outside_are_called_by_their_absolute_path(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    _make("a/x.py", "b/y.py")
    monkeypatch.chdir(tmp_path / "a")
    assert _found(".", "../b") == sorted([str(tmp_path / "b" / "y.py"), "x.py"])


def test_gitignore_on_every_level_with_negation() -> None:
    _make("a.py", "gen/a.py", "gen/keep.py", "deep/x.py", "deep/y.py", "out/z.py", "out/sub/z.py")
    Path(".gitignore").write_text("gen/*\n!gen/keep.py\nout/\n*.tmp.py\n")
    Path("deep/.gitignore").write_text("/x.py\n")
    assert _found() == ["a.py", "deep/y.py", "gen/keep.py"]
    everything = Settings(respect_gitignore=False)
    assert len(_found(settings=everything)) == 7


def test_a_deeper_gitignore_overrules() -> None:
    _make("a/x.py", "a/y.py")
    Path(".gitignore").write_text("*.py\n")
    Path("a/.gitignore").write_text("!y.py\n")
    assert _found() == ["a/y.py"]


def test_gitignore_above_and_info_exclude(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    _make("pkg/a.py", "pkg/b.py", "pkg/c.py", "pkg/d.py")
    (tmp_path / ".git" / "info").mkdir(parents=True)
    (tmp_path / ".git" / "info" / "exclude").write_text("b.py\n")
    (tmp_path / ".gitignore").write_text("c.py\n")
    monkeypatch.chdir(tmp_path / "pkg")
    assert _found() == ["a.py", "d.py"]


def test_gitignore_agrees_with_git(tmp_path: Path) -> None:
    _make("a.py", "b/a.py", "b/c/a.py", "b/c/d.py", "x y.py", "#h.py", "!n.py", "lib/t/x.py", "lib/x.py", "q/[z].py")
    rules = "# comment\n\n/a.py\nb/**/d.py\nx\\ y.py\n\\#h.py\n\\!n.py\nlib/*\n!lib/t\nq/\\[z\\].py\n"
    Path(".gitignore").write_text(rules)
    subprocess.run(["git", "init", "-q"], cwd=tmp_path, check=True)
    listed = ["git", "ls-files", "-z", "--others", "--exclude-standard", "*.py"]
    wanted = subprocess.run(listed, cwd=tmp_path, capture_output=True, check=True).stdout.decode().split("\0")
    assert _found() == sorted(name for name in wanted if name)


def test_linked_directories_are_not_walked_twice() -> None:
    _make("real/a.py")
    Path("linked").symlink_to("real", target_is_directory=True)
    assert _found() == ["real/a.py"]


def test_a_linked_file_inside_the_project_is_checked() -> None:
    _make("pyproject.toml", "a.py")
    Path("b.py").symlink_to("a.py")
    assert _found() == ["a.py", "b.py"]


@pytest.mark.parametrize(
    ("pattern", "path", "fits"),
    [
        ("gen", "/p/x/gen", True),
        ("*_pb2.py", "/p/x/a_pb2.py", True),
        ("tests/*", "/p/tests/a.py", True),
        ("tests/*", "/p/x/tests/a.py", False),
        ("tests/**/a.py", "/p/tests/x/y/a.py", True),
        ("**/a.py", "/p/tests/x/a.py", True),
        ("./tests/", "/p/tests", True),
        ("/p/x", "/p/x", True),
        ("*.{py,pyi}", "/p/a.pyi", True),
        ("*.{py,pyi}", "/p/a.txt", False),
        ("[ab].py", "/p/b.py", True),
        ("{a", "/p/{a", True),
    ],
)
def test_patterns(pattern: str, path: str, fits: bool) -> None:
    assert matches((Glob(pattern, "/p"),), path) is fits


def test_patterns_of_a_folder_whose_name_looks_like_a_pattern() -> None:
    assert matches((Glob("tests/*", "/p[1]"),), "/p[1]/tests/a.py")


def test_exclude_replaces_and_extend_exclude_adds(tmp_path: Path) -> None:
    _make("a.py", "build/a.py", "gen/a.py")

    def shown(*flags: str) -> list[str]:
        lines = lint("check", "--show-files", *flags, cwd=tmp_path).out.splitlines()
        return [str(Path(line).relative_to(tmp_path)) for line in lines]

    assert shown() == ["a.py", "gen/a.py"]
    assert shown("--exclude", "gen") == ["a.py", "build/a.py"]
    assert shown("--extend-exclude", "gen,other") == ["a.py"]


def test_the_name_of_standard_input_opens_nothing(tmp_path: Path) -> None:
    inside = tmp_path / "project"
    inside.mkdir()
    (inside / "pyproject.toml").write_text("")
    # Were it read, the settings next to the outer file would be a mistake.
    (tmp_path / "other").mkdir()
    (tmp_path / "other" / "modal-lint.toml").write_text("wrong = 1\n")
    done = lint("check", "-", "--stdin-filename", "../other/a.py", cwd=inside, stdin=b"import modal\n")
    assert done.status == 0
    (target,) = discover(["-"], Settings(), stdin_filename="../other/a.py").targets
    assert target.root != str(tmp_path / "other")
