"""Which keys a Secret is known to have, from the call that makes it."""

from __future__ import annotations

import ast
from typing import TYPE_CHECKING, NamedTuple

from modal_lint import library
from modal_lint.modal_api import Sink
from modal_lint.rejected_calls import asked, is_reference
from modal_lint.values import EnvRead, Mapping, Object, Sequence, Text, Value, Values, known_texts

if TYPE_CHECKING:
    from modal_lint.uses import Use

SECRET_TYPES = frozenset(("modal.Secret", "modal_lint_runtime.Secret"))
_DICT_MAKERS = frozenset(("modal.Secret.from_dict", "modal_lint_runtime.Secrets.from_object"))
_LOCAL = "modal.Secret.from_local_environ"
_UNNAMED = _DICT_MAKERS | {_LOCAL, "modal.Secret.from_dotenv"}
_NAMED = frozenset(("modal.Secret.from_name", "modal_lint_runtime.Secrets.from_name"))


class Keys(NamedTuple):
    """The keys that a Secret is known to have; ``complete`` says that it has no others."""

    names: frozenset[str]
    complete: bool


def keys_of(secret: Value) -> Keys | None:
    """The keys of a Secret, where something is known of them on every run that makes it."""
    found = [_keys(use) for use in _makers(secret)]
    return found[0] if found and all(keys == found[0] for keys in found) else None


def is_ephemeral(secret: Value) -> bool:
    """Whether a Secret is made of a dict, a file or local variables, and has no name."""
    makers = _makers(secret)
    return bool(makers) and all(use.api.name in _UNNAMED for use in makers)


def _makers(secret: Value) -> list[Use]:
    if not isinstance(secret, Object) or secret.type not in SECRET_TYPES or secret.call is None:
        return []
    return [use for use in secret.call.file.uses if use.node is secret.call.node]


def _keys(use: Use) -> Keys | None:
    name = use.api.name
    if name in _DICT_MAKERS:
        return _keys_of_mapping(use)
    if name == _LOCAL or name in _NAMED:
        listed = _listed(use, "env_keys" if name == _LOCAL else "required_keys")
        if listed is None or name == _LOCAL:
            return None if listed is None else Keys(listed, True)
        known = _configured(use)
        return Keys(listed, False) if known is None else Keys(known | listed, True)
    return None


def _keys_of_mapping(use: Use) -> Keys | None:
    for given in use.given(Sink.SECRET):
        values = asked(use.file.project.evaluator, given.argument)
        mapping = values[0] if len(values) == 1 else None
        if not isinstance(mapping, Mapping) or not mapping.complete:
            return None
        names = [entry.key.known if isinstance(entry.key, Text) else None for entry in mapping.entries]
        sure = all(not entry.maybe and not _may_be_dropped(entry.value) for entry in mapping.entries)
        return Keys(frozenset(name for name in names if name), True) if sure and None not in names else None
    return None


def _may_be_dropped(values: Values) -> bool:
    """Whether an entry may be None, and so not there: a variable that is asked for by ``get`` may be."""
    read = (isinstance(value, EnvRead) and isinstance(value.place.node, ast.Subscript) for value in values)
    return not all(isinstance(value, Text) or sure for value, sure in zip(values, read, strict=True))


def _listed(use: Use, parameter: str) -> frozenset[str] | None:
    given = use.bound.named.get(parameter)
    if given is None:
        return None if use.bound.open else frozenset()
    ev = use.file.project.evaluator
    values = asked(ev, given[0])
    items = library.elements(ev, values) if len(values) == 1 and isinstance(values[0], Sequence) else None
    if items is None or not all(len(list(known_texts(item))) == 1 == len(item) for item in items):
        return None
    return frozenset(text for item in items for text in known_texts(item))


def _configured(use: Use) -> frozenset[str] | None:
    """The keys that the configuration gives the Secret of this name."""
    given = use.bound.named.get("name")
    names = list(known_texts(asked(use.file.project.evaluator, given[0]))) if given else []
    found = use.file.project.known_secrets.get(names[0]) if len(names) == 1 and not is_reference(use) else None
    return None if found is None else frozenset(found)
