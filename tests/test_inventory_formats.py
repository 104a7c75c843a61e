"""What `modal-lint inventory` writes for other programs: tables, pictures, configuration; no value is in any of it."""

from __future__ import annotations

import difflib
import os
import re
import stat
import subprocess
import sys
import tempfile
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING

import pytest
from fixture_cases import run
from hypothesis import given, settings
from hypothesis import strategies as st
from lint_process import SOURCES, lint
from markdown_it import MarkdownIt
from material import make
from modal_lint.config import Resolver
from modal_lint.inventory import (
    DEFAULT_ENVIRONMENT,
    Attachment,
    Facts,
    Inventory,
    Kind,
    Location,
    Reference,
    User,
    merged,
)
from modal_lint.inventory.configuration import record
from modal_lint.inventory.formats import render
from modal_lint.model import Span
from modal_lint.report.base import Look, visible
from modal_lint.settings import UserError
from test_leaks import forbidden

if sys.version_info >= (3, 11):
    import tomllib
else:
    import tomli as tomllib

if TYPE_CHECKING:
    from collections.abc import Iterator

HEAD = "import os\nimport modal\n"
_HOSTILE = (
    'a"b',
    "x]) --> y",
    "end",
    "#35;",
    "%% x",
    "a|b",
    "`c`",
    "<b>",
    "\\",
    "*a*",
    "_b_",
    "[l](m)",
    "&amp;",
    "1. a",
)
_names = st.sampled_from(_HOSTILE) | st.text(st.characters(exclude_categories=["Cs"]), min_size=1, max_size=12)


def at(line: int) -> Location:
    return Location("app.py", Span(line, 0, line, 1))


def named(*names: str, keys: tuple[str, ...] = ("A",), kind: Kind = Kind.FUNCTION) -> Inventory:
    """An inventory in which each Secret is looked up once and used once, by what is called like it."""
    references = [Reference(name, DEFAULT_ENVIRONMENT, keys, at(1)) for name in names]
    users = [Attachment(name, DEFAULT_ENVIRONMENT, User(kind, name, name, at(2))) for name in names]
    return merged([Facts(references=tuple(references), attachments=tuple(users))])


@contextmanager
def folder() -> Iterator[Path]:
    """A fresh current directory; pytest's is shared by the examples of a property."""
    before = Path.cwd()
    with tempfile.TemporaryDirectory() as name:
        os.chdir(name)
        try:
            yield Path(name)
        finally:
            os.chdir(before)


class TestMermaid:
    NODE = re.compile(r'    ([sua]\d+)(?:\[\("([^"\n]*)"\)\]|\["([^"\n]*)"\]|\(\["([^"\n]*)"\]\))')
    EDGE = re.compile(r"    ([sua]\d+) (?:-->|-\.->) ([sua]\d+)")
    # What the grammar of every version takes for text inside quotes, with entity codes and one kind of line break.
    LABEL = re.compile(r"(?:[A-Za-z0-9 _.,:/-]|#\d+;|<br/>)*")

    @settings(max_examples=60, deadline=None)
    @given(names=st.lists(_names, min_size=1, max_size=4, unique=True))
    def test_any_name_is_a_label(self, names: list[str]) -> None:
        lines = render("mermaid", named(*names), Look()).splitlines()
        assert lines[0] == "flowchart LR"
        labels: dict[str, str] = {}
        for line in lines[1:]:
            node, edge = self.NODE.fullmatch(line), self.EDGE.fullmatch(line)
            if node:
                label = next(group for group in node.groups()[1:] if group is not None)
                assert self.LABEL.fullmatch(label), label
                labels[node[1]] = re.sub(r"#(\d+);", lambda code: chr(int(code[1])), label)
            else:
                assert edge, line
                assert {edge[1], edge[2]} <= set(labels)
        shown = {label.partition("<br/>")[0] for label in labels.values()}
        assert {f"function {visible(name)}" for name in names} <= shown
        assert set(names) <= shown

    def test_what_comes_through_the_app_is_dashed(self) -> None:
        user = User(Kind.FUNCTION, "work", "app", at(3), inherited=True)
        app = User(Kind.APP, "app", "app", at(1))
        facts = Facts(attachments=tuple(Attachment("s", DEFAULT_ENVIRONMENT, one) for one in (app, user)))
        edges = render("mermaid", merged([facts]), Look()).splitlines()[4:]
        assert edges == ["    s1 --> a1", "    s1 -.-> u1", "    u1 --> a1"]


