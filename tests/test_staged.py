"""`--staged`: what git's index holds is judged, whatever the work tree looks like."""

from __future__ import annotations

import json
import os
import sys
from pathlib import Path
from typing import TYPE_CHECKING

import pytest
from fixture_cases import run
from git_tree import Repository, entered
from lint_process import SOURCES, leaky, lint, token

if TYPE_CHECKING:
    from fixture_cases import Done

_APP = 'import modal\nfrom keys import HF\n\nmodal.Sandbox.create(env={"HF_TOKEN": HF})\n'
_HOOK = f"""#!/bin/sh
exec "{sys.executable}" -m modal_lint check --staged --since HEAD --output-format concise
"""


@pytest.fixture
def tree(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Repository:
    return entered(tmp_path / "project", monkeypatch)


def _check(*arguments: str) -> Done:
    return run("check", "--staged", "--output-format", "json", "--color", "never", *arguments)


def _told(*arguments: str) -> list[str]:
    """The findings in the index, as ``path:line``."""
    done = _check(*arguments)
    assert done.status in (0, 1), done.said
    found = [f"{Path(one['filename']).name}:{one['location']['row']}" for one in json.loads(done.out)]
    assert done.status == (1 if found else 0)
    return found


def test_the_index_is_judged_and_not_the_work_tree(tree: Repository) -> None:
    tree.stage("app.py", leaky())
    tree.write("app.py", "import modal\n")
    assert _told() == ["app.py:4"]
    tree.git("add", "app.py")
    tree.write("app.py", leaky())
    assert _told() == []


def test_the_excerpt_is_that_of_the_index(tree: Repository) -> None:
    tree.stage("app.py", leaky())
    tree.write("app.py", "# nothing\n" * 9)
    done = run("check", "--staged", "--color", "never")
    assert "modal.Sandbox.create(app=app" in done.out
    assert token() not in done.said


def test_files_that_git_does_not_know_and_files_that_are_deleted_in_the_index_are_not_there(tree: Repository) -> None:
    tree.commit(app=leaky(token(1)), gone=leaky(token(2)))
    tree.write("new.py", leaky(token(3)))
    tree.git("rm", "-q", "--cached", "gone.py")
    assert _told() == ["app.py:4"]
    os.unlink("app.py")
    assert _told() == ["app.py:4"], "not staged: the commit still has it"
    tree.git("rm", "-q", "app.py")
    assert _told() == []


def test_helper_modules_come_from_the_index(tree: Repository) -> None:
    tree.stage("keys.py", f'HF = "{token()}"\n')
    tree.stage("app.py", _APP)
    tree.write("keys.py", 'import os\nHF = os.environ["HF_TOKEN"]\n')
    assert _told() == ["app.py:4"]
    os.unlink("keys.py")
    assert _told() == ["app.py:4"]
    tree.stage("keys.py", 'import os\nHF = os.environ["HF_TOKEN"]\n')
    tree.write("keys.py", f'HF = "{token()}"\n')
    assert _told() == []


def test_a_helper_that_git_does_not_know_is_no_helper(tree: Repository) -> None:
    tree.stage("app.py", _APP)
    tree.write("keys.py", f'HF = "{token()}"\n')
    assert _told() == []
    assert run("check", "app.py", "--color", "never").status == 1


def test_packages_and_callers_come_from_the_index(tree: Repository) -> None:
    """A folder that only the index has is found by an import; who calls a helper is looked for there, too."""
    tree.stage("pkg/__init__.py", "")
    tree.stage("pkg/deep/__init__.py", "")
    tree.stage(
        "pkg/deep/make.py", 'import modal\n\n\ndef make(key):\n    modal.Sandbox.create(env={"HF_TOKEN": key})\n'
    )
    tree.stage("use/caller.py", f'from pkg.deep.make import make\n\nmake("{token()}")\n')
    expected = run("check", "--output-format", "json", "--color", "never").out
    assert json.loads(expected)
    for folder in ("pkg", "use"):
        for path in sorted((tree.folder / folder).rglob("*"), reverse=True):
            path.rmdir() if path.is_dir() else path.unlink()
    assert _check().out == expected
    tree.write("use/caller.py", "")
    assert _check().out == expected


def test_only_part_of_a_file_is_staged(tree: Repository) -> None:
    tree.commit(app="import modal\n\n\n\n\nx = 1\n")
    call = f'modal.Sandbox.create(env={{"HF_TOKEN": "{token()}"}})\n'
    tree.write("app.py", f"import modal\n{call}\n\n\n\nx = 2\n")
    patch = tree.folder / "part.diff"
    patch.write_text("--- a/app.py\n+++ b/app.py\n@@ -6 +6 @@\n-x = 1\n+x = 2\n")
    tree.git("apply", "--cached", "--unidiff-zero", "part.diff")
    assert _told() == []
    tree.git("add", "app.py")
    assert _told() == ["app.py:2"]


def test_the_configuration_is_the_staged_one(tree: Repository) -> None:
    tree.stage("app.py", leaky())
    tree.stage("pyproject.toml", "[tool.modal-lint]\nignore = ['MS101']\n")
    tree.write("pyproject.toml", "")
    assert _told() == []
    os.unlink("pyproject.toml")
    assert _told() == []
    tree.write("pyproject.toml", "")
    tree.git("add", "pyproject.toml")
    tree.write("pyproject.toml", "[tool.modal-lint]\nignore = ['MS101']\n")
    assert _told() == ["app.py:4"]
    assert _told("--config", "pyproject.toml") == [], "a file that the user names is that file"
    tree.write(".modal-lint.toml", "ignore = ['MS101']\n")
    assert _told() == [], "one that git does not know is the machine's own"


def test_the_baseline_is_the_staged_one(tree: Repository) -> None:
    tree.stage("app.py", leaky())
    assert run("check", "--baseline", "known.json", "--update-baseline").status == 0
    tree.git("add", "known.json")
    os.unlink("known.json")
    assert _told("--baseline", "known.json") == []


def test_excluded_files_stay_out_and_paths_narrow(tree: Repository) -> None:
    for seed, name in enumerate(["a/app.py", "b/app.py", "a/venv/lib.py", "a/deep/skip/x.py", "run", "notes.txt"]):
        tree.stage(name, leaky(token(seed)))
    tree.stage("a/modal-lint.toml", "extend-exclude = ['skip']\n")
    assert _told() == ["app.py:4", "app.py:4"]
    assert len(_told("a")) == 1
    assert _told("run") == ["run:4"]
    assert _told("a/venv/lib.py") == ["lib.py:4"]
    assert _told("a/venv/lib.py", "--force-exclude") == []
    listed = run("check", "--staged", "--show-files").out.splitlines()
    assert listed == [str(tree.folder / "a/app.py"), str(tree.folder / "b/app.py")]


def test_from_a_folder_below(tree: Repository, monkeypatch: pytest.MonkeyPatch) -> None:
    tree.stage("sub/app.py", leaky(token(1)))
    tree.stage("top.py", leaky(token(2)))
    monkeypatch.chdir(tree.folder / "sub")
    done = run("check", "--staged", "--output-format", "concise", "--color", "never", ".", "../top.py")
    assert sorted(line.split(":")[0] for line in done.out.splitlines()[:2]) == [str(tree.folder / "top.py"), "app.py"]


def test_names_of_files_need_not_be_plain(tree: Repository) -> None:
    for name in ("a b.py", "naïve ☃.py", "-dash.py", "new\nline.py"):
        tree.stage(name, leaky(token(len(name))))
        os.unlink(name)
    assert len(_told(".")) == 4


def test_links_and_submodules_are_left_to_themselves(tree: Repository) -> None:
    tree.stage("app.py", leaky())
    os.symlink("app.py", "link.py")
    tree.git("add", "link.py")
    commit = tree.commit()
    tree.git("update-index", "--add", "--cacheinfo", f"160000,{commit},module.py")
    assert _told() == ["app.py:4"]


def test_a_conflict_in_the_index_is_not_clean(tree: Repository) -> None:
    tree.commit(app="import modal\n")
    tree.git("checkout", "-qb", "other")
    tree.commit(app="import modal\nx = 1\n")
    tree.git("checkout", "-q", "main")
    tree.commit(app="import modal\nx = 2\n")
    assert tree.run("git", "merge", "other").returncode != 0
    done = run("check", "--staged", "--color", "never", "--output-format", "concise")
    assert done.status == 1
    assert "app.py:1:1: MS001 not checked: has an unresolved merge conflict in git's index" in done.out
    tree.stage("app.py", leaky())
    assert _told() == ["app.py:4"]


def test_a_path_that_the_index_does_not_have_is_told(tree: Repository) -> None:
    tree.write("new.py", leaky())
    done = run("check", "--staged", "--color", "never", "new.py", "nowhere.py", "--output-format", "concise")
    assert done.status == 1
    assert "new.py:1:1: MS001 not checked: no such file in git's index: `git add` it" in done.out
    assert "nowhere.py:1:1: MS001 not checked: no such file" in done.out
    outside = tree.folder.parent / "outside.py"
    outside.write_text(leaky())
    tree.write("script", leaky())
    done = run("check", "--staged", "--color", "never", "script", "../outside.py", "--output-format", "concise")
    assert done.status == 1
    assert done.out.count("MS001 not checked: no such file in git's index") == 2


def test_a_cache_of_the_work_tree_is_not_asked(tree: Repository, tmp_path: Path) -> None:
    for number in range(45):
        tree.stage(f"m{number}.py", "x = 1\n")
    cached = ("check", "--cache-dir", tmp_path / "cache", "--output-format", "concise")
    assert [lint(*cached, cwd=tree.folder).status for _ in range(2)] == [0, 0]
    tree.stage("m7.py", leaky())
    tree.write("m7.py", "x = 1\n")
    before = {path: path.stat().st_mtime_ns for path in (tmp_path / "cache").iterdir()}
    assert lint(*cached, "--staged", cwd=tree.folder).status == 1
    assert {path: path.stat().st_mtime_ns for path in (tmp_path / "cache").iterdir()} == before
    assert lint(*cached, cwd=tree.folder).status == 0


def test_an_ignored_dotenv_is_the_machines_own(tree: Repository) -> None:
    """It never is in a commit, so that its absence there says nothing."""
    tree.stage("app.py", "import modal\n\nsecret = modal.Secret.from_dotenv()\n")
    assert _told() == ["app.py:3"]
    tree.write(".env", "A=1\n")
    assert _told() == []


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["--fix"], "--staged: fixes change the work tree, not the index"),
        (["--fix-only"], "--staged: fixes change the work tree, not the index"),
        (["--diff"], "--staged: --diff shows what fixes would make of the work tree"),
        (["-"], "--staged: checks what is in git's index, not standard input"),
        (["--add-suppressions"], "--add-suppressions: does not go with --staged"),
        (["--update-baseline", "--baseline", "x"], "--update-baseline: does not go with --staged"),
    ],
)
def test_what_does_not_go_together(tree: Repository, arguments: list[str], message: str) -> None:
    tree.stage("app.py", leaky())
    done = run("check", "--staged", *arguments)
    assert done.status == 2
    assert message in done.err
    assert len(done.err.splitlines()) == 1
    assert (tree.folder / "app.py").read_text() == leaky()


