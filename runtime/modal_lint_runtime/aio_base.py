"""What the async face shares: blocking work in threads, and waiting without a thread.

The event loop never runs anything that blocks. What is cancelled while its thread works is undone when the thread is
done: a sandbox that nobody waits for any more is terminated, for example.
"""

from __future__ import annotations

import asyncio
import contextlib
import functools
from concurrent.futures import Future, ThreadPoolExecutor
from typing import TYPE_CHECKING, Any, Concatenate, Generic, ParamSpec, Protocol, TypeVar

if TYPE_CHECKING:
    from collections.abc import Callable, Coroutine

B = TypeVar("B")
P = ParamSpec("P")
R = TypeVar("R")

MAX_THREADS = 64
"""Blocking operations of one client at a time."""


class Ends(Protocol):
    """What runs and ends."""

    def on_end(self, callback: Callable[[], None]) -> None:
        """Have ``callback`` called once when it has ended, at once if it has, from whatever thread."""


class Threads:
    """The threads of one client."""

    def __init__(self) -> None:
        self._pool = ThreadPoolExecutor(MAX_THREADS, thread_name_prefix="modal-lint aio")

    async def run(self, work: Callable[[], R], undo: Callable[[R], object] | None = None) -> R:
        """Do blocking work in a thread and return its result.

        Args:
            work: what to do.
            undo: what to do with a result that comes after this has been cancelled.
        """
        doing = self._pool.submit(work)
        try:
            return await asyncio.wrap_future(doing)
        except asyncio.CancelledError:
            if undo is not None and not doing.cancel():
                doing.add_done_callback(functools.partial(_undo, undo))
            raise

    async def close(self) -> None:
        """Wait until the threads are done, and let them go."""
        await asyncio.get_running_loop().run_in_executor(None, self._pool.shutdown)


def _undo(undo: Callable[[R], object], done: Future[R]) -> None:
    if not done.cancelled() and done.exception() is None:
        undo(done.result())


class Lifted(Generic[B]):
    """The async counterpart of a blocking object.

    Args:
        blocking: the object.
        threads: where its methods run.
    """

    def __init__(self, blocking: B, threads: Threads) -> None:
        self._blocking = blocking
        self._threads = threads

    def __repr__(self) -> str:
        return f"Async{self._blocking!r}"


def lifted(method: Callable[Concatenate[B, P], R]) -> Callable[Concatenate[Lifted[B], P], Coroutine[Any, Any, R]]:
    """The async counterpart of a blocking method: the same arguments, result and exceptions, with ``await``."""

    @functools.wraps(method)
    async def call(self: Lifted[B], /, *args: P.args, **kwargs: P.kwargs) -> R:
        return await self._threads.run(lambda: method(self._blocking, *args, **kwargs))

    return call


async def ended(thing: Ends) -> None:
    """Wait until something has ended, without a thread. Cancelling it changes nothing."""
    signal = Signal()
    thing.on_end(signal.set)
    await signal.wait()


class Signal:
    """An event that any thread can set, made and waited for in a running event loop."""

    def __init__(self) -> None:
        self._loop = asyncio.get_running_loop()
        self._event = asyncio.Event()

    def set(self) -> None:
        """Set it; without effect when the loop is closed."""
        with contextlib.suppress(RuntimeError):
            self._loop.call_soon_threadsafe(self._event.set)

    async def wait(self) -> None:
        """Wait until it is set, and clear it."""
        await self._event.wait()
        self._event.clear()
