"""`--since`: findings where something has changed, and no others."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

import pytest
from fixture_cases import run
from git_tree import Repository, entered
from hypothesis import given, settings
from hypothesis import strategies as st
from lint_process import leaky, lint, token
from modal_lint.model import Span
from modal_lint.since import blob_id, changed_lines

if TYPE_CHECKING:
    from pathlib import Path

_CALL = 'modal.Sandbox.create(env={{"HF_TOKEN": "{}"}})\n'


@pytest.fixture
def tree(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Repository:
    return entered(tmp_path / "project", monkeypatch)


def _told(revision: str, *arguments: str) -> list[str]:
    """The findings since a revision, as ``path:line``."""
    done = run("check", "--since", revision, "--output-format", "json", "--color", "never", *arguments)
    assert done.status in (0, 1), done.said
    found = [(one["filename"].rpartition("/")[2], one["location"]["row"]) for one in json.loads(done.out)]
    assert done.status == (1 if found else 0)
    return [f"{name}:{row}" for name, row in found]


def _calls(*seeds: int, before: str = "") -> str:
    return "import modal\n" + before + "".join(_CALL.format(token(seed)) for seed in seeds)


def test_what_was_there_is_not_told_and_what_is_new_is(tree: Repository) -> None:
    tree.commit(app=_calls(1, 2), old=leaky(token(9)))
    tree.write("app.py", _calls(1, 3, 2))
    done = run("check", "--since", "HEAD", "--output-format", "concise", "--color", "never")
    assert done.status == 1
    assert done.out.splitlines()[0].startswith("app.py:3:")
    assert "Found 1 finding in 2 files checked, 3 outside of the changes." in done.out
    tree.commit()
    assert _told("HEAD") == ["app.py:3"], "not committed yet"
    tree.git("commit", "-qam", "more")
    assert _told("HEAD") == []
    assert _told("HEAD~1") == ["app.py:3"]


def test_moved_lines_and_other_line_endings_have_not_changed(tree: Repository) -> None:
    tree.commit(app=_calls(1))
    tree.write("app.py", _calls(1, before="\n\n# more\n").replace("\n", "\r\n"))
    assert _told("HEAD") == []


def test_new_files_count_whole_also_untracked_ones(tree: Repository) -> None:
    tree.commit(old=leaky(token(1)))
    tree.write("new.py", leaky(token(2)))
    tree.stage("staged.py", leaky(token(3)))
    assert _told("HEAD") == ["new.py:4", "staged.py:4"]


def test_renamed_files_have_not_changed(tree: Repository) -> None:
    tree.commit(old=_calls(1, 2, 3))
    tree.git("mv", "old.py", "new.py")
    assert _told("HEAD") == []
    tree.stage("new.py", _calls(1, 2, 3, 4))
    assert _told("HEAD") == ["new.py:5"]


def test_any_line_of_the_statement_counts_and_a_line_that_is_gone_from_it(tree: Repository) -> None:
    call = f'modal.Sandbox.create(\n    env={{"HF_TOKEN": "{token()}"}},\n    {{}}\n)\n'
    text = "import modal\n" + call
    tree.commit(app=text.replace("{}", "timeout=1,\n    cpu=1,"))
    tree.write("app.py", text.replace("{}", "timeout=2,\n    cpu=1,"))
    assert _told("HEAD") == ["app.py:3"]
    tree.write("app.py", text.replace("{}", "timeout=1,"))
    assert _told("HEAD") == ["app.py:3"]
    tree.write("app.py", text.replace("{}", "timeout=1,\n    cpu=1,") + "x = 1\n")
    assert _told("HEAD") == []


def test_a_step_of_the_flow_counts_in_another_file(tree: Repository) -> None:
    app = 'import modal\nfrom keys import HF\nmodal.Sandbox.create(env={"HF_TOKEN": HF})\n'
    tree.commit(keys='HF = "placeholder"\n', app=app)
    assert _told("HEAD") == []
    tree.write("keys.py", f'# new\nHF = "{token()}"\n')
    assert _told("HEAD") == ["app.py:3"]


def test_a_step_between_the_value_and_the_call_counts(tree: Repository) -> None:
    app = 'import modal\nfrom between import X\nmodal.Sandbox.create(env={"HF_TOKEN": X})\n'
    tree.commit(keys=f'HF = "{token()}"\n', between='from keys import HF\nX = "none"\n', app=app)
    assert _told("HEAD") == []
    tree.write("between.py", "from keys import HF\nX = HF\n")
    assert _told("HEAD") == ["app.py:3"]


def test_another_sink_of_an_old_credential_is_told(tree: Repository) -> None:
    """One credential is told once, for its first sink: not if that one has not changed and the second one is new."""
    use = 'modal.Sandbox.create(env={"HF_TOKEN": HF})\n'
    text = f'import modal\nHF = "{token()}"\n' + use
    tree.commit(app=text)
    tree.write("app.py", text + use)
    assert _told("HEAD") == ["app.py:2"], "it points at the literal, as always"


def test_a_file_that_cannot_be_checked_counts_if_it_has_changed(tree: Repository) -> None:
    tree.commit(old="import modal\n(\n", new="import modal\n")
    tree.write("new.py", "import modal\n(\n")
    assert [one.partition(":")[0] for one in _told("HEAD")] == ["new.py"]


def test_what_others_did_meanwhile_is_not_ours(tree: Repository) -> None:
    tree.commit(app=_calls(1, 2))
    tree.git("checkout", "-qb", "work")
    tree.commit(mine=leaky(token(3)))
    tree.git("checkout", "-q", "main")
    tree.commit(app=_calls(1))
    tree.git("checkout", "-q", "work")
    assert _told("main") == ["mine.py:4"]


def test_the_first_commit_is_all_new(tree: Repository) -> None:
    tree.write("app.py", leaky())
    assert _told("HEAD") == ["app.py:4"]


def test_names_of_files_need_not_be_plain(tree: Repository) -> None:
    names = ["a b.py", "naïve ☃.py", "-dash.py", "new\nline.py"]
    for seed, name in enumerate(names):
        tree.stage(name, _calls(seed))
    tree.git("commit", "-qm", "names")
    assert _told("HEAD", ".") == []
    for seed, name in enumerate(names):
        tree.write(name, _calls(seed, seed + 50))
    assert len(_told("HEAD", ".")) == len(names)


def test_folders_below_and_paths_given(tree: Repository, monkeypatch: pytest.MonkeyPatch) -> None:
    tree.write("pkg/sub/a.py", leaky(token(1)))
    tree.git("add", ".")
    tree.git("commit", "-qm", "x")
    tree.write("pkg/sub/b.py", leaky(token(2)))
    tree.write("c.py", leaky(token(3)))
    monkeypatch.chdir(tree.folder / "pkg")
    assert _told("HEAD") == ["b.py:4"]
    assert _told("HEAD", "sub/a.py", "../c.py") == ["c.py:4"]


def test_standard_input_is_compared_with_the_file_of_its_name(tree: Repository) -> None:
    tree.commit(app=_calls(1))
    arguments = ("check", "-", "--stdin-filename", "app.py", "--since", "HEAD", "--output-format", "concise", "-q")
    done = lint(*arguments, cwd=tree.folder, stdin=_calls(1, 2).encode())
    assert [line.split(" ")[0] for line in done.out.splitlines()] == ["app.py:3:39:"]
    assert lint(*arguments, cwd=tree.folder, stdin=_calls(1, before="\n").encode()).status == 0


def test_fixes_touch_only_what_has_changed(tree: Repository) -> None:
    tree.commit(old=leaky(token(1)))
    tree.write("new.py", leaky(token(2)))
    done = run("fix", "--unsafe-fixes", "--since", "HEAD", "--color", "never")
    assert done.status == 0, done.said
    assert (tree.folder / "old.py").read_text() == leaky(token(1))
    assert token(2) not in (tree.folder / "new.py").read_text()


def test_a_notebook_is_compared_cell_by_cell(tree: Repository) -> None:
    def notebook(*sources: str) -> str:
        cells: list[dict[str, Any]] = [
            {
                "cell_type": "code",
                "execution_count": None,
                "id": f"c{at}",
                "metadata": {},
                "outputs": [],
                "source": text,
            }
            for at, text in enumerate(sources)
        ]
        return json.dumps({"cells": cells, "metadata": {}, "nbformat": 4, "nbformat_minor": 5}, indent=1)

    old = _CALL.format(token(1)).strip()
    tree.stage("a.ipynb", notebook("import modal", old))
    tree.git("commit", "-qm", "x")
    tree.write("a.ipynb", notebook("import modal", "x = 1", old))
    assert _told("HEAD") == []
    tree.write("a.ipynb", notebook("import modal", old, _CALL.format(token(2)).strip()))
    assert len(_told("HEAD")) == 1


@pytest.mark.parametrize("revision", ["nowhere", "--all", "-x", "", "HEAD:app.py", "a\nb", "$(touch owned)"])
def test_a_revision_that_is_none_is_one_line(tree: Repository, revision: str) -> None:
    tree.commit(app=leaky())
    done = lint("check", f"--since={revision}", cwd=tree.folder)
    assert done.status == 2
    assert done.err.startswith("error: --since: git knows no commit")
    assert len(done.err.splitlines()) == 1
    assert not (tree.folder / "owned").exists()


def test_a_repository_that_git_does_not_trust_is_one_line(tree: Repository) -> None:
    tree.commit(app=leaky())
    distrust = {"GIT_TEST_ASSUME_DIFFERENT_OWNER": "1"}
    for option in ("--since=HEAD", "--staged"):
        done = lint("check", option, cwd=tree.folder, environment=distrust)
        assert done.status == 2
        assert "git does not trust this repository" in done.err
        assert len(done.err.splitlines()) == 1


def test_outside_of_a_repository_and_without_git_it_is_one_line(tmp_path: Path) -> None:
    (tmp_path / "app.py").write_text(leaky())
    without = {"GIT_CEILING_DIRECTORIES": str(tmp_path.parent), "GIT_DIR": ""}
    done = lint("check", "--since", "HEAD", cwd=tmp_path, environment=without)
    assert (done.status, done.err) == (
        2,
        "error: --since: this is not in a git repository; run it in one, or leave the option out\n",
    )
    done = lint("check", "--since", "HEAD", cwd=tmp_path, environment={"PATH": str(tmp_path)})
    assert (done.status, done.err) == (2, "error: --since: git is not installed; install it, or leave the option out\n")


def test_nothing_that_the_repository_configures_is_run(tree: Repository) -> None:
    tree.commit(app=_calls(1), renamed=_calls(4, 5, 6))
    program = tree.write("program.sh", f"#!/bin/sh\ntouch {tree.folder}/owned\ncat\n")
    program.chmod(0o755)
    tree.write(".gitattributes", "*.py diff=evil filter=evil\n")
    for key in (
        *("core.fsmonitor", "core.sshCommand", "core.pager", "diff.external", "diff.evil.textconv"),
        *("diff.evil.command", "filter.evil.clean", "filter.evil.smudge", "filter.evil.process", "core.editor"),
    ):
        tree.git("config", key, str(program))
    (tree.folder / ".git/hooks/post-index-change").write_text(program.read_text())
    (tree.folder / ".git/hooks/post-index-change").chmod(0o755)
    (tree.folder / "renamed.py").rename(tree.folder / "moved.py")
    tree.write("app.py", _calls(1, 2))
    before = (tree.folder / ".git/index").read_bytes()
    assert "app.py:3" in _told("HEAD")
    assert run("check", "--staged", "--color", "never").status == 1
    assert not (tree.folder / "owned").exists()
    assert (tree.folder / ".git/index").read_bytes() == before


# ---- the comparison -------------------------------------------------------------------------------------------

_LINES = st.lists(st.sampled_from(["a", "b", "c", "", "d"]), max_size=12)


@settings(max_examples=200, deadline=None)
@given(_LINES, _LINES)
def test_the_changes_explain_the_difference(old: list[str], new: list[str]) -> None:
    """Without its new lines a text stands in the old one, in the same order; without gaps nothing is gone."""
    changes = changed_lines("\n".join(old).encode(), "\n".join(new).encode())
    kept = [line for number, line in enumerate("\n".join(new).split("\n"), 1) if number not in changes.lines]
    rest = iter("\n".join(old).split("\n"))
    assert all(line in rest for line in kept)
    whole = Span(1, 0, len(new) + 1, 0)
    if not changes.touch(whole) and not changes.gaps:
        assert "\n".join(old) == "\n".join(new)
    assert list(changes.lines) == sorted(changes.lines)
    assert list(changes.gaps) == sorted(changes.gaps)


def test_ids_are_those_of_git(tree: Repository) -> None:
    path = tree.write("x", "some\ntext\n")
    known = tree.git("hash-object", "x")
    assert blob_id(path.read_bytes(), known) == known
