"""Images: a base and the steps on it, described first and built when needed."""

from __future__ import annotations

import shlex
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from modal_lint_runtime import contract
from modal_lint_runtime.apps import App
from modal_lint_runtime.arguments import directory, hook, instance, text, yes_or_no
from modal_lint_runtime.contract.verdict import kind_of
from modal_lint_runtime.errors import InvalidError
from modal_lint_runtime.secrets import Secret
from modal_lint_runtime.variables import Variables, variables

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence
    from pathlib import Path

    from modal_lint_runtime.backend import Backend
    from modal_lint_runtime.records import ImageRecord

MAX_COMMANDS = 1_000_000
"""Characters of one step's commands together."""


@dataclass(frozen=True, eq=False)
class ImageStep:
    """Dockerfile commands with their own Secrets; the variables of ``env`` win over them (S30)."""

    commands: tuple[str, ...]
    secrets: tuple[Secret, ...] = ()
    env: Variables | None = None
    context: Path | None = None
    build_args: Mapping[str, str] = field(default_factory=dict)
    force: bool = False


class Image:
    """An image: immutable, each step gives a new one. Made by `client.images`.

    Attributes:
        tag: what it starts from: a registry tag, or None for one that is known by its id.
        steps: what is done to it.
    """

    def __init__(
        self,
        backend: Backend,
        tag: str | None,
        steps: tuple[ImageStep, ...] = (),
        record: ImageRecord | None = None,
        registry_secret: Secret | None = None,
    ) -> None:
        self._backend = backend
        self._record = record
        self.tag = tag
        self.steps = steps
        self.registry_secret = registry_secret

    def __repr__(self) -> str:
        what = f"id={self.image_id!r}" if self.image_id else f"tag={self.tag!r}, steps={len(self.steps)}"
        return f"Image({what})"

    @property
    def image_id(self) -> str | None:
        """Its unique id; None until it is built."""
        return None if self._record is None or self.steps else self._record.id

    @property
    def base_id(self) -> str | None:
        """The id of the built image that the steps start from; None when they start from a tag."""
        return None if self._record is None else self._record.id

    @property
    def warnings(self) -> tuple[str, ...]:
        """What the build found amiss: files in which a command has left the value of a Secret, each with its key."""
        return () if self._record is None else self._record.warnings

    def dockerfile_commands(
        self,
        commands: Sequence[str] | str,
        *more: str,
        secrets: Sequence[Secret] | None = None,
        env: Mapping[str, str | None] | None = None,
        context_dir: Path | str | None = None,
        build_args: Mapping[str, str] | None = None,
        force_build: bool = False,
    ) -> Image:
        """The image with Dockerfile commands on top: ``RUN``, ``COPY``, ``ENV``, ``WORKDIR`` and so on.

        Args:
            commands: a list of commands, or one command; ``more`` follows it.
            secrets: Secrets whose variables the ``RUN`` commands of this step see, and no others.
            env: variables for these commands, merged into a Secret that wins over the others. Not kept in the image.
            context_dir: the directory that ``COPY`` and ``ADD`` take files from.
            build_args: values for ``ARG``; they are kept in clear.
            force_build: run the commands even when a layer for them is there.

        Raises:
            InvalidError: an argument of the wrong type or content. The commands themselves are checked by the build.
        """
        step = ImageStep(
            commands=_commands(commands, more),
            secrets=contract.secrets_list(secrets, "secrets", type_=Secret, site=contract.Site.IMAGE_STEP),
            env=variables(env, contract.Site.IMAGE_STEP),
            context=directory(context_dir, "context_dir"),
            build_args=contract.env(build_args, "build_args", site=contract.Site.IMAGE_STEP),
            force=yes_or_no(force_build, "force_build"),
        )
        return self._with(step) if step.commands else self

    def env(self, vars: Mapping[str, str]) -> Image:
        """The image with variables baked in: they are part of it in clear, and of every image made from it.

        Args:
            vars: names and values.

        Raises:
            InvalidError: no dict of strings (None is no value), or a name or value that no ``ENV`` line can hold.
        """
        entries = contract.image_env(vars, "vars")
        for key, value in entries.items():
            if "\n" in value or "\r" in value:
                raise InvalidError(f"`vars` has a line end in the value of the key {key!r}: an ENV line cannot hold it")
        lines = tuple(f"ENV {key}={shlex.quote(value)}" for key, value in entries.items())
        return self._with(ImageStep(lines)) if lines else self

    def build(self, app: App, *, on_log: Callable[[str], None] | None = None) -> Image:
        """Build the image, or find it built.

        Args:
            app: the App it is for.
            on_log: is called with parts of the log as they come, values masked.

        Returns:
            The built image, with its ``image_id`` and ``warnings``.

        Raises:
            ImageBuildError: a command failed; it ends with the masked log.
            NotFoundError: a Secret of a step has been deleted, or the base is gone.
            InvalidError: an unknown Dockerfile command or a wrong argument.
            UnsupportedError: this machine cannot build it.
        """
        owner, listener = instance(app, App, "app"), hook(on_log, "on_log")
        return Image(self._backend, self.tag, record=self.built(owner, listener))

    def built(self, app: App, on_log: Callable[[str], None] | None = None) -> ImageRecord:
        """The record of the built image, as `build` finds it."""
        if self._record is not None and not self.steps:
            return self._record
        return self._backend.image_build(app, self, on_log)

    def _with(self, step: ImageStep) -> Image:
        return Image(self._backend, self.tag, (*self.steps, step), self._record, self.registry_secret)


class Images:
    """`client.images`."""

    def __init__(self, backend: Backend) -> None:
        self._backend = backend

    def from_registry(self, tag: str, *, secret: Secret | None = None) -> Image:
        """An image of a registry. Locally the machine's own files stand in for it: nothing is pulled.

        Args:
            tag: such as ``python:3.13``.
            secret: how the registry is asked: a Secret with the keys of exactly one kind of authentication (S33).

        Raises:
            InvalidError: an argument of the wrong type, or a Secret with other keys.
        """
        wanted = text(tag, "tag", longest=512)
        if any(char.isspace() for char in wanted) or wanted.startswith("-"):
            raise InvalidError("`tag` must be the name of an image: it has a space, or a dash first")
        given = contract.one_secret(secret, "secret", type_=Secret)
        if given is not None:
            contract.registry_auth(given.keys, "secret")
        return Image(self._backend, wanted, registry_secret=given)

    def from_id(self, image_id: str) -> Image:
        """A built image. Raises NotFoundError when there is none, InvalidError for no string."""
        return Image(self._backend, None, record=self._backend.image_get(_id(image_id)))

    def delete(self, image_id: str) -> None:
        """Delete a built image. Raises NotFoundError when there is none, InvalidError for no string."""
        self._backend.image_delete(_id(image_id))


def _id(value: object) -> str:
    if not isinstance(value, str):
        raise InvalidError(f"`image_id` must be a string, got {kind_of(value)}")
    return value


def _commands(commands: object, more: tuple[object, ...]) -> tuple[str, ...]:
    first = [commands] if isinstance(commands, str) else commands
    if not isinstance(first, (list, tuple)):
        raise InvalidError(f"`commands` must be a list of strings, got {kind_of(commands)}")
    given = [*first, *more]
    for number, each in enumerate(given, 1):
        if not isinstance(each, str):
            raise InvalidError(f"`commands`: number {number} must be a string, got {kind_of(each)}")
    if sum(map(len, given)) > MAX_COMMANDS:
        raise InvalidError(f"`commands` must be at most {MAX_COMMANDS} characters together")
    return tuple(given)
