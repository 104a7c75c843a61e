"""A pytest fixture that gives a test suite a Modal workspace of its own.

Put `pytest_plugins = ["modal_lint_runtime.pytest_plugin"]` into `conftest.py`; needs `modal-lint[server]`.
"""

from __future__ import annotations

import os
from typing import TYPE_CHECKING, Any

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


@pytest.fixture
def modal_workspace(
    tmp_path_factory: pytest.TempPathFactory, monkeypatch: pytest.MonkeyPatch
) -> Iterator[ModalWorkspace]:
    """A workspace on a server of its own, with this process's environment and the `modal` package pointed at it."""
    pytest.importorskip("modal", reason="needs modal-lint[server]")
    from modal_lint_runtime.server.serving import Running
    from modal_lint_runtime.server.variables import CLEARED
    from modal_lint_runtime.workspace import Workspace

    with Workspace(tmp_path_factory.mktemp("modal-workspace")) as workspace, Running(workspace) as server:
        for name in CLEARED:
            monkeypatch.delenv(name, raising=False)
        for name, value in server.environment({}).items():
            monkeypatch.setenv(name, value)
        _forget_client()
        try:
            yield ModalWorkspace(workspace, server)
        finally:
            _forget_client()


def _forget_client() -> None:
    """Make the Python SDK read its configuration anew: it keeps one client per process, made from the environment."""
    import modal.client
    from modal._utils.async_utils import synchronizer

    client_class: Any = modal.client._Client
    client = client_class._client_from_env
    client_class._set_env_client(None)
    if client is not None:

        async def close() -> None:
            await client.close()

        synchronizer.create_blocking(close)()
    forget_default_images()


def forget_default_images() -> None:
    """Make the Python SDK build anew the image of calls that name none: it keeps one per process, of its workspace."""
    import modal.app
    import modal.sandbox._common

    owners: tuple[Any, ...] = (modal.app, modal.sandbox._common)
    for owner in owners:
        image = getattr(owner, "_default_image", None)  # private: another version may have none
        if image is not None:
            image._unhydrate()
