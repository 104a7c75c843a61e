"""The task command router: processes in a running sandbox, their input, output and end.

Every call is bound to the task its token names, so a caller cannot reach another's sandbox.
"""

from __future__ import annotations

import time
from typing import TYPE_CHECKING, Any

from modal_proto import task_command_router_pb2 as router_pb2

from modal_lint_runtime import contract
from modal_lint_runtime.errors import InvalidError, NotFoundError, PermissionDeniedError
from modal_lint_runtime.isolation import interpreter
from modal_lint_runtime.local_variables import environment
from modal_lint_runtime.server import sandbox_files
from modal_lint_runtime.server.rpc import Caller, rpc
from modal_lint_runtime.server.sources import exec_sources
from modal_lint_runtime.server.stdio import follow, follow_from
from modal_lint_runtime.server.tasks import Fed, Task
from modal_lint_runtime.server.waiting import end_of

if TYPE_CHECKING:
    from collections.abc import AsyncIterator

    from modal_lint_runtime.processes import Process
    from modal_lint_runtime.server.state import State


class Router:
    """`modal.task_command_router.TaskCommandRouter`."""

    def __init__(self, state: State) -> None:
        self._state = state

    def _task(self, task_id: str, caller: Caller) -> Task:
        if task_id != caller.task_id:
            raise PermissionDeniedError("The token belongs to another task.")
        return self._state.tasks.get(task_id)

    @rpc("TaskExecStart")
    def exec_start(self, request: router_pb2.TaskExecStartRequest, caller: Caller) -> router_pb2.TaskExecStartResponse:
        """Start a process; the same `exec_id` again is the same process."""
        task = self._task(request.task_id, caller)
        _check_exec(request)
        with task.starting(request.exec_id):
            if request.exec_id not in task.execs:
                self._start(task, request)
        return router_pb2.TaskExecStartResponse()

    def _start(self, task: Task, request: router_pb2.TaskExecStartRequest) -> None:
        if task.finished.is_set() or task.terminated:
            raise NotFoundError("The sandbox has finished.")
        process = task.container.exec(
            _command(request),
            environment({}, exec_sources(self._state.workspace, request), {}),
            workdir=contract.workdir(request.workdir or None),
            timeout=float(request.timeout_secs) if request.timeout_secs else None,
            pty=request.HasField("pty_info"),
        )
        task.keep(request.exec_id, Fed(process))

    @rpc("TaskExecStdioRead")
    async def exec_stdio_read(
        self, request: router_pb2.TaskExecStdioReadRequest, caller: Caller
    ) -> AsyncIterator[router_pb2.TaskExecStdioReadResponse]:
        """Stream a process's output from an offset until it ends."""
        process = self._task(request.task_id, caller).exec(request.exec_id).process
        stderr = request.file_descriptor == router_pb2.TASK_EXEC_STDIO_FILE_DESCRIPTOR_STDERR
        async for data in follow(process.stderr if stderr else process.stdout, request.offset):
            yield router_pb2.TaskExecStdioReadResponse(data=data)

    @rpc("TaskExecStdinWrite")
    async def exec_stdin_write(
        self, request: router_pb2.TaskExecStdinWriteRequest, caller: Caller
    ) -> router_pb2.TaskExecStdinWriteResponse:
        """Write to a process's input."""
        fed = self._task(request.task_id, caller).exec(request.exec_id)
        await self._state.feed(fed, request.offset, request.data, eof=request.eof)
        return router_pb2.TaskExecStdinWriteResponse()

    @rpc("TaskExecStdinWriteStream")
    async def exec_stdin_stream(self, requests: Any, caller: Caller) -> router_pb2.TaskExecStdinWriteStreamResponse:
        """Write a stream of chunks to a process's input; only an explicit end closes it."""
        fed: Fed | None = None
        offset = 0
        async for request in requests:
            kind = request.WhichOneof("payload")
            if kind == "start":
                fed = self._task(request.start.task_id, caller).exec(request.start.exec_id)
                offset = request.start.offset
            elif fed is None:
                raise InvalidError("The stream does not begin with its start.")
            else:
                data = request.data if kind == "data" else b""
                await self._state.feed(fed, offset, data, eof=kind == "end")
                offset += len(data)
        return router_pb2.TaskExecStdinWriteStreamResponse()

    @rpc("TaskExecStdinStatus")
    async def exec_stdin_status(
        self, request: router_pb2.TaskExecStdinStatusRequest, caller: Caller
    ) -> router_pb2.TaskExecStdinStatusResponse:
        """How much of a process's input has arrived."""
        fed = self._task(request.task_id, caller).exec(request.exec_id)
        return router_pb2.TaskExecStdinStatusResponse(num_bytes_written=fed.written, closed=fed.closed)

    @rpc("TaskExecPoll")
    async def exec_poll(
        self, request: router_pb2.TaskExecPollRequest, caller: Caller
    ) -> router_pb2.TaskExecPollResponse:
        """The exit code, or nothing while the process runs."""
        code = self._task(request.task_id, caller).exec(request.exec_id).process.poll()
        return router_pb2.TaskExecPollResponse() if code is None else router_pb2.TaskExecPollResponse(code=code)

    @rpc("TaskExecWait")
    async def exec_wait(
        self, request: router_pb2.TaskExecWaitRequest, caller: Caller
    ) -> router_pb2.TaskExecWaitResponse:
        """The exit code, once the process has ended."""
        task = self._task(request.task_id, caller)
        process = task.exec(request.exec_id).process
        await end_of(process).wait()
        task.last_active = time.monotonic()
        return router_pb2.TaskExecWaitResponse(code=_exit_code(process))

    @rpc("SandboxStdioReadV2")
    async def sandbox_stdio_read(
        self, request: router_pb2.SandboxStdioReadV2Request, caller: Caller
    ) -> AsyncIterator[router_pb2.SandboxStdioReadV2Response]:
        """Stream the output of a sandbox's entrypoint from an offset until it ends."""
        task = self._task(request.task_id, caller)
        stderr = request.file_descriptor == router_pb2.SANDBOX_STDIO_FILE_DESCRIPTOR_STDERR
        async for offset, data in follow_from(task, stderr, request.offset):
            yield router_pb2.SandboxStdioReadV2Response(data=data, starting_offset=offset)

    @rpc("SandboxStdinWriteV2")
    async def sandbox_stdin_write(
        self, request: router_pb2.SandboxStdinWriteV2Request, caller: Caller
    ) -> router_pb2.SandboxStdinWriteV2Response:
        """Write to the input of a sandbox's entrypoint."""
        task = self._task(request.task_id, caller)
        if task.main is None:
            raise InvalidError("The sandbox has no entrypoint to write to.")
        await self._state.feed(task.main, request.offset, request.data, eof=request.eof)
        return router_pb2.SandboxStdinWriteV2Response()

    @rpc("TaskReloadVolumes")
    def reload_volumes(
        self, request: router_pb2.TaskReloadVolumesRequest, caller: Caller
    ) -> router_pb2.TaskReloadVolumesResponse:
        """Nothing to do: a sandbox sees its Volumes as they are."""
        self._task(request.task_id, caller)
        return router_pb2.TaskReloadVolumesResponse()


def _check_exec(request: router_pb2.TaskExecStartRequest) -> None:
    if not request.exec_id:
        raise InvalidError("The process has no ID.")
    if not request.command_args or not request.command_args[0]:
        raise InvalidError("The command must name a program.")
    if request.container_id:
        raise NotFoundError("Sidecar containers are not served.")


def _command(request: router_pb2.TaskExecStartRequest) -> tuple[str, ...]:
    """The program and its arguments; for Modal's program behind `sandbox.filesystem` the one that stands in for it."""
    args = contract.arguments(list(request.command_args))
    if args[0] == sandbox_files.PATH:
        return (interpreter(), "-I", "-S", sandbox_files.__file__, *args[1:])
    return args


def _exit_code(process: Process) -> int:
    code = process.poll()
    assert code is not None, "called after the process ended"
    return code
