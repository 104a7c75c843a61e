"""The fix of a credential in a policy's header: ``$KEY`` in the header, and the Secret beside it."""

from __future__ import annotations

import ast
from typing import TYPE_CHECKING

from modal_lint import credentials, naming, plans
from modal_lint.modal_api import Sink
from modal_lint.model import Fix, Hidden, Move
from modal_lint.moving import Stays

if TYPE_CHECKING:
    from modal_lint.exposure import Exposure


def templated(exposure: Exposure, *, alone: bool) -> tuple[Fix | None, str]:
    """The fix, or the reason why there is none. ``alone``: it is the only credential of its file's policies."""
    outcome = plans.plan(lambda given: _templated(given[0], alone), [exposure])
    return (outcome, "") if isinstance(outcome, Fix) else (None, outcome)


def _templated(exposure: Exposure, alone: bool) -> Fix:
    from modal_lint import rewrite

    use, origin, known = exposure.use, exposure.origin, exposure.value.known
    if not alone:
        raise Stays("several headers hold credentials")
    if origin is None or origin.file is not use.file or known is None or not isinstance(origin.node, ast.Constant):
        raise Stays("the header is not one plain literal")
    if origin.node.value != known or exposure.steps:
        raise Stays("the header is put together elsewhere")
    if use.argument(Sink.SECRET_REF) is not None or use.bound.open:
        raise Stays("the policy has a Secret already")
    prefix, secret = _split(known)
    key = variable_for(exposure)
    source = use.file.rewriting
    names = dict(naming.grouped(use.file, [key]).items())
    reference, edits = plans.references(use, names, source, use.node)
    header = rewrite.string_literal(f"{prefix}${key}", source.quote)
    edits += rewrite.replace(source, use.file.span(origin.node), header)
    edits += rewrite.rewrite_call(source, use.file.span(use.node), set_argument={"secret": reference})
    (name, _), *_ = names.items()
    moves = (Move(name, key, Hidden(secret)),)
    return Fix(f"Move the header's credential to Secret {name}", tuple(rewrite.combine(edits)), moves=moves)


def _split(header: str) -> tuple[str, str]:
    """A header's scheme (``Bearer ``) with its other fixed text, and the credential."""
    scheme, space, rest = header.partition(" ")
    if space and rest and " " not in rest and scheme.isalpha():
        return f"{scheme} ", rest
    if " " in header:
        raise Stays("the header holds more than a credential")
    return "", header


def variable_for(exposure: Exposure) -> str:
    """The environment variable that a credential of this provider usually has."""
    conventional = credentials.variable_of(exposure.credential.provider)
    if conventional is not None:
        return conventional
    name = "".join(char if char.isalnum() else "_" for char in exposure.key or "").upper().strip("_")
    return "API_TOKEN" if name in ("", "AUTHORIZATION") or name[:1].isdigit() else name
