"""Calls of Functions, as their callers see them."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING

from google.protobuf.empty_pb2 import Empty
from modal_proto import api_pb2

from modal_lint_runtime.errors import NotFoundError
from modal_lint_runtime.server import ids
from modal_lint_runtime.server.deployed import Call, Input, failure
from modal_lint_runtime.server.entries import entry_id, position
from modal_lint_runtime.server.results import SUCCESS, TERMINATED
from modal_lint_runtime.server.rpc import Caller, rpc
from modal_lint_runtime.server.tokens import input_token, named_input
from modal_lint_runtime.server.waiting import LONGEST_HOLD, bounded, wait_for_change
from modal_lint_runtime.server.workers import provide_workers

if TYPE_CHECKING:
    import asyncio
    from collections.abc import AsyncIterator, Callable, Iterable

    from modal_lint_runtime.server.state import State

MAX_OUTSTANDING = 1000
"""How many inputs of a map the client may have under way."""


class Calls:
    """The calls about calls of Functions."""

    def __init__(self, state: State) -> None:
        self._state = state
        self._deployed = state.deployed

    @rpc("FunctionMap")
    async def map(self, request: api_pb2.FunctionMapRequest, _caller: Caller) -> api_pb2.FunctionMapResponse:
        """Begin a call, with its first inputs."""
        function = self._deployed.function(request.function_id)
        call = Call(ids.object_id("fc"), function, request.function_call_invocation_type)
        self._deployed.calls[call.id] = call
        return api_pb2.FunctionMapResponse(
            function_call_id=call.id,
            pipelined_inputs=self._add(call, request.pipelined_inputs),
            retry_policy=function.created.retry_policy,
            function_call_jwt=call.id,
            sync_client_retries_enabled=True,
            max_inputs_outstanding=MAX_OUTSTANDING,
        )

    @rpc("FunctionPutInputs")
    async def put_inputs(
        self, request: api_pb2.FunctionPutInputsRequest, _caller: Caller
    ) -> api_pb2.FunctionPutInputsResponse:
        """Add inputs to a call."""
        call = self._deployed.call(request.function_call_id)
        return api_pb2.FunctionPutInputsResponse(inputs=self._add(call, request.inputs))

    def _add(
        self, call: Call, items: Iterable[api_pb2.FunctionPutInputsItem]
    ) -> list[api_pb2.FunctionPutInputsResponseItem]:
        added = [self._deployed.new_input(call, item) for item in items]
        provide_workers(self._state, call.function)
        return [
            api_pb2.FunctionPutInputsResponseItem(idx=new.idx, input_id=new.id, input_jwt=input_token(new.id, new.idx))
            for new in added
        ]

    @rpc("FunctionRetryInputs")
    async def retry_inputs(
        self, request: api_pb2.FunctionRetryInputsRequest, _caller: Caller
    ) -> api_pb2.FunctionRetryInputsResponse:
        """Queue failed inputs again: a client that waits for its call (`remote`, `map`) decides on retries itself."""
        call = self._deployed.call(request.function_call_jwt)
        for item in request.inputs:
            known = self._input(call, named_input(item.input_jwt))
            self._deployed.requeue(known, item.input, item.retry_count or known.retry_count + 1)
        provide_workers(self._state, call.function)
        return api_pb2.FunctionRetryInputsResponse(input_jwts=[item.input_jwt for item in request.inputs])

    def _input(self, call: Call, input_id: str) -> Input:
        if input_id not in call.inputs:
            raise NotFoundError(f"No input with ID '{input_id}' in this call")
        return call.inputs[input_id]

    @rpc("FunctionFinishInputs")
    async def finish_inputs(self, _request: api_pb2.FunctionFinishInputsRequest, _caller: Caller) -> Empty:
        """All inputs of a map have been sent; nothing depends on it here."""
        return Empty()

    @rpc("FunctionGetOutputs")
    async def get_outputs(
        self, request: api_pb2.FunctionGetOutputsRequest, _caller: Caller
    ) -> api_pb2.FunctionGetOutputsResponse:
        """Outputs that came after `last_entry_id`; waits for one up to `timeout` seconds."""
        call = self._deployed.call(request.function_call_id)
        seen = position(request.last_entry_id)

        def fresh() -> list[api_pb2.FunctionGetOutputsItem]:
            return [item for item in call.outputs[seen:] if _wanted(request, item.idx)]

        def ready() -> bool:
            # One awaited input of a call that has none left will never come; a map may still get inputs.
            expired = request.HasField("start_idx") and bool(call.inputs) and not call.unfinished
            return bool(fresh()) or expired

        await _hold(lambda: call.changed, ready, request.timeout)
        outputs = fresh()
        reply = api_pb2.FunctionGetOutputsResponse(
            outputs=outputs,
            idxs=[item.idx for item in outputs],
            last_entry_id=entry_id(len(call.outputs)),
            num_unfinished_inputs=call.unfinished,
        )
        if request.clear_on_success:
            self._clear(call, outputs)
        return reply

    def _clear(self, call: Call, outputs: list[api_pb2.FunctionGetOutputsItem]) -> None:
        call.outputs = [item for item in call.outputs if item not in outputs]
        # A failed input may be retried under the same call; a call that is all done will not be asked for again.
        if not call.unfinished and not call.outputs and all(item.result.status == SUCCESS for item in outputs):
            self._deployed.forget_call(call)

    @rpc("FunctionCallGetDataOut")
    async def data_out(
        self, request: api_pb2.FunctionCallGetDataRequest, _caller: Caller
    ) -> AsyncIterator[api_pb2.DataChunk]:
        """Stream what a generator has yielded."""
        call = self._deployed.call(request.function_call_id)
        index = request.last_index
        while True:
            changed = call.changed
            for chunk in [chunk for chunk in call.data_out if chunk.index > index]:
                index = chunk.index
                yield chunk
            if not await wait_for_change(changed, LONGEST_HOLD):
                return

    @rpc("FunctionCallFromId")
    async def from_id(
        self, request: api_pb2.FunctionCallFromIdRequest, _caller: Caller
    ) -> api_pb2.FunctionCallFromIdResponse:
        """Look a call up."""
        call = self._deployed.call(request.function_call_id)
        return api_pb2.FunctionCallFromIdResponse(function_call_id=call.id, num_inputs=len(call.inputs))

    @rpc("FunctionCallCancel")
    async def cancel(self, request: api_pb2.FunctionCallCancelRequest, _caller: Caller) -> Empty:
        """Give a call up: what waits is dropped, what runs ends with its container."""
        call = self._deployed.call(request.function_call_id)
        for item in [item for item in call.inputs.values() if item.open]:
            worker = item.worker
            if item in call.function.queue:
                call.function.queue.remove(item)
            result = api_pb2.GenericResult(status=TERMINATED, exception="The call was cancelled.")
            self._deployed.finish(item, failure(item, result))
            if worker is not None:
                self._state.end_worker(worker)
        return Empty()


async def _hold(changed: Callable[[], asyncio.Event], ready: Callable[[], bool], timeout: float) -> None:
    deadline = time.monotonic() + bounded(timeout)
    while not ready():
        if not await wait_for_change(changed(), deadline - time.monotonic()):
            return


def _wanted(request: api_pb2.FunctionGetOutputsRequest, idx: int) -> bool:
    if not request.HasField("start_idx"):
        return True
    return request.start_idx <= idx <= (request.end_idx if request.HasField("end_idx") else request.start_idx)
