"""The client, with ``await``."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING, NoReturn

from modal_lint_runtime import contract
from modal_lint_runtime.aio_base import Lifted, Threads, lifted
from modal_lint_runtime.aio_functions import AsyncFunctions
from modal_lint_runtime.aio_images import AsyncImages
from modal_lint_runtime.aio_sandboxes import AsyncSandboxes
from modal_lint_runtime.apps import Apps
from modal_lint_runtime.client import chosen_backend
from modal_lint_runtime.environments import Environments
from modal_lint_runtime.errors import UnsupportedError
from modal_lint_runtime.functions import Functions
from modal_lint_runtime.images import Images
from modal_lint_runtime.sandboxes import Sandboxes
from modal_lint_runtime.scope import Scope
from modal_lint_runtime.secrets import Secrets

if TYPE_CHECKING:
    from pathlib import Path

    from modal_lint_runtime.client import BackendName, EngineName, IsolationName


class AsyncSecrets(Lifted[Secrets]):
    """`client.secrets`, with ``await``."""

    from_name = lifted(Secrets.from_name)
    from_object = lifted(Secrets.from_object)
    create = lifted(Secrets.create)
    update = lifted(Secrets.update)
    list = lifted(Secrets.list)
    delete = lifted(Secrets.delete)


class AsyncApps(Lifted[Apps]):
    """`client.apps`, with ``await``."""

    from_name = lifted(Apps.from_name)
    list = lifted(Apps.list)
    stop = lifted(Apps.stop)


class AsyncEnvironments(Lifted[Environments]):
    """`client.environments`, with ``await``."""

    list = lifted(Environments.list)
    create = lifted(Environments.create)
    delete = lifted(Environments.delete)


class AsyncModalClient:
    """As `ModalClient`, with ``await``; its arguments are those of `ModalClient`.

    Describing (`images.from_registry`, `functions.define`) is immediate, everything else is awaited. Whatever is
    awaited can be cancelled: what was about to start is ended. The workspace is opened by the first call, which raises
    what `ModalClient` raises when it cannot be. One client belongs to one event loop at a time.
    """

    def __init__(
        self,
        *,
        token_id: str | None = None,
        token_secret: str | None = None,
        environment: str | None = None,
        path: Path | str | None = None,
        backend: BackendName = "local",
        engine: EngineName = "local",
        isolation: IsolationName = "auto",
        allow_host_builds: bool = False,
    ) -> None:
        token = contract.credentials(token_id, token_secret)
        self._backend = chosen_backend(token, path, backend, engine, isolation, allow_host_builds)
        scope = Scope(environment, self._backend.default_environment)
        self._threads = Threads()
        self.secrets = AsyncSecrets(Secrets(self._backend, scope), self._threads)
        self.apps = AsyncApps(Apps(self._backend, scope), self._threads)
        self.images = AsyncImages(Images(self._backend), self._threads)
        self.sandboxes = AsyncSandboxes(Sandboxes(self._backend, scope), self._threads)
        self.functions = AsyncFunctions(Functions(self._backend), self._threads)
        self.environments = AsyncEnvironments(Environments(self._backend), self._threads)

    def __repr__(self) -> str:
        return "AsyncModalClient()"

    async def __aenter__(self) -> AsyncModalClient:
        return self

    async def __aexit__(self, *_: object) -> None:
        await self.close()

    def __reduce__(self) -> NoReturn:
        raise UnsupportedError("A client cannot be sent to another process: make one there.")

    async def close(self) -> None:
        """As `ModalClient.close`; waits for what is under way to end. Twice is fine."""
        await asyncio.to_thread(self._backend.close)
        await self._threads.close()
