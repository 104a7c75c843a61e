"""Which source of a variable wins: `docs/precedence.md` says what really happens, and so does the contract."""

from __future__ import annotations

import os
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

pytest.importorskip("modal")

import node
import precedence_page
from modal_lint_runtime.isolation import detect
from modal_lint_runtime.server.serving import Running
from modal_lint_runtime.workspace import Workspace
from precedence_cases import BASE, Case, cases, expected, order
from precedence_page import Servers, columns, introduction

if TYPE_CHECKING:
    from collections.abc import Iterator

pytest_plugins = ["node_fixtures"]

PAGE = Path(__file__).parent.parent / "docs" / "precedence.md"
SAMPLE = ((("dict A", "named A"), False), (("named A", "dict A", "named B"), True))
"""The cases that are run anew: a dict before a name, which older SDKs had the other way round, and the longest."""


def sample(target: str) -> list[Case]:
    return [case for case in cases(target) if (case.secrets, case.env) in SAMPLE]


def cells(case: Case) -> list[str]:
    """The cells of a case's row on the page."""
    section = PAGE.read_text(encoding="utf-8").split(f"## {precedence_page.TITLES[case.target]}\n")[1].split("\n## ")[0]
    begin = precedence_page.row(case, [])
    (line,) = [line for line in section.splitlines() if line.startswith(begin)]
    return [cell.strip() for cell in line.removeprefix(begin).strip(" |").split("|")]


@pytest.fixture(scope="module")
def servers(installed: None, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Servers]:  # noqa: ARG001
    """A server of a workspace with the named Secrets."""
    path, programs = tmp_path_factory.mktemp("workspace"), tmp_path_factory.mktemp("programs")
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("MODAL_LINT_RUNTIME_KEYRING", "0")
        with Workspace(path) as workspace, Running(workspace) as server:
            precedence_page.plant(workspace)
            yield Servers(path, server.environment(os.environ), node.Node(programs))


@pytest.mark.parametrize("target", BASE)
def test_the_page_says_what_the_contract_says(target: str) -> None:
    sdks = [column.sdk for column in columns(target)]
    for case in cases(target):
        assert cells(case) == [order(expected(case, sdk)) for sdk in sdks], case.id


def test_the_page_is_of_the_versions_that_run_here() -> None:
    assert PAGE.read_text(encoding="utf-8").startswith(introduction())


@pytest.mark.skipif(not detect().filesystem, reason="images need a private file system")
@pytest.mark.parametrize("target", BASE)
def test_the_page_is_true(target: str, servers: Servers) -> None:
    if target in ("options", "chained"):
        precedence_page.deploy(servers)
    some = sample(target)
    assert some
    for number, column in enumerate(columns(target)):
        observed = column.run(servers, some)
        for case in some:
            assert observed[case.id] == expected(case, column.sdk), f"{column.title}, {case.id}"
            assert order(observed[case.id]) == cells(case)[number]