class TestMarkdown:
    @settings(max_examples=60, deadline=None)
    @given(names=st.lists(_names, min_size=1, max_size=4, unique=True))
    def test_any_name_is_shown_as_it_is(self, names: list[str]) -> None:
        tokens = MarkdownIt("commonmark").enable("table").parse(render("markdown", named(*names), Look()))
        cells = [one for one in tokens if one.type == "inline"]
        assert len(cells) == 5 * (1 + len(names))
        for row, name in enumerate(sorted(names), 1):
            first = cells[5 * row]
            assert {child.type for child in first.children or ()} <= {"text", "text_special"}
            # A table drops the white space around a cell.
            assert "".join(child.content for child in first.children or ()) == visible(name).strip(" \t\x0b\x0c\u00a0")


class TestKnownSecrets:
    SNIPPETS = (
        "# a comment\n",
        "[tool.ruff]\nline-length = 100 # wide\n",
        "[tool.ruff.lint]\nselect = [ 'E' ,\n  'F', # both\n]\n",
        '[project]\nname="x"\nversion =  "1"\n',
        '[tool.other]\nknown-secrets = {a = ["B"]}\n',
        "[[tool.list]]\nx = 1\n[[tool.list]]\nx = 2\n",
        "\n\n",
        "[tool.black]\nx.y = 'z'   \n\t\n",
        '[tool."quoted name"]\nmulti = """\n[tool.modal-lint]\n"""\n',
    )
    OURS = ("", '[tool.modal-lint]\nignore = ["MS107"]  # ours\n', '[tool.modal-lint]\nselect = [\n  "MS1",\n]\n\n')

    @settings(max_examples=60, deadline=None)
    @given(
        before=st.lists(st.sampled_from(SNIPPETS), unique=True, max_size=4),
        ours=st.sampled_from(OURS),
        after=st.lists(st.sampled_from(SNIPPETS), unique=True, max_size=4),
        ending=st.sampled_from(["\n", "\r\n"]),
        bom=st.booleans(),
        is_cut=st.booleans(),
    )
    def test_everything_else_stays(
        self, before: list[str], ours: str, after: list[str], ending: str, bom: bool, is_cut: bool
    ) -> None:
        text = "".join([*before, ours, *(one for one in after if one not in before)])
        text = (text.rstrip("\n") if is_cut else text).replace("\n", ending)
        old = (b"\xef\xbb\xbf" if bom else b"") + text.encode()
        with folder() as here:
            (here / "pyproject.toml").write_bytes(old)
            (line,) = record(named("openai-secret", "x"), ["."], config=None, isolated=False)
            assert line == "pyproject.toml: 2 Secrets added to known-secrets, or extended"
            new = (here / "pyproject.toml").read_bytes()
            assert new.startswith(b"\xef\xbb\xbf") is bom
            changed = new.removeprefix(b"\xef\xbb\xbf").decode()
            gone = [
                line
                for line in difflib.ndiff(text.splitlines(keepends=True), changed.splitlines(keepends=True))
                if line.startswith("- ")
            ]
            assert gone in ([], [f"- {text.splitlines()[-1]}"] if text else [])  # the last line got its ending
            assert ("\r" in changed) is ("\r" in text)
            document = tomllib.loads(changed)
            known = document["tool"]["modal-lint"].pop("known-secrets")
            assert known == {"openai-secret": ["A"], "x": ["A"]}
            assert Resolver().at(str(here)).known_secrets == {"openai-secret": ("A",), "x": ("A",)}
            (line,) = record(named("openai-secret"), ["."], config=None, isolated=False)
            assert "has everything already" in line
            assert (here / "pyproject.toml").read_bytes() == new

    @pytest.mark.parametrize(
        "old",
        [
            '[tool.modal-lint.known-secrets]\nopenai-secret = ["OLD"] # kept\nother = []\n[tool.x]\na = 1\n',
            '[tool.modal-lint]\nknown-secrets = { "openai-secret" = ["OLD"], other = [] }\nignore = []\n',
            '[tool.modal-lint]\nknown-secrets.openai-secret = ["OLD"]\nknown-secrets.other = []\n',
            '[tool]\nmodal-lint = { known-secrets = { openai-secret = ["OLD"], other = [] } }\n',
        ],
    )
    def test_what_is_known_already_stays(self, old: str) -> None:
        with folder() as here:
            (here / "pyproject.toml").write_text(old)
            record(named("openai-secret", "new"), ["."], config=None, isolated=False)
            new = (here / "pyproject.toml").read_text()
            known = tomllib.loads(new)["tool"]["modal-lint"]["known-secrets"]
            assert known == {"openai-secret": ["A", "OLD"], "other": [], "new": ["A"]}
            assert ("# kept" in new) is ("# kept" in old)

    def test_the_nearest_file_counts(self) -> None:
        with folder() as here:
            (here / "pyproject.toml").write_text("[tool.modal-lint]\n")
            (here / "sub" / "deep").mkdir(parents=True)
            (here / "sub" / "modal-lint.toml").write_text("ignore = []")
            (here / "sub" / "pyproject.toml").write_text("[project]\nname = 'no section of ours'\n")
            record(named("x"), ["sub/deep"], config=None, isolated=False)
            assert (here / "sub" / "modal-lint.toml").read_text() == 'ignore = []\n\n[known-secrets]\nx = ["A"]\n'
            record(named("y"), ["sub/deep"], config="pyproject.toml", isolated=False)
            assert '[tool.modal-lint.known-secrets]\ny = ["A"]\n' in (here / "pyproject.toml").read_text()

    def test_without_any_file_one_is_made(self) -> None:
        with folder() as here:
            (here / ".git").mkdir()
            record(named("x"), ["."], config=None, isolated=False)
            assert (here / "modal-lint.toml").read_text() == '[known-secrets]\nx = ["A"]\n'

    def test_what_the_rules_would_take_for_complete_is_left_out(self) -> None:
        with folder() as here:
            lines = record(named("ecr", kind=Kind.REGISTRY), ["."], config=None, isolated=False)
            lines += record(named("empty", keys=()), ["."], config=None, isolated=False)
            assert [line.partition(":")[0] for line in lines] == ["left out", "modal-lint.toml"] * 2
            assert list(here.iterdir()) == []

    @pytest.mark.parametrize(
        ("content", "words"),
        [
            (b"[tool\n", "not valid TOML"),
            (b"\xff\xfe", "UTF-8"),
            (b"[tool.modal-lint]\nknown-secrets = 3\n", "must be a table"),
        ],
    )
    def test_what_cannot_be_edited_is_left_alone(self, content: bytes, words: str) -> None:
        with folder() as here:
            (here / "pyproject.toml").write_bytes(content)
            with pytest.raises(UserError, match=words):
                record(named("x"), ["."], config=None, isolated=False)
            assert (here / "pyproject.toml").read_bytes() == content

    def test_the_mode_of_the_file_stays_and_nothing_is_left_beside_it(self) -> None:
        with folder() as here:
            path = here / "pyproject.toml"
            path.write_text("")
            path.chmod(0o640)
            record(named("x"), ["."], config=None, isolated=False)
            assert stat.S_IMODE(path.stat().st_mode) == 0o640
            assert [one.name for one in here.iterdir()] == ["pyproject.toml"]

    def test_the_command_writes_what_check_then_knows(self, tmp_path: Path) -> None:
        (tmp_path / "pyproject.toml").touch()
        (tmp_path / "app.py").write_text(HEAD + 'modal.Secret.from_name("x", required_keys=["A"])\n')
        done = lint("inventory", "--write-known-secrets", cwd=tmp_path)
        assert (done.status, done.out) == (0, "")
        assert done.err == "pyproject.toml: 1 Secret added to known-secrets, or extended\n"
        assert '"x": ["A"]' in lint("check", "--show-settings", cwd=tmp_path).out
        assert "has everything" in lint("inventory", "--write-known-secrets", cwd=tmp_path).err

    def test_what_is_written_makes_no_rule_say_more_and_nothing_is_written_twice(self) -> None:
        a, b = 'modal.Secret.from_name("a")', 'modal.Secret.from_name("b")'
        head = HEAD + 'app = modal.App("x")\n'
        function = '@app.function(secrets=[{}])\ndef f_{}():\n    return os.environ["{}"]\n'
        lines = [function.format(*one) for one in ((f"{a}, {b}", 0, "BOTH"), (a, 1, "A"), (b, 2, "B"))]
        with folder() as here:
            (here / "pyproject.toml").touch()
            (here / "app.py").write_text(head + "".join(lines))
            assert run("check").status == 0
            done = run("inventory", "--write-known-secrets")
            assert "left out: Secret a (it may also have BOTH: list its keys by hand)" in done.err
            assert run("check").status == 0

            (here / "more.py").write_text(head + function.format(a, 3, "BOTH"))
            for _ in range(3):
                run("inventory", "--write-known-secrets")
                known = tomllib.loads((here / "pyproject.toml").read_text())["tool"]["modal-lint"]["known-secrets"]
                assert known == {"a": ["A", "BOTH"], "b": ["B"]}
            assert run("check").status == 0

    def test_without_the_library_it_says_what_to_install(self, tmp_path: Path) -> None:
        (tmp_path / "app.py").write_text(HEAD + 'modal.Secret.from_name("x", required_keys=["A"])\n')
        code = "import sys; sys.modules['tomlkit'] = None; from modal_lint.start import main; main(sys.argv[1:])"
        done = subprocess.run(
            [sys.executable, "-c", code, "inventory", "--write-known-secrets"],
            cwd=tmp_path,
            env={**os.environ, "PYTHONPATH": SOURCES},
            capture_output=True,
            text=True,
            check=False,
        )
        assert done.returncode == 2
        assert done.stderr.splitlines()[-1] == (
            "error: --write-known-secrets needs tomlkit: pip install 'modal-lint[inventory]'"
        )


