"""Environments, and the calls about the account that clients make before anything else."""

from __future__ import annotations

from typing import TYPE_CHECKING

from google.protobuf.empty_pb2 import Empty
from modal_proto import api_pb2

from modal_lint_runtime.errors import NotFoundError
from modal_lint_runtime.server.ending import end_app
from modal_lint_runtime.server.rpc import Caller, rpc

if TYPE_CHECKING:
    from modal_lint_runtime.records import EnvironmentRecord
    from modal_lint_runtime.server.state import State

BUILDER_VERSION = "2026.10"
"""The newest version the Python SDK knows. With it the base line of a Dockerfile is a layer of its own."""

PYTHON_310_BUILDER_VERSION = "2025.06"
"""The newest version that still builds for Python 3.10 (P _image.py, SUPPORTED_PYTHON_SERIES)."""


class Environments:
    """The calls about environments and the account."""

    def __init__(self, state: State) -> None:
        self._state = state
        self._workspace = state.workspace
        self._environment = state.environment
        self._signer = state.signer

    @rpc("ClientHello")
    def hello(self, _request: Empty, caller: Caller) -> api_pb2.ClientHelloResponse:
        """Greet; says which image builder is served."""
        return api_pb2.ClientHelloResponse(image_builder_version=builder_version(caller))

    @rpc("AuthTokenGet")
    def auth_token(self, _request: api_pb2.AuthTokenGetRequest, _caller: Caller) -> api_pb2.AuthTokenGetResponse:
        """A token with an expiry, which JavaScript and the V2 sandboxes of Python want before their first call."""
        return api_pb2.AuthTokenGetResponse(token=self._signer.issue("account"))

    @rpc("WorkspaceNameLookup")
    def workspace_name(self, _request: Empty, _caller: Caller) -> api_pb2.WorkspaceNameLookupResponse:
        """The name of the workspace: there is one, called `local`."""
        return api_pb2.WorkspaceNameLookupResponse(workspace_name="local", username="local")

    @rpc("TokenInfoGet")
    def token_info(self, _request: api_pb2.TokenInfoGetRequest, _caller: Caller) -> api_pb2.TokenInfoGetResponse:
        """What `modal token info` shows."""
        return api_pb2.TokenInfoGetResponse(workspace_id="wo-local", workspace_name="local", token_name="local")

    @rpc("EnvironmentGetOrCreate")
    def get_or_create(
        self, request: api_pb2.EnvironmentGetOrCreateRequest, caller: Caller
    ) -> api_pb2.EnvironmentGetOrCreateResponse:
        """Look an environment up; create it when the request says so."""
        name = self._environment(request.deployment_name)
        try:
            record = self._workspace.environment_get(name)
        except NotFoundError:
            if request.object_creation_type != api_pb2.OBJECT_CREATION_TYPE_CREATE_IF_MISSING:
                raise
            record = self._workspace.environment_create(name)
        metadata = api_pb2.EnvironmentMetadata(name=record.name, settings=_settings(caller))
        return api_pb2.EnvironmentGetOrCreateResponse(environment_id=record.id, metadata=metadata)

    @rpc("EnvironmentList")
    def list(self, _request: Empty, caller: Caller) -> api_pb2.EnvironmentListResponse:
        """All environments."""
        items = [_item(record, builder_version(caller)) for record in self._workspace.environments()]
        return api_pb2.EnvironmentListResponse(items=items)

    @rpc("EnvironmentCreate")
    def create(self, request: api_pb2.EnvironmentCreateRequest, _caller: Caller) -> Empty:
        """Create an environment."""
        self._workspace.environment_create(request.name)
        return Empty()

    @rpc("EnvironmentDelete")
    async def delete(self, request: api_pb2.EnvironmentDeleteRequest, _caller: Caller) -> Empty:
        """Delete an environment with all it holds; what runs in it ends."""
        state = self._state
        held = await state.in_thread(self._workspace.app_list, self._environment(request.name))
        await state.in_thread(self._workspace.environment_delete, request.name)
        for app in held:
            await end_app(state, app.id)
        return Empty()


def builder_version(caller: Caller) -> str:
    """The image builder version to announce to this client."""
    return PYTHON_310_BUILDER_VERSION if caller.python_version.startswith("3.10.") else BUILDER_VERSION


def _settings(caller: Caller) -> api_pb2.EnvironmentSettings:
    return api_pb2.EnvironmentSettings(image_builder_version=builder_version(caller))


def _item(record: EnvironmentRecord, version: str) -> api_pb2.EnvironmentListItem:
    return api_pb2.EnvironmentListItem(
        name=record.name,
        default=record.name == "main",
        environment_id=record.id,
        image_builder_version=version,
    )
