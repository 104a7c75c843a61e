"""Sandboxes and their processes, with ``await``."""

from __future__ import annotations

from typing import TYPE_CHECKING

from modal_lint_runtime import contract
from modal_lint_runtime.aio_base import Lifted, Signal, Threads, ended, lifted
from modal_lint_runtime.aio_images import AsyncImage
from modal_lint_runtime.arguments import yes_or_no
from modal_lint_runtime.sandboxes import Sandbox, Sandboxes
from modal_lint_runtime.streams import Cursor, closed_input, encoded

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Mapping, Sequence

    from modal_lint_runtime.apps import App
    from modal_lint_runtime.backend import Runs
    from modal_lint_runtime.isolation import Isolation
    from modal_lint_runtime.output import Output
    from modal_lint_runtime.secrets import Secret


class AsyncReader:
    """As `Reader`: a stream that a process writes, read with ``await`` and ``async for``."""

    def __init__(self, output: Output) -> None:
        self._cursor = Cursor(output)

    def __repr__(self) -> str:
        return f"AsyncReader({self._cursor.output!r})"

    async def read_text(self) -> str:
        """Wait for the end of the stream and return it as text. Cancelled, it has taken nothing."""
        return (await self.read_bytes()).decode("utf-8", "replace")

    async def read_bytes(self) -> bytes:
        """Wait for the end of the stream and return it. Cancelled, it has taken nothing."""
        await self._closed()
        while not self._cursor.fetch():
            pass
        return self._cursor.rest()

    async def chunks(self) -> AsyncIterator[str]:
        """Yield text as it comes, until the stream ends."""
        stopped = False
        while not stopped:
            stopped = await self._fetch()
            text = self._cursor.text(ended=stopped)
            if text:
                yield text

    async def __aiter__(self) -> AsyncIterator[str]:
        stopped = False
        while not stopped:
            stopped = await self._fetch()
            while (line := self._cursor.line(ended=stopped)) is not None:
                yield line

    async def _fetch(self) -> bool:
        """Wait for something to come and take it; whether the stream has ended."""
        output, signal = self._cursor.output, Signal()
        forget = output.listen(signal.set)
        try:
            while True:
                before = self._cursor.taken
                stopped = self._cursor.fetch()
                if stopped or self._cursor.taken > before:
                    return stopped
                await signal.wait()
        finally:
            forget()

    async def _closed(self) -> None:
        output, signal = self._cursor.output, Signal()
        forget = output.listen(signal.set)
        try:
            while not output.closed:
                await signal.wait()
        finally:
            forget()


class AsyncWriter:
    """As `Writer`: the standard input of a process."""

    def __init__(self, process: Runs, threads: Threads) -> None:
        self._process = process
        self._threads = threads

    def __repr__(self) -> str:
        return "AsyncWriter()"

    async def write(self, data: str | bytes) -> None:
        """Write text (as UTF-8) or bytes; it is on its way when this returns.

        Raises InvalidError for anything else, SandboxTerminatedError when nothing reads it any more.
        """
        content = encoded(data)
        try:
            await self._threads.run(lambda: self._process.write_stdin(content))
        except BrokenPipeError:
            raise closed_input() from None

    async def close(self) -> None:
        """Say that nothing more will come. Closing twice is fine."""
        await self._threads.run(self._process.close_stdin)


class AsyncProcess:
    """As `Process`, with ``await``. Made by `AsyncSandbox.exec`."""

    def __init__(self, core: Runs, threads: Threads) -> None:
        self._core = core
        self._threads = threads
        self.stdout = AsyncReader(core.stdout)
        self.stderr = AsyncReader(core.stderr)
        self.stdin = AsyncWriter(core, threads)

    def __repr__(self) -> str:
        code = self._core.poll()
        return f"AsyncProcess({'running' if code is None else f'exit code {code}'})"

    @property
    def returncode(self) -> int | None:
        """Its exit code as far as it is known; None while it runs."""
        return self._core.poll()

    async def poll(self) -> int | None:
        """Its exit code; None while it runs."""
        return await self._threads.run(self._core.poll)

    async def wait(self) -> int:
        """Wait for its end and return its exit code: 124 after its timeout, 137 when its sandbox was terminated."""
        await ended(self._core)
        return await self._threads.run(self._core.wait)


