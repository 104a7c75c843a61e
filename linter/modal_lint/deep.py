"""Room for deep recursion: sources nest deeper than Python's default lets us recurse."""

from __future__ import annotations

import sys
import threading
from typing import TYPE_CHECKING, TypeVar

if TYPE_CHECKING:
    from collections.abc import Callable

# Every level costs stack, so the stack grows with the limit.
_RECURSION = 50_000
_STACKS = (512 << 20, 256 << 20, 64 << 20, 16 << 20)
# Since 3.11 CPython keeps frames in chunks of 16 KB, and maps and unmaps one each time that calls go over its edge and
# back, which a recursive analysis does thousands of times. A frame of this many words gets a chunk of twice its size,
# and what is called from it has the other half.
_ROOM = 1 << 17

T = TypeVar("T")


def with_deep_stack(task: Callable[[], T]) -> T:
    """What ``task`` returns or raises, run in a thread with room for deep recursion."""
    results: list[T] = []
    errors: list[BaseException] = []

    def body() -> None:
        try:
            results.append(task())
        except BaseException as error:
            errors.append(error)

    limit = sys.getrecursionlimit()
    thread, size = _started(body)
    try:
        sys.setrecursionlimit(max(limit, min(_RECURSION, size // 6000)))
        thread.go()
        thread.join()
    finally:
        sys.setrecursionlimit(limit)
    if errors:
        raise errors[0]
    return results[0]


def _roomy(task: Callable[[], None]) -> None:
    task()


_roomy.__code__ = _roomy.__code__.replace(co_stacksize=_ROOM)


class _Waiting(threading.Thread):
    """A thread that begins its work when told to."""

    def __init__(self, body: Callable[[], None]) -> None:
        super().__init__(daemon=True)
        self._body = body
        self._ready = threading.Event()

    def run(self) -> None:
        self._ready.wait()
        _roomy(self._body)

    def go(self) -> None:
        """Begin."""
        self._ready.set()


def _started(body: Callable[[], None]) -> tuple[_Waiting, int]:
    """A thread with the largest stack that can be had here, and the size of it."""
    before = threading.stack_size()
    try:
        for size in _STACKS:
            try:
                threading.stack_size(size)
                thread = _Waiting(body)
                thread.start()
            except (ValueError, RuntimeError, MemoryError):
                continue
            return thread, size
        threading.stack_size(before)
        thread = _Waiting(body)
        thread.start()
        return thread, 0
    finally:
        threading.stack_size(before)
