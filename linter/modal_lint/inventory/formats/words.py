"""What the formats say in the same words."""

from __future__ import annotations

from typing import TYPE_CHECKING

from modal_lint.report.base import visible

if TYPE_CHECKING:
    from collections.abc import Iterable

    from modal_lint.inventory.model import Environment, Inventory, Location, Undecided, User

_SHOWN = 3  # places that are named before they are counted


def place(location: Location) -> str:
    """``path:line``."""
    return visible(location.line)


def places(locations: Iterable[Location]) -> str:
    """The first few places, and how many more there are."""
    shown = [place(location) for location in locations]
    more = f" and {len(shown) - _SHOWN} more" if len(shown) > _SHOWN else ""
    return ", ".join(shown[:_SHOWN]) + more


def environment(one: Environment) -> str:
    """The environment's name, ``default``, or ``not known``."""
    if one.name is not None:
        return visible(one.name)
    return "default" if one.known else "not known"


def environments(several: Iterable[Environment]) -> str:
    """Environments, with commas between them."""
    return ", ".join(map(environment, several))


def user(one: User) -> str:
    """What uses a Secret, with its name."""
    return f"{one.kind.value} {visible(one.name)}" if one.name is not None else one.kind.value


def undecided(one: Undecided) -> str:
    """The sentence about a key that several Secrets may have."""
    return (
        f"{visible(one.key)} is read at {place(one.location)}: which Secret has it? {visible(' or '.join(one.names))}"
    )


def unnamed(inventory: Inventory) -> str:
    """The sentence about Secrets without a known name; nothing where there are none."""
    from modal_lint.report.summary import count

    found = inventory.unnamed
    if not found:
        return ""
    verb = "attaches" if len(found) == 1 else "attach"
    return f"{count(len(found), 'place')} {verb} a Secret whose name is not known: {places(o.location for o in found)}"
