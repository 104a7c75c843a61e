"""What stands between a project and its deployment: its inventory compared with what a workspace holds.

Only names of Secrets and names of keys are compared. No value is read, here or there.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from enum import Enum
from typing import TYPE_CHECKING, Protocol

from modal_lint.model import Severity

if TYPE_CHECKING:
    from collections.abc import Iterator

    from modal_lint.inventory.model import Environment, Inventory, Location, Secret, User


class NoEnvironmentError(Exception):
    """The workspace has no environment of this name."""


class Workspace(Protocol):
    """Where Secrets are. An environment of None is the workspace's default one."""

    def names(self, environment: str | None) -> frozenset[str]:
        """The names of all Secrets of an environment. Raises NoEnvironmentError."""

    def missing(self, name: str, keys: tuple[str, ...], environment: str | None) -> tuple[str, ...]:
        """Those of some keys that a Secret lacks."""


class Kind(str, Enum):
    """What is wrong."""

    NO_ENVIRONMENT = "missing-environment"
    NO_SECRET = "missing-secret"
    NO_KEY = "missing-key"


@dataclass(frozen=True, slots=True)
class Problem:
    """Something that the workspace lacks.

    ``keys`` are those of the Secret that is missing, or those that it lacks. ``locations`` say what asks for it, and
    ``users`` what would do without. A warning is what the code creates by itself, and a key that it only reads.
    """

    kind: Kind
    severity: Severity
    secret: str
    environment: str | None
    keys: tuple[str, ...] = ()
    locations: tuple[Location, ...] = ()
    users: tuple[User, ...] = ()


@dataclass(frozen=True, slots=True)
class Result:
    """What a comparison found.

    ``compared`` counts pairs of a Secret and an environment. ``unused`` are Secrets of the environment that was asked
    for which the project does not name; ``unknown`` those that it looks up where nobody knows, which were not compared.
    """

    problems: tuple[Problem, ...] = ()
    unused: tuple[str, ...] = ()
    unknown: tuple[str, ...] = ()
    compared: int = 0


@dataclass(frozen=True, slots=True)
class _Wanted:
    """One Secret in one environment."""

    secret: Secret
    environment: str | None
    meant: frozenset[Environment] = field(default_factory=frozenset)  # how the code calls the environment

    def keys(self, *, required: bool) -> tuple[str, ...]:
        return tuple(
            key.name
            for key in self.secret.keys
            if key.required is required and not self.meant.isdisjoint(key.environments)
        )

    def locations(self, keys: tuple[str, ...] | None = None) -> tuple[Location, ...]:
        """Where it is looked up, or what asks for some of its keys."""
        if keys is None:
            return tuple(dict.fromkeys(one.location for one in self.secret.references if one.environment in self.meant))
        found = (place for key in self.secret.keys if key.name in keys for place in key.locations)
        return tuple(sorted(set(found)))

    @property
    def users(self) -> tuple[User, ...]:
        return tuple(dict.fromkeys(one.user for one in self.secret.attachments if one.environment in self.meant))

    @property
    def is_created(self) -> bool:
        """Whether the code itself creates it."""
        return any(one.environment in self.meant for one in self.secret.creations)


def compared(inventory: Inventory, workspace: Workspace, environment: str | None) -> Result:
    """Compare what a project needs with what a workspace holds.

    Args:
        inventory: of the project.
        workspace: to ask.
        environment: the one to deploy to, where Secrets are looked up that the code names no environment for.

    Raises:
        NoEnvironmentError: there is no such environment.
    """
    held = {environment: workspace.names(environment)}
    problems: list[Problem] = []
    wanted = [one for secret in inventory.secrets for one in _wanted(secret, environment)]
    for one in wanted:
        if one.environment not in held:
            try:
                held[one.environment] = workspace.names(one.environment)
            except NoEnvironmentError:
                problems.append(_problem(one, Kind.NO_ENVIRONMENT, Severity.ERROR))
                continue
        problems += _compared(one, workspace, held[one.environment])
    unknown = tuple(s.name for s in inventory.secrets if any(not where.known for where in s.environments))
    used = {one.secret.name for one in wanted if one.environment == environment}
    used |= {secret.name for secret in inventory.secrets if secret.creations}
    return Result(tuple(problems), tuple(sorted(held[environment] - used - {*unknown})), unknown, len(wanted))


def _wanted(secret: Secret, asked: str | None) -> Iterator[_Wanted]:
    """The environments that a Secret is looked up in, each once; one that is not known is left out."""
    used = {one.environment for one in secret.references} | {one.environment for one in secret.attachments}
    groups: dict[str | None, set[Environment]] = {}
    for one in sorted(used, key=lambda one: one.sort_key):
        if one.known:
            groups.setdefault(one.name or asked, set()).add(one)
    for name, meant in groups.items():
        yield _Wanted(secret, name, frozenset(meant))


def _compared(one: _Wanted, workspace: Workspace, held: frozenset[str]) -> Iterator[Problem]:
    required, read = one.keys(required=True), one.keys(required=False)
    name = one.secret.name
    if name not in held:
        severity = Severity.WARNING if one.is_created else Severity.ERROR
        yield _problem(one, Kind.NO_SECRET, severity, (*required, *read))
        return
    for keys, severity in ((required, Severity.ERROR), (read, Severity.WARNING)):
        lacking = workspace.missing(name, keys, one.environment) if keys else ()
        if lacking:
            yield _problem(one, Kind.NO_KEY, severity, lacking, one.locations(lacking))


def _problem(
    one: _Wanted,
    kind: Kind,
    severity: Severity,
    keys: tuple[str, ...] = (),
    locations: tuple[Location, ...] | None = None,
) -> Problem:
    where = one.locations() if locations is None else locations
    return Problem(kind, severity, one.secret.name, one.environment, keys, where, one.users)
