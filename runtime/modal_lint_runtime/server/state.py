"""What the services share: the workspace, the builder, what runs, and how this server is reached."""

from __future__ import annotations

import asyncio
import functools
import os
import shutil
from concurrent.futures import ThreadPoolExecutor
from typing import TYPE_CHECKING, TypeVar

from modal_lint_runtime import owners
from modal_lint_runtime.contract import environment_name
from modal_lint_runtime.server.deployed import Deployed
from modal_lint_runtime.server.mounts import MountStore
from modal_lint_runtime.server.tasks import Fed, Tasks
from modal_lint_runtime.server.tokens import Credentials, Signer

if TYPE_CHECKING:
    from collections.abc import Callable, Coroutine
    from pathlib import Path

    from modal_lint_runtime.builder import Builder
    from modal_lint_runtime.isolation import Isolation
    from modal_lint_runtime.records import ImageRecord
    from modal_lint_runtime.server.deployed import Worker
    from modal_lint_runtime.server.rpc import Caller
    from modal_lint_runtime.workspace import Workspace

Result = TypeVar("Result")

HOST = "127.0.0.1"
"""The only address served. Clients treat just this, `localhost` and `::1` as local (P client.py, `_is_localhost`)."""

WORKERS = 32
"""Threads for the runtime's synchronous calls, none of which waits for a user's program."""

FEEDERS = 32
"""Threads for writing to processes, which may be slow to read."""

BUILDERS = 4
"""Image builds at one time."""


class State:
    """One server's state; the services hold it and nothing else.

    `directory` holds what the server keeps in files while it runs (uploads, sandboxes' scratch), readable by its user
    alone; what a killed server left behind is removed by the next.
    """

    def __init__(
        self,
        workspace: Workspace,
        builder: Builder,
        isolation: Isolation,
        credentials: Credentials | None = None,
    ) -> None:
        self.workspace = workspace
        self.builder = builder
        self.isolation = isolation
        self.credentials = credentials
        self.port = 0
        self.signer = Signer()
        self.tasks = Tasks()
        self.deployed = Deployed()
        self.executor = ThreadPoolExecutor(WORKERS, "modal-lint-server")
        self.feed_executor = ThreadPoolExecutor(FEEDERS, "modal-lint-stdin")
        self.build_executor = ThreadPoolExecutor(BUILDERS, "modal-lint-build")
        self.directory = _own_directory(workspace.root / "server")
        self.mounts = MountStore(self.directory)
        self._watches: set[asyncio.Task[None]] = set()

    def watch(self, work: Coroutine[None, None, None]) -> None:
        """Run `work` on the event loop until it is done or the server stops."""
        task = asyncio.get_running_loop().create_task(work)
        self._watches.add(task)
        task.add_done_callback(self._watches.discard)

    async def in_thread(self, function: Callable[..., Result], *arguments: object) -> Result:
        """Call a synchronous function of the runtime without holding up the event loop."""
        return await asyncio.get_running_loop().run_in_executor(self.executor, function, *arguments)

    async def feed(self, fed: Fed, offset: int, data: bytes, *, eof: bool) -> None:
        """Write to a process's input, as `Fed.write`."""
        write = functools.partial(fed.write, offset, data, eof=eof)
        await asyncio.get_running_loop().run_in_executor(self.feed_executor, write)

    def environment(self, name: str) -> str:
        """The environment a request means; an unset one arrives as ""."""
        return environment_name(name or None, None)

    def url(self, scheme: str = "http") -> str:
        """Where clients reach this server."""
        return f"{scheme}://{HOST}:{self.port}"

    def router_access(self, task_id: str, caller: Caller) -> tuple[str, str]:
        """The URL and the token with which `caller` reaches the router of this task."""
        return self.url(caller.scheme), self.signer.issue("router", task_id)

    def layers(self, image: ImageRecord) -> tuple[Path, ...]:
        """The directories of an image's layers, the top one last. Raises NotFoundError when one is gone."""
        return self.builder.layer_paths(image)

    def scratch(self, name: str) -> Path:
        """A directory for one container's changes to its file system."""
        path = self.directory / "scratch" / name
        path.mkdir(parents=True, mode=0o700)
        return path

    def discard_scratch(self, name: str) -> None:
        """Remove that directory."""
        shutil.rmtree(self.directory / "scratch" / name, ignore_errors=True)

    def end_worker(self, worker: Worker) -> None:
        """End a Function's container now."""
        worker.stopping = True
        worker.function.wake()
        if worker.container is not None:
            self.executor.submit(worker.container.terminate)

    async def end_all(self, timeout: float) -> None:
        """End every sandbox and container, wait for their ends to be recorded, and remove the server's files."""
        live = [task for task in self.tasks if not task.finished.is_set()]
        for task in live:
            task.terminated = True
        containers = [task.container for task in live]
        containers += [worker.container for worker in self.deployed.workers.values() if worker.container is not None]
        for worker in self.deployed.workers.values():
            worker.stopping = True
        await asyncio.gather(*(self.in_thread(container.terminate) for container in containers))
        if self._watches:
            _, pending = await asyncio.wait(self._watches, timeout=timeout)
            for watch in pending:
                watch.cancel()
        for executor in (self.executor, self.feed_executor, self.build_executor):
            executor.shutdown(wait=False, cancel_futures=True)
        shutil.rmtree(self.directory, ignore_errors=True)


def _own_directory(parent: Path) -> Path:
    parent.mkdir(mode=0o700, exist_ok=True)
    for left in parent.iterdir():
        if left.name.partition("-")[0].isdigit() and not owners.runs(int(left.name.partition("-")[0])):
            shutil.rmtree(left, ignore_errors=True)
    own = parent / f"{os.getpid()}-{os.urandom(4).hex()}"
    own.mkdir(mode=0o700)
    return own
