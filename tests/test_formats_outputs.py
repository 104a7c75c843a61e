"""Where reports go: several at once, whole or not at all, and the summary of a job on GitHub."""

from __future__ import annotations

import json
import os
import re
import stat
import subprocess
import sys
import threading
from typing import TYPE_CHECKING

import pytest
from fixture_cases import run
from format_grammars import MACHINE_FORMATS, read
from lint_process import SOURCES, leaky, lint, token
from modal_lint.report import FORMATS

if TYPE_CHECKING:
    from pathlib import Path

_FIXABLE = "import modal\nx = 1  # modal-lint: ignore[MS101] old\n"  # MS002, whose fix is safe


@pytest.fixture
def project(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A project with one finding in `app.py`; the current directory."""
    monkeypatch.chdir(tmp_path)
    for name in ("MODAL_LINT_OUTPUT_FORMAT", "GITHUB_STEP_SUMMARY"):
        monkeypatch.delenv(name, raising=False)
    (tmp_path / "pyproject.toml").write_text("")
    (tmp_path / "app.py").write_text(leaky())
    return tmp_path


def test_several_formats_at_once(project: Path) -> None:
    (project / "out").mkdir()
    done = run("check", *(f"--output={form}=out/{form}" for form in FORMATS))
    assert done.status == 1
    assert done.out.startswith("app.py:4:")
    assert "Found 1 finding" in done.out
    assert done.err == ""
    assert sorted(os.listdir(project / "out")) == sorted(FORMATS)
    for form in FORMATS:
        text = (project / "out" / form).read_text(encoding="utf-8")
        assert "Found" not in text.replace("Found 1 finding in 1 file checked.\n\n", "") or form == "markdown"
        assert token() not in text
        assert form not in MACHINE_FORMATS or len(read(form, text)) == 1


def test_the_file_of_output_file_and_others_and_standard_output(project: Path) -> None:
    flags = ("--output-format=concise", "-o", "a.txt", "--output", "json=-", "--output", "sarif=b.sarif")
    done = run("check", *flags)
    assert (project / "a.txt").read_text().startswith("app.py:4:")
    assert json.loads(done.out)[0]["code"] == "MS101"
    assert json.loads((project / "b.sarif").read_text())["version"] == "2.1.0"
    assert "Found 1 finding" in done.err


def test_standard_output_takes_the_format_that_is_given_it(project: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    for form in (None, "concise"):
        if form:
            monkeypatch.setenv("MODAL_LINT_OUTPUT_FORMAT", form)
        done = run("check", "--output=json-lines=-")
        assert json.loads(done.out)["code"] == "MS101"
        assert "Found 1 finding" in done.err
    monkeypatch.delenv("MODAL_LINT_OUTPUT_FORMAT")
    (project / "pyproject.toml").write_text('[tool.modal-lint]\noutput-format = "github"\n')
    assert run("check").out.startswith("::error ")
    assert run("check", "--output=junit=-").out.startswith("<?xml")
    assert run("check", "--output=grouped=-").out.startswith("app.py:\n")


@pytest.mark.parametrize(
    ("flags", "message"),
    [
        (["--output", "json"], "--output: write FORMAT=PATH"),
        (["--output", "json="], "--output: write FORMAT=PATH"),
        (["--output", "jsno=a"], "--output: no such format `jsno`; did you mean `json`?"),
        (["--output", "zzz=a"], "--output: no such format `zzz`: one of full, concise"),
        (["--output", "json=-", "--output", "sarif=-"], "standard output can take one format only"),
        (["--output", "json=a", "--output", "sarif=./a"], "`a` can take one format only"),
        (["--output", "json=a", "-o", "a"], "`a` can take one format only"),
        (["--output", "json=-", "--output-format", "full"], "--output json=-: standard output is --output-format's"),
        (["--output", "json=-", "--diff"], "--output json=-: standard output is for the differences"),
        (
            ["--output", "sarif=no/such/dir"],
            "--output sarif: `no/such/dir` cannot be written: there is no such directory",
        ),
        (["--output", "sarif=."], "--output sarif: `.` cannot be written: it is a directory"),
        (["-o", "no/such/dir"], "--output-file: `no/such/dir` cannot be written: there is no such directory"),
        (["--output", "sarif=app.py"], "--output sarif: `app.py` is a file that is checked"),
        (["-o", "app.py"], "--output-file: `app.py` is a file that is checked"),
        (["--statistics", "--output-format", "sarif"], "--statistics: not in the format sarif"),
        (["--output-format", "sraif"], "'sraif' is not one of"),
    ],
)
def test_mistakes_are_one_line_and_nothing_is_written(project: Path, flags: list[str], message: str) -> None:
    before = {path.name: path.read_bytes() for path in project.iterdir()}
    done = run("check", *flags)
    assert (done.status, done.out) == (2, "")
    assert message in done.err
    assert len(done.err.splitlines()) == 1
    assert {path.name: path.read_bytes() for path in project.iterdir()} == before


def test_output_of_what_is_fixed_has_standard_output_for_itself(project: Path) -> None:
    done = lint("check", "-", "--fix", "--output", "json=-", cwd=project, stdin=_FIXABLE.encode())
    assert (done.status, done.out) == (2, "")
    assert "standard output is for what was fixed" in done.err
    done = lint("check", "-", "--fix", "--output", "json=left.json", cwd=project, stdin=_FIXABLE.encode())
    assert done.out == "import modal\nx = 1\n"
    assert json.loads((project / "left.json").read_text()) == []


def test_reports_tell_what_fixes_leave(project: Path) -> None:
    (project / "app.py").write_text(_FIXABLE)
    done = run("fix", "--output", "json=left.json", "--output", "sarif=-")
    assert done.status == 0
    assert json.loads((project / "left.json").read_text()) == []
    assert read("sarif", done.out) == []


def test_differences_and_statistics_go_with_reports(project: Path) -> None:
    done = run("check", "--diff", "--unsafe-fixes", "--output", "sarif=a.sarif")
    assert done.out.startswith("--- app.py")
    assert len(read("sarif", (project / "a.sarif").read_text())) == 1
    done = run("check", "--statistics", "-q", "--output", "sarif=b.sarif")
    assert done.out.split()[:2] == ["1", "MS101"]
    assert (project / "b.sarif").read_bytes() == (project / "a.sarif").read_bytes()


@pytest.mark.parametrize("flag", ["-q", "-s", "-e", "-v"])
def test_files_are_written_however_little_is_printed(project: Path, flag: str) -> None:
    done = run("check", flag, "-o", "a.txt", "--output", "json=b.json", "--output", "concise=-")
    assert done.status == (0 if flag == "-e" else 1)
    assert "MS101" in (project / "a.txt").read_text()
    assert json.loads((project / "b.json").read_text())[0]["code"] == "MS101"
    assert bool(done.out) is (flag != "-s")
    if flag == "-s":
        assert done.said == ""


# ---- files ------------------------------------------------------------------------------------------------------


def test_a_report_is_replaced_whole_and_keeps_its_permissions(project: Path) -> None:
    report = project / "out.json"
    report.write_text("old")
    report.chmod(0o640)
    (project / "link.json").symlink_to("out.json")
    with report.open() as held:
        assert run("check", "--output", "json=link.json").status == 1
        assert held.read() == "old", "who has opened the old report reads it to its end"
    assert (project / "link.json").is_symlink()
    assert json.loads(report.read_text())
    assert stat.S_IMODE(report.stat().st_mode) == 0o640
    assert sorted(path.name for path in project.iterdir()) == ["app.py", "link.json", "out.json", "pyproject.toml"]


def test_a_new_report_has_the_permissions_of_a_new_file(project: Path) -> None:
    run("check", "--output", "json=out.json")
    (project / "plain").touch()
    assert stat.S_IMODE((project / "out.json").stat().st_mode) == stat.S_IMODE((project / "plain").stat().st_mode)


@pytest.mark.skipif(not sys.platform.startswith("linux"), reason="root can give up its privileges on Linux only")
def test_a_report_that_cannot_be_written_is_a_mistake(project: Path) -> None:
    (project / "closed").mkdir()
    (project / "kept.json").write_text("old")
    (project / "kept.json").chmod(0o400)
    (project / "closed").chmod(0o500)
    try:
        for path in ("closed/out.json", "kept.json"):
            done = lint("check", "-q", "--output", f"json={path}", cwd=project, humble=True)
            assert done.status == 2
            assert done.err == f"error: --output json: `{path}` cannot be written: permission denied\n"
        done = lint("check", "-o", "closed/out.json", cwd=project, humble=True)
        assert done.err == "error: --output-file: `closed/out.json` cannot be written: permission denied\n"
    finally:
        (project / "closed").chmod(0o700)
    assert (project / "kept.json").read_text() == "old"
    assert os.listdir(project / "closed") == []


@pytest.mark.skipif(not hasattr(os, "mkfifo"), reason="needs named pipes")
def test_what_is_no_file_is_written_into(project: Path) -> None:
    os.mkfifo(project / "pipe")
    heard: list[str] = []
    listener = threading.Thread(target=lambda: heard.append((project / "pipe").read_text()))
    listener.start()
    done = lint("check", "-q", "--output", "json=pipe", "--output", "concise=/dev/stderr", cwd=project)
    listener.join(10)
    assert json.loads(heard[0])[0]["code"] == "MS101"
    assert done.err.startswith("app.py:4:")
    assert stat.S_ISFIFO((project / "pipe").stat().st_mode)
    assert run("check", "-q", "--output", "json=/dev/null").status == 1


def test_reports_are_written_though_nobody_reads_standard_output(project: Path) -> None:
    (project / "app.py").write_text("".join(leaky(token(n)) for n in range(40)))
    command = [sys.executable, "-m", "modal_lint", "check", "--output", "json=out.json"]
    reading, writing = os.pipe()
    os.close(reading)
    with os.fdopen(writing, "wb") as out:
        environment = {**os.environ, "PYTHONPATH": SOURCES}
        done = subprocess.run(command, cwd=project, env=environment, stdout=out, stderr=subprocess.PIPE, check=False)
    assert done.returncode == 1
    assert len(json.loads((project / "out.json").read_text())) == 40


def test_names_and_messages_that_no_encoding_has(project: Path) -> None:
    with open(os.fsencode(project) + b"/caf\xe9.py", "wb") as file:
        file.write(leaky(token(3)).encode())
    (project / "out").mkdir()
    flags = [f"--output={form}=out/{form}" for form in FORMATS]
    done = lint("check", *flags, cwd=project, environment={"PYTHONIOENCODING": "ascii"})
    assert done.out.isascii()
    for form in MACHINE_FORMATS:
        assert len(read(form, (project / "out" / form).read_text(encoding="utf-8"))) == 2


# ---- the summary of a job on GitHub -----------------------------------------------------------------------------


def _summarised(project: Path, *flags: str) -> tuple[str, str]:
    file = project / "summary.md"
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("GITHUB_STEP_SUMMARY", str(file))
        done = run("check", *flags)
    return file.read_text(encoding="utf-8") if file.exists() else "", done.err


@pytest.mark.parametrize("flags", [("app.py",), ("-q", "app.py"), ("--output-format", "github"), ("--diff",)])
def test_a_summary_is_appended_on_the_plain_way_and_the_other(project: Path, flags: tuple[str, ...]) -> None:
    (project / "summary.md").write_text("before\n")
    text, _ = _summarised(project, *flags)
    assert text.startswith("before\n## modal-lint\n\nFound 1 finding in 1 file checked.\n")
    assert re.search(r"^\| app.py:4:\d+ \| MS101 \| error \| HF_TOKEN ", text.replace("&#58;", ":"), re.MULTILINE)
    assert token() not in text
    assert token()[-8:] not in text


def test_a_clean_run_has_a_summary_and_a_silent_one_has_none(project: Path) -> None:
    (project / "app.py").write_text("import modal\n")
    text, _ = _summarised(project)
    assert text == "## modal-lint\n\nAll checks passed! (1 file checked)\n"
    (project / "summary.md").unlink()
    assert _summarised(project, "-s") == ("", "")


def test_a_summary_stays_within_what_github_takes(project: Path) -> None:
    (project / "app.py").write_text(leaky() + "".join(leaky(token(n)) for n in range(2, 12)))
    (project / "summary.md").write_bytes(b"x" * ((1 << 20) - 1_200))
    text, err = _summarised(project, "-q")
    assert (1 << 20) - 400 < len(text.encode()) <= 1 << 20
    assert re.search(r"… and \d+ more findings\.\n$", text)
    assert err == ""
    (project / "summary.md").write_bytes(b"x" * (1 << 20))
    text, err = _summarised(project, "-q")
    assert len(text) == 1 << 20
    assert err == "warning: GITHUB_STEP_SUMMARY has no room left\n"


@pytest.mark.parametrize("place", ["folder", "no/such/file", "pipe"])
def test_a_summary_never_fails_the_run(project: Path, place: str, monkeypatch: pytest.MonkeyPatch) -> None:
    (project / "folder").mkdir()
    os.mkfifo(project / "pipe")
    monkeypatch.setenv("GITHUB_STEP_SUMMARY", place)
    done = run("check", "app.py")
    assert done.status == 1
    assert "Found 1 finding" in done.out
    assert done.err.startswith("warning: GITHUB_STEP_SUMMARY cannot be written: ")
    assert len(done.err.splitlines()) == 1


@pytest.mark.usefixtures("project")
def test_github_actions_changes_no_format(monkeypatch: pytest.MonkeyPatch) -> None:
    plain = run("check", "app.py")
    monkeypatch.setenv("GITHUB_ACTIONS", "true")
    monkeypatch.setenv("CI", "true")
    assert run("check", "app.py") == plain


@pytest.mark.skipif(os.name == "nt", reason="needs terminals of its own")
@pytest.mark.parametrize("ci", ["", "true"])
def test_no_progress_bar_in_ci_even_on_a_terminal(project: Path, ci: str) -> None:
    import pty

    impatient = "from modal_lint import start, terminal; terminal._PATIENCE = 0; start.main(['check', 'app.py'])"
    control, screen = pty.openpty()
    environment = {**os.environ, "PYTHONPATH": SOURCES, "TERM": "xterm", "CI": ci}
    command = [sys.executable, "-c", impatient]
    done = subprocess.run(
        command, cwd=project, env=environment, stdout=subprocess.PIPE, stderr=screen, timeout=60, check=False
    )
    os.write(screen, b"end")
    assert done.returncode == 1
    assert (b"Checking" in os.read(control, 10_000)) is not bool(ci)
    os.close(control)
    os.close(screen)
