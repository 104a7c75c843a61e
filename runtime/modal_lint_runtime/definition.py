"""What an image is made of, before it is built; and what a built image leaves to the processes started from it.

Neither holds a Secret's value. The key under which a layer is cached takes the names of Secrets and of their keys, so a
new value under an old key does not build again: so does the real service for what it can be seen to do (S42). Force a
step for that.
"""

from __future__ import annotations

import hashlib
import json
from dataclasses import asdict, dataclass, field, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

from modal_lint_runtime.errors import InvalidError

if TYPE_CHECKING:
    from collections.abc import Mapping

    from modal_lint_runtime.records import ImageRecord, SecretRecord

DEFAULT_SHELL = ("/bin/sh", "-c")
_KEY_LENGTH = 32  # hex digits: 128 bits, and short enough for a mount of many layers


@dataclass(frozen=True)
class Step:
    """Dockerfile commands that share Secrets and a build context.

    Args:
        commands: lines of a Dockerfile; instructions may span several.
        secret_ids: ids of the Secrets that the commands see, in order: a later one wins.
        env_secret_id: the Secret that holds the step's ``env``; it wins over the others.
        force: run the commands even when a layer for them is there.
        context: the directory that ``COPY`` and ``ADD`` take files from.
        build_args: values for ``ARG`` names, kept in clear, as pairs.
        ignore: patterns to use in place of the context's ``.dockerignore``.
    """

    commands: tuple[str, ...]
    secret_ids: tuple[str, ...] = ()
    env_secret_id: str | None = None
    force: bool = False
    context: Path | None = None
    build_args: tuple[tuple[str, str], ...] = ()
    ignore: tuple[str, ...] | None = None

    @property
    def sources(self) -> tuple[str, ...]:
        """The ids of all Secrets of the step, the one that wins last."""
        return (*self.secret_ids, self.env_secret_id) if self.env_secret_id else self.secret_ids


@dataclass(frozen=True)
class Definition:
    """An image to build: a base and the steps on it.

    Args:
        base: a registry tag (the host's root stands in for it), or the id of a built image (``im-…``). Empty when the
            first command is ``FROM``.
        steps: what to do, in order.
    """

    base: str = ""
    steps: tuple[Step, ...] = ()

    def to_json(self) -> dict[str, Any]:
        """The definition as JSON's types."""
        steps = [{**asdict(step), "context": str(step.context) if step.context else None} for step in self.steps]
        plain: dict[str, Any] = json.loads(json.dumps({"base": self.base, "steps": steps}))
        return plain

    @classmethod
    def from_json(cls, plain: Mapping[str, Any]) -> Definition:
        """The definition that `to_json` wrote.

        Raises:
            InvalidError: it is not of that shape.
        """
        try:
            return cls(base=str(plain["base"]), steps=tuple(_step(each) for each in plain["steps"]))
        except (KeyError, TypeError, ValueError):
            raise InvalidError("The image definition is not of the form that Definition.to_json writes.") from None


@dataclass(frozen=True)
class ImageState:
    """What the instructions so far have set for the processes to come.

    ``workdir`` is None until ``WORKDIR``; ``cmd_is_inherited`` says that the base image's ``CMD`` is still in force;
    ``ENTRYPOINT`` clears that one, as in Docker.
    """

    env: Mapping[str, str] = field(default_factory=dict)
    workdir: str | None = None
    shell: tuple[str, ...] = DEFAULT_SHELL
    entrypoint: tuple[str, ...] | None = None
    cmd: tuple[str, ...] | None = None
    cmd_is_inherited: bool = False

    @classmethod
    def of(cls, image: ImageRecord) -> ImageState:
        """What a built image leaves to those built on it."""
        return cls(
            env=dict(image.env),
            workdir=image.workdir,
            shell=image.shell or DEFAULT_SHELL,
            entrypoint=image.entrypoint,
            cmd=image.cmd,
            cmd_is_inherited=image.cmd is not None,
        )

    def with_env(self, variables: Mapping[str, str]) -> ImageState:
        """The state after ``ENV``."""
        return replace(self, env={**self.env, **variables})

    def with_entrypoint(self, entrypoint: tuple[str, ...]) -> ImageState:
        """The state after ``ENTRYPOINT``."""
        cmd = None if self.cmd_is_inherited else self.cmd
        return replace(self, entrypoint=entrypoint, cmd=cmd, cmd_is_inherited=False)

    def with_cmd(self, cmd: tuple[str, ...]) -> ImageState:
        """The state after ``CMD``."""
        return replace(self, cmd=cmd, cmd_is_inherited=False)

    def settings(self) -> dict[str, Any]:
        """The state as JSON's types, for a content key."""
        return {
            "env": dict(self.env),
            "workdir": self.workdir,
            "shell": self.shell,
            "entrypoint": self.entrypoint,
            "cmd": self.cmd,
        }


def content_key(*parts: object) -> str:
    """A digest of JSON-able parts, equal when they are."""
    text = json.dumps(parts, sort_keys=True, separators=(",", ":"))
    return hashlib.sha256(text.encode("utf-8", "surrogateescape")).hexdigest()[:_KEY_LENGTH]


def secret_identity(secret: SecretRecord) -> list[object]:
    """What of a Secret counts for the cache: its environment and name (None when ephemeral) and its keys."""
    return [secret.environment if secret.name else None, secret.name, sorted(secret.keys)]


def _step(plain: Mapping[str, Any]) -> Step:
    context, ignore = plain.get("context"), plain.get("ignore")
    return Step(
        commands=tuple(plain["commands"]),
        secret_ids=tuple(plain.get("secret_ids", ())),
        env_secret_id=plain.get("env_secret_id"),
        force=bool(plain.get("force")),
        context=Path(context) if context else None,
        build_args=tuple((name, value) for name, value in plain.get("build_args", ())),
        ignore=None if ignore is None else tuple(ignore),
    )
