"""What uses a Secret: its kind, its name, and the App that it belongs to."""

from __future__ import annotations

from typing import TYPE_CHECKING

from modal_lint.environments import asking
from modal_lint.environments.containers import FOUND
from modal_lint.inventory.model import Kind, User
from modal_lint.inventory.names import location, text_of
from modal_lint.kept import Kept
from modal_lint.modal_api import Sink
from modal_lint.values import Class, Function, Object

if TYPE_CHECKING:
    import ast

    from modal_lint.environments.containers import Container
    from modal_lint.source import File
    from modal_lint.uses import Use

APPS = ("modal.App", "modal.App.lookup", "modal_lint_runtime.Apps.from_name")
_KINDS = {
    "modal.App": Kind.APP,
    "modal.App.function": Kind.FUNCTION,
    "modal.App.cls": Kind.CLASS,
    "modal.App.server": Kind.SERVER,
    "modal.Function.with_options": Kind.OPTIONS,
    "modal.Cls.with_options": Kind.OPTIONS,
    "modal.Sandbox.create": Kind.SANDBOX,
    "modal.Sandbox._experimental_create": Kind.SANDBOX,
    "modal.SidecarManager.create": Kind.SIDECAR,
    "modal.Sandbox.exec": Kind.PROCESS,
    "modal.SidecarContainer.exec": Kind.PROCESS,
    "modal.CloudBucketMount": Kind.BUCKET,
    "modal.experimental.OutboundPolicy.with_header_replacement": Kind.POLICY,
    "modal_lint_runtime.Functions.define": Kind.FUNCTION,
    "modal_lint_runtime.Function.with_options": Kind.OPTIONS,
    "modal_lint_runtime.Sandboxes.create": Kind.SANDBOX,
    "modal_lint_runtime.Sandbox.exec": Kind.PROCESS,
}
# The parameter that names it, where there is one.
_NAMED_BY = {
    Kind.APP: "name",
    Kind.SANDBOX: "name",
    Kind.SIDECAR: "name",
    Kind.BUCKET: "bucket_name",
    Kind.POLICY: "domain",
}
_CODE = (Kind.FUNCTION, Kind.CLASS, Kind.SERVER)
_CONTAINERS: Kept[File, dict[ast.AST, Container]] = Kept()  # by the call that declares each


def user_of(use: Use, sink: Sink, *, inherited: bool = False) -> User:
    """What a call that gets a Secret by a parameter of this kind makes."""
    kind = _KINDS.get(use.api.name)
    if kind is None:  # a row of the table that is none of the above belongs to images
        kind = Kind.REGISTRY if sink is Sink.SECRET_REF else Kind.BUILD_STEP
    return User(kind, _name(use, kind), _app(use, kind), location(use), inherited)


def app_of(use: Use) -> list[Use]:
    """The calls that made the App which a call of Modal's API belongs to."""
    values = asking.parameter(use, "app") or (() if use.owner is None else (use.owner,))
    return [made for value in values if isinstance(value, Object) for made in asking.made_by(value, *APPS)]


def _name(use: Use, kind: Kind) -> str | None:
    if kind in _CODE:
        container = _containers(use.file).get(use.node)
        return None if container is None or container.code is None else container.name
    if kind is Kind.OPTIONS:
        return _behind(use)
    if kind in (Kind.BUILD_STEP, Kind.REGISTRY, Kind.PROCESS):
        return use.api.name.rpartition(".")[2]
    return text_of(use, _NAMED_BY[kind])


def _containers(file: File) -> dict[ast.AST, Container]:
    if file not in _CONTAINERS:
        _CONTAINERS[file] = {one.use.node: one for one in file.environments.containers}
    return _CONTAINERS[file]


def _behind(use: Use) -> str | None:
    """The name of the Function or class whose options are changed."""
    owner = use.owner
    if owner is not None and isinstance(owner.wraps, (Function, Class)):
        return getattr(owner.wraps.place.node, "name", None)
    found = [text_of(one, "name") for one in asking.made_by(owner, *FOUND)] if owner is not None else []
    return found[0] if len(found) == 1 else None


def _app(use: Use, kind: Kind) -> str | None:
    if kind is Kind.APP:
        return text_of(use, "name")
    names = {text_of(one, "name") for one in app_of(use)}
    return names.pop() if len(names) == 1 else None
