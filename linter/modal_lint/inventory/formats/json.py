"""`json`: everything that is known, with stable keys (docs/inventory.md)."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING, Any

from modal_lint.report.json import dump

if TYPE_CHECKING:
    from modal_lint.inventory.model import Environment, Inventory, Key, Location, Secret, User
    from modal_lint.report.base import Look


def render(inventory: Inventory, look: Look) -> str:
    """One object; file names are absolute, rows and columns begin with 1."""
    del look
    return dump(document(inventory))


def document(inventory: Inventory) -> dict[str, Any]:
    """An inventory as plain data."""
    return {
        "version": 1,
        "secrets": [_secret(secret) for secret in inventory.secrets],
        "unnamed": [
            {"user": None if one.user is None else user(one.user), **place(one.location)} for one in inventory.unnamed
        ],
        "undecided": [
            {"key": one.key, "secrets": list(one.names), **place(one.location)} for one in inventory.undecided
        ],
        "not_checked": [
            {
                "filename": os.path.abspath(one.path),
                "location": {"row": one.line, "column": one.column + 1},
                "reason": one.reason,
                **({} if one.cell is None else {"cell": one.cell}),
            }
            for one in inventory.failures
        ],
        "checked": inventory.checked,
    }


def _secret(secret: Secret) -> dict[str, Any]:
    return {
        "name": secret.name,
        "environments": [environment(one) for one in secret.environments],
        "keys": [_key(key) for key in secret.keys],
        "users": [
            {**user(one.user), "environment": environment(one.environment), **place(one.user.location)}
            for one in secret.attachments
        ],
        "references": [
            {"environment": environment(one.environment), "required_keys": list(one.keys), **place(one.location)}
            for one in secret.references
        ],
        "written": [
            {"environment": environment(one.environment), "keys": list(one.keys), **place(one.location)}
            for one in secret.creations
        ],
    }


def _key(key: Key) -> dict[str, Any]:
    return {
        "name": key.name,
        "status": "required" if key.required else "read",
        "environments": [environment(one) for one in key.environments],
        "locations": [place(location) for location in key.locations],
    }


def user(one: User) -> dict[str, Any]:
    """What uses a Secret, without its place."""
    return {"kind": one.kind.value, "name": one.name, "app": one.app, "inherited": one.inherited}


def environment(one: Environment) -> dict[str, Any]:
    """``status`` is "named", "default" or "unknown"."""
    status = "named" if one.name is not None else "default" if one.known else "unknown"
    return {"status": status, "name": one.name}


def place(location: Location) -> dict[str, Any]:
    """A place with the keys that findings have."""
    span = location.span
    return {
        "filename": os.path.abspath(location.path),
        "location": {"row": span.line, "column": span.column + 1},
        "end_location": {"row": span.end_line, "column": span.end_column + 1},
        **({} if location.cell is None else {"cell": location.cell}),
    }
