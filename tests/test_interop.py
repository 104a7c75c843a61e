"""What a project brings of its own: patterns, names, exceptions, a configuration of gitleaks."""

from __future__ import annotations

import json
import os
import re
import time
from pathlib import Path
from typing import TYPE_CHECKING

import pytest
from hypothesis import given
from hypothesis import strategies as st
from lint_process import SOURCES, Done, lint, token
from modal_lint.interop import gitleaks
from modal_lint.interop.customs import Custom
from modal_lint.interop.patterns import Pattern, PatternError
from modal_lint.settings import UserError

pytest.importorskip("re2")

if TYPE_CHECKING:
    from collections.abc import Mapping

ACME = "acme_" + "0123abcd" * 2
GADGET = "zebra-77-lamp"


class Project:
    """A project with one file, `app.py`, whose function has some variables."""

    def __init__(self, root: Path) -> None:
        self.root = root
        self.configure("")

    def configure(self, text: str, **files: str) -> None:
        (self.root / "pyproject.toml").write_text(text)
        for name, content in files.items():
            (self.root / f"{name}.toml").write_text(content)

    def write(self, variables: Mapping[str, str], path: str = "app.py") -> None:
        env = json.dumps(dict(variables))
        source = f'import modal\n\napp = modal.App("x")\n\n\n@app.function(env={env})\ndef f(): ...\n'
        (self.root / path).parent.mkdir(parents=True, exist_ok=True)
        (self.root / path).write_text(source)

    def check(self, *arguments: str) -> Done:
        return lint("check", *arguments, ".", cwd=self.root)

    def keys(self, *arguments: str) -> list[str]:
        done = self.check("--output-format", "json", *arguments)
        assert done.status < 2, done.err
        return [found["key"] for found in json.loads(done.out)]


@pytest.fixture
def project(tmp_path: Path) -> Project:
    return Project(tmp_path)


