"""The reference client runtime: Modal's Secrets, Apps, Images, Sandboxes and Functions, embedded.

`ModalClient` works on a workspace of this machine: no account, no network, no server. `AsyncModalClient` is the same
with ``await``. What every name means stands with it; the guide is docs/runtime.md.
"""

from __future__ import annotations

import importlib
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from modal_lint_runtime.aio import AsyncModalClient
    from modal_lint_runtime.aio_functions import AsyncFunction
    from modal_lint_runtime.aio_images import AsyncImage
    from modal_lint_runtime.aio_sandboxes import AsyncProcess, AsyncSandbox
    from modal_lint_runtime.apps import App
    from modal_lint_runtime.client import ModalClient
    from modal_lint_runtime.errors import (
        AlreadyExistsError,
        AuthError,
        ConflictError,
        ExecTimeoutError,
        ImageBuildError,
        InvalidError,
        MissingKeysError,
        ModalError,
        NotFoundError,
        PermissionDeniedError,
        ResourceExhaustedError,
        SandboxTerminatedError,
        SandboxTimeoutError,
        UnsupportedError,
        WorkspaceError,
    )
    from modal_lint_runtime.functions import Function, RemoteError
    from modal_lint_runtime.images import Image
    from modal_lint_runtime.isolation import Isolation
    from modal_lint_runtime.sandbox_process import Process
    from modal_lint_runtime.sandboxes import Sandbox
    from modal_lint_runtime.secrets import Secret
    from modal_lint_runtime.workspace import Workspace

_ERRORS = (
    "AlreadyExistsError",
    "AuthError",
    "ConflictError",
    "ExecTimeoutError",
    "ImageBuildError",
    "InvalidError",
    "MissingKeysError",
    "ModalError",
    "NotFoundError",
    "PermissionDeniedError",
    "ResourceExhaustedError",
    "SandboxTerminatedError",
    "SandboxTimeoutError",
    "UnsupportedError",
    "WorkspaceError",
)
_HOMES = {
    "App": "apps",
    "AsyncFunction": "aio_functions",
    "AsyncImage": "aio_images",
    "AsyncModalClient": "aio",
    "AsyncProcess": "aio_sandboxes",
    "AsyncSandbox": "aio_sandboxes",
    "Function": "functions",
    "Image": "images",
    "Isolation": "isolation",
    "ModalClient": "client",
    "Process": "sandbox_process",
    "RemoteError": "functions",
    "Sandbox": "sandboxes",
    "Secret": "secrets",
    "Workspace": "workspace",
    **dict.fromkeys(_ERRORS, "errors"),
}
"""Where each public name lives: a module is imported when one of its names is first asked for."""

__all__ = [
    "AlreadyExistsError",
    "App",
    "AsyncFunction",
    "AsyncImage",
    "AsyncModalClient",
    "AsyncProcess",
    "AsyncSandbox",
    "AuthError",
    "ConflictError",
    "ExecTimeoutError",
    "Function",
    "Image",
    "ImageBuildError",
    "InvalidError",
    "Isolation",
    "MissingKeysError",
    "ModalClient",
    "ModalError",
    "NotFoundError",
    "PermissionDeniedError",
    "Process",
    "RemoteError",
    "ResourceExhaustedError",
    "Sandbox",
    "SandboxTerminatedError",
    "SandboxTimeoutError",
    "Secret",
    "UnsupportedError",
    "Workspace",
    "WorkspaceError",
]


def __getattr__(name: str) -> Any:
    home = _HOMES.get(name)
    if home is None:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    value = getattr(importlib.import_module(f"{__name__}.{home}"), name)
    globals()[name] = value
    return value


def __dir__() -> list[str]:
    return sorted({*globals(), *__all__})
