"""The backend that is Modal's service, through the `modal` package (1.6.4 or newer).

The same client, the same objects. What the package has no public call for raises UnsupportedError; a Function is
declared with `modal.App.function` there. The service's exceptions become this runtime's of the same name.
"""

from __future__ import annotations

import contextlib
import threading
from typing import TYPE_CHECKING, Any

from modal_lint_runtime import errors
from modal_lint_runtime.apps import App
from modal_lint_runtime.errors import ModalError, UnsupportedError
from modal_lint_runtime.records import ImageRecord
from modal_lint_runtime.secrets import Secret

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping, Sequence

    from modal_lint_runtime.backend import Call, CallOrder, SandboxCore, SandboxOrder
    from modal_lint_runtime.contract import Token
    from modal_lint_runtime.images import Image
    from modal_lint_runtime.variables import Source


class ModalBackend:
    """What a client has in Modal's service.

    Args:
        token: what Modal is asked with; None for what the `modal` package finds in its configuration.
    """

    def __init__(self, token: Token | None = None) -> None:
        self._token = token
        self._lock = threading.Lock()
        self._client: Any = None

    @property
    def default_environment(self) -> str:
        """Empty: the service knows."""
        return ""

    def open(self) -> None:
        """Nothing is asked before it must be."""
        package()

    @property
    def client(self) -> Any:
        """The client of the `modal` package. Raises AuthError when it has no usable token."""
        with self._lock, translated():
            if self._client is None:
                modal = package()
                self._client = (
                    modal.Client.from_env() if self._token is None else modal.Client.from_credentials(*self._token)
                )
            return self._client

    def secret_lookup(self, name: str, environment: str, required: tuple[str, ...]) -> Secret:
        """The named Secret, with the required keys: the only ones that are known of it."""
        with translated(missing=(required, name)):
            handle = package().Secret.from_name(
                name, environment_name=environment or None, required_keys=list(required), client=self.client
            )
            handle.hydrate(self.client)
            return _secret(handle, name, required, environment)

    def secret_ephemeral(self, entries: Mapping[str, str], environment: str) -> Secret:
        """A new Secret without a name. The package makes it in the default environment."""
        with translated():
            handle = package().Secret.from_dict(dict(entries))
            handle.hydrate(self.client)
            return _secret(handle, None, tuple(entries), environment)

    def secret_create(self, name: str, entries: Mapping[str, str], environment: str, *, overwrite: bool) -> Secret:
        """A new named Secret. Raises UnsupportedError for ``overwrite``."""
        if overwrite:
            raise _unsupported("`overwrite` of a Secret; use `update`, or delete it first")
        with translated():
            package().Secret.objects.create(
                name, dict(entries), environment_name=environment or None, client=self.client
            )
        found = self.secret_lookup(name, environment, ())
        return Secret(found.secret_id, name, tuple(entries), environment, found.handle)

    def secret_update(self, secret: Secret, entries: Mapping[str, str]) -> Secret:
        """The Secret with entries added and replaced."""
        with translated():
            secret.handle.update(dict(entries))
        keys = tuple(dict.fromkeys((*secret.keys, *entries)))
        return Secret(secret.secret_id, secret.name, keys, secret.environment, secret.handle)

    def secret_list(self, environment: str, limit: int | None, before: float | None) -> list[Secret]:
        """The named Secrets, newest first; their keys are not told."""
        with translated():
            found = package().Secret.objects.list(
                max_objects=limit, created_before=before, environment_name=environment, client=self.client
            )
            return [_secret(handle, handle.name, (), environment) for handle in found]

    def secret_delete(self, name: str, environment: str) -> None:
        """Delete a named Secret for good."""
        with translated():
            package().Secret.objects.delete(name, environment_name=environment or None, client=self.client)

    def environment_list(self) -> list[str]:
        """Raises UnsupportedError."""
        raise _unsupported("a list of environments")

    def environment_create(self, name: str) -> None:
        """Raises UnsupportedError."""
        raise _unsupported(f"the creation of environment {name!r}")

    def environment_delete(self, name: str) -> None:
        """Raises UnsupportedError."""
        raise _unsupported(f"the deletion of environment {name!r}")

    def app_lookup(self, name: str, environment: str, *, create: bool) -> App:
        """The named App."""
        with translated():
            handle = package().App.lookup(
                name, client=self.client, environment_name=environment or None, create_if_missing=create
            )
            return App(handle.app_id, name, environment, (), handle)

    def app_list(self, environment: str) -> list[App]:
        """Raises UnsupportedError."""
        raise _unsupported("a list of Apps" + (f" in {environment!r}" if environment else ""))

    def app_stop(self, app: App) -> None:
        """Raises UnsupportedError."""
        raise _unsupported(f"the stop of App {app.name!r}")

    def image_build(self, app: App, image: Image, on_log: Callable[[str], None] | None) -> ImageRecord:
        """Build an image, or find it built. Raises UnsupportedError for ``on_log``: the package prints the log."""
        if on_log is not None:
            raise _unsupported("`on_log`")
        with translated():
            built = self.described(image).build(app.handle)
            return ImageRecord(id=built.object_id)

    def described(self, image: Image) -> Any:
        """The image as the package has it, not built."""
        modal = package()
        if image.base_id is not None:
            found = modal.Image.from_id(image.base_id, client=self.client)
        else:
            secret = None if image.registry_secret is None else image.registry_secret.handle
            found = modal.Image.from_registry(image.tag, secret=secret)
        for step in image.steps:
            found = found.dockerfile_commands(
                list(step.commands),
                secrets=[secret.handle for secret in step.secrets],
                env=dict(step.env) if step.env else None,
                context_dir=step.context,
                build_args=dict(step.build_args),
                force_build=step.force,
            )
        return found

    def image_get(self, image_id: str) -> ImageRecord:
        """A built image. The package cannot ask for one (1.6.4): one that does not exist fails when it is used."""
        return ImageRecord(id=image_id)

    def image_delete(self, image_id: str) -> None:
        """Delete a built image."""
        with translated():
            from modal.experimental import image_delete

            image_delete(image_id, client=self.client)

    def sandbox_create(self, app: App, image: Image, order: SandboxOrder) -> SandboxCore:
        """Start a sandbox."""
        from modal_lint_runtime.modal_sandboxes import ServiceSandbox, whole_seconds

        with translated():
            handle = package().Sandbox.create(
                *(order.command or ()),
                app=app.handle,
                image=self.described(image),
                name=order.name,
                tags=dict(order.tags) or None,
                secrets=handles(order.sources),
                timeout=whole_seconds(order.timeout),
                workdir=order.workdir,
                block_network=not order.network,
                client=self.client,
            )
            return ServiceSandbox(handle, app.app_id, order.name, order.tags)

    def sandbox_get(self, sandbox_id: str) -> SandboxCore:
        """A sandbox, running or not."""
        from modal_lint_runtime.modal_sandboxes import ServiceSandbox

        with translated():
            handle = package().Sandbox.from_id(sandbox_id, client=self.client)
            return ServiceSandbox(handle, "", None, {})

    def sandbox_list(
        self, app: App | None, environment: str, tags: Mapping[str, str], *, running_only: bool
    ) -> list[SandboxCore]:
        """The sandboxes that run. Raises UnsupportedError for those that have ended, and for an environment."""
        from modal_lint_runtime.modal_sandboxes import ServiceSandbox

        if not running_only or (app is None and environment):
            raise _unsupported("a list of sandboxes by `environment` or with `include_finished`")
        app_id = None if app is None else app.app_id
        with translated():
            found = package().Sandbox.list(app_id=app_id, tags=dict(tags) or None, client=self.client)
            return [ServiceSandbox(handle, app_id or "", None, tags) for handle in found]

    def call(self, app: App, image: Image | None, order: CallOrder) -> Call:  # noqa: ARG002
        """Raises UnsupportedError."""
        raise _unsupported(f"Function {order.label}: declare it with `modal.App.function`")

    def close(self) -> None:
        """Nothing: sandboxes there outlive their client, and the package closes its connection itself."""


