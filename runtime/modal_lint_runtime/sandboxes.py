"""Sandboxes: containers to run anything in, each with the variables it is given and no others."""

from __future__ import annotations

from typing import TYPE_CHECKING

from modal_lint_runtime import contract
from modal_lint_runtime.apps import App
from modal_lint_runtime.arguments import instance, seconds, yes_or_no
from modal_lint_runtime.backend import ExecOrder, SandboxOrder
from modal_lint_runtime.contract.verdict import kind_of
from modal_lint_runtime.errors import InvalidError, SandboxTerminatedError, SandboxTimeoutError
from modal_lint_runtime.images import Image
from modal_lint_runtime.sandbox_process import Process
from modal_lint_runtime.streams import Reader, Writer
from modal_lint_runtime.variables import sources

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from modal_lint_runtime.backend import Backend, Runs, SandboxCore
    from modal_lint_runtime.isolation import Isolation
    from modal_lint_runtime.scope import Scope
    from modal_lint_runtime.secrets import Secret


class Sandbox:
    """A sandbox. Made by `client.sandboxes`; leaving its ``with`` block terminates it.

    The process that created a sandbox can start processes in it and read its output. Another process that asks for it
    by its id can see its state and terminate it.
    """

    def __init__(self, core: SandboxCore) -> None:
        self._core = core
        self._streams: tuple[Reader, Reader, Writer] | None = None

    def __repr__(self) -> str:
        return f"Sandbox({self._core.id!r})"

    def __enter__(self) -> Sandbox:
        return self

    def __exit__(self, *_: object) -> None:
        self.terminate()

    @property
    def core(self) -> SandboxCore:
        """What the backend has of it."""
        return self._core

    @property
    def sandbox_id(self) -> str:
        """Its unique id."""
        return self._core.id

    @property
    def app_id(self) -> str:
        """The id of its App."""
        return self._core.app_id

    @property
    def name(self) -> str | None:
        """Its name, if it has one."""
        return self._core.name

    @property
    def tags(self) -> dict[str, str]:
        """Its tags."""
        return dict(self._core.tags)

    @property
    def state(self) -> str:
        """``running``, ``finished``, ``terminated``, ``timeout``, ``failed``, or ``lost``: its owner died."""
        return self._core.state

    @property
    def isolation(self) -> Isolation | None:
        """How far it is kept from the rest of this machine; None when it runs elsewhere."""
        return self._core.isolation

    @property
    def stdout(self) -> Reader:
        """What its main process writes to standard output. Raises UnsupportedError in another process."""
        return self._main()[0]

    @property
    def stderr(self) -> Reader:
        """What its main process writes to standard error. Raises UnsupportedError in another process."""
        return self._main()[1]

    @property
    def stdin(self) -> Writer:
        """The standard input of its main process. Raises UnsupportedError in another process."""
        return self._main()[2]

    @property
    def returncode(self) -> int | None:
        """Its exit code; None while it runs."""
        return self._core.poll()

    def exec(
        self,
        command: Sequence[str],
        *,
        secrets: Sequence[Secret] | None = None,
        env: Mapping[str, str | None] | None = None,
        workdir: str | None = None,
        timeout: float | None = None,
        pty: bool = False,
    ) -> Process:
        """Start a process in the sandbox.

        Args:
            command: program and arguments. No shell reads them.
            secrets: Secrets for this process, over the sandbox's variables; later ones win.
            env: variables for this process, over the Secrets.
            workdir: the absolute path where it starts; by default the sandbox's.
            timeout: seconds until it is killed, with exit code 124.
            pty: give it a terminal; its output and errors then come together.

        Raises:
            InvalidError: an argument of the wrong type or content.
            NotFoundError: a Secret has been deleted.
            SandboxTerminatedError, SandboxTimeoutError: the sandbox has ended.
            UnsupportedError: the sandbox belongs to another process.
        """
        return Process(self.start(command, secrets, env, workdir, timeout, pty))

    def start(
        self, command: object, secrets: object, env: object, workdir: object, timeout: object, pty: object
    ) -> Runs:
        """Check the arguments of `exec` and start its process."""
        order = ExecOrder(
            args=arguments(command, "command"),
            sources=sources(secrets, env, contract.Site.EXEC),
            workdir=contract.workdir(workdir, "workdir"),
            timeout=seconds(timeout, "timeout"),
            pty=yes_or_no(pty, "pty"),
        )
        return self._core.exec(order)

    def poll(self) -> int | None:
        """Its exit code; None while it runs."""
        return self._core.poll()

    def wait(self, *, raise_on_termination: bool = True) -> int:
        """Wait for its end and return its exit code.

        Args:
            raise_on_termination: raise when it was terminated; otherwise the exit code is 137.

        Raises:
            SandboxTimeoutError: it outlived its timeout; `returncode` is 124.
            SandboxTerminatedError: it was terminated, or the process it belongs to died.
        """
        strict = yes_or_no(raise_on_termination, "raise_on_termination")
        return self.outcome(self._core.wait(), strict=strict)

    def outcome(self, code: int, *, strict: bool) -> int:
        """The exit code of a sandbox that has ended, or the exception that says how (P sandbox/_common.py:828)."""
        state = self._core.state
        if state == "timeout":
            raise SandboxTimeoutError(f"Sandbox {self._core.id} ran into its timeout")
        if strict and state in ("terminated", "lost"):
            raise SandboxTerminatedError(f"Sandbox {self._core.id} was terminated")
        return code

    def terminate(self) -> int:
        """End it now, with all its processes; returns its exit code: 137, or what it had ended with before."""
        return self._core.terminate()

    def _main(self) -> tuple[Reader, Reader, Writer]:
        if self._streams is None:
            main = self._core.main()
            self._streams = Reader(main.stdout), Reader(main.stderr), Writer(main)
        return self._streams


