"""A pytest fixture that gives a test suite a Modal workspace of its own.

Put `pytest_plugins = ["modal_lint_runtime.pytest_plugin"]` into `conftest.py`; needs `modal-lint[server]`.
"""

from __future__ import annotations

import contextlib
import os
from typing import TYPE_CHECKING

import pytest

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from modal_lint_runtime.server.serving import Running
    from modal_lint_runtime.workspace import Workspace


class ModalWorkspace:
    """A fresh workspace that the real SDKs are pointed at while a test runs."""

    def __init__(self, workspace: Workspace, server: Running) -> None:
        self.workspace = workspace
        self.server = server

    @property
    def url(self) -> str:
        """Where the workspace is served."""
        return self.server.url

    def secret(self, name: str, entries: Mapping[str, str], environment: str = "main") -> None:
        """Create a named Secret, or give an existing one these values. Raises InvalidError."""
        self.workspace.secret_create(name, dict(entries), environment, on_conflict="overwrite")

    def environment(self, base: Mapping[str, str] | None = None) -> dict[str, str]:
        """The environment of a program that shall talk to this workspace alone (default base: this process's)."""
        return self.server.environment(os.environ if base is None else base)


@contextlib.contextmanager
def serve_workspace(path: str | os.PathLike[str]) -> Iterator[ModalWorkspace]:
    """The workspace in the directory `path` on a server of its own, with this process pointed at it.

    For a fixture of another scope than `modal_workspace` has.
    """
    with pytest.MonkeyPatch.context() as patch, _served(path, patch) as served:
        yield served


@pytest.fixture
def modal_workspace(
    tmp_path_factory: pytest.TempPathFactory, monkeypatch: pytest.MonkeyPatch
) -> Iterator[ModalWorkspace]:
    """A workspace on a server of its own, with this process's environment and the `modal` package pointed at it."""
    pytest.importorskip("modal", reason="needs modal-lint[server]")
    # The test's own patches of the environment are undone together with these, in the right order.
    with _served(tmp_path_factory.mktemp("modal-workspace"), monkeypatch) as served:
        yield served


@contextlib.contextmanager
def _served(path: str | os.PathLike[str], patch: pytest.MonkeyPatch) -> Iterator[ModalWorkspace]:
    from modal_lint_runtime.server.sdk import one_server
    from modal_lint_runtime.server.serving import Running
    from modal_lint_runtime.server.variables import CLEARED
    from modal_lint_runtime.workspace import Workspace

    with Workspace(os.fspath(path)) as workspace, Running(workspace) as server:
        for name in CLEARED:
            patch.delenv(name, raising=False)
        for name, value in server.exports.items():
            patch.setenv(name, value)
        with one_server(server.url):
            yield ModalWorkspace(workspace, server)
