"""`modal-lint secrets push`: from preserved files to named Secrets, with the real SDK and the embedded runtime."""

from __future__ import annotations

import hashlib
import json
import os
import stat
import string
import subprocess
import sys
import tempfile
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from lint_process import Done, leaky, lint, token
from modal_lint.migrate import preserve
from modal_lint.model import Hidden, Move
from modal_lint.pushing.held import read_all
from modal_lint.pushing.places import Runtime
from modal_lint.pushing.push import Conflict, Push, holds_value
from modal_lint.vault import open_vault
from modal_lint_runtime.errors import InvalidError
from modal_lint_runtime.workspace import Workspace

pytest.importorskip("modal")

if TYPE_CHECKING:
    from modal_lint_runtime.pytest_plugin import ModalWorkspace

pytest_plugins = ["modal_lint_runtime.pytest_plugin"]

SECRETS = ".modal-lint/secrets"


class Project:
    """A project with preserved values, and a workspace of the embedded runtime."""

    def __init__(self, root: Path) -> None:
        self.root = root / "project"
        self.root.mkdir()
        self.workspace = root / "workspace"

    def hold(self, secret: str, **entries: str) -> None:
        preserve(self.root, [Move(secret, key, Hidden(value)) for key, value in entries.items()])

    def push(self, *arguments: str, cwd: Path | None = None) -> Done:
        place = ("--workspace", "runtime", "--path", str(self.workspace))
        return lint("secrets", "push", *place, *arguments, cwd=cwd or self.root)

    def file(self, name: str) -> Path:
        return self.root / SECRETS / name

    def files(self) -> list[str]:
        return sorted(os.listdir(self.root / SECRETS))

    def values(self, name: str, environment: str = "main") -> dict[str, str] | None:
        return values(self.workspace, name, environment)

    def make(self, name: str, **entries: str) -> None:
        with Workspace(self.workspace) as workspace:
            workspace.secret_create(name, entries)


def values(path: Path, name: str, environment: str = "main") -> dict[str, str] | None:
    with Workspace(path) as workspace:
        found = [record.id for record in workspace.secret_list(environment) if record.name == name]
        return workspace.secret_values(found[0]) if found else None


@pytest.fixture
def project(tmp_path: Path) -> Project:
    return Project(tmp_path)


