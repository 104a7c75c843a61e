"""A workspace for many programs: what the fixture ``modal_workspace`` gives to one test."""

from __future__ import annotations

import contextlib
from typing import TYPE_CHECKING

import pytest
from modal_lint_runtime.pytest_plugin import ModalWorkspace, _forget_client
from modal_lint_runtime.server.serving import Running
from modal_lint_runtime.server.variables import CLEARED
from modal_lint_runtime.workspace import Workspace

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path


@contextlib.contextmanager
def workspace(folder: Path) -> Iterator[ModalWorkspace]:
    """A workspace on a server of its own, with this process's environment and the `modal` package pointed at it."""
    with pytest.MonkeyPatch.context() as patch, Workspace(folder) as made, Running(made) as server:
        for name in CLEARED:
            patch.delenv(name, raising=False)
        for name, value in server.environment({}).items():
            patch.setenv(name, value)
        _forget_client()
        try:
            yield ModalWorkspace(made, server)
        finally:
            _forget_client()
