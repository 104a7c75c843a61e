"""Ending what runs: one sandbox, or the sandboxes and containers of an App."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING

from modal_proto import api_pb2

from modal_lint_runtime.other_sandbox import OtherSandbox
from modal_lint_runtime.server.deployed import failure
from modal_lint_runtime.server.results import TERMINATED
from modal_lint_runtime.server.waiting import until

if TYPE_CHECKING:
    from modal_lint_runtime.server.state import State
    from modal_lint_runtime.server.tasks import Task

CONTAINER_TIMEOUT = 5.0
"""Seconds that a stopped App's containers get to end."""


async def end_task(state: State, task: Task) -> None:
    """Kill the processes of a sandbox that this server runs; `task.finished` is set when its end is written down."""
    task.terminated = True
    await state.in_thread(task.container.terminate)


async def end_sandbox(state: State, sandbox_id: str) -> None:
    """End a sandbox, whoever runs it, and wait until it has ended.

    Raises NotFoundError when there is none, ModalError when another process does not end its own.
    """
    task = state.tasks.of_sandbox(sandbox_id)
    if task is None:
        record = await state.in_thread(state.workspace.sandbox_get, sandbox_id)
        if record.returncode is None:
            await state.in_thread(OtherSandbox(state.workspace, record).terminate)
    elif not task.finished.is_set():
        await end_task(state, task)
        await task.finished.wait()


async def end_app(state: State, app_id: str) -> None:
    """End the containers and the sandboxes that this server runs for an App, and forget its Functions."""
    deployed = state.deployed
    functions = deployed.of_app(app_id)
    for worker in [worker for function in functions for worker in function.workers]:
        state.end_worker(worker)
    for item in [item for item in deployed.inputs.values() if item.open and item.call.function in functions]:
        deployed.finish(item, failure(item, api_pb2.GenericResult(status=TERMINATED, exception="The App was stopped.")))
    # The last output of the containers still belongs into the log, and what they started has to be ended, too.
    await until(lambda: not any(function.workers for function in functions), CONTAINER_TIMEOUT)
    running = [task.sandbox_id for task in state.tasks if task.app_id == app_id]
    await asyncio.gather(*(end_sandbox(state, sandbox_id) for sandbox_id in running))
    for function in functions:
        deployed.forget(function)
    deployed.layouts.pop(app_id, None)
    deployed.end_log(app_id)


async def end_recorded(state: State, app_id: str) -> None:
    """End the sandboxes of an App that other processes run. Raises ModalError when one does not end its own."""
    records = await state.in_thread(state.workspace.sandbox_list, app_id)
    await asyncio.gather(*(end_sandbox(state, record.id) for record in records))