class TestEmbeddedRuntime:
    def test_a_dry_run_changes_nothing(self, project: Project) -> None:
        project.hold("openai-secret", OPENAI_API_KEY="tellnobody")
        done = project.push()
        assert done.status == 0
        assert done.out == "openai-secret: would be created with OPENAI_API_KEY\n"
        assert "Say --apply" in done.err
        assert project.files() == ["openai-secret.env"]
        assert project.values("openai-secret") is None

    def test_apply_creates_verifies_and_deletes(self, project: Project) -> None:
        project.hold("openai-secret", OPENAI_API_KEY="tellnobody", OTHER="x\n${HOME}")
        project.hold("db-secret", DB_PASSWORD="tellnobody2")
        done = project.push("--apply")
        assert done.status == 0, done
        assert "openai-secret: created with OPENAI_API_KEY, OTHER, keys and values verified; " in done.out
        assert "tellnobody" not in done.said
        assert project.files() == []
        assert project.values("openai-secret") == {"OPENAI_API_KEY": "tellnobody", "OTHER": "x\n${HOME}"}
        assert project.values("db-secret") == {"DB_PASSWORD": "tellnobody2"}
        again = project.push("--apply")
        assert (again.status, again.out) == (0, "")
        assert "nothing to push" in again.err

    def test_the_values_are_overwritten_on_the_disk(self, project: Project) -> None:
        project.hold("one", A="tellnobody")
        with project.file("one.env").open("rb") as before:  # keeps what the name stood for
            assert project.push("--apply").status == 0
            left = before.read()
        assert left
        assert b"tellnobody" not in left

    def test_names_choose(self, project: Project) -> None:
        project.hold("one", A="1")
        project.hold("two", B="2")
        assert project.push("--apply", "two").status == 0
        assert project.files() == ["one.env"]
        wrong = project.push("--apply", "onee")
        assert wrong.status == 2
        assert "onee has no preserved values; did you mean `one`?" in wrong.err
        path = project.push(f"{SECRETS}/one.env")
        assert path.status == 2
        assert "is a path, not the name of a Secret; did you mean `one`?" in path.err

    def test_from_a_folder_below_and_with_the_project_named(self, project: Project, tmp_path: Path) -> None:
        project.hold("one", A="1")
        below = project.root / "a/b"
        below.mkdir(parents=True)
        assert "one: would be created" in project.push(cwd=below).out
        assert "nothing to push" in project.push(cwd=tmp_path).err
        assert "one: would be created" in project.push("--project", "project", cwd=tmp_path).out
        wrong = project.push("--project", ".", cwd=tmp_path)
        assert (wrong.status, wrong.out) == (2, "")

    def test_environments_are_apart(self, project: Project) -> None:
        project.hold("one", A="1")
        missing = project.push("--env", "dev")
        assert missing.status == 1
        assert "failed: " in missing.out
        with Workspace(project.workspace) as workspace:
            workspace.environment_create("dev")
        assert project.push("--env", "dev", "--apply").status == 0
        assert project.values("one", "dev") == {"A": "1"}
        assert project.values("one") is None

    def test_keep_leaves_the_files(self, project: Project) -> None:
        project.hold("one", A="1")
        done = project.push("--apply", "--keep")
        assert (done.status, project.files(), project.values("one")) == (0, ["one.env"], {"A": "1"})
        assert "one: exists with the same values" in project.push().out
        assert project.push("--apply").status == 0
        assert project.files() == []

    def test_entries_that_a_dotenv_cannot_hold_are_read_from_the_other_file(self, project: Project) -> None:
        project.hold("one", A="1")
        project.file("one.json").write_text(json.dumps({"B": "2", "A": "1"}))
        project.file("one.json").chmod(0o600)
        assert project.push("--apply").status == 0
        assert project.values("one") == {"A": "1", "B": "2"}
        assert project.files() == []

    def test_list_asks_nobody(self, project: Project) -> None:
        project.hold("one", A="tellnobody")
        done = lint("secrets", "list", cwd=project.root)
        assert (done.status, done.out, done.err) == (0, "one: A\n", "")
        assert lint("secrets", "list", cwd=project.root.parent).err == "Nothing is preserved here.\n"


class TestSecretsThatExist:
    def test_are_not_overwritten(self, project: Project) -> None:
        project.hold("one", A="new", B="2")
        project.make("one", A="old", C="3")
        for flags in ((), ("--apply",)):
            done = project.push(*flags)
            assert done.status == 1
            assert done.out.startswith("one: exists already and lacks B: --merge adds")
        assert project.values("one") == {"A": "old", "C": "3"}
        assert project.files() == ["one.env"]

    def test_the_others_are_pushed_all_the_same(self, project: Project) -> None:
        project.hold("one", A="new")
        project.hold("two", A="new")
        project.make("one", A="old")
        assert project.push("--apply").status == 1
        assert project.files() == ["one.env"]
        assert project.values("two") == {"A": "new"}

    def test_merge_adds_and_replaces_keys(self, project: Project) -> None:
        project.hold("one", A="new", B="2")
        project.make("one", A="old", C="3")
        assert (
            "would be updated: B added, A given the preserved values; its other keys stay"
            in project.push("--merge").out
        )
        assert project.push("--merge", "--apply").status == 0
        assert project.values("one") == {"A": "new", "B": "2", "C": "3"}
        assert project.files() == []

    def test_force_replaces_and_says_what_is_lost(self, project: Project) -> None:
        project.hold("one", A="new")
        project.make("one", A="old", C="3")
        assert "would be replaced: it would hold A, and lose C" in project.push("--force").out
        assert project.push("--force", "--apply").status == 0
        assert project.values("one") == {"A": "new"}

    def test_force_and_merge_exclude_each_other(self, project: Project) -> None:
        assert project.push("--force", "--merge").status == 2


