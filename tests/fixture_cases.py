"""What the tests of rules share: pages and fixtures with their expectations, written out with values filled in."""

from __future__ import annotations

import contextlib
import io
import json
import os
import re
from typing import TYPE_CHECKING, NamedTuple

import click  # noqa: F401 - without it, the entry point ends the process at once
from dotenv import dotenv_values
from material import fill
from modal_lint import start
from modal_lint.engine import Session
from modal_lint.selection import DEFAULT, Selection
from modal_lint.settings import Settings
from percent import notebook, rows

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Sequence
    from pathlib import Path

    from modal_lint.model import Report, Rule

_EXPECT = re.compile(r"[ \t]*# expect: ((?:MS\d{3})(?:, ?MS\d{3})*)[ \t]*$", re.MULTILINE)
_PLACEHOLDER = re.compile(r"⟨[^⟩]+⟩")
_BLOCK = re.compile(r"^```python (bad|good)\n(.*?)^```$", re.MULTILINE | re.DOTALL)

Expected = list[tuple[str, int, str]]  # path, line, code


class Done(NamedTuple):
    """What one call of the command line said."""

    status: int
    out: str
    err: str

    @property
    def said(self) -> str:
        return self.out + self.err


def blocks(page: str, kind: str) -> list[str]:
    """The code blocks of one kind of a rule's page."""
    return [found[2] for found in _BLOCK.finditer(page) if found[1] == kind]


def expected(path: str, text: str) -> Expected:
    """What the trailing comments of a text announce; in a notebook lines count inside their cell."""
    lines = text.split("\n")
    numbers = rows(text) if path.endswith(".ipynb") else range(1, len(lines) + 1)
    return [
        (path, number, code.strip())
        for number, line in zip(numbers, lines, strict=True)
        if (found := _EXPECT.search(line))
        for code in found[1].split(",")
    ]


def without_expectations(text: str) -> str:
    """The text with its announcements gone."""
    return _EXPECT.sub("", text)


def alike(text: str) -> str:
    """The text with one value for each kind of credential, so that no two values are in each other's way."""
    return re.sub(r"⟨([\w-]+):\d+⟩", r"⟨\1⟩", text)


def suppressing(text: str) -> str:
    """The text with its announcements turned into suppressions."""
    return _EXPECT.sub(lambda found: f"  # modal-lint: ignore[{found[1].replace(' ', '')}] a fixture", text)


def write(folder: Path, files: dict[str, str]) -> Path:
    """Write files, with placeholders filled in, as a project of their own; returns its folder."""
    folder.mkdir(parents=True, exist_ok=True)
    (folder / "pyproject.toml").touch()
    for name, text in files.items():
        path = folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        content = fill(text)
        if name.endswith(".ipynb") and not text.startswith("{"):
            content = notebook(content)
        path.write_text(content, encoding="utf-8", newline="")
    return folder


OPT_IN = "MS5"
"""The family that is off unless it is selected."""


def check(paths: Iterable[str], rules: Sequence[Rule] | None = None, *, extend: tuple[str, ...] = ()) -> Report:
    """The report of all rules on some paths, in this process; those of ``extend`` besides what is on by default."""
    settings = Settings(selections=(DEFAULT, Selection(extend=extend)))
    return Session(tuple(paths), settings, rules=rules, jobs=1).run()


def extended(code: str) -> tuple[str, ...]:
    """What has to be selected for the rule of a code, or the fixtures in a folder called so, to be checked."""
    return (OPT_IN,) if code.startswith(OPT_IN) else ()


def told(report: Report) -> Expected:
    """A report in the form of expectations, files that could not be read included."""
    found = [(one.path, one.span.line, one.code) for one in report.findings]
    return sorted([*found, *((one.path, one.line, "MS001") for one in report.failures)])


def run(*arguments: str) -> Done:
    """The command line in this process, in the current directory."""
    out, err = (io.TextIOWrapper(io.BytesIO(), "utf-8", newline="") for _ in range(2))
    status: object = 0
    with contextlib.redirect_stdout(out), contextlib.redirect_stderr(err):
        try:
            start.main(arguments)
        except SystemExit as stop:
            status = stop.code
    return Done(int(str(status or 0)), *(_content(stream) for stream in (out, err)))


def _content(stream: io.TextIOWrapper) -> str:
    stream.flush()
    held = stream.detach()
    assert isinstance(held, io.BytesIO)
    return held.getvalue().decode("utf-8")


def fix(*paths: str, extend: tuple[str, ...] = ()) -> Done:
    """Fix everything in some paths, unsafe fixes too."""
    selected = [word for code in extend for word in ("--extend-select", code)]
    return run("check", "--isolated", "--fix", "--unsafe-fixes", *selected, *paths)


def planted(text: str) -> list[str]:
    """The values that the placeholders of a text stand for."""
    return [fill(found[0]) for found in _PLACEHOLDER.finditer(text)]


def preserved(folder: Path) -> list[str]:
    """All values that fixes have preserved anywhere below a folder, as other tools read them."""
    values: list[str] = []
    for file in sorted(folder.rglob(".modal-lint/secrets/*")):
        if file.suffix == ".json":
            values += json.loads(file.read_text(encoding="utf-8")).values()
        else:
            values += (value or "" for value in dotenv_values(file, interpolate=False, encoding="utf-8").values())
    return values


def sources(folder: Path) -> Iterator[tuple[str, str]]:
    """The Python files below a folder, by path from there."""
    for path in sorted(folder.rglob("*.py")):
        yield os.fspath(path.relative_to(folder)), path.read_text(encoding="utf-8")
