"""Which Secret each credential of a file goes to when it is moved."""

from __future__ import annotations

from typing import TYPE_CHECKING

from modal_lint import credentials
from modal_lint.kept import Kept
from modal_lint.modal_api import Sink

if TYPE_CHECKING:
    import ast
    from collections.abc import Iterable

    from modal_lint.source import File

_MOVABLE = (Sink.ENV, Sink.BUILD_ENV, Sink.SECRET, Sink.IMAGE_ENV)
_chosen: Kept[File, dict[str, str]] = Kept()


def grouped(file: File, keys: Iterable[str]) -> dict[str, tuple[str, ...]]:
    """The Secrets that the keys of one call go to: name ▸ keys.

    Whoever is given a Secret gets all that it holds: two keys share one where every call that gets one gets both.
    """
    chosen = _of_file(file)
    found: dict[str, list[str]] = {}
    for key in sorted(keys):
        if key not in chosen:
            chosen.update(_named(file, [key], chosen))
        found.setdefault(chosen[key], []).append(key)
    return {name: tuple(group) for name, group in found.items()}


def single(file: File, keys: Iterable[str]) -> tuple[str, tuple[str, ...]]:
    """The one Secret that all the keys of a call go to."""
    wanted = tuple(sorted(keys))
    chosen = _of_file(file)
    if wanted[0] in chosen and len({chosen.get(key) for key in wanted}) == 1:
        return chosen[wanted[0]], wanted
    together = " ".join(wanted)  # no key has a space in it: what stands for all of them
    if together not in chosen:
        chosen[together] = _free(file, frozenset(wanted), _taken(file, chosen))
    return chosen[together], wanted


def _of_file(file: File) -> dict[str, str]:
    """The Secret of each key that calls of the file are given."""
    if file in _chosen:
        return _chosen[file]
    calls: dict[str, set[ast.AST]] = {}
    for exposure in file.exposures.all:
        if exposure.key is not None and exposure.sink in _MOVABLE:
            calls.setdefault(exposure.key, set()).add(exposure.use.node)
    together: dict[frozenset[ast.AST], list[str]] = {}
    for key in sorted(calls):
        together.setdefault(frozenset(calls[key]), []).append(key)
    found = _chosen.setdefault(file, {})
    for keys in together.values():
        found.update(_named(file, keys, found))
    return found


def _named(file: File, keys: list[str], chosen: dict[str, str]) -> dict[str, str]:
    """Names for keys that go together, none of which other keys of the file have: key ▸ name."""
    groups = credentials.secret_name(keys, app=file.app_name, taken=_taken(file, chosen))
    return {key: name for name, group in groups.items() for key in group}


def _taken(file: File, chosen: dict[str, str]) -> dict[str, frozenset[str]]:
    taken = dict(file.known_secrets)
    for keys, name in chosen.items():
        taken[name] = taken.get(name, frozenset()) | set(keys.split(" "))
    return taken


def _free(file: File, keys: frozenset[str], taken: dict[str, frozenset[str]]) -> str:
    stem = f"{file.app_name or 'app'}-secrets"
    name, number = stem, 2
    while name in taken and not taken[name] >= keys:
        name, number = f"{stem}-{number}", number + 1
    return name
