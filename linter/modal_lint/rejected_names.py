"""Names of Secrets and lists of keys that Modal refuses."""

from __future__ import annotations

import ast
from functools import lru_cache
from typing import TYPE_CHECKING, Any

from modal_lint.lazy import contract
from modal_lint.modal_api import Sink
from modal_lint.nodes import written_text, written_texts
from modal_lint.rejected import Problem
from modal_lint.rejected_calls import argument_node, asked, has_holes, origin_of, refused, sdk_of
from modal_lint.values import Const, Sequence, Text, with_steps

if TYPE_CHECKING:
    from collections.abc import Iterator

    from modal_lint_runtime.contract import Sdk, Verdict

    from modal_lint.source import File
    from modal_lint.uses import Given, Use

LOOKUPS = frozenset(("modal.Secret.from_name", "modal_lint_runtime.Secrets.from_name"))
SEVERAL = "*env_keys"
"""Stands for the arguments that a call has besides its one list."""
_NAMES = {
    **dict.fromkeys(LOOKUPS, "name"),
    "modal.Secret.objects.create": "name",
    "modal.Secret._create_deployed": "deployment_name",
    "modal_lint_runtime.Secrets.create": "name",
}
_LOCAL = "modal.Secret.from_local_environ"
_FILLERS = ("-", "--")  # for what is not known of a name; no App's id has a second dash


def of_secrets(file: File) -> Iterator[Problem]:
    """The names of Secrets that none can have."""
    ev = file.project.evaluator
    for use in file.given_uses:
        parameter = _NAMES.get(use.api.name)
        given = use.bound.named.get(parameter, ()) if parameter is not None else ()
        for argument in given if len(given) == 1 else ():
            written = written_text(argument.node)
            if written is not None and _name(use, written) is None:
                continue
            values = asked(ev, argument)
            verdict = refused(values, lambda value, use=use: _name(use, value))  # type: ignore[misc]
            if verdict is not None and all(_is_judged(use, value) for value in values):
                node = argument_node(use, parameter or "")
                first = values[0]
                key = first.known if isinstance(first, Text) else None
                yield Problem(use, verdict, verdict.argument, values, origin_of(first), node, key, first.steps)


def _is_judged(use: Use, value: object) -> bool:
    """Whether a name is wrong whatever is in its unknown stretches."""
    if not isinstance(value, Text) or not has_holes(value):
        return True
    known = [part.text for part in value.parts if hasattr(part, "text")]
    return all(_name(use, filler.join(["", *known, ""])) is not None for filler in _FILLERS)


def _name(use: Use, name: Any) -> Verdict | None:
    api, sdk = use.api.name, sdk_of(use)
    return _text_name(name, api, sdk) if isinstance(name, str) else _any_name(name, api, sdk)


def _any_name(name: Any, api: str, sdk: Sdk) -> Verdict | None:
    if api not in LOOKUPS:
        return contract.verdict_of(contract.object_name, name, sdk=sdk)
    return contract.verdict_of(contract.lookup_name, name, sdk=sdk) or contract.verdict_of(contract.findable_name, name)


@lru_cache(maxsize=256)
def _text_name(name: str, api: str, sdk: Sdk) -> Verdict | None:
    return _any_name(name, api, sdk)


def of_keys(file: File) -> Iterator[Problem]:
    """``required_keys=`` and the keys of ``from_local_environ`` that are no list of strings."""
    for use, given in file.given(Sink.KEYS):
        if use.api.name == _LOCAL and use.bound.extra and not use.bound.open:  # the first argument is given, too
            yield from _several(use)
        else:
            yield from _of_argument(use, given)


def _several(use: Use) -> Iterator[Problem]:
    starred = isinstance(use.node, ast.Call) and any(isinstance(arg, ast.Starred) for arg in use.node.args)
    count = 1 + len(use.bound.extra)
    verdict = contract.verdict_of(contract.local_environ_arguments, count)
    if verdict is not None and not starred:
        yield Problem(use, verdict, SEVERAL, (), None, None, None)


def _of_argument(use: Use, given: Given) -> Iterator[Problem]:
    if written_texts(given.argument.node) is not None:
        return
    values = asked(use.file.project.evaluator, given.argument)
    if all(isinstance(value, Text) and len(value.known or "..") < 2 for value in values):
        return  # one letter by itself is a list of one, as it happens
    alone = not any(isinstance(value, Sequence) for value in values)
    verdict = refused(values, lambda value: _keys(use, value)) if alone else None
    if verdict is not None:
        first = values[0]
        node = argument_node(use, given.param.name)
        yield Problem(use, verdict, given.name, values, origin_of(first), node, None, first.steps)
        return
    listed = values[0] if len(values) == 1 else None
    for item in listed.items if isinstance(listed, Sequence) and listed.complete else ():
        constant = all(isinstance(one, Const) for one in item)
        wrong = refused(item, lambda value: _keys(use, [value])) if constant else None
        if wrong is not None:
            value = with_steps(item[0], listed.steps) if listed is not None else item[0]
            node = argument_node(use, given.param.name)
            yield Problem(use, wrong, given.name, (value,), origin_of(value), node, None, value.steps)


def _keys(use: Use, keys: Any) -> Verdict | None:
    check = contract.local_environ_keys if use.api.name == _LOCAL else contract.required_keys
    return contract.verdict_of(check, keys, sdk=sdk_of(use))
