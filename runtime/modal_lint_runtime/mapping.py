"""Many calls of one Function, some at a time, answered in order."""

from __future__ import annotations

from collections import deque
from concurrent.futures import Future, ThreadPoolExecutor
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator

    from modal_lint_runtime.backend import Call


class _Calls:
    """Calls under way, so that they can be ended when nobody waits for them any more."""

    def __init__(self, start: Callable[[tuple[Any, ...]], Call]) -> None:
        self._start = start
        self._running: set[Call] = set()
        self._stopped = False

    def run(self, args: tuple[Any, ...]) -> object:
        if self._stopped:
            return None
        call = self._start(args)
        self._running.add(call)
        try:
            if self._stopped:
                call.cancel()
            return call.result()
        finally:
            self._running.discard(call)

    def stop(self) -> None:
        self._stopped = True
        for call in tuple(self._running):
            call.cancel()


def mapped(
    start: Callable[[tuple[Any, ...]], Call], inputs: Iterable[tuple[Any, ...]], keep: bool, at_once: int
) -> Iterator[Any]:
    """Yield the results of calls in the order of their inputs.

    Args:
        start: starts a call.
        inputs: the arguments of each; taken as they are needed.
        keep: yield exceptions instead of raising the first.
        at_once: how many calls run at a time.
    """
    calls, waiting = _Calls(start), deque[Future[object]]()
    with ThreadPoolExecutor(at_once, thread_name_prefix="modal-lint map") as pool:
        try:
            for args in inputs:
                waiting.append(pool.submit(calls.run, args))
                if len(waiting) >= at_once:
                    yield _outcome(waiting.popleft(), keep)
            while waiting:
                yield _outcome(waiting.popleft(), keep)
        finally:
            for future in waiting:
                future.cancel()
            calls.stop()


def _outcome(future: Future[object], keep: bool) -> object:
    error = future.exception()
    if error is not None and not (keep and isinstance(error, Exception)):
        raise error
    return future.result() if error is None else error
