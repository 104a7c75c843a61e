"""Build steps whose commands write the secrets that they are given into the image."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, NamedTuple

from modal_lint import leaks, shell
from modal_lint.exposure import marked
from modal_lint.lazy import lazy
from modal_lint.modal_api import Sink
from modal_lint.values import Mapping, Sequence, Text

if TYPE_CHECKING:
    import ast
    from collections.abc import Iterator

    from modal_lint.source import File
    from modal_lint.uses import Given, Use
    from modal_lint.values import Values

MAX_COMMAND = 100_000  # characters of one command that are looked at
_COMMANDS = frozenset(("commands", "dockerfile_commands"))
_RUN = lazy(r"(?i)^\s*RUN\s+(?:--\S+\s+)*")
_ENV = lazy(r"(?i)^\s*ENV\s+")
_INSTRUCTION = lazy(r"(?im)^\s*(?=(?:RUN|ENV|COPY|ADD|ARG|FROM|WORKDIR|CMD|ENTRYPOINT|USER|LABEL|SHELL|EXPOSE)\s)")
_IN_ENV_FILE = "an ENV line"


class Written(NamedTuple):
    """A command of a build step that keeps a secret, and the node that stands for it in its file."""

    use: Use
    node: ast.AST
    variable: str | None
    where: str


def by_steps(file: File) -> Iterator[Written]:
    """The commands of a file that write a secret of their step into the image, each once."""
    seen: set[tuple[ast.AST, str | None]] = set()
    for use, given in file.given(Sink.COMMAND):
        if given.param.name not in _COMMANDS or not leaks.is_of_image(use) or not _has_secrets(use):
            continue
        for text in _texts(given.values(file.project.evaluator)):
            found = _stored(file, marked(text), dockerfile=use.api.name.endswith(".dockerfile_commands"))
            if found is None:
                continue
            node = _place(use, given, text)
            if (node, found.variable) not in seen:
                seen.add((node, found.variable))
                yield Written(use, node, found.variable, found.where)


def _has_secrets(use: Use) -> bool:
    """Whether a step surely has Secrets, or a credential in its ``env=``."""
    ev = use.file.project.evaluator
    for given in use.given(Sink.SECRETS):
        values = given.values(ev)
        if any(not isinstance(value, Sequence) or value.items or not value.complete for value in values):
            return True
    return any(
        leaks.is_secret_variable(use.file, key)
        for given in use.given(Sink.BUILD_ENV)
        for value in given.values(ev)
        if isinstance(value, Mapping)
        for entry in value.entries
        if isinstance(entry.key, Text) and (key := entry.key.known) is not None
    )


def _texts(values: Values, depth: int = 0) -> Iterator[Text]:
    for value in values if depth < 3 else ():
        if isinstance(value, Text):
            yield value
        elif isinstance(value, Sequence):
            for item in value.items:
                yield from _texts(item, depth + 1)


def _stored(file: File, command: str, *, dockerfile: bool) -> shell.Stored | None:
    if len(command) > MAX_COMMAND or ("$" not in command and "env" not in command):
        return None

    def is_secret(name: str) -> bool:
        return leaks.is_secret_variable(file, name)

    if not dockerfile:
        return shell.stored(command, is_secret)
    for part in _INSTRUCTION.split(command.replace("\\\n", " ")):
        if _ENV.match(part):
            variable = next(filter(is_secret, shell.variables(part)), None)
            if variable is not None:
                return shell.Stored(variable, _IN_ENV_FILE)
            continue
        found = shell.stored(re.sub(_RUN.pattern, "", part, count=1), is_secret)
        if found is not None:
            return found
    return None


def _place(use: Use, given: Given, text: Text) -> ast.AST:
    """The literal of the command, the argument, or the call: the first that is in the file."""
    file, origin, argument = use.file, text.origin, given.argument
    if origin is not None and origin.file is file:
        return origin.node
    if argument.node is not None and argument.frame is not None and argument.frame.file is file:
        return argument.node
    return use.node  # type: ignore[no-any-return]
