"""What the parts of the workspace share: its store, its vault, and looking things up by name and id."""

from __future__ import annotations

import re
import time
from typing import TYPE_CHECKING, TypeVar

from modal_lint_runtime import contract
from modal_lint_runtime.contract.verdict import kind_of, shown
from modal_lint_runtime.errors import InvalidError, NotFoundError

if TYPE_CHECKING:
    import sqlite3

    from modal_lint_runtime.store import Store
    from modal_lint_runtime.vault import Vault

_ID = re.compile(r"[a-z]{2}-[A-Za-z0-9]{1,64}", re.ASCII)
_ENVIRONMENTS_OF = {"apps", "secrets", "volumes"}

T = TypeVar("T")


class Base:
    """The store, the vault and the mark of the process that opened the workspace."""

    _store: Store
    _vault: Vault
    _owner: str


def object_id(value: object, kind: str, argument: str) -> str:
    """The id of an object, as text that can be looked up.

    Raises:
        InvalidError: no string.
        NotFoundError: nothing can have this id.
    """
    if not isinstance(value, str):
        raise InvalidError(f"`{argument}` must be the id of {_article(kind)} {kind}, got {kind_of(value)}")
    if not _ID.fullmatch(value):
        raise no_object(kind, value)
    return value


def no_object(kind: str, value: str) -> NotFoundError:
    """The error for an id that nothing has."""
    return NotFoundError(f"No {kind} with ID {shown(value)}")


def known_name(value: object, kind: str) -> str:
    """A name to look up.

    Raises:
        InvalidError: no string.
        NotFoundError: nothing can have this name.
    """
    name = contract.lookup_name(value, kind)
    if not contract.is_object_name(name):
        raise no_name(kind, name)
    return name


def no_name(kind: str, name: str) -> NotFoundError:
    """The error for a name that nothing has."""
    return NotFoundError(f"{kind} {shown(name)} not found")


def environment_id(connection: sqlite3.Connection, environment: object) -> str:
    """The id of an environment by its name; None and "" mean `main` (S19c).

    Raises:
        InvalidError: no string.
        NotFoundError: there is no such environment.
    """
    name = contract.environment_name(environment)
    row = None
    if name.isascii():  # others cannot be created, and text that is no Unicode cannot be asked for
        row = connection.execute("SELECT id FROM environments WHERE name = ?", (name,)).fetchone()
    if row is None:
        raise no_name("Environment", name)
    return str(row["id"])


def now_after(connection: sqlite3.Connection, table: str, environment: str) -> float:
    """The time, a little later than that of any object of the environment: pages are cut by it."""
    assert table in _ENVIRONMENTS_OF
    newest = connection.execute(
        f"SELECT max(created_at) FROM {table} WHERE environment_id = ? AND name IS NOT NULL", (environment,)
    ).fetchone()[0]
    return max(time.time(), (newest or 0.0) + 1e-6)


def of_type(value: object, expected: type[T], argument: str) -> T:
    """``value`` if it has the type. Raises InvalidError naming ``argument``."""
    if not isinstance(value, expected):
        raise InvalidError(f"`{argument}` must be of type {expected.__name__}, got {kind_of(value)}")
    return value


def one_of(value: object, choices: tuple[str, ...], argument: str) -> str:
    """``value`` if it is one of the choices. Raises InvalidError naming ``argument``."""
    if not isinstance(value, str) or value not in choices:
        raise InvalidError(f"`{argument}` must be one of {', '.join(choices)}")
    return value


def number(value: object, argument: str, lowest: float = 0.0) -> float:
    """``value`` if it is a finite number from ``lowest`` on. Raises InvalidError naming ``argument``."""
    if isinstance(value, bool) or not isinstance(value, (int, float)):
        raise InvalidError(f"`{argument}` must be a number, got {kind_of(value)}")
    try:
        result = float(value)
    except OverflowError:
        result = float("inf")
    if not lowest <= result < float("inf"):
        raise InvalidError(f"`{argument}` must be a finite number not below {lowest:g}")
    return result


def _article(kind: str) -> str:
    return "an" if kind[0] in "AEIOU" else "a"


def page(limit: object, before: object) -> tuple[float, int]:
    """The time that a page of a list ends at, and how many objects are on it at most; -1 for all.

    Raises:
        InvalidError: one of them is no number.
    """
    most = -1 if limit is None else min(int(number(limit, "limit")), 2**62)
    until = float("inf") if before is None else number(before, "before")
    return until, most
