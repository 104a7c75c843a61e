"""Outbound policies that keep a Secret out of a sandbox, and what undoes that."""

from __future__ import annotations

import ast
from typing import TYPE_CHECKING, NamedTuple

from modal_lint import library
from modal_lint.lazy import lazy
from modal_lint.modal_api import Sink
from modal_lint.model import Fix
from modal_lint.uses import Uses
from modal_lint.values import Mapping, Object, Sequence, known_texts

if TYPE_CHECKING:
    from collections.abc import Iterator

    from modal_lint.source import File
    from modal_lint.uses import Use
    from modal_lint.values import Argument, Place, Value, Values

POLICY = "modal.experimental.OutboundPolicy"
REPLACEMENT = f"{POLICY}.with_header_replacement"
_UPDATING = "_experimental_update_outbound_policy"
_UPDATES = frozenset((_UPDATING,))
_UPDATE = f"modal.Sandbox.{_UPDATING}"
_POLICY_PARAMETERS = {
    "modal.Sandbox.create": "_experimental_outbound_policy",
    "modal.Sandbox._experimental_create": "_experimental_outbound_policy",
    _UPDATE: "outbound_policy",
}
_NAMED = "modal.Secret.from_name"
_TEMPLATE = lazy(r"(?<!\$)\$([A-Za-z_]\w*)")


class Unshielded(NamedTuple):
    """A Secret of a policy that the sandbox gets in its environment as well.

    ``place`` is the item in ``secrets=`` of the call that makes the sandbox.
    """

    use: Use
    name: str
    place: Place | None
    item: ast.expr | None = None
    sequence: ast.List | ast.Tuple | None = None
    keys: frozenset[str] = frozenset()
    templated: frozenset[str] = frozenset()


class _Secret(NamedTuple):
    name: str
    keys: frozenset[str]


def unshielded(file: File) -> Iterator[Unshielded]:
    """The Secrets that stand in ``secrets=`` and in an outbound policy of the same sandbox."""
    for use in (*file.uses, *_updates(file)):
        parameter = _POLICY_PARAMETERS.get(use.api.name)
        if parameter is None:
            continue
        policies = _policies(use, parameter)
        creating = _creating(use) if policies else None
        if creating is None:
            continue
        for given in creating.given(Sink.SECRETS):
            yield from _both(creating, given.argument, policies)


def _updates(file: File) -> Iterator[Use]:
    """The calls that give a sandbox another policy."""
    for call in file.scopes.called(_UPDATES):
        if isinstance(call.func, ast.Attribute):
            yield from Uses(file).of(call)


def to_any_host(file: File) -> Iterator[Use]:
    """The header replacements for every domain that have a Secret."""
    for use in file.uses:
        if use.api.name == REPLACEMENT and use.argument(Sink.SECRET_REF) is not None:
            domains = [
                known for argument in use.bound.named.get("domain", ()) for known in known_texts(_ask(use, argument))
            ]
            if domains and all(domain == "*" for domain in domains):
                yield use


def _ask(use: Use, argument: Argument) -> Values:
    from modal_lint.calls import values_of

    return values_of(argument, use.file.project.evaluator.ask)


def _creating(use: Use) -> Use | None:
    """The call that makes the sandbox: the same one, or that of the object whose policy is updated."""
    if use.owner is None:
        return use
    if use.owner.call is None:
        return None
    return next(
        (one for one in _uses_at(use.owner.call) if one.api.name in _POLICY_PARAMETERS and one.owner is None), None
    )


def _policies(use: Use, parameter: str) -> list[tuple[_Secret, frozenset[str]]]:
    """The Secrets of a policy, each with the keys that the headers fill in."""
    found: list[tuple[_Secret, frozenset[str]]] = []
    for argument in use.bound.named.get(parameter, ()):
        for value in _ask(use, argument):
            if not isinstance(value, Object) or value.type != POLICY:
                continue
            for call in value.chain():
                for step in _uses_at(call):
                    if step.api.name == REPLACEMENT:
                        found += [(secret, _templated(step)) for secret in _referenced(step)]
    return found


