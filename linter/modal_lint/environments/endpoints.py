"""Web endpoints: which there are, who may call them, and whether their code looks at who calls."""

from __future__ import annotations

import ast
import re
from typing import TYPE_CHECKING, NamedTuple

from modal_lint.environments import asking
from modal_lint.kept import Kept
from modal_lint.lazy import lazy
from modal_lint.nodes import parts
from modal_lint.values import Class, Const, External, Function, Module, Place, Values

if TYPE_CHECKING:
    from collections.abc import Iterator

    from modal_lint.environments.containers import Container
    from modal_lint.model import Span
    from modal_lint.source import File
    from modal_lint.uses import Use

FUNCTION = "modal.fastapi_endpoint"
APPS = ("modal.asgi_app", "modal.wsgi_app")
WEB = (FUNCTION, *APPS, "modal.web_server")
"""The decorators that give a function or method a public URL, unless ``requires_proxy_auth`` (default: False)."""
SERVER = "modal.App.server"
"""The decorator that gives a class a URL which asks for a proxy token, unless ``unauthenticated`` (default: False)."""
_FUNCTIONS = (ast.FunctionDef, ast.AsyncFunctionDef)
_DECLARING = ("modal.App", "modal.Secret.", "modal.Image.", "modal_lint_runtime.Secrets.")
_MAX_REACHED = 60
# What makes an application of which every route is seen; anything else that is served may look at its callers.
_MAKERS = frozenset(
    (
        "FastAPI", "Flask", "Starlette", "Quart", "Sanic", "Bottle", "Litestar", "Django", "Falcon", "App", "API",
        "mount_gradio_app", "Blocks", "Interface", "ChatInterface", "WSGIMiddleware", "ASGIApp",
    )
)  # fmt: skip
# Words of code that looks at who calls it: FastAPI's and other frameworks' security, signatures of webhooks, tokens
# that are compared, statuses of refusals, flags of servers that ask for a key.
_CHECKS = lazy(
    r"""
      HTTP(?:Bearer|Basic|Digest|AuthorizationCredentials) | APIKey(?:Header|Query|Cookie) | OAuth2?\w* | OpenIdConnect
    | \b(?:Security|SecurityScopes)\b | Authentication\w* | compare_digest | \bhmac\b | VerifyKey | \w*SignatureVerif\w*
    | \b\w*require\w*_(?:auth|login|key|token)\w*
    | construct_event | RequestValidator | www-authenticate | login_required
    | HTTP_40[13] | \b40[13]\b | unauthori[sz]ed | forbidden | permission_?denied | access_?denied
    | headers(?:\.get\(|\[)\s*f?["'](?:authorization|[\w-]*(?:api-?key|signature|token|secret)[\w-]*)
    | \bauthori[sz]ation\s*[:=](?!=) | \bx_[a-z_]*(?:key|token|secret|signature)\s*[:=]
    | \b\w*(?:verif|validat|authenticat|authori[sz]|check)\w*_\w*(?:token|key|auth|sign|secret|user|request|jwt|hook)\w*
    | \b(?:authenticate|verify_id_token|get_current_user|current_user|is_authori[sz]ed|basic_?auth|auth_token)\b
    | \bauth\s*= | jwt\.decode | decode_token | auth\.get_user | SlackRequestHandler
    | --?[\w-]*(?:api[-_]key|auth|password|token)\b | VLLM_API_KEY | JUPYTER_TOKEN
    """,
    re.IGNORECASE | re.VERBOSE,
)

# Servers that answer whoever calls, unless they are told otherwise; of any other process it is not seen what it does.
_SERVERS = lazy(
    r"""
      \bvllm\b | \bsglang\b | \blmdeploy\b | \bollama\b | llama[-_.](?:server|cpp) | text-generation-launcher | \btgi\b
    | text-embeddings-router | \bhttp\.server\b | \bstreamlit\b | \btensorboard\b | \bjupyter\b | \bcomfy\b | ComfyUI
    | \bgradio\b | \bmlflow\b | trtllm-serve | \btritonserver\b | \binfinity_emb\b | stable-diffusion-webui
    | code-server
    """,
    re.IGNORECASE | re.VERBOSE,
)


class Endpoint(NamedTuple):
    """One URL: the container behind it, the call of the decorator that gives it, and the function, method or class."""

    container: Container
    use: Use
    code: Place

    @property
    def name(self) -> str:
        """What it is called in the source."""
        return str(getattr(self.code.node, "name", "…"))


def of(file: File) -> Iterator[Endpoint]:
    """The endpoints of the containers that a file declares."""
    for container in file.environments.containers:
        code = container.code
        if code is None:
            continue
        if container.use.api.name == SERVER:
            yield Endpoint(container, container.use, code)
            continue
        node = code.node
        methods = [one for one in node.body if isinstance(one, _FUNCTIONS)] if isinstance(node, ast.ClassDef) else []
        for function in (node, *methods):
            for decorator in getattr(function, "decorator_list", ()):
                uses = code.file.environments.uses_of(decorator)
                if len(uses) == 1 and uses[0].api.name in WEB:
                    yield Endpoint(container, uses[0], Place(code.file, function))


