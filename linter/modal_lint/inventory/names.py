"""Which named Secrets a call or an object of Modal's means, and in which environment."""

from __future__ import annotations

import re
from functools import lru_cache
from typing import TYPE_CHECKING, NamedTuple

from modal_lint.environments import asking
from modal_lint.inventory.model import DEFAULT_ENVIRONMENT, UNKNOWN_ENVIRONMENT, Environment, Location
from modal_lint.modal_api import Sink
from modal_lint.model import Confidence
from modal_lint.values import Const, Mapping, Object, Sequence, Text, Value, Values

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    from modal_lint.uses import Use

LOOKUPS = ("modal.Secret.from_name", "modal.Secret.lookup", "modal_lint_runtime.Secrets.from_name")
"""What looks a Secret up by its name."""

ANONYMOUS = (
    "modal.Secret.from_dict",
    "modal.Secret.from_dotenv",
    "modal.Secret.from_local_environ",
    "modal_lint_runtime.Secrets.from_object",
)
"""What makes a Secret without a name."""

_HYDRATE = "modal.Secret.hydrate"
_SECRETS = frozenset(("modal.Secret", "modal_lint_runtime.Secret"))
_CLIENTS = ("modal_lint_runtime.ModalClient", "modal_lint_runtime.AsyncModalClient")
_MAX_LENGTH = 200
_BETWEEN = re.compile(r"[^A-Za-z0-9]+")
_OPAQUE = 20  # characters of a word that may be a value
_SHORTEST = 12  # characters of a credential
_MOST_SIGNS = 20  # in a name


class Meant(NamedTuple):
    """One Secret that is meant: its name, None where that is not known, and what its look-up says, if there is one."""

    name: str | None
    environment: Environment = UNKNOWN_ENVIRONMENT
    lookup: Location | None = None
    keys: tuple[str, ...] = ()


UNKNOWN = Meant(None)


def location(use: Use) -> Location:
    """Where a call stands."""
    return Location(use.file.path, *use.file.placed(use.node))


def given_to(use: Use) -> Iterator[tuple[Sink, Meant]]:
    """The Secrets that a call gets, each with the kind of its parameter; those without a name are left out."""
    for given in use.given(Sink.SECRETS, Sink.SECRET_REF):
        sink = given.param.sink
        assert sink is not None
        for one in _listed(asking.asked(use.file, given.argument)):
            yield sink, one


def _listed(values: Values) -> Iterator[Meant]:
    """The Secrets of ``secrets=[…]`` or ``secret=…``."""
    for value in values:
        if isinstance(value, Const) and value.value is None:
            continue
        if isinstance(value, Sequence):
            for item in value.items:
                yield from _listed(item)
            if not value.complete:
                yield UNKNOWN
        elif isinstance(value, Object) and value.type in _SECRETS:
            yield from of_object(value)
        elif not isinstance(value, (Mapping, Text)):  # rules about mistakes tell of those
            yield UNKNOWN


def of_object(value: Object) -> Iterator[Meant]:
    """The Secrets that an object may be; nothing where it has no name."""
    while value.previous is not None and asking.made_by(value, _HYDRATE):
        value = value.previous
    lookups = asking.made_by(value, *LOOKUPS)
    for use in lookups:
        yield from looked_up(use)
    if not lookups and not asking.made_by(value, *ANONYMOUS):
        yield UNKNOWN


def looked_up(use: Use) -> Iterator[Meant]:
    """The Secrets that a call which names one may mean."""
    where = environments(use)
    at, keys = location(use), keys_in(use, "required_keys")
    for name in _names(use):
        for environment in where:
            yield Meant(name, environment, at, keys)


def _names(use: Use) -> list[str | None]:
    for parameter in ("name", "deployment_name"):
        values = asking.parameter(use, parameter)
        if values is not None:
            return list(dict.fromkeys(_plain_text(value) for value in values))
    return [None]


def _plain_text(value: Value) -> str | None:
    known = value.known if isinstance(value, Text) else None
    return None if known is None else plain(known)


@lru_cache(maxsize=4096)
def plain(text: str) -> str | None:
    """A name as it may be shown; None for what may hold a credential, pasted in the place of a name."""
    if not 0 < len(text) <= _MAX_LENGTH or not text.isprintable():
        return None
    words = [word for word in _BETWEEN.split(text) if len(word) >= _OPAQUE]
    return None if any(map(_has_shape, _stretches(text))) or any(map(_is_opaque, words)) else text


def _stretches(text: str) -> Iterator[str]:
    """The text, and what stands in it between two signs: a credential may have something before and behind it."""
    yield text
    if max(map(len, _BETWEEN.split(text))) < _SHORTEST:
        return  # all of it is short words
    between = list(_BETWEEN.finditer(text))[:_MOST_SIGNS]
    begins = [0, *(sign.end() for sign in between)]
    ends = [*(sign.start() for sign in between), len(text)]
    yield from (text[begin:end] for begin in begins for end in ends if end - begin >= _SHORTEST)


def _has_shape(text: str) -> bool:
    from modal_lint import credentials

    found = credentials.classify(None, text)
    return credentials.has_shape(text) or (found is not None and found.confidence is not Confidence.LOW)


def _is_opaque(word: str) -> bool:
    """Whether one long word with digits would pass for a credential, given to a key that names one."""
    from modal_lint import credentials

    return any(map(str.isdigit, word)) and credentials.classify("API_TOKEN", word) is not None


def environments(use: Use) -> list[Environment]:
    """The environments that a call may mean."""
    for parameter in ("environment_name", "environment"):
        values = asking.parameter(use, parameter)
        if values is not None:
            return list(dict.fromkeys(map(_environment, values)))
    if use.bound.open:
        return [UNKNOWN_ENVIRONMENT]
    return _of_client(use) if use.api.name.startswith("modal_lint_runtime.Secrets.") else [DEFAULT_ENVIRONMENT]


def _environment(value: Value) -> Environment:
    if isinstance(value, Const) and value.value is None:
        return DEFAULT_ENVIRONMENT
    name = _plain_text(value)
    return UNKNOWN_ENVIRONMENT if name is None else Environment(name)


def _of_client(use: Use) -> list[Environment]:
    """The environment of the reference client that a group of calls belongs to."""
    client = use.owner.previous if use.owner is not None else None
    made = asking.made_by(client, *_CLIENTS) if client is not None else []
    return list(dict.fromkeys(one for each in made for one in environments(each))) or [UNKNOWN_ENVIRONMENT]


def text_of(use: Use, parameter: str) -> str | None:
    """The text that a parameter gets for certain, where it may be shown."""
    known = asking.text(use, parameter)
    return None if known is None else plain(known)


def keys_in(use: Use, parameter: str) -> tuple[str, ...]:
    """The names of variables in a list, as far as they are known."""
    values = asking.parameter(use, parameter) or ()
    items = [item for value in values if isinstance(value, Sequence) for item in value.items]
    return variables(value for item in items for value in item)


def variables(values: Iterable[Value]) -> tuple[str, ...]:
    """Those of some values that are names of variables, sorted."""
    found = {_plain_text(value) for value in values}
    return tuple(sorted(key for key in found if key is not None and is_variable(key)))


def is_variable(text: str) -> bool:
    """Whether a text can be a key of a Secret, and may be shown (S5)."""
    return text.isidentifier() and text.isascii() and plain(text) is not None
