"""MS315: a variable that Modal sets itself, or ignores."""

import ast
from collections.abc import Iterator

from modal_lint.calls import effective
from modal_lint.environments.containers import Container
from modal_lint.environments.sources import Source
from modal_lint.lazy import contract
from modal_lint.modal_api import Sink
from modal_lint.model import Finding, Fix, Rule, Severity
from modal_lint.nodes import written_entries
from modal_lint.remarks import attempted, remark
from modal_lint.source import File
from modal_lint.values import Entry, Mapping, Text, Values


def check(file: File) -> Iterator[Finding]:
    """A variable is given that has no effect in a container.

    Modal sets `MODAL_TASK_ID`, `MODAL_ENVIRONMENT`, `MODAL_REGION` and some others itself, whatever they are set to. In
    a Function's container `MODAL_TOKEN_ID` and `MODAL_TOKEN_SECRET` are ignored with a warning: the container has
    credentials of its own.

    ```python bad
    import modal

    app = modal.App.lookup("agents", create_if_missing=True)
    sandbox = modal.Sandbox.create(
        app=app,
        env={
            "MODAL_REGION": "eu",  # expect: MS315
            "LOG_LEVEL": "info",
        },
    )
    ```

    ```python good
    import modal

    app = modal.App.lookup("agents", create_if_missing=True)
    sandbox = modal.Sandbox.create(
        app=app,
        env={
            "LOG_LEVEL": "info",
        },
    )
    ```

    The fix is safe: it takes the entry out. Nothing is said of tokens that the Function's own code reads, as it would
    to make a client of another workspace. In a sandbox they do count.
    """
    told: set[ast.AST] = set()
    for use, given in file.given(Sink.ENV, Sink.SECRET, Sink.IMAGE_ENV):
        written = written_entries(given.argument.node)
        if written is not None and not contract.reserved_keys([key for key, _ in written]):
            continue
        for entry, key in _entries(given.values(file.project.evaluator)):
            if entry.place is not None and contract.reserved_keys([key]) and _is_ours(file, entry, told):
                message = f"{key} is set by Modal in every container: the value given to {use.api.name} has no effect"
                yield _finding(file, entry.place.node, key, message, use.node)
    yield from _tokens(file, told)


def _tokens(file: File, told: set[ast.AST]) -> Iterator[Finding]:
    """Modal's own credentials among the sources of a Function that does not read them."""
    for container in file.environments.containers:
        for source in container.given.sources:
            keys = sorted(contract.IGNORED_CREDENTIALS & source.keys)
            if not keys or _reads(container, keys):
                continue
            for key in keys:
                node = _place(file, container, source, key)
                if node not in told and not _is_reported(file, node):
                    told.add(node)
                    message = (
                        f"{key} is ignored in the containers of {container.name}: they have credentials of their own"
                    )
                    yield _finding(file, node, key, message, container.use.node)


_HELP = "leave it out"


def _entries(values: Values) -> list[tuple[Entry, str]]:
    return [
        (entry, key)
        for value in values
        if isinstance(value, Mapping)
        for entry in effective(value)
        if isinstance(entry.key, Text) and (key := entry.key.known) is not None and key.startswith("MODAL_")
    ]


def _is_ours(file: File, entry: Entry, told: set[ast.AST]) -> bool:
    """Whether an entry is written in this file and not told of yet, here or by a rule about its value."""
    place = entry.place
    if place is None or place.file is not file or place.node in told or _is_reported(file, place.node):
        return False
    told.add(place.node)
    return True


def _is_reported(file: File, node: ast.AST) -> bool:
    """Whether a credential in the same entry is reported."""
    return any(one.entry is not None and one.entry.place is not None and one.entry.place.node is node
               for one in file.exposures.all)  # fmt: skip


def _reads(container: Container, keys: list[str]) -> bool:
    """Whether the code of a Function may use the variables by itself."""
    reads = container.use.file.environments.reads(container)
    return reads.open or container.code is None or not reads.keys.isdisjoint(keys)


def _place(file: File, container: Container, source: Source, key: str) -> ast.AST:
    places = (source.entries.get(key), source.place)
    return next((place.node for place in places if place is not None and place.file is file), container.use.node)


def _finding(file: File, node: ast.AST, key: str, message: str, sink: ast.AST) -> Finding:
    fix = attempted(lambda: _fix(file, node))
    return remark(RULE, file, node, message, help_text=_HELP, key=key, fix=fix, sink=sink)


def _fix(file: File, node: ast.AST) -> Fix | None:
    from modal_lint import rewrite

    display = file.scopes.parents.get(node)
    if not isinstance(display, ast.Dict) or node not in display.keys:
        return None
    edits = rewrite.remove_entries(file.rewriting, file.span(display), [file.span(node)])
    return Fix("Leave the variable out", tuple(edits), safe=True)


RULE = Rule(
    "MS315",
    "reserved-key",
    Severity.WARNING,
    check,
    fixable="safe",
    witness="gives the container no such MODAL_REGION",
)
