"""An App's life: created for a run or a deploy, published with its Functions, stopped."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING

from google.protobuf.empty_pb2 import Empty
from modal_proto import api_pb2

from modal_lint_runtime.server.ending import end_app, end_recorded
from modal_lint_runtime.server.entries import entry_id, position
from modal_lint_runtime.server.rpc import Caller, rpc
from modal_lint_runtime.server.waiting import bounded, wait_for_change
from modal_lint_runtime.server.workers import stop_workers

if TYPE_CHECKING:
    from collections.abc import AsyncIterator

    from modal_lint_runtime.server.deployed import Function
    from modal_lint_runtime.server.state import State


class Publishing:
    """The calls about running and deploying Apps."""

    def __init__(self, state: State) -> None:
        self._state = state
        self._deployed = state.deployed

    @rpc("AppCreate")
    def create(self, request: api_pb2.AppCreateRequest, _caller: Caller) -> api_pb2.AppCreateResponse:
        """Make an App: anonymous for a run, named by its description for a first deploy."""
        environment = self._state.environment(request.environment_name)
        workspace = self._state.workspace
        if request.app_state == api_pb2.APP_STATE_INITIALIZING:
            record = workspace.app_lookup(request.description, environment, create_if_missing=True)
        else:
            record = workspace.app_create(environment)
            if request.app_state == api_pb2.APP_STATE_DETACHED:
                record = workspace.app_set_state(record.id, "detached")
        return api_pb2.AppCreateResponse(app_id=record.id, app_page_url=self._page(record.id))

    @rpc("AppGetLayout")
    async def layout(self, request: api_pb2.AppGetLayoutRequest, _caller: Caller) -> api_pb2.AppGetLayoutResponse:
        """The Functions and classes of an App."""
        layout = self._deployed.layouts.get(request.app_id)
        return api_pb2.AppGetLayoutResponse(app_layout=layout)

    @rpc("AppPublish")
    async def publish(self, request: api_pb2.AppPublishRequest, _caller: Caller) -> api_pb2.AppPublishResponse:
        """Make these Functions and classes the App's; containers of earlier definitions end."""
        await self._state.in_thread(self._state.workspace.app_get, request.app_id)
        objects = [self._function(function_id) for function_id in request.function_ids.values()]
        objects += [self._class(class_id) for class_id in request.class_ids.values()]
        if request.app_state == api_pb2.APP_STATE_DEPLOYED:
            await self._state.in_thread(self._state.workspace.app_set_state, request.app_id, "deployed")
        for function_id in request.function_ids.values():
            self._renew(self._deployed.function(function_id))
        self._deployed.layouts[request.app_id] = api_pb2.AppLayout(
            objects=objects, function_ids=request.function_ids, class_ids=request.class_ids
        )
        return api_pb2.AppPublishResponse(url=self._page(request.app_id), deployed_at=time.time())

    def _renew(self, function: Function) -> None:
        if function.pending is not None:
            function.adopt(function.pending)
            stop_workers(function)

    def _function(self, function_id: str) -> api_pb2.Object:
        function = self._deployed.function(function_id)
        return api_pb2.Object(object_id=function_id, function_handle_metadata=function.metadata)

    def _class(self, class_id: str) -> api_pb2.Object:
        return api_pb2.Object(object_id=class_id, class_handle_metadata=self._deployed.classes.get(class_id))

    def _page(self, app_id: str) -> str:
        return f"{self._state.url()}/apps/{app_id}"

    @rpc("AppClientDisconnect")
    async def disconnect(self, request: api_pb2.AppClientDisconnectRequest, _caller: Caller) -> Empty:
        """The client of a run is done: its App ends, unless it was detached or deployed."""
        app = await self._state.in_thread(self._state.workspace.app_get, request.app_id)
        if app.name is None and app.state != "detached":
            await self._stop(request.app_id)
        return Empty()

    @rpc("AppStop")
    async def stop(self, request: api_pb2.AppStopRequest, _caller: Caller) -> Empty:
        """Stop an App for good, with its containers and sandboxes."""
        await self._state.in_thread(self._state.workspace.app_get, request.app_id)
        await self._stop(request.app_id)
        return Empty()

    async def _stop(self, app_id: str) -> None:
        await end_app(self._state, app_id)
        await self._state.in_thread(self._state.workspace.app_stop, app_id)
        await end_recorded(self._state, app_id)

    @rpc("AppGetLogs")
    async def logs(self, request: api_pb2.AppGetLogsRequest, _caller: Caller) -> AsyncIterator[api_pb2.TaskLogsBatch]:
        """Stream the output of an App's containers; the last batch says `app_done`."""
        app = await self._state.in_thread(self._state.workspace.app_get, request.app_id)
        log = self._deployed.log(request.app_id)
        if app.state == "stopped" and not log.done:
            self._deployed.end_log(request.app_id)  # its output has been forgotten
        seen = position(request.last_entry_id)
        deadline = time.monotonic() + bounded(request.timeout)
        while True:
            changed, done = log.changed, log.done
            first = max(seen, log.dropped)
            for batch in log.batches[first - log.dropped :]:
                seen = position(batch.entry_id)
                yield batch
            if done:
                yield api_pb2.TaskLogsBatch(entry_id=entry_id(seen), app_done=True)
                return
            if not await wait_for_change(changed, deadline - time.monotonic()):
                return