class TestOwnTable:
    def test_patterns_find_and_mask_what_we_do_not_know(self, project: Project) -> None:
        project.write({"THING": ACME, "OTHER": "plain"})
        assert project.keys() == []
        project.configure("[tool.modal-lint.credentials]\npatterns = { acme = 'acme_[0-9a-f]{16}' }\n")
        done = project.check()
        assert done.status == 1
        assert "THING (acme) is hardcoded" in done.out
        assert ACME not in done.said
        assert ACME not in project.check("--diff", "--unsafe-fixes").said

    def test_patterns_look_into_commands_and_shipped_modules(self, project: Project) -> None:
        project.configure("[tool.modal-lint.credentials]\npatterns = { acme = 'acme_[0-9a-f]{16}' }\n")
        (project.root / "app.py").write_text(
            f'import modal\napp = modal.App("x")\nimage = modal.Image.debian_slim().run_commands("login {ACME}")\n'
            f'NOTE = "{ACME}"\n@app.function(image=image)\ndef f():\n    return NOTE\n'
        )
        done = project.check("--output-format", "json")
        assert {found["code"] for found in json.loads(done.out)} == {"MS103", "MS110"}
        assert ACME not in done.said

    def test_many_files_in_several_processes(self, project: Project) -> None:
        project.configure("[tool.modal-lint.credentials]\npatterns = { acme = 'acme_[0-9a-f]{16}' }\n")
        for number in range(40):
            project.write({f"THING_{number}": ACME}, f"app{number}.py")
        done = project.check("-j", "2", "--unsafe-fixes", "--diff")
        assert "Would fix 40 files" in done.err
        assert ACME not in done.said

    def test_each_folder_has_its_own(self, project: Project) -> None:
        for name in ("a", "b"):
            project.write({f"THING_{name}": ACME}, f"{name}/app.py")
        table = "[tool.modal-lint.credentials]\npatterns = { acme = 'acme_[0-9a-f]{16}' }\n"
        (project.root / "a/pyproject.toml").write_text(table)
        (project.root / "b/pyproject.toml").write_text("[tool.modal-lint]\n")
        assert project.keys() == ["THING_a"]

    def test_keys_are_credentials_and_ignored_keys_none(self, project: Project) -> None:
        project.write({"OTHER_PHRASE": "plainvalue9", "DB_PASSWORD": "n1ghtOwl", "HF_TOKEN": token()})
        assert project.keys() == ["DB_PASSWORD", "HF_TOKEN"]
        project.configure('[tool.modal-lint.credentials]\nkeys = ["*_phrase"]\nignore-keys = ["DB_*", "HF_TOKEN"]\n')
        # What has a provider's shape is one under any name.
        assert project.keys() == ["OTHER_PHRASE", "HF_TOKEN"]

    def test_values_paths_and_words_are_allowed(self, project: Project) -> None:
        project.write({"HF_TOKEN": token(), "DB_PASSWORD": "n1ghtOwl"})
        project.write({"HF_TOKEN": token(2)}, "fixtures/other.py")
        assert len(project.keys()) == 3
        hashed = lint("secrets", "hash", cwd=project.root, stdin=f"{token()}\n".encode())
        assert token() not in hashed.said
        project.configure(
            f'[tool.modal-lint.credentials]\nallow-values = ["{hashed.out.strip()}"]\nallow-paths = ["fixtures/*"]\n'
        )
        assert project.keys() == ["DB_PASSWORD"]
        another = lint("secrets", "hash", cwd=project.root, stdin=b"another")
        assert another.out.split(":")[:2] == hashed.out.split(":")[:2]
        project.configure(
            '[tool.modal-lint.credentials]\nstopwords = ["NIGHT", "n1ght"]\nallow-paths = ["fixtures/*"]\n'
        )
        assert project.keys() == ["HF_TOKEN"]

    def test_an_allowed_value_stays_masked(self, project: Project) -> None:
        hashed = lint("secrets", "hash", cwd=project.root, stdin=f"{token()}\n".encode())
        project.configure(f'[tool.modal-lint.credentials]\nallow-values = ["{hashed.out.strip()}"]\n')
        project.write({"HF_TOKEN": token(), "DB_PASSWORD": "n1ghtOwl"})
        done = project.check()
        assert "DB_PASSWORD" in done.out
        assert token() not in done.said

    @pytest.mark.parametrize(
        ("line", "said"),
        [
            ("pattern = {}", "unknown key `pattern`; did you mean `patterns`?"),
            ("patterns = ['x']", "`patterns` must be a table"),
            ("patterns = { a = 'tellnobody(' }", "`patterns`: the pattern of a is no pattern of RE2"),
            ("patterns = { a = '(?=tellnobody)' }", "`patterns`: the pattern of a is no pattern of RE2"),
            ("keys = 'x'", "`keys` must be a list of strings"),
            (
                f"allow-values = {[f'scrypt:{number:032x}:{number:032x}' for number in range(5)]}",
                "`allow-values` must be hashes of one salt",
            ),
            ("allow-values = ['tellnobody']", "`allow-values` must be a list of hashes as `modal-lint secrets hash`"),
        ],
    )
    def test_mistakes_are_told_in_one_line(self, project: Project, line: str, said: str) -> None:
        project.configure(f"[tool.modal-lint.credentials]\n{line}\n")
        done = project.check()
        assert done.status == 2
        assert f"pyproject.toml: `credentials`: {said}" in done.err
        assert "tellnobody" not in done.said

    def test_settings_show_it(self, project: Project) -> None:
        project.configure("[tool.modal-lint.credentials]\nkeys = ['A*']\n")
        assert '"keys": ["A*"]' in project.check("--show-settings").out

    def test_without_re2_there_is_a_way_out(self, project: Project) -> None:
        project.configure("[tool.modal-lint.credentials]\npatterns = { a = 'x' }\n")
        (project.root / "re2.py").write_text("raise ImportError\n")
        first = os.pathsep.join((str(project.root), SOURCES))
        done = lint("check", ".", cwd=project.root, environment={"PYTHONPATH": first})
        assert done.status == 2
        assert "pip install 'modal-lint[patterns]'" in done.err


