"""A definition as one Dockerfile for Docker or Podman."""

from __future__ import annotations

import contextlib
import tempfile
from dataclasses import dataclass
from typing import TYPE_CHECKING

from modal_lint_runtime.dockerfile import parse
from modal_lint_runtime.errors import InvalidError, UnsupportedError

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence

    from modal_lint_runtime.definition import Definition, Step
    from modal_lint_runtime.dockerfile import Instruction


@dataclass(frozen=True)
class BuildPlan:
    """A definition as one Dockerfile.

    ``variables`` maps the ids of secret mounts to the names of the variables that carry them to the command line tool.
    """

    dockerfile: str
    context: str | None
    variables: Mapping[str, str]
    force: bool

    @classmethod
    def of(cls, definition: Definition, values: Sequence[Mapping[str, str]], base: str) -> BuildPlan:
        """The plan of a definition whose steps get ``values``.

        Raises:
            UnsupportedError: its steps take files from more than one directory, or bring a pattern list of their own.
        """
        contexts = {str(step.context) for step in definition.steps if step.context is not None}
        if len(contexts) > 1 or any(step.ignore is not None for step in definition.steps):
            raise UnsupportedError("engine='docker' builds with one context directory and its .dockerignore.")
        lines = [f"FROM {base}"] if base else []
        variables: dict[str, str] = {}
        for number, (step, keys) in enumerate(zip(definition.steps, values, strict=True)):
            ids = {key: f"s{number}-{key}" for key in keys}
            variables |= {id_: f"MODAL_LINT_{number}_{key}" for key, id_ in ids.items()}
            lines += _lines(step, ids, base)
        if not lines or not lines[0].upper().startswith("FROM "):
            raise InvalidError("The image definition has no base: name one, or begin with FROM.")
        forced = any(step.force for step in definition.steps)
        return cls("\n".join(lines) + "\n", next(iter(contexts), None), variables, forced)

    def environment(self, values: Sequence[Mapping[str, str]]) -> dict[str, str]:
        """The variables that carry the values."""
        return {
            f"MODAL_LINT_{number}_{key}": value for number, each in enumerate(values) for key, value in each.items()
        }

    @contextlib.contextmanager
    def directory(self) -> Iterator[str]:
        """The context directory; an empty one where no step needs any."""
        if self.context is not None:
            yield self.context
            return
        with tempfile.TemporaryDirectory(prefix="modal-lint-") as empty:
            yield empty


def _lines(step: Step, ids: Mapping[str, str], base: str) -> list[str]:
    lines = [f"ARG {name}={_quoted(value)}" for name, value in step.build_args]
    for instruction in parse(step.commands) if step.commands else ():
        if instruction.name == "FROM" and base:
            continue
        mounts = [f"--mount=type=secret,id={id_},env={key},required=true" for key, id_ in ids.items()]
        lines += _written(instruction, mounts if instruction.name == "RUN" else [])
    return lines


def _written(instruction: Instruction, mounts: list[str]) -> list[str]:
    if instruction.escape != "\\":
        raise instruction.unsupported("follows an escape directive, which engine='docker' does not pass on")
    name, _, rest = instruction.text.partition(" ")
    documents = [f"{each.content}{each.name}" for each in instruction.heredocs]
    return [" ".join([name, *mounts, rest.lstrip()]), *documents]


def _quoted(value: str) -> str:
    return "'" + value.replace("'", "'\"'\"'") + "'"
