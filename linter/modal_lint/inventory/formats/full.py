"""`full`: for people. Each Secret with its keys, what uses it, and where."""

from __future__ import annotations

from typing import TYPE_CHECKING

from modal_lint.inventory.formats import words
from modal_lint.report.base import visible, width
from modal_lint.report.summary import count

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from modal_lint.inventory.model import Inventory, Secret
    from modal_lint.report.base import Look

_Row = tuple[str, ...]


def render(inventory: Inventory, look: Look) -> str:
    """A block for each Secret, then what was counted."""
    blocks = ["\n".join(_block(secret, look)) + "\n" for secret in inventory.secrets]
    return "".join(block + "\n" for block in blocks) + "".join(line + "\n" for line in _end(inventory, look))


def _block(secret: Secret, look: Look) -> Iterator[str]:
    several = len(secret.environments) > 1 or any(one.name is not None or not one.known for one in secret.environments)
    where = look.paint(f"  environment: {words.environments(secret.environments)}", "dim") if several else ""
    yield look.paint(visible(secret.name), "bold", "cyan") + where
    yield from _listed("keys", list(_keys(secret)), look) or ["  keys        none is known"]
    yield from _listed("used by", list(_users(secret)), look) or ["  used by     nothing that is known"]
    yield from _listed("looked up", [(words.places(one.location for one in secret.references),)], look)
    yield from _listed("written", [(words.places(one.location for one in secret.creations),)], look)


def _keys(secret: Secret) -> Iterator[_Row]:
    for key in secret.keys:
        yield visible(key.name), "required" if key.required else "read", words.places(key.locations)


def _users(secret: Secret) -> Iterator[_Row]:
    several = len(secret.environments) > 1
    for one in secret.attachments:
        user = one.user
        app = f"App {visible(user.app)}" if user.app is not None and user.kind.value != "app" else ""
        place = words.place(user.location)
        notes = ["through its App"] if user.inherited else []
        notes += [f"environment {words.environment(one.environment)}"] if several else []
        yield user.kind.value, visible(user.name or ""), app, ", ".join([place, *notes])


def _listed(label: str, rows: Sequence[_Row], look: Look) -> list[str]:
    """Rows in columns, the label before the first one."""
    rows = [row for row in rows if any(row)]
    wide = [max((width(row[at]) for row in rows), default=0) for at in range(len(rows[0]) if rows else 0)]
    lines = []
    for number, row in enumerate(rows):
        cells = [cell + " " * (space - width(cell)) for cell, space in zip(row, wide, strict=True) if space]
        lead = look.paint(f"{label:<12}", "dim") if number == 0 else " " * 12
        lines.append(f"  {lead}{'  '.join(cells)}".rstrip())
    return lines


def _end(inventory: Inventory, look: Look) -> Iterator[str]:
    keys = sum(len(secret.keys) for secret in inventory.secrets)
    files = count(inventory.checked, "file")
    failed = f", {count(len(inventory.failures), 'file')} not checked" if inventory.failures else ""
    yield f"{look.paint(count(len(inventory.secrets), 'Secret'), 'bold')}, {count(keys, 'key')} in {files}{failed}."
    for one in inventory.undecided:
        yield words.undecided(one)
    if inventory.unnamed:
        yield look.paint(words.unnamed(inventory), "yellow") + "."
