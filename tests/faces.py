"""One set of verbs over two clients: the in-process `ModalClient`, and the real Python SDK against the local server.

A face does what a program would do, in the client's own way, and gives plain results, so that one scenario can be run
with either.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, NamedTuple, Protocol

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence

    from modal_lint_runtime import ModalClient

TAG = "python:3.13"


class Ended(NamedTuple):
    """What a process left."""

    stdout: str
    stderr: str
    code: int


class Box(Protocol):
    """A sandbox."""

    def run(self, *command: str, stdin: str = "", **options: Any) -> Ended:
        """Start a process and wait for its end."""

    def main(self) -> Ended:
        """Wait for the main process."""

    def state(self) -> int | None:
        """The exit code, None while it runs."""

    def end(self) -> None:
        """Terminate it."""

    def wait(self) -> int | None:
        """Wait for its end; raises for termination and timeout."""


class Face(Protocol):
    """A client. Secrets, images and Functions are the client's own objects."""

    def create(self, name: str, entries: Any, environment: str | None = None) -> None:
        """Create a named Secret."""

    def from_name(self, name: str, required: Any = None, environment: str | None = None) -> Any:
        """Look a Secret up now."""

    def from_object(self, entries: Any) -> Any:
        """Make a Secret without a name."""

    def update(self, name: str, entries: Any) -> None:
        """Merge entries into a named Secret."""

    def names(self, environment: str | None = None) -> list[str | None]:
        """The names of the Secrets, newest first."""

    def delete(self, name: str, **options: Any) -> None:
        """Delete a named Secret."""

    def add_environment(self, name: str) -> None:
        """Create an environment."""

    def image(self, *commands: str, **options: Any) -> Any:
        """An image with Dockerfile commands, not yet built."""

    def with_variables(self, image: Any, variables: Any) -> Any:
        """The image with variables baked in."""

    def build(self, image: Any) -> str:
        """Build an image; its id."""

    def built(self, image_id: str) -> Any:
        """The image of this id."""

    def sandbox(self, *command: str, image: Any = None, **options: Any) -> Box:
        """Start a sandbox."""

    def found(self, sandbox_id: str) -> Any:
        """The sandbox of this id."""

    def stop(self) -> None:
        """Stop the App of the sandboxes."""

    def call(
        self, function: Callable[..., Any], *args: Any, app_secrets: Sequence[Any] = (), again: Any = None, **own: Any
    ) -> Any:
        """Call a function in its own process; `again` is the arguments of a `with_options`."""


class ClientBox:
    """A sandbox of the in-process client."""

    def __init__(self, sandbox: Any) -> None:
        self._sandbox = sandbox

    def run(self, *command: str, stdin: str = "", **options: Any) -> Ended:
        process = self._sandbox.exec(command, **options)
        if stdin:
            process.stdin.write(stdin)
        process.stdin.close()
        return Ended(process.stdout.read_text(), process.stderr.read_text(), process.wait())

    def main(self) -> Ended:
        sandbox = self._sandbox
        return Ended(sandbox.stdout.read_text(), sandbox.stderr.read_text(), sandbox.wait())

    def state(self) -> int | None:
        code: int | None = self._sandbox.poll()
        return code

    def end(self) -> None:
        self._sandbox.terminate()

    def wait(self) -> int | None:
        code: int | None = self._sandbox.wait()
        return code


class ClientFace:
    """The in-process client."""

    def __init__(self, client: ModalClient) -> None:
        self._client = client
        self._app = client.apps.from_name("agreement", create_if_missing=True)

    def create(self, name: str, entries: Any, environment: str | None = None) -> None:
        self._client.secrets.create(name, entries, environment=environment)

    def from_name(self, name: str, required: Any = None, environment: str | None = None) -> Any:
        return self._client.secrets.from_name(name, required_keys=required, environment=environment)

    def from_object(self, entries: Any) -> Any:
        return self._client.secrets.from_object(entries)

    def update(self, name: str, entries: Any) -> None:
        self._client.secrets.update(name, entries)

    def names(self, environment: str | None = None) -> list[str | None]:
        return [secret.name for secret in self._client.secrets.list(environment=environment)]

    def delete(self, name: str, **options: Any) -> None:
        self._client.secrets.delete(name, **options)

    def add_environment(self, name: str) -> None:
        self._client.environments.create(name)

    def image(self, *commands: str, **options: Any) -> Any:
        image = self._client.images.from_registry(TAG)
        return image.dockerfile_commands(list(commands), **options) if commands else image

    def with_variables(self, image: Any, variables: Mapping[str, str]) -> Any:
        return image.env(variables)

    def build(self, image: Any) -> str:
        built = image.build(self._app)
        return str(built.image_id)

    def built(self, image_id: str) -> Any:
        return self._client.images.from_id(image_id)

    def sandbox(self, *command: str, image: Any = None, **options: Any) -> Box:
        base = self.image() if image is None else image
        return ClientBox(self._client.sandboxes.create(self._app, base, command=command or None, **options))

    def found(self, sandbox_id: str) -> Any:
        return self._client.sandboxes.from_id(sandbox_id)

    def stop(self) -> None:
        self._client.apps.stop(self._app)

    def call(
        self, function: Callable[..., Any], *args: Any, app_secrets: Sequence[Any] = (), again: Any = None, **own: Any
    ) -> Any:
        app = self._client.apps.from_name("agreement", create_if_missing=True, secrets=list(app_secrets))
        defined = self._client.functions.define(app, **own)(function)
        return (defined if again is None else defined.with_options(**again)).remote(*args)


