"""Other processes of the user may ask for the end of a sandbox that this server runs (`other_sandbox.REQUESTS`)."""

from __future__ import annotations

import asyncio
import contextlib
import os
from typing import TYPE_CHECKING

from modal_lint_runtime.keeper import LOOK_EVERY
from modal_lint_runtime.other_sandbox import REQUESTS
from modal_lint_runtime.server.ending import end_task

if TYPE_CHECKING:
    from modal_lint_runtime.server.state import State


async def answer_requests(state: State) -> None:
    """Look for requests for ever and end the sandboxes they name; who asked removes the request."""
    directory = state.workspace.root / REQUESTS
    while True:
        await asyncio.sleep(LOOK_EVERY)
        for sandbox_id in await state.in_thread(_asked, str(directory)):
            task = state.tasks.of_sandbox(sandbox_id)
            if task is not None and not task.finished.is_set():
                with contextlib.suppress(TimeoutError):  # a process that cannot be killed keeps nobody else waiting
                    await end_task(state, task)


def _asked(directory: str) -> list[str]:
    try:
        return os.listdir(directory)
    except OSError:  # mostly because nobody has asked yet
        return []
