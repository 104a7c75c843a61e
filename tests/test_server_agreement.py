"""The in-process client and the Python SDK through the local server: the same scenarios, the same outcomes."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

pytest.importorskip("modal")

from agreement import SCENARIOS, Scenario
from faces import ClientFace, SdkFace
from modal_lint_runtime import ModalClient
from modal_lint_runtime.isolation import detect

if TYPE_CHECKING:
    from pathlib import Path

    from modal_lint_runtime.pytest_plugin import ModalWorkspace

pytest_plugins = ["modal_lint_runtime.pytest_plugin"]


@pytest.fixture(autouse=True)
def elsewhere(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The working directory is the build context of commands that name none: an empty one, not this repository."""
    (tmp_path / "here").mkdir()
    monkeypatch.chdir(tmp_path / "here")


def needs(scenario: Scenario) -> None:
    if scenario.layers and not detect().filesystem:
        pytest.skip("builds need a private file system")


@pytest.mark.parametrize("scenario", SCENARIOS, ids=lambda scenario: scenario.name)
def test_client(scenario: Scenario, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    needs(scenario)
    monkeypatch.setenv("MODAL_LINT_RUNTIME_KEYRING", "0")
    with ModalClient(path=tmp_path / "workspace") as client:
        assert scenario.run(ClientFace(client)) == scenario.outcome


@pytest.mark.parametrize("scenario", SCENARIOS, ids=lambda scenario: scenario.name)
def test_sdk(scenario: Scenario, modal_workspace: ModalWorkspace) -> None:
    needs(scenario)
    assert modal_workspace.url
    assert scenario.run(SdkFace()) == scenario.sdk


@pytest.mark.parametrize("scenario", [each for each in SCENARIOS if each.sandboxes], ids=lambda scenario: scenario.name)
def test_sdk_on_v1(scenario: Scenario, modal_workspace: ModalWorkspace, monkeypatch: pytest.MonkeyPatch) -> None:
    needs(scenario)
    monkeypatch.setenv("MODAL_SANDBOX_V2", "0")
    assert modal_workspace.url
    assert scenario.run(SdkFace()) == scenario.sdk


def test_a_difference_has_a_reason() -> None:
    assert [each.name for each in SCENARIOS if (each.sdk != each.outcome) != bool(each.because)] == []
