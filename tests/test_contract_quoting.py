"""Which variables a build step's argument keeps as they are written: the contract, and the SDK's parameters."""

from __future__ import annotations

import inspect

import pytest
from modal_lint_runtime import contract

modal = pytest.importorskip("modal")


@pytest.mark.parametrize("step", contract.QUOTED_ARGUMENTS)
def test_the_contract_names_parameters_of_the_sdk(step: str) -> None:
    parameters = inspect.signature(getattr(modal.Image, step)).parameters
    assert set(parameters) >= contract.QUOTED_ARGUMENTS[step]


def test_literal_variables() -> None:
    assert contract.literal_variables("pip_install", "index_url", "https://$A@h/${B}") == ("A", "B")
    assert contract.literal_variables("pip_install", "extra_options", "https://$A@h") == ()
    assert contract.literal_variables("run_commands", "commands", "echo $A") == ()
    assert contract.literal_variables("uv_pip_install", "packages", "p @ git+https://${A}@h/$B") == ("B",)
    assert contract.literal_variables("uv_pip_install", "index_url", "https://${A}@h") == ("A",)
