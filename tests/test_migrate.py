"""Preserving values: the format, the folder, and what is told."""

from __future__ import annotations

import base64
import os
import shlex
import stat
import subprocess
import sys
import tempfile
from pathlib import Path
from typing import TYPE_CHECKING, Any
from unittest import mock

import dotenv
import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st
from modal_lint import dotenv_format
from modal_lint.migrate import ConflictError, Preserved, commands, preserve, report_lines
from modal_lint.model import Committed, Hidden, Move
from modal_lint.vault import RefusedError

if TYPE_CHECKING:
    from collections.abc import Sequence

ENV = ".modal-lint/secrets/openai-secret.env"
PEM = "-----BEGIN {0}-----\n{1}\n-----END {0}-----\n".format(
    "PRIVATE KEY", "\n".join(base64.b64encode(bytes(range(48)) * 4).decode()[i : i + 64] for i in range(0, 256, 64))
)
AWKWARD = [
    "", " ", "  a  ", "#", "a #b", "'", '"', "'a'", '"a"', "\\", "\\\\", "a\\", '\\"', "\\n", "\n", "\r",
    "\r\n", "a\tb", "$", "$$", "${", "${}", "${A}", "${HOME}", "$${A}", "${A:-b}", "${:-$}", "${:-}",
    "${:-$}{A}", "\\${A}", "$\\", "${A}\\", "}", "=", "a=b", "export A=b", "\x00",
    "\x0b\x0c\x1c\x85\u2028\u2029", "\ufeff", "é", "\U0001f511", PEM, "%(x)s", "`id`",
]  # fmt: skip
PIECES = st.sampled_from(["$", "{", "}", ":-", "\\", '"', "'", "\n", "\r", "#", " ", "=", "A", "n", "é", "\u2028"])
VALUES = st.one_of(st.text(), st.lists(PIECES, max_size=12).map("".join), st.sampled_from(AWKWARD))


def move(key: str, value: str, secret: str = "openai-secret") -> Move:
    return Move(secret, key, Hidden(value))


def read_by_modal(arguments: Sequence[str], root: Path) -> dict[str, str]:
    """What ``modal secret create`` would send, by its own code, with only the network replaced."""
    from modal.cli import secret as cli

    sent: dict[str, dict[str, str]] = {}

    async def create(name: str, entries: dict[str, str], **_: Any) -> None:
        sent[name] = dict(entries)

    here = Path.cwd()
    os.chdir(root)
    try:
        with (
            mock.patch.object(cli, "_Secret", mock.Mock(objects=mock.Mock(create=create))),
            mock.patch.object(cli, "OutputManager", mock.Mock()),
        ):
            cli.secret_cli.commands["create"].main(list(arguments), standalone_mode=False)
    finally:
        os.chdir(here)
    ((_, entries),) = sent.items()
    return entries


class TestFormat:
    @given(st.lists(VALUES, min_size=1, max_size=4))
    @example(AWKWARD)
    def test_python_dotenv_reads_back_every_value(self, values: list[str]) -> None:
        entries = {f"KEY_{number}": value for number, value in enumerate(values)}
        text = dotenv_format.HEADER + dotenv_format.dump(entries)
        assert dotenv_format.load(text) == entries
        # Older versions of python-dotenv take a backslash before a quote for an escape, whatever is before it.
        assert all(line.endswith('"') and not line.endswith('\\"') for line in text.split("\n")[1:-1])
        with tempfile.TemporaryDirectory() as folder:
            path = Path(folder, "x.env")
            path.write_bytes(text.encode())
            with mock.patch.dict(os.environ, {"A": "interpolated", "KEY_0": "interpolated"}):
                assert dotenv.dotenv_values(path) == entries

    @pytest.mark.parametrize(
        "line",
        [
            "A=b",
            "export A='b'",
            'A="b',
            'A="${HOME}"',
            'A="\\a"',
            'A="b" # c',
            'A="b"\nA="c"',
            'A="b\rc"',
            "# c\rA=b",
            "A",
        ],
    )
    def test_what_others_wrote_is_not_guessed_at(self, line: str) -> None:
        with pytest.raises(dotenv_format.FormatError) as error:
            dotenv_format.load(line)
        assert "b" not in str(error.value)


