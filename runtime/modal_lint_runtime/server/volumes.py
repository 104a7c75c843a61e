"""Volumes: create, look up, list, delete, and put into containers.

A Volume is a directory that all its containers share: what one writes the others see at once, so a commit and a reload
have nothing to do.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from google.protobuf.empty_pb2 import Empty
from modal_proto import api_pb2

from modal_lint_runtime.errors import InvalidError, UnsupportedError
from modal_lint_runtime.server.paging import page_size
from modal_lint_runtime.server.rpc import Caller, rpc
from modal_lint_runtime.server.secrets import creation

if TYPE_CHECKING:
    from collections.abc import Iterable

    from modal_lint_runtime.processes import Mount
    from modal_lint_runtime.records import VolumeRecord
    from modal_lint_runtime.server.state import State

_ON_CONFLICT = {
    api_pb2.OBJECT_CREATION_TYPE_CREATE_IF_MISSING: "keep",
    api_pb2.OBJECT_CREATION_TYPE_CREATE_FAIL_IF_EXISTS: "fail",
}


class Volumes:
    """The calls about Volumes."""

    def __init__(self, state: State) -> None:
        self._workspace = state.workspace
        self._environment = state.environment

    @rpc("VolumeGetOrCreate")
    def get_or_create(
        self, request: api_pb2.VolumeGetOrCreateRequest, _caller: Caller
    ) -> api_pb2.VolumeGetOrCreateResponse:
        """Look up or create a named Volume, or make an ephemeral one, which ends with the server."""
        record = self._get_or_create(request)
        metadata = _metadata(record)
        return api_pb2.VolumeGetOrCreateResponse(volume_id=record.id, version=metadata.version, metadata=metadata)

    def _get_or_create(self, request: api_pb2.VolumeGetOrCreateRequest) -> VolumeRecord:
        environment = self._environment(request.environment_name)
        kind, version = request.object_creation_type, int(request.version)
        if kind == api_pb2.OBJECT_CREATION_TYPE_UNSPECIFIED:
            return self._workspace.volume_lookup(request.deployment_name, environment)
        if kind == api_pb2.OBJECT_CREATION_TYPE_EPHEMERAL:
            return self._workspace.volume_ephemeral(environment, version)
        if kind in _ON_CONFLICT:
            name, on_conflict = request.deployment_name, _ON_CONFLICT[kind]
            return self._workspace.volume_create(name, environment, version, on_conflict=on_conflict)
        raise InvalidError(f"Unknown object_creation_type {kind}.")

    @rpc("VolumeGetById")
    def get(self, request: api_pb2.VolumeGetByIdRequest, _caller: Caller) -> api_pb2.VolumeGetByIdResponse:
        """Look a Volume up by its id."""
        record = self._workspace.volume_get(request.volume_id)
        return api_pb2.VolumeGetByIdResponse(volume_id=record.id, metadata=_metadata(record))

    @rpc("VolumeList")
    def list(self, request: api_pb2.VolumeListRequest, _caller: Caller) -> api_pb2.VolumeListResponse:
        """One page of an environment's named Volumes, newest first."""
        environment = self._environment(request.environment_name)
        page = request.pagination
        records = self._workspace.volume_list(environment, page_size(page), page.created_before or None)
        items = [
            api_pb2.VolumeListItem(
                label=record.name or "", volume_id=record.id, created_at=record.created_at, metadata=_metadata(record)
            )
            for record in records
        ]
        return api_pb2.VolumeListResponse(items=items, environment_name=environment)

    @rpc("VolumeDelete")
    def delete(self, request: api_pb2.VolumeDeleteRequest, _caller: Caller) -> Empty:
        """Delete a Volume with its files for good."""
        self._workspace.volume_delete(request.volume_id)
        return Empty()

    @rpc("VolumeCommit")
    def commit(self, request: api_pb2.VolumeCommitRequest, _caller: Caller) -> api_pb2.VolumeCommitResponse:
        """Nothing to do: what a container writes is in the Volume at once."""
        self._workspace.volume_get(request.volume_id)
        return api_pb2.VolumeCommitResponse(skip_reload=True)

    @rpc("VolumeReload")
    def reload(self, request: api_pb2.VolumeReloadRequest, _caller: Caller) -> Empty:
        """Nothing to do: containers see the Volume as it is."""
        self._workspace.volume_get(request.volume_id)
        return Empty()

    @rpc("VolumeHeartbeat")
    def heartbeat(self, request: api_pb2.VolumeHeartbeatRequest, _caller: Caller) -> Empty:
        """An ephemeral Volume is in use; nothing depends on it here."""
        self._workspace.volume_get(request.volume_id)
        return Empty()


def volume_mounts(state: State, wanted: Iterable[api_pb2.VolumeMount]) -> tuple[Mount, ...]:
    """The Volumes of a container as mounts.

    Raises UnsupportedError without a private file system and for a part of a Volume, NotFoundError for a Volume that
    is not there.
    """
    from modal_lint_runtime.processes import Mount

    mounts = []
    for each in wanted:
        if not state.isolation.filesystem:
            raise UnsupportedError("Volumes need a private file system, which this machine does not allow.")
        if each.sub_path.strip("/"):  # a link in the Volume could lead it anywhere on this machine
            raise UnsupportedError("The local runtime mounts whole Volumes, not a sub_path.")
        mounts.append(Mount(state.workspace.volume_path(each.volume_id), each.mount_path, each.read_only))
    return tuple(mounts)


def _metadata(record: VolumeRecord) -> api_pb2.VolumeMetadata:
    return api_pb2.VolumeMetadata(
        version=api_pb2.VolumeFsVersion.ValueType(record.version),
        name=record.name or "",
        creation_info=creation(record.created_at),
    )