_Found = list[Sandbox]


class Sandboxes:
    """`client.sandboxes`."""

    def __init__(self, backend: Backend, scope: Scope) -> None:
        self._backend = backend
        self._scope = scope

    def create(
        self,
        app: App,
        image: Image,
        *,
        secrets: Sequence[Secret] | None = None,
        env: Mapping[str, str | None] | None = None,
        command: Sequence[str] | None = None,
        name: str | None = None,
        tags: Mapping[str, str] | None = None,
        timeout: float | None = contract.SANDBOX_TIMEOUT,
        workdir: str | None = None,
        block_network: bool = False,
    ) -> Sandbox:
        """Start a sandbox.

        Args:
            app: the App it belongs to.
            image: what it runs in; it is built when it is not.
            secrets: Secrets whose variables it gets, over those of the image; later ones win.
            env: variables over the Secrets: merged into one more Secret, which is not kept.
            command: its main process; None waits until it is terminated.
            name: a name that no other running sandbox of the App has.
            tags: tags to find it by; they are kept in clear.
            timeout: seconds until it is killed, with exit code 124; None for no limit.
            workdir: the absolute path where its processes start; by default the image's.
            block_network: give it no network.

        Raises:
            NotFoundError: a Secret or the App has been deleted.
            AlreadyExistsError: the name is taken.
            InvalidError: an argument of the wrong type or content.
            UnsupportedError: this machine cannot give it what is asked: no network without isolation, for example.
            ImageBuildError: the image is not built yet, and a command of it fails.
        """
        given, base = instance(app, App, "app"), instance(image, Image, "image")
        order = SandboxOrder(
            sources=sources(secrets, env, contract.Site.SANDBOX),
            command=None if command is None else arguments(command, "command"),
            name=None if name is None else contract.object_name(name, "Sandbox"),
            tags=contract.tags(tags, "tags"),
            timeout=seconds(timeout, "timeout"),
            workdir=contract.workdir(workdir, "workdir"),
            network=not yes_or_no(block_network, "block_network"),
        )
        return Sandbox(self._backend.sandbox_create(given, base, order))

    def from_id(self, sandbox_id: str) -> Sandbox:
        """A sandbox by its id, running or not. Raises NotFoundError when there is none, InvalidError for no string."""
        if not isinstance(sandbox_id, str):
            raise InvalidError(f"`sandbox_id` must be a string, got {kind_of(sandbox_id)}")
        return Sandbox(self._backend.sandbox_get(sandbox_id))

    def list(
        self,
        app: App | None = None,
        *,
        tags: Mapping[str, str] | None = None,
        environment: str | None = None,
        include_finished: bool = False,
    ) -> _Found:
        """Sandboxes, newest first, of all processes.

        Args:
            app: only those of this App.
            tags: only those with all these tags.
            environment: which environment's; by default the client's. Not asked with an ``app``.
            include_finished: those that have ended too.

        Raises:
            NotFoundError: there is no such environment.
            InvalidError: an argument of the wrong type or content.
        """
        given = None if app is None else instance(app, App, "app")
        wanted = contract.tags(tags, "tags")
        running = not yes_or_no(include_finished, "include_finished")
        found = self._backend.sandbox_list(given, self._scope.environment(environment), wanted, running_only=running)
        return [Sandbox(core) for core in found]


def arguments(command: object, argument: str) -> tuple[str, ...]:
    """Program and arguments. Raises InvalidError for no list of strings, an empty one, or one no process can get."""
    found = contract.arguments(command, argument)
    if not found or not found[0]:
        raise InvalidError(f"`{argument}` must name a program")
    if any("\0" in each for each in found):
        raise InvalidError(f"`{argument}` has a NUL character")
    try:
        "".join(found).encode()
    except UnicodeEncodeError:
        raise InvalidError(f"`{argument}` has a lone surrogate") from None
    return found
