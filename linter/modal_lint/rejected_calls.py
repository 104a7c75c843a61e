"""Questions to the contract: where a call stands in it, and evaluated arguments as objects that it can look at."""

from __future__ import annotations

import ast
from functools import lru_cache
from typing import TYPE_CHECKING, Any

from modal_lint.lazy import contract
from modal_lint.values import (
    HOLE,
    Class,
    Const,
    EnvRead,
    Function,
    Hole,
    Mapping,
    Object,
    Place,
    Sequence,
    Text,
    Value,
    Values,
    unite,
)

if TYPE_CHECKING:
    from collections.abc import Callable

    from modal_lint_runtime.contract import Sdk, Site, Verdict

    from modal_lint.evaluate import Evaluator
    from modal_lint.uses import Use
    from modal_lint.values import Argument

REFERENCE = "modal_lint_runtime."
NOTHING = object()
"""Stands for a value of which nothing is known."""
FILLER = "A"
"""Stands for an unknown stretch of a text: fits wherever anything does."""
_MAX_DEPTH = 4
_SITES = {
    "modal.Secret.from_dict": "FROM_DICT",
    "modal.Secret.objects.create": "CREATE",
    "modal.Secret._create_deployed": "CREATE",
    "modal.Secret.update": "UPDATE",
    "modal.App": "APP",
    "modal.App.function": "FUNCTION",
    "modal.App.cls": "FUNCTION",
    "modal.App.server": "SERVER",
    "modal.Function.with_options": "WITH_OPTIONS",
    "modal.Cls.with_options": "WITH_OPTIONS",
    "modal.Image.env": "IMAGE_ENV",
    "modal.Image.run_function": "RUN_FUNCTION",
    "modal.Sandbox.create": "SANDBOX",
    "modal.Sandbox._experimental_create": "SANDBOX",
    "modal.Sandbox.exec": "EXEC",
    "modal.SidecarContainer.exec": "EXEC",
    "modal.SidecarManager.create": "SIDECAR",
    "modal.CloudBucketMount": "BUCKET",
    "modal.experimental.OutboundPolicy.with_header_replacement": "POLICY",
    f"{REFERENCE}Secrets.from_object": "FROM_DICT",
    f"{REFERENCE}Secrets.create": "CREATE",
    f"{REFERENCE}Secrets.update": "UPDATE",
    f"{REFERENCE}Functions.define": "FUNCTION",
    f"{REFERENCE}Function.with_options": "WITH_OPTIONS",
    f"{REFERENCE}Image.dockerfile_commands": "IMAGE_STEP",
    f"{REFERENCE}Images.from_registry": "REGISTRY",
    f"{REFERENCE}Sandboxes.create": "SANDBOX",
    f"{REFERENCE}Sandbox.exec": "EXEC",
}
# Of Sandbox.create: they choose the older backend.
_V1_ARGUMENTS = frozenset(("gpu", "network_file_systems", "pty_info"))


# ---- where a call stands in the contract ------------------------------------------------------------------------


def is_reference(use: Use) -> bool:
    """Whether a call is one of the reference client."""
    return use.api.name.startswith(REFERENCE)


def sdk_of(use: Use) -> Sdk:
    """Whose checks apply to a call."""
    return contract.Sdk.REFERENCE if is_reference(use) else contract.Sdk.PYTHON


def site_of(use: Use, ev: Evaluator) -> Site | None:
    """The contract's name of a call; None where it has none, and for what the SDK no longer has."""
    if use.api.until is not None:
        return None
    found = _site_of(use.api.name)
    if found is not contract.Site.SANDBOX or is_reference(use) or _V1_ARGUMENTS.isdisjoint(use.bound.named):
        return found
    return contract.Site.SANDBOX_V1 if any(_is_given(use, ev, one) for one in _V1_ARGUMENTS) else found


@lru_cache(maxsize=256)
def _site_of(name: str) -> Site | None:
    found = _SITES.get(name, "IMAGE_STEP" if name.startswith("modal.Image.") else None)
    return None if found is None else contract.Site[found]


def _is_given(use: Use, ev: Evaluator, name: str) -> bool:
    values = argument_values(use, ev, name)
    return values is not None and not any(isinstance(value, Const) and value.value is None for value in values)


def argument_values(use: Use, ev: Evaluator, name: str) -> Values | None:
    """What a parameter gets; None where the call does not pass it."""
    given = use.bound.named.get(name)
    return unite(*(asked(ev, argument) for argument in given)) if given else None


