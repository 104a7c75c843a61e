"""The backend of this machine: a workspace in a directory, a builder, and real processes."""

from __future__ import annotations

import atexit
import contextlib
import os
import threading
import weakref
from typing import TYPE_CHECKING, Literal

from modal_lint_runtime import contract
from modal_lint_runtime.apps import App
from modal_lint_runtime.errors import ConflictError, UnsupportedError, WorkspaceError
from modal_lint_runtime.secrets import Secret

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping
    from pathlib import Path

    from modal_lint_runtime.backend import Call, CallOrder, SandboxCore, SandboxOrder
    from modal_lint_runtime.builder import Builder
    from modal_lint_runtime.definition import Step
    from modal_lint_runtime.images import Image, ImageStep
    from modal_lint_runtime.isolation import Isolation
    from modal_lint_runtime.keeper import Keeper
    from modal_lint_runtime.local_calls import LocalCall
    from modal_lint_runtime.records import AppRecord, ImageRecord, SecretRecord
    from modal_lint_runtime.scratch import Scratch
    from modal_lint_runtime.workspace import Workspace

Engine = Literal["local", "docker"]


class LocalBackend:
    """What a client has on this machine.

    Args:
        path: the workspace's directory; None for the default one.
        engine: what builds images and runs sandboxes.
        isolated: use the isolation that there is; otherwise containers are plain processes.
        allow_host_builds: run build commands on the machine itself where an image cannot have a root of its own.
    """

    def __init__(
        self,
        path: Path | str | None = None,
        *,
        engine: Engine = "local",
        isolated: bool = True,
        allow_host_builds: bool = False,
    ) -> None:
        self._path = path
        self.engine = engine
        self._isolated = isolated
        self._allow_host_builds = allow_host_builds
        self._lock = threading.RLock()
        self._workspace: Workspace | None = None
        self._builder: Builder | None = None
        self._scratch: Scratch | None = None
        self._keeper: Keeper | None = None
        self._closed = False
        self._calls: weakref.WeakSet[LocalCall] = weakref.WeakSet()
        self._step_secrets: weakref.WeakKeyDictionary[ImageStep, str] = weakref.WeakKeyDictionary()
        _OPEN.add(self)

    def open(self) -> None:
        """Open the workspace. Raises WorkspaceError when it cannot be, InvalidError when its path is none."""
        _ = self.workspace

    @property
    def default_environment(self) -> str:
        """The environment that is meant when nobody says."""
        return contract.DEFAULT_ENVIRONMENT

    @property
    def workspace(self) -> Workspace:
        """The workspace, opened when it is first needed. Raises WorkspaceError when it cannot be, or after `close`."""
        from modal_lint_runtime.workspace import Workspace

        with self._lock:
            if self._closed:
                raise WorkspaceError("The client is closed.")
            if self._workspace is None:
                self._workspace = Workspace(self._path)
            return self._workspace

    @property
    def isolation(self) -> Isolation:
        """How far containers are kept from the rest of the machine."""
        from modal_lint_runtime.isolation import PLAIN, detect

        return detect() if self._isolated else PLAIN

    @property
    def builder(self) -> Builder:
        """What builds images."""
        from modal_lint_runtime.builder import Builder

        with self._lock:
            if self._builder is None:
                self._builder = Builder(
                    self.workspace, self.isolation, self.engine, allow_host_builds=self._allow_host_builds
                )
            return self._builder

    @property
    def scratch(self) -> Scratch:
        """Where containers have what is theirs for the time being."""
        from modal_lint_runtime.scratch import Scratch

        with self._lock:
            if self._scratch is None:
                self._scratch = Scratch(self.workspace.root)
            return self._scratch

    @property
    def keeper(self) -> Keeper:
        """What looks after the sandboxes of this client."""
        from modal_lint_runtime.keeper import Keeper

        with self._lock:
            if self._keeper is None:
                self._keeper = Keeper(self.workspace)
            return self._keeper

    def secret_lookup(self, name: str, environment: str, required: tuple[str, ...]) -> Secret:
        """The named Secret, with the required keys."""
        return _secret(self.workspace.secret_lookup(name, environment, required))

    def secret_ephemeral(self, entries: Mapping[str, str], environment: str) -> Secret:
        """A new Secret without a name."""
        return _secret(self.workspace.secret_ephemeral(entries, environment))

    def secret_create(self, name: str, entries: Mapping[str, str], environment: str, *, overwrite: bool) -> Secret:
        """A new named Secret, or the one of that name with other entries."""
        conflict: Literal["overwrite", "fail"] = "overwrite" if overwrite else "fail"
        return _secret(self.workspace.secret_create(name, entries, environment, on_conflict=conflict))

    def secret_update(self, secret: Secret, entries: Mapping[str, str]) -> Secret:
        """The Secret with entries added and replaced."""
        return _secret(self.workspace.secret_update(secret.secret_id, entries))

    def secret_list(self, environment: str, limit: int | None, before: float | None) -> list[Secret]:
        """The named Secrets, newest first."""
        return [_secret(record) for record in self.workspace.secret_list(environment, limit, before)]

    def secret_delete(self, name: str, environment: str) -> None:
        """Delete a named Secret for good."""
        self.workspace.secret_delete(self.workspace.secret_lookup(name, environment).id)

    def environment_list(self) -> list[str]:
        """The names of all environments."""
        return [record.name for record in self.workspace.environments()]

    def environment_create(self, name: str) -> None:
        """Create an environment."""
        self.workspace.environment_create(name)

    def environment_delete(self, name: str) -> None:
        """Delete an environment and what is in it."""
        self.workspace.environment_delete(name)

    def app_lookup(self, name: str, environment: str, *, create: bool) -> App:
        """The named App."""
        return _app(self.workspace.app_lookup(name, environment, create_if_missing=create))

    def app_list(self, environment: str) -> list[App]:
        """The Apps that are not stopped, newest first."""
        return [_app(record) for record in self.workspace.app_list(environment) if record.state != "stopped"]

    def app_stop(self, app: App) -> None:
        """Stop an App with its sandboxes."""
        self.workspace.app_stop(app.app_id)
        for core in self.sandbox_list(app, app.environment, {}, running_only=True):
            core.terminate()

    def running_app(self, app: App) -> AppRecord:
        """The App's record. Raises NotFoundError when it is gone, ConflictError when it is stopped."""
        record = self.workspace.app_get(app.app_id)
        if record.state == "stopped":
            raise ConflictError(f"App {record.name or record.id} is stopped")
        return record

    def image_build(self, app: App, image: Image, on_log: Callable[[str], None] | None) -> ImageRecord:
        """Build an image, or find it built."""
        from modal_lint_runtime.definition import Definition

        record = self.running_app(app)
        if self.engine == "docker" and image.registry_secret is not None:
            raise UnsupportedError("engine='docker' pulls with what `docker login` has stored, and not with a Secret.")
        base = image.base_id or image.tag or ""
        steps = tuple(self._step(step, record.environment) for step in image.steps)
        return self.builder.build(Definition(base, steps), on_log=on_log)

    def image_get(self, image_id: str) -> ImageRecord:
        """A built image."""
        return self.workspace.image_get(image_id)

    def image_delete(self, image_id: str) -> None:
        """Delete a built image."""
        record = self.workspace.image_get(image_id)
        self.workspace.image_delete(image_id)
        if self.engine == "docker":
            from modal_lint_runtime.docker_engine import DockerEngine

            DockerEngine().remove_image(record)

    def sandbox_create(self, app: App, image: Image, order: SandboxOrder) -> SandboxCore:
        """Start a sandbox."""
        from modal_lint_runtime.local_sandboxes import create

        return create(self, app, image, order)

    def sandbox_get(self, sandbox_id: str) -> SandboxCore:
        """A sandbox, running or not."""
        from modal_lint_runtime.local_sandboxes import found

        return found(self.workspace, self.workspace.sandbox_get(sandbox_id))

    def sandbox_list(
        self, app: App | None, environment: str, tags: Mapping[str, str], *, running_only: bool
    ) -> list[SandboxCore]:
        """Sandboxes, newest first."""
        from modal_lint_runtime.local_sandboxes import found

        place = None if app is not None else environment
        app_id = None if app is None else app.app_id
        records = self.workspace.sandbox_list(app_id, place, tags, running_only)
        cores = [found(self.workspace, record) for record in records]
        return [core for core in cores if not running_only or core.state == "running"]

    def call(self, app: App, image: Image | None, order: CallOrder) -> Call:
        """Start a call of a Function in a process of its own."""
        from modal_lint_runtime.local_calls import start_call

        call = start_call(self, app, image, order)
        self._calls.add(call)
        if self._closed:
            call.cancel()
        return call

    def close(self) -> None:
        """End the sandboxes and calls of this client, delete what is ephemeral, and let go of everything."""
        with self._lock:
            if self._closed:
                return
            self._closed = True
            keeper, scratch, workspace = self._keeper, self._scratch, self._workspace
        _OPEN.discard(self)
        for call in tuple(self._calls):
            call.cancel()
        if keeper is not None:
            keeper.close()
        if scratch is not None:
            scratch.close()
        if workspace is not None:
            workspace.close()

    def let_go(self) -> None:
        """In a child that was forked: what this client runs is the parent's to end; the child's own is new."""
        self._lock = threading.RLock()
        self._scratch = self._keeper = None
        self._calls = weakref.WeakSet()

    def _step(self, step: ImageStep, environment: str) -> Step:
        from modal_lint_runtime.definition import Step

        return Step(
            commands=step.commands,
            secret_ids=tuple(secret.secret_id for secret in step.secrets),
            env_secret_id=self._env_secret(step, environment),
            force=step.force,
            context=step.context,
            build_args=tuple(step.build_args.items()),
        )

    def _env_secret(self, step: ImageStep, environment: str) -> str | None:
        """The id of the Secret into which a step's ``env`` is merged, made once."""
        if not step.env:
            return None
        with self._lock:
            if step not in self._step_secrets:
                self._step_secrets[step] = self.workspace.secret_ephemeral(dict(step.env), environment).id
            return self._step_secrets[step]


_OPEN: weakref.WeakSet[LocalBackend] = weakref.WeakSet()


def _after_fork() -> None:
    for backend in tuple(_OPEN):
        backend.let_go()


if hasattr(os, "register_at_fork"):
    os.register_at_fork(after_in_child=_after_fork)


@atexit.register
def _close_all() -> None:
    """End what clients that nobody closed still run, so that its records say how it ended."""
    for backend in tuple(_OPEN):
        with contextlib.suppress(WorkspaceError):
            backend.close()


def _secret(record: SecretRecord) -> Secret:
    return Secret(record.id, record.name, record.keys, record.environment)


def _app(record: AppRecord) -> App:
    return App(record.id, record.name, record.environment)
