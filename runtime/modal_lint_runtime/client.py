"""The client: where everything begins."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Literal, NoReturn

from modal_lint_runtime import contract
from modal_lint_runtime.apps import Apps
from modal_lint_runtime.arguments import one_of, yes_or_no
from modal_lint_runtime.environments import Environments
from modal_lint_runtime.errors import InvalidError, UnsupportedError
from modal_lint_runtime.functions import Functions
from modal_lint_runtime.images import Images
from modal_lint_runtime.sandboxes import Sandboxes
from modal_lint_runtime.scope import Scope
from modal_lint_runtime.secrets import Secrets

if TYPE_CHECKING:
    from pathlib import Path

    from modal_lint_runtime.backend import Backend

BackendName = Literal["local", "modal"]
EngineName = Literal["local", "docker"]
IsolationName = Literal["auto", "none"]


class ModalClient:
    """A client of a workspace on this machine, or of Modal's service.

    Args:
        token_id, token_secret: a token, both halves or none. The local backend needs none and asks nobody; with
            ``backend="modal"`` it is what Modal is asked with, by default the one that the `modal` package finds.
        environment: the environment of the names in calls that do not say one; by default ``$MODAL_ENVIRONMENT``,
            else ``main``.
        path: the directory of the workspace; by default ``$MODAL_LINT_RUNTIME_DIR``, else the platform's directory
            for a user's data. As ``isolation`` and ``allow_host_builds``, without effect with ``backend="modal"``.
        backend: ``local`` for this machine, ``modal`` for Modal's service through the `modal` package.
        engine: what builds images and runs sandboxes on this machine: ``local``, or ``docker`` for Docker or Podman.
        isolation: ``auto`` for as much as this machine allows (`Sandbox.isolation` says what), ``none`` for plain
            processes.
        allow_host_builds: run ``RUN`` commands on the machine itself where an image cannot have a root of its own.

    Attributes:
        secrets, apps, images, sandboxes, functions, environments: what can be done with each.

    Raises:
        InvalidError: an argument of the wrong type or content.
        AuthError: half a token.
        WorkspaceError: the workspace cannot be opened.
    """

    def __init__(
        self,
        *,
        token_id: str | None = None,
        token_secret: str | None = None,
        environment: str | None = None,
        path: Path | str | None = None,
        backend: BackendName = "local",
        engine: EngineName = "local",
        isolation: IsolationName = "auto",
        allow_host_builds: bool = False,
    ) -> None:
        token = contract.credentials(token_id, token_secret)
        self._backend = chosen_backend(token, path, backend, engine, isolation, allow_host_builds)
        scope = Scope(environment, self._backend.default_environment)
        self._backend.open()
        self.secrets = Secrets(self._backend, scope)
        self.apps = Apps(self._backend, scope)
        self.images = Images(self._backend)
        self.sandboxes = Sandboxes(self._backend, scope)
        self.functions = Functions(self._backend)
        self.environments = Environments(self._backend)

    def __repr__(self) -> str:
        return f"{type(self).__name__}()"

    def __enter__(self) -> ModalClient:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def __reduce__(self) -> NoReturn:
        raise UnsupportedError("A client cannot be sent to another process: make one there.")

    def close(self) -> None:
        """Terminate the sandboxes that this client runs and delete its Secrets without a name. Twice is fine."""
        self._backend.close()


def chosen_backend(
    token: contract.Token | None,
    path: Any,
    backend: object,
    engine: object,
    isolation: object,
    allow_host_builds: object,
) -> Backend:
    """The backend that the arguments of a client ask for, not opened yet. Raises InvalidError naming an argument."""
    kind = one_of(backend, ("local", "modal"), "backend")
    builds = one_of(engine, ("local", "docker"), "engine")
    isolated = one_of(isolation, ("auto", "none"), "isolation") == "auto"
    on_host = yes_or_no(allow_host_builds, "allow_host_builds")
    if kind == "modal":
        if builds == "docker":
            raise InvalidError("`engine` says what builds and runs on this machine: backend='modal' does neither here")
        from modal_lint_runtime.modal_backend import ModalBackend

        return ModalBackend(token)
    from modal_lint_runtime.local_backend import LocalBackend

    docker = builds == "docker"
    return LocalBackend(path, engine="docker" if docker else "local", isolated=isolated, allow_host_builds=on_host)
