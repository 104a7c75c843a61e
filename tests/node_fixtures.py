"""A pytest plugin: Node and Modal's JavaScript SDK where tests ask for them."""

from __future__ import annotations

from typing import TYPE_CHECKING

import node
import pytest

if TYPE_CHECKING:
    from pathlib import Path


@pytest.fixture(scope="session")
def installed() -> None:
    """Node and the SDK, from npm."""
    try:
        node.install()
    except node.NoNodeError as error:
        pytest.skip(f"no JavaScript SDK: {error}")


@pytest.fixture
def js(installed: None, tmp_path: Path) -> node.Node:  # noqa: ARG001
    """Runs programs."""
    return node.Node(tmp_path)