def test_outside_of_a_repository_it_is_one_line(tmp_path: Path) -> None:
    without = {"GIT_CEILING_DIRECTORIES": str(tmp_path.parent)}
    done = lint("check", "--staged", cwd=tmp_path, environment=without)
    assert (done.status, done.err) == (
        2,
        "error: --staged: this is not in a git repository; run it in one, or leave the option out\n",
    )


# ---- as a hook ------------------------------------------------------------------------------------------------


@pytest.fixture
def hooked(tree: Repository) -> Repository:
    """The same repository with a plain hook in it."""
    tree.commit()
    hook = tree.folder / ".git" / "hooks" / "pre-commit"
    hook.write_text(_HOOK)
    hook.chmod(0o755)
    return tree


def _commit(tree: Repository, *arguments: str) -> tuple[bool, str]:
    done = tree.run("git", "commit", "-q", "-m", "a change", *arguments, PYTHONPATH=SOURCES)
    return done.returncode == 0, done.stdout


def test_a_hook_judges_what_is_being_committed(hooked: Repository) -> None:
    hooked.stage("app.py", leaky())
    hooked.write("app.py", "import modal\n")
    passed, said = _commit(hooked)
    assert not passed
    assert "app.py:4:" in said
    assert token() not in said
    hooked.git("add", "app.py")
    hooked.write("app.py", leaky())
    assert _commit(hooked) == (True, "All checks passed! (1 file checked)\n")
    assert hooked.git("show", "HEAD:app.py") == "import modal"


