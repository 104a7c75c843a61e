"""The calls a Function's container makes: fetch inputs, put outputs, report what went wrong.

The container is the `modal` package's own entrypoint; each call names its task by the token it was started with.
"""

from __future__ import annotations

import time
from typing import TYPE_CHECKING

from google.protobuf.empty_pb2 import Empty
from modal_proto import api_pb2

from modal_lint_runtime.errors import NotFoundError, PermissionDeniedError
from modal_lint_runtime.server.rpc import Caller, rpc
from modal_lint_runtime.server.waiting import wait_for_change
from modal_lint_runtime.server.workers import expire, settle

if TYPE_CHECKING:
    from modal_lint_runtime.server.deployed import Input, Worker
    from modal_lint_runtime.server.state import State


class Containers:
    """The calls of Functions' containers."""

    def __init__(self, state: State) -> None:
        self._state = state
        self._deployed = state.deployed

    @rpc("ContainerHello")
    async def hello(self, _request: Empty, caller: Caller) -> Empty:
        """A container has started."""
        self._deployed.worker(caller.task_id)
        return Empty()

    @rpc("ContainerHeartbeat")
    async def heartbeat(
        self, _request: api_pb2.ContainerHeartbeatRequest, caller: Caller
    ) -> api_pb2.ContainerHeartbeatResponse:
        """A container is alive."""
        self._deployed.worker(caller.task_id)
        return api_pb2.ContainerHeartbeatResponse()

    @rpc("ContainerStop")
    async def stop(self, request: api_pb2.ContainerStopRequest, _caller: Caller) -> api_pb2.ContainerStopResponse:
        """Stop a container after what it runs."""
        worker = self._deployed.worker(request.task_id)
        worker.stopping = True
        worker.function.wake()
        if not request.graceful:
            self._state.end_worker(worker)
        return api_pb2.ContainerStopResponse()

    @rpc("FunctionGetInputs")
    async def get_inputs(
        self, request: api_pb2.FunctionGetInputsRequest, caller: Caller
    ) -> api_pb2.FunctionGetInputsResponse:
        """The next inputs; a kill switch when the container shall end or has idled too long."""
        worker = self._worker(request.function_id, caller)
        worker.ready = True
        function = worker.function
        deadline = time.monotonic() + function.idle_seconds
        while not function.queue and not worker.stopping:
            if not await wait_for_change(function.changed, deadline - time.monotonic()) and not worker.running:
                worker.stopping = True
        if worker.stopping:
            return api_pb2.FunctionGetInputsResponse(inputs=[api_pb2.FunctionGetInputsItem(kill_switch=True)])
        count = min(max(request.batch_max_size, 1), len(function.queue))
        items = [self._hand_out(worker, function.queue.popleft()) for _ in range(count)]
        return api_pb2.FunctionGetInputsResponse(inputs=items)

    def _hand_out(self, worker: Worker, item: Input) -> api_pb2.FunctionGetInputsItem:
        item.worker, item.started_at = worker, time.time()
        worker.running[item.id] = item
        expire(self._state, item, worker.function.created.timeout_secs)
        return api_pb2.FunctionGetInputsItem(
            input_id=item.id,
            input=item.message,
            function_call_id=item.call.id,
            function_call_invocation_type=item.call.invocation_type,
            retry_count=item.retry_count,
            function_map_idx=item.idx,
        )

    @rpc("FunctionPutOutputs")
    async def put_outputs(self, request: api_pb2.FunctionPutOutputsRequest, caller: Caller) -> Empty:
        """The outputs of inputs this container runs; of others they are ignored (it was too late)."""
        worker = self._deployed.worker(caller.task_id)
        for output in request.outputs:
            item = worker.running.get(output.input_id)
            if item is not None and item.retry_count == output.retry_count:
                settle(self._state, item, _output(item, output, worker.task_id))
        return Empty()

    @rpc("TaskResult")
    async def task_result(self, request: api_pb2.TaskResultRequest, caller: Caller) -> Empty:
        """The container could not start (its module does not import): what waits for it fails with the same."""
        worker = self._deployed.worker(caller.task_id)
        worker.result = api_pb2.GenericResult()
        worker.result.CopyFrom(request.result)
        return Empty()

    @rpc("FunctionCallPutDataOut")
    async def put_data_out(self, request: api_pb2.FunctionCallPutDataRequest, caller: Caller) -> Empty:
        """What a generator yields."""
        worker = self._deployed.worker(caller.task_id)
        call = self._deployed.call(request.function_call_id)
        if all(item.call is not call for item in worker.running.values()):
            raise PermissionDeniedError("The container does not run this call.")
        call.data_out.extend(request.data_chunks)
        call.wake()
        return Empty()

    @rpc("FunctionGetDynamicConcurrency")
    async def concurrency(
        self, request: api_pb2.FunctionGetDynamicConcurrencyRequest, _caller: Caller
    ) -> api_pb2.FunctionGetDynamicConcurrencyResponse:
        """How many inputs a container may run at once: its target."""
        return api_pb2.FunctionGetDynamicConcurrencyResponse(concurrency=request.target_concurrency)

    def _worker(self, function_id: str, caller: Caller) -> Worker:
        worker = self._deployed.worker(caller.task_id)
        if worker.function.id != function_id:
            raise NotFoundError("The container runs another Function.")
        return worker


def _output(item: Input, output: api_pb2.FunctionPutOutputsItem, task_id: str) -> api_pb2.FunctionGetOutputsItem:
    return api_pb2.FunctionGetOutputsItem(
        result=output.result,
        idx=item.idx,
        input_id=item.id,
        data_format=output.data_format,
        task_id=task_id,
        input_started_at=output.input_started_at,
        output_created_at=output.output_created_at,
        retry_count=output.retry_count,
    )
