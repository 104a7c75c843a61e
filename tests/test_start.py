"""The entry point: the short way past the parser must mean what the parser would have understood."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from modal_lint import cli, command, start

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

_WORDS = st.sampled_from(
    [
        *("check", "fix", "rules", "a.py", "sub", "sub/b.py", "missing.py", "-", "--", "", "-q", "--quiet", "-qq"),
        *("--force-exclude", "--no-force-exclude", "--no-cache", "--cache-dir", "-s", "-h", "--select", "MS101"),
    ]
)


@pytest.fixture
def project(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[list[command.Request]]:
    (tmp_path / "sub").mkdir()
    for name in ("a.py", "sub/b.py"):
        (tmp_path / name).write_text("x = 1\n")
    monkeypatch.chdir(tmp_path)
    asked: list[command.Request] = []
    monkeypatch.setattr(command, "check", lambda request: asked.append(request))
    yield asked
    assert os.getcwd() == str(tmp_path)


@settings(suppress_health_check=[HealthCheck.function_scoped_fixture], max_examples=400)
@given(st.lists(_WORDS, max_size=4).map(lambda words: ["check", *words]))
def test_the_short_way_means_what_the_parser_understands(project: list[command.Request], words: list[str]) -> None:
    request = start.plain(words)
    if request is None:
        return
    project.clear()
    cli.run(words)
    assert project == [request]


def test_the_short_way_is_taken_by_the_hook_and_by_hand(project: list[command.Request]) -> None:
    assert start.plain(["check", "--force-exclude", "a.py", "sub/b.py"]) is not None
    assert start.plain(["check"]) == start.plain(["check", "."])
    assert start.plain(["check", "--select", "MS101", "a.py"]) is None
    assert start.plain(["check", "missing.py"]) is None
    assert project == []
