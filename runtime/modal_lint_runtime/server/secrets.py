"""Secrets: create, look up, list, update, delete. No reply carries a value; the protocol has no field for one."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING, Literal

from google.protobuf.empty_pb2 import Empty
from modal_proto import api_pb2

from modal_lint_runtime.errors import InvalidError
from modal_lint_runtime.server.paging import page_size
from modal_lint_runtime.server.rpc import Caller, rpc

if TYPE_CHECKING:
    from collections.abc import Iterable

    from modal_lint_runtime.records import SecretRecord
    from modal_lint_runtime.server.state import State

OnConflict = Literal["fail", "keep", "overwrite"]

_ON_CONFLICT: dict[int, OnConflict] = {
    api_pb2.OBJECT_CREATION_TYPE_CREATE_IF_MISSING: "keep",
    api_pb2.OBJECT_CREATION_TYPE_CREATE_FAIL_IF_EXISTS: "fail",
    api_pb2.OBJECT_CREATION_TYPE_CREATE_OVERWRITE_IF_EXISTS: "overwrite",
}
_EPHEMERAL = frozenset(
    {api_pb2.OBJECT_CREATION_TYPE_ANONYMOUS_OWNED_BY_APP, api_pb2.OBJECT_CREATION_TYPE_EPHEMERAL},
)


class Secrets:
    """The calls about Secrets."""

    def __init__(self, state: State) -> None:
        self._workspace = state.workspace
        self._environment = state.environment

    @rpc("SecretGetOrCreate")
    def get_or_create(
        self, request: api_pb2.SecretGetOrCreateRequest, _caller: Caller
    ) -> api_pb2.SecretGetOrCreateResponse:
        """Look up, create or overwrite a named Secret, or store an anonymous one."""
        record = self._get_or_create(request)
        return api_pb2.SecretGetOrCreateResponse(secret_id=record.id, metadata=_metadata(record))

    def _get_or_create(self, request: api_pb2.SecretGetOrCreateRequest) -> SecretRecord:
        environment = self._environment(request.environment_name)
        kind = request.object_creation_type
        values = dict(request.env_dict)
        if kind == api_pb2.OBJECT_CREATION_TYPE_UNSPECIFIED:
            return self._workspace.secret_lookup(request.deployment_name, environment, list(request.required_keys))
        if kind in _EPHEMERAL:
            return self._workspace.secret_ephemeral(values, environment, request.app_id or None)
        if kind in _ON_CONFLICT:
            name, on_conflict = request.deployment_name, _ON_CONFLICT[kind]
            return self._workspace.secret_create(name, values, environment, on_conflict=on_conflict)
        raise InvalidError(f"Unknown object_creation_type {kind}.")

    @rpc("SecretUpdate")
    def update(self, request: api_pb2.SecretUpdateRequest, _caller: Caller) -> Empty:
        """Merge values into a Secret; an update without a value removes its key."""
        changes = {change.key: change.value if change.HasField("value") else None for change in request.updates}
        self._workspace.secret_update(request.secret_id, changes)
        return Empty()

    @rpc("SecretList")
    def list(self, request: api_pb2.SecretListRequest, _caller: Caller) -> api_pb2.SecretListResponse:
        """One page of an environment's named Secrets, newest first."""
        environment = self._environment(request.environment_name)
        page = request.pagination
        records = self._workspace.secret_list(environment, page_size(page), page.created_before or None)
        return api_pb2.SecretListResponse(items=_items(records), environment_name=environment)

    @rpc("SecretGetInfo")
    def info(self, request: api_pb2.SecretGetInfoRequest, _caller: Caller) -> api_pb2.SecretGetInfoResponse:
        """What is known about a Secret apart from its values."""
        record = self._workspace.secret_get(request.secret_id)
        return api_pb2.SecretGetInfoResponse(metadata=_metadata(record))

    @rpc("SecretDelete")
    def delete(self, request: api_pb2.SecretDeleteRequest, _caller: Caller) -> Empty:
        """Delete a Secret for good."""
        self._workspace.secret_delete(request.secret_id)
        return Empty()


def creation(created_at: float) -> api_pb2.CreationInfo:
    """When an object was made; everything here is the local user's."""
    return api_pb2.CreationInfo(created_at=created_at, created_by="local")


def _items(records: Iterable[SecretRecord]) -> list[api_pb2.SecretListItem]:
    return [
        api_pb2.SecretListItem(
            label=record.name or "",
            created_at=record.created_at,
            last_used_at=record.last_used_at or 0.0,
            environment_name=record.environment,
            secret_id=record.id,
            metadata=_metadata(record),
        )
        for record in records
    ]


def _metadata(record: SecretRecord) -> api_pb2.SecretMetadata:
    return api_pb2.SecretMetadata(
        name=record.name or "",
        creation_info=creation(record.created_at or time.time()),
        keys=record.keys,
        environment_name=record.environment,
        last_used_at=record.last_used_at or 0.0,
    )
