"""Mappings of variables that Modal refuses: entries that are no strings, keys that name no variable, and lengths."""

from __future__ import annotations

import ast
from functools import cached_property, lru_cache
from typing import TYPE_CHECKING, Any

from modal_lint.calls import effective
from modal_lint.lazy import contract
from modal_lint.modal_api import Sink
from modal_lint.nodes import written_entries
from modal_lint.rejected import Problem
from modal_lint.rejected_calls import (
    FILLER,
    argument_node,
    asked,
    local_node,
    origin_of,
    refused,
    sdk_of,
    site_of,
    stand_in,
)
from modal_lint.values import Const, EnvRead, External, Mapping, Text, Unknown, Value, Values, with_steps

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from modal_lint_runtime.contract import Sdk, Site, Verdict

    from modal_lint.source import File
    from modal_lint.uses import Given, Use
    from modal_lint.values import Entry

_MAPPINGS = (Sink.ENV, Sink.BUILD_ENV, Sink.SECRET, Sink.STORED_SECRET, Sink.IMAGE_ENV)
TOO_LONG = "S8"
_SHORT = 1000
_NOT_SENT = "S10"  # characters that no message can hold: nobody writes them by mistake


class Refusals:
    """The entries of mappings in a file that calls refuse, found once for all rules."""

    def __init__(self, file: File) -> None:
        self.file = file

    @property
    def values(self) -> list[Problem]:
        """Values, and whole arguments, of another type."""
        return [one for one in self._all[0] if one.verdict.code not in (TOO_LONG, _NOT_SENT)]

    @property
    def keys(self) -> list[Problem]:
        """Keys that name no variable."""
        return [one for one in self._all[1] if one.verdict.code not in (TOO_LONG, _NOT_SENT)]

    @property
    def lengths(self) -> list[Problem]:
        """Keys and values that are too long."""
        return [one for group in self._all for one in group if one.verdict.code == TOO_LONG]

    @cached_property
    def _all(self) -> tuple[list[Problem], list[Problem]]:
        values: list[Problem] = []
        keys: list[Problem] = []
        ev = self.file.project.evaluator
        for use, given in self.file.given(*_MAPPINGS):
            site = site_of(use, ev)
            if site is not None and not _is_written_right(use, given, site):
                look = _Look(use, given, site, asked(ev, given.argument))
                if not look.is_right():
                    values += look.values()
                    keys += look.keys()
        return values, keys


def _is_written_right(use: Use, given: Given, site: Site) -> bool:
    """Whether nothing but ordinary texts is written under keys that are accepted."""
    written = written_entries(given.argument.node)
    if written is None:
        return False
    sdk = sdk_of(use)
    return all(_is_sent(value) and _key_verdict(key, given.name, site, sdk) is None for key, value in written)


class _Look:
    """One mapping argument of one call."""

    def __init__(self, use: Use, given: Given, site: Site, possible: Values) -> None:
        self.use, self.given, self.site, self.sdk = use, given, site, sdk_of(use)
        self.possible = possible
        self.argument = given.name

    def is_right(self) -> bool:
        """Whether there is nothing but mappings of keys that are accepted to ordinary texts: most arguments."""
        for mapping in self.possible:
            if not isinstance(mapping, Mapping):
                return False
            for entry in mapping.entries:
                key = stand_in(entry.key)
                if not isinstance(key, str) or self._of_key(key) is not None:
                    return False
                if not all(map(_is_ordinary, entry.value)):
                    return False
        return True

    def values(self) -> Iterator[Problem]:
        """The argument that is no mapping, and the entries whose value is refused."""
        verdict = refused(self.possible, self._whole)
        if verdict is not None:
            value = self.possible[0]
            node = argument_node(self.use, self.given.param.name)
            yield Problem(self.use, verdict, self.argument, self.possible, origin_of(value), node, None, value.steps)
        for mapping in self._mappings():
            for entries, sure in _by_key(mapping):
                yield from self._entry(mapping, entries, sure)

    def keys(self) -> Iterator[Problem]:
        """The entries whose key is refused."""
        for mapping in self._mappings():
            for entry in effective(mapping):
                if all(isinstance(value, Const) and value.value is None for value in entry.value):
                    continue  # dropped before anyone looks at the key
                verdict = refused((entry.key,), self._of_key)
                if verdict is not None:
                    place = entry.place
                    key = _shown(entry.key)
                    steps = (*entry.steps, *mapping.steps)
                    node = local_node(self.use, place)
                    yield Problem(
                        self.use, verdict, self.argument, (entry.key,), place, node, key, steps, _is_seen(verdict)
                    )

    def _mappings(self) -> list[Mapping]:
        """The mappings among the possibilities; none where something else may be there as well."""
        found = [value for value in self.possible if isinstance(value, Mapping)]
        return found if len(found) == len(self.possible) else []

    def _whole(self, value: Any) -> Verdict | None:
        if isinstance(value, dict):
            return None
        checks: dict[object, Callable[..., object]] = {
            contract.Site.IMAGE_ENV: contract.image_env,
            contract.Site.UPDATE: contract.update_entries,
        }
        if self.site in checks:
            return contract.verdict_of(checks[self.site], value, self.argument, sdk=self.sdk)
        made = self.site in (contract.Site.FROM_DICT, contract.Site.CREATE)
        check = contract.entries if made else contract.env
        return contract.verdict_of(check, value, self.argument, sdk=self.sdk, site=self.site)

    def _of_key(self, key: Any) -> Verdict | None:
        """What the contract says of a key, if its value is right."""
        if isinstance(key, str):
            return _key_verdict(key, self.argument, self.site, self.sdk)
        return self._verdict(key, FILLER)

    def _verdict(self, key: Any, value: Any) -> Verdict | None:
        return contract.verdict_of(contract.entry, key, value, self.argument, self.site, sdk=self.sdk)

    def _entry(self, mapping: Mapping, entries: list[Entry], sure: bool) -> Iterator[Problem]:
        """The problem of one key's value, whichever of its entries holds."""
        entry = entries[-1]
        key = stand_in(entry.key)
        if not isinstance(key, str) or self._of_key(key) is not None:
            key = FILLER  # what is wrong with the key is said of the key
        values = tuple(with_steps(value, one.steps + mapping.steps) for one in entries for value in one.value)
        wrong, otherwise = _apart(values)
        verdict = refused(wrong, lambda value: self._verdict(key, value)) if wrong else None
        if verdict is None:
            return
        first = wrong[0]
        node = value_node(self.use.file, entry)
        if isinstance(first, Text) and first.binary and not isinstance(node, (ast.Constant, ast.Name, ast.Attribute)):
            return  # what a call makes of bytes may be a string
        yield Problem(
            self.use,
            verdict,
            self.argument,
            wrong,
            origin_of(first) or entry.place,
            node,
            _shown(entry.key),
            first.steps,
            sure and not otherwise and not entry.maybe,
        )


