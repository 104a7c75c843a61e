"""What the server keeps of Functions and of calls to them. All of it lives on the event loop, in memory.

A Function's definition may hold pickled values of the user's program, so it is never written to disk: deployed
Functions last as long as the server.
"""

from __future__ import annotations

import asyncio
import time
from collections import deque
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from modal_proto import api_pb2

from modal_lint_runtime.errors import NotFoundError
from modal_lint_runtime.server import ids
from modal_lint_runtime.server.entries import entry_id

if TYPE_CHECKING:
    from modal_lint_runtime.processes import Container

MAX_WORKERS = 4
"""The most containers that one Function gets here, whatever its definition allows."""

IDLE_SECONDS = 60.0
"""How long a container waits for the next input when the definition says nothing."""

MAX_LOG_BYTES = 32 * 1024 * 1024
"""Output kept per App; the oldest is forgotten."""

MAX_ENDED_LOGS = 32
"""Ended Apps whose output can still be read; the oldest are forgotten."""


@dataclass(eq=False, kw_only=True)
class Watched:
    """Something that others wait for changes of."""

    changed: asyncio.Event = field(default_factory=asyncio.Event, repr=False)

    def wake(self) -> None:
        """Let everybody who waits for it look again."""
        self.changed.set()
        self.changed = asyncio.Event()


@dataclass(eq=False)
class Function(Watched):
    """A Function of an App, or one bound to parameters or options.

    `definition` is None until it is created; `pending` is the one of a deploy that has not been published yet.
    """

    id: str
    app_id: str
    metadata: api_pb2.FunctionHandleMetadata
    definition: api_pb2.Function | None = field(default=None, repr=False)
    pending: api_pb2.Function | None = field(default=None, repr=False)
    secret_ids: tuple[str, ...] = ()
    serialized_params: bytes = field(default=b"", repr=False)
    queue: deque[Input] = field(default_factory=deque)
    workers: list[Worker] = field(default_factory=list)

    @property
    def created(self) -> api_pb2.Function:
        """The definition. Raises NotFoundError before there is one."""
        if self.definition is None:
            raise NotFoundError(f"Function {self.id} has not been created")
        return self.definition

    def adopt(self, definition: api_pb2.Function) -> None:
        """Make this its definition; containers of an earlier one have to be ended."""
        self.definition, self.pending = definition, None
        self.secret_ids = tuple(definition.secret_ids)

    @property
    def max_workers(self) -> int:
        """How many containers it may have at once."""
        settings = self.created.autoscaler_settings
        return min(settings.max_containers, MAX_WORKERS) if settings.max_containers else MAX_WORKERS

    @property
    def idle_seconds(self) -> float:
        """How long its containers wait for the next input."""
        settings = self.created.autoscaler_settings
        return float(settings.scaledown_window or self.created.task_idle_timeout_secs) or IDLE_SECONDS


@dataclass(eq=False)
class Input:
    """One input of a call."""

    id: str
    call: Call
    idx: int
    message: api_pb2.FunctionInput = field(repr=False)
    retry_count: int = 0
    open: bool = True
    worker: Worker | None = None
    started_at: float = 0.0
    expiry: asyncio.TimerHandle | None = None


@dataclass(eq=False)
class Call(Watched):
    """A call of a Function: one input (`remote`, `spawn`) or many (`map`)."""

    id: str
    function: Function
    invocation_type: api_pb2.FunctionCallInvocationType.ValueType
    inputs: dict[str, Input] = field(default_factory=dict)
    outputs: list[api_pb2.FunctionGetOutputsItem] = field(default_factory=list, repr=False)
    unfinished: int = 0
    data_out: list[api_pb2.DataChunk] = field(default_factory=list, repr=False)


@dataclass(eq=False)
class Worker:
    """A container that runs a Function. `ready` is set once it has asked for inputs."""

    task_id: str
    function: Function
    container: Container | None = None
    running: dict[str, Input] = field(default_factory=dict)
    stopping: bool = False
    ready: bool = False
    result: api_pb2.GenericResult | None = field(default=None, repr=False)
    started_at: float = field(default_factory=time.time)


