"""Whether a value is in git: pushed, local, amended away, stashed, staged; in real repositories, hostile ones too."""

from __future__ import annotations

import json
import os
import re
import shlex
import shutil
import subprocess
import sys
import tempfile
from pathlib import Path
from typing import TYPE_CHECKING

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st
from lint_process import leaky, lint, token
from modal_lint.committed.answers import Question, answers
from modal_lint.committed.findings import credential_in
from modal_lint.model import Hidden

if TYPE_CHECKING:
    from collections.abc import Callable

    from modal_lint.model import Committed

VALUE = token(7)
SOURCE = f"KEY = '{VALUE}'\n"
DAY = "2024-03-01"


class Repository:
    """A real repository, its clock set to `DAY`."""

    def __init__(self, root: Path, *, make: bool = True) -> None:
        self.root = root
        self.day = DAY
        if make:
            root.mkdir(parents=True, exist_ok=True)
            self.git("init", "-q", "-b", "main")

    def git(self, *arguments: str) -> str:
        identity = ("-c", "user.name=n", "-c", "user.email=e@example.com", "-c", "commit.gpgSign=false")
        always = ("-c", "protocol.file.allow=always", "-c", "core.autocrlf=false")
        clock = dict.fromkeys(("GIT_AUTHOR_DATE", "GIT_COMMITTER_DATE"), f"{self.day}T12:00:00Z")
        done = subprocess.run(
            ["git", *identity, *always, *arguments],
            cwd=self.root,
            env={**os.environ, **clock},
            check=True,
            capture_output=True,
            text=True,
        )
        return done.stdout.strip()

    def write(self, name: str, text: str | bytes) -> None:
        path = self.root / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(text if isinstance(text, bytes) else text.encode())

    def commit(self, name: str, text: str | bytes, *options: str, day: str = DAY) -> str:
        self.day = day
        self.write(name, text)
        self.git("add", "-A", ".")
        self.git("commit", "-q", "-m", "change", *options)
        return self.git("rev-parse", "--short=7", "HEAD")

    def push(self, branch: str = "main") -> Path:
        """To a new remote beside the repository."""
        remote = self.root.parent / f"{self.root.name}-remote"
        self.git("init", "-q", "--bare", str(remote))
        self.git("remote", "add", "origin", str(remote))
        self.git("push", "-q", "origin", branch)
        return remote

    def ask(self, value: str = VALUE, path: str = "a.py", source: str | None = None, seconds: float = 60) -> Committed:
        held = (SOURCE if value == VALUE else f"KEY = {value!r}") if source is None else source
        question = Question(str(self.root / path), Hidden(value), held.encode("utf-8", "surrogatepass"))
        return answers([question], seconds)[0]


@pytest.fixture
def repository(tmp_path: Path) -> Repository:
    return Repository(tmp_path / "repository")


