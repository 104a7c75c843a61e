"""The variables that code reads and that one named Secret alone can give, as far as code can say."""

from __future__ import annotations

from typing import TYPE_CHECKING

from modal_lint.credentials import is_credential_key
from modal_lint.environments.clients import CLIENTS
from modal_lint.environments.sources import GIVEN
from modal_lint.inventory.model import Location, Read
from modal_lint.inventory.names import given_to, is_variable
from modal_lint.inventory.users import app_of

if TYPE_CHECKING:
    from collections.abc import Iterator

    from modal_lint.environments.containers import Container
    from modal_lint.environments.needs import Need
    from modal_lint.environments.sources import Supply
    from modal_lint.inventory.model import Environment
    from modal_lint.source import File


def reads_of(file: File) -> Iterator[Read]:
    """The reads of the code that runs in the containers which a file declares.

    A read counts where it fails without the variable, or where the variable names a credential; one that other sources
    may satisfy does not.
    """
    for container in file.environments.containers:
        yield from _reads(file, container)


def _reads(file: File, container: Container) -> Iterator[Read]:
    supply = container.supply
    if container.code is None or supply.open or not any(source.name for source in supply.sources):
        return
    reads = file.environments.reads(container)
    if reads.open:
        return
    found = [
        (need, giver(supply, need.key)) for need in reads.needs if _counts(need) and need.key not in reads.assigned
    ]
    if not any(name for _, name in found) or file.environments.is_varied(container):
        return
    where = _environments(container)
    for need, name in found:
        for environment in where.get(name or "", ()):
            place = need.place
            yield Read(name or "", environment, need.key, Location(place.file.path, *place.file.placed(place.node)))


def _counts(need: Need) -> bool:
    key = need.key
    if key in GIVEN or key.startswith("MODAL_") or not is_variable(key):
        return False
    client = CLIENTS.get(need.reader.removesuffix("()"))
    if client is not None and client.any_of:
        return False  # it is content with another one
    return need.required or is_credential_key(key)


def giver(supply: Supply, key: str) -> str | None:
    """The named Secret that alone can give a key of which nothing says where it comes from; None where there is none.

    A Secret with ``required_keys`` holds no others, as in MS312, unless nothing else can have the key.
    """
    possible = [source for source in supply.sources if not source.lacks(key)]
    if not possible:
        possible = [source for source in supply.sources if source.promised]
    names = {source.name for source in possible}
    return names.pop() if len(names) == 1 else None


def _environments(container: Container) -> dict[str, list[Environment]]:
    """Where each named Secret of a container is looked up."""
    found: dict[str, dict[Environment, None]] = {}
    for use in (container.use, *app_of(container.use)):
        for _, meant in given_to(use):
            if meant.name is not None:
                found.setdefault(meant.name, {})[meant.environment] = None
    return {name: list(where) for name, where in found.items()}
