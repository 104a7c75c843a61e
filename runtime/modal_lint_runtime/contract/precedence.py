"""Which value a container sees when several sources have the key, and which sources apply at all."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from enum import Enum
from typing import TYPE_CHECKING, Generic, TypeVar

from modal_lint_runtime.contract.verdict import (
    INVALID,
    Sdk,
    Site,
    Verdict,
    When,
    collection_argument,
    kind_of,
    refuse,
)

if TYPE_CHECKING:
    from collections.abc import Collection, Iterable

T = TypeVar("T")
_SPLIT_UNTIL = {Sdk.PYTHON: (1, 6, 2), Sdk.JS: (0, 11), Sdk.GO: (0, 11)}
_ALWAYS_ORDERED = (Site.APP, Site.FUNCTION, Site.SERVER, Site.WITH_OPTIONS, Site.IMAGE_STEP, Site.SANDBOX_V1)


class Order(Enum):
    """How the sources of a sandbox's variables are laid over each other (S30)."""

    ORDERED = "ordered"
    """In the order of the list, `env` last: Python from 1.6.2, JavaScript from 0.11, and everywhere by id."""
    SPLIT = "split"
    """Named Secrets first, whatever was made of a dict after them, then `env`: older sandboxes and exec."""


class Persistence(str, Enum):
    """Where a value ends up."""

    SECRET = "SEC"
    """A Secret object, referred to by id; no call gives values back."""
    INLINE = "INL"
    """Sent with the call and not kept."""
    IMAGE = "IMG"
    """The image's definition or layer: in the cache and in every derived image."""
    DEFINITION = "DEF"
    """The definition of a Function, Sandbox or App, in clear."""
    INPUT = "INP"
    """The input or output of a Function."""
    FILE = "FILE"
    """A file that is shipped."""
    LOCAL = "LOC"
    """The local process alone."""


class Options(Generic[T]):
    """The arguments of one `with_options` call that concern variables; `env` as the Secret that is made of it."""

    __slots__ = ("env", "secrets")

    def __init__(self, secrets: Sequence[T] = (), env: T | None = None) -> None:
        self.secrets = secrets
        self.env = env


def order_of(sdk: Sdk = Sdk.REFERENCE, version: tuple[int, ...] | None = None, site: Site = Site.SANDBOX) -> Order:
    """How the sources are ordered in this SDK (S30).

    Args:
        sdk: which; this runtime orders as the current ones do.
        version: its version, `(1, 6, 1)`; None is the current one. Of Go, 0.9 is the newest known: split.
        site: the call. Functions, images and V1 sandboxes have always been ordered.
    """
    if site in _ALWAYS_ORDERED or sdk is Sdk.REFERENCE or (version is None and sdk is not Sdk.GO):
        return Order.ORDERED
    return Order.SPLIT if (version or (0, 9)) < _SPLIT_UNTIL[sdk] else Order.ORDERED


def layers(named: Sequence[bool], order: Order = Order.ORDERED) -> tuple[int, ...]:
    """The positions of sources, weakest first.

    Args:
        named: for each source whether it is a named Secret, rather than made of a dict.
        order: how they are laid over each other.
    """
    collection_argument(named, "named", "S30")
    flags = list(named)
    positions = range(len(flags))
    return tuple(positions if order is Order.ORDERED else sorted(positions, key=lambda position: not flags[position]))


def merge(
    sources: Iterable[Mapping[str, str]],
    env: Mapping[str, str] | None = None,
    *,
    order: Order = Order.ORDERED,
    named: Sequence[bool] | None = None,
) -> dict[str, str]:
    """The variables that a container sees: later sources win, `env` wins over all (S30).

    Args:
        sources: the contents of the Secrets, in the order of `secrets=`; those of an App come first.
        env: the variables of `env=`.
        order: how the sources are laid over each other.
        named: for `Order.SPLIT`, for each source whether it is a named Secret.

    Raises:
        InvalidError: a source that is no mapping, or `named` of another length than `sources`.
    """
    collection_argument(sources, "sources", "S30")
    given = [_mapping(source, "sources") for source in sources]
    flags = [True] * len(given) if named is None else list(named)
    if len(flags) != len(given):
        text = f"`named` must say of each of the {len(given)} sources whether it is named, it has {len(flags)}"
        refuse(Verdict("S30", INVALID, When.CALL, "named", text))
    merged: dict[str, str] = {}
    for position in layers(flags, order):
        merged.update(given[position])
    merged.update(_mapping({} if env is None else env, "env"))
    return merged