class TestDistrust:
    def test_links_are_refused(self, project: Project, tmp_path: Path) -> None:
        project.hold("one", A="1")
        outside = tmp_path / "outside"
        outside.write_text('B="tellnobody"\n')
        project.file("two.env").symlink_to(outside)
        done = project.push("--apply")
        assert done.status == 1
        assert "two: cannot be pushed: two.env is a link" in done.out
        assert project.values("one") == {"A": "1"}
        assert outside.read_text() == 'B="tellnobody"\n'

    def test_a_linked_folder_is_refused(self, project: Project, tmp_path: Path) -> None:
        other = Project(tmp_path / "project")
        other.hold("one", A="1")
        (project.root / ".modal-lint").symlink_to(other.root / ".modal-lint")
        done = project.push("--apply", "--project", str(project.root))
        assert done.status == 2
        assert "is not a folder of its own" in done.err
        assert other.files() == ["one.env"]

    def test_what_others_may_write_is_refused_and_what_they_may_read_is_told(self, project: Project) -> None:
        project.hold("one", A="1")
        project.hold("two", A="2")
        project.file("one.env").chmod(0o620)
        project.file("two.env").chmod(0o644)
        done = project.push("--apply")
        assert done.status == 1
        assert "one: cannot be pushed: one.env can be written by others" in done.out
        assert "warning: two: two.env could be read by others (mode 0644)" in done.err
        assert project.files() == ["one.env"]

    def test_another_hard_link_is_left_alone_and_told(self, project: Project, tmp_path: Path) -> None:
        project.hold("one", A="1")
        os.link(project.file("one.env"), tmp_path / "link")
        done = project.push("--apply")
        assert done.status == 1
        assert "other hard links" in done.out
        assert 'A="1"' in (tmp_path / "link").read_text()
        assert project.files() == []

    def test_a_file_in_git_is_no_secret(self, project: Project) -> None:
        project.hold("one", A="1")
        for command in (("init", "-q"), ("add", "-f", f"{SECRETS}/one.env")):
            subprocess.run(["git", *command], cwd=project.root, check=True)
        done = project.push("--apply")
        assert done.status == 1
        assert "one.env is tracked by git, so its values are no secret" in done.out

    def test_another_form_is_not_guessed_at(self, project: Project) -> None:
        contents = {
            "a.env": "A=tellnobody\n",
            "b.env": 'A="tellnobody\n',
            "c.env": 'A="${tellnobody}"\n',
            "d.env": "\udcff\udcfe",
            "e.env": 'A="tellnobody"\nA="2"\n',
            "f.env": "",
            "g.env": "#\n",
            "h.json": '{"A": 1}',
            "i.json": '["tellnobody"]',
            "j.json": '{"A": "tellnobody", "A": "2"}',
            "k.json": "[" * 100_000,
            "l.json": '{"bad key": "tellnobody"}',
        }
        project.hold("one", A="1")
        for name, content in contents.items():
            project.file(name).write_bytes(content.encode("utf-8", "surrogateescape"))
            project.file(name).chmod(0o600)
        done = project.push("--apply")
        assert done.status == 1
        said = [line.partition(": cannot be pushed: ") for line in done.out.splitlines()]
        assert [name for name, refused, _ in said if refused] == list("abcdefghijkl")
        assert "one: created with A" in done.out
        assert "tellnobody" not in done.said
        assert "Traceback" not in done.err
        assert project.files() == sorted(contents)

    def test_two_files_that_disagree(self, project: Project) -> None:
        project.hold("one", A="1")
        project.file("one.json").write_text('{"A": "2"}')
        project.file("one.json").chmod(0o600)
        assert "one.json holds another value of A than the file beside it" in project.push("--apply").out

    def test_names_that_steer_a_terminal_are_shown_escaped(self, project: Project) -> None:
        project.hold("one", A="1")
        project.file("\x1b[2Jx.env").write_text('A="1"\n')
        done = project.push("--apply")
        assert done.status == 1
        assert "\x1b" not in done.said
        assert "that is no name of a Secret" in done.out

    def test_the_projects_own_files_are_not_taken_for_packages(self, project: Project) -> None:
        project.hold("one", A="1")
        ran = project.root / "ran"
        for name in ("modal", "cryptography", "platformdirs", "keyring"):
            (project.root / f"{name}.py").write_text(f"open({str(ran)!r}, 'w')\n")
        assert project.push("--apply").status == 0
        lint("secrets", "push", cwd=project.root)
        assert not ran.exists()


