"""The sources of a process's variables in a request, weakest first; `local_variables.environment` lays them over."""

from __future__ import annotations

from typing import TYPE_CHECKING

from modal_lint_runtime import contract

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

    from modal_proto import api_pb2
    from modal_proto import task_command_router_pb2 as router_pb2

    from modal_lint_runtime.workspace import Workspace

    Sources = list[Mapping[str, str]]


def sandbox_sources(workspace: Workspace, request: api_pb2.SandboxCreateV2Request) -> Sources:
    """The sources of a V2 sandbox: ordered ones, or ids and one map from older clients, which wins."""
    if request.secret_sources:
        return _ordered(workspace, request.secret_sources)
    return [*by_id(workspace, request.definition.secret_ids), _checked(request.ephemeral_secrets.contents)]


def exec_sources(workspace: Workspace, request: router_pb2.TaskExecStartRequest) -> Sources:
    """The sources of what is laid over a sandbox's variables for one process."""
    if request.secret_sources:
        return _ordered(workspace, request.secret_sources)
    return [*by_id(workspace, request.secret_ids), _checked(request.env)]


def by_id(workspace: Workspace, secret_ids: Iterable[str]) -> Sources:
    """The values of these Secrets now. Raises NotFoundError when one has been deleted."""
    return [workspace.secret_values(secret_id) for secret_id in secret_ids]


def require(workspace: Workspace, secret_ids: Iterable[str]) -> None:
    """Raise NotFoundError when one of these Secrets has been deleted."""
    for secret_id in secret_ids:
        workspace.secret_get(secret_id)


def _ordered(workspace: Workspace, sources: Iterable[api_pb2.SecretSource]) -> Sources:
    return [_values(workspace, source) for source in sources]


def _values(workspace: Workspace, source: api_pb2.SecretSource) -> Mapping[str, str]:
    if source.WhichOneof("source") == "secret_id":
        return workspace.secret_values(source.secret_id)
    return _checked(source.env.contents)


def _checked(values: Mapping[str, str]) -> Mapping[str, str]:
    return contract.entries(dict(values), "env")
