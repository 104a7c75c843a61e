"""The facts of many files as one inventory."""

from __future__ import annotations

from collections import defaultdict
from typing import TYPE_CHECKING, NamedTuple, TypeVar

from modal_lint.inventory.model import (
    Attachment,
    Creation,
    Environment,
    Facts,
    Inventory,
    Key,
    Location,
    Read,
    Reference,
    Secret,
    Undecided,
    Unnamed,
    User,
)

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable

    from modal_lint.model import Failure, Span

Placed = TypeVar("Placed", Reference, Read, Creation)


def merged(facts: Iterable[Facts], failures: Iterable[Failure] = (), checked: int = 0) -> Inventory:
    """The inventory that the facts of several files make together; what several of them say is told once.

    Args:
        facts: of each file.
        failures: the files that could not be looked at.
        checked: how many were.
    """
    groups: defaultdict[str, _Group] = defaultdict(_Group.empty)
    unnamed: set[Unnamed] = set()
    undecided: set[Undecided] = set()
    for one in facts:
        for reference in one.references:
            groups[reference.name].references.add(reference)
        for attachment in one.attachments:
            groups[attachment.name].attachments.add(attachment)
        for read in one.reads:
            groups[read.name].reads.add(read)
        for creation in one.creations:
            groups[creation.name].creations.add(creation)
        unnamed.update(one.unnamed)
        undecided.update(one.undecided)
    secrets = tuple(_secret(name, groups[name]) for name in sorted(groups))
    return Inventory(secrets, _unnamed(unnamed, secrets), _undecided(undecided, secrets), tuple(failures), checked)


def moved(facts: Facts, path: Callable[[str], str]) -> Facts:
    """The same facts, with the paths in them changed."""

    def at(location: Location) -> Location:
        return location._replace(path=path(location.path))

    def used(user: User) -> User:
        return user._replace(location=at(user.location))

    return Facts(
        references=tuple(one._replace(location=at(one.location)) for one in facts.references),
        attachments=tuple(one._replace(user=used(one.user)) for one in facts.attachments),
        reads=tuple(one._replace(location=at(one.location)) for one in facts.reads),
        creations=tuple(one._replace(location=at(one.location)) for one in facts.creations),
        unnamed=tuple(
            Unnamed(one.user and used(one.user), at(one.location), one.lookup and at(one.lookup))
            for one in facts.unnamed
        ),
        undecided=tuple(one._replace(location=at(one.location)) for one in facts.undecided),
    )


class _Group(NamedTuple):
    references: set[Reference]
    attachments: set[Attachment]
    reads: set[Read]
    creations: set[Creation]

    @classmethod
    def empty(cls) -> _Group:
        return cls(set(), set(), set(), set())


def _secret(name: str, group: _Group) -> Secret:
    references, reads = _in_order(group.references), _in_order(group.reads)
    attachments = _attachments(group.attachments)
    found = {one.environment for one in references} | {one.environment for one in attachments}
    found |= {one.environment for one in group.creations}
    return Secret(
        name,
        keys=_keys(references, reads),
        environments=_environments(found),
        references=references,
        attachments=attachments,
        creations=_in_order(group.creations),
    )


def _unnamed(found: set[Unnamed], secrets: tuple[Secret, ...]) -> tuple[Unnamed, ...]:
    """One for each place. A look-up is told by who uses it, and not at all where another file knows its name."""
    told = {one.lookup for one in found} | {one.location for secret in secrets for one in secret.references}
    places = {one.location: one for one in sorted(found, key=lambda one: one.user is not None)}
    ordered = sorted(places.values(), key=lambda one: _order(one.location))
    return tuple(one for one in ordered if one.user is not None or one.location not in told)


def _undecided(found: set[Undecided], secrets: tuple[Secret, ...]) -> tuple[Undecided, ...]:
    """Those of which no Secret that may give the key is known to have it from elsewhere."""
    known = {(secret.name, key) for secret in secrets for key in secret.key_names}
    left = (one for one in found if not any((name, one.key) in known for name in one.names))
    return tuple(sorted(left, key=lambda one: (_order(one.location), one.key)))


def _order(location: Location) -> tuple[str, int, Span]:
    return location.path, location.cell or 0, location.span


def _in_order(records: set[Placed]) -> tuple[Placed, ...]:
    return tuple(sorted(records, key=lambda one: (_order(one.location), one.environment.sort_key)))


def _attachments(found: set[Attachment]) -> tuple[Attachment, ...]:
    """By place; what a user has of its own it has not from its App too."""
    own = {one for one in found if not one.user.inherited}
    kept = [one for one in found if one in own or one._replace(user=one.user._replace(inherited=False)) not in own]
    return tuple(
        sorted(kept, key=lambda one: (_order(one.user.location), one.user.inherited, one.environment.sort_key))
    )


def _keys(references: tuple[Reference, ...], reads: tuple[Read, ...]) -> tuple[Key, ...]:
    required: dict[str, list[tuple[Location, Environment]]] = {}
    for reference in references:
        for key in reference.keys:
            required.setdefault(key, []).append((reference.location, reference.environment))
    only_read: dict[str, list[tuple[Location, Environment]]] = {}
    for read in reads:
        if read.key not in required:
            only_read.setdefault(read.key, []).append((read.location, read.environment))
    keys = [_key(name, True, where) for name, where in required.items()]
    keys += [_key(name, False, where) for name, where in only_read.items()]
    return tuple(sorted(keys, key=lambda key: (not key.required, key.name)))


def _key(name: str, required: bool, where: list[tuple[Location, Environment]]) -> Key:
    locations = tuple(dict.fromkeys(location for location, _ in where))
    return Key(name, required, locations, _environments({environment for _, environment in where}))


def _environments(found: set[Environment]) -> tuple[Environment, ...]:
    return tuple(sorted(found, key=lambda one: one.sort_key))