class TestWhere:
    def test_pushed(self, repository: Repository) -> None:
        first = repository.commit("a.py", SOURCE)
        repository.commit("a.py", SOURCE + "x = 1\n", day="2024-05-05")
        repository.push()
        repository.commit("a.py", "KEY = environ['KEY']\n", day="2024-06-06")
        told = repository.ask()
        assert told == (
            "pushed",
            f"Rotate it: committed {DAY} ({first}), on origin/main",
            first,
            DAY,
            "origin/main",
            True,
        )

    def test_only_here(self, repository: Repository) -> None:
        repository.commit("a.py", "x = 1\n")
        repository.push()
        repository.git("checkout", "-q", "-b", "work")
        commit = repository.commit("a.py", SOURCE)
        told = repository.ask()
        assert told[:1] + told[2:] == ("local", commit, DAY, "work", True)
        assert told.verdict.startswith(f"Committed {DAY} ({commit}), on work, not pushed as far as this clone knows")

    def test_pushed_wins_over_an_earlier_commit_that_was_not(self, repository: Repository) -> None:
        repository.commit("b.py", "x = 1\n")
        repository.git("checkout", "-q", "-b", "work")
        repository.commit("a.py", SOURCE, day="2024-01-01")
        repository.git("checkout", "-q", "main")
        pushed = repository.commit("a.py", SOURCE + "y = 1\n", day="2024-07-07")
        repository.push()
        assert repository.ask()[2:5] == (pushed, "2024-07-07", "origin/main")

    def test_in_another_file_and_on_a_tag(self, repository: Repository) -> None:
        commit = repository.commit(".env", f"KEY={VALUE}\n")
        repository.git("tag", "v1")
        repository.git("checkout", "-q", "--orphan", "new")
        repository.git("branch", "-D", "main")
        repository.git("rm", "-rfq", ".")
        repository.commit("a.py", "x = 1\n")
        assert repository.ask()[2:5] == (commit, DAY, "v1")

    def test_a_rename_is_no_beginning(self, repository: Repository) -> None:
        first = repository.commit("old.py", SOURCE)
        repository.git("mv", "old.py", "a.py")
        repository.commit("b.py", "", day="2024-09-09")
        assert repository.ask().commit == first

    def test_a_merge_that_brings_it_itself(self, repository: Repository) -> None:
        repository.commit("a.py", "x = 1\n")
        repository.git("checkout", "-q", "-b", "side")
        repository.commit("b.py", "")
        repository.git("checkout", "-q", "main")
        repository.commit("c.py", "")
        repository.git("merge", "-q", "--no-commit", "--no-ff", "side")
        merge = repository.commit("a.py", SOURCE)
        assert repository.ask()[0:3:2] == ("local", merge)

    def test_in_the_message_of_a_commit(self, repository: Repository) -> None:
        repository.write("a.py", "x = 1\n")
        repository.git("add", ".")
        repository.git("commit", "-q", "-m", f"use {VALUE} for now")
        assert repository.ask().state == "local"

    def test_amended_away(self, repository: Repository) -> None:
        commit = repository.commit("a.py", SOURCE)
        repository.commit("a.py", "x = 1\n", "--amend", day="2024-04-04")
        told = repository.ask()
        assert (told.state, told.commit) == ("unreachable", commit)
        repository.git("reflog", "expire", "--expire=now", "--all")
        assert repository.ask()[:1] + repository.ask()[2:] == ("unreachable", None, None, None, True)
        repository.git("gc", "-q", "--prune=now")
        assert repository.ask().state == "never"

    def test_stashed_then_staged_then_neither(self, repository: Repository) -> None:
        repository.commit("a.py", "x = 1\n")
        for text in (SOURCE, "x = 2\n"):
            repository.write("a.py", text)
            repository.git("stash")
        assert repository.ask().state == "stashed"
        repository.git("stash", "clear")
        repository.git("reflog", "expire", "--expire=now", "--all")
        repository.git("gc", "-q", "--prune=now")
        assert repository.ask()[:2] == ("never", "Never committed: moving it is enough")
        repository.write("a.py", SOURCE)
        repository.git("add", "a.py")
        assert repository.ask().state == "staged"

    def test_an_untracked_file_in_a_stash(self, repository: Repository) -> None:
        repository.commit("b.py", "x = 1\n")
        repository.write("a.py", SOURCE)
        repository.git("stash", "--include-untracked")
        assert repository.ask().state == "stashed"

    def test_packed_and_loose(self, repository: Repository) -> None:
        commit = repository.commit("a.py", SOURCE)
        repository.git("gc", "-q")
        repository.commit("a.py", "x = 1\n")
        assert repository.ask().commit == commit

    def test_another_worktree_and_a_detached_head(self, repository: Repository) -> None:
        repository.commit("a.py", "x = 1\n")
        repository.git("worktree", "add", "-q", "--detach", "../other")
        other = Repository(repository.root.parent / "other", make=False)
        commit = other.commit("a.py", SOURCE)
        for place in (repository, other):
            assert place.ask()[0:3:2] == ("local", commit)

    def test_a_submodule_is_a_repository_of_its_own(self, repository: Repository, tmp_path: Path) -> None:
        inner = Repository(tmp_path / "inner")
        commit = inner.commit("a.py", SOURCE)
        repository.commit("b.py", "")
        repository.git("submodule", "add", "-q", str(inner.root), "sub")
        assert repository.ask(path="sub/a.py")[0:5:2] == ("pushed", commit, "origin/main")
        assert repository.ask().state == "never"


