"""Applying fixes: edits on bytes, replacing files, rounds."""

from __future__ import annotations

import os
import re
import stat
from typing import TYPE_CHECKING

import pytest
from hypothesis import given
from hypothesis import strategies as st
from modal_lint.atomic import WriteError, sweep, write_atomic
from modal_lint.edits import EditError, apply_edits, compatible, merged
from modal_lint.fix import FixResult, fix_files, preview
from modal_lint.model import Edit, Finding, Fix, Hidden, Move, Report, Severity, Span

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence
    from pathlib import Path

    Project = Callable[[Mapping[str, str]], Path]


def edit(line: int, column: int, end: int, text: str, end_line: int | None = None) -> Edit:
    return Edit(Span(line, column, end_line or line, end), text)


class TestEdits:
    @pytest.mark.parametrize(
        ("old", "edits", "new"),
        [
            (b"a = 1\n", [edit(1, 4, 5, "2")], b"a = 2\n"),
            (b"a = 1", [edit(1, 5, 5, "\nb = 2")], b"a = 1\nb = 2"),
            (b"a\r\nb\r\n", [edit(2, 0, 0, "x\n")], b"a\r\nx\r\nb\r\n"),
            (b"a\rb\r", [edit(2, 0, 1, "x\ny")], b"a\rx\ry\r"),
            (b"a\r\nb\nc\n", [edit(1, 0, 1, "x\ny"), edit(3, 0, 1, "x\ny")], b"x\r\ny\r\nb\nx\ny\n"),
            (b"a\r\nb", [edit(2, 1, 1, "\nc")], b"a\r\nb\r\nc"),
            (b"a\n", [edit(2, 0, 0, "b\n")], b"a\nb\n"),
            (b"", [edit(1, 0, 0, "a\n")], b"a\n"),
            (b"a\x0cb\n\x0c\nc\n", [edit(3, 0, 1, "x")], b"a\x0cb\n\x0c\nx\n"),
            ("s = '\u2028é'\nb\n".encode(), [edit(1, 6, 7, "e"), edit(2, 0, 1, "x")], "s = '\u2028e'\nx\n".encode()),
            (b"\xef\xbb\xbfa\n", [edit(1, 0, 1, "b")], b"\xef\xbb\xbfb\n"),
            (b"# coding: latin-1\ns = '\xe9'\n", [edit(2, 0, 1, "\xf6")], b"# coding: latin-1\n\xf6 = '\xe9'\n"),
            (b"# a\r# coding: latin-1\rs = '\xe9'\r", [edit(3, 0, 1, "t")], b"# a\r# coding: latin-1\rt = '\xe9'\r"),
            (b"abc\ndef\n", [edit(1, 1, 2, "", end_line=2)], b"af\n"),
            (b"f()\n", [edit(1, 2, 2, "a"), edit(1, 2, 2, "b")], b"f(ab)\n"),
        ],
    )
    def test_only_the_named_text_changes(self, old: bytes, edits: list[Edit], new: bytes) -> None:
        assert apply_edits(old, edits) == new
        if len({one.span for one in edits}) == len(edits):
            assert apply_edits(old, reversed(edits)) == new

    @pytest.mark.parametrize(
        ("data", "edits"),
        [
            (b"a\n", [edit(3, 0, 0, "x")]),
            (b"a\n", [edit(1, 2, 2, "x")]),
            (b"a\r\n", [edit(1, 2, 2, "x")]),
            (b"a\n", [edit(0, 0, 0, "x")]),
            (b"abc\n", [edit(1, 2, 1, "x")]),
            (b"abcd\n", [edit(1, 0, 2, "x"), edit(1, 1, 3, "y")]),
            (b"# coding: latin-1\na\n", [edit(2, 0, 1, "\u20ac")]),
            (b"\xff\n", [edit(1, 0, 1, "x")]),
            (b"# coding: utf-7\ns = '+AGE-'\n", [edit(2, 0, 1, "x")]),
            (b"# coding: no-such\n", [edit(1, 0, 1, "x")]),
        ],
    )
    def test_an_impossible_edit_is_refused(self, data: bytes, edits: list[Edit]) -> None:
        with pytest.raises(EditError):
            apply_edits(data, edits)

    @given(
        st.lists(st.sampled_from(["\n", "\r", "\r\n", "\x0c", "\u2028", "\x85", "é", "x", "\U0001f511"]), max_size=20)
    )
    def test_replacing_each_line_by_itself_changes_nothing(self, pieces: list[str]) -> None:
        text = "".join(pieces)
        bodies = re.split("\r\n|\n|\r", text)
        edits = [edit(number, 0, len(body), body) for number, body in enumerate(bodies, 1)]
        assert apply_edits(text.encode(), edits) == text.encode()

    def test_fixes_that_touch_wait(self) -> None:
        first = Fix("first", (edit(1, 0, 5, ""),))
        overlapping = Fix("second", (edit(1, 4, 6, ""), edit(9, 0, 1, "")))
        bordering = Fix("third", (edit(1, 5, 5, "x"),))
        apart = Fix("fourth", (edit(1, 6, 7, ""), edit(9, 0, 1, "")))
        assert compatible([first, overlapping, bordering, apart]) == (first, apart)

    def test_the_same_insertion_is_made_once(self) -> None:
        one = Fix("one", (edit(1, 0, 0, "import modal\n"), edit(2, 0, 1, "x")))
        two = Fix("two", (edit(1, 0, 0, "import modal\n"), edit(3, 0, 1, "y")))
        other = Fix("other", (edit(1, 0, 0, "import os\n"),))
        assert compatible([one, two, other]) == (one, two)
        assert apply_edits(b"\na\nb\n", merged([one, two])) == b"import modal\n\nx\ny\n"

    def test_the_same_deletion_is_not_shared(self) -> None:
        one, two = Fix("one", (edit(1, 0, 3, ""),)), Fix("two", (edit(1, 0, 3, ""),))
        assert compatible([one, two]) == (one,)


