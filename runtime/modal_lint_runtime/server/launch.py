"""From a sandbox's definition to its running container, and to the record of its end."""

from __future__ import annotations

import asyncio
import contextlib
import os
import time
from typing import TYPE_CHECKING

from modal_proto import api_pb2

from modal_lint_runtime import contract
from modal_lint_runtime.errors import AlreadyExistsError, ConflictError, InvalidError, NotFoundError, UnsupportedError
from modal_lint_runtime.local_variables import environment
from modal_lint_runtime.records import SandboxRecord
from modal_lint_runtime.server import ids
from modal_lint_runtime.server.ending import end_task
from modal_lint_runtime.server.refusals import refuse
from modal_lint_runtime.server.sources import sandbox_sources
from modal_lint_runtime.server.tasks import Fed, Task
from modal_lint_runtime.server.volumes import volume_mounts
from modal_lint_runtime.server.waiting import end_of, wait_for_change

if TYPE_CHECKING:
    from pathlib import Path

    from modal_lint_runtime.processes import ContainerSpec
    from modal_lint_runtime.records import ImageRecord, SandboxState
    from modal_lint_runtime.server.state import State

IDLE_CHECK = 1.0
"""Seconds between two looks at whether a sandbox with an idle timeout is idle."""


async def launch(state: State, request: api_pb2.SandboxCreateV2Request, *, v2: bool) -> Task:
    """Start the sandbox of `request` and keep watch over it.

    Raises InvalidError for a definition that makes no sense, UnsupportedError for what a local sandbox cannot do,
    NotFoundError for an App, Image or Secret that is not there, ConflictError for a stopped App, AlreadyExistsError
    for a name in use.
    """
    started: asyncio.Future[Task] = asyncio.get_running_loop().create_future()
    started.add_done_callback(lambda done: done.cancelled() or done.exception())
    state.watch(_live(state, request, v2, started))
    # Whoever asked may go away meanwhile; the sandbox is watched all the same.
    return await asyncio.shield(started)


async def _live(state: State, request: api_pb2.SandboxCreateV2Request, v2: bool, started: asyncio.Future[Task]) -> None:
    try:
        task = await state.in_thread(_start, state, request, v2)
    except Exception as error:
        started.set_exception(error)
        return
    started.set_result(task)
    definition = request.definition
    idle = definition.idle_timeout_secs if definition.HasField("idle_timeout_secs") else 0
    await _watch(state, task, float(idle) or None)


def _start(state: State, request: api_pb2.SandboxCreateV2Request, v2: bool) -> Task:
    from modal_lint_runtime import processes

    definition = request.definition
    _refuse_unsupported(definition)
    workspace = state.workspace
    app = workspace.app_get(request.app_id)
    if app.state == "stopped":
        raise ConflictError(f"App {app.id} is stopped")
    image = workspace.image_get(definition.image_id)
    record = _record(request, v2=v2)
    own = {"MODAL_SANDBOX_ID": record.id, "MODAL_IMAGE_ID": image.id, "MODAL_ENVIRONMENT": app.environment}
    env = environment(image.env, sandbox_sources(workspace, request), own)
    if record.name is not None and workspace.sandbox_by_name(app.id, record.name) is not None:
        raise AlreadyExistsError(f"Sandbox with name '{record.name}' already exists in this App")
    workspace.sandbox_put(record)
    try:
        container = processes.start(_spec(state, record.id, definition, image, env), state.isolation)
    except BaseException:
        workspace.sandbox_update(record.id, state="failed", returncode=1)
        state.discard_scratch(record.id)
        raise
    main = Fed(container.main) if definition.entrypoint_args else None
    task = Task(ids.task_id(v2=v2), record.id, app.id, container, main)
    state.tasks.add(task)
    return task


def _record(request: api_pb2.SandboxCreateV2Request, *, v2: bool) -> SandboxRecord:
    definition = request.definition
    name = definition.name if definition.HasField("name") else None
    return SandboxRecord(
        id=ids.v2_sandbox_id() if v2 else ids.object_id("sb"),
        app_id=request.app_id,
        name=contract.object_name(name, "Sandbox") if name is not None else None,
        image_id=definition.image_id,
        tags={tag.tag_name: tag.tag_value for tag in request.tags},
        state="running",
        returncode=None,
        created_at=time.time(),
        owner_pid=os.getpid(),
        timeout=float(definition.timeout_secs) or None,
    )


