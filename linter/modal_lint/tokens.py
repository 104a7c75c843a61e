"""Modal's own tokens where no call of its API is: ``os.environ[…] = …`` and ``Modal-Key`` headers."""

from __future__ import annotations

import ast
from typing import TYPE_CHECKING

from modal_lint import credentials
from modal_lint.exposure import MODAL, Exposure
from modal_lint.modal_api import Api, Param, Sink
from modal_lint.uses import Given, Use, frame_at
from modal_lint.values import Argument, Arguments, External, Text, Values, known_texts

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    from modal_lint.calls import Frame
    from modal_lint.source import File

HEADERS = frozenset(("modal-key", "modal-secret"))
VARIABLES = frozenset(
    (
        "MODAL_TOKEN_ID",
        "MODAL_TOKEN_SECRET",
        "MODAL_OAUTH_REFRESH_TOKEN",
        "MODAL_OAUTH_CLIENT_ID",
        "MODAL_OAUTH_CLIENT_SECRET",
        "MODAL_OAUTH_JWT_KEY",
    )
)
# Expressions that are no text.
_OTHERS = frozenset(
    (ast.Dict, ast.DictComp, ast.List, ast.ListComp, ast.Set, ast.SetComp, ast.Tuple, ast.GeneratorExp, ast.Lambda)
)
_SETTERS = {"setdefault": "os.environ", "__setitem__": "os.environ", "putenv": "os"}
_CHANGING = frozenset((*_SETTERS, "update"))


def assigned(file: File) -> Iterator[Exposure]:
    """Tokens that the code puts into its own environment or into headers of a request."""
    if not file.says("MODAL_", "Modal-", "modal-", "ak-", "as-", "wk-", "ws-"):
        return
    for key, value, node, frame, where in _candidates(file):
        for one in file.project.evaluator.ask(value, frame):
            known = one.known if isinstance(one, Text) else None
            if known is None or not isinstance(one, Text):
                continue
            credential = credentials.classify(key, known, path=file.path)
            if credential is not None and (credential.provider == MODAL or _is_ours(key)):
                yield _exposure(file, key, one, credential, node, frame, where)


def _is_ours(key: str) -> bool:
    return key in VARIABLES or key.lower() in HEADERS


def _candidates(file: File) -> Iterator[tuple[str, ast.expr, ast.AST, Frame, str]]:
    for statement in file.scopes.subscripts:
        if statement.value.__class__ in _OTHERS:
            continue
        for target in statement.targets if isinstance(statement, ast.Assign) else [statement.target]:
            if isinstance(target, ast.Subscript) and statement.value is not None:
                frame = frame_at(file, statement)
                for key in _keys(file, target.slice, frame):
                    if key.lower() in HEADERS or _is_environ(file, target.value, frame):
                        yield key, statement.value, statement, frame, _where(key)
    for call in file.scopes.called(_CHANGING):
        if isinstance(call.func, ast.Attribute):
            yield from _called(file, call, call.func)
    for addition in file.scopes.additions:
        if isinstance(addition.value, ast.Dict) and _is_environ(file, addition.target, frame_at(file, addition)):
            yield from _displayed(file, addition.value, addition, frame_at(file, addition))
    for display in file.scopes.displays:
        for name, value in zip(display.keys, display.values, strict=True):
            if isinstance(name, ast.Constant) and isinstance(name.value, str) and name.value.lower() in HEADERS:
                yield name.value, value, name, frame_at(file, display), _where(name.value)


def _called(file: File, call: ast.Call, func: ast.Attribute) -> Iterator[tuple[str, ast.expr, ast.AST, Frame, str]]:
    frame = frame_at(file, call)
    if func.attr in _SETTERS and len(call.args) == 2 and call.args[1].__class__ not in _OTHERS:
        for key in _keys(file, call.args[0], frame):
            if _is_environ(file, func.value, frame):
                yield key, call.args[1], call, frame, _where(key)
    if func.attr == "update":
        keywords = [(one.arg, one.value) for one in call.keywords if one.arg is not None and _is_ours(one.arg)]
        displays = [argument for argument in call.args if isinstance(argument, ast.Dict)]
        if (keywords or displays) and _is_environ(file, func.value, frame):
            for key, value in keywords:
                yield key, value, call, frame, _where(key)
            for display in displays:
                yield from _displayed(file, display, call, frame)


def _displayed(
    file: File, display: ast.Dict, node: ast.AST, frame: Frame
) -> Iterator[tuple[str, ast.expr, ast.AST, Frame, str]]:
    for name, value in zip(display.keys, display.values, strict=True):
        if name is not None:
            for key in _keys(file, name, frame):
                yield key, value, node, frame, _where(key)


def _where(key: str) -> str:
    return "an HTTP header" if key.lower() in HEADERS else "os.environ"


def _keys(file: File, node: ast.expr, frame: Frame) -> Iterable[str]:
    """Those of our names that an expression may be."""
    if isinstance(node, ast.Constant) and isinstance(node.value, str):
        return (node.value,) if _is_ours(node.value) else ()
    if isinstance(node, (ast.Constant, ast.Name, ast.Attribute, ast.JoinedStr)):
        return filter(_is_ours, known_texts(file.project.evaluator.ask(node, frame)))
    return ()


def _is_environ(file: File, node: ast.expr, frame: Frame) -> bool:
    if not isinstance(node, (ast.Name, ast.Attribute)):
        return False
    values: Values = file.project.evaluator.ask(node, frame)
    return any(isinstance(value, External) and value.name in ("os.environ", "os") for value in values)


def _exposure(
    file: File, key: str, value: Text, credential: credentials.Credential, node: ast.AST, frame: Frame, where: str
) -> Exposure:
    param = Param(key, "positional", Sink.TOKEN)
    use = Use(file, Api(where, (param,)), node, frame, None, Arguments())
    return Exposure(use, Given(param, Argument(None, None, (value,)), key), key, value, credential)
