"""Files of credentials that Modal is told to copy."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING

from modal_lint.diagnosis import sink_span
from modal_lint.excerpt import excerpt
from modal_lint.exposure import HOLE_MARK, marked
from modal_lint.lazy import lazy
from modal_lint.modal_api import Sink
from modal_lint.model import Confidence, Finding, Fix, Rule, Severity, Span, Step
from modal_lint.values import Mapping, Place, Sequence, Text, Values

if TYPE_CHECKING:
    import ast
    from collections.abc import Iterator

    from modal_lint.source import File
    from modal_lint.uses import Use

# Names of files that hold credentials and nothing else.
_CREDENTIAL_FILE = lazy(
    r"""(?ix)^(?:
        \.env(?:\.(?!example$|sample$|template$|dist$|defaults?$|schema$|test$|vault$)[\w.-]+)? | [\w-]+\.env
      | \.modal\.toml | \.netrc | _netrc | \.pgpass | \.pypirc | \.npmrc | \.git-credentials | \.htpasswd
      | id_(?:rsa|dsa|ecdsa|ed25519) | [\w.-]+\.(?:pem|p12|pfx|ppk|jks|keystore) | [\w.-]*private[\w-]*\.key
      | (?:[\w-]*service[_-]?account[\w-]*|[\w-]*credentials?|client_secrets?|gcp[_-]?key|firebase-adminsdk[\w-]*)\.json
      | kubeconfig | \.kaggle/kaggle\.json | kaggle\.json | \.dockercfg
    )$"""
)
# Paths whose last two parts give them away.
_CREDENTIAL_PATH = lazy(r"(?i)(?:^|/)\.(?:aws/credentials|docker/config\.json|kube/config|ssh/[\w.-]+)$")
_PUBLIC = lazy(
    r"(?i)(?:\.pub|known_hosts|authorized_keys|ca(?:cert)?[\w-]*\.pem|cacert[\w.-]*|[\w-]*public[\w-]*\.pem"
    r"|fullchain\.pem|(?:.*[-_.])?certs?\.pem|chain\.pem)$"
)


def findings(file: File, rule: Rule) -> Iterator[Finding]:
    """The files and directories that a file ships with credentials in them."""
    seen: set[tuple[ast.AST, str]] = set()
    for use, given in file.given(Sink.FILE, Sink.FILES, Sink.DIRECTORY):
        is_directory = given.param.sink is Sink.DIRECTORY
        for path, place in _paths(given.values(file.project.evaluator)):
            if not (path if is_directory else is_credential_file(path)) or (use.node, path) in seen:
                continue
            seen.add((use.node, path))
            if is_directory:
                yield from _directory(file, rule, use, path)
            else:
                yield _file_finding(file, rule, use, path, place)


def is_credential_file(path: str) -> bool:
    """Whether a path names a file that holds credentials."""
    clean = path.replace("\\", "/").rstrip("/")
    name = clean.rpartition("/")[2]
    if _PUBLIC.search(name):
        return False
    return bool(_CREDENTIAL_FILE.match(name) or _CREDENTIAL_PATH.search(clean))


def _paths(values: Values, depth: int = 0) -> Iterator[tuple[str, Place | None]]:
    for value in values if depth < 3 else ():
        if isinstance(value, Text):
            # What follows an unknown folder still names the file.
            yield marked(value).rpartition(HOLE_MARK)[2], value.origin
        elif isinstance(value, Sequence):
            for item in value.items:
                yield from _paths(item, depth + 1)
        elif isinstance(value, Mapping):
            for entry in value.entries:
                yield from _paths(entry.value, depth + 1)


def _file_finding(file: File, rule: Rule, use: Use, path: str, place: Place | None) -> Finding:
    name = path.replace("\\", "/").rpartition("/")[2]
    here = place.node if place is not None and place.file is file else use.node
    span = file.span(here)
    return Finding(
        path=file.path,
        span=span,
        code=rule.code,
        name=rule.name,
        message=f"{name} holds credentials and is shipped by {use.api.name}",
        severity=Severity.ERROR,
        confidence=Confidence.HIGH,
        help="use modal.Secret.from_dotenv() or a named Secret instead of the file",
        excerpt=excerpt(file, span),
        flow=_flow(file, use, span),
        origin=(file.path, span),
        statement=file.statement_span(here),
    )


def _flow(file: File, use: Use, span: Span) -> tuple[Step, ...]:
    sink = Step(file.path, sink_span(file, use.node), f"shipped by {use.api.name}")
    return (Step(file.path, span, "the path is written here"), sink)


def _directory(file: File, rule: Rule, use: Use, path: str) -> Iterator[Finding]:
    if use.argument(Sink.IGNORE) is not None or use.bound.open:
        return
    found = _in_directory(file, path)
    if not found:
        return
    span = sink_span(file, use.node)
    shown = ", ".join(found[:3]) + (", …" if len(found) > 3 else "")
    yield Finding(
        path=file.path,
        span=span,
        code=rule.code,
        name=rule.name,
        message=f"{use.api.name} ships the whole directory with {shown}",
        severity=Severity.WARNING,
        confidence=Confidence.HIGH,
        help="leave them out with ignore=[…]; by default nothing is left out",
        excerpt=excerpt(file, span),
        fix=_ignoring(file, use, found),
        origin=(file.path, span),
        statement=file.statement_span(use.node),
    )


def _in_directory(file: File, path: str) -> list[str]:
    """The credential files directly in a directory of the project, and ``.git``; never looks outside of it."""
    base = os.path.dirname(os.path.realpath(file.path))
    candidates = [os.path.join(base, path)]
    if os.path.normpath(path) == ".":
        candidates = [base, file.project.root]
    for candidate in candidates:
        real = os.path.realpath(candidate)
        if not file.project.inside(real):
            continue
        found = [name for name in sorted(file.project.names_in(real)) if name == ".git" or is_credential_file(name)]
        if found:
            return found
    return []


def _ignoring(file: File, use: Use, found: list[str]) -> Fix | None:
    from modal_lint.rewrite import CannotRewrite, Source, rewrite_call, string_literal

    if use.api.with_sink(Sink.IGNORE) is None:
        return None
    source = Source(file.text)
    patterns = dict.fromkeys([".env*" if name.startswith(".env") else name for name in found])
    listed = ", ".join(string_literal(pattern, source.quote) for pattern in patterns)
    try:
        edits = rewrite_call(source, file.span(use.node), set_argument={"ignore": f"[{listed}]"})
    except CannotRewrite:
        return None
    return Fix("Leave the credential files out", tuple(edits), safe=True)
