"""Images: build, follow a build, find, publish, delete."""

from __future__ import annotations

import threading
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING

from google.protobuf.empty_pb2 import Empty
from modal_proto import api_pb2

from modal_lint_runtime.errors import ImageBuildError, ModalError, NotFoundError
from modal_lint_runtime.server import ids
from modal_lint_runtime.server.definitions import definition_of
from modal_lint_runtime.server.entries import entry_id, position
from modal_lint_runtime.server.environments import builder_version
from modal_lint_runtime.server.results import FAILURE, SUCCESS
from modal_lint_runtime.server.rpc import Caller, rpc
from modal_lint_runtime.server.sources import require
from modal_lint_runtime.server.waiting import LONGEST_HOLD, until

if TYPE_CHECKING:
    from collections.abc import AsyncIterator

    from modal_lint_runtime.records import ImageRecord
    from modal_lint_runtime.server.state import State

CACHED_WITHIN = 0.2
"""Seconds in which a build that has nothing to do is done: its result comes at once, as for a cached image."""

MAX_BUILDS = 256
"""Builds whose log can be followed; the oldest are forgotten."""


@dataclass
class Build:
    """A build under its image's id; `result` is empty until it ends."""

    id: str
    log: list[str] = field(default_factory=list)
    result: api_pb2.GenericResult = field(default_factory=api_pb2.GenericResult)

    @property
    def done(self) -> bool:
        """Whether it has ended."""
        return bool(self.result.status)


class Images:
    """The calls about images."""

    def __init__(self, state: State) -> None:
        self._state = state
        self._workspace = state.workspace
        self._builds: dict[str, Build] = {}
        self._lock = threading.Lock()

    @rpc("ImageGetOrCreate")
    async def get_or_create(
        self, request: api_pb2.ImageGetOrCreateRequest, caller: Caller
    ) -> api_pb2.ImageGetOrCreateResponse:
        """Begin the build of one layer, or answer with its result when there is nothing to do."""
        await self._state.in_thread(require, self._workspace, request.image.secret_ids)
        build = Build(ids.object_id("im"))
        with self._lock:
            self._builds[build.id] = build
            for old in list(self._builds)[:-MAX_BUILDS]:
                del self._builds[old]
        self._state.build_executor.submit(self._build, build, request)
        if await until(lambda: build.done, CACHED_WITHIN) and not build.log:
            return api_pb2.ImageGetOrCreateResponse(image_id=build.id, result=build.result, metadata=_metadata(caller))
        return api_pb2.ImageGetOrCreateResponse(image_id=build.id, metadata=_metadata(caller))

    def _build(self, build: Build, request: api_pb2.ImageGetOrCreateRequest) -> None:
        try:
            record = self._built(build, request)
            self._workspace.image_put(replace(record, id=build.id))
            build.result = api_pb2.GenericResult(status=SUCCESS)
        except ImageBuildError as error:
            build.result = api_pb2.GenericResult(status=FAILURE, exception=str(error), exitcode=error.exit_code)
        except ModalError as error:
            build.result = api_pb2.GenericResult(status=FAILURE, exception=str(error), exitcode=1)
        except Exception as error:
            text = f"The local builder failed: {type(error).__name__}"
            build.result = api_pb2.GenericResult(status=FAILURE, exception=text, exitcode=1)
            raise

    def _built(self, build: Build, request: api_pb2.ImageGetOrCreateRequest) -> ImageRecord:
        scratch = f"context-{build.id}"
        try:
            definition = definition_of(self._state, request, scratch)
            return self._state.builder.build(definition, on_log=build.log.append)
        finally:
            self._state.discard_scratch(scratch)

    @rpc("ImageJoinStreaming")
    async def join(
        self, request: api_pb2.ImageJoinStreamingRequest, caller: Caller
    ) -> AsyncIterator[api_pb2.ImageJoinStreamingResponse]:
        """Stream a build's log from `last_entry_id` on, then its result."""
        build = self._builds.get(request.image_id)
        if build is None:
            await self._state.in_thread(self._record, request.image_id)
            build = Build(request.image_id, result=api_pb2.GenericResult(status=SUCCESS))
        seen = position(request.last_entry_id)
        deadline_passed = False
        while not deadline_passed:
            done, lines = build.done, build.log[seen:]
            for line in lines:
                seen += 1
                yield api_pb2.ImageJoinStreamingResponse(
                    task_logs=[api_pb2.TaskLogs(data=line, file_descriptor=api_pb2.FILE_DESCRIPTOR_STDOUT)],
                    entry_id=entry_id(seen),
                )
            if done:
                yield api_pb2.ImageJoinStreamingResponse(
                    result=build.result, entry_id=entry_id(seen), eof=True, metadata=_metadata(caller)
                )
                return
            deadline_passed = not await until(lambda: build.done or len(build.log) > seen, LONGEST_HOLD)  # noqa: B023

    @rpc("ImageFromId")
    def from_id(self, request: api_pb2.ImageFromIdRequest, caller: Caller) -> api_pb2.ImageFromIdResponse:
        """Find a built image."""
        try:
            record = self._record(request.image_id)
        except NotFoundError:
            raise NotFoundError(f"Could not find image with ID {request.image_id}") from None
        return api_pb2.ImageFromIdResponse(image_id=record.id, metadata=_metadata(caller))

    @rpc("ImageDelete")
    def delete(self, request: api_pb2.ImageDeleteRequest, _caller: Caller) -> Empty:
        """Forget an image."""
        try:
            self._record(request.image_id)
        except NotFoundError:
            raise NotFoundError(f"No Image with ID '{request.image_id}' found") from None
        self._workspace.image_delete(request.image_id)
        self._builds.pop(request.image_id, None)
        return Empty()

    def _record(self, image_id: str) -> ImageRecord:
        return self._workspace.image_get(image_id)


def _metadata(caller: Caller) -> api_pb2.ImageMetadata:
    return api_pb2.ImageMetadata(image_builder_version=builder_version(caller))
