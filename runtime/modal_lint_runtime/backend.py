"""What a client needs from whatever does the work: this machine (`local_backend`), or Modal's service.

The public face checks every argument before it comes here, so a backend gets what the contract has accepted.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Protocol

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence

    from modal_lint_runtime.apps import App
    from modal_lint_runtime.images import Image
    from modal_lint_runtime.isolation import Isolation
    from modal_lint_runtime.output import Output
    from modal_lint_runtime.records import ImageRecord
    from modal_lint_runtime.secrets import Secret
    from modal_lint_runtime.variables import Source


@dataclass(frozen=True)
class SandboxOrder:
    """A sandbox that is asked for: its sources of variables in order, its command, and its limits (seconds)."""

    sources: Sequence[Source] = ()
    command: tuple[str, ...] | None = None
    name: str | None = None
    tags: Mapping[str, str] = field(default_factory=dict)
    timeout: float | None = None
    workdir: str | None = None
    network: bool = True


@dataclass(frozen=True)
class ExecOrder:
    """A process in a sandbox that is asked for."""

    args: tuple[str, ...]
    sources: Sequence[Source] = ()
    workdir: str | None = None
    timeout: float | None = None
    pty: bool = False


class Runs(Protocol):
    """Something that runs and ends: a process."""

    @property
    def stdout(self) -> Output:
        """What it has written to standard output."""

    @property
    def stderr(self) -> Output:
        """What it has written to standard error."""

    def write_stdin(self, data: bytes) -> None:
        """Write to its standard input."""

    def close_stdin(self) -> None:
        """Close its standard input."""

    def poll(self) -> int | None:
        """Its exit code; None while it runs."""

    def wait(self, timeout: float | None = None) -> int:
        """Wait for its end. Raises TimeoutError when it still runs after ``timeout`` seconds."""

    def on_end(self, callback: Callable[[], None]) -> None:
        """Have ``callback`` called once when it has ended, at once if it has, from whatever thread."""


class SandboxCore(Protocol):
    """A sandbox as a backend has it."""

    @property
    def id(self) -> str:
        """Its id."""

    @property
    def app_id(self) -> str:
        """The id of its App."""

    @property
    def name(self) -> str | None:
        """Its name."""

    @property
    def tags(self) -> Mapping[str, str]:
        """Its tags."""

    @property
    def isolation(self) -> Isolation | None:
        """How far it is isolated; None where that is not this machine's business."""

    @property
    def state(self) -> str:
        """One of the states of a sandbox's record."""

    def main(self) -> Runs:
        """Its main process's streams. Raises UnsupportedError where they are out of reach."""

    def exec(self, order: ExecOrder) -> Runs:
        """Start a process in it."""

    def poll(self) -> int | None:
        """Its exit code; None while it runs."""

    def wait(self, timeout: float | None = None) -> int:
        """Wait for its end. Raises TimeoutError when it still runs after ``timeout`` seconds."""

    def on_end(self, callback: Callable[[], None]) -> None:
        """Have ``callback`` called once when it has ended, at once if it has, from whatever thread."""

    def terminate(self) -> int:
        """End it now; its exit code."""


class Call(Protocol):
    """A call of a Function that is under way."""

    def result(self) -> object:
        """Wait for what the Function returns, or raise what it raised."""

    def on_end(self, callback: Callable[[], None]) -> None:
        """Have ``callback`` called once when its process has ended, at once if it has, from whatever thread."""

    def cancel(self) -> None:
        """End its process now. Without effect when it has ended."""


@dataclass(frozen=True)
class CallOrder:
    """A call of a Function that is asked for; ``payload`` is what its process reads."""

    label: str
    payload: bytes
    sources: Sequence[Source]
    timeout: float | None


class Backend(Protocol):
    """Where a client's objects are."""

    @property
    def default_environment(self) -> str:
        """The environment that is meant when nobody says; empty where the service knows."""

    def open(self) -> None:
        """Make sure that it can be used. What is not opened is when it is first needed."""

    def secret_lookup(self, name: str, environment: str, required: tuple[str, ...]) -> Secret:
        """The named Secret, with the required keys."""

    def secret_ephemeral(self, entries: Mapping[str, str], environment: str) -> Secret:
        """A new Secret without a name."""

    def secret_create(self, name: str, entries: Mapping[str, str], environment: str, *, overwrite: bool) -> Secret:
        """A new named Secret, or the one of that name with other entries."""

    def secret_update(self, secret: Secret, entries: Mapping[str, str]) -> Secret:
        """The Secret with entries added and replaced."""

    def secret_list(self, environment: str, limit: int | None, before: float | None) -> list[Secret]:
        """The named Secrets, newest first."""

    def secret_delete(self, name: str, environment: str) -> None:
        """Delete a named Secret for good."""

    def environment_list(self) -> list[str]:
        """The names of all environments."""

    def environment_create(self, name: str) -> None:
        """Create an environment."""

    def environment_delete(self, name: str) -> None:
        """Delete an environment and what is in it."""

    def app_lookup(self, name: str, environment: str, *, create: bool) -> App:
        """The named App."""

    def app_list(self, environment: str) -> list[App]:
        """The Apps that are not stopped, newest first."""

    def app_stop(self, app: App) -> None:
        """Stop an App with its sandboxes."""

    def image_build(self, app: App, image: Image, on_log: Callable[[str], None] | None) -> ImageRecord:
        """Build an image, or find it built."""

    def image_get(self, image_id: str) -> ImageRecord:
        """A built image."""

    def image_delete(self, image_id: str) -> None:
        """Delete a built image."""

    def sandbox_create(self, app: App, image: Image, order: SandboxOrder) -> SandboxCore:
        """Start a sandbox."""

    def sandbox_get(self, sandbox_id: str) -> SandboxCore:
        """A sandbox, running or not."""

    def sandbox_list(
        self, app: App | None, environment: str, tags: Mapping[str, str], *, running_only: bool
    ) -> list[SandboxCore]:
        """Sandboxes, newest first."""

    def call(self, app: App, image: Image | None, order: CallOrder) -> Call:
        """Start a call of a Function in a process of its own."""

    def close(self) -> None:
        """End what this client runs, and let go of everything."""
