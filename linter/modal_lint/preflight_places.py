"""The workspaces that a project can be compared with: the embedded runtime's, and Modal's service through its own SDK.

Both are asked for names and keys only. The service does not tell which keys a Secret has, but refuses a look-up that
requires one which it lacks (protocol.md, section 4).
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from modal_lint import workspaces
from modal_lint.preflight import NoEnvironmentError

if TYPE_CHECKING:
    from pathlib import Path


class Runtime:
    """The workspace of the embedded runtime.

    Args:
        path: its directory, None for the usual one.

    Raises:
        UserError: the extra is not installed.
        ModalError: the workspace cannot be opened.
    """

    default = "main"

    def __init__(self, path: Path | None) -> None:
        self._workspace = workspaces.open_runtime(path)
        self.title = f"the runtime's workspace {self._workspace.root}"

    def names(self, environment: str | None) -> frozenset[str]:
        """The names of all Secrets of an environment."""
        from modal_lint_runtime.errors import InvalidError, NotFoundError

        try:
            found = self._workspace.secret_list(environment or self.default)
        except (NotFoundError, InvalidError):
            raise NoEnvironmentError from None
        return frozenset(record.name for record in found if record.name is not None)

    def missing(self, name: str, keys: tuple[str, ...], environment: str | None) -> tuple[str, ...]:
        """Those of some keys that a Secret lacks."""
        from modal_lint_runtime.errors import MissingKeysError

        try:
            self._workspace.secret_lookup(name, environment or self.default, keys)
        except MissingKeysError as error:
            return tuple(key for key in keys if key in error.keys)
        return ()

    def close(self) -> None:
        """Let go of its files."""
        self._workspace.close()


class Service:
    """Modal's service, or a server that speaks its protocol, as the SDK's own configuration says.

    Raises:
        UserError: the SDK is not installed, or has no token.
    """

    def __init__(self) -> None:
        workspaces.import_nothing_of()
        service = workspaces.open_service()
        self._backend = service.backend
        self.default = service.environment or None
        self.title = f"Modal at {service.host}"

    def names(self, environment: str | None) -> frozenset[str]:
        """The names of all Secrets of an environment."""
        from modal_lint_runtime.errors import InvalidError, NotFoundError

        try:
            found = self._backend.secret_list(environment or "", None, None)
        except (NotFoundError, InvalidError):
            raise NoEnvironmentError from None
        return frozenset(secret.name for secret in found if secret.name is not None)

    def missing(self, name: str, keys: tuple[str, ...], environment: str | None) -> tuple[str, ...]:
        """Those of some keys that a Secret lacks; one by one where not all are there, since a message may be cut."""
        if self._has(name, keys, environment):
            return ()
        return tuple(key for key in keys if len(keys) == 1 or not self._has(name, (key,), environment))

    def _has(self, name: str, keys: tuple[str, ...], environment: str | None) -> bool:
        from modal_lint_runtime.errors import NotFoundError

        try:
            self._backend.secret_lookup(name, environment or "", keys)
        except NotFoundError:  # missing keys are of this kind; the Secret itself has just been listed
            return False
        return True

    def close(self) -> None:
        """Nothing: the package closes its connection itself."""
