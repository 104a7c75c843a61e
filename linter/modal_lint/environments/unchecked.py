"""Named Secrets that are not asked for the keys which the code reads from them."""

from __future__ import annotations

import ast
from typing import TYPE_CHECKING

from modal_lint.credentials.keys import is_credential_key
from modal_lint.environments import conventions
from modal_lint.environments.sources import GIVEN, Kind
from modal_lint.records import made, record
from modal_lint.uses import frame_at
from modal_lint.values import Text

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    from modal_lint.environments.containers import Container
    from modal_lint.environments.needs import Need
    from modal_lint.environments.sources import Source
    from modal_lint.source import File
    from modal_lint.values import Place


@record
class Unchecked:
    """One call of ``from_name`` without ``required_keys``, and what code reads of its Secret.

    ``required`` are the keys without which a container fails for certain, ``read`` all of them; each with the first
    container and read that shows it. It is the ``only`` one where nothing else can give any of them.
    """

    name: str
    place: Place
    read: dict[str, tuple[Container, Need]] = made(default_factory=dict)
    required: dict[str, None] = made(default_factory=dict)
    only: bool = True


def of(file: File) -> Iterator[Unchecked]:
    """The unchecked Secrets of the containers that a file declares."""
    found: dict[ast.AST, Unchecked] = {}
    for container in file.environments.containers:
        unchecked = [source for source in container.supply.secrets if is_unchecked(source)]
        if container.code is None or not unchecked or file.environments.is_varied(container):
            continue
        for source, need, only in _attributed(file, container, unchecked):
            assert source.place is not None
            assert source.name is not None
            one = found.setdefault(source.place.node, Unchecked(source.name, source.place))
            one.read.setdefault(need.key, (container, need))
            if need.required:
                one.required[need.key] = None
                one.only = one.only and only
    yield from found.values()


def is_unchecked(source: Source) -> bool:
    """Whether a source is a named Secret, by one known name, that is not asked for any key."""
    if source.kind is Kind.ENV or source.known or source.name is None or source.place is None:
        return False
    call = source.place.node
    if not isinstance(call, ast.Call) or any(keyword.arg is None for keyword in call.keywords):
        return False
    asked = next((keyword.value for keyword in call.keywords if keyword.arg == "required_keys"), None)
    return asked is None or (isinstance(asked, ast.List) and not asked.elts)


def _attributed(file: File, container: Container, unchecked: list[Source]) -> Iterator[tuple[Source, Need, bool]]:
    """What a container reads of which of its unchecked Secrets, and whether nothing else can give it."""
    reads = file.environments.reads(container)
    if reads.open:
        return
    for need in reads.needs:
        if need.key in reads.assigned or need.key in GIVEN or need.key.startswith("MODAL_"):
            continue
        if need.alternative or container.supply.may_give(need.key):
            continue
        giver = _giver(container, unchecked, need)
        source = giver or _namesake(unchecked, need.key)
        if source is not None:
            yield source, need, giver is not None


def _giver(container: Container, unchecked: list[Source], need: Need) -> Source | None:
    """The one Secret that a variable can come from; None where others may give it."""
    supply = container.supply
    givers = [source for source in supply.sources if not source.lacks(need.key)]
    is_one = need.required and not supply.open and len(givers) == 1
    return givers[0] if is_one and givers[0] in unchecked else None


def _namesake(unchecked: Iterable[Source], key: str) -> Source | None:
    """The Secret that is called like the provider of a credential."""
    if not is_credential_key(key) and not conventions.is_conventional(key):
        return None
    named = [source for source in unchecked if conventions.speaks_of(source.name or "", key)]
    return named[0] if len(named) == 1 else None


def is_written_once(one: Unchecked) -> bool:
    """Whether the call stands for this Secret alone, and is not that of a helper which is given names."""
    file, call = one.place.file, one.place.node
    if not isinstance(call, ast.Call):
        return False
    given = call.args[0] if call.args else next((word.value for word in call.keywords if word.arg == "name"), None)
    if given is None:
        return False
    ev = file.project.evaluator
    values = ev.ask(given, frame_at(file, call))
    return len(values) == 1 and isinstance(values[0], Text) and values[0].known == one.name
