"""The variables that code reads and that one named Secret alone can give, as far as code can say."""

from __future__ import annotations

from typing import TYPE_CHECKING

from modal_lint.credentials import is_credential_key
from modal_lint.environments import asking, imported
from modal_lint.environments.clients import CLIENTS
from modal_lint.environments.needs import Need
from modal_lint.environments.sources import GIVEN
from modal_lint.inventory.model import Location, Read, Undecided
from modal_lint.inventory.names import given_to, is_variable
from modal_lint.inventory.users import app_of
from modal_lint.values import Place

if TYPE_CHECKING:
    from collections.abc import Iterator

    from modal_lint.environments.containers import Container
    from modal_lint.environments.sources import Source, Supply
    from modal_lint.inventory.model import Environment
    from modal_lint.source import File


def reads_of(file: File) -> Iterator[Read | Undecided]:
    """The reads of the code that runs in the containers which a file declares.

    A read counts where it fails without the variable, or where the variable names a credential. One that several named
    Secrets may satisfy is undecided; one that something else may satisfy is left out.
    """
    containers = file.environments.containers
    first = list(_at_import(file)) if any(_names_one(one.supply) for one in containers) else []
    for container in containers:
        yield from _reads(file, container, first if _imports(container, file) else [])


def _at_import(file: File) -> Iterator[Need]:
    """What the module reads whenever it is imported, also into a container."""
    if imported.may_have(file):
        for one in imported.reads(file):
            yield Need(one.key, Place(file, one.node), True, one.reader)


def _imports(container: Container, file: File) -> bool:
    """Whether a container imports the module; code that is pickled travels by itself."""
    return (
        container.code is not None and container.code.file is file and not asking.is_passed(container.use, "serialized")
    )


def _names_one(supply: Supply) -> bool:
    return not supply.open and any(source.name for source in supply.sources)


def _reads(file: File, container: Container, first: list[Need]) -> Iterator[Read | Undecided]:
    supply = container.supply
    if container.code is None or not _names_one(supply):
        return
    reads = file.environments.reads(container)
    if reads.open:
        return
    needs = [need for need in (*first, *reads.needs) if _counts(need) and need.key not in reads.assigned]
    found = [(need, givers(supply, need.key)) for need in needs]
    if not any(names for _, names in found) or file.environments.is_varied(container):
        return
    where = _environments(container)
    for need, names in found:
        at = Location(need.place.file.path, *need.place.file.placed(need.place.node))
        if len(names) > 1 and need.required:
            yield Undecided(names, need.key, at)
        elif len(names) == 1:
            yield from (Read(names[0], environment, need.key, at) for environment in where.get(names[0], ()))


def _counts(need: Need) -> bool:
    key = need.key
    if key in GIVEN or key.startswith("MODAL_") or not is_variable(key):
        return False
    client = CLIENTS.get(need.reader.removesuffix("()"))
    if client is not None and client.any_of:
        return False  # it is content with another one
    return need.required or is_credential_key(key)


def givers(supply: Supply, key: str) -> tuple[str, ...]:
    """The named Secrets that may give a key; none where something else may give it too.

    A Secret with ``required_keys`` holds no others, as in MS312, unless nothing else can have the key. What the
    configuration says that a Secret holds, it does; it may hold more.
    """
    found = [source for source in supply.sources if key in source.keys]
    if not found:
        found = [source for source in supply.sources if _may_hold_more(source) or not source.lacks(key)]
    if not found:
        found = [source for source in supply.sources if source.promised]
    names = {source.name for source in found}
    return () if None in names else tuple(sorted(name for name in names if name is not None))


def _may_hold_more(source: Source) -> bool:
    return source.name is not None and not source.promised


def _environments(container: Container) -> dict[str, list[Environment]]:
    """Where each named Secret of a container is looked up."""
    found: dict[str, dict[Environment, None]] = {}
    for use in (container.use, *app_of(container.use)):
        for _, meant in given_to(use):
            if meant.name is not None:
                found.setdefault(meant.name, {})[meant.environment] = None
    return {name: list(where) for name, where in found.items()}