ODD = st.text(st.one_of(st.sampled_from("${}\\\"'\r\n #=:-"), st.characters(exclude_categories=["Cs"])), max_size=12)


@settings(max_examples=25, deadline=None)
@given(st.dictionaries(st.sampled_from(["A", "B_C", "d1"]), ODD, min_size=1))
def test_every_value_arrives_or_stays(entries: dict[str, str]) -> None:
    with tempfile.TemporaryDirectory() as folder:
        root = Path(folder)
        preserve(root, [Move("one", key, Hidden(value)) for key, value in entries.items()])
        with open_vault(root) as vault:
            place = Runtime(root / "workspace", None)
            push = Push(vault, place, Conflict.STOP, keep=False)
            (held,) = read_all(vault)
            result = push.perform(push.plan(held))
            place.close()
            left = {each.name: each.entries for each in read_all(vault)}
    if any("\0" in value for value in entries.values()):
        assert not result.done
        assert left == {"one": entries}
    else:
        assert result.done
        assert left == {}


@settings(max_examples=60, deadline=None)
@given(
    st.one_of(
        st.binary(max_size=60),
        st.lists(st.sampled_from(["A", "=", '"', "\\", "\n", "\r", "${", "}", "#", "x"])).map("".join).map(str.encode),
    )
)
def test_any_content_is_read_or_refused(content: bytes) -> None:
    with tempfile.TemporaryDirectory() as folder:
        preserve(Path(folder), [Move("one", "A", Hidden("1"))])
        Path(folder, SECRETS, "one.env").write_bytes(content)
        with open_vault(Path(folder)) as vault:
            (held,) = read_all(vault)
            assert held.problem or held.entries
            assert vault.read("one.env") == content


@given(st.text(string.printable, min_size=3, max_size=20), st.sampled_from(["{}", "x{}y", "KEY={}"]))
def test_a_text_that_repeats_a_value_is_known(value: str, around: str) -> None:
    for spelling in (value, repr(value)[1:-1], json.dumps(value)[1:-1]):
        assert holds_value(around.format(spelling), {"A": value})
    assert not holds_value("InvalidError: refused", {"A": "\u2603\u2603\u2603" + value, "B": "a"})


