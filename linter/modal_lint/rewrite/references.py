"""The text of a reference to a named Secret."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterable


def secret_reference(
    spelling: str, name: str, keys: Iterable[str], *, quote: str = '"', environment: str | None = None
) -> str:
    """``spelling.from_name("name", required_keys=[…])``, keys sorted, every string in ``quote``."""
    arguments = [string_literal(name, quote)]
    if environment is not None:
        arguments.append(f"environment_name={string_literal(environment, quote)}")
    if required := sorted(set(keys)):
        arguments.append(f"required_keys=[{', '.join(string_literal(key, quote) for key in required)}]")
    return f"{spelling}.from_name({', '.join(arguments)})"


def string_literal(value: str, quote: str = '"') -> str:
    """A one-line string literal of ``value`` that opens with ``quote``."""
    special = {"\\": "\\\\", quote: "\\" + quote}
    body = "".join(special.get(char) or (char if char.isprintable() else repr(char)[1:-1]) for char in value)
    return f"{quote}{body}{quote}"