class TestWriteAtomic:
    @pytest.fixture
    def file(self, tmp_path: Path) -> Path:
        path = tmp_path / "a.py"
        path.write_bytes(b"old")
        return path

    def test_keeps_the_mode(self, file: Path) -> None:
        file.chmod(0o751)
        assert write_atomic(file, b"new", expected=b"old") == ()
        assert (file.read_bytes(), stat.S_IMODE(file.stat().st_mode)) == (b"new", 0o751)
        assert os.listdir(file.parent) == ["a.py"]

    def test_keeps_a_link(self, file: Path) -> None:
        link = file.parent / "link.py"
        link.symlink_to("a.py")
        write_atomic(link, b"new", expected=b"old")
        assert link.is_symlink()
        assert file.read_bytes() == b"new"

    def test_tells_of_hard_links(self, file: Path) -> None:
        os.link(file, file.parent / "b.py")
        assert "hard links" in write_atomic(file, b"new", expected=b"old")[0]

    @pytest.mark.skipif(not hasattr(os, "geteuid") or os.geteuid() != 0, reason="only root can give files away")
    def test_keeps_the_owner(self, file: Path) -> None:
        os.chown(file, 12345, 54321)
        write_atomic(file, b"new", expected=b"old")
        assert (file.stat().st_uid, file.stat().st_gid) == (12345, 54321)

    def test_refuses_a_file_that_changed(self, file: Path) -> None:
        with pytest.raises(WriteError, match="changed"):
            write_atomic(file, b"new", expected=b"older")
        assert file.read_bytes() == b"old"
        assert os.listdir(file.parent) == ["a.py"]

    def test_refuses_a_read_only_file(self, file: Path) -> None:
        file.chmod(0o444)
        with pytest.raises(WriteError, match="read-only"):
            write_atomic(file, b"new", expected=b"old")

    @pytest.mark.parametrize("call", ["fsync", "write", "replace"])
    def test_a_failing_disk_leaves_the_old_file(self, file: Path, call: str, monkeypatch: pytest.MonkeyPatch) -> None:
        def fail(*_: object, **__: object) -> None:
            raise OSError(28, "No space left on device")

        monkeypatch.setattr(os, call, fail)
        with pytest.raises(WriteError, match="no space left"):
            write_atomic(file, b"new", expected=b"old")
        monkeypatch.undo()
        assert file.read_bytes() == b"old"
        assert os.listdir(file.parent) == ["a.py"]

    def test_sweep_takes_what_a_killed_run_left(self, file: Path) -> None:
        (file.parent / ".modal-lint-0123456789abcdef.tmp").write_bytes(b"")
        sweep([file.parent])
        assert os.listdir(file.parent) == ["a.py"]


ENTRY = re.compile(r'"(?P<key>\w+)": "(?P<value>\w+)",? ?')


