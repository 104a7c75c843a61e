"""The API table against the installed SDK: signatures agree, and no parameter that takes secrets is missing.

The rows of the reference client (``modal_lint_runtime``) are not proved here: the table was written from its
documents before the client existed. Once it does, it belongs into `REAL_TYPES` like everything else.
"""

from __future__ import annotations

import importlib
import inspect
import pkgutil
import subprocess
from typing import TYPE_CHECKING, Any

import modal
import modal.container_process
import modal.experimental
import modal.io_streams
import modal.sandbox.sandbox
import modal.volume
import modal.workspace
import pytest
from modal_lint.modal_api import API, ATTRIBUTES, CALL_NAMES, TYPES, Api, Sink, attribute_type, canonical, method

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

KINDS = {
    inspect.Parameter.POSITIONAL_ONLY: "positional",
    inspect.Parameter.POSITIONAL_OR_KEYWORD: "both",
    inspect.Parameter.VAR_POSITIONAL: "args",
    inspect.Parameter.KEYWORD_ONLY: "keyword",
    inspect.Parameter.VAR_KEYWORD: "kwargs",
}
OPAQUE = [("args", "args"), ("kwargs", "kwargs")]
# Types that the table names by their class, where the SDK keeps the class in a module.
REAL_TYPES: dict[str, Any] = {
    "modal.Secret.objects": modal.Secret.objects,
    "modal.SandboxFilesystem": modal.sandbox.sandbox.SandboxFilesystem,
    "modal.SidecarManager": modal.sandbox.sandbox.SidecarManager,
    "modal.SidecarContainer": modal.sandbox.sandbox.SidecarContainer,
    "modal.StreamWriter": modal.io_streams.StreamWriter,
    "modal.ContainerProcess": modal.container_process.ContainerProcess,
    "modal.VolumeUpload": modal.volume.AbstractVolumeUploadContextManager,
    "modal.WorkspaceProxyTokenManager": modal.workspace.WorkspaceProxyTokenManager,
    "modal.WorkspaceServiceUserManager": modal.workspace.WorkspaceServiceUserManager,
}
SDK = [row for row in API.values() if row.name.startswith("modal.") and row.owner != "modal.Obj"]
CURRENT = [row for row in SDK if row.until is None]

# Parameters by these names take a secret or an environment, whatever callable they are on.
SENSITIVE = {
    "env",
    "env_dict",
    "environment_variables",
    "secret",
    "secrets",
    "registry_secret",
    "build_args",
    "vars",
    "headers",
    "context_files",
    "token_id",
    "token_secret",
    "refresh_token",
    "oauth_client_secret",
    "oauth_jwt_key",
    "user_metadata",
    "tags",
}
# Callables that have one and are no sink, each with its reason.
NO_SINK = {
    "modal.Sandbox.list": "filters by tags, stores nothing",
    "modal.Sandbox._experimental_list": "filters by tags, stores nothing",
    "modal.app.AppSandboxesManager.stats": "filters by tags, stores nothing",
    "modal.TokenData": "a record that the SDK hands out",
    "modal.types.": "records that the SDK hands out",
    "modal.workspace.WorkspaceMemberTokenManager.delete": "takes an id alone",
    "modal._image.DockerfileSpec": "internal record",
    "modal.sandbox._common.SandboxCreateArgs": "internal record",
    "modal.sandbox._impl_v2.": "internal: what Sandbox calls",
}


def resolve(row: Api) -> Any:
    """The object that a row describes; AttributeError where the SDK has none."""
    owner, _, last = row.name.rpartition(".")
    if owner in REAL_TYPES:
        return getattr(REAL_TYPES[owner], last)
    found: Any = modal
    for part in row.name.split(".")[1:]:
        found = getattr(found, part)
    return found


def signature(row: Api, target: Any) -> list[tuple[str, str]]:
    """Names and kinds of a callable's parameters, as a caller sees them."""
    if inspect.isclass(target):
        parameters = list(inspect.signature(target.__init__).parameters.values())[1:]
    else:
        parameters = list(inspect.signature(target).parameters.values())
        if parameters and parameters[0].name in ("self", "cls"):
            del parameters[0]
    assert parameters or not row.params
    return [(parameter.name, KINDS[parameter.kind]) for parameter in parameters]


def described(row: Api) -> list[tuple[str, str]]:
    return [(param.name, param.kind) for param in row.params]


@pytest.mark.parametrize("row", CURRENT, ids=lambda row: row.name)
def test_row_agrees_with_the_sdk(row: Api) -> None:
    target = resolve(row)

    assert described(row) == signature(row, target)

    # The `.aio` form of some static methods hides its parameters.
    asynchronous = getattr(target, "aio", None)
    if asynchronous is not None and signature(row, asynchronous) != OPAQUE:
        assert described(row) == signature(row, asynchronous)


@pytest.mark.parametrize("row", [row for row in SDK if row.until is not None], ids=lambda row: row.name)
def test_removed_row_is_gone_from_the_sdk(row: Api) -> None:
    with pytest.raises(AttributeError):
        resolve(row)


def _public_classes() -> Iterator[type]:
    private = ("_", "cli", "builder", "skills", "ipython")
    seen: set[type] = set()
    for info in pkgutil.walk_packages(modal.__path__, "modal."):
        if any(part.startswith(private) for part in info.name.split(".")[1:]):
            continue
        for name, value in vars(importlib.import_module(info.name)).items():
            if inspect.isclass(value) and value.__module__.startswith("modal.") and not name.startswith("_"):
                seen.add(value)
    yield from sorted(seen, key=lambda value: (value.__module__, value.__qualname__))


