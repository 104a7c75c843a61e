"""The fix of family 1: a credential leaves a mapping and comes back as a named Secret, the container none the wiser.

A fix is offered only where it is right on every path: the entry stands in a display that goes to one call alone,
its value is one known string, and nothing else that the call is given can decide the same key.
"""

from __future__ import annotations

import ast
from typing import TYPE_CHECKING

from modal_lint import clients, credentials
from modal_lint.modal_api import Sink
from modal_lint.model import Edit, Hidden, Move, Span
from modal_lint.records import made, record
from modal_lint.uses import frame_at
from modal_lint.values import Object, Text, known_texts

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from modal_lint.exposure import Exposure
    from modal_lint.rewrite import Source
    from modal_lint.source import File
    from modal_lint.uses import Use


class Stays(Exception):  # noqa: N818 - a refusal, not a failure
    """The credential cannot be moved by itself; the reason is told to the user."""


@record
class Group:
    """What leaves one mapping: the entries, and where they stand."""

    file: File
    exposures: list[Exposure]
    display: ast.expr  # the dict display or ``dict(…)`` call
    argument: ast.expr  # what the call is given: the display, or the name that holds it
    moved: dict[str, str] = made(default_factory=dict)  # key ▸ value
    entries: list[ast.AST] = made(default_factory=list)  # keys or keywords in the display
    statements: list[ast.stmt] = made(default_factory=list)  # ``env["K"] = "…"``, which go whole


# ---- what may go --------------------------------------------------------------------------------------------


def gather(exposures: Sequence[Exposure]) -> Group:
    """What of one call's mapping can be moved.

    Raises:
        Stays: why nothing can.
    """
    first = exposures[0]
    file, node = first.use.file, first.given.argument.node
    if node is None or first.given.argument.frame is None or first.given.argument.frame.file is not file:
        raise Stays("the mapping comes in through **kwargs or a helper")
    display = _display(file, node)
    group = Group(file, list(exposures), display, node)
    for exposure in exposures:
        _take(group, exposure)
    _check_display(group)
    return group


def _display(file: File, node: ast.expr) -> ast.expr:
    if _is_display(node):
        return node
    if not isinstance(node, ast.Name):
        raise Stays("the mapping is put together elsewhere")
    scopes = file.scopes
    home = scopes.lookup(node.id, scopes.scope(node))
    bindings = home.bindings[node.id] if home is not None else []
    if len(bindings) != 1 or bindings[0].kind != "assign" or bindings[0].path or bindings[0].value is None:
        raise Stays(f"{node.id} is bound in several places")
    statement = bindings[0].node
    if isinstance(statement, ast.Assign) and len(statement.targets) != 1:
        raise Stays(f"{node.id} shares its value with another name")
    if home is scopes.module and file.project.mentioning(node.id, file):
        raise Stays(f"{node.id} is used by other files")
    if not _is_display(bindings[0].value):
        raise Stays("the mapping is put together elsewhere")
    _only_for_this_call(file, node)
    return bindings[0].value


def _is_display(node: ast.expr) -> bool:
    if isinstance(node, ast.Dict):
        return True
    return isinstance(node, ast.Call) and isinstance(node.func, ast.Name) and node.func.id == "dict" and not node.args


def _only_for_this_call(file: File, node: ast.Name) -> None:
    """The name may be read once, here, and otherwise only be filled with constants under constant keys."""
    scopes = file.scopes
    home = scopes.lookup(node.id, scopes.scope(node))
    assert home is not None
    for other in scopes.readers(node.id, home):
        if other is node:
            continue
        parent = scopes.parents[other]
        if isinstance(parent, ast.Subscript) and isinstance(parent.ctx, ast.Store):
            continue
        raise Stays(f"{node.id} is used in several places")


