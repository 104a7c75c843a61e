"""The cases of `docs/precedence.md`: what is given to a call, in which order, and what its process should see.

Every source gives a value, its own label, to one key for each other source and to one key that all have. What a
process sees then tells which of any two sources wins.
"""

from __future__ import annotations

import itertools
from typing import TYPE_CHECKING, NamedTuple

from modal_lint_runtime import contract

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

PREFIX = "P_"
NAMED = ("named A", "named B", "app", "function")
"""The labels of Secrets that are looked up by name."""

LABELS = ("image", "sandbox", *NAMED, "dict A", "dict B", "env")
ENV = "env"

_SECRETS = (
    ("named A",),
    ("dict A",),
    ("named A", "named B"),
    ("named B", "named A"),
    ("named A", "dict A"),
    ("dict A", "named A"),
    ("dict A", "dict B"),
    ("dict B", "dict A"),
    ("named A", "dict A", "named B"),
    ("dict A", "named A", "dict B"),
    ("named A", "named B", "named A"),
)
CHAINED = "chained"
"""The target of two calls of `with_options`, the first with the Secrets and the second with `env`."""

BASE: dict[str, tuple[str, ...]] = {
    "create": ("image",),
    "exec": ("image", "sandbox"),
    "build": ("image",),
    "function": ("image", "app"),
    "options": ("image",),
    CHAINED: ("image",),
}
"""What each target has below the sources of the call, weakest first."""

ON_BACKENDS = ("create", "exec")
"""The targets that have a V1 and a V2."""


class Case(NamedTuple):
    """What is given to one call: the labels of its Secrets, in order, and whether it has `env` too."""

    target: str
    secrets: tuple[str, ...]
    env: bool

    @property
    def id(self) -> str:
        """The case in words."""
        return f"{self.target}: {', '.join((*self.secrets, *((ENV,) if self.env else ())))}"

    def plain(self) -> dict[str, object]:
        """The case as JSON's types."""
        return {"id": self.id, "target": self.target, "secrets": list(self.secrets), "env": self.env}


def cases(target: str) -> list[Case]:
    """All cases of a target."""
    if target == CHAINED:
        return [Case(target, secrets, True) for secrets in _SECRETS]
    given = [((), True), *itertools.product(_SECRETS, (False, True))]
    return [Case(target, secrets, env) for secrets, env in given]


def contents() -> dict[str, dict[str, str]]:
    """The entries of every source by its label."""
    keys = {frozenset(pair): PREFIX + "_".join(pair).replace(" ", "_") for pair in itertools.combinations(LABELS, 2)}
    return {
        label: {key: label for pair, key in keys.items() if label in pair} | {PREFIX + "ALL": label} for label in LABELS
    }


def layers(case: Case, sdk: contract.Sdk = contract.Sdk.REFERENCE) -> tuple[str, ...]:
    """The labels of all sources that should count, weakest first."""
    env = (ENV,) if case.env else ()
    own: tuple[str, ...] = (*case.secrets, *env)
    if case.target == "options":
        own = contract.with_options(("app", "function"), contract.Options(case.secrets, *env), sdk=sdk)
    elif case.target == CHAINED:
        calls = (contract.Options(case.secrets), contract.Options((), ENV))
        own = contract.with_options(("app", "function"), *calls, sdk=sdk)
    return (*BASE[case.target], *own)


def expected(case: Case, sdk: contract.Sdk = contract.Sdk.REFERENCE) -> dict[str, str]:
    """What the process should see, by the contract."""
    return merged(layers(case, sdk))


def merged(labels: Iterable[str]) -> dict[str, str]:
    """What sources make together, weakest first, by the contract's rule."""
    *sources, last = [contents()[label] for label in labels]
    return contract.merge(sources, last)


def seen(environment: Mapping[str, str]) -> dict[str, str]:
    """The variables of an environment that come from the cases."""
    return {key: value for key, value in environment.items() if key.startswith(PREFIX)}


def order(observed: Mapping[str, str]) -> str:
    """The sources that a process saw, strongest first.

    Raises ValueError when no order explains all of it.
    """
    labels = sorted(set(observed.values()), key=lambda label: list(observed.values()).count(label))
    if not labels or merged(labels) != dict(observed):
        raise ValueError(f"no order of {labels} explains what was seen: {dict(observed)}")
    return " › ".join(reversed(labels))
