"""Questions about calls of Modal's API that rules have in common: which there are, and what a parameter gets."""

from __future__ import annotations

import ast
from functools import lru_cache
from typing import TYPE_CHECKING

from modal_lint import switches
from modal_lint.kept import Kept
from modal_lint.modal_api import CALL_NAMES
from modal_lint.nodes import written_text, written_texts
from modal_lint.uses import Uses
from modal_lint.values import Const, Sequence, Text, Unknown, Values, unite

if TYPE_CHECKING:
    from modal_lint.calls import Bound
    from modal_lint.source import File
    from modal_lint.uses import Use
    from modal_lint.values import Argument, Object

_MADE: Kept[File, dict[object, list[Use]]] = Kept()  # by call, or by call and its run


def calls(file: File, *names: str) -> list[Use]:
    """The calls of some rows of the API, by canonical name; also of rows without a sink, which `File.uses` leaves out.

    A row without a sink is found where its own name is written: ``Secret.from_dotenv(…)``, ``f.local(…)``.
    """
    found = [use for use in file.uses if use.api.name in names]
    hidden = _hidden(names)
    if hidden and (file.spells(*hidden) or switches.is_off("spelling")):
        seen = {use.node for use in found}
        uses = Uses(file)
        for call in file.scopes.calls:
            if _last_name(call.func) in hidden and call not in seen:
                found += [use for use in uses.of(call) if use.api.name in names]
    return found


@lru_cache(maxsize=64)
def _hidden(names: tuple[str, ...]) -> frozenset[str]:
    """The last names of rows without a sink."""
    return frozenset(name.rpartition(".")[2] for name in names) - CALL_NAMES


def _last_name(func: ast.expr) -> str:
    if isinstance(func, ast.Attribute):
        inner = func.value
        return inner.attr if func.attr == "aio" and isinstance(inner, ast.Attribute) else func.attr
    return func.id if isinstance(func, ast.Name) else ""


def argument(bound: Bound, name: str) -> Argument | None:
    """The one argument that a parameter gets; None where there is none or more than one may be it."""
    given = bound.named.get(name, ())
    return given[0] if len(given) == 1 else None


def asked(file: File, given: Argument) -> Values:
    """What an argument may be; a question of its own."""
    if given.node is None or given.frame is None:
        return given.values
    return file.project.evaluator.ask(given.node, given.frame)


def parameter(use: Use, name: str) -> Values | None:
    """What a parameter gets; None where the call does not pass it."""
    given = use.bound.named.get(name)
    if not given:
        return None
    if len(given) == 1:
        return unite(asked(use.file, given[0]))
    return unite(*(asked(use.file, one) for one in given))


def text(use: Use, name: str) -> str | None:
    """The string that a parameter gets for certain."""
    given = argument(use.bound, name)
    written = None if given is None else written_text(given.node)
    return one_text(parameter(use, name)) if written is None else written


def texts(use: Use, name: str) -> list[str] | None:
    """The strings of a list that a parameter gets, where it is wholly known."""
    given = argument(use.bound, name)
    written = None if given is None else written_texts(given.node)
    if written is not None:
        return written
    values = parameter(use, name)
    if values is None or len(values) != 1 or not isinstance(values[0], Sequence) or not values[0].complete:
        return None
    found = [one_text(item) for item in values[0].items]
    return None if None in found else [one for one in found if one is not None]


def is_passed(use: Use, name: str) -> bool:
    """Whether a parameter may get something other than None."""
    values = parameter(use, name)
    return values is not None and not all(isinstance(one, Const) and one.value is None for one in values)


def one_text(values: Values | None) -> str | None:
    """The string that the values are for certain."""
    if values is not None and len(values) == 1:
        return values[0].known if isinstance(values[0], Text) else None
    known = {value.known if isinstance(value, Text) else None for value in values or ()}
    return known.pop() if len(known) == 1 else None


def certain(values: Values | None) -> bool:
    """Whether there is nothing unknown among the possibilities."""
    return bool(values) and not any(isinstance(value, Unknown) for value in values or ())


def written(use: Use, name: str) -> ast.expr | None:
    """The expression that stands in the call itself for a parameter."""
    given = argument(use.bound, name)
    call = use.node
    if given is None or given.node is None or not isinstance(call, ast.Call):
        return None
    inside = (*call.args, *(keyword.value for keyword in call.keywords if keyword.arg is not None))
    return given.node if any(given.node is node for node in inside) else None


def keyword_of(use: Use, node: ast.expr) -> str | int | None:
    """How a call names one of its arguments: by keyword, or by position."""
    for keyword in use.node.keywords:
        if keyword.value is node and keyword.arg is not None:
            return str(keyword.arg)
    return use.node.args.index(node) if node in use.node.args else None


def made_by(value: Object, *names: str) -> list[Use]:
    """The call that made an object, as uses, where it is one of these rows of the API.

    Where the call stands in a function that is called in several ways, it is the run that made this object; where that
    is not known there may be several, one for each.
    """
    if value.call is None or not isinstance(value.call.node, ast.Call):
        return []
    file, node = value.call.file, value.call.node
    known = _MADE.get(file)
    if known is None:
        known = _MADE[file] = {}
    uses = known.get(node)
    if uses is None:
        uses = known[node] = Uses(file).of(node)
    if value.frame is not None and (value.frame.arguments is not None or len(uses) > 1):
        key = (node, value.frame)
        if key not in known:
            known[key] = Uses(file).on(node, value.frame)
        uses = known[key]
    return [use for use in uses if use.api.name in names]