CONFIG = """
title = "ours"

[extend]
useDefault = true
path = "more.toml"

[[rules]]
id = "acme"
description = "Acme"
regex = '''acme_[0-9a-f]{16}'''
keywords = ["ACME_"]
  [[rules.allowlists]]
  regexes = ['''ffffffff$''']
  [[rules.allowlists]]
  condition = "AND"
  commits = ["abc"]
  regexes = ['''.''']

[[rules]]
id = "gadget"
regex = '''(?i)gadget.{0,5}(?:=|:).{0,5}["']([a-z0-9-]{8,40})["']'''
entropy = 3.0

[[rules]]
id = "in-one-place"
regex = '''once-[a-z]{8}'''
path = '''deploy/.*\\.py$'''

[[rules]]
id = "only-a-path"
path = '''\\.p12$'''

[[allowlists]]
description = "all"
paths = ['''^vendor/''']
regexes = ['''^hf_allowed''']
stopwords = ["Notreal"]

[[allowlists]]
targetRules = ["acme"]
regexTarget = "line"
regexes = ['''SAMPLE_''']
"""


class TestGitleaks:
    @pytest.fixture
    def configured(self, project: Project) -> Project:
        more = "[[rules]]\nid = \"more\"\nregex = 'more-([0-9]{6})-(x)'\nsecretGroup = 1\n"
        project.configure('[tool.modal-lint]\ngitleaks-config = "own.toml"\n', own=CONFIG, more=more)
        return project

    def test_rules(self, configured: Project) -> None:
        configured.write({"THING": ACME, "GADGET": GADGET, "X": "plain", "MORE": "more-123456-x"})
        assert configured.keys() == ["THING", "GADGET", "MORE"]
        out = configured.check().out
        assert "THING (acme) is hardcoded" in out
        assert ACME not in out
        assert GADGET not in out

    def test_a_name_is_part_of_what_a_rule_sees(self, configured: Project) -> None:
        configured.write({"WIDGET": GADGET})
        assert configured.keys() == []

    def test_entropy(self, configured: Project) -> None:
        configured.write({"GADGET": "aaaa-aaaa-aaaa"})
        assert configured.keys() == []

    def test_paths_of_rules(self, configured: Project) -> None:
        for path in ("app.py", "deploy/app.py"):
            configured.write({"ONE": "once-abcdefgh"}, path)
        found = json.loads(configured.check("--output-format", "json").out)
        assert [one["filename"].rpartition("/")[2] for one in found] == ["app.py"]
        assert "deploy/app.py" in found[0]["filename"]

    def test_allowlists_of_rules(self, configured: Project) -> None:
        configured.write({"A": "acme_" + "01234567" + "f" * 8, "SAMPLE_KEY": ACME, "B": ACME})
        assert configured.keys() == ["B"]

    def test_allowlists_of_everything_silence_our_own_rules(self, configured: Project) -> None:
        allowed = "hf_allowed" + token()[10:]
        configured.write({"HF_TOKEN": token(), "A_TOKEN": allowed, "DB_PASSWORD": "n0tREAL-notreal1"})
        configured.write({"HF_TOKEN": token(2)}, "vendor/app.py")
        assert configured.keys() == ["HF_TOKEN"]

    def test_the_command_line_may_name_a_file_anywhere(
        self, project: Project, tmp_path_factory: pytest.TempPathFactory
    ) -> None:
        elsewhere = tmp_path_factory.mktemp("elsewhere") / "x.toml"
        elsewhere.write_text("[[rules]]\nid = 'acme'\nregex = 'acme_[0-9a-f]{16}'\n[allowlist]\npaths = ['^vendor/']\n")
        project.write({"THING": ACME})
        project.write({"OTHER": ACME}, "vendor/app.py")
        assert project.keys("--gitleaks-config", str(elsewhere)) == ["THING"]

    def test_it_is_not_used_unasked(self, project: Project) -> None:
        project.write({"HF_TOKEN": token()})
        (project.root / ".gitleaks.toml").write_text("[allowlist]\nregexes = ['.']\n")
        assert project.keys() == ["HF_TOKEN"]

    @pytest.mark.parametrize(
        ("content", "said"),
        [
            ("x = tellnobody", "own.toml is not valid TOML"),
            ("rules = 1", "`rules` must be a table or a list of tables"),
            ("[[rules]]\nid = 'a'\nregex = 'tellnobody('", "rule a: its regex is no pattern of RE2"),
            ("[[rules]]\nregex = 'a'\nsecretGroup = 2", "rule 1: its regex has no group 2"),
            ("[[rules]]\nid = 1\nregex = 'a'", "`id` must be a string"),
            ("[allowlist]\nregexes = ['tellnobody(']", "an allowlist: its regex is no pattern of RE2"),
            ("[extend]\npath = '../../outside.toml'", "points outside the project"),
            ("[extend]\npath = 'gone.toml'", "gone.toml: no such file"),
        ],
    )
    def test_mistakes_are_told_in_one_line(self, project: Project, content: str, said: str) -> None:
        project.configure('[tool.modal-lint]\ngitleaks-config = "own.toml"\n', own=content)
        done = project.check()
        assert done.status == 2
        assert said in done.err
        assert done.err.count("\n") == 1
        assert "tellnobody" not in done.said

    def test_files_that_extend_one_another_come_to_an_end(self, tmp_path: Path) -> None:
        (tmp_path / "a.toml").write_text("[extend]\npath = 'b.toml'\n[[rules]]\nid='a'\nregex='a{9}'\n")
        (tmp_path / "b.toml").write_text("[extend]\npath = 'a.toml'\n[[rules]]\nid='b'\nregex='b{9}'\n")
        found = gitleaks.load(str(tmp_path / "a.toml"), str(tmp_path), str(tmp_path), "test")
        assert sorted(pattern.name for pattern, _ in found.patterns) == ["a", "b"]

    @given(st.text(max_size=40))
    def test_any_regex_is_taken_or_refused(self, regex: str) -> None:
        try:
            Pattern("x", regex).check()
        except PatternError:
            return
        spans = list(Pattern("x", regex).find("some text, with a value: é☃", "a.py"))
        assert all(0 <= start < end <= 27 for start, end in spans)


