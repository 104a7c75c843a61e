"""The command line: what it prints where, what it exits with, and how it answers mistakes."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from typing import TYPE_CHECKING

import pytest
from lint_process import SOURCES, leaky, lint, token

if TYPE_CHECKING:
    from pathlib import Path


@pytest.fixture
def project(tmp_path: Path) -> Path:
    """A project with one finding in `app.py` and nothing in `clean.py`."""
    (tmp_path / "pyproject.toml").write_text("")
    (tmp_path / "app.py").write_text(leaky())
    (tmp_path / "clean.py").write_text("import modal\n")
    return tmp_path


def test_a_finding_is_shown_masked_and_the_summary_counts_files(project: Path) -> None:
    done = lint("check", ".", cwd=project)
    assert done.status == 1
    assert "app.py:4:" in done.out
    assert "MS101" in done.out
    assert "hardcoded-env" in done.out
    assert "^" in done.out
    assert "Found 1 finding in 2 files checked" in done.out
    assert token() not in done.said
    assert done.err == ""


def test_clean_is_zero_and_says_how_many_files(project: Path) -> None:
    (project / "app.py").unlink()
    done = lint("check", cwd=project)
    assert (done.status, done.out) == (0, "All checks passed! (1 file checked)\n")


def test_a_path_alone_is_checked(project: Path) -> None:
    assert lint("app.py", "--output-format", "concise", cwd=project).status == 1
    assert lint("--select", "MS105", "app.py", cwd=project).status == 0


def test_nothing_on_an_explicit_request_is_a_warning(project: Path) -> None:
    (project / "empty").mkdir()
    done = lint("check", "empty", cwd=project)
    assert done.status == 0
    assert "warning: no Python files found in empty" in done.err
    assert "0 files checked" in done.out


def test_a_missing_file_is_a_finding(project: Path) -> None:
    done = lint("check", "app.py", "gone.py", cwd=project)
    assert done.status == 1
    assert "gone.py" in done.out
    assert "no such file" in done.out
    assert "app.py:4" in done.out


def test_concise_is_one_line_a_finding(project: Path) -> None:
    done = lint("check", "--output-format", "concise", "-q", cwd=project)
    assert len(done.out.splitlines()) == 1
    assert done.out.startswith("app.py:4:")
    assert ": MS101 " in done.out


def test_the_format_can_come_from_the_environment(project: Path) -> None:
    done = lint("check", cwd=project, environment={"MODAL_LINT_OUTPUT_FORMAT": "json"})
    assert json.loads(done.out)[0]["code"] == "MS101"


def test_json_has_ruffs_keys_and_ours_and_stands_alone_on_stdout(project: Path) -> None:
    done = lint("check", "--output-format", "json", cwd=project)
    (found,) = json.loads(done.out)
    assert set(found) == {
        *("code", "name", "message", "filename", "location", "end_location", "fix", "noqa_row", "cell", "url"),
        *("severity", "confidence", "provider", "key", "flow"),
    }
    assert found["filename"] == str(project / "app.py")
    assert found["location"]["row"] == 4
    assert set(found["location"]) == {"row", "column"}
    assert (found["key"], found["severity"], found["confidence"]) == ("HF_TOKEN", "error", "high")
    for step in found["flow"]:
        assert set(step) == {"filename", "location", "end_location", "message"}
    assert token() not in done.said
    assert "Found 1 finding" in done.err


def test_json_of_nothing_is_an_empty_list(project: Path) -> None:
    assert json.loads(lint("check", "clean.py", "--output-format", "json", cwd=project).out) == []


def test_an_output_file_takes_the_findings(project: Path) -> None:
    done = lint("check", "-o", "found.json", "--output-format", "json", cwd=project)
    assert done.out == ""
    assert json.loads((project / "found.json").read_text())[0]["code"] == "MS101"
    assert lint("check", "-o", "no/such/folder.txt", cwd=project).status == 2


@pytest.mark.parametrize(
    ("flags", "status"),
    [(["--exit-zero"], 0), (["-e"], 0), (["--ignore", "MS101"], 0), (["--min-severity", "error"], 1)],
)
def test_exit_status(project: Path, flags: list[str], status: int) -> None:
    assert lint("check", "app.py", *flags, cwd=project).status == status


def test_silent_and_quiet(project: Path) -> None:
    assert lint("check", "-s", cwd=project)[:3] == (1, "", "")
    quiet = lint("check", "-q", cwd=project)
    assert "MS101" in quiet.out
    assert "Found" not in quiet.said


def test_statistics_count_rules(project: Path) -> None:
    (project / "other.py").write_text(leaky(token(2)))
    assert lint("check", "--statistics", "-q", cwd=project).out.split()[:2] == ["2", "MS101"]
    done = lint("check", "--statistics", "--output-format", "json", cwd=project)
    assert json.loads(done.out)[0]["count"] == 2


@pytest.mark.parametrize(
    ("environment", "flags", "coloured"),
    [
        ({}, [], False),
        ({"FORCE_COLOR": "1"}, [], True),
        ({"CLICOLOR_FORCE": "1"}, [], True),
        ({"FORCE_COLOR": "1", "NO_COLOR": "1"}, [], False),
        ({"NO_COLOR": "1"}, ["--color", "always"], True),
        ({"FORCE_COLOR": "1"}, ["--color", "never"], False),
    ],
)
def test_colour(project: Path, environment: dict[str, str], flags: list[str], coloured: bool) -> None:
    done = lint("check", *flags, cwd=project, environment=environment)
    assert ("\x1b[" in done.out) is coloured


def test_standard_input_has_a_name_and_is_not_written(project: Path) -> None:
    source = (project / "app.py").read_bytes()
    done = lint("check", "-", "--stdin-filename", "clean.py", "--output-format", "concise", cwd=project, stdin=source)
    assert done.status == 1
    assert done.out.startswith("clean.py:4:")
    assert (project / "clean.py").read_text() == "import modal\n"


def test_fix_on_standard_input_prints_the_source(project: Path) -> None:
    source = b"import modal\nx = 1  # modal-lint: ignore[MS101] old\n"
    done = lint("check", "-", "--fix", cwd=project, stdin=source)
    assert (done.status, done.out) == (0, "import modal\nx = 1\n")
    unchanged = lint("check", "-", "--fix", cwd=project, stdin=b"x = 1\r\n")
    assert unchanged.out == "x = 1\r\n"


def test_unsafe_fixes_preserve_what_they_move(project: Path) -> None:
    safe = lint("fix", cwd=project)
    assert safe.status == 1
    assert token() in (project / "app.py").read_text()
    assert "--unsafe-fixes" in safe.out
    done = lint("fix", "--unsafe-fixes", "--show-fixes", cwd=project)
    assert done.status == 0
    assert token() not in (project / "app.py").read_text()
    kept = [path.read_text() for path in (project / ".modal-lint" / "secrets").glob("*.env")]
    assert any(token() in text for text in kept)
    assert "modal secret create" in done.err
    assert "1 × MS101 (hardcoded-env)" in done.err
    assert token() not in done.said
    assert lint("fix", "--unsafe-fixes", cwd=project).out == "All checks passed! (2 files checked)\n"


def test_exit_non_zero_on_fix(project: Path) -> None:
    assert lint("fix", "--unsafe-fixes", "--exit-non-zero-on-fix", cwd=project).status == 1


def test_unfixable_rules_are_left_alone(project: Path) -> None:
    before = (project / "app.py").read_text()
    assert lint("fix", "--unsafe-fixes", "--unfixable", "MS101", cwd=project).status == 1
    assert (project / "app.py").read_text() == before


def test_a_diff_is_masked_and_writes_nothing(project: Path) -> None:
    before = (project / "app.py").read_text()
    done = lint("check", "--diff", "--unsafe-fixes", cwd=project)
    assert done.status == 1
    assert "--- app.py" in done.out
    assert "\n-sandbox" in done.out
    assert "••••" in done.out
    assert token() not in done.said
    assert (project / "app.py").read_text() == before
    assert not (project / ".modal-lint").exists()
    assert lint("check", "--diff", "clean.py", cwd=project).status == 0


def test_suppressed_findings_are_counted_and_can_be_seen(project: Path) -> None:
    (project / "app.py").write_text(leaky(after="  # modal-lint: ignore[MS101] a test key"))
    done = lint("check", cwd=project)
    assert done.status == 0
    assert "1 suppressed" in done.out
    assert lint("check", "--ignore-suppressions", cwd=project).status == 1


def test_the_same_result_with_any_number_of_processes(tmp_path: Path) -> None:
    for number in range(30):
        (tmp_path / f"m{number}.py").write_text(leaky(token(number)))
    one, two = (lint("check", "--output-format", "json", "-j", jobs, cwd=tmp_path) for jobs in ("1", "2"))
    assert len(json.loads(one.out)) == 30
    assert one == two


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["chekc"], "error: no such command or file `chekc`; did you mean `check`?"),
        (["check", "--selct", "MS1"], "error: no such option `--selct`; did you mean `--select`?"),
        (["check", "--select", "MS110X"], "error: --select: unknown rule `MS110X`; did you mean `MS110`?"),
        (["check", "--ignore", "hardcoded-evn"], "unknown rule `hardcoded-evn`; did you mean `hardcoded-env`?"),
        (["check", "--config", "selct=['MS1']"], "unknown key `selct`; did you mean `select`?"),
        (["check", "--config", "nowhere.toml"], "nowhere.toml: no such file"),
        (["check", "--config", "jobs=-1"], "`jobs`: must be a number, 0 or more"),
        (["check", "--min-severity", "bad"], "'bad' is not one of"),
        (["check", "--per-file-ignores", "MS101"], "write GLOB:RULE"),
        (["explain", "MS10"], "no such rule `MS10`"),
        (["explain", "nothing"], "no such rule `nothing`; `modal-lint rules` lists them"),
        (["explain"], "error: missing argument 'RULE'; see `modal-lint explain -h`"),
        (["check", "--xyzzy"], "error: no such option `--xyzzy`; see `modal-lint check -h`"),
        (["check", "--config", "exit-zero=true"], "unknown key `exit-zero`: one of extend, select, "),
        (["check", "--config", "select=MS1"], "as in 'select=[\"MS1\"]'"),
        (["runtime", "secret", "delete", "nope", "--yes"], "`modal-lint runtime secret list` shows what there is"),
        (["explain", "hardcoded-envs"], "did you mean `hardcoded-env`?"),
    ],
)
def test_mistakes_are_one_line_and_status_two(project: Path, arguments: list[str], message: str) -> None:
    done = lint(*arguments, cwd=project)
    assert done.status == 2
    assert message in done.err
    assert len(done.err.splitlines()) == 1
    assert done.out == ""


@pytest.mark.parametrize("group", [["baseline"], ["secrets"], ["runtime"], ["runtime", "secret"]])
def test_a_group_without_a_command_shows_its_commands(project: Path, group: list[str]) -> None:
    done = lint(*group, cwd=project)
    assert "\nCommands:\n" in done.said, "as lines, not squeezed into one"
    assert "error:" not in done.said


@pytest.mark.skipif(not os.path.exists("/dev/full"), reason="needs a device that is full")
@pytest.mark.parametrize("arguments", [["check", "app.py"], ["rules"], ["--help"], ["inventory"]])
def test_standard_output_that_is_full(project: Path, arguments: list[str]) -> None:
    with open("/dev/full", "wb") as full:
        done = subprocess.run(
            [sys.executable, "-m", "modal_lint", *arguments],
            cwd=project,
            env={**os.environ, "PYTHONPATH": SOURCES},
            stdout=full,
            stderr=subprocess.PIPE,
            check=False,
        )
    assert done.returncode == 2
    assert done.stderr.decode().startswith("error: standard output cannot be written: no space left on device; ")
    assert len(done.stderr.splitlines()) == 1


def test_a_file_that_was_not_checked_comes_with_a_remedy(project: Path) -> None:
    (project / "broken.py").write_text("import modal\nx = (\n")
    assert "\n  help: mend it, run modal-lint on the version" in lint("check", "broken.py", cwd=project).out
    assert "\n  help: check the path; " in lint("check", "nowhere.py", cwd=project).out


def test_differences_say_that_there_are_unsafe_fixes(project: Path) -> None:
    done = lint("check", "--diff", "app.py", cwd=project)
    assert done.err == "No fixes (1 file checked).\n1 more fix with `--unsafe-fixes`.\n"


def test_explain_takes_a_code_or_a_name(project: Path) -> None:
    by_code, by_name = (lint("explain", word, cwd=project) for word in ("ms101", "hardcoded-env"))
    assert by_code == by_name
    assert by_code.out.startswith("hardcoded-env (MS101)")
    page = json.loads(lint("explain", "MS101", "--output-format", "json", cwd=project).out)
    assert (page["code"], page["name"], page["severity"]) == ("MS101", "hardcoded-env", "error")


def test_rules_lists_every_rule_once(project: Path) -> None:
    listed = json.loads(lint("rules", "--output-format", "json", cwd=project).out)
    codes = [rule["code"] for rule in listed]
    assert codes == sorted(set(codes))
    assert {"MS001", "MS002", "MS101"} <= set(codes)
    assert [line.split()[0] for line in lint("rules", cwd=project).out.splitlines()] == codes


def test_help_works_everywhere(project: Path) -> None:
    for command in ([], ["check"], ["fix"], ["explain"], ["rules"]):
        assert lint(*command, "-h", cwd=project).out == lint(*command, "--help", cwd=project).out
    assert lint("--version", cwd=project).out.startswith("modal-lint ")
    bare = lint(cwd=project)
    assert bare.status == 2
    assert "Usage:" in bare.err


def test_show_files_and_show_settings(project: Path) -> None:
    shown = lint("check", "--show-files", cwd=project).out.splitlines()
    assert shown == [str(project / "app.py"), str(project / "clean.py")]
    assert 'min-confidence = "low"' in lint("check", "--show-settings", "--min-confidence", "low", cwd=project).out


def test_names_of_files_cannot_steer_a_terminal(project: Path) -> None:
    nasty = project / "a\x1b[31m\nb.py"
    nasty.write_text("import modal\nprint 'x'\n")
    done = lint("check", nasty.name, cwd=project)
    assert "\x1b" not in done.said
    assert r"a\x1b[31m\nb.py" in done.out


@pytest.mark.skipif(os.name == "nt", reason="names of files are text there")
def test_names_of_files_that_are_no_text(project: Path) -> None:
    name = b"caf\xe9.py"
    with open(os.fsencode(project) + b"/" + name, "wb") as file:
        file.write(leaky(token(3)).encode())
    for form in ("full", "concise", "json"):
        done = lint("check", "--output-format", form, cwd=project)
        assert done.status == 1
        assert "caf" in done.out


def test_output_that_cannot_be_encoded_is_escaped(project: Path) -> None:
    done = lint("check", cwd=project, environment={"PYTHONIOENCODING": "ascii"})
    assert done.status == 1
    assert done.out.isascii()
