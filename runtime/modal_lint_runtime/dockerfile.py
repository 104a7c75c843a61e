"""Dockerfile commands as instructions.

The grammar (directives, continuation lines, comments, here-documents, exec form, variable expansion) is the business of
``e2b-dockerfile-utils``, a typed port of BuildKit's own parser without dependencies. ``dockerfile-parse`` 2.0.1 (2023)
knows no here-documents and no types; ``dockerfile`` 3.4.0 wraps the Go parser but is archived, without wheels for
arm64. The chosen one wants Python 3.11; on 3.10 parsing raises `UnsupportedError`.
"""

from __future__ import annotations

import difflib
import re
from dataclasses import dataclass
from typing import TYPE_CHECKING

from modal_lint_runtime.errors import InvalidError, UnsupportedError

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping
    from types import ModuleType

    from e2b_dockerfile_utils import DockerfileInstruction, DockerfileSyntaxError

#: Instructions with an effect on the image.
EFFECTIVE = frozenset({"ADD", "ARG", "CMD", "COPY", "ENTRYPOINT", "ENV", "FROM", "RUN", "SHELL", "USER", "WORKDIR"})
#: Instructions that describe an image to a container engine and change nothing here.
DESCRIPTIVE = frozenset({"EXPOSE", "HEALTHCHECK", "LABEL", "MAINTAINER", "STOPSIGNAL", "VOLUME"})

_PLAIN_WORD = re.compile(r"[A-Za-z]{1,24}")
_UNKNOWN = "unknown instruction: "


@dataclass(frozen=True)
class Heredoc:
    """A here-document: its terminator, its lines (without tabs for ``<<-``), and whether ``$NAME`` is expanded."""

    name: str
    content: str
    expand: bool


@dataclass(frozen=True)
class Instruction:
    """One Dockerfile instruction.

    ``args`` are the words as BuildKit splits them (``ENV`` gives name, value, separator in turn); ``exec_form``: they
    were a JSON array; ``flags`` keep their dashes (``--chown=1:1``); ``text`` is the joined line without
    here-documents; ``line`` counts from 1; ``escape`` is the escape character in force.
    """

    name: str
    args: tuple[str, ...]
    exec_form: bool
    flags: tuple[str, ...]
    heredocs: tuple[Heredoc, ...]
    text: str
    line: int
    escape: str = "\\"

    def flag(self, name: str) -> str | None:
        """The value of ``--name=value`` (empty for a bare ``--name``), None when it is not there."""
        for flag in self.flags:
            found, _, value = flag.partition("=")
            if found == f"--{name}":
                return value
        return None

    def flag_names(self) -> tuple[str, ...]:
        """The names of all flags, without dashes."""
        return tuple(flag.partition("=")[0].lstrip("-") for flag in self.flags)

    def invalid(self, reason: str) -> InvalidError:
        """An `InvalidError` that names this instruction and its line, never its text."""
        return InvalidError(f"{self.name} on line {self.line} of the Dockerfile commands {reason}.")

    def unsupported(self, reason: str) -> UnsupportedError:
        """An `UnsupportedError` that names this instruction and its line."""
        return UnsupportedError(f"{self.name} on line {self.line} of the Dockerfile commands {reason}.")


def parse(commands: Iterable[str]) -> tuple[Instruction, ...]:
    """The instructions in ``commands``, which are joined by newlines as the SDK does.

    Raises `InvalidError` for an unknown instruction (named) and bad syntax (line named), `UnsupportedError` when the
    parser is not installed.
    """
    text = "\n".join(commands)
    if "\0" in text:
        raise InvalidError("Dockerfile commands must not contain a null character.")
    library = _library()
    try:
        tree = library.parse_dockerfile_ast(text)
    except library.DockerfileSyntaxError as error:
        raise _syntax_error(error) from None
    return tuple(_instruction(each, tree.escape_token, library) for each in tree.instructions)


def expand(word: str, variables: Mapping[str, str], instruction: Instruction) -> str:
    """``word`` without its quotes, ``$NAME`` and ``${NAME…}`` replaced from ``variables`` (unset ones are empty).

    Raises `InvalidError` naming the instruction when quotes or braces do not match.
    """
    lexer = _library().ShellLex(instruction.escape, env=variables, skip_unset_env=False)
    try:
        expanded: str = lexer.process_word(word)
    except ValueError:
        raise instruction.invalid("has unbalanced quotes or an unknown substitution") from None
    return expanded


def expand_heredoc(heredoc: Heredoc, variables: Mapping[str, str], instruction: Instruction) -> str:
    """The here-document's content, expanded unless its terminator was quoted; quotes inside it stay."""
    if not heredoc.expand:
        return heredoc.content
    lexer = _library().ShellLex(
        instruction.escape, env=variables, skip_unset_env=False, skip_process_quotes=True, raw_quotes=True
    )
    try:
        expanded: str = lexer.process_word(heredoc.content)
    except ValueError:
        raise instruction.invalid("has an unknown substitution in its here-document") from None
    return expanded


def ignore_matcher(patterns: list[str]) -> object:
    """A matcher with ``matches(path)`` and ``may_match_under(path)`` of ``.dockerignore`` patterns."""
    try:
        return _library().PatternMatcher(patterns)
    except ValueError:
        raise InvalidError("The ignore patterns (.dockerignore) hold a pattern that is not valid.") from None


def _library() -> ModuleType:
    try:
        import e2b_dockerfile_utils
    except ImportError:
        raise UnsupportedError(
            "Dockerfile commands need the extra 'modal-lint[runtime]' (e2b-dockerfile-utils, Python 3.11 or newer)."
        ) from None
    return e2b_dockerfile_utils


def _instruction(parsed: DockerfileInstruction, escape: str, library: ModuleType) -> Instruction:
    heredocs = tuple(
        Heredoc(each.name, library.chomp_heredoc_content(each.content) if each.chomp else each.content, each.expand)
        for each in parsed.heredocs
    )
    instruction = Instruction(
        name=parsed.name,
        args=tuple(parsed.args),
        exec_form=parsed.json,
        flags=tuple(parsed.flags),
        heredocs=heredocs,
        text=parsed.original.strip(),
        line=parsed.start_line,
        escape=escape,
    )
    if parsed.name == "ONBUILD":
        raise instruction.unsupported(
            "is not supported: images built here are never the base of a Dockerfile elsewhere"
        )
    resets = parsed.json and parsed.name in ("CMD", "ENTRYPOINT")
    if not parsed.args and not resets and parsed.name not in DESCRIPTIVE:
        raise instruction.invalid("needs an argument")
    return instruction


def _syntax_error(error: DockerfileSyntaxError) -> InvalidError:
    # The parser's own texts quote the line, which may hold a credential: only the instruction's name is taken over.
    _, found, rest = str(error).partition(_UNKNOWN)
    where = f"on line {error.line} of the Dockerfile commands"
    if not found:
        return InvalidError(f"Syntax error {where}.")
    if not _PLAIN_WORD.fullmatch(rest):
        return InvalidError(f"Unknown Dockerfile instruction {where}.")
    near = difflib.get_close_matches(rest.upper(), sorted(EFFECTIVE | DESCRIPTIVE), n=1)
    hint = f" Did you mean {near[0]}?" if near else ""
    return InvalidError(f"Unknown Dockerfile instruction {rest!r} {where}.{hint}")
