"""`dotenv`: a template for each Secret, without values, for `modal secret create --from-dotenv` once filled in."""

from __future__ import annotations

import re
import shlex
from typing import TYPE_CHECKING

from modal_lint.report.base import visible

if TYPE_CHECKING:
    from collections.abc import Iterator

    from modal_lint.inventory.model import Inventory, Secret
    from modal_lint.report.base import Look

_FILE = re.compile(r"[A-Za-z0-9_][A-Za-z0-9._-]{0,199}")


def render(inventory: Inventory, look: Look) -> str:
    """The templates one after the other: each is a file of its own."""
    del look
    return "\n".join(template(secret) for secret in inventory.secrets)


def template(secret: Secret) -> str:
    """The template of one Secret."""
    lines = [f"# Secret {visible(secret.name)}. Fill in the values, keep this file to yourself, then run:"]
    lines += [f"#   {command}" for command in _commands(secret)]
    lines += [f"{key.name}=" for key in secret.keys] or ["# No key of it is known."]
    return "\n".join(lines) + "\n"


def filename(secret: Secret) -> str | None:
    """The name of the template's file; None for a Secret whose name is no name of a file."""
    return f"{secret.name}.env" if _FILE.fullmatch(secret.name) else None


def _commands(secret: Secret) -> Iterator[str]:
    """What creates the Secret, in each environment that it is looked up in."""
    name, path = shlex.quote(visible(secret.name)), shlex.quote(filename(secret) or "FILE")
    for environment in secret.environments:
        option = f" --env {shlex.quote(visible(environment.name))}" if environment.name is not None else ""
        if environment.known or len(secret.environments) == 1:
            yield f"modal secret create {name}{option} --from-dotenv {path}"