@pytest.mark.parametrize("regex", ["(a+)+$", "(a|a)*b", "(.*a){12}", "((a{0,99}){0,99}){0,2}x", "(x+x+)+y"])
def test_no_pattern_makes_a_run_slow(regex: str) -> None:
    """Each of these keeps Python's own engine busy for longer than anybody waits."""
    custom = Custom(((Pattern("slow", regex), ()),))
    began = time.process_time()
    try:
        Pattern("slow", regex).check()
    except PatternError:
        return
    custom.verdict("KEY", "a" * 20_000, "a.py")
    list(custom.matches("x" * 20_000, "a.py"))
    assert time.process_time() - began < 5


def test_the_page_is_true(project: Project) -> None:
    """The tables of docs/interop.md are taken as they stand there."""
    text = (Path(__file__).resolve().parent.parent / "docs/interop.md").read_text(encoding="utf-8")
    gitleaks_table, own = re.findall(r"^```toml\n(.*?)^```$", text, re.MULTILINE | re.DOTALL)
    project.configure(gitleaks_table + own)
    (project.root / ".gitleaks.toml").write_text(CONFIG.replace('path = "more.toml"', ""))
    project.write(
        {"THING": ACME, "MY_PHRASE": "plainvalue9", "CACHE_TOKEN": "n1ghtOwl", "A_TOKEN": "sandbox-only-1x9f"}
    )
    assert project.keys() == ["THING", "MY_PHRASE"]


def test_a_file_that_is_no_file(tmp_path: Path) -> None:
    with pytest.raises(UserError, match="not a regular file but a directory"):
        gitleaks.load(str(tmp_path), "", None, "test")
