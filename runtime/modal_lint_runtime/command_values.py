"""Where the values of `modal-lint runtime secret` come from: files, standard input, hidden prompts. Never arguments."""

from __future__ import annotations

import io
import json
import sys
from pathlib import Path
from typing import Any

import click

from modal_lint_runtime.command_common import UserError
from modal_lint_runtime.contract import is_key

STDIN = "-"
_LARGEST = 64 * 2**20  # characters: more than any Secret, less than what fills a memory


def gathered(keys: tuple[str, ...], dotenv: str | None, json_file: str | None) -> dict[str, Any]:
    """The entries of a Secret: of a .env file, of a JSON file, and of keys that are asked for.

    Args:
        keys: ``KEY`` for a hidden prompt, ``KEY=-`` for a value on standard input.
        dotenv: the path of a .env file, or ``-``.
        json_file: the path of a JSON file, or ``-``.

    Raises:
        UserError: a file that cannot be used, a value among the arguments, standard input wanted twice, or nobody to
            ask. No text of it holds a value.
    """
    wanted = [_key(text) for text in keys]
    if sum([dotenv == STDIN, json_file == STDIN, *(piped for _, piped in wanted)]) > 1:
        raise UserError("standard input can be read once: only one - is possible.")
    entries: dict[str, Any] = {}
    if dotenv is not None:
        entries.update(_dotenv(_text(dotenv), _label(dotenv)))
    if json_file is not None:
        entries.update(_json(_text(json_file), _label(json_file)))
    for key, piped in wanted:
        entries[key] = _line(_text(STDIN)) if piped else _asked(key)
    return entries


def _key(text: str) -> tuple[str, bool]:
    key, equals, value = text.partition("=")
    if equals and value != STDIN:
        raise UserError(
            "values are not taken from the command line: write KEY to be asked for it, or KEY=- and pipe it in."
        )
    return checked_key(key), bool(equals)


def checked_key(key: str) -> str:
    """An argument that must be a key. Raises UserError, which does not repeat it: it may be a value by mistake."""
    if not is_key(key):
        raise UserError("an argument is no KEY: letters, digits and underscores, and no digit first.")
    return key


def _asked(key: str) -> str:
    if not sys.stdin.isatty():
        raise UserError("there is no terminal to ask for a value at: write KEY=- and pipe it in, or use a file.")
    return str(click.prompt(f"Value of {key[:80]!r}", hide_input=True, err=True, default="", show_default=False))


def _label(path: str) -> str:
    return "standard input" if path == STDIN else path


def _text(path: str) -> str:
    try:
        if path == STDIN:
            content = sys.stdin.buffer.read(_LARGEST + 1)
        else:
            with Path(path).open("rb") as file:
                content = file.read(_LARGEST + 1)
    except OSError as error:
        raise UserError(f"{_label(path)} cannot be read: {error.strerror}.") from None
    if len(content) > _LARGEST:
        raise UserError(f"{_label(path)} is too large.")
    try:
        return content.decode("utf-8-sig")
    except UnicodeDecodeError:
        raise UserError(f"{_label(path)} is not UTF-8 text.") from None


def _line(text: str) -> str:
    """The text without the line end that ``echo`` and editors add."""
    return text.removesuffix("\n").removesuffix("\r")


def _dotenv(text: str, label: str) -> dict[str, Any]:
    """The entries as python-dotenv reads them, ``${NAME}`` replaced too, as in the SDK's ``from_dotenv`` (S15).

    A line that is none is a mistake here; the SDK passes over it.
    """
    try:
        from dotenv import dotenv_values
        from dotenv.parser import parse_stream
    except ImportError:
        raise UserError("reading .env files needs an extra: pip install 'modal-lint[runtime]'.") from None
    for binding in parse_stream(io.StringIO(text)):
        if binding.error:
            raise UserError(f"{label}: line {binding.original.line} is no KEY=value.")
        if binding.key is not None and binding.value is None:
            raise UserError(f"{label}: line {binding.original.line} has a key without a value.")
    return dict(dotenv_values(stream=io.StringIO(text)))


def _json(text: str, label: str) -> dict[str, Any]:
    try:
        found = json.loads(text)
    except json.JSONDecodeError as error:
        raise UserError(f"{label} is no JSON: line {error.lineno}, column {error.colno}.") from None
    except (ValueError, RecursionError):
        raise UserError(f"{label} is no JSON that can be read.") from None
    if not isinstance(found, dict):
        raise UserError(f"{label} must hold a JSON object of strings.")
    return found