@dataclass(eq=False)
class AppLog(Watched):
    """The output of an App's containers."""

    batches: list[api_pb2.TaskLogsBatch] = field(default_factory=list, repr=False)
    dropped: int = 0
    size: int = 0
    done: bool = False

    def add(self, batch: api_pb2.TaskLogsBatch) -> None:
        """Keep a batch, forgetting the oldest beyond the limit."""
        self.batches.append(batch)
        batch.entry_id = entry_id(self.dropped + len(self.batches))  # before its size is taken: it counts
        self.size += batch.ByteSize()
        while self.size > MAX_LOG_BYTES:
            self.size -= self.batches.pop(0).ByteSize()
            self.dropped += 1
        self.wake()


class Deployed:
    """All Functions, classes, calls and containers of one server."""

    def __init__(self) -> None:
        self.functions: dict[str, Function] = {}
        self.classes: dict[str, api_pb2.ClassHandleMetadata] = {}
        self.calls: dict[str, Call] = {}
        self.inputs: dict[str, Input] = {}
        self.workers: dict[str, Worker] = {}
        self.layouts: dict[str, api_pb2.AppLayout] = {}
        self.logs: dict[str, AppLog] = {}

    def function(self, function_id: str) -> Function:
        """Raises NotFoundError."""
        if function_id not in self.functions:
            raise NotFoundError(f"No Function with ID '{function_id}'")
        return self.functions[function_id]

    def call(self, call_id: str) -> Call:
        """Raises NotFoundError."""
        if call_id not in self.calls:
            raise NotFoundError(f"No FunctionCall with ID '{call_id}'")
        return self.calls[call_id]

    def worker(self, task_id: str | None) -> Worker:
        """The container that calls. Raises NotFoundError."""
        worker = self.workers.get(task_id or "")
        if worker is None:
            raise NotFoundError("The call does not come from a container of this server.")
        return worker

    def log(self, app_id: str) -> AppLog:
        """The output of an App's containers."""
        return self.logs.setdefault(app_id, AppLog())

    def end_log(self, app_id: str) -> None:
        """Say that an App writes no more, and forget the oldest output of Apps that have ended."""
        log = self.log(app_id)
        log.done = True
        log.wake()
        ended = [known for known, each in self.logs.items() if each.done]
        for known in ended[:-MAX_ENDED_LOGS]:
            del self.logs[known]

    def of_app(self, app_id: str) -> list[Function]:
        """The Functions of an App."""
        return [function for function in self.functions.values() if function.app_id == app_id]

    def forget(self, function: Function) -> None:
        """Drop a Function with its calls."""
        self.functions.pop(function.id, None)
        for call in [call for call in self.calls.values() if call.function is function]:
            self.forget_call(call)

    def forget_call(self, call: Call) -> None:
        """Drop a call with its inputs."""
        self.calls.pop(call.id, None)
        for input_id in call.inputs:
            self.inputs.pop(input_id, None)

    def new_input(self, call: Call, item: api_pb2.FunctionPutInputsItem) -> Input:
        """Add an input to a call and queue it."""
        message = api_pb2.FunctionInput()
        message.CopyFrom(item.input)
        new = Input(ids.object_id("in"), call, item.idx, message)
        call.inputs[new.id] = self.inputs[new.id] = new
        call.unfinished += 1
        call.function.queue.append(new)
        return new

    def requeue(self, item: Input, message: api_pb2.FunctionInput, retry_count: int) -> None:
        """Queue a failed input again."""
        if not item.open:
            item.open = True
            item.call.unfinished += 1
            item.message.CopyFrom(message)
            item.retry_count = retry_count
            item.call.function.queue.append(item)

    def release(self, item: Input) -> None:
        """Take an input from the container that runs it."""
        if item.worker is not None:
            item.worker.running.pop(item.id, None)
            item.worker = None
        if item.expiry is not None:
            item.expiry.cancel()

    def finish(self, item: Input, output: api_pb2.FunctionGetOutputsItem) -> None:
        """Record an input's output, once."""
        self.release(item)
        if item.open:
            item.open = False
            item.call.unfinished -= 1
            item.call.outputs.append(output)
            item.call.wake()


def failure(item: Input, result: api_pb2.GenericResult) -> api_pb2.FunctionGetOutputsItem:
    """The output of an input that no container answered."""
    return api_pb2.FunctionGetOutputsItem(
        result=result,
        idx=item.idx,
        input_id=item.id,
        data_format=api_pb2.DATA_FORMAT_PICKLE,
        input_started_at=item.started_at,
        output_created_at=time.time(),
        retry_count=item.retry_count,
    )
