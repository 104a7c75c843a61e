"""docs/server.md says what the server does."""

from __future__ import annotations

import re
from importlib.metadata import version
from pathlib import Path

import pytest

pytest.importorskip("modal")

from click.testing import CliRunner
from modal_lint_runtime.command_serve import exec_, serve
from modal_lint_runtime.server.table import renewed, served

PAGE = Path(__file__).parent.parent / "docs" / "server.md"


def test_the_table_of_calls_is_current() -> None:
    page = PAGE.read_text(encoding="utf-8")
    assert served() in page, "run: python -m modal_lint_runtime.server.table docs/server.md"
    if f"of `modal` {version('modal')})" in page:
        assert renewed(page) == page


@pytest.mark.parametrize("command", [serve, exec_])
def test_every_option_is_in_the_page(command: object) -> None:
    page = PAGE.read_text(encoding="utf-8")
    shown = CliRunner().invoke(command, ["--help"]).output  # type: ignore[arg-type]
    options = set(re.findall(r"--[a-z-]+", shown)) - {"--help"}
    assert {option for option in options if f"`{option}" not in page} == set()