class TestPreserve:
    @settings(max_examples=25, deadline=None)
    @given(
        st.dictionaries(
            st.one_of(
                st.from_regex(r"[A-Z_][A-Z0-9_]{0,9}", fullmatch=True), st.sampled_from(["a b", "é", "1A", "A=B", "#"])
            ),
            st.one_of(VALUES, st.just("\ud800")),
            min_size=1,
            max_size=4,
        )
    )
    def test_modal_reads_back_every_value(self, entries: dict[str, str]) -> None:
        with tempfile.TemporaryDirectory() as folder:
            preserved = preserve(Path(folder), [move(key, value) for key, value in entries.items()])
            (command,) = commands(preserved)
            words = shlex.split(command)
            assert words[:3] == ["modal", "secret", "create"]
            assert read_by_modal(words[3:], Path(folder)) == entries

    def test_merges_and_is_private(self, tmp_path: Path) -> None:
        assert preserve(tmp_path, [move("A", "1")]) == (Preserved("openai-secret", ENV, ("A",), ("A",)),)
        before = (tmp_path / ENV).read_bytes()
        assert preserve(tmp_path, [move("A", "1")]) == (Preserved("openai-secret", ENV, ("A",), ()),)
        assert (tmp_path / ENV).read_bytes() == before
        assert preserve(tmp_path, [move("B", "2"), move("B", "2")])[0].new_keys == ("B",)
        assert (tmp_path / ENV).read_bytes() == before + b'B="2"\n'
        modes = {
            path.relative_to(tmp_path).as_posix(): stat.S_IMODE(path.stat().st_mode)
            for path in (tmp_path / ".modal-lint", *(tmp_path / ".modal-lint").rglob("*"))
        }
        assert modes == {
            ".modal-lint": 0o700,
            ".modal-lint/.gitignore": 0o600,
            ".modal-lint/secrets": 0o700,
            ENV: 0o600,
        }
        assert (tmp_path / ".modal-lint/.gitignore").read_text() == "*\n"
        assert preserve(tmp_path / "not-needed", []) == ()

    def test_private_also_where_the_folder_was_not(self, tmp_path: Path) -> None:
        (tmp_path / ".modal-lint").mkdir(mode=0o755)
        (tmp_path / ".modal-lint/.gitignore").write_text("!*\n")
        preserve(tmp_path, [move("A", "1")])
        assert stat.S_IMODE((tmp_path / ".modal-lint").stat().st_mode) == 0o700
        assert (tmp_path / ".modal-lint/.gitignore").read_text() == "*\n"

    def test_a_conflict_writes_nothing_and_shows_nothing(self, tmp_path: Path) -> None:
        preserve(tmp_path, [move("A", "tellnobody1")])
        before = (tmp_path / ENV).read_bytes()
        with pytest.raises(ConflictError) as error:
            preserve(tmp_path, [move("B", "tellnobody2"), move("A", "tellnobody3")])
        assert (error.value.secret, error.value.key) == ("openai-secret", "A")
        assert "tellnobody" not in str(error.value)
        assert (tmp_path / ENV).read_bytes() == before

    def test_a_conflict_is_seen_across_both_formats(self, tmp_path: Path) -> None:
        preserve(tmp_path, [move("A", "\ud800")])
        with pytest.raises(ConflictError):
            preserve(tmp_path, [move("A", "1")])

    def test_a_file_without_final_newline_is_continued_well(self, tmp_path: Path) -> None:
        preserve(tmp_path, [move("A", "1")])
        (tmp_path / ENV).write_text('A="1"')
        preserve(tmp_path, [move("B", "2")])
        assert dotenv.dotenv_values(tmp_path / ENV) == {"A": "1", "B": "2"}

    @pytest.mark.parametrize("name", ["../x", "a/b", "", "a b", "x\n", "é", "x" * 65])
    def test_a_name_that_could_lead_elsewhere_is_refused(self, tmp_path: Path, name: str) -> None:
        with pytest.raises(RefusedError):
            preserve(tmp_path, [move("A", "1", secret=name)])

    @pytest.mark.parametrize("place", [".modal-lint", ".modal-lint/secrets", ".modal-lint/.gitignore", ENV])
    @pytest.mark.parametrize("kind", ["link", "dangling", "fifo"])
    def test_nothing_is_written_through_a_hostile_tree(self, tmp_path: Path, place: str, kind: str) -> None:
        root, outside = tmp_path / "root", tmp_path / "outside"
        outside.mkdir()
        target = root / place
        target.parent.mkdir(parents=True)
        if kind == "fifo":
            os.mkfifo(target)
        elif kind == "dangling":
            target.symlink_to(outside / "missing")
        elif place.endswith(("env", "ignore")):
            (outside / "file").write_text("kept")
            target.symlink_to(outside / "file")
        else:
            target.symlink_to(outside)
        with pytest.raises(RefusedError):
            preserve(root, [move("A", "tellnobody")])
        assert not any("tellnobody" in path.read_text() for path in tmp_path.rglob("*") if path.is_file())
        assert os.listdir(outside) in ([], ["file"])

    @pytest.mark.skipif(not hasattr(os, "geteuid") or os.geteuid() != 0, reason="only root can give folders away")
    @pytest.mark.parametrize("place", [".modal-lint", ".modal-lint/secrets", ENV])
    def test_what_belongs_to_somebody_else_is_refused(self, tmp_path: Path, place: str) -> None:
        preserve(tmp_path, [move("A", "1")])
        os.chown(tmp_path / place, 12345, 12345)
        with pytest.raises(RefusedError, match="another user"):
            preserve(tmp_path, [move("B", "2")])

    def test_a_file_of_another_form_is_refused(self, tmp_path: Path) -> None:
        preserve(tmp_path, [move("A", "1")])
        (tmp_path / ENV).write_text("A=tellnobody\n")
        with pytest.raises(RefusedError) as error:
            preserve(tmp_path, [move("B", "2")])
        assert "tellnobody" not in str(error.value)
        assert (tmp_path / ENV).read_text() == "A=tellnobody\n"

    def test_leftovers_of_a_killed_run_go(self, tmp_path: Path) -> None:
        preserve(tmp_path, [move("A", "1")])
        leftover = tmp_path / ".modal-lint/secrets/.new-0123"
        leftover.write_text("half")
        preserve(tmp_path, [move("B", "2")])
        assert not leftover.exists()

    def test_runs_side_by_side_lose_nothing(self, tmp_path: Path) -> None:
        program = (
            "import sys; from pathlib import Path; from modal_lint.migrate import preserve\n"
            "from modal_lint.model import Hidden, Move\n"
            "for n in range(10): preserve(Path(sys.argv[1]), [Move('s', f'K{sys.argv[2]}_{n}', Hidden('v'))])\n"
        )
        environment = {**os.environ, "PYTHONPATH": os.pathsep.join(sys.path)}
        runs = [
            subprocess.Popen([sys.executable, "-c", program, str(tmp_path), str(number)], env=environment)
            for number in range(3)
        ]
        assert [run.wait(60) for run in runs] == [0, 0, 0]
        entries = dotenv.dotenv_values(tmp_path / ".modal-lint/secrets/s.env")
        assert sorted(entries) == sorted(f"K{number}_{n}" for number in range(3) for n in range(10))