# Q is a value: where values stand, and where a credential was pasted in the place of a name.
_PLACES = (
    'modal.Secret.from_dict({"API_TOKEN": Q})',
    'modal.Secret.objects.create("made", {"API_TOKEN": Q, "B": "1"})',
    'modal.Secret.from_name("named").update({"API_TOKEN": Q})',
    'modal.Sandbox.create(secrets=[modal.Secret.from_name("box")], env={"API_KEY": Q}, name=Q)',
    "modal.Secret.from_name(Q, required_keys=[Q])",
    'modal.Secret.from_name("name-" + Q)',
    'modal.Secret.from_name(Q + "-name")',
    'modal.Secret.from_name("keyed", required_keys=[Q], environment_name=Q)',
    "modal.App(Q, secrets=[modal.Secret.from_name(Q)])",
    'modal.CloudBucketMount(Q, secret=modal.Secret.from_name("bucket"))',
    'modal.Image.from_registry(Q, secret=modal.Secret.from_name("registry"))',
    'modal.Image.debian_slim().run_commands("login " + Q, secrets=[modal.Secret.from_name("build")])',
    'app = modal.App(Q)\n@app.function(secrets=[modal.Secret.from_name("f")])\ndef f():\n    return os.environ[Q]',
)
_KINDS = ("openai", "huggingface", "github", "postgres-url", "aws-access-key-id", "jwt", "pem", "stripe", "random")
_FORMATS = ("full", "json", "markdown", "mermaid", "dotenv")