class AsyncSandbox(Lifted[Sandbox]):
    """As `Sandbox`, with ``await``. Leaving its ``async with`` block terminates it."""

    def __init__(self, blocking: Sandbox, threads: Threads) -> None:
        super().__init__(blocking, threads)
        self._streams: tuple[AsyncReader, AsyncReader, AsyncWriter] | None = None

    async def __aenter__(self) -> AsyncSandbox:
        return self

    async def __aexit__(self, *_: object) -> None:
        await self.terminate()

    @property
    def sandbox_id(self) -> str:
        """Its unique id."""
        return self._blocking.sandbox_id

    @property
    def app_id(self) -> str:
        """The id of its App."""
        return self._blocking.app_id

    @property
    def name(self) -> str | None:
        """Its name, if it has one."""
        return self._blocking.name

    @property
    def tags(self) -> dict[str, str]:
        """Its tags."""
        return self._blocking.tags

    @property
    def isolation(self) -> Isolation | None:
        """How far it is kept from the rest of this machine; None when it runs elsewhere."""
        return self._blocking.isolation

    @property
    def stdout(self) -> AsyncReader:
        """What its main process writes to standard output. Raises UnsupportedError in another process."""
        return self._main()[0]

    @property
    def stderr(self) -> AsyncReader:
        """What its main process writes to standard error. Raises UnsupportedError in another process."""
        return self._main()[1]

    @property
    def stdin(self) -> AsyncWriter:
        """The standard input of its main process. Raises UnsupportedError in another process."""
        return self._main()[2]

    async def state(self) -> str:
        """As `Sandbox.state`."""
        return await self._threads.run(lambda: self._blocking.state)

    async def exec(
        self,
        command: Sequence[str],
        *,
        secrets: Sequence[Secret] | None = None,
        env: Mapping[str, str | None] | None = None,
        workdir: str | None = None,
        timeout: float | None = None,
        pty: bool = False,
    ) -> AsyncProcess:
        """As `Sandbox.exec`. Cancelled while the process starts, it leaves it to the sandbox's end."""
        blocking = self._blocking
        core = await self._threads.run(lambda: blocking.start(command, secrets, env, workdir, timeout, pty))
        return AsyncProcess(core, self._threads)

    poll = lifted(Sandbox.poll)
    terminate = lifted(Sandbox.terminate)

    async def wait(self, *, raise_on_termination: bool = True) -> int:
        """As `Sandbox.wait`."""
        strict = yes_or_no(raise_on_termination, "raise_on_termination")
        await ended(self._blocking.core)
        return await self._threads.run(lambda: self._blocking.wait(raise_on_termination=strict))

    def _main(self) -> tuple[AsyncReader, AsyncReader, AsyncWriter]:
        if self._streams is None:
            main = self._blocking.core.main()
            self._streams = AsyncReader(main.stdout), AsyncReader(main.stderr), AsyncWriter(main, self._threads)
        return self._streams


_Found = list[AsyncSandbox]


class AsyncSandboxes(Lifted[Sandboxes]):
    """`client.sandboxes`, with ``await``."""

    async def create(
        self,
        app: App,
        image: AsyncImage,
        *,
        secrets: Sequence[Secret] | None = None,
        env: Mapping[str, str | None] | None = None,
        command: Sequence[str] | None = None,
        name: str | None = None,
        tags: Mapping[str, str] | None = None,
        timeout: float | None = contract.SANDBOX_TIMEOUT,
        workdir: str | None = None,
        block_network: bool = False,
    ) -> AsyncSandbox:
        """As `Sandboxes.create`. Cancelled while the sandbox starts, it is terminated as soon as it has."""
        base = image.blocking if isinstance(image, AsyncImage) else image
        blocking = await self._threads.run(
            lambda: self._blocking.create(
                app,
                base,
                secrets=secrets,
                env=env,
                command=command,
                name=name,
                tags=tags,
                timeout=timeout,
                workdir=workdir,
                block_network=block_network,
            ),
            undo=Sandbox.terminate,
        )
        return AsyncSandbox(blocking, self._threads)

    async def from_id(self, sandbox_id: str) -> AsyncSandbox:
        """As `Sandboxes.from_id`."""
        return AsyncSandbox(await self._threads.run(lambda: self._blocking.from_id(sandbox_id)), self._threads)

    async def list(
        self,
        app: App | None = None,
        *,
        tags: Mapping[str, str] | None = None,
        environment: str | None = None,
        include_finished: bool = False,
    ) -> _Found:
        """As `Sandboxes.list`."""
        found = await self._threads.run(
            lambda: self._blocking.list(app, tags=tags, environment=environment, include_finished=include_finished)
        )
        return [AsyncSandbox(each, self._threads) for each in found]