class TestTold:
    def test_commands_are_quoted_for_a_shell(self, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
        preserved = preserve(tmp_path, [move("A", "1"), move("B", "\ud800"), move("C", "3", secret="-x")])
        assert commands(preserved) == [
            f"modal secret create openai-secret --from-dotenv {ENV} --from-json .modal-lint/secrets/openai-secret.json",
            "modal secret create --from-dotenv .modal-lint/secrets/-x.env -- -x",
        ]
        root = tmp_path / "my project"
        monkeypatch.chdir(tmp_path)
        assert commands(preserved[:1], root=root) == [
            f"modal secret create openai-secret --from-dotenv 'my project/{ENV}'"
        ]

    def test_report(self, tmp_path: Path) -> None:
        preserved = preserve(tmp_path, [move("A", "tellnobody")])
        known = [("B", Committed("pushed", "Rotate it")), ("A", Committed("pushed", "Rotate it"))]
        lines = report_lines(preserved, committed=known, notes=["a.py: KEY still holds it"] * 2)
        assert lines == [
            f"Preserved A in {ENV}",
            "Create the Secrets and delete the preserved files (this shows what it would do; add --apply to do it):",
            "  modal-lint secrets push",
            "or one by one, and delete the files yourself (add --force to replace a Secret that exists):",
            f"  modal secret create openai-secret --from-dotenv {ENV}",
            "A, B: Rotate it",
            "Note: a.py: KEY still holds it",
        ]
        assert report_lines([]) == []


def test_a_preserved_file_that_git_tracks_is_refused(tmp_path: Path) -> None:
    preserve(tmp_path, [move("A", "1")])
    for command in (("init", "-q"), ("add", "-f", ENV)):
        subprocess.run(["git", *command], cwd=tmp_path, check=True)
    with pytest.raises(RefusedError, match="tracked by git"):
        preserve(tmp_path, [move("B", "2")])
    status = subprocess.run(
        ["git", "status", "--porcelain", "-uall"], cwd=tmp_path, check=True, capture_output=True, text=True
    )
    assert ".gitignore" not in status.stdout
