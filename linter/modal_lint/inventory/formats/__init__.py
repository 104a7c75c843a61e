"""The formats of an inventory: one module a format."""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from modal_lint.inventory.model import Inventory
    from modal_lint.report.base import Look


def render(name: str, inventory: Inventory, look: Look) -> str:
    """An inventory in the format ``name``; only that format's module is loaded."""
    module = import_module(f"modal_lint.inventory.formats.{name}")
    text: str = module.render(inventory, look)
    return text