class TestLimits:
    def test_a_shallow_clone(self, repository: Repository, tmp_path: Path) -> None:
        repository.commit("a.py", SOURCE)
        last = repository.commit("a.py", SOURCE + "x = 1\n", day="2024-08-08")
        repository.git("clone", "-q", "--depth=1", repository.root.as_uri(), str(tmp_path / "clone"))
        clone = Repository(tmp_path / "clone", make=False)
        told = clone.ask()
        assert (told.state, told.commit, told.complete) == ("pushed", last, False)
        assert f"committed 2024-08-08 ({last}) or before, where the history here ends" in told.verdict
        other = clone.ask(token(8))
        assert other.state == "unknown"
        assert "git fetch --unshallow" in other.verdict

    def test_a_partial_clone_fetches_nothing(self, repository: Repository) -> None:
        repository.commit("a.py", SOURCE)
        repository.commit("a.py", "x = 1\n")
        ran = repository.root / "ran"
        blob = repository.git("rev-parse", "HEAD~1:a.py")
        (repository.root / ".git/objects" / blob[:2] / blob[2:]).unlink()
        for name, value in {
            "core.repositoryFormatVersion": "1",
            "extensions.partialClone": "origin",
            "remote.origin.promisor": "true",
            "remote.origin.url": f"ext::sh -c touch% {ran}",
            "protocol.ext.allow": "always",
        }.items():
            repository.git("config", name, value)
        assert repository.ask().state == "unknown"
        assert not ran.exists()

    def test_no_repository_and_no_git(
        self, tmp_path: Path, repository: Repository, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        assert Repository(tmp_path, make=False).ask().state == "unknown"
        repository.commit("a.py", SOURCE)
        monkeypatch.setenv("PATH", str(tmp_path))
        assert repository.ask().state == "unknown"
        for folder in (repository.root, tmp_path):  # a git in the tree itself is not run
            (folder / "git").write_text("#!/bin/sh\ntouch ran\n")
            (folder / "git").chmod(0o755)
        monkeypatch.setenv("PATH", str(repository.root))
        assert repository.ask().state == "unknown"
        assert not list(tmp_path.rglob("ran"))

    def test_no_time_and_no_room_are_not_clean(self, repository: Repository, monkeypatch: pytest.MonkeyPatch) -> None:
        repository.commit("a.py", "x = 1\n")
        assert repository.ask(seconds=0).state == "unknown"
        monkeypatch.setattr("modal_lint.committed.objects.LARGEST", 5)
        told = repository.ask()
        assert (told.state, told.complete) == ("unknown", False)
        assert "could not all be searched" in told.verdict

    def test_a_value_in_pieces_is_not_told_to_be_new(self, repository: Repository) -> None:
        repository.commit("a.py", f"KEY = '{VALUE[:9]}' + '{VALUE[9:]}'\n")
        assert repository.ask(source=f"KEY = '{VALUE[:9]}' + '{VALUE[9:]}'").state == "unknown"

    def test_a_short_value_counts_as_a_word_of_its_own_file(self, repository: Repository) -> None:
        repository.commit("other.py", "PASSWORD = 'hunter22'\n")
        repository.commit("a.py", "hunter2200 = 1\n")
        assert repository.ask("hunter22").state == "never"
        repository.commit("a.py", "PASSWORD = 'hunter22'\n")
        assert repository.ask("hunter22").state == "local"

    def test_a_path_is_no_pattern_and_no_option(self, repository: Repository) -> None:
        repository.commit("a.py", "PASSWORD = 'hunter22'\n")
        for path in ("*.py", ":(top)a.py", "--all"):
            assert repository.ask("hunter22", path).state == "never"

    def test_a_branch_with_a_hostile_name(self, repository: Repository) -> None:
        repository.commit("a.py", SOURCE)
        repository.git("branch", "-m", "{}{0}%s")
        assert repository.ask().ref == "{}{0}%s"


TEXTS = st.text(st.one_of(st.sampled_from("'\"\\\r\n$é☃ \t"), st.characters(exclude_categories=["Cs"])), min_size=16)
WAYS: dict[str, Callable[[str], str]] = {
    "raw": lambda value: value,
    "dotenv": lambda value: f"KEY={value}\n",
    "python": lambda value: f"KEY = {value!r}\n",
    "json": lambda value: json.dumps({"KEY": value}),
    "crlf": lambda value: f"KEY = '''{value}'''\n".replace("\n", "\r\n"),
}


@settings(max_examples=12, deadline=None)
@given(st.lists(TEXTS, min_size=5, max_size=5, unique=True), st.booleans())
@example([f"{char}0123456789abcdef{char}" for char in ("\n", '"', "\\", "\x00", "é")], True)
def test_odd_values_and_line_ends(values: list[str], packed: bool) -> None:
    """All values at once, each written in its own way into a file of its own."""
    with tempfile.TemporaryDirectory() as folder:
        repository = Repository(Path(folder))
        for number, (way, value) in enumerate(zip(WAYS.values(), values, strict=True)):
            repository.write(f"{number}.txt", way(value).encode("utf-8"))
        repository.commit("binary", b"\x00\xff" * 100)
        if packed:
            repository.git("gc", "-q")
        absent = "☃☃☃ never written ☃☃☃"
        # Of many values, the long words of the objects are compared first.
        for others in ([absent], [f"never_written_anywhere_{number}" for number in range(20)]):
            asked = [*values, *others]
            questions = [Question(f"{folder}/a.py", Hidden(value), repr(value).encode()) for value in asked]
            assert [told.state for told in answers(questions)] == ["local"] * 5 + ["never"] * len(others)


def test_many_values_inside_longer_words(repository: Repository) -> None:
    values = [token(number) for number in range(40)]
    repository.commit("a.py", "".join(f"x{value}\nKEY{value}_9 = {value[:-1]}\n" for value in values[::2]))
    questions = [Question(str(repository.root / "a.py"), Hidden(value), value.encode()) for value in values]
    assert [told.state for told in answers(questions)] == ["local", "never"] * 20


def test_utf_16_and_latin_1(repository: Repository) -> None:
    value = "pässword-of-many-words"
    for encoding in ("utf-16", "utf-16-be", "latin-1"):
        repository.commit("a.py", f"KEY = '{value}'\n".encode(encoding), "--allow-empty")
        assert repository.ask(value).state == "local", encoding
        repository.git("update-ref", "-d", "HEAD")
        repository.git("reflog", "expire", "--expire=now", "--all")
        repository.git("rm", "-q", "--cached", "-r", ".")
        repository.git("gc", "-q", "--prune=now")


@pytest.mark.parametrize(
    ("text", "part"),
    [
        ("plain1mArb1e", "plain1mArb1e"),
        ("https://deploy:4gate5mArb1e@a.example.org/x", "https://deploy:4gate5mArb1e@a.example.org/x"),
        (f"curl -H 'Authorization: Bearer {VALUE}' https://x", VALUE),
        ("known-beginning-\x00-end", "known-beginning-"),
    ],
)
def test_what_is_looked_for_in_a_longer_text(text: str, part: str) -> None:
    assert credential_in(Hidden(text)).reveal() == part


WRAPPER = """#!{python}
import os, sys
with open({log!r}, "ab") as log:
    log.write(b"\\0".join(map(os.fsencode, sys.argv)) + b"\\n")
    log.write(b"\\0".join(k + b"=" + v for k, v in os.environb.items()) + b"\\n")
os.execv({git!r}, ["git", *sys.argv[1:]])
"""


def watched_git(folder: Path) -> tuple[dict[str, str], Path]:
    """Variables under which every call of git is noted, with all that other users could see of it."""
    folder.mkdir()
    log = folder / "log"
    script = folder / "git"
    script.write_text(WRAPPER.format(python=sys.executable, log=str(log), git=shutil.which("git")))
    script.chmod(0o755)
    return {"PATH": f"{folder}{os.pathsep}{os.environ['PATH']}"}, log


class TestCommandLine:
    def test_check_says_it_in_every_format_for_people_and_machines(self, repository: Repository) -> None:
        repository.write("pyproject.toml", "")
        commit = repository.commit("app.py", leaky())
        repository.push()
        done = lint("check", "--exposure", cwd=repository.root)
        assert f"  git: Rotate it: committed {DAY} ({commit}), on origin/main\n" in done.out
        done = lint("check", "--exposure", "--output-format", "json", cwd=repository.root)
        (found,) = json.loads(done.out)
        assert found["exposure"] == {
            "state": "pushed",
            "verdict": f"Rotate it: committed {DAY} ({commit}), on origin/main",
            "commit": commit,
            "date": DAY,
            "ref": "origin/main",
            "complete": True,
        }
        assert "exposure" not in lint("check", "--output-format", "json", cwd=repository.root).out

    @pytest.mark.parametrize(
        "name", ["github", "gitlab", "gitlab-secrets", "junit", "rdjson", "azure", "markdown", "sarif", "json-lines"]
    )
    def test_other_formats_say_it_with_the_remedy(self, repository: Repository, name: str) -> None:
        repository.write("pyproject.toml", "")
        commit = repository.commit("app.py", leaky())
        repository.push()
        done = lint("check", "--exposure", "--output-format", name, cwd=repository.root)
        assert done.status == 1
        assert f"Rotate it: committed {DAY} ({commit}), on origin/main".replace(",", "") in re.sub(
            r"\\|,|%2C", "", done.out
        )

    def test_standard_input_and_a_file_that_is_new(self, repository: Repository) -> None:
        repository.commit("pyproject.toml", "")
        given = leaky().encode()
        done = lint("check", "--exposure", "--stdin-filename", "app.py", "-", cwd=repository.root, stdin=given)
        assert "  git: Never committed: moving it is enough\n" in done.out

    def test_no_value_reaches_a_command_line_or_an_environment(self, repository: Repository, tmp_path: Path) -> None:
        repository.write("pyproject.toml", "")
        repository.commit("app.py", leaky())
        variables, log = watched_git(tmp_path / "watch")
        assert "  git: Committed" in lint("check", "--exposure", cwd=repository.root, environment=variables).out
        fixed = lint("fix", "--unsafe-fixes", cwd=repository.root, environment=variables)
        assert f"HF_TOKEN: Committed {DAY} " in fixed.err
        place = ("--workspace", "runtime", "--path", str(tmp_path / "workspace"))
        pushed = lint("secrets", "push", "--apply", *place, cwd=repository.root, environment=variables)
        assert pushed.status == 0, pushed
        noted = log.read_bytes()
        assert noted.count(b"cat-file") >= 4
        assert b"ls-files" in noted
        assert token().encode() not in noted
        assert token()[5:25].encode() not in noted

    def test_the_configuration_of_a_repository_runs_nothing(self, repository: Repository) -> None:
        repository.write("pyproject.toml", "")
        repository.commit("app.py", leaky())
        repository.commit("app.py", leaky() + "x = 1\n")
        ran, program = repository.root / "ran", repository.root / "program"
        program.write_text(f"#!/bin/sh\ntouch {shlex.quote(str(ran))}\n")
        program.chmod(0o755)
        for name in (
            "core.fsmonitor", "core.pager", "core.sshCommand", "core.alternateRefsCommand", "core.editor",
            "core.askPass", "core.gitProxy", "core.attributesFile", "credential.helper", "diff.external",
            "diff.evil.textconv",
            "diff.evil.command", "filter.evil.smudge", "filter.evil.clean", "filter.evil.process", "gpg.program",
            "gpg.ssh.program", "pager.log", "pager.rev-list", "alias.rev-list", "alias.cat-file", "alias.diff-tree",
            "interactive.diffFilter", "uploadpack.packObjectsHook", "diff.orderFile",
        ):  # fmt: skip
            repository.git("config", name, str(program))
        repository.git("config", "log.showSignature", "true")
        repository.git("config", "core.hooksPath", str(repository.root))
        for hook in ("post-index-change", "reference-transaction", "pre-auto-gc", "post-checkout"):
            (repository.root / hook).write_text(program.read_text())
            (repository.root / hook).chmod(0o755)
        other = Repository(repository.root.parent / "other")
        other.commit("x", "y")
        (repository.root / ".git/objects/info/alternates").write_text(str(other.root / ".git/objects") + "\n")
        (repository.root / ".git/info").mkdir(exist_ok=True)
        (repository.root / ".git/info/attributes").write_text("* diff=evil filter=evil\n")
        ran.unlink(missing_ok=True)
        assert "  git: Committed" in lint("check", "--exposure", cwd=repository.root).out
        assert not ran.exists()
