"""Apps: what Functions, images and sandboxes belong to."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from modal_lint_runtime import contract
from modal_lint_runtime.arguments import instance, yes_or_no
from modal_lint_runtime.secrets import Secret

if TYPE_CHECKING:
    from collections.abc import Sequence

    from modal_lint_runtime.backend import Backend
    from modal_lint_runtime.scope import Scope


@dataclass(frozen=True, slots=True, repr=False)
class App:
    """An App.

    Attributes:
        app_id: its unique id.
        name: its name.
        environment: the environment it is in.
        secrets: the Secrets of all its Functions, weaker than a Function's own (S30). Sandboxes do not get them.
    """

    app_id: str
    name: str | None
    environment: str = contract.DEFAULT_ENVIRONMENT
    secrets: tuple[Secret, ...] = ()
    handle: Any = field(default=None, compare=False)
    """The backend's own object."""

    def __repr__(self) -> str:
        return f"App({self.name!r})"

    def __reduce__(self) -> tuple[type[App], tuple[object, ...]]:
        return App, (self.app_id, self.name, self.environment, self.secrets)


_Found = list[App]


class Apps:
    """`client.apps`."""

    def __init__(self, backend: Backend, scope: Scope) -> None:
        self._backend = backend
        self._scope = scope

    def from_name(
        self,
        name: str,
        *,
        create_if_missing: bool = False,
        secrets: Sequence[Secret] = (),
        environment: str | None = None,
    ) -> App:
        """The App of that name.

        Args:
            name: its name.
            create_if_missing: make it when there is none.
            secrets: Secrets for all its Functions.
            environment: where it is; by default the client's environment.

        Raises:
            NotFoundError: there is no such App and ``create_if_missing`` is not said, or there is no such environment.
            InvalidError: an argument of the wrong type, or an impossible name.
        """
        create = yes_or_no(create_if_missing, "create_if_missing")
        wanted = contract.object_name(name, "App") if create else contract.lookup_name(name, "App")
        given = contract.secrets_list(secrets, "secrets", type_=Secret, site=contract.Site.APP)
        found = self._backend.app_lookup(wanted, self._scope.environment(environment), create=create)
        return App(found.app_id, found.name, found.environment, given, found.handle)

    def list(self, *, environment: str | None = None) -> _Found:
        """The Apps that are not stopped, newest first.

        Raises NotFoundError when there is no such environment, InvalidError when it is no string.
        """
        return self._backend.app_list(self._scope.environment(environment))

    def stop(self, app: App) -> None:
        """Stop an App: its sandboxes are terminated and its name is free again.

        Raises NotFoundError when there is no such App, InvalidError for anything but an App.
        """
        self._backend.app_stop(instance(app, App, "app"))