def test_a_hook_sees_the_index_that_git_makes_for_one_commit(hooked: Repository) -> None:
    """`git commit FILE` and `git commit -a` have an index of their own, which becomes the usual one afterwards."""
    hooked.commit_quietly(app="import modal\n", other="import modal\n")
    hooked.write("app.py", leaky(token(1)))
    hooked.stage("other.py", leaky(token(2)))
    passed, said = _commit(hooked, "app.py")
    assert not passed
    assert "app.py:4:" in said
    assert "other.py" not in said
    hooked.write("app.py", "import modal\nx = 1\n")
    assert _commit(hooked, "app.py")[0]
    passed, said = _commit(hooked, "-a")
    assert not passed
    assert "other.py:4:" in said


def test_a_hook_lets_old_findings_be_and_works_in_a_linked_work_tree(hooked: Repository, tmp_path: Path) -> None:
    hooked.commit_quietly(old=leaky(token(1)))
    hooked.git("worktree", "add", "-q", str(tmp_path / "linked"), "-b", "side")
    linked = Repository.__new__(Repository)
    linked.folder = tmp_path / "linked"
    linked.stage("new.py", "import modal\n")
    assert _commit(linked)[0]
    linked.stage("new.py", leaky(token(2)))
    passed, said = _commit(linked)
    assert not passed
    assert "new.py:4:" in said
    assert "old.py" not in said
