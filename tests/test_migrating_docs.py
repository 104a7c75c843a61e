"""docs/migrating.md, followed word by word in a scratch repository."""

from __future__ import annotations

import os
import re
import shlex
import subprocess
import sys
from pathlib import Path

import pytest
from lint_process import SOURCES

pytest.importorskip("modal")

PAGE = Path(__file__).resolve().parent.parent / "docs/migrating.md"
BLOCK = re.compile(r"^```(\w+)[^\n]*\n(.*?)^```$", re.MULTILINE | re.DOTALL)
# What differs from run to run.
CHANGING = re.compile(r"\d{4}-\d\d-\d\d \([0-9a-f]{7,}\)")


def commands(blocks: list[tuple[str, str]]) -> list[tuple[str, list[str]]]:
    """Every command of the page and the lines that it is said to print."""
    found: list[tuple[str, list[str]]] = []
    for line in (line for kind, text in blocks if kind == "console" for line in text.splitlines()):
        if line.startswith("$ "):
            found.append((line[2:], []))
        else:
            found[-1][1].append(line)
    return found


def expected(lines: list[str]) -> re.Pattern[str]:
    """A pattern for what is said; ``…`` stands for anything."""
    text = re.escape(CHANGING.sub("WHEN", "\n".join(lines)))
    return re.compile(text.replace("…", ".*"), re.DOTALL)


def test_the_page_is_true(tmp_path: Path) -> None:
    blocks = BLOCK.findall(PAGE.read_text(encoding="utf-8"))
    (source,) = [text for kind, text in blocks if kind == "python"]
    (tmp_path / "app.py").write_text(source)
    (tmp_path / "pyproject.toml").write_text("")
    identity = ("-c", "user.name=n", "-c", "user.email=e@example.com", "-c", "commit.gpgSign=false")
    for command in (("init", "-q", "-b", "main"), ("add", "."), (*identity, "commit", "-q", "-m", "first")):
        subprocess.run(["git", *command], cwd=tmp_path, check=True)
    environment = {
        **{name: value for name, value in os.environ.items() if not name.startswith("MODAL_")},
        "MODAL_LINT_RUNTIME_DIR": str(tmp_path / ".workspace"),
        "MODAL_LINT_RUNTIME_KEYRING": "0",
        "PYTHONPATH": SOURCES,
        "COLUMNS": "200",
    }
    for line, said in commands(blocks):
        words = [sys.executable if word == "python" else word for word in shlex.split(line)]
        program = {"modal-lint": "modal_lint", "modal": "modal"}[words[0]]
        # `modal` asks for an account; its options are those of the real command.
        arguments = words[1:] if program == "modal_lint" else [*words[1:3], "--help"]
        done = subprocess.run(
            [sys.executable, "-m", program, *arguments],
            cwd=tmp_path,
            env=environment,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            check=False,
        )
        assert done.returncode == (1 if "check" in words else 0), done.stdout
        if program == "modal":
            assert all(word in done.stdout for word in words if word.startswith("--"))
        else:
            assert expected(said).search(CHANGING.sub("WHEN", done.stdout)), (line, done.stdout)
