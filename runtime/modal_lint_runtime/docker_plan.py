"""A definition as one Dockerfile for Docker or Podman."""

from __future__ import annotations

import json
from dataclasses import dataclass
from typing import TYPE_CHECKING

from modal_lint_runtime.definition import DEFAULT_SHELL
from modal_lint_runtime.dockerfile import parse
from modal_lint_runtime.errors import InvalidError, UnsupportedError
from modal_lint_runtime.instructions import run_arguments

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from modal_lint_runtime.definition import Definition
    from modal_lint_runtime.dockerfile import Instruction


MOUNTED = (
    'while [ "$1" != -- ]; do modal_lint_value=$(cat "/run/secrets/$2"; echo .); '
    'command export "$1=${modal_lint_value%.}"; shift 2; done; shift; exec "$@"'
)
"""What a ``RUN`` with Secrets begins as. Mounts that are variables (``env=``) need Docker 27.2, and Podman has none."""


@dataclass(frozen=True)
class BuildPlan:
    """A definition as one Dockerfile.

    ``context`` is the directory that its steps copy from, None when they do not; ``variables`` maps the ids of secret
    mounts to the names of the variables that carry them to the command line tool; ``shell`` is the one in force at the
    end.
    """

    dockerfile: str
    context: str | None
    variables: Mapping[str, str]
    force: bool
    shell: tuple[str, ...]

    @classmethod
    def of(
        cls,
        definition: Definition,
        values: Sequence[Mapping[str, str]],
        base: str,
        shell: tuple[str, ...] | None = None,
    ) -> BuildPlan:
        """The plan of a definition whose steps get ``values``, on a base whose shell is as told.

        Raises:
            UnsupportedError: its steps take files from more than one directory, or bring a pattern list of their own.
        """
        contexts = {str(step.context) for step in definition.steps if step.context is not None}
        if len(contexts) > 1 or any(step.ignore is not None for step in definition.steps):
            raise UnsupportedError("engine='docker' builds with one context directory and its .dockerignore.")
        lines = [f"FROM {base}"] if base else []
        variables: dict[str, str] = {}
        current = shell or DEFAULT_SHELL
        for number, (step, keys) in enumerate(zip(definition.steps, values, strict=True)):
            ids = {key: f"s{number}-{key}" for key in keys}
            variables |= {id_: f"MODAL_LINT_{number}_{key}" for key, id_ in ids.items()}
            lines += [f"ARG {name}={_quoted(value)}" for name, value in step.build_args]
            for instruction in parse(step.commands) if step.commands else ():
                if instruction.name == "FROM":
                    current = shell or DEFAULT_SHELL
                    if len(lines) == 1 and base and instruction.args[0] in (definition.base, "base"):
                        continue
                elif instruction.name == "SHELL" and instruction.exec_form:
                    current = instruction.args
                lines += _written(instruction, ids, current)
        if not lines or not lines[0].upper().startswith("FROM "):
            raise InvalidError("The image definition has no base: name one, or begin with FROM.")
        forced = any(step.force for step in definition.steps)
        return cls("\n".join(lines) + "\n", next(iter(contexts), None), variables, forced, current)

    def environment(self, values: Sequence[Mapping[str, str]]) -> dict[str, str]:
        """The variables that carry the values."""
        return {
            f"MODAL_LINT_{number}_{key}": value for number, each in enumerate(values) for key, value in each.items()
        }


def _written(instruction: Instruction, ids: Mapping[str, str], shell: tuple[str, ...]) -> list[str]:
    if instruction.escape != "\\":
        raise instruction.unsupported("follows an escape directive, which engine='docker' does not pass on")
    if instruction.name == "RUN" and ids:
        return [_run(instruction, ids, shell)]
    documents = [f"{each.content}{each.name}" for each in instruction.heredocs]
    return [instruction.text, *documents]


def _run(instruction: Instruction, ids: Mapping[str, str], shell: tuple[str, ...]) -> str:
    mounts = [f"--mount=type=secret,id={id_},required=true" for id_ in ids.values()]
    # PATH last: until then it is the image's, in which cat is found.
    pairs = [word for key in sorted(ids, key="PATH".__eq__) for word in (key, ids[key])]
    command = ["/bin/sh", "-c", MOUNTED, "sh", *pairs, "--", *run_arguments(instruction, shell)]
    return " ".join(["RUN", *instruction.flags, *mounts, json.dumps(command)])


def _quoted(value: str) -> str:
    return "'" + value.replace("'", "'\"'\"'") + "'"
