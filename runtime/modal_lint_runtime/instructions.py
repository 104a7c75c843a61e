"""What instructions mean: the arguments that a command runs with, and the changes to an image's settings."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

from modal_lint_runtime.dockerfile import expand
from modal_lint_runtime.layer_view import absolute

if TYPE_CHECKING:
    from collections.abc import Mapping

    from modal_lint_runtime.definition import ImageState
    from modal_lint_runtime.dockerfile import Instruction

#: Runs a here-document that begins with ``#!`` by its own interpreter, as BuildKit does.
_SCRIPT = 'f=$(mktemp) && trap \'rm -f "$f"\' EXIT && printf %s "$1" >"$f" && chmod 700 "$f" && "$f"'
_ROOT = ("root", "0", "root:root", "0:0")


def run_arguments(instruction: Instruction, shell: tuple[str, ...]) -> tuple[str, ...]:
    """The argument list of a ``RUN``: its JSON array, or its text (with here-documents) for the shell in force."""
    if instruction.exec_form:
        return instruction.args
    command, documents = instruction.args[0], instruction.heredocs
    if len(documents) == 1 and command.startswith("<<") and not command.split(maxsplit=1)[1:]:
        body = documents[0].content
        return ("/bin/sh", "-c", _SCRIPT, "sh", body) if body.startswith("#!") else (*shell, body)
    return (*shell, "\n".join([command, *(f"{each.content}{each.name}" for each in documents)]))


def run_network(instruction: Instruction) -> bool:
    """Whether a ``RUN`` has the network. Raises UnsupportedError for options other than ``--network``."""
    for flag in instruction.flag_names():
        if flag != "network":
            hint = ": the step's Secrets are its environment variables" if flag == "mount" else ""
            raise instruction.unsupported(f"has the option --{flag}, which the local engine does not have{hint}")
    network = instruction.flag("network")
    if network not in (None, "default", "none", "host"):
        raise instruction.invalid("has a --network that is not known")
    return network != "none"


def argument(instruction: Instruction, given: Mapping[str, str], variables: Mapping[str, str]) -> dict[str, str]:
    """What ``ARG`` defines: ``given`` values win over the defaults in it; a name with neither stays undefined."""
    defined: dict[str, str] = {}
    for word in instruction.args:
        name, has_default, default = word.partition("=")
        if name in given:
            defined[name] = given[name]
        elif has_default:
            defined[name] = expand(default, {**variables, **defined}, instruction)
    return defined


def apply_setting(instruction: Instruction, state: ImageState, variables: Mapping[str, str]) -> ImageState:
    """The state after an instruction that changes no file.

    Raises:
        InvalidError: its arguments are wrong.
        UnsupportedError: ``USER`` other than root.
    """
    match instruction.name:
        case "ENV":
            return state.with_env(_environment(instruction, variables))
        case "SHELL":
            if not instruction.exec_form or not instruction.args:
                raise instruction.invalid("needs a JSON array")
            return replace(state, shell=instruction.args)
        case "WORKDIR":
            return replace(state, workdir=_workdir(instruction, state, variables))
        case "ENTRYPOINT":
            return state.with_entrypoint(_command(instruction, state))
        case "CMD":
            return state.with_cmd(_command(instruction, state))
        case "USER":
            if expand(instruction.args[0], variables, instruction).strip() not in _ROOT:
                raise instruction.unsupported(
                    "is supported for root only: the local engine runs all as the image's root"
                )
    return state


def _environment(instruction: Instruction, variables: Mapping[str, str]) -> dict[str, str]:
    words = instruction.args
    pairs = zip(words[0::3], words[1::3], strict=True)
    environment = {expand(name, variables, instruction): expand(value, variables, instruction) for name, value in pairs}
    if "" in environment:
        raise instruction.invalid("has an empty name")
    return environment


def _workdir(instruction: Instruction, state: ImageState, variables: Mapping[str, str]) -> str:
    path = expand(instruction.args[0], variables, instruction)
    return str(absolute(path, state.workdir))


def _command(instruction: Instruction, state: ImageState) -> tuple[str, ...]:
    return instruction.args if instruction.exec_form else (*state.shell, *instruction.args)
