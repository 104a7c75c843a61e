"""Apps: look up, create, list, stop; publishing their functions is in functions.py."""

from __future__ import annotations

from typing import TYPE_CHECKING

from google.protobuf.empty_pb2 import Empty
from modal_proto import api_pb2

from modal_lint_runtime.errors import NotFoundError
from modal_lint_runtime.server.rpc import Caller, rpc

if TYPE_CHECKING:
    from modal_lint_runtime.records import AppRecord
    from modal_lint_runtime.server.state import State

_STATES = {
    "initializing": api_pb2.APP_STATE_INITIALIZING,
    "ephemeral": api_pb2.APP_STATE_EPHEMERAL,
    "detached": api_pb2.APP_STATE_DETACHED,
    "deployed": api_pb2.APP_STATE_DEPLOYED,
    "stopped": api_pb2.APP_STATE_STOPPED,
}


class Apps:
    """The calls about Apps as such."""

    def __init__(self, state: State) -> None:
        self._state = state
        self._workspace = state.workspace

    @rpc("AppGetOrCreate")
    def get_or_create(self, request: api_pb2.AppGetOrCreateRequest, _caller: Caller) -> api_pb2.AppGetOrCreateResponse:
        """Look a named App up; create it when the request says so."""
        environment = self._state.environment(request.environment_name)
        create = request.object_creation_type == api_pb2.OBJECT_CREATION_TYPE_CREATE_IF_MISSING
        record = self._workspace.app_lookup(request.app_name, environment, create_if_missing=create)
        return api_pb2.AppGetOrCreateResponse(app_id=record.id, handle_metadata=handle_metadata(record))

    @rpc("AppGetByDeploymentName")
    def by_name(
        self, request: api_pb2.AppGetByDeploymentNameRequest, _caller: Caller
    ) -> api_pb2.AppGetByDeploymentNameResponse:
        """The id of a deployed App, empty when there is none: a deploy then creates it."""
        environment = self._state.environment(request.environment_name)
        try:
            record = self._workspace.app_lookup(request.name, environment)
        except NotFoundError:
            return api_pb2.AppGetByDeploymentNameResponse(environment_name=environment)
        return api_pb2.AppGetByDeploymentNameResponse(app_id=record.id, environment_name=environment)

    @rpc("AppList")
    def list(self, request: api_pb2.AppListRequest, _caller: Caller) -> api_pb2.AppListResponse:
        """An environment's Apps."""
        environment = self._state.environment(request.environment_name)
        return api_pb2.AppListResponse(apps=[self._item(record) for record in self._workspace.app_list(environment)])

    @rpc("AppGetLifecycle")
    def lifecycle(self, request: api_pb2.AppGetLifecycleRequest, _caller: Caller) -> api_pb2.AppGetLifecycleResponse:
        """Whether an App runs."""
        return api_pb2.AppGetLifecycleResponse(lifecycle=_lifecycle(self._workspace.app_get(request.app_id)))

    def _item(self, record: AppRecord) -> api_pb2.AppListResponse.AppListItem:
        return api_pb2.AppListResponse.AppListItem(
            app_id=record.id,
            name=record.name or "",
            description=record.name or "",
            state=_state(record),
            created_at=record.created_at,
            stopped_at=record.stopped_at or 0.0,
            n_running_tasks=self._state.tasks.count(record.id),
            metadata=handle_metadata(record),
        )

    @rpc("AppHeartbeat")
    def heartbeat(self, _request: api_pb2.AppHeartbeatRequest, _caller: Caller) -> Empty:
        """A running App's client is alive; nothing depends on it here."""
        return Empty()


def handle_metadata(record: AppRecord) -> api_pb2.AppHandleMetadata:
    """What the SDKs keep of an App."""
    return api_pb2.AppHandleMetadata(
        description=record.name or "",
        app_id=record.id,
        environment_name=record.environment,
        lifecycle=_lifecycle(record),
    )


def _lifecycle(record: AppRecord) -> api_pb2.AppLifecycle:
    return api_pb2.AppLifecycle(app_state=_state(record), created_by="local", created_at=record.created_at)


def _state(record: AppRecord) -> api_pb2.AppState.ValueType:
    return _STATES.get(record.state, api_pb2.APP_STATE_DEPLOYED)
