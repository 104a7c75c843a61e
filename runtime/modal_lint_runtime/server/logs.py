"""The output of a V1 sandbox's entrypoint, which travels as text in numbered batches."""

from __future__ import annotations

import codecs
import time
from typing import TYPE_CHECKING

from modal_proto import api_pb2

from modal_lint_runtime.server.entries import entry_id, position
from modal_lint_runtime.server.rpc import Caller, rpc
from modal_lint_runtime.server.stdio import follow_from

if TYPE_CHECKING:
    from collections.abc import AsyncIterator

    from modal_lint_runtime.server.state import State


class SandboxLogs:
    """`SandboxGetLogs`."""

    def __init__(self, state: State) -> None:
        self._state = state

    @rpc("SandboxGetLogs")
    async def get(
        self, request: api_pb2.SandboxGetLogsRequest, _caller: Caller
    ) -> AsyncIterator[api_pb2.TaskLogsBatch]:
        """Stream output from `last_entry_id` on; the last batch says `eof`.

        Ids are `<offset>-0`: JavaScript starts from "0-0". A character is sent once all its bytes have come, and an id
        points behind the last whole one, so a client that comes back loses nothing.
        """
        task = self._state.tasks.of_sandbox(request.sandbox_id)
        if task is None:
            await self._state.in_thread(self._state.workspace.sandbox_get, request.sandbox_id)
            yield api_pb2.TaskLogsBatch(eof=True)
            return
        decoder = codecs.getincrementaldecoder("utf-8")("replace")
        stderr = request.file_descriptor == api_pb2.FILE_DESCRIPTOR_STDERR
        end = start = position(request.last_entry_id)
        async for offset, data in follow_from(task, stderr, start):
            text = decoder.decode(data)
            end = offset + len(data) - len(decoder.getstate()[0])
            if text:
                yield _batch(text, end, request.file_descriptor)
        if rest := decoder.decode(b"", final=True):
            yield _batch(rest, end, request.file_descriptor)
        yield api_pb2.TaskLogsBatch(entry_id=entry_id(end), eof=True)


def _batch(text: str, end: int, file_descriptor: api_pb2.FileDescriptor.ValueType) -> api_pb2.TaskLogsBatch:
    item = api_pb2.TaskLogs(data=text, file_descriptor=file_descriptor, timestamp=time.time())
    return api_pb2.TaskLogsBatch(entry_id=entry_id(end), items=[item])
