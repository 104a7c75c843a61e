"""Arguments that are no business of Secrets: switches, numbers, callables, paths."""

from __future__ import annotations

from typing import TYPE_CHECKING, TypeVar

from modal_lint_runtime.contract.verdict import kind_of
from modal_lint_runtime.errors import InvalidError
from modal_lint_runtime.workspace_base import number

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

MAX_SECONDS = 366 * 24 * 3600
"""The longest timeout: longer ones are a mistake, and more than a system call takes."""

T = TypeVar("T")


def yes_or_no(value: object, argument: str) -> bool:
    """A switch. Raises InvalidError for anything but True and False: a string is always true."""
    if not isinstance(value, bool):
        raise InvalidError(f"`{argument}` must be True or False, got {kind_of(value)}")
    return value


def whole_number(value: object, argument: str) -> int:
    """A whole number from 0 on. Raises InvalidError."""
    if isinstance(value, bool) or not isinstance(value, int):
        raise InvalidError(f"`{argument}` must be a whole number, got {kind_of(value)}")
    number(value, argument)
    return value


def moment(value: object, argument: str) -> float:
    """A time in seconds since the epoch. Raises InvalidError."""
    return number(value, argument)


def seconds(value: object, argument: str = "timeout") -> float | None:
    """A timeout in seconds, more than 0 and at most a year; None is none. Raises InvalidError."""
    if value is None:
        return None
    result = number(value, argument)
    if not 0 < result <= MAX_SECONDS:
        raise InvalidError(f"`{argument}` must be more than 0 and at most {MAX_SECONDS} seconds")
    return result


def instance(value: object, type_: type[T], argument: str) -> T:
    """An object of the client. Raises InvalidError for anything else: a name, None, one of another kind."""
    if not isinstance(value, type_):
        name = type_.__name__
        raise InvalidError(f"`{argument}` must be {'an' if name[0] in 'AEIOU' else 'a'} {name}, got {kind_of(value)}")
    return value


def one_of(value: object, choices: tuple[str, ...], argument: str) -> str:
    """One of some words. Raises InvalidError."""
    if not isinstance(value, str) or value not in choices:
        raise InvalidError(f"`{argument}` must be one of {', '.join(map(repr, choices))}")
    return value


def text(value: object, argument: str, longest: int = 4096) -> str:
    """Text that is not empty and has no line ends or other control characters. Raises InvalidError."""
    if not isinstance(value, str):
        raise InvalidError(f"`{argument}` must be a string, got {kind_of(value)}")
    if not value or len(value) > longest or not value.isprintable():
        raise InvalidError(f"`{argument}` must be 1 to {longest} printable characters")
    return value


def hook(value: object, argument: str) -> Callable[[str], None] | None:
    """A function to be called with text; None is none. Raises InvalidError."""
    if value is None or callable(value):
        return value
    raise InvalidError(f"`{argument}` must be a function, got {kind_of(value)}")


def directory(value: object, argument: str) -> Path | None:
    """A directory that exists; None is none. Raises InvalidError."""
    from pathlib import Path

    if value is None:
        return None
    if not isinstance(value, (str, Path)):
        raise InvalidError(f"`{argument}` must be a path, got {kind_of(value)}")
    try:
        found = Path(value).expanduser().resolve()
        if found.is_dir():
            return found
    except (OSError, ValueError, RuntimeError):
        pass  # too long, with a NUL, a home that nobody has
    raise InvalidError(f"`{argument}` must be a directory that exists")
