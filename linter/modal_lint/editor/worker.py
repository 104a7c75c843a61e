"""The thread that analyses: it has the stack that deep sources need, and leaves the loop free to answer."""

from __future__ import annotations

import asyncio
import gc
import threading
from collections import deque
from typing import TYPE_CHECKING, Any, TypeVar

from modal_lint.deep import with_deep_stack

if TYPE_CHECKING:
    from collections.abc import Callable

T = TypeVar("T")

_IDLE = 1.0  # seconds without work after which there is time to look for garbage
_MANY = 10  # pieces of work after which it is looked for all the same


class Superseded(BaseException):
    """The work is no longer wanted. No handler of `Exception` on the way may take it for a failure."""


class Stop(threading.Event):
    """Tells work that has begun that nobody waits for it any more."""

    def heed(self) -> None:
        """Raise `Superseded` if the work is to stop."""
        if self.is_set():
            raise Superseded


class Worker:
    """One thread that does one piece of work after another, for an asyncio loop.

    The work leaves rings of objects behind, and too little happens in between for Python to look for them by itself.
    """

    def __init__(self) -> None:
        self._done = 0  # since garbage was last looked for
        self._waiting: deque[Callable[[], None]] = deque()
        self._ready = threading.Semaphore(0)
        self._thread: threading.Thread | None = None

    def run(self, work: Callable[[], T]) -> asyncio.Future[T]:
        """A future with what ``work`` returns or raises; cancelled if ``work`` is superseded."""
        loop = asyncio.get_running_loop()
        future: asyncio.Future[T] = loop.create_future()

        def task() -> None:
            result, error = _outcome(work)
            if not loop.is_closed():
                loop.call_soon_threadsafe(_settle, future, result, error)

        self._waiting.append(task)
        self._ready.release()
        if self._thread is None:
            self._thread = threading.Thread(target=with_deep_stack, args=(self._serve,), daemon=True)
            self._thread.start()
        return future

    def _serve(self) -> None:
        while True:
            has_work = self._ready.acquire(timeout=_IDLE if self._done else None)
            if has_work:
                self._waiting.popleft()()
                self._done += 1
            if not has_work or self._done >= _MANY:
                gc.collect()
                self._done = 0


def _outcome(work: Callable[[], T]) -> tuple[T | None, BaseException | None]:
    try:
        return work(), None
    except BaseException as error:
        return None, error


def _settle(future: asyncio.Future[Any], result: object, error: BaseException | None) -> None:
    if future.done():
        return
    if error is None:
        future.set_result(result)
    elif isinstance(error, Superseded):
        future.cancel()
    else:
        future.set_exception(error)