def _uses_at(place: Place) -> list[Use]:
    if not isinstance(place.node, ast.Call):
        return []
    return Uses(place.file).of(place.node)


def _referenced(step: Use) -> Iterator[_Secret]:
    for given in step.given(Sink.SECRET_REF):
        for value in given.values(step.file.project.evaluator):
            secret = _secret(value)
            if secret is not None:
                yield secret


def _templated(step: Use) -> frozenset[str]:
    """The keys that the headers of a replacement fill in."""
    texts: list[str] = []
    for given in step.given(Sink.HEADER):
        for value in given.values(step.file.project.evaluator):
            if isinstance(value, Mapping):
                texts += [known for entry in value.entries for known in known_texts(entry.value)]
    return frozenset(name for text in texts for name in _TEMPLATE.findall(text))


def _secret(value: Value) -> _Secret | None:
    """The name and the required keys of a ``Secret.from_name``."""
    if not isinstance(value, Object) or value.type != "modal.Secret" or value.call is None:
        return None
    for use in _uses_at(value.call):
        if use.api.name != _NAMED:
            continue
        ev = use.file.project.evaluator
        names = [known for argument in use.bound.named.get("name", ()) for known in known_texts(_ask(use, argument))]
        keys = frozenset(
            key
            for argument in use.bound.named.get("required_keys", ())
            for item in library.elements(ev, _ask(use, argument)) or []
            for key in known_texts(item)
        )
        if len(names) == 1:
            return _Secret(names[0], keys)
    return None


def _both(creating: Use, argument: Argument, policies: list[tuple[_Secret, frozenset[str]]]) -> Iterator[Unshielded]:
    shielded = {secret.name for secret, _ in policies}
    for value in _ask(creating, argument):
        if not isinstance(value, Sequence):
            continue
        display = value.place.node if value.place is not None else None
        for index, item in enumerate(value.items):
            secret = next((found for one in item if (found := _secret(one)) is not None), None)
            if secret is None or secret.name not in shielded:
                continue
            templated = frozenset(key for one, keys in policies if one.name == secret.name for key in keys)
            node, sequence = _item(creating.file, argument, display, index)
            known = secret.keys.union(*(one.keys for one, _ in policies if one.name == secret.name))
            yield Unshielded(creating, secret.name, value.place, node, sequence, known, templated)


def _item(
    file: File, argument: Argument, display: ast.AST | None, index: int
) -> tuple[ast.expr | None, ast.List | ast.Tuple | None]:
    """The item as it is written in the call's own list; None where the list is made elsewhere."""
    if (
        not isinstance(display, (ast.List, ast.Tuple))
        or display is not argument.node
        or display not in file.scopes.parents
    ):
        return None, None
    if any(isinstance(one, ast.Starred) for one in display.elts) or index >= len(display.elts):
        return None, None
    return display.elts[index], display


def without(one: Unshielded) -> Fix | None:
    """The fix: the Secret leaves ``secrets=``. It is safe where all of its keys are filled in by the policy."""
    from modal_lint.rewrite import CannotRewrite, rewrite_call
    from modal_lint.rewrite import replace as put

    file = one.use.file
    if one.item is None or one.sequence is None:
        return None
    source = file.rewriting
    kept = [node for node in one.sequence.elts if node is not one.item]
    try:
        if kept:
            listed = ", ".join(file.segment(node) for node in kept)
            comma = "," if isinstance(one.sequence, ast.Tuple) and len(kept) == 1 else ""
            text = f"[{listed}]" if isinstance(one.sequence, ast.List) else f"({listed}{comma})"
            edits = put(source, file.span(one.sequence), text)
        else:
            edits = rewrite_call(source, file.span(one.use.node), drop_arguments=("secrets",))
    except CannotRewrite:
        return None
    safe = bool(one.keys) and one.keys <= one.templated
    return Fix(f"Keep Secret {one.name} out of the sandbox", tuple(edits), safe=safe)
