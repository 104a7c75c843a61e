"""Waiting on the event loop: for changes, for the ends of processes, and never longer than a call may be held."""

from __future__ import annotations

import asyncio
import contextlib
import time
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Callable

    from modal_lint_runtime.processes import Process

LONGEST_HOLD = 55.0
"""The longest, in seconds, that a call is held open whatever its caller asks; clients come back (P runner.py)."""

_FIRST_PAUSE, _LONGEST_PAUSE = 0.002, 0.05


def bounded(timeout: float) -> float:
    """The seconds that a call asking for `timeout` is held: not negative, not too long, 0 for what is no number."""
    return min(timeout, LONGEST_HOLD) if timeout > 0 else 0.0


async def wait_for_change(changed: asyncio.Event, seconds: float | None) -> bool:
    """Wait until `changed` is set or the time is up (None: for ever); says which.

    Unlike `asyncio.wait_for` it never swallows a cancellation that comes together with the change.
    """
    waiter = asyncio.ensure_future(changed.wait())
    try:
        done, _ = await asyncio.wait({waiter}, timeout=None if seconds is None else max(seconds, 0.0))
    finally:
        waiter.cancel()
    return bool(done)


async def until(done: Callable[[], bool], timeout: float) -> bool:
    """Wait until `done()` or `timeout` seconds have passed; says which. Never takes a thread."""
    deadline = time.monotonic() + timeout
    pause = _FIRST_PAUSE
    while not done():
        left = deadline - time.monotonic()
        if left <= 0:
            return False
        await asyncio.sleep(min(pause, left))
        pause = min(pause * 1.5, _LONGEST_PAUSE)
    return True


def end_of(process: Process) -> asyncio.Event:
    """Is set, on this event loop, when the process has ended."""
    loop = asyncio.get_running_loop()
    ended = asyncio.Event()

    def wake() -> None:
        with contextlib.suppress(RuntimeError):  # the loop is closed: nobody waits any more
            loop.call_soon_threadsafe(ended.set)

    process.on_end(wake)
    return ended
