"""The environment of a process from the Secrets and values of a request, in the order the request gives them."""

from __future__ import annotations

from typing import TYPE_CHECKING

from modal_lint_runtime import contract

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

    from modal_proto import api_pb2
    from modal_proto import task_command_router_pb2 as router_pb2

    from modal_lint_runtime.workspace import Workspace


def sandbox_env(workspace: Workspace, request: api_pb2.SandboxCreateV2Request) -> dict[str, str]:
    """What the entrypoint of a V2 sandbox gets: ordered sources, or ids and one map from older clients."""
    if request.secret_sources:
        return _ordered(workspace, request.secret_sources)
    return by_id(workspace, request.definition.secret_ids, _checked(request.ephemeral_secrets.contents))


def exec_env(workspace: Workspace, request: router_pb2.TaskExecStartRequest) -> dict[str, str]:
    """What is laid over a sandbox's environment for one process."""
    if request.secret_sources:
        return _ordered(workspace, request.secret_sources)
    return by_id(workspace, request.secret_ids, _checked(request.env))


def by_id(workspace: Workspace, secret_ids: Iterable[str], env: Mapping[str, str] | None = None) -> dict[str, str]:
    """The values of these Secrets, later ones winning, `env` last."""
    return contract.merge([workspace.secret_values(secret_id) for secret_id in secret_ids], env or {})


def _ordered(workspace: Workspace, sources: Iterable[api_pb2.SecretSource]) -> dict[str, str]:
    return contract.merge([_values(workspace, source) for source in sources], {})


def _values(workspace: Workspace, source: api_pb2.SecretSource) -> dict[str, str]:
    if source.WhichOneof("source") == "secret_id":
        return workspace.secret_values(source.secret_id)
    return _checked(source.env.contents)


def _checked(values: Mapping[str, str]) -> dict[str, str]:
    return contract.entries(dict(values), "env")