class TestService:
    """The real SDK, in the process of modal-lint, against the server that speaks Modal's protocol."""

    def push(self, project: Project, workspace: ModalWorkspace, *arguments: str) -> Done:
        return lint("secrets", "push", *arguments, cwd=project.root, environment=workspace.environment({}))

    def values(self, workspace: ModalWorkspace, name: str) -> dict[str, str]:
        return values(workspace.workspace.root, name) or {}

    def test_the_whole_way(self, project: Project, modal_workspace: ModalWorkspace) -> None:
        project.hold("openai-secret", OPENAI_API_KEY="tellnobody", OTHER="x\n${HOME}'\"")
        project.hold("taken", A="new", B="2")
        modal_workspace.secret("taken", {"A": "old", "C": "3"})
        dry = self.push(project, modal_workspace)
        assert dry.status == 1
        assert dry.out.splitlines()[0] == "openai-secret: would be created with OPENAI_API_KEY, OTHER"
        assert dry.out.splitlines()[1].startswith("taken: exists already and lacks B: ")
        done = self.push(project, modal_workspace, "--apply")
        assert done.status == 1
        assert "openai-secret: created with OPENAI_API_KEY, OTHER, keys verified; " in done.out
        assert "tellnobody" not in done.said
        assert project.files() == ["taken.env"]
        assert self.values(modal_workspace, "openai-secret") == {
            "OPENAI_API_KEY": "tellnobody",
            "OTHER": "x\n${HOME}'\"",
        }
        assert self.values(modal_workspace, "taken") == {"A": "old", "C": "3"}
        merged = self.push(project, modal_workspace, "--apply", "--merge", "--keep")
        assert merged.status == 0, merged
        assert self.values(modal_workspace, "taken") == {"A": "new", "B": "2", "C": "3"}
        assert (
            "taken: exists already and has A, B; values cannot be compared" in self.push(project, modal_workspace).out
        )
        forced = self.push(project, modal_workspace, "--apply", "--force")
        assert forced.status == 0, forced
        assert self.values(modal_workspace, "taken") == {"A": "new", "B": "2"}
        assert project.files() == []

    def test_an_environment_that_is_missing(self, project: Project, modal_workspace: ModalWorkspace) -> None:
        project.hold("one", A="1")
        done = self.push(project, modal_workspace, "--env", "dev")
        assert done.status == 1
        assert "one: failed: " in done.out
        modal_workspace.workspace.environment_create("dev")
        assert self.push(project, modal_workspace, "--env", "dev", "--apply").status == 0
        assert values(modal_workspace.workspace.root, "one", "dev") == {"A": "1"}

    def test_a_service_that_repeats_values_is_not_quoted(
        self, project: Project, modal_workspace: ModalWorkspace, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        def repeating(_: Workspace, name: str, entries: dict[str, str], *__: object, **___: object) -> None:
            raise InvalidError(f"{name} cannot hold {entries!r}")

        monkeypatch.setattr(Workspace, "secret_create", repeating)
        project.hold("one", A="tell'nobody\n")
        done = self.push(project, modal_workspace, "--apply")
        assert done.status == 1
        assert "one: failed: InvalidError, in words that repeat a value and are not shown" in done.out
        assert "nobody" not in done.said
        assert project.files() == ["one.env"]

    def test_what_cannot_be_verified_is_not_deleted(
        self, project: Project, modal_workspace: ModalWorkspace, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        create = Workspace.secret_create

        def losing(self: Workspace, name: str, entries: dict[str, str], *rest: Any, **options: Any) -> Any:
            return create(self, name, {"A": entries["A"]}, *rest, **options)

        monkeypatch.setattr(Workspace, "secret_create", losing)
        project.hold("one", A="1", B="2")
        done = self.push(project, modal_workspace, "--apply")
        assert done.status == 1
        assert "one: lacks B after it was written; the preserved file stays: push again" in done.out
        assert "one.env" in project.files()
        monkeypatch.undo()
        for name, value in modal_workspace.environment({}).items():
            monkeypatch.setenv(name, value)
        assert self.push(project, modal_workspace, "--apply").status == 0
        assert self.values(modal_workspace, "one") == {"A": "1", "B": "2"}

    def test_no_token_and_no_server(self, project: Project, tmp_path: Path) -> None:
        project.hold("one", A="tellnobody")
        nothing = {"MODAL_CONFIG_PATH": str(tmp_path / "none"), "MODAL_TOKEN_ID": "", "MODAL_TOKEN_SECRET": ""}
        done = lint("secrets", "push", cwd=project.root, environment=nothing)
        assert done.status == 2
        assert "run `modal setup`" in done.err
        assert project.files() == ["one.env"]


def test_from_the_hardcoded_value_to_the_container(tmp_path: Path) -> None:
    """A fix, a push, and the program: the container sees the value that stood in the source."""
    project = tmp_path / "project"
    project.mkdir()
    (project / "pyproject.toml").write_text("")
    show = 'process = sandbox.exec("sh", "-c", "printf %s \\"$HF_TOKEN\\" | sha256sum")\nprint(process.stdout.read())\n'
    source = leaky().replace('modal.App("demo")', 'modal.App.lookup("demo", create_if_missing=True)')
    source = source.replace("create(app=app", 'create("sleep", "60", app=app, image=modal.Image.from_registry("x:1")')
    (project / "app.py").write_text(source + show)
    fixed = lint("fix", "--unsafe-fixes", "app.py", cwd=project)
    assert "  modal-lint secrets push\n" in fixed.err
    assert token() not in (project / "app.py").read_text()
    where = ("--path", str(tmp_path / "workspace"))
    pushed = lint("secrets", "push", "--apply", "--workspace", "runtime", *where, cwd=project)
    assert pushed.status == 0, pushed
    assert os.listdir(project / SECRETS) == []
    ran = lint("runtime", "exec", *where, "--", sys.executable, "app.py", cwd=project)
    assert hashlib.sha256(token().encode()).hexdigest() in ran.out, ran
    assert stat.S_IMODE((project / ".modal-lint").stat().st_mode) == 0o700
