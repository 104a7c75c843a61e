"""Modal's API as data: which callable and which parameter is which sink, and what becomes of what goes in.

Facts are those of the Python SDK ``modal`` 1.6.4 (proved against ``inspect.signature`` by the tests) and of the
reference client in ``modal_lint_runtime``. The rows stand in ``modal_lint.api``; here are the ways to ask for one.

A type that has no public name of its own is named by its class in the SDK (``modal.SandboxFilesystem``);
``modal.Obj`` is an instance of a class decorated with ``@app.cls``, whose every attribute is a Function.
"""

from __future__ import annotations

from functools import lru_cache

from modal_lint.api import apps, host, images, reference, sandboxes, storage
from modal_lint.api.schema import Api, Param, Persists, Sink

__all__ = [
    "API",
    "ATTRIBUTES",
    "CALL_NAMES",
    "TYPES",
    "Api",
    "Param",
    "Persists",
    "Sink",
    "attribute_type",
    "canonical",
    "method",
]

_MODULES = (apps, images, sandboxes, storage, reference, host)
_RUNTIME = "modal_lint_runtime"
_OLD_NAMES = {"modal.Stub": "modal.App"}
_SANDBOX_STREAMS = {"stdin": "StreamWriter", "stdout": "StreamReader", "stderr": "StreamReader"}

API: dict[str, Api] = {row.name: row for module in _MODULES for row in module.ROWS}
"""Every row by its canonical name."""

ATTRIBUTES: dict[tuple[str, str], str] = {
    ("modal.Secret", "objects"): "modal.Secret.objects",
    ("modal.Function", "app"): "modal.App",
    ("modal.Obj", "*"): "modal.Function",
    ("modal.Sandbox", "filesystem"): "modal.SandboxFilesystem",
    ("modal.Sandbox", "_experimental_sidecars"): "modal.SidecarManager",
    ("modal.SidecarContainer", "filesystem"): "modal.SandboxFilesystem",
    ("modal.Workspace", "proxy_tokens"): "modal.WorkspaceProxyTokenManager",
    ("modal.Workspace", "service_users"): "modal.WorkspaceServiceUserManager",
    **{
        (f"modal.{owner}", stream): f"modal.{kind}"
        for owner in ("Sandbox", "ContainerProcess")
        for stream, kind in _SANDBOX_STREAMS.items()
    },
    **{
        (f"{_RUNTIME}.{owner}", stream): f"{_RUNTIME}.{kind}"
        for owner in ("Sandbox", "Process")
        for stream, kind in _SANDBOX_STREAMS.items()
    },
    **{
        (f"{_RUNTIME}.{client}", group.lower()): f"{_RUNTIME}.{group}"
        for client in ("ModalClient", "AsyncModalClient")
        for group in ("Secrets", "Apps", "Images", "Sandboxes", "Functions")
    },
}
"""(type, attribute) to the type that the attribute has; the attribute ``*`` stands for any other."""


def _is_type(name: str) -> bool:
    package, _, last = name.rpartition(".")
    return package.startswith("modal") and (last[:1].isupper() or name in ATTRIBUTES.values())


def _types() -> frozenset[str]:
    named = {row.owner for row in API.values()} | {row.returns for row in API.values() if row.returns}
    return frozenset(filter(_is_type, named | {owner for owner, _ in ATTRIBUTES} | set(ATTRIBUTES.values())))


TYPES: frozenset[str] = _types()
"""The canonical names of all types: classes that an annotation may name, and managers reached by an attribute."""

CALL_NAMES: frozenset[str] = frozenset(
    name.rpartition(".")[2]
    for name in (*API, *_OLD_NAMES)
    if name in _OLD_NAMES or any(param.sink for param in API[name].params)
) - {"__call__", "__setitem__"}
"""Last names of all callables with a sink, for a syntactic prefilter.

Two sinks have no name of their own in the source: calling a class made by ``@app.cls``, and ``a_dict[key] = value``.
"""

_CLASSES = {
    root: {name.rpartition(".")[2]: name for name in TYPES if name.split(".")[0] == root}
    for root in ("modal", _RUNTIME)
}
_CLASSES["modal"]["Stub"] = "modal.App"


@lru_cache(maxsize=4096)
def canonical(name: str) -> str:
    """The public spelling of a dotted name: ``modal.secret.Secret.from_dict.aio`` is ``modal.Secret.from_dict``.

    Module paths inside the SDK, its private classes (``_Secret``), old names (``modal.Stub``) and a trailing ``.aio``
    are resolved, and attributes of classes followed (``modal.Sandbox.filesystem.write_text``). Any other name comes
    back as it is.
    """
    if name in API:
        return name
    root, *parts = name.removesuffix(".aio").split(".")
    classes = _CLASSES.get(root)
    if classes is None:
        return name
    for index, part in enumerate(parts):
        found = classes.get(part.removeprefix("_"))
        if found is not None:
            return _follow(found, parts[index + 1 :])
    public = f"{root}.{parts[-1]}" if parts else name
    return public if public in API else name


def _follow(type_name: str, attributes: list[str]) -> str:
    while attributes and (type_name, attributes[0]) in ATTRIBUTES:
        type_name = ATTRIBUTES[type_name, attributes.pop(0)]
    return ".".join((type_name, *attributes))


def method(type_name: str, attribute: str) -> Api | None:
    """The row of a method, by the canonical type it is called on; None where there is none."""
    return API.get(f"{type_name}.{attribute}")


def attribute_type(type_name: str, attribute: str) -> str | None:
    """The type of an attribute of a typed object (``modal.Sandbox``, ``stdin``); None where it is not known."""
    return ATTRIBUTES.get((type_name, attribute)) or ATTRIBUTES.get((type_name, "*"))
