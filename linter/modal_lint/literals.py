"""Literals with a provider's shape in modules that Modal ships."""

from __future__ import annotations

import ast
import re
from typing import TYPE_CHECKING

from modal_lint import credentials, diagnosis, imports, switches
from modal_lint.excerpt import excerpt
from modal_lint.kept import Kept
from modal_lint.model import Confidence, Finding, Hidden, Rule
from modal_lint.nodes import parts
from modal_lint.uses import default_frame
from modal_lint.values import Object

if TYPE_CHECKING:
    from collections.abc import Iterator

    from modal_lint.source import File

MIN_LENGTH, MAX_LENGTH = 8, 1 << 20
_USERINFO = re.compile(r"://[^/\s:@'\"]*:[^@\s'\"]+@")
_BYTES = ("b'", 'b"', "br'", 'br"')  # what a literal of bytes begins with, or ends its prefix with
_PICKLES = frozenset(("modal.Image.run_function",))  # with the globals that the function reads
_SHIPPED = frozenset(("modal.Function", "modal.Cls", "modal.Server"))


def findings(file: File, rule: Rule) -> Iterator[Finding]:
    """The literals of a shipped module that no flow to a sink reports."""
    if not is_shipped(file) or not _may_hold(file):
        return
    if not _USERINFO.search(file.text) and not credentials.has_shape(file.text):
        return
    for node in _literals(file):
        for found in credentials.find_in_text(_text(node), path=file.path):
            if found.credential.confidence is Confidence.HIGH:
                yield _finding(file, rule, node, found)
                break


def _may_hold(file: File) -> bool:
    """Whether a literal of a file may hold a credential."""
    if switches.is_off("spelling"):
        return True
    for node in file.scopes.strings:
        text = node.value
        if isinstance(text, str) and len(text) >= MIN_LENGTH and credentials.may_hold(text):
            return True
    source = file.text.lower()
    return any(prefix in source for prefix in _BYTES)  # those are in no list of literals


def is_shipped(file: File) -> bool:
    """Whether Modal copies the module into containers: it defines functions, or imports the App that does."""
    if file not in _KNOWN:
        _KNOWN[file] = _is_shipped(file)
    return _KNOWN[file]


_KNOWN: Kept[File, bool] = Kept()


def _is_shipped(file: File) -> bool:
    if any((use.api.returns in _SHIPPED and use.api.decorator) or use.api.name in _PICKLES for use in file.uses):
        return True
    # Any other import brings a module, or what is not of the project.
    found = {one for one in file.scopes.imports if isinstance(one, ast.ImportFrom) and _is_of_project(one, file)}
    if not found:
        return False
    frame = default_frame(file.project.evaluator, file, file.scopes.module)
    for binding in (one for bindings in file.scopes.module.bindings.values() for one in bindings):
        node = binding.node
        if (
            binding.kind == "import"
            and file.scopes.parents[node] in found
            and not imports.brings_definition(node, file)
        ):
            values = file.project.evaluator.binding_value(binding, frame)
            if any(isinstance(value, Object) and value.type == "modal.App" for value in values):
                return True
    return False


def _is_of_project(statement: ast.ImportFrom, file: File) -> bool:
    return file.project.has_module(statement.module or "", file, statement.level)


def _literals(file: File) -> Iterator[ast.Constant]:
    exposed = file.exposures.literals
    pending: list[ast.AST] = [file.tree]
    for node in pending:  # which grows: those around come first
        pending += parts(node)
        if not isinstance(node, ast.Constant) or not isinstance(node.value, (str, bytes)) or node in exposed:
            continue
        if MIN_LENGTH <= len(node.value) <= MAX_LENGTH:
            yield node


def _text(node: ast.Constant) -> str:
    assert isinstance(node.value, (str, bytes))
    return node.value if isinstance(node.value, str) else node.value.decode("utf-8", "replace")


def _finding(file: File, rule: Rule, node: ast.Constant, found: credentials.Match) -> Finding:
    place = file.scopes.parents.get(node) if isinstance(file.scopes.parents.get(node), ast.JoinedStr) else node
    span = file.span(place or node)
    key = _name(file, node) or found.key
    what = diagnosis.named(key, found.credential)
    return Finding(
        path=file.path,
        span=span,
        code=rule.code,
        name=rule.name,
        message=f"{what} is hardcoded in {_shipped(file)}",
        severity=rule.severity,
        confidence=found.credential.confidence,
        key=key,
        provider=found.credential.provider,
        help="put it into a named Secret and read the variable where it is used",
        excerpt=excerpt(file, span),
        origin=(file.path, span),
        statement=file.statement_span(node),
        secret=Hidden(_text(node)[found.start : found.end]),
    )


def _shipped(file: File) -> str:
    if file.module is not None and file.module.is_interactive:
        return "a notebook that sends functions to Modal's containers"
    return "a module that Modal ships to its containers"


def _name(file: File, node: ast.AST) -> str | None:
    """The name or key that the literal is the value of."""
    parent = file.scopes.parents.get(node)
    if isinstance(parent, (ast.Assign, ast.AnnAssign)):
        target = parent.targets[0] if isinstance(parent, ast.Assign) else parent.target
        return target.id if isinstance(target, ast.Name) else target.attr if isinstance(target, ast.Attribute) else None
    if isinstance(parent, ast.keyword):
        return parent.arg
    if isinstance(parent, ast.Dict) and node in parent.values:
        key = parent.keys[parent.values.index(node)]
        return (
            credentials.mask_text(key.value) if isinstance(key, ast.Constant) and isinstance(key.value, str) else None
        )
    return None