class SdkBox:
    """A sandbox of the Python SDK."""

    def __init__(self, sandbox: Any) -> None:
        self._sandbox = sandbox

    def run(self, *command: str, stdin: str = "", **options: Any) -> Ended:
        process = self._sandbox.exec(*command, **options)
        if stdin:
            process.stdin.write(stdin)
        process.stdin.write_eof()
        process.stdin.drain()
        return Ended(process.stdout.read(), process.stderr.read(), process.wait())

    def main(self) -> Ended:
        stdout, stderr = self._sandbox.stdout.read(), self._sandbox.stderr.read()
        self._sandbox.wait()
        return Ended(stdout, stderr, self._sandbox.returncode)

    def state(self) -> int | None:
        code: int | None = self._sandbox.poll()
        return code

    def end(self) -> None:
        self._sandbox.terminate()

    def wait(self) -> int | None:
        self._sandbox.wait()
        code: int | None = self._sandbox.returncode
        return code


class SdkFace:
    """The Python SDK, pointed at the local server."""

    def __init__(self) -> None:
        import modal

        self._modal: Any = modal
        self._app = modal.App.lookup("agreement", create_if_missing=True)

    def create(self, name: str, entries: Any, environment: str | None = None) -> None:
        self._modal.Secret.objects.create(name, entries, environment_name=environment)

    def from_name(self, name: str, required: Any = None, environment: str | None = None) -> Any:
        secret = self._modal.Secret.from_name(name, required_keys=required or [], environment_name=environment)
        return secret.hydrate()

    def from_object(self, entries: Any) -> Any:
        return self._modal.Secret.from_dict(entries)

    def update(self, name: str, entries: Any) -> None:
        self._modal.Secret.from_name(name).update(entries)

    def names(self, environment: str | None = None) -> list[str | None]:
        return [secret.name for secret in self._modal.Secret.objects.list(environment_name=environment)]

    def delete(self, name: str, **options: Any) -> None:
        self._modal.Secret.objects.delete(name, **options)

    def add_environment(self, name: str) -> None:
        self._modal.environments.create_environment(name)

    def image(self, *commands: str, **options: Any) -> Any:
        image = self._modal.Image.from_registry(TAG)
        return image.dockerfile_commands(list(commands), **options) if commands else image

    def with_variables(self, image: Any, variables: Mapping[str, str]) -> Any:
        return image.env(dict(variables))

    def build(self, image: Any) -> str:
        built = image.build(self._app)
        return str(built.object_id)

    def built(self, image_id: str) -> Any:
        return self._modal.Image.from_id(image_id).build(self._app)

    def sandbox(self, *command: str, image: Any = None, **options: Any) -> Box:
        base = self.image() if image is None else image
        return SdkBox(self._modal.Sandbox.create(*command, app=self._app, image=base, **options))

    def found(self, sandbox_id: str) -> Any:
        return self._modal.Sandbox.from_id(sandbox_id)

    def stop(self) -> None:
        self._app.stop()

    def call(
        self, function: Callable[..., Any], *args: Any, app_secrets: Sequence[Any] = (), again: Any = None, **own: Any
    ) -> Any:
        app = self._modal.App("agreement-run", secrets=list(app_secrets))
        defined = app.function(serialized=True, **{"image": self.image(), **own})(function)
        with app.run():
            return (defined if again is None else defined.with_options(**again)).remote(*args)
