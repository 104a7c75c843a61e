"""What may stand in `secrets=` and `secret=`: the shape of the argument, call by call."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Set, ValuesView
from enum import Enum
from typing import TYPE_CHECKING, TypeVar

from modal_lint_runtime.contract.verdict import (
    ATTRIBUTE,
    INVALID,
    TYPE,
    Sdk,
    Site,
    Verdict,
    When,
    kind_of,
    refuse,
)

if TYPE_CHECKING:
    from collections.abc import Collection

T = TypeVar("T")


class Kind(Enum):
    """What an argument is, as far as `secrets=` cares."""

    SECRET = "a Secret"
    NONE = "None"
    STRING = "a string"
    MAPPING = "a dict"
    LIST = "a list"
    TUPLE = "a tuple"
    SET = "a set"  # a frozenset and the views of a dict too
    ITERATOR = "a generator"  # map, filter and any other iterator too
    OTHER = "something else"


_ORDERED = (Kind.LIST, Kind.TUPLE)
_NOT_ITERABLE = (Kind.SECRET, Kind.OTHER)
_FUNCTIONS = (Site.FUNCTION, Site.SERVER, Site.WITH_OPTIONS)
_IMAGES = (Site.IMAGE_STEP, Site.RUN_FUNCTION)


def secrets_list(
    secrets: object,
    argument: str = "secrets",
    *,
    type_: type[T],
    sdk: Sdk = Sdk.REFERENCE,
    site: Site = Site.SANDBOX,
) -> tuple[T, ...]:
    """The Secrets of a `secrets=` argument, in order (S21 to S27).

    Args:
        secrets: a list or tuple of Secrets; None is none.
        argument: its name, for the message.
        type_: the class of a Secret.
        sdk: whose behaviour.
        site: the call; in the Python SDK they check differently.

    Raises:
        InvalidError: a Secret alone, a string, a dict, a set, a generator (used up or not), an element of another
            type. What the Python SDK raises, and when, is in the error's verdict.
    """
    container = kind_of_value(secrets, type_)
    refuse(secrets_verdict(container, _elements(secrets, container, type_), site, argument, sdk=sdk))
    if isinstance(secrets, (list, tuple)):
        return tuple(element for element in secrets if isinstance(element, type_))
    return ()


def kind_of_value(value: object, type_: type) -> Kind:
    """The kind of a value that is at hand; `type_` is the class of a Secret."""
    kinds: tuple[tuple[type | tuple[type, ...], Kind], ...] = (
        (type_, Kind.SECRET),
        ((str, bytes), Kind.STRING),
        (Mapping, Kind.MAPPING),
        (list, Kind.LIST),
        (tuple, Kind.TUPLE),
        ((Set, ValuesView), Kind.SET),
        (Iterator, Kind.ITERATOR),
    )
    if value is None:
        return Kind.NONE
    return next((kind for types, kind in kinds if isinstance(value, types)), Kind.OTHER)


def _elements(value: object, container: Kind, type_: type) -> list[Kind]:
    if isinstance(value, (list, tuple, Set, ValuesView)):
        return [kind_of_value(element, type_) for element in value]
    if container in (Kind.STRING, Kind.MAPPING):
        return [Kind.STRING] if value else []
    return [Kind.SECRET]  # an iterator is not used up for the sake of a check


def secrets_verdict(
    container: Kind,
    elements: Collection[Kind],
    site: Site,
    argument: str = "secrets",
    *,
    sdk: Sdk = Sdk.PYTHON,
) -> Verdict | None:
    """What an SDK says of a `secrets=` argument of which only the shape is known.

    Args:
        container: what the argument is.
        elements: what its elements are: empty for an empty collection; `STRING` for those of a string or dict.
        site: the call.
        argument: the argument's name.
        sdk: whose behaviour.
    """
    if sdk is Sdk.PYTHON:
        return _python(container, elements, site, argument)
    if sdk in (Sdk.JS, Sdk.GO):
        return _other(container, elements, site, argument, sdk)
    if container is Kind.NONE and site is not Site.APP:
        return None
    if container in _ORDERED and all(element is Kind.SECRET for element in elements):
        return None
    return _verdict(_code(container, site), INVALID, When.CALL, argument, container, elements)


def _python(container: Kind, elements: Collection[Kind], site: Site, argument: str) -> Verdict | None:
    right = container in _ORDERED and all(element is Kind.SECRET for element in elements)
    if right or (site is not Site.APP and _is_empty(container, elements)):
        return None
    if site is Site.APP:  # P app.py:89-93
        raises, when = INVALID, When.CALL
    elif container in _NOT_ITERABLE or (container is Kind.ITERATOR and site is Site.WITH_OPTIONS):
        raises, when = TYPE, When.CALL
    elif container is Kind.ITERATOR and not elements:
        return None
    elif site is Site.IMAGE_STEP:  # P _image.py:725-727
        raises, when = INVALID, When.CALL
    else:  # elements that are no Secret, or that the SDK does not unwrap because of the collection they are in
        raises, when = ATTRIBUTE, When.LOAD if site in (*_FUNCTIONS, Site.RUN_FUNCTION) else When.CALL
    return _verdict(_code(container, site), raises, when, argument, container, elements)


def _is_empty(container: Kind, elements: Collection[Kind]) -> bool:
    return container is Kind.NONE or (not elements and container not in (*_NOT_ITERABLE, Kind.ITERATOR))


def _other(container: Kind, elements: Collection[Kind], site: Site, argument: str, sdk: Sdk) -> Verdict | None:
    if container is Kind.NONE or (container in _ORDERED and all(element is Kind.SECRET for element in elements)):
        return None
    null = container in _ORDERED and set(elements) <= {Kind.SECRET, Kind.NONE}
    if null and not (sdk is Sdk.JS and site in _FUNCTIONS):
        return _verdict(_code(container, site), INVALID, When.CALL, argument, container, elements)
    return _verdict(_code(container, site), "compile error", When.COMPILE, argument, container, elements)


def _code(container: Kind, site: Site) -> str:
    if site is Site.APP:
        return "S21"
    if container in (Kind.ITERATOR, Kind.SET):
        return "S26"
    if site in _FUNCTIONS:
        return "S22" if container is Kind.SECRET else "S23"
    return "S24" if site in _IMAGES else "S25"


def _verdict(code: str, raises: str, when: When, argument: str, container: Kind, elements: Collection[Kind]) -> Verdict:
    wrong = next((element for element in elements if element is not Kind.SECRET), None)
    held = f" with {wrong.value} in it" if container in (*_ORDERED, Kind.SET) and wrong is not None else ""
    text = f"`{argument}` must be a list or tuple of Secrets, got {container.value}{held}"
    return Verdict(code, raises, when, argument, text)


def one_secret(
    secret: object, argument: str = "secret", *, type_: type[T], sdk: Sdk = Sdk.REFERENCE, site: Site = Site.REGISTRY
) -> T | None:
    """The Secret of a `secret=` argument, or None (S32).

    Raises:
        InvalidError: anything else: a name, a list. What the Python SDK raises is in the error's verdict.
    """
    if isinstance(secret, type_):
        return secret
    refuse(secret_verdict(kind_of_value(secret, type_), site, argument, sdk=sdk))
    return None


def secret_verdict(
    kind: Kind, site: Site = Site.REGISTRY, argument: str = "secret", *, sdk: Sdk = Sdk.PYTHON
) -> Verdict | None:
    """What an SDK says of a `secret=` argument of which only the kind is known (S32)."""
    if kind in (Kind.SECRET, Kind.NONE):
        return None
    text = f"`{argument}` of {site.value} must be a Secret, got {kind.value}"
    raises = {Sdk.PYTHON: ATTRIBUTE, Sdk.JS: TYPE, Sdk.GO: "compile error"}.get(sdk, INVALID)
    when = {Sdk.PYTHON: When.LOAD, Sdk.GO: When.COMPILE}.get(sdk, When.CALL)
    return Verdict("S32", raises, when, argument, text)


def environment_of_registry(secrets: object) -> Verdict | None:
    """`Image.from_registry(secrets=)`: taken for the build's environment, the registry is asked without (S32)."""
    if secrets is None:
        return None
    text = f"`secrets` of from_registry is no registry authentication (got {kind_of(secrets)}): use `secret`"
    return Verdict("S32", None, When.NEVER, "secrets", text)