def check(root: Path, texts: Mapping[str, bytes] | None = None) -> Report:
    """A stand-in for the linter: every one-line dict entry is a finding, its fix takes it out."""
    findings = []
    for path in sorted(root.rglob("*.py")):
        name = path.relative_to(root).as_posix()
        text = (texts or {}).get(name, path.read_bytes()).decode()
        for number, line in enumerate(text.split("\n"), 1):
            for match in ENTRY.finditer(line):
                span = Span(number, match.start(), number, match.end())
                fix = Fix("move", (Edit(span, ""),), False, (Move("a-secret", match["key"], Hidden(match["value"])),))
                findings.append(finding(name, fix, span, match["key"]))
    return Report(findings=tuple(findings), checked=1)


def finding(path: str, fix: Fix, span: Span, key: str | None = None) -> Finding:
    return Finding(path, span, "MS101", "hardcoded-env", f"{key} is in the source", Severity.ERROR, key=key, fix=fix)


@pytest.fixture
def project(tmp_path: Path) -> Project:
    def make(files: Mapping[str, str]) -> Path:
        for name, text in files.items():
            (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
            (tmp_path / name).write_text(text)
        return tmp_path

    return make


def run(root: Path, *, unsafe: bool = True, report: Report | None = None) -> FixResult:
    return fix_files(report or check(root), lambda _: check(root), unsafe=unsafe, root=root)


def env_file(root: Path) -> str:
    return (root / ".modal-lint/secrets/a-secret.env").read_text()


class TestFixFiles:
    def test_rounds_until_nothing_is_left(self, project: Project) -> None:
        root = project({"a.py": 'env = {"A": "v1", "B": "v2", "C": "v3"}\n', "sub/b.py": 'f({"D": "v4"})\n'})
        rounds: list[Sequence[str]] = []

        def recheck(paths: Sequence[str]) -> Report:
            rounds.append(paths)
            return check(root)

        result = fix_files(check(root), recheck, unsafe=True, root=root)
        assert (root / "a.py").read_text() == "env = {}\n"
        assert (root / "sub/b.py").read_text() == "f({})\n"
        assert (result.fixed, result.report.fixed, result.files) == (4, 4, ("a.py", "sub/b.py"))
        assert rounds == [("a.py", "sub/b.py"), ("a.py",)]
        assert result.preserved[0].keys == ("A", "C", "D", "B")
        assert result.preserved[0].new_keys == result.preserved[0].keys
        assert not result.report.findings
        assert run(root).fixed == 0

    def test_unsafe_and_disallowed_fixes_stay(self, project: Project) -> None:
        root = project({"a.py": 'env = {"A": "v1"}\n'})
        assert run(root, unsafe=False).fixed == 0
        result = fix_files(check(root), lambda _: check(root), unsafe=True, root=root, allow=lambda _: False)
        assert result.fixed == 0
        assert not (root / ".modal-lint").exists()

    def test_a_result_that_does_not_parse_is_dropped(self, project: Project) -> None:
        root = project({"a.py": 'x = {"A": "v1"}\ny = {"B": "v2"}\n'})
        bad = finding("a.py", Fix("bad", (edit(1, 0, 1, "(("),), True), Span(1, 0, 1, 1))
        good = check(root).findings
        result = fix_files(Report(findings=(bad, *good)), lambda _: Report(findings=(bad,)), unsafe=True, root=root)
        assert (root / "a.py").read_text() == "x = {}\ny = {}\n"
        assert result.notes == ("a.py: MS101 was not fixed: the result would not be valid Python",)
        assert result.report.findings == (bad,)

    def test_another_preserved_value_is_never_overwritten(self, project: Project) -> None:
        root = project({"a.py": 'x = {"A": "v1"}\ny = {"A": "v2"}\nz = {"B": "v3"}\n'})
        result = run(root)
        assert (root / "a.py").read_text() == 'x = {}\ny = {"A": "v2"}\nz = {}\n'
        assert 'A="v1"\nB="v3"\n' in env_file(root)
        assert result.notes == ("a.py: MS101 (A) was not fixed: another value is preserved as A of a-secret",)
        assert result.fixed == 2

    def test_values_are_preserved_before_the_source_changes(
        self, project: Project, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        root = project({"a.py": 'x = {"A": "v1"}\n'})
        seen: list[tuple[str, bool]] = []
        replace = os.replace

        def watch(source: str, target: str, **options: int) -> None:
            seen.append((os.path.basename(target), 'A="v1"' in env_file(root) if "a.py" in str(target) else False))
            replace(source, target, **options)

        monkeypatch.setattr(os, "replace", watch)
        run(root)
        assert seen == [(".gitignore", False), ("a-secret.env", False), ("a.py", True)]

    def test_what_cannot_be_written_is_told_and_the_rest_goes_on(self, project: Project) -> None:
        root = project({"a.py": 'x = {"A": "v1"}\n', "b.py": 'x = {"B": "v2"}\n', "c.ipynb": "{}"})
        (root / "a.py").chmod(0o444)
        notebook = finding("c.ipynb", Fix("cell", (edit(1, 0, 1, "["),), True), Span(1, 0, 1, 1))
        missing = finding("gone.py", Fix("gone", (edit(1, 0, 1, ""),), True), Span(1, 0, 1, 1))
        report = Report(findings=(*check(root).findings, notebook, missing))
        result = fix_files(report, lambda _: report, unsafe=True, root=root)
        assert (root / "b.py").read_text() == "x = {}\n"
        assert (root / "c.ipynb").read_text() == "{}"
        assert "a.py was not fixed: it is read-only; make it writable" in result.notes
        assert any(note.startswith("c.ipynb:") and "was not fixed" in note for note in result.notes)
        assert "gone.py was not fixed: no such file or directory" in result.notes

    def test_a_link_out_of_the_project_is_not_followed(
        self, project: Project, tmp_path_factory: pytest.TempPathFactory
    ) -> None:
        outside = tmp_path_factory.mktemp("outside") / "a.py"
        outside.write_text('x = {"A": "v1"}\n')
        root = project({})
        (root / "a.py").symlink_to(outside)
        result = run(root)
        assert outside.read_text() == 'x = {"A": "v1"}\n'
        assert result.notes == ("a.py was not fixed: a link leads out of the project",)

    def test_an_untrusted_vault_stops_only_fixes_that_move(
        self, project: Project, tmp_path_factory: pytest.TempPathFactory
    ) -> None:
        root = project({"a.py": 'x = {"A": "v1"}\ny = 1\n'})
        elsewhere = tmp_path_factory.mktemp("elsewhere")
        (root / ".modal-lint").symlink_to(elsewhere)
        safe = finding("a.py", Fix("safe", (edit(2, 4, 5, "2"),), True), Span(2, 4, 2, 5))
        result = fix_files(Report((*check(root).findings, safe)), lambda _: check(root), unsafe=True, root=root)
        assert (root / "a.py").read_text() == 'x = {"A": "v1"}\ny = 2\n'
        assert list(elsewhere.iterdir()) == []
        assert any("a link?" in note for note in result.notes)

    def test_a_fix_that_never_settles_ends(self, project: Project) -> None:
        root = project({"a.py": "x = 1\n"})
        grow = Report((finding("a.py", Fix("grow", (edit(1, 0, 0, "x"),), True), Span(1, 0, 1, 1)),))
        result = fix_files(grow, lambda _: grow, unsafe=False, root=root, max_rounds=3)
        assert (root / "a.py").read_text() == "xxxx = 1\n"
        assert result.notes == ("fixes did not settle in 3 rounds",)

    def test_notes_of_applied_fixes_are_told(self, project: Project) -> None:
        root = project({"a.py": "x = 1\n"})
        fix = Fix("note", (edit(1, 4, 5, "2"),), True, notes=("KEY in keys.py still holds the value",))
        result = fix_files(
            Report((finding("a.py", fix, fix.edits[0].span),)), lambda _: Report(), unsafe=False, root=root
        )
        assert result.notes == fix.notes

    def test_nothing_that_is_returned_shows_a_value(self, project: Project) -> None:
        root = project({"a.py": 'x = {"A": "tellnobody1"}\ny = {"A": "tellnobody2"}\n'})
        assert "tellnobody" not in repr(run(root))


class TestPreview:
    def test_shows_the_first_round_and_writes_nothing(self, project: Project) -> None:
        text = 'env = {"A": "v1", "B": "v2"}\n'
        root = project({"a.py": text})
        shown = preview(check(root), unsafe=True, read=lambda path: (root / path).read_bytes())
        assert [(one.path, one.old, one.new) for one in shown] == [("a.py", text.encode(), b'env = {"B": "v2"}\n')]
        assert (root / "a.py").read_text() == text
        assert os.listdir(root) == ["a.py"]

    def test_shows_every_round_where_it_may_recheck(self, project: Project) -> None:
        root = project({"a.py": 'env = {"A": "v1", "B": "v2"}\n'})
        shown = preview(
            check(root),
            unsafe=True,
            read=lambda path: (root / path).read_bytes(),
            recheck=lambda texts: check(root, texts),
        )
        assert [one.new for one in shown] == [b"env = {}\n"]
        assert preview(check(root), unsafe=False, read=lambda path: (root / path).read_bytes()) == []
