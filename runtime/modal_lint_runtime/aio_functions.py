"""Functions, with ``await``."""

from __future__ import annotations

import asyncio
from collections import deque
from typing import TYPE_CHECKING, Any, Generic, ParamSpec, TypeVar, overload

from modal_lint_runtime.aio_base import Lifted, Threads
from modal_lint_runtime.aio_images import AsyncImage
from modal_lint_runtime.functions import MAX_AT_ONCE, Function, Functions, rows

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Awaitable, Callable, Coroutine, Iterable, Mapping, Sequence

    from modal_lint_runtime.apps import App
    from modal_lint_runtime.backend import Call
    from modal_lint_runtime.secrets import Secret
    from modal_lint_runtime.variables import Source

P = ParamSpec("P")
R = TypeVar("R")
T = TypeVar("T")


class AsyncFunction(Generic[P, R]):
    """As `Function`, with ``await``. Made by the decorator `client.functions.define`."""

    def __init__(self, blocking: Function[P, R], threads: Threads | None) -> None:
        self._blocking = blocking
        self._threads = threads
        self.__name__ = blocking.__name__
        self.__doc__ = blocking.__doc__

    def __repr__(self) -> str:
        return f"AsyncFunction({self.__name__!r})"

    def __getstate__(self) -> dict[str, object]:
        """As of `Function`: in its own process it can be `local`."""
        return {**self.__dict__, "_threads": None}

    @property
    def sources(self) -> tuple[Source, ...]:
        """Where its variables come from, weakest first."""
        return self._blocking.sources

    def local(self, *args: P.args, **kwargs: P.kwargs) -> R:
        """As `Function.local`."""
        return self._blocking.local(*args, **kwargs)

    @overload
    async def remote(self: AsyncFunction[P, Coroutine[Any, Any, T]], *args: P.args, **kwargs: P.kwargs) -> T: ...

    @overload
    async def remote(self, *args: P.args, **kwargs: P.kwargs) -> R: ...

    async def remote(self, *args: P.args, **kwargs: P.kwargs) -> Any:
        """As `Function.remote`. Cancelled, its process is ended."""
        return await self._call(args, kwargs)

    async def map(self, *inputs: Iterable[Any], return_exceptions: bool = False) -> AsyncIterator[Any]:
        """As `Function.map`: ``async for`` gives the results in order. Cancelled, the processes are ended."""
        waiting: deque[asyncio.Task[Any]] = deque()
        keep, arguments = rows(inputs, return_exceptions)
        try:
            for args in arguments:
                waiting.append(asyncio.create_task(self._call(args, {})))
                if len(waiting) >= MAX_AT_ONCE:
                    yield await _outcome(waiting.popleft(), keep)
            while waiting:
                yield await _outcome(waiting.popleft(), keep)
        finally:
            for task in waiting:
                task.cancel()
            await asyncio.gather(*waiting, return_exceptions=True)

    def with_options(
        self, *, secrets: Sequence[Secret] | None = None, env: Mapping[str, str | None] | None = None
    ) -> AsyncFunction[P, R]:
        """As `Function.with_options`."""
        return AsyncFunction(self._blocking.with_options(secrets=secrets, env=env), self._threads)

    async def _call(self, args: Sequence[Any], kwargs: Mapping[str, Any]) -> Any:
        threads = self._threads
        if threads is None:
            return self._blocking.start(args, kwargs)  # raises: there is no client here
        call = await threads.run(lambda: self._blocking.start(args, kwargs), undo=_cancel)
        reading = asyncio.ensure_future(threads.run(call.result))
        try:
            return await asyncio.shield(reading)
        except asyncio.CancelledError:
            await _end(threads, call, reading)
            raise


async def _end(threads: Threads, call: Call, reading: Awaitable[object]) -> None:
    """End the process of a call that nobody waits for any more."""
    await asyncio.shield(asyncio.gather(threads.run(call.cancel), reading, return_exceptions=True))


def _cancel(call: Call) -> None:
    call.cancel()


async def _outcome(task: asyncio.Task[Any], keep: bool) -> Any:
    try:
        return await task
    except Exception as error:
        if keep:
            return error
        raise


class AsyncFunctions(Lifted[Functions]):
    """`client.functions`."""

    def define(
        self,
        app: App,
        *,
        secrets: Sequence[Secret] | None = None,
        env: Mapping[str, str | None] | None = None,
        image: AsyncImage | None = None,
        timeout: float | None = None,
    ) -> Callable[[Callable[P, R]], AsyncFunction[P, R]]:
        """As `Functions.define`."""
        base = image.blocking if isinstance(image, AsyncImage) else image
        decorate = self._blocking.define(app, secrets=secrets, env=env, image=base, timeout=timeout)

        def lift(function: Callable[P, R]) -> AsyncFunction[P, R]:
            return AsyncFunction(decorate(function), self._threads)

        return lift
