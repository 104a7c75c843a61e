"""What callers of a web endpoint put into its URL: the plain parameters of functions that FastAPI serves.

Source: FastAPI, "Query Parameters": parameters of simple types that are not part of the path are taken from the query,
whatever the method; those with ``Header()``, ``Body()``, ``Depends()`` and the like, and models, are not.
"""

from __future__ import annotations

import ast
from typing import TYPE_CHECKING, NamedTuple

from modal_lint.credentials.keys import is_credential_key
from modal_lint.environments import asking, endpoints
from modal_lint.nodes import defaults_of, last_name
from modal_lint.uses import frame_at
from modal_lint.values import External

if TYPE_CHECKING:
    from collections.abc import Iterator

    from modal_lint.source import File

_ELSEWHERE = frozenset(("Header", "Cookie", "Body", "Form", "File", "Depends", "Security", "Path"))
_ROUTERS = ("fastapi.FastAPI()", "fastapi.APIRouter()", "fastapi.routing.APIRouter()", "fastapi.applications.FastAPI()")
_METHODS = ("get", "post", "put", "patch", "delete", "head", "options", "api_route")
_SIMPLE = frozenset(("str", "SecretStr", "Optional", "Annotated", "Union", "Query", "None", "typing"))
_PROTOCOLS = ("hub.", "hub_")  # a service's own check of a webhook (PubSubHubbub) sends its token in the query
_FUNCTIONS = (ast.FunctionDef, ast.AsyncFunctionDef)


class Query(NamedTuple):
    """One parameter that callers send in the URL."""

    function: ast.FunctionDef | ast.AsyncFunctionDef
    parameter: ast.arg

    @property
    def endpoint(self) -> str:
        """What the function is called."""
        return self.function.name


def of(file: File) -> Iterator[Query]:
    """The parameters of a file's endpoints that hold a credential by their name, and come from the query."""
    for function in dict.fromkeys((*_endpoints(file), *_routes(file))):
        for parameter, default in _parameters(function):
            if is_credential_key(parameter.arg) and _is_query(parameter, default):
                yield Query(function, parameter)


def _endpoints(file: File) -> Iterator[ast.FunctionDef | ast.AsyncFunctionDef]:
    for use in asking.calls(file, endpoints.FUNCTION):
        parent = file.scopes.parents.get(use.node)
        if isinstance(parent, _FUNCTIONS) and use.node in parent.decorator_list:
            yield parent


def _routes(file: File) -> Iterator[ast.FunctionDef | ast.AsyncFunctionDef]:
    if not any(use.api.name == "modal.asgi_app" for use in file.uses):
        return
    ev = file.project.evaluator
    for call in file.scopes.calls:
        parent = file.scopes.parents.get(call)
        if last_name(call.func) not in _METHODS or not isinstance(call.func, ast.Attribute):
            continue
        if isinstance(parent, _FUNCTIONS) and call in parent.decorator_list:
            owners = ev.ask(call.func.value, frame_at(file, call))
            if any(isinstance(one, External) and one.name in _ROUTERS for one in owners) and not _is_in_path(call):
                yield parent


def _is_in_path(call: ast.Call) -> bool:
    """Whether the path has parameters of its own, which ones is not asked."""
    return bool(call.args) and "{" in ast.unparse(call.args[0])


def _parameters(
    function: ast.FunctionDef | ast.AsyncFunctionDef,
) -> Iterator[tuple[ast.arg, ast.expr | None]]:
    spec = function.args
    defaults = defaults_of(spec)
    for arg in (*spec.posonlyargs, *spec.args, *spec.kwonlyargs):
        yield arg, defaults.get(arg.arg)


def _is_query(parameter: ast.arg, default: ast.expr | None) -> bool:
    parts = [node for node in (parameter.annotation, default) if node is not None]
    called = {last_name(node.func) for part in parts for node in ast.walk(part) if isinstance(node, ast.Call)}
    if called & _ELSEWHERE or parameter.arg.startswith(_PROTOCOLS):
        return False
    texts = [node.value for part in parts for node in ast.walk(part) if isinstance(node, ast.Constant)]
    if any(isinstance(text, str) and text.startswith(_PROTOCOLS) for text in texts):
        return False
    return parameter.annotation is None or _is_simple(parameter.annotation)


def _is_simple(annotation: ast.expr) -> bool:
    """Whether an annotation is that of a text."""
    if isinstance(annotation, ast.Constant) and isinstance(annotation.value, str):
        return annotation.value.split("|")[0].strip() in ("str", "Optional[str]")
    if isinstance(annotation, ast.Subscript) and last_name(annotation.value) == "Annotated":
        inner = annotation.slice
        return isinstance(inner, ast.Tuple) and bool(inner.elts) and _is_simple(inner.elts[0])
    named = {last_name(node) for node in ast.walk(annotation) if isinstance(node, (ast.Name, ast.Attribute))}
    return bool(named & {"str", "SecretStr"}) and named <= _SIMPLE