def is_public(endpoint: Endpoint) -> bool:
    """Whether anybody may call it, for certain."""
    use = endpoint.use
    if use.api.name == SERVER:
        values = asking.parameter(use, "unauthenticated")
        return values is not None and _all_are(values, True)
    values = asking.parameter(use, "requires_proxy_auth")
    return not use.bound.open if values is None else _all_are(values, False)


def _all_are(values: Values, wanted: bool) -> bool:
    return bool(values) and all(isinstance(one, Const) and bool(one.value) is wanted for one in values)


def checks_callers(endpoint: Endpoint) -> bool:
    """Whether the code behind it looks at who calls, or serves what is not seen and may do so.

    Told by words, in the code that the endpoint's own names lead to; of an application, whose routes are registered
    from anywhere, in the whole files. A process counts where it is a server that is known to look at nobody.
    """
    name, code = endpoint.use.api.name, endpoint.code
    if name in APPS and not _is_seen(code):
        return True
    reached = _reached(code)
    if name in APPS:
        return any(_speaks_anywhere(file) for file in {place.file: None for place in reached})
    if name != FUNCTION and not any(_says(_SERVERS, place) for place in reached):
        return True
    return any(_says(_CHECKS, place) for place in reached)


def _says(words: re.Pattern[str], place: Place) -> bool:
    """Whether a definition says one of some words; what Modal is told about it does not count."""
    lines = _without_declarations(place.file)
    for node in (place.node, *getattr(place.node, "decorator_list", ())):
        span = place.file.span(node)
        text = lines[span.line - 1 : span.end_line] if node is not place.file.tree else lines
        if node is not place.file.tree and span.line == span.end_line:
            text = [lines[span.line - 1][span.column : span.end_column]]
        if words.search("\n".join(text)):
            return True
    return False


def _speaks_anywhere(file: File) -> bool:
    known = _SPEAKING.get(file)
    if known is None:
        known = _SPEAKING[file] = bool(_CHECKS.search("\n".join(_without_declarations(file))))
    return known


_SPEAKING: Kept[File, bool] = Kept()
_LINES: Kept[File, list[str]] = Kept()


def _without_declarations(file: File) -> list[str]:
    """The lines of a file, blank where Apps, Functions, images and Secrets are declared."""
    lines = _LINES.get(file)
    if lines is None:
        lines = _LINES[file] = list(file.lines)
        for use in file.uses:
            if use.api.name.startswith(_DECLARING) or use.api.name in WEB:
                _blank(lines, file.span(use.node))
    return lines


def _blank(lines: list[str], span: Span) -> None:
    for number in range(span.line - 1, min(span.end_line, len(lines))):
        line = lines[number]
        start = span.column if number == span.line - 1 else 0
        end = span.end_column if number == span.end_line - 1 else len(line)
        lines[number] = line[:start] + " " * (end - start) + line[end:]


def _is_seen(code: Place) -> bool:
    """Whether every application that a function gives is made in the project."""
    file = code.file
    scope = file.scopes.of.get(code.node)
    returned = [value for one in scope.returns if (value := getattr(one, "value", None)) is not None] if scope else []
    ev = file.project.evaluator
    from modal_lint.uses import frame_at

    values = [value for node in returned for value in ev.ask(node, frame_at(file, node))]
    return bool(values) and all(isinstance(one, External) and _is_made(one.name) for one in values)


def _is_made(name: str) -> bool:
    return name.endswith("()") and name[:-2].rpartition(".")[2] in _MAKERS


def _reached(code: Place) -> list[Place]:
    """The definitions that the names in a function lead to, itself first."""
    found: dict[ast.AST, Place] = {code.node: code}
    waiting = [code]
    while waiting and len(found) < _MAX_REACHED:
        place = waiting.pop()
        for name in _names(place):
            for led in _led(place.file, name):
                if led.node not in found:
                    found[led.node] = led
                    waiting.append(led)
    return list(found.values())


def _names(place: Place) -> Iterator[ast.Name]:
    """The names that are read in a definition; not those in what Modal is told about it."""
    waiting = [place.node]
    while waiting:
        node = waiting.pop()
        if isinstance(node, ast.Name) and isinstance(node.ctx, ast.Load):
            yield node
        waiting += [one for one in parts(node) if not place.file.environments.uses_of(one)]


def _led(file: File, name: ast.Name) -> Iterator[Place]:
    """Where a name is defined: a function, class, statement or module of the project."""
    home = file.scopes.lookup(name.id, file.scopes.scope(name))
    for binding in home.bindings[name.id] if home is not None else ():
        if binding.kind == "def" or (binding.kind == "assign" and home is file.scopes.module):
            yield Place(file, binding.node)
        elif binding.kind == "import":
            for value in file.project.evaluator.ask(name, file.project.evaluator.module_frame(file)):
                if isinstance(value, (Function, Class)):
                    yield value.place
                elif isinstance(value, Module):
                    yield Place(value.file, value.file.tree)