def asked(ev: Evaluator, argument: Argument) -> Values:
    """What an argument may be; a question of its own."""
    if argument.node is None or argument.frame is None:
        return argument.values
    return ev.ask(argument.node, argument.frame)


# ---- values that the contract can look at -----------------------------------------------------------------------


def stand_in(value: Value, depth: int = 0) -> Any:
    """An object that is to the contract what the value would be, or NOTHING.

    Unknown stretches of a text are filled by what fits best, so that a refusal holds whatever they are.
    """
    if isinstance(value, Text):
        return _text(value)
    if isinstance(value, Const):
        return value.value
    if isinstance(value, EnvRead):
        return FILLER
    if isinstance(value, Sequence):
        return _items(value, depth)
    if isinstance(value, Mapping):
        return {}
    if isinstance(value, Object):
        return type(value.type.rpartition(".")[2], (), {})()
    if isinstance(value, (Function, Class)):
        return stand_in if isinstance(value, Function) else type
    return NOTHING


def _text(value: Text) -> str | bytes:
    known = value.known
    if known is None:
        known = "".join(FILLER if isinstance(part, Hole) else part.text for part in value.parts)
    return known.encode("utf-8", "surrogatepass") if value.binary else known


def _items(value: Sequence, depth: int) -> Any:
    if depth > _MAX_DEPTH or not value.complete:
        return NOTHING
    items = [stand_in(item[0], depth + 1) if len(item) == 1 else NOTHING for item in value.items]
    if any(item is NOTHING for item in items):
        return NOTHING
    node = value.place.node if value.place is not None else None
    return tuple(items) if isinstance(node, ast.Tuple) else items


def kind_of(value: Value) -> str:
    """What a value is, in words for a message: "an int", "None"."""
    if isinstance(value, EnvRead):
        return "a string"
    if isinstance(value, Mapping):
        return "a dict"
    if isinstance(value, Sequence):
        return "a tuple" if value.place is not None and isinstance(value.place.node, ast.Tuple) else "a list"
    if isinstance(value, Object):
        return article(value.type.rpartition(".")[2])
    if isinstance(value, Function):
        return "a function"
    if isinstance(value, Text):
        return "bytes" if value.binary else "a string"
    if isinstance(value, Const) and value.value is not None:
        return article(type(value.value).__name__)
    return "None" if isinstance(value, Const) else "of another type"


def article(noun: str) -> str:
    """The noun with "a" or "an"."""
    return f"{'an' if noun[:1].lower() in 'aeiou' else 'a'} {noun}"


def refused(values: Values, check: Callable[[Any], Verdict | None]) -> Verdict | None:
    """What the contract says of the first possibility, where it refuses every one; None otherwise."""
    first: Verdict | None = None
    for value in values:
        given = NOTHING if _may_be_another(value) else stand_in(value)
        verdict = None if given is NOTHING else check(given)
        if verdict is None or verdict.raises is None:
            return None
        first = first or verdict
    return first


def _may_be_another(value: Value) -> bool:
    """Whether who runs the program may say otherwise: defaults of options, what a class leaves to its subclasses."""
    if value.steps and any(step.text.startswith("default of option") for step in value.steps):
        return True
    if isinstance(value, Text) and value.binary and value.origin is not None:
        around = value.origin.file.scopes.parents.get(value.origin.node)
        return isinstance(around, (ast.Attribute, ast.Call))  # which make something else of the bytes
    if not isinstance(value, Const) or value.value is not None or value.origin is None:
        return False
    scopes, node = value.origin.file.scopes, value.origin.node
    return node in scopes.parents and scopes.scope(node).is_class


# ---- where values are written ---------------------------------------------------------------------------------


def local_node(use: Use, place: Place | None) -> ast.expr | None:
    """The expression at a place, where that is in the file of the call."""
    if place is None or place.file is not use.file or not isinstance(place.node, ast.expr):
        return None
    return place.node


def argument_node(use: Use, name: str) -> ast.expr | None:
    """The expression that a parameter gets, where it is written in the call."""
    given = use.bound.named.get(name, ())
    node = given[0].node if len(given) == 1 else None
    return node if isinstance(node, ast.expr) and use.file.scopes.within(node, use.node) else None


def origin_of(value: Value) -> Place | None:
    """Where a value is written."""
    if isinstance(value, (Text, Const)):
        return value.origin
    if isinstance(value, Object):
        return value.call
    return value.place if isinstance(value, (Mapping, Sequence, Function, Class, EnvRead)) else None


def has_holes(value: Value) -> bool:
    """Whether not all of a text is known."""
    return isinstance(value, Text) and any(part is HOLE or isinstance(part, Hole) for part in value.parts)
