"""Secrets: looked up by name, made for the moment, created, changed, listed, deleted."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from modal_lint_runtime import contract
from modal_lint_runtime.arguments import moment, whole_number, yes_or_no
from modal_lint_runtime.contract.verdict import kind_of
from modal_lint_runtime.errors import InvalidError, NotFoundError

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

    from modal_lint_runtime.backend import Backend
    from modal_lint_runtime.scope import Scope


@dataclass(frozen=True, slots=True, repr=False)
class Secret:
    """Stored credentials or variables. It refers to them; it does not hold them.

    Attributes:
        secret_id: its unique id.
        name: its name, None unless it was looked up, created or listed by name.
        keys: the names of its variables.
        environment: the environment it is in.
    """

    secret_id: str
    name: str | None
    keys: tuple[str, ...] = ()
    environment: str = contract.DEFAULT_ENVIRONMENT
    handle: Any = field(default=None, compare=False)
    """The backend's own object."""

    def __repr__(self) -> str:
        name = "" if self.name is None else f"{self.name!r}, "
        return f"Secret({name}keys=[{', '.join(self.keys)}])"

    def __reduce__(self) -> tuple[type[Secret], tuple[object, ...]]:
        return Secret, (self.secret_id, self.name, self.keys, self.environment)


_Found = list[Secret]


class Secrets:
    """`client.secrets`."""

    def __init__(self, backend: Backend, scope: Scope) -> None:
        self._backend = backend
        self._scope = scope

    def from_name(
        self, name: str, *, required_keys: Iterable[str] | None = None, environment: str | None = None
    ) -> Secret:
        """The Secret of that name. It is looked up now, and its values when something is started with it.

        Args:
            name: its name.
            required_keys: keys that it must have.
            environment: where it is; by default the client's environment.

        Raises:
            NotFoundError: there is no such Secret or environment; `MissingKeysError` when it lacks a required key.
            InvalidError: an argument of the wrong type.
        """
        wanted = contract.lookup_name(name, "Secret")
        required = contract.required_keys(required_keys)
        return self._backend.secret_lookup(wanted, self._scope.environment(environment), required)

    def from_object(self, entries: Mapping[str, str], *, environment: str | None = None) -> Secret:
        """A Secret without a name, for this client: it is gone when the client is closed or its process ends.

        Args:
            entries: keys and values, all strings.
            environment: where it is made; by default the client's environment.

        Raises:
            InvalidError: a value that is not a string, an impossible key, or no dict. The message names the key.
            NotFoundError: there is no such environment.
        """
        values = contract.entries(entries)
        return self._backend.secret_ephemeral(values, self._scope.environment(environment))

    def create(
        self, name: str, entries: Mapping[str, str], *, overwrite: bool = False, environment: str | None = None
    ) -> Secret:
        """Create a named Secret; it is stored when this returns.

        Args:
            name: its name: 1 to 64 letters, digits, dashes, periods and underscores.
            entries: keys and values, all strings.
            overwrite: replace all entries of one that has the name; it keeps its id.
            environment: where it is made; by default the client's environment.

        Raises:
            AlreadyExistsError: the name is taken, and ``overwrite`` is not said.
            InvalidError: an argument of the wrong type or content.
            NotFoundError: there is no such environment.
        """
        wanted = contract.object_name(name, "Secret")
        values = contract.entries(entries, site=contract.Site.CREATE)
        replace = yes_or_no(overwrite, "overwrite")
        return self._backend.secret_create(wanted, values, self._scope.environment(environment), overwrite=replace)

    def update(self, secret: Secret | str, entries: Mapping[str, str], *, environment: str | None = None) -> Secret:
        """Add and replace entries of a named Secret; the others stay. What runs already keeps the old values (S19f).

        Args:
            secret: the Secret, or its name.
            entries: keys and values, all strings.
            environment: where the name is; by default the client's environment.

        Raises:
            NotFoundError: there is no such Secret or environment.
            InvalidError: an argument of the wrong type or content.
        """
        values = contract.update_entries(entries)
        return self._backend.secret_update(self._given(secret, environment), values)

    def list(
        self, *, environment: str | None = None, limit: int | None = None, created_before: float | None = None
    ) -> _Found:
        """The named Secrets of an environment, newest first.

        Args:
            environment: which; by default the client's.
            limit: how many at most.
            created_before: only those made before this time, in seconds since the epoch.

        Raises:
            NotFoundError: there is no such environment.
            InvalidError: an argument of the wrong type.
        """
        most = None if limit is None else whole_number(limit, "limit")
        until = None if created_before is None else moment(created_before, "created_before")
        return self._backend.secret_list(self._scope.environment(environment), most, until)

    def delete(self, name: str, *, allow_missing: bool = False, environment: str | None = None) -> None:
        """Delete a named Secret for good. Apps that use it fail at their next start.

        Args:
            name: its name.
            allow_missing: do nothing when there is none.
            environment: where it is; by default the client's environment.

        Raises:
            NotFoundError: there is no such Secret and ``allow_missing`` is not said, or there is no such environment.
            InvalidError: an argument of the wrong type.
        """
        wanted = contract.lookup_name(name, "Secret")
        tolerant = yes_or_no(allow_missing, "allow_missing")
        where = self._scope.environment(environment)
        try:
            self._backend.secret_delete(wanted, where)
        except NotFoundError:
            if not tolerant:
                raise

    def _given(self, secret: object, environment: object) -> Secret:
        if isinstance(secret, Secret):
            return secret
        if not isinstance(secret, str):
            raise InvalidError(f"`secret` must be a Secret or its name, got {kind_of(secret)}")
        return self._backend.secret_lookup(secret, self._scope.environment(environment), ())
