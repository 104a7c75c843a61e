"""Keys of Secrets: what may be one, which are Modal's own, and lists of them."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from string import ascii_letters, digits
from typing import TYPE_CHECKING

from modal_lint_runtime.contract.limits import RESERVED_KEYS
from modal_lint_runtime.contract.verdict import (
    CONFLICT,
    INVALID,
    NOT_FOUND,
    TYPE,
    Sdk,
    Verdict,
    When,
    collection_argument,
    kind_of,
    refuse,
)
from modal_lint_runtime.errors import MissingKeysError

if TYPE_CHECKING:
    from collections.abc import Container

_FIRST = frozenset(ascii_letters + "_")
_REST = _FIRST | frozenset(digits)
_KEY_LISTS = (list, tuple, set, frozenset, Mapping)


def is_key(key: str) -> bool:
    """Whether `key` can name an environment variable in a Secret (S5, S6): letters, digits, `_`, no digit first.

    Strict about a line end after the key, as the JavaScript and Go SDKs are.
    """
    return isinstance(key, str) and bool(key) and key[0] in _FIRST and _REST.issuperset(key)


def passes_python(key: str) -> bool:
    """Whether the Python SDK's own check accepts `key`: as `is_key`, and a line end after it too (S7).

    P sandbox/_common.py:115-126; only `Sandbox.create(env=)` on the V2 backend and sidecars check keys at all.
    """
    return isinstance(key, str) and is_key(key.removesuffix("\n"))


def reserved_keys(keys: Iterable[str]) -> tuple[str, ...]:
    """Those of `keys` that Modal sets itself, so that a value given for them has no effect (S9)."""
    collection_argument(keys, "keys", "S9")
    return tuple(key for key in keys if isinstance(key, str) and key in RESERVED_KEYS)


def required_keys(keys: object, argument: str = "required_keys", *, sdk: Sdk = Sdk.REFERENCE) -> tuple[str, ...]:
    """The keys that a caller requires of a Secret, each once, in the order given; sorted if they are a set.

    Args:
        keys: a list, tuple, set or mapping of strings; None is none.
        argument: the argument's name, for the message.
        sdk: whose behaviour. The Python SDK takes a string letter by letter, and then misses every letter (S19a).

    Raises:
        InvalidError: a string, something that is no collection, or a key that is not a string.
    """
    if keys is None or (keys == "" and sdk is Sdk.PYTHON):
        return ()
    if not isinstance(keys, _KEY_LISTS):
        raise _not_a_list(keys, argument, sdk).error()
    for key in keys:
        if not isinstance(key, str):
            text = f"`{argument}` must hold strings, got {kind_of(key)}"
            raises, when = (INVALID, When.CALL) if sdk is Sdk.REFERENCE else (TYPE, When.LOAD)
            refuse(Verdict("S19a", raises, when, argument, text))
    ordered = sorted(keys) if isinstance(keys, (set, frozenset)) else keys
    return tuple(dict.fromkeys(ordered))


def _not_a_list(keys: object, argument: str, sdk: Sdk) -> Verdict:
    if isinstance(keys, str):
        text = f"`{argument}` must be a list of strings: a string alone is taken letter by letter"
        raises, when = (INVALID, When.CALL) if sdk is Sdk.REFERENCE else (CONFLICT, When.LOAD)
        return Verdict("S19a", raises, when, argument, text)
    text = f"`{argument}` must be a list of strings, got {kind_of(keys)}"
    if sdk is Sdk.REFERENCE:
        return Verdict("S19a", INVALID, When.CALL, argument, text)
    return Verdict("S19a", TYPE, When.LOAD, argument, text)


def local_environ_keys(keys: object, argument: str = "env_keys", *, sdk: Sdk = Sdk.REFERENCE) -> tuple[str, ...]:
    """The names of local variables for `Secret.from_local_environ` (S11, S12, P secret.py:342-365).

    Raises:
        InvalidError: a string, which is taken letter by letter, an element that is not a string, or no collection
            at all (a TypeError in the Python SDK).
    """
    if isinstance(keys, str):
        text = f"`{argument}` must be a list of strings: a string alone is taken letter by letter"
        refuse(Verdict("S12", INVALID, When.CALL, argument, text))
    raises = INVALID if sdk is Sdk.REFERENCE else TYPE
    if not isinstance(keys, _KEY_LISTS):
        text = f"`{argument}` must be a list of strings, got {kind_of(keys)}"
        raise Verdict("S12", raises, When.CALL, argument, text).error()
    for key in keys:
        if not isinstance(key, str):
            text = f"`{argument}` must hold strings, got {kind_of(key)}"
            refuse(Verdict("S12", raises, When.CALL, argument, text))
    return tuple(keys)


def local_environ_arguments(count: int) -> None:
    """Check how many positional arguments `Secret.from_local_environ` gets: one list of keys (S12).

    Raises:
        InvalidError: more than one; a TypeError in the Python SDK.
    """
    if count > 1:
        text = f"`env_keys` must be one list of strings, got {count} arguments"
        refuse(Verdict("S12", TYPE, When.CALL, "env_keys", text))


def missing_keys(required: Iterable[str], present: Container[str]) -> tuple[str, ...]:
    """Those of `required` that are not in `present`, in order."""
    collection_argument(required, "required", "S18")
    collection_argument(present, "present", "S18")
    return tuple(key for key in required if key not in present)


def require(
    required: Iterable[str], present: Container[str], secret_name: str | None = None, *, sdk: Sdk = Sdk.REFERENCE
) -> None:
    """Check that a Secret has the keys that a lookup requires (S18).

    Raises:
        MissingKeysError: a `NotFoundError`, as documented. Its verdict names what the SDK has: the Python SDK a
            `ConflictError` when the Secret is loaded, JavaScript a `NotFoundError`, Go a bare gRPC status.
    """
    missing = missing_keys(required, present)
    if not missing:
        return
    error = MissingKeysError(missing, secret_name)
    raises = {Sdk.PYTHON: CONFLICT, Sdk.GO: "gRPC FAILED_PRECONDITION"}.get(sdk, NOT_FOUND)
    when = When.LOAD if sdk is Sdk.PYTHON else When.CALL
    error.verdict = Verdict("S18", raises, when, "required_keys", str(error), missing[0])
    raise error