def _mapping(source: Mapping[str, str], argument: str) -> Mapping[str, str]:
    if not isinstance(source, Mapping):
        text = f"`{argument}` must hold mappings of strings, got {kind_of(source)}"
        raise Verdict("S30", INVALID, When.CALL, argument, text).error()
    return source


def shadowed(keys: Sequence[Collection[str]]) -> dict[str, tuple[int, ...]]:
    """The keys that more than one source has, each with the positions of its sources; the last one wins (S30).

    Args:
        keys: the keys of each source, weakest first, `env` last.
    """
    collection_argument(keys, "keys", "S30")
    found: dict[str, list[int]] = {}
    for position, source in enumerate(keys):
        collection_argument(source, "keys", "S30")
        for key in source:
            found.setdefault(key, []).append(position)
    return {key: tuple(positions) for key, positions in found.items() if len(positions) > 1}


def with_options(base: Sequence[T], *overrides: Options[T] | Sequence[T], sdk: Sdk = Sdk.REFERENCE) -> tuple[T, ...]:
    """The sources of a Function's variables after `with_options` calls (S20).

    Args:
        base: those of the App and the decorator.
        overrides: the calls, in order; a plain sequence is one call's `secrets=`.
        sdk: whose behaviour. In Python each call that gives anything replaces all before it, so that
            `secrets=[a]` and then `env=` loses `a`; in JavaScript and Go each argument replaces itself alone.

    A call that gives nothing, an empty list included, changes nothing: one cannot clear.
    """
    collection_argument(base, "base", "S20")
    for call in overrides:
        collection_argument(call.secrets if isinstance(call, Options) else call, "overrides", "S20")
    calls = [call if isinstance(call, Options) else Options(call) for call in overrides]
    if sdk in (Sdk.JS, Sdk.GO):
        return _folded(calls) or tuple(base)
    given = [(*call.secrets, *(() if call.env is None else (call.env,))) for call in calls]
    return next((sources for sources in reversed(given) if sources), tuple(base))


def _folded(calls: Sequence[Options[T]]) -> tuple[T, ...]:
    secrets = next((tuple(call.secrets) for call in reversed(calls) if call.secrets), ())
    env = next((call.env for call in reversed(calls) if call.env is not None), None)
    return secrets if env is None else (*secrets, env)


class Backend(Enum):
    """What runs a sandbox of the Python SDK."""

    V1 = "v1"
    V2 = "v2"
    PERSISTENT = "persistent"


def sandbox_backend(
    *,
    gpu: object = None,
    network_file_systems: object = None,
    pty: object = None,
    persistent: bool = False,
    sandbox_v2: bool = True,
) -> Backend:
    """Which backend creates a sandbox with these arguments (P sandbox/_sandbox.py:72-80).

    Args:
        gpu, network_file_systems, pty: the arguments of the call; any of them needs V1.
        persistent: `_experimental_persistent=`.
        sandbox_v2: the setting of that name, `MODAL_SANDBOX_V2`; on since 1.6.0.
    """
    if persistent:
        return Backend.PERSISTENT
    if gpu is not None or network_file_systems or pty is not None or not sandbox_v2:
        return Backend.V1
    return Backend.V2


def persistence(site: Site, *, named: bool) -> Persistence:
    """Where the values given to a call end up (semantics, section 1).

    Args:
        site: the call.
        named: whether they are in a named Secret, rather than in `env=` or a Secret made of a dict.
    """
    if site is Site.IMAGE_ENV:
        return Persistence.IMAGE
    if not named and site in (Site.SANDBOX, Site.EXEC, Site.SIDECAR):
        return Persistence.INLINE
    return Persistence.SECRET
