"""Input that other tools trip over: one clear line that names the file, the rest is checked, nothing hangs."""

from __future__ import annotations

import os
import socket
import sys
from typing import TYPE_CHECKING

import pytest
from lint_process import Done, leaky, lint, token
from modal_lint import engine
from modal_lint.settings import Settings

if TYPE_CHECKING:
    from pathlib import Path

# Each: the bytes of `bad.py`, and a part of the line about it; None where it is readable and clean.
CASES: dict[str, tuple[bytes, str | None]] = {
    "syntax error": (b"import modal\nx = (\n", "syntax error"),
    "stray indentation": (b"import modal\n  x = 1\n", "syntax error"),
    "python 2": (b"import modal\nprint 'hello'\n", "Python 2"),
    "latin-1 without cookie": (b"import modal\nx = '\xe9'\n", "encoding"),
    "latin-1 with cookie": (b"# coding: latin-1\nimport modal\nx = '\xe9'\n", None),
    "unknown cookie": (b"# coding: klingon\nimport modal\n", "encoding"),
    "cookie of a codec that makes no text": (b"# coding: hex\nimport modal\n", "not checked"),
    "nul bytes": (b"import modal\nx = 1\0\n", "NUL bytes"),
    "utf-16": ("import modal\n".encode("utf-16"), "is UTF-16"),
    "utf-16 of something else": ("import this\n".encode("utf-16"), None),
    "bom": (b"\xef\xbb\xbfimport modal\n", None),
    "crlf": (b"import modal\r\nx = 1\r\n", None),
    "lone cr": (b"import modal\rx = 1\r", None),
    "form feeds": (b"import modal\n\x0c\nx = 1\x0c\n", None),
    "empty": (b"", None),
    "no final newline": (b"import modal", None),
    "python 3.12 syntax": (b"import modal\ntype X = int\ndef f[T](x: T) -> T:\n    return x\n", None),
    "python 3.12 f-string": (b'import modal\nd = {"a": 1}\nx = f"{d["a"]}"\n', None),
    "20,000 lines": (b"import modal\n" + b"x = modal.App('a')\n" * 20_000, None),
    "one line of 5 MB": (b"import modal; x = '" + b"a" * 5_000_000 + b"'\n", None),
    "one list of 1 MB": (b"import modal\nx = [" + b"1, " * 330_000 + b"]\n", None),
    "3,000 brackets": (b"import modal\nx = " + b"[" * 3000 + b"]" * 3000 + b"\n", "nested too deeply"),
    "3,000 calls in a chain": (b"import modal\nx = modal.Image" + b".env({})" * 3000 + b"\n", None),
    "3,000 additions": (b"import modal\nx = modal.App('a' " + b"+ 'b' " * 3000 + b")\n", None),
    "90 nested ifs": (
        b"import modal\n" + b"".join(b" " * n + b"if 1:\n" for n in range(90)) + b" " * 90 + b"x\n",
        None,
    ),
}

# Whether the parser takes these depends on the Python that runs us; either way there is a clear answer.
_DEEP = ("3,000 calls in a chain", "3,000 additions")


def _one_line(done: Done, name: str) -> str:
    (line,) = [line for line in done.out.splitlines() if line.startswith(name)]
    return line


def _rest_is_checked(done: Done) -> None:
    assert any(line.startswith("good.py:4:") for line in done.out.splitlines())
    assert "Traceback" not in done.said
    assert done.err == ""


@pytest.mark.parametrize("case", CASES)
def test_contents(tmp_path: Path, case: str) -> None:
    content, message = CASES[case]
    (tmp_path / "bad.py").write_bytes(content)
    (tmp_path / "good.py").write_text(leaky())
    done = lint("check", ".", "--output-format", "concise", cwd=tmp_path)
    assert done.status == 1
    _rest_is_checked(done)
    if case in _DEEP and "bad.py" in done.out:
        message = "nested too deeply"
    if message is None:
        assert "bad.py" not in done.out
        assert "in 2 files checked" in done.out
    else:
        assert message in _one_line(done, "bad.py")
        assert "MS001" in _one_line(done, "bad.py")
        assert "in 1 file checked, 1 file not checked" in done.out


@pytest.mark.parametrize("ending", ["\r\n", "\r"])
def test_places_are_right_whatever_the_line_endings(tmp_path: Path, ending: str) -> None:
    (tmp_path / "app.py").write_bytes(b"\xef\xbb\xbf" + leaky().replace("\n", ending).encode())
    assert lint("check", "--output-format", "concise", cwd=tmp_path).out.startswith("app.py:4:")


def test_a_syntax_error_does_not_quote_the_source(tmp_path: Path) -> None:
    (tmp_path / "bad.py").write_text(f'import modal\nx = {{"HF_TOKEN": "{token()}" "\n')
    for flags in (["-v"], ["--output-format", "json"], ["--diff"]):
        done = lint("check", *flags, cwd=tmp_path)
        assert token() not in done.said
        assert "Traceback" not in done.said


def test_dangling_link(tmp_path: Path) -> None:
    (tmp_path / "good.py").write_text(leaky())
    (tmp_path / "bad.py").symlink_to("nowhere.py")
    done = lint("check", ".", "--output-format", "concise", cwd=tmp_path)
    _rest_is_checked(done)
    assert "dangling symbolic link" in _one_line(done, "bad.py")


def test_links_in_circles(tmp_path: Path) -> None:
    (tmp_path / "good.py").write_text(leaky())
    (tmp_path / "loop").symlink_to(tmp_path, target_is_directory=True)
    (tmp_path / "bad.py").symlink_to("bad.py")
    done = lint("check", ".", "--output-format", "concise", cwd=tmp_path)
    _rest_is_checked(done)
    assert "symbolic links" in _one_line(done, "bad.py")
    assert not any(line.startswith("loop") for line in done.out.splitlines())


