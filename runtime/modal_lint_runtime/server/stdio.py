"""Following a process's output without holding a thread."""

from __future__ import annotations

import asyncio
import contextlib
from typing import TYPE_CHECKING

from modal_lint_runtime.errors import ConflictError
from modal_lint_runtime.output import LIMIT
from modal_lint_runtime.server.tasks import CHUNK, Task

if TYPE_CHECKING:
    from collections.abc import AsyncIterator

    from modal_lint_runtime.output import Output


async def follow(output: Output, offset: int = 0, *, once: bool = False) -> AsyncIterator[bytes]:
    """The bytes of `output` from `offset` on, never an empty chunk, until it is closed.

    With `once` nobody else reads it, so it keeps nothing of what has been read and may be of any length. Otherwise what
    was too much to keep is no silent end: raises ConflictError.
    """
    loop = asyncio.get_running_loop()
    changed = asyncio.Event()

    def wake() -> None:
        with contextlib.suppress(RuntimeError):  # the loop is closed: nobody reads any more
            loop.call_soon_threadsafe(changed.set)

    forget = output.listen(wake)
    try:
        while True:
            changed.clear()
            closed = output.closed
            if data := output.read(offset, 0, CHUNK):
                offset += len(data)
                yield data
                if once:
                    output.forget(offset)
            elif closed:
                if output.truncated and not once:
                    raise ConflictError(f"The process has written more than the {LIMIT} bytes that are kept.")
                return
            else:
                await changed.wait()
    finally:
        forget()


async def follow_from(task: Task, stderr: bool, offset: int) -> AsyncIterator[tuple[int, bytes]]:
    """The output of a sandbox's entrypoint with the offset of each chunk; waits for the end of an idle sandbox."""
    if task.main is None:
        await task.finished.wait()
        return
    process = task.main.process
    async for data in follow(process.stderr if stderr else process.stdout, offset):
        yield offset, data
        offset += len(data)