def _take(group: Group, exposure: Exposure) -> None:
    entry, file = exposure.entry, group.file
    if exposure.key is None or entry is None or entry.place is None or entry.place.file is not file:
        raise Stays("the entry stands elsewhere")
    if not exposure.key.isidentifier():
        raise Stays(f"{credentials.mask_text(exposure.key)} is no name of an environment variable")
    value = exposure.value.known
    if value is None:
        raise Stays(f"the value of {exposure.key} is not wholly known")
    if len(entry.value) != 1 or entry.maybe or exposure.fallback is not None:
        raise Stays(f"the value of {exposure.key} is not the same on every path")
    if not _same_in_every_call(exposure, value):
        raise Stays(f"the value of {exposure.key} is not the same in every call")
    if group.moved.setdefault(exposure.key, value) != value:
        raise Stays(f"the value of {exposure.key} is not the same in every call")
    if entry.display is not None and entry.display.node is group.display:
        if entry.place.node not in group.entries:
            group.entries.append(entry.place.node)
        return
    statement = file.scopes.parents.get(entry.place.node)
    if not isinstance(statement, ast.Assign) or len(statement.targets) != 1 or group.argument is group.display:
        raise Stays("the entry stands elsewhere")
    if file.scopes.blocks[statement] != file.scopes.blocks.get(file.statement_of(group.display)):
        raise Stays(f"{exposure.key} is set on some paths only")
    if statement not in group.statements:
        group.statements.append(statement)


def _same_in_every_call(exposure: Exposure, value: str) -> bool:
    """Whether an entry's value is what it is whoever calls the function around it, at every turn of a loop."""
    entry, use = exposure.entry, exposure.use
    if use.frame.arguments is None and not use.frame.loops:
        return True
    if entry is None or entry.place is None:
        return False
    node = value_of(use.file, entry.place.node)
    if node is None:
        return False
    frame = frame_at(use.file, node)
    values = use.file.project.evaluator.ask(node, frame)
    return len(values) == 1 and isinstance(values[0], Text) and values[0].known == value


def value_of(file: File, node: ast.AST) -> ast.expr | None:
    """The value that stands beside a key, keyword or assigned subscript."""
    if isinstance(node, ast.keyword):
        return node.value
    parent = file.scopes.parents.get(node)
    if isinstance(parent, ast.Dict) and node in parent.keys:
        return parent.values[parent.keys.index(node)]
    return parent.value if isinstance(parent, ast.Assign) else None


def _check_display(group: Group) -> None:
    """Nothing else in the display may decide a key that goes."""
    display = group.display
    if isinstance(display, ast.Call):
        if any(keyword.arg is None for keyword in display.keywords):
            raise Stays("the mapping has ** parts that may hold the same key")
        return
    assert isinstance(display, ast.Dict)
    for key in display.keys:
        if key is None:
            raise Stays("the mapping has ** parts that may hold the same key")
        if key in group.entries:
            continue
        if not isinstance(key, ast.Constant):
            raise Stays("the mapping has keys that are not plain strings")
        if key.value in group.moved:
            raise Stays(f"{key.value} stands in the mapping twice")


# ---- where it goes ------------------------------------------------------------------------------------------


def check_call(use: Use) -> None:
    """The call must be able to take ``secrets=`` without a surprise from ``**kwargs``."""
    if use.api.with_sink(Sink.SECRETS) is None:
        raise Stays(f"{use.api.name} takes no secrets=")
    if any(keyword.arg is None for keyword in use.node.keywords):
        raise Stays("the call has ** arguments that may hold secrets=")


def spelling(use: Use, source: Source, place: ast.AST) -> tuple[str, list[Edit]]:
    """The expression on which ``from_name`` is called at a place, and the import it needs."""
    from modal_lint.rewrite import CannotRewrite, ensure_import

    if use.api.name.startswith("modal_lint_runtime."):
        client = clients.behind(use)
        if client is None:
            raise Stays("it is not clear which client could look the Secret up")
        return f"{client}.secrets", []
    try:
        return ensure_import(source, "modal", "Secret", position=use.file.span(place), tree=use.file.tree)
    except CannotRewrite as refusal:
        raise Stays(refusal.reason) from None


def awaited(use: Use, reference: str) -> str:
    """The reference as the file's client needs it: an asynchronous one is seen by its type, or by its calls."""
    if not use.api.name.startswith("modal_lint_runtime."):
        return reference
    root: Object | None = use.owner
    while root is not None:
        if root.type == "modal_lint_runtime.AsyncModalClient":
            return f"await {reference}"
        root = root.previous
    is_awaited = isinstance(use.file.scopes.parents.get(use.node), ast.Await)
    return f"await {reference}" if is_awaited else reference