def _spec(
    state: State, sandbox_id: str, definition: api_pb2.Sandbox, image: ImageRecord, env: dict[str, str]
) -> ContainerSpec:
    from modal_lint_runtime.processes import ContainerSpec

    workdir = definition.workdir if definition.HasField("workdir") else image.workdir
    command = contract.arguments(list(definition.entrypoint_args))
    return ContainerSpec(
        id=sandbox_id,
        args=(*(image.entrypoint or ()), *command) if command else None,
        env=env,
        workdir=contract.workdir(workdir or None),
        layers=(*state.layers(image), *_mounted(state, definition)),
        timeout=float(definition.timeout_secs) or None,
        network=not blocks_network(definition),
        scratch=state.scratch(sandbox_id),
        hidden=(state.workspace.root,),
        mounts=volume_mounts(state, definition.volume_mounts),
        pty=bool(command) and definition.HasField("pty_info"),
    )


def _mounted(state: State, definition: api_pb2.Sandbox) -> list[Path]:
    """The trees of local files that belong into the sandbox's file system. Raises UnsupportedError without one."""
    if definition.mount_ids and not state.isolation.filesystem:
        raise UnsupportedError(
            "Local files in a sandbox need a private file system, which this machine does not allow."
        )
    return [state.mounts.tree(mount_id) for mount_id in definition.mount_ids]


def blocks_network(definition: api_pb2.Sandbox) -> bool:
    """Whether the sandbox shall have no network."""
    return definition.block_network or definition.network_access.network_access_type == api_pb2.NetworkAccess.BLOCKED


def _refuse_unsupported(definition: api_pb2.Sandbox) -> None:
    if not definition.image_id:
        raise InvalidError("The sandbox has no image.")
    wanted = {
        "a GPU": bool(definition.resources.gpu_config.gpu_type or definition.resources.gpu_config.count),
        "network file systems": bool(definition.nfs_mounts),
        "cloud bucket mounts": bool(definition.cloud_bucket_mounts or definition.s3_mounts),
        "open ports": bool(definition.open_ports.ports),
        "a proxy": definition.HasField("proxy_id"),
        "an outbound allowlist": definition.network_access.network_access_type == api_pb2.NetworkAccess.ALLOWLIST,
        "an outbound policy": definition.HasField("experimental_outbound_policy")
        or definition.HasField("outbound_policy"),
        "a private network (i6pn)": definition.i6pn_enabled,
        "an identity token": definition.include_oidc_identity_token,
        "a custom domain": bool(definition.custom_domain),
        "memory snapshots": definition.enable_snapshot,
        "a readiness probe": definition.HasField("readiness_probe"),
    }
    refuse("sandboxes", wanted)


async def _watch(state: State, task: Task, idle_timeout: float | None) -> None:
    """Wait for the container's end, write it down and free what it held."""
    ended = end_of(task.container.main)
    while not await wait_for_change(ended, IDLE_CHECK if idle_timeout else None):
        if idle_timeout and _idle_for(task) > idle_timeout:
            await end_task(state, task)
    task.returncode = task.container.poll()
    task.timed_out = task.container.timed_out
    task.terminated = task.terminated and task.returncode == contract.TERMINATED_CODE
    try:
        await state.in_thread(_write_down, state, task)
    finally:
        task.finished.set()
        await state.in_thread(task.container.close)


def _idle_for(task: Task) -> float:
    if task.main is not None or any(fed.process.poll() is None for fed in task.execs.values()):
        task.last_active = time.monotonic()
    return time.monotonic() - task.last_active


def _write_down(state: State, task: Task) -> None:
    how: SandboxState = "terminated" if task.terminated else "timeout" if task.timed_out else "finished"
    with contextlib.suppress(NotFoundError):  # its App or environment was deleted meanwhile
        state.workspace.sandbox_update(task.sandbox_id, state=how, returncode=task.returncode)