def package() -> Any:
    """The `modal` package. Raises UnsupportedError when it is not installed."""
    try:
        import modal
    except ImportError:
        raise UnsupportedError("backend='modal' needs the extra: pip install 'modal-lint[server]'.") from None
    return modal


def handles(sources: Sequence[Source]) -> list[Any]:
    """Sources as the package has them, in order; ``env`` as one more Secret."""
    secret = package().Secret
    return [each.handle if isinstance(each, Secret) else secret.from_dict(dict(each)) for each in sources]


@contextlib.contextmanager
def translated(missing: tuple[tuple[str, ...], str] | None = None) -> Iterator[None]:
    """Raise the package's exceptions as this runtime's of the same name.

    Args:
        missing: the keys that a lookup requires, and its name: where the package says ConflictError, they are missing.
    """
    from modal import exception

    try:
        yield
    except exception.ConflictError as error:
        if missing is not None and missing[0]:
            keys = tuple(key for key in missing[0] if key in str(error)) or missing[0]
            raise errors.MissingKeysError(keys, missing[1]) from None
        raise errors.ConflictError(str(error)) from None
    except exception.ImageBuildError as error:
        raise errors.ImageBuildError("a step of the image", 1, str(error)) from None
    except (exception.ConnectionError, exception.InternalError, exception.ServiceError) as error:
        raise ModalError(f"{type(error).__name__}: {error}") from None
    except exception.Error as error:
        raise _ours(error) from None
    except (TypeError, AttributeError, ValueError) as error:  # what the package raises for some arguments (S17, S25)
        raise errors.InvalidError(f"the `modal` package refuses the arguments: {type(error).__name__}") from None


def _ours(error: Exception) -> ModalError:
    for kind in type(error).__mro__:
        ours = getattr(errors, kind.__name__, None)
        if isinstance(ours, type) and issubclass(ours, ModalError) and ours is not errors.ImageBuildError:
            return ours(str(error))
    return ModalError(f"{type(error).__name__}: {error}")


def _secret(handle: Any, name: str | None, keys: tuple[str, ...], environment: str) -> Secret:
    return Secret(handle.object_id, name, keys, environment, handle)


def _unsupported(what: str) -> UnsupportedError:
    return UnsupportedError(f"backend='modal': the `modal` package has no public call for {what}.")
