"""`markdown`: the table for a README, a wiki or a pull request."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from modal_lint.inventory.formats import words
from modal_lint.report.base import visible

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    from modal_lint.inventory.model import Inventory, Key, Location, Secret
    from modal_lint.report.base import Look

_SPECIAL = re.compile(r"([\\`*_{}\[\]()<>#+!|~&$@-])")
_HEAD = "| Secret | Environment | Keys | Used by | Looked up |\n|---|---|---|---|---|\n"


def render(inventory: Inventory, look: Look) -> str:
    """One row a Secret; *read* marks a key that no ``required_keys`` lists."""
    del look
    rows = "".join("| " + " | ".join(_row(secret)) + " |\n" for secret in inventory.secrets)
    unnamed = words.unnamed(inventory)
    return _HEAD + rows + (f"\n{escaped(unnamed)}.\n" if unnamed else "")


def escaped(text: str) -> str:
    """Text that Markdown shows as it is."""
    return _SPECIAL.sub(r"\\\1", visible(text))


def _row(secret: Secret) -> Iterator[str]:
    yield escaped(secret.name)
    yield escaped(words.environments(secret.environments))
    yield _lines(map(_key, secret.keys))
    yield _lines(_users(secret))
    yield _lines(_places(one.location for one in secret.references))


def _key(key: Key) -> str:
    return escaped(key.name) if key.required else f"{escaped(key.name)} *(read)*"


def _users(secret: Secret) -> Iterator[str]:
    for one in secret.attachments:
        user = one.user
        app = f" of App {user.app}" if user.app is not None and user.kind.value != "app" else ""
        inherited = ", through its App" if user.inherited else ""
        yield escaped(f"{words.user(user)}{app}: {_place(user.location)}{inherited}")


def _places(locations: Iterable[Location]) -> Iterator[str]:
    yield from (escaped(_place(location)) for location in dict.fromkeys(locations))


def _place(location: Location) -> str:
    return location.line


def _lines(texts: Iterable[str]) -> str:
    return "<br>".join(dict.fromkeys(texts)) or "–"