def app_name(file: File) -> str | None:
    """The name of the App that the file makes or looks up."""
    for use in file.uses:
        if use.api.name in ("modal.App", "modal.App.lookup", "modal_lint_runtime.Apps.from_name"):
            for given in use.given(Sink.LABEL):
                for name in known_texts(given.values(file.project.evaluator)):
                    return name
            for argument in use.bound.named.get("name", ()):
                if argument.node is not None and argument.frame is not None:
                    for name in known_texts(file.project.evaluator.ask(argument.node, argument.frame)):
                        return name
    return None


def known_secrets(file: File) -> dict[str, frozenset[str]]:
    """The Secrets that the file references, each with the keys that it is known to hold."""
    ev = file.project.evaluator
    found = {name: frozenset(keys) for name, keys in file.project.known_secrets.items()}
    for use in file.uses:
        if not use.api.name.endswith("ecret.from_name") and use.api.name != "modal_lint_runtime.Secrets.from_name":
            continue
        names: list[str] = []
        keys: set[str] = set()
        for name, given in use.bound.named.items():
            for argument in given:
                if argument.node is None or argument.frame is None:
                    continue
                values = ev.ask(argument.node, argument.frame)
                if name == "name":
                    names += known_texts(values)
                elif name == "required_keys":
                    from modal_lint.library import elements

                    keys |= {key for item in elements(ev, values) or [] for key in known_texts(item)}
        for name in names:
            found[name] = found.get(name, frozenset()) | keys
    return found


def moves_of(names: dict[str, tuple[str, ...]], values: dict[str, str]) -> tuple[Move, ...]:
    """What has to be preserved."""
    return tuple(Move(name, key, Hidden(values[key])) for name, keys in names.items() for key in keys)


def idle_constants(group: Group) -> list[ast.stmt]:
    """The assignments of plain literals to names that only the entries that go have read."""
    scopes, file = group.file.scopes, group.file
    gone = [_whole_entry(group, node) for node in group.entries] + list(group.statements)
    found: list[ast.stmt] = []
    for exposure in group.exposures:
        origin = exposure.origin
        statement = None if origin is None or origin.file is not file else scopes.parents.get(origin.node)
        if not isinstance(statement, ast.Assign) or len(statement.targets) != 1 or statement in found:
            continue
        target = statement.targets[0]
        if not isinstance(target, ast.Name) or scopes.of.get(scopes.blocks[statement][0]) is None:
            continue
        home = scopes.lookup(target.id, scopes.scope(statement))
        if home is None or home.is_class or len(home.bindings[target.id]) != 1 or f'"{target.id}"' in file.text:
            continue
        uses = [name for name in file.names[target.id] if name is not target]
        read_elsewhere = any(not any(scopes.within(use, entry) for entry in gone) for use in uses)
        if not read_elsewhere and not (home is scopes.module and file.project.mentioning(target.id, file)):
            found.append(statement)
    return found


def leftovers(group: Group, removed: Sequence[ast.stmt]) -> tuple[str, ...]:
    """Where the values still stand once the entries are gone: constants, other files."""
    gone = [group.file.span(_whole_entry(group, node)) for node in group.entries]
    gone += [group.file.span(statement) for statement in (*group.statements, *removed)]
    notes: dict[str, None] = {}
    for exposure in group.exposures:
        origin = exposure.origin
        if origin is None:
            continue
        span = origin.file.span(origin.node)
        if origin.file is group.file and any(one.contains(span) for one in gone):
            continue
        notes[f"{origin.file.named(span.line)} still holds the value of {exposure.key}: remove it there too"] = None
    return tuple(notes)


def _whole_entry(group: Group, node: ast.AST) -> ast.AST:
    """The value of an entry, or the keyword with its value."""
    if isinstance(group.display, ast.Dict) and isinstance(node, ast.expr):
        return group.display.values[group.display.keys.index(node)]
    return node


def removals(file: File, statements: Iterable[ast.stmt]) -> list[Edit]:
    """The edits that take whole statements out."""
    edits: list[Edit] = []
    for statement in statements:
        owner, name = file.scopes.blocks[statement]
        span = file.span(statement)
        alone = len(getattr(owner, name)) == 1
        rest = (
            file.lines[span.line - 1][: span.column].strip() or file.lines[span.end_line - 1][span.end_column :].strip()
        )
        if alone or rest:
            edits.append(Edit(span, "pass"))
        else:
            edits.append(Edit(Span(span.line, 0, span.end_line + 1, 0), ""))
    return edits
