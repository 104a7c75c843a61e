"""Following a process's output without holding a thread."""

from __future__ import annotations

import time
from functools import partial
from typing import TYPE_CHECKING

from modal_lint_runtime.server.tasks import CHUNK, LINGER, Task, until

if TYPE_CHECKING:
    from collections.abc import AsyncIterator

    from modal_lint_runtime.processes import Output, Process


async def follow(process: Process, output: Output, offset: int = 0) -> AsyncIterator[bytes]:
    """The bytes of `output` from `offset` on, never an empty chunk, until it ends.

    The end is EOF, or `LINGER` seconds after the process ended when something it left behind keeps the pipe open.
    """
    ended_at: float | None = None
    while True:
        if data := output.read(offset, 0):
            for start in range(0, len(data), CHUNK):
                yield data[start : start + CHUNK]
            offset += len(data)
        elif output.closed:
            return
        elif ended_at is None:
            await until(partial(_more, output, offset, process), None)
            ended_at = time.monotonic() if process.poll() is not None else None
        elif not await until(partial(_more, output, offset), ended_at + LINGER - time.monotonic()):
            return


def _more(output: Output, offset: int, process: Process | None = None) -> bool:
    ended = process is not None and process.poll() is not None
    return ended or output.closed or bool(output.read(offset, 0))


async def follow_from(task: Task, stderr: bool, offset: int) -> AsyncIterator[tuple[int, bytes]]:
    """The output of a sandbox's entrypoint with the offset of each chunk; waits for the end of an idle sandbox."""
    if task.main is None:
        await task.finished.wait()
        return
    process = task.main.process
    async for data in follow(process, process.stderr if stderr else process.stdout, offset):
        yield offset, data
        offset += len(data)
