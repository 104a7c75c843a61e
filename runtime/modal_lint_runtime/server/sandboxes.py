"""Sandboxes: create, find, wait for, end. V1 and V2 share their messages and differ in ids and in how Secrets come."""

from __future__ import annotations

import asyncio
import time
from typing import TYPE_CHECKING

from google.protobuf.empty_pb2 import Empty
from modal_proto import api_pb2

from modal_lint_runtime.errors import ConflictError, InvalidError, NotFoundError
from modal_lint_runtime.server.ending import end_sandbox
from modal_lint_runtime.server.launch import launch
from modal_lint_runtime.server.paging import PAGE
from modal_lint_runtime.server.results import record_result, task_result
from modal_lint_runtime.server.rpc import Caller, rpc
from modal_lint_runtime.server.waiting import bounded, wait_for_change

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

    from modal_lint_runtime.records import SandboxRecord
    from modal_lint_runtime.server.state import State
    from modal_lint_runtime.server.tasks import Task

LOOK_EVERY = 0.2
"""Seconds between two looks at the record of another process's sandbox."""


class Sandboxes:
    """The calls about sandboxes on the control plane."""

    def __init__(self, state: State) -> None:
        self._state = state
        self._workspace = state.workspace

    @rpc("SandboxCreateV2")
    async def create_v2(
        self, request: api_pb2.SandboxCreateV2Request, caller: Caller
    ) -> api_pb2.SandboxCreateV2Response:
        """Start a V2 sandbox."""
        task = await launch(self._state, request, v2=True)
        url, jwt = self._state.router_access(task.id, caller)
        return api_pb2.SandboxCreateV2Response(
            sandbox_id=task.sandbox_id,
            task_id=task.id,
            metadata=api_pb2.SandboxHandleMetadata(app_id=task.app_id),
            command_router_access=api_pb2.CommandRouterAccess(url=url, jwt=jwt),
        )

    @rpc("SandboxCreate")
    async def create(self, request: api_pb2.SandboxCreateRequest, _caller: Caller) -> api_pb2.SandboxCreateResponse:
        """Start a V1 sandbox; all its Secrets come by id."""
        same = api_pb2.SandboxCreateV2Request(app_id=request.app_id, definition=request.definition, tags=request.tags)
        task = await launch(self._state, same, v2=False)
        metadata = api_pb2.SandboxHandleMetadata(app_id=task.app_id)
        return api_pb2.SandboxCreateResponse(sandbox_id=task.sandbox_id, metadata=metadata)

    @rpc("SandboxGetTaskId", "SandboxGetTaskIdV2")
    def task_id(self, request: api_pb2.SandboxGetTaskIdRequest, _caller: Caller) -> api_pb2.SandboxGetTaskIdResponse:
        """The task of a sandbox, or its result when it has finished."""
        task = self._state.tasks.of_sandbox(request.sandbox_id)
        if task is None:
            result = record_result(self._workspace.sandbox_get(request.sandbox_id))
            return api_pb2.SandboxGetTaskIdResponse(task_result=result)
        result = task_result(task)
        if task.finished.is_set():
            return api_pb2.SandboxGetTaskIdResponse(task_id=task.id, task_result=result)
        return api_pb2.SandboxGetTaskIdResponse(task_id=task.id)

    @rpc("SandboxGetCommandRouterAccess")
    def sandbox_router(
        self, request: api_pb2.SandboxGetCommandRouterAccessRequest, caller: Caller
    ) -> api_pb2.SandboxGetCommandRouterAccessResponse:
        """Where a sandbox's processes are served, and the token for it."""
        if request.WhichOneof("target") == "task_id":
            task = self._state.tasks.get(request.task_id)
        else:
            task = self._task(request.sandbox_id)
        url, jwt = self._state.router_access(task.id, caller)
        return api_pb2.SandboxGetCommandRouterAccessResponse(url=url, jwt=jwt)

    @rpc("TaskGetCommandRouterAccess")
    def task_router(
        self, request: api_pb2.TaskGetCommandRouterAccessRequest, caller: Caller
    ) -> api_pb2.TaskGetCommandRouterAccessResponse:
        """Where the processes of a task (V1) are served, and the token for it."""
        task = self._state.tasks.get(request.task_id)
        url, jwt = self._state.router_access(task.id, caller)
        return api_pb2.TaskGetCommandRouterAccessResponse(url=url, jwt=jwt)

    @rpc("SandboxWait", "SandboxWaitV2")
    async def wait(self, request: api_pb2.SandboxWaitRequest, _caller: Caller) -> api_pb2.SandboxWaitResponse:
        """The result, or an empty one when `timeout` seconds pass first."""
        record = await self._state.in_thread(self._workspace.sandbox_get, request.sandbox_id)
        metadata = api_pb2.SandboxHandleMetadata(app_id=record.app_id)
        task = self._state.tasks.of_sandbox(request.sandbox_id)
        hold = bounded(request.timeout)
        if task is None:
            result = record_result(await self._followed(record, hold))
        else:
            await wait_for_change(task.finished, hold)
            result = task_result(task)
        if result.status:
            metadata.result.CopyFrom(result)
        return api_pb2.SandboxWaitResponse(result=result, metadata=metadata)

    async def _followed(self, record: SandboxRecord, hold: float) -> SandboxRecord:
        """The record of another process's sandbox, once that has ended or `hold` seconds are over."""
        deadline = time.monotonic() + hold
        while record.returncode is None and time.monotonic() < deadline:
            await asyncio.sleep(LOOK_EVERY)
            record = await self._state.in_thread(self._workspace.sandbox_get, record.id)
        return record

    @rpc("SandboxTerminate", "SandboxTerminateV2")
    async def terminate(
        self, request: api_pb2.SandboxTerminateRequest, _caller: Caller
    ) -> api_pb2.SandboxTerminateResponse:
        """End a sandbox; of a finished one, say how it ended."""
        task = self._state.tasks.of_sandbox(request.sandbox_id)
        if task is None:
            record = await self._state.in_thread(self._workspace.sandbox_get, request.sandbox_id)
            existing = record_result(record)
        else:
            existing = task_result(task)
        await end_sandbox(self._state, request.sandbox_id)
        return api_pb2.SandboxTerminateResponse(existing_result=existing)

    @rpc("SandboxList", "SandboxListV2")
    def list(self, request: api_pb2.SandboxListRequest, _caller: Caller) -> api_pb2.SandboxListResponse:
        """One page of sandboxes, newest first."""
        environment = self._state.environment(request.environment_name)
        records = self._workspace.sandbox_list(
            app_id=request.app_id or None,
            environment=environment,
            tags=tags_of(request.tags) or None,
            running_only=not request.include_finished,
        )
        before = request.before_timestamp
        older = [record for record in records if not before or record.created_at < before]
        return api_pb2.SandboxListResponse(sandboxes=[self._info(record) for record in older[:PAGE]])

    def _info(self, record: SandboxRecord) -> api_pb2.SandboxInfo:
        task = self._state.tasks.of_sandbox(record.id)
        result = task_result(task) if task else record_result(record)
        return api_pb2.SandboxInfo(
            id=record.id,
            created_at=record.created_at,
            task_info=api_pb2.TaskInfo(id=task.id if task else "", result=result, started_at=record.created_at),
            app_id=record.app_id,
            tags=tag_messages(record.tags),
            name=record.name or "",
            image_id=record.image_id or "",
            timeout_secs=int(record.timeout or 0),
            metadata=api_pb2.SandboxHandleMetadata(app_id=record.app_id, result=result),
        )

    @rpc("SandboxGetFromName", "SandboxGetFromNameV2")
    def from_name(
        self, request: api_pb2.SandboxGetFromNameRequest, _caller: Caller
    ) -> api_pb2.SandboxGetFromNameResponse:
        """The running sandbox of an App with this name."""
        environment = self._state.environment(request.environment_name)
        app = self._workspace.app_lookup(request.app_name, environment)
        record = self._workspace.sandbox_by_name(app.id, request.sandbox_name)
        if record is None:
            raise NotFoundError(f"Sandbox with name '{request.sandbox_name}' not found in App '{request.app_name}'")
        metadata = api_pb2.SandboxHandleMetadata(app_id=record.app_id)
        return api_pb2.SandboxGetFromNameResponse(sandbox_id=record.id, metadata=metadata)

    @rpc("SandboxTagsGet", "SandboxTagsGetV2")
    def tags(self, request: api_pb2.SandboxTagsGetRequest, _caller: Caller) -> api_pb2.SandboxTagsGetResponse:
        """A sandbox's tags."""
        record = self._workspace.sandbox_get(request.sandbox_id)
        return api_pb2.SandboxTagsGetResponse(tags=tag_messages(record.tags))

    @rpc("SandboxTagsSet", "SandboxTagsSetV2")
    def set_tags(self, request: api_pb2.SandboxTagsSetRequest, _caller: Caller) -> Empty:
        """Replace a sandbox's tags."""
        self._workspace.sandbox_get(request.sandbox_id)
        self._workspace.sandbox_update(request.sandbox_id, tags=tags_of(request.tags))
        return Empty()

    @rpc("SandboxSetName")
    def set_name(self, request: api_pb2.SandboxSetNameRequest, _caller: Caller) -> api_pb2.SandboxSetNameResponse:
        """Rename a running sandbox."""
        self._workspace.sandbox_update(request.sandbox_id, name=request.name)
        return api_pb2.SandboxSetNameResponse()

    @rpc("SandboxStdinWrite")
    async def stdin_write(
        self, request: api_pb2.SandboxStdinWriteRequest, _caller: Caller
    ) -> api_pb2.SandboxStdinWriteResponse:
        """Write to the input of a V1 sandbox's entrypoint; each write has the next index."""
        task = self._task(request.sandbox_id)
        if task.main is None:
            raise InvalidError("The sandbox has no entrypoint to write to.")
        if task.finished.is_set():
            raise ConflictError("The sandbox has finished.")
        if request.index > task.stdin_index:
            task.stdin_index = request.index
            await self._state.feed(task.main, task.main.written, request.input, eof=request.eof)
        return api_pb2.SandboxStdinWriteResponse()

    def _task(self, sandbox_id: str) -> Task:
        """The task of a sandbox that this server started. Raises NotFoundError."""
        task = self._state.tasks.of_sandbox(sandbox_id)
        if task is None:
            self._workspace.sandbox_get(sandbox_id)
            raise ConflictError("The sandbox has finished or belongs to another process.")
        return task


def tags_of(messages: Iterable[api_pb2.SandboxTag]) -> dict[str, str]:
    """Tags as a mapping."""
    return {message.tag_name: message.tag_value for message in messages}


def tag_messages(tags: Mapping[str, str]) -> list[api_pb2.SandboxTag]:
    """Tags as messages."""
    return [api_pb2.SandboxTag(tag_name=name, tag_value=value) for name, value in tags.items()]