def test_a_link_out_of_the_project_is_not_followed(tmp_path: Path) -> None:
    outside = tmp_path / "outside.py"
    outside.write_text(leaky(token(7)))
    inside = tmp_path / "project"
    inside.mkdir()
    (inside / "pyproject.toml").write_text("")
    (inside / "good.py").write_text(leaky())
    (inside / "bad.py").symlink_to(outside)
    done = lint("check", ".", "--output-format", "concise", cwd=inside)
    _rest_is_checked(done)
    assert "out of the project" in _one_line(done, "bad.py")
    assert lint("check", "bad.py", "--output-format", "concise", cwd=inside).out.startswith("bad.py:4:")


@pytest.mark.skipif(not hasattr(os, "mkfifo"), reason="needs named pipes")
@pytest.mark.parametrize("explicit", [True, False])
def test_pipes_and_sockets_are_not_waited_for(tmp_path: Path, explicit: bool) -> None:
    (tmp_path / "good.py").write_text(leaky())
    os.mkfifo(tmp_path / "pipe.py")
    listener = socket.socket(socket.AF_UNIX)
    os.chdir(tmp_path)
    listener.bind("sock.py")
    with listener:
        paths = ["good.py", "pipe.py", "sock.py"] if explicit else ["."]
        done = lint("check", *paths, "--output-format", "concise", cwd=tmp_path)
    _rest_is_checked(done)
    assert "a named pipe" in _one_line(done, "pipe.py")
    assert "a socket" in _one_line(done, "sock.py")


@pytest.mark.skipif(not hasattr(os, "mkfifo"), reason="needs named pipes")
def test_pipes_are_not_waited_for_where_callers_are_looked_for(tmp_path: Path) -> None:
    (tmp_path / "good.py").write_text(leaky() + "\n\ndef start(env):\n    modal.Sandbox.create(env=env)\n")
    os.mkfifo(tmp_path / "pipe.py")
    done = lint("check", "good.py", "--output-format", "concise", cwd=tmp_path)
    assert (done.status, done.err) == (1, "")


@pytest.mark.skipif(not hasattr(os, "mkfifo"), reason="needs named pipes")
@pytest.mark.parametrize("name", ["pyproject.toml", ".modal-lint.toml", ".gitignore"])
def test_pipes_in_place_of_configuration_are_not_waited_for(tmp_path: Path, name: str) -> None:
    (tmp_path / "good.py").write_text(leaky())
    os.mkfifo(tmp_path / name)
    done = lint("check", ".", cwd=tmp_path)
    assert done.status == (1 if name == ".gitignore" else 2)
    assert len(done.err.splitlines()) == (0 if name == ".gitignore" else 1)


@pytest.mark.skipif(not sys.platform.startswith("linux"), reason="root can give up its privileges on Linux only")
def test_directories_and_files_without_permission(tmp_path: Path) -> None:
    (tmp_path / "good.py").write_text(leaky())
    (tmp_path / "closed").mkdir()
    (tmp_path / "secret.py").write_text(leaky())
    (tmp_path / "closed").chmod(0)
    (tmp_path / "secret.py").chmod(0)
    try:
        done = lint("check", ".", "--output-format", "concise", cwd=tmp_path, humble=True)
    finally:
        (tmp_path / "closed").chmod(0o700)
    _rest_is_checked(done)
    assert "permission denied" in _one_line(done, "closed")
    assert "permission denied" in _one_line(done, "secret.py")


def test_a_file_that_vanishes_meanwhile(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    (tmp_path / "bad.py").write_text("import modal\n")
    (tmp_path / "good.py").write_text(leaky())
    session = engine.Session(["."], Settings())
    assert len(session.found.targets) == 2
    (tmp_path / "bad.py").unlink()
    report = session.run()
    assert [(failure.path, failure.reason) for failure in report.failures] == [("bad.py", "no such file or directory")]
    assert [finding.path for finding in report.findings] == ["good.py"]


def test_names_that_are_no_paths(tmp_path: Path) -> None:
    done = lint("check", "x" * 5000 + ".py", cwd=tmp_path)
    assert done.status == 1
    assert "file name too long" in done.out


def test_a_file_too_large_is_not_read(tmp_path: Path) -> None:
    with (tmp_path / "bad.py").open("wb") as file:
        file.truncate(1 << 40)
    (tmp_path / "good.py").write_text(leaky())
    done = lint("check", ".", "--output-format", "concise", cwd=tmp_path)
    _rest_is_checked(done)
    assert "larger than" in _one_line(done, "bad.py")


def test_standard_input_that_is_no_source(tmp_path: Path) -> None:
    done = lint("check", "-", "--output-format", "concise", cwd=tmp_path, stdin=b"import modal\n\0")
    assert done.status == 1
    assert done.out.startswith("-:")


def test_a_notebook_does_not_pass_for_clean(tmp_path: Path) -> None:
    (tmp_path / "a.ipynb").write_text('{"cells": [{"source": ["import modal"]}')
    (tmp_path / "b.ipynb").write_text('{"cells": []}')
    done = lint("check", "a.ipynb", "b.ipynb", "--output-format", "concise", cwd=tmp_path)
    assert done.status == 1
    assert done.out.startswith("a.ipynb:1:40: MS001 not checked: not a notebook: its JSON is broken here")
    assert "1 file checked, 1 file not checked" in done.out