@settings(max_examples=12, deadline=None)
@given(st.lists(st.tuples(st.sampled_from(_PLACES), st.sampled_from(_KINDS)), min_size=3, max_size=8))
def test_no_value_is_in_any_output_or_file(plants: list[tuple[str, str]]) -> None:
    values = [make(kind, number) for number, (_, kind) in enumerate(plants)]
    lines = [place.replace("Q", repr(value)) for (place, _), value in zip(plants, values, strict=True)]
    with folder() as here:
        (here / "app.py").write_text(HEAD + "\n".join(lines) + "\n")
        said = [run("inventory", "--output-format", form).said for form in _FORMATS]
        said += [run("inventory", *arguments).said for arguments in (["--write-known-secrets"], ["--secret", "x"])]
        run("inventory", "--output-format", "dotenv", "-o", "templates/")
        said += [path.read_text() for path in here.rglob("*") if path.is_file() and path.name != "app.py"]
        said += [str(path) for path in here.rglob("*")]
        for text in said:
            assert "internal error" not in text
            assert [part for value in values for part in forbidden(value) if part in text] == []


def test_the_names_beside_values_are_told() -> None:
    """The property above would also hold for an inventory that says nothing."""
    with folder() as here:
        lines = [place.replace("Q", repr(make("openai", 1))) for place in _PLACES]
        (here / "app.py").write_text(HEAD + "\n".join(lines) + "\n")
        out = run("inventory").out
        for name in ("made", "named", "box", "keyed", "bucket", "registry", "build", "f"):
            assert re.search(rf"(?m)^{name}\b", out), name
        assert "whose name is not known" in out