def _callables(owner: type) -> Iterator[tuple[str, Callable[..., Any]]]:
    name = f"{owner.__module__}.{owner.__qualname__}"
    yield name, owner.__init__  # type: ignore[misc]
    for attribute in dir(owner):
        if attribute == "hydrate" or (attribute.startswith("_") and not attribute.startswith("_experimental")):
            continue
        value = getattr(owner, attribute)
        if callable(value):
            yield f"{name}.{attribute}", value


def _sensitive_parameters() -> Iterator[tuple[str, str]]:
    for owner in _public_classes():
        for name, value in _callables(owner):
            try:
                parameters = inspect.signature(value).parameters
            except (TypeError, ValueError):
                continue  # C slots of exceptions and enums
            yield from ((name, parameter) for parameter in parameters if parameter in SENSITIVE)


def _in_table(name: str) -> str:
    for real, owner in ((value, key) for key, value in REAL_TYPES.items()):
        kind = real if inspect.isclass(real) else type(real)
        name = name.replace(f"{kind.__module__}.{kind.__qualname__}", owner)
    return canonical(name)


def test_no_sensitive_parameter_of_the_sdk_is_missing() -> None:
    found = {(_in_table(name), parameter) for name, parameter in _sensitive_parameters()}
    found = {(name, parameter) for name, parameter in found if not name.startswith(tuple(NO_SINK))}

    def known(name: str, parameter: str) -> bool:
        param = API[name].param(parameter) if name in API else None
        return param is not None and param.sink is not None

    assert len(found) > 60, "the walk over the SDK found next to nothing: it is the walk that is broken"
    assert sorted(entry for entry in found if not known(*entry)) == []


@pytest.mark.parametrize("name", ["Popen", "run", "call", "check_call", "check_output"])
def test_local_processes_take_what_popen_takes(name: str) -> None:
    def positional(parameters: list[tuple[str, str]]) -> list[str]:
        return [param for param, kind in parameters if kind == "both"]

    row = API[f"subprocess.{name}"]
    real = signature(row, subprocess.Popen)

    assert positional(described(row)) == positional(real)
    assert {param for param, _ in real} <= {param for param, _ in described(row)}


@pytest.mark.parametrize(
    ("spelled", "public"),
    [
        ("modal.secret.Secret.from_dict", "modal.Secret.from_dict"),
        ("modal.secret._Secret.create_deployed", "modal.Secret.create_deployed"),
        ("modal.Secret.objects.create.aio", "modal.Secret.objects.create"),
        ("modal.app.App.function", "modal.App.function"),
        ("modal.image.Image", "modal.Image"),
        ("modal.sandbox.Sandbox.create.aio", "modal.Sandbox.create"),
        ("modal.sandbox.sandbox.Sandbox.exec", "modal.Sandbox.exec"),
        ("modal.Sandbox.filesystem.write_text", "modal.SandboxFilesystem.write_text"),
        ("modal.client.Client.from_credentials", "modal.Client.from_credentials"),
        ("modal.cloud_bucket_mount.CloudBucketMount", "modal.CloudBucketMount"),
        ("modal.functions.Function.from_name", "modal.Function.from_name"),
        ("modal.experimental.stream.Stream.from_token", "modal.experimental.Stream.from_token"),
        ("modal._outbound_policy.OutboundPolicy", "modal.experimental.OutboundPolicy"),
        ("modal.partial_function.asgi_app", "modal.asgi_app"),
        ("modal.Stub", "modal.App"),
        ("modal.Stub.function", "modal.App.function"),
        ("modal_lint_runtime.client.AsyncModalClient", "modal_lint_runtime.AsyncModalClient"),
        ("modal.config.config", "modal.config.config"),
        ("other.Secret.from_dict", "other.Secret.from_dict"),
        ("modal", "modal"),
        ("", ""),
    ],
)
def test_canonical_names(spelled: str, public: str) -> None:
    assert canonical(spelled) == public


def test_every_name_of_the_table_is_its_own_canonical_name() -> None:
    assert [name for name in (*API, *TYPES) if canonical(name) != name] == []


def test_methods_are_found_along_attributes() -> None:
    secrets = attribute_type("modal_lint_runtime.ModalClient", "secrets")
    assert secrets == "modal_lint_runtime.Secrets"
    create = method(secrets, "create")
    assert create is not None
    assert create.with_sink(Sink.STORED_SECRET) == create.param("entries")

    assert method("modal.Secret", "from_object") is None
    assert attribute_type("modal.Obj", "anything") == "modal.Function"
    assert attribute_type("modal.App", "anything") is None


def test_rows_say_what_rules_ask() -> None:
    create = API["modal.Sandbox.create"]
    assert create.binds_image == create.param("image")
    assert create.with_sink(Sink.SECRETS) == create.param("secrets")
    assert create.returns == "modal.Sandbox"
    assert API["modal.App.function"].decorator
    assert API["modal.App.function"].returns == "modal.Function"
    assert API["modal.Image.env"].binds_image is None
    assert {row.returns for name, row in API.items() if name.startswith("modal.Image.")} == {"modal.Image", None}


def test_types_and_names_cover_the_table() -> None:
    assert {row.returns for row in API.values() if row.returns} <= TYPES
    assert set(ATTRIBUTES.values()) <= TYPES
    assert {"create", "env", "from_dict", "Stub", "CloudBucketMount", "run_commands"} <= CALL_NAMES
    assert not {"hydrate", "local", "from_scratch", "append"} & CALL_NAMES