def _is_ordinary(value: Value) -> bool:
    """Whether a value is accepted where FILLER is: of a text the contract asks the length and what cannot be sent."""
    if isinstance(value, Text):
        given = stand_in(value)
        return isinstance(given, str) and _is_sent(given)
    return isinstance(value, (EnvRead, Unknown, External))  # FILLER itself, or nothing that is known


def _is_sent(text: str) -> bool:
    return len(text) < _SHORT and text.isascii() and "\0" not in text


@lru_cache(maxsize=1024)
def _key_verdict(key: str, argument: str, site: Site, sdk: Sdk) -> Verdict | None:
    return contract.verdict_of(contract.entry, key, FILLER, argument, site, sdk=sdk)


def _apart(values: Values) -> tuple[Values, Values]:
    """What is looked at, and the variable instead of which it is only the fallback."""
    fallbacks = tuple(v for v in values if isinstance(v, Const) and v.fallback is not None and v.value is not None)
    reads = tuple(v for v in values if isinstance(v, EnvRead))
    if fallbacks and reads and len(fallbacks) + len(reads) == len(values):
        return fallbacks, reads
    return values, ()


def _by_key(mapping: Mapping) -> Iterator[tuple[list[Entry], bool]]:
    """The entries of each key, and whether nothing unknown can replace them."""
    groups: dict[object, list[Entry]] = {}
    last_unknown = -1
    shown = effective(mapping)
    for index, entry in enumerate(shown):
        known = entry.key.known if isinstance(entry.key, Text) else None
        last_unknown = index if known is None else last_unknown
        groups.setdefault(entry if known is None else known, []).append(entry)
    positions = {id(entry): index for index, entry in enumerate(shown)}
    for entries in groups.values():
        last = entries[-1]
        if positions[id(last)] < last_unknown:
            continue
        if mapping.complete:
            yield entries, True
        elif last.display is not None and isinstance(last.display.node, ast.Dict):
            splats = _splats_after(last)
            if splats is not None:
                yield entries, not splats


def _splats_after(entry: Entry) -> bool | None:
    """Whether an unknown ``**mapping`` follows an entry of a display; None where no splat makes the mapping unknown."""
    assert entry.display is not None
    display, place = entry.display.node, entry.place
    if not isinstance(display, ast.Dict) or place is None or None not in display.keys:
        return None
    keys = display.keys
    at = next((index for index, key in enumerate(keys) if key is place.node), None)
    return None if at is None else None in keys[at + 1 :]


def _is_seen(verdict: Verdict) -> bool:
    """Whether the SDK itself refuses, or documentation says so: what else the service refuses was never seen."""
    return verdict.when is not contract.When.SERVER or verdict.code == TOO_LONG


def _shown(key: Value) -> str | None:
    if isinstance(key, Text):
        return key.known
    return str(key.value) if isinstance(key, Const) else None


def value_node(file: File, entry: Entry) -> ast.expr | None:
    """The expression of an entry's value, where it is written in this file."""
    place, display = entry.place, entry.display
    if place is None or place.file is not file:
        return None
    if display is not None and isinstance(display.node, ast.Dict):
        pairs = zip(display.node.keys, display.node.values, strict=True)
        return next((value for key, value in pairs if key is place.node), None)
    if isinstance(place.node, (ast.keyword, ast.Assign)):
        return place.node.value
    return None
