"""Credentials that reach a sink: what family 1 is about, found once per file for all its rules."""

from __future__ import annotations

import ast
import re
from functools import cached_property
from itertools import islice
from typing import TYPE_CHECKING

from modal_lint import credentials, switches
from modal_lint.calls import effective
from modal_lint.modal_api import Sink
from modal_lint.records import record, replace
from modal_lint.uses import Given, Use
from modal_lint.values import (
    HOLE,
    Argument,
    Bag,
    Const,
    Entry,
    Fallback,
    Hole,
    Instance,
    Mapping,
    Piece,
    Place,
    Sequence,
    Steps,
    Text,
    Value,
    Values,
    merge_steps,
    with_steps,
)

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    from modal_lint.credentials import Credential
    from modal_lint.source import File

MAPPINGS = frozenset(
    (Sink.ENV, Sink.BUILD_ENV, Sink.SECRET, Sink.STORED_SECRET, Sink.IMAGE_ENV, Sink.BUILD_ARGS, Sink.HEADER)
)
TEXTS = frozenset((Sink.COMMAND, Sink.URL, Sink.PACKAGE, Sink.GIT_USER, Sink.ARGV, Sink.IMAGE_ARGV, Sink.HOST_ARGV))
PAYLOADS = frozenset((Sink.PAYLOAD, Sink.BUILD_PAYLOAD, Sink.LABEL))
MODAL = "modal"  # the provider of Modal's own tokens
RULES = {
    Sink.ENV: "MS101",
    Sink.BUILD_ENV: "MS101",
    Sink.SECRET: "MS102",
    Sink.STORED_SECRET: "MS102",
    Sink.IMAGE_ENV: "MS103",
    Sink.BUILD_ARGS: "MS103",
    Sink.COMMAND: "MS103",
    Sink.URL: "MS103",
    Sink.PACKAGE: "MS103",
    Sink.GIT_USER: "MS103",
    Sink.BUILD_PAYLOAD: "MS103",
    Sink.IMAGE_ARGV: "MS103",
    Sink.ARGV: "MS104",
    Sink.HOST_ARGV: "MS104",
    Sink.TOKEN: "MS105",
    Sink.HOST_ENV: "MS105",
    Sink.PAYLOAD: "MS108",
    Sink.LABEL: "MS108",
    Sink.HEADER: "MS109",
}
# Command lines that hand a credential to Modal's own tool.
_MODAL_COMMAND = re.compile(r"\bmodal\s+(?:secret\s+create|token\s+set|endpoint\s+create)\b")
_COMMAND_LINES = frozenset((Sink.ARGV, Sink.HOST_ARGV, Sink.IMAGE_ARGV))
_FEW = 8  # values, each of which is looked for by itself
_BEGINNING = 6  # characters of a value that it is looked for by
MIN_PART = 6  # characters of a part that would give a credential away
MAX_NESTED = 6
MAX_LEAVES = 5_000  # values inside one argument that are looked at
MAX_TEXT = 400_000  # characters of one text that are looked at
HOLE_MARK = "\x00"  # stands for an unknown stretch of a text


@record
class Exposure:
    """One credential that one use of the API gets."""

    use: Use
    given: Given
    key: str | None  # variable, header, parameter or option that it is the value of
    value: Text
    credential: Credential
    entry: Entry | None = None  # of the mapping that it stands in
    mapping: Mapping | None = None
    whole: bool = True  # the value is the credential, and not only part of it

    @property
    def sink(self) -> Sink:
        sink = self.given.param.sink
        assert sink is not None
        return sink

    @property
    def rule(self) -> str:
        """The code of the one rule that reports it (rules.md, "One credential, one finding")."""
        if self.fallback is not None:
            return "MS106"
        if self.credential.provider == MODAL:
            return "MS105"
        return RULES[self.sink]

    @property
    def fallback(self) -> Fallback | None:
        """The lookup of which the value is only the fallback."""
        return self.value.fallback

    @property
    def origin(self) -> Place | None:
        """The literal."""
        return self.value.origin

    @property
    def steps(self) -> Steps:
        """The way from the literal to the sink."""
        return self.value.steps


class Exposures:
    """The exposures of one file, and every literal and value that no output may show."""

    def __init__(self, file: File) -> None:
        self.file = file
        self.ev = file.project.evaluator
        self.all: list[Exposure] = []
        self._matches: dict[str, list[credentials.Match]] = {}  # of each text
        seen: set[tuple[object, ...]] = set()
        evaluated = switches.is_off("spelling")  # even what is plainly written
        for use in file.given_uses:
            given = [one for one in use.sunk if one.param.sink in RULES and (evaluated or not _is_plain(one))]
            for exposure in self._of(use, given) if given else ():
                origin = exposure.origin
                key = (
                    use.node,
                    exposure.given.param.name,
                    exposure.key,
                    None if origin is None else (origin.file.path, origin.node),
                    exposure.value.known,
                )
                if key not in seen:
                    seen.add(key)
                    self.all.append(exposure)
        self.values = frozenset(value for exposure in self.all for value in secrets_of(exposure))
        self.literals: dict[ast.AST, set[str]] = {}  # and what of each is part of a credential
        for exposure in self.all:
            for part in exposure.value.parts:
                if isinstance(part, Piece) and part.origin is not None:
                    self.literals.setdefault(part.origin.node, set()).add(part.text)

    @cached_property
    def _beginnings(self) -> dict[int, dict[str, dict[int, set[str]]]]:
        """The values by length and text of what they begin with, then by their own length.

        A line is searched for all of them at once, however many there are and however many begin alike.
        """
        found: dict[int, dict[str, dict[int, set[str]]]] = {}
        for value in self.values:
            beginning = value[:_BEGINNING]
            alike = found.setdefault(len(beginning), {}).setdefault(beginning, {})
            alike.setdefault(len(value), set()).add(value)
        return found

    def said_in(self, text: str) -> list[str]:
        """The values that stand in a text, the longest first."""
        if len(self.values) <= _FEW:
            return sorted((value for value in self.values if value in text), key=_longest_first)
        found = {
            piece
            for size, beginnings in self._beginnings.items()
            for at in range(len(text) - size + 1)
            if (beginning := text[at : at + size]) in beginnings
            for length, values in beginnings[beginning].items()
            if (piece := text[at : at + length]) in values
        }
        return sorted(found, key=_longest_first)

    def _of(self, use: Use, given: list[Given]) -> Iterator[Exposure]:
        for one in given:
            if one.param.sink in MAPPINGS:
                yield from self._mapped(use, one)
        for one in self._words([one for one in given if one.param.sink in TEXTS]):
            yield from self._texts(use, one)
        for one in given:
            if one.param.sink in PAYLOADS:
                yield from self._payload(use, one)
        for one in given:
            if one.param.sink is Sink.TOKEN:
                yield from self._token(use, one)
        for one in given:
            if one.param.sink is Sink.HOST_ENV:
                yield from (found for found in self._mapped(use, one) if found.credential.provider == MODAL)

    # ---- mappings -------------------------------------------------------------------------------------------

    def _mapped(self, use: Use, given: Given) -> Iterator[Exposure]:
        for value in given.values(self.ev):
            if isinstance(value, Mapping):
                yield from self._entries(use, given, value)

    def _entries(self, use: Use, given: Given, mapping: Mapping) -> Iterator[Exposure]:
        for entry in effective(mapping):
            key = _key(entry.key)
            for value in entry.value:
                flown = with_steps(value, entry.steps + mapping.steps)
                if (found := self._judged(use, given, key, flown, entry, mapping)) is not None:
                    yield found

    def _judged(
        self, use: Use, given: Given, key: str | None, value: Value, entry: Entry | None, mapping: Mapping | None
    ) -> Exposure | None:
        """The credential that a keyed value is, or the first one inside it."""
        if not isinstance(value, Text):
            return None
        known = value.known
        if known is not None and len(known) <= MAX_TEXT:
            if credentials.is_plain(key, known):
                return None
            credential = credentials.classify(key, known, path=self.file.path)
            if credential is not None:
                return Exposure(use, given, key, value, credential, entry, mapping)
        for found in self._inside(marked(value) if known is None else known):
            if found.credential.confidence.rank == 2:  # inside a value only certain shapes count
                return Exposure(use, given, key or found.key, value, found.credential, entry, mapping, whole=False)
        return None

    def _inside(self, string: str) -> list[credentials.Match]:
        """The credentials in a text; the runs of a function mostly hand over the same one."""
        found = self._matches.get(string)
        if found is None:
            found = credentials.find_in_text(string, path=self.file.path) if len(string) <= MAX_TEXT else []
            self._matches[string] = found
        return found

    # ---- texts ----------------------------------------------------------------------------------------------

    def _words(self, texts: list[Given]) -> Iterator[Given]:
        """The text arguments; the words of one command line count as one."""
        words: list[Given] = []
        for given in texts:
            if _is_word(given):
                words.append(given)
            else:
                yield given
        if words and not _is_plain_line([given.argument.node for given in words]):
            line = Sequence(tuple(given.values(self.ev) for given in words))
            yield Given(words[0].param, Argument(None, None, (line,)), words[0].name)

    def _texts(self, use: Use, given: Given) -> Iterator[Exposure]:
        for text in self._strings(given.values(self.ev)):
            string = marked(text)
            if given.param.sink is Sink.HOST_ARGV and not _MODAL_COMMAND.search(string):
                continue
            for found in self._inside(string):
                value = part_of(text, found.start, found.end)
                yield Exposure(use, given, found.key, value, found.credential, whole=False)

    def _strings(self, values: Values) -> Iterator[Text]:
        """The texts of an argument; a list's words stand side by side, so that ``--key VALUE`` is seen."""
        for value in values:
            if isinstance(value, Text):
                yield value
            elif isinstance(value, Sequence):
                yield from _line(value)

    def _token(self, use: Use, given: Given) -> Iterator[Exposure]:
        """Modal's own credentials, under the name that the environment has for them."""
        key = given.name.upper()
        key = key if key.startswith(("MODAL_", "OAUTH_")) else f"MODAL_{key}"
        for value in given.values(self.ev):
            if (found := self._judged(use, given, key, value, None, None)) is not None:
                yield found

    # ---- payloads -------------------------------------------------------------------------------------------

    def _payload(self, use: Use, given: Given) -> Iterator[Exposure]:
        name = given.name if given.param.kind in ("kwargs", "keyword", "both") else None
        leaves = self._leaves(name, given.values(self.ev), None, None, 0)
        for key, value, entry, mapping in islice(leaves, MAX_LEAVES):
            if (found := self._judged(use, given, key, value, entry, mapping)) is not None:
                yield found

    def _leaves(
        self, key: str | None, values: Values, entry: Entry | None, mapping: Mapping | None, depth: int
    ) -> Iterator[tuple[str | None, Value, Entry | None, Mapping | None]]:
        if depth > MAX_NESTED:
            return
        for value in values:
            if isinstance(value, Mapping):
                for inner in effective(value):
                    flown = tuple(with_steps(one, inner.steps + value.steps) for one in inner.value)
                    yield from self._leaves(_key(inner.key), flown, inner, value, depth + 1)
            elif isinstance(value, Sequence):
                for item in value.items:
                    flown = tuple(with_steps(one, value.steps) for one in item)
                    yield from self._leaves(key, flown, entry, mapping, depth + 1)
            elif isinstance(value, Instance):
                yield from self._fields(value, depth)
            elif isinstance(value, Bag):
                yield from self._leaves(key, (value.attributes,), entry, mapping, depth + 1)
            else:
                yield key, value, entry, mapping

    def _fields(self, value: Instance, depth: int) -> Iterator[tuple[str | None, Value, Entry | None, Mapping | None]]:
        from modal_lint import objects

        mappings = objects.as_mapping(self.ev, (value,))
        yield from self._leaves(None, mappings, None, None, depth + 1)


def _is_plain(given: Given) -> bool:
    """Whether what is written in a call is itself a constant, or a display of some, that holds no credential."""
    node = given.argument.node
    if _is_word(given) or given.param.sink is Sink.TOKEN:  # what stands beside it or its own name counts
        return False
    if isinstance(node, ast.Constant):
        return _is_harmless(given.name, node)
    if isinstance(node, ast.Dict):
        return all(
            isinstance(key, ast.Constant) and isinstance(key.value, str) and _is_harmless(key.value, value)
            for key, value in zip(node.keys, node.values, strict=True)
        )
    return isinstance(node, ast.List) and given.param.sink in TEXTS and _is_plain_line(node.elts)


def _is_harmless(key: str, node: ast.expr) -> bool:
    if not isinstance(node, ast.Constant):
        return False
    return credentials.is_plain(key, node.value) if isinstance(node.value, str) else not isinstance(node.value, bytes)


def _is_word(given: Given) -> bool:
    """Whether an argument is one word of a command line."""
    return given.param.kind == "args" and given.param.sink in _COMMAND_LINES


def _is_plain_line(nodes: Iterable[ast.expr | None]) -> bool:
    """Whether words, side by side however they are, hold no credential."""
    words = [node.value if isinstance(node, ast.Constant) else None for node in nodes]
    texts = [word for word in words if isinstance(word, str)]
    return len(texts) == len(words) and not credentials.may_hold(" ".join((*texts, "")))


def _longest_first(value: str) -> tuple[int, str]:
    return -len(value), value


def _line(value: Sequence, depth: int = 0) -> Iterator[Text]:
    if depth > 3:
        return
    parts: list[Piece | Hole] = []
    steps = [value.steps]
    fallback: Fallback | None = None
    for item in value.items[:500]:
        word = next((one for one in item if isinstance(one, Text)), None)
        if word is None:
            inner = next((one for one in item if isinstance(one, Sequence)), None)
            if inner is not None:
                yield from _line(inner, depth + 1)
            word = Text((HOLE,))
        elif word.known is not None and "\n" in word.known:
            yield with_steps(word, value.steps)
            continue
        parts += (*word.parts, Piece("\n" if _is_command(word) else " ", None))
        steps.append(word.steps)
        fallback = fallback or word.fallback
    yield Text(tuple(parts), merge_steps(*steps), fallback)


def _is_command(word: Text) -> bool:
    """Whether a word of a list is a line of its own, and not an argument of the one before."""
    return word.known is not None and " " in word.known


def _key(value: Value) -> str | None:
    if isinstance(value, Text):
        return value.known
    return str(value.value) if isinstance(value, Const) else None


def marked(value: Text) -> str:
    """The text with a mark for each unknown stretch."""
    parts = value.parts
    if len(parts) == 1 and isinstance(parts[0], Piece):
        return parts[0].text
    return "".join([HOLE_MARK if isinstance(part, Hole) else part.text for part in parts])


def part_of(value: Text, start: int, end: int) -> Text:
    """The stretch of a text between two places of ``marked``."""
    parts: list[Piece | Hole] = []
    position = 0
    for part in value.parts:
        length = 1 if isinstance(part, Hole) else len(part.text)
        low, high = max(start - position, 0), min(end - position, length)
        if low < high:
            parts.append(part if isinstance(part, Hole) else replace(part, text=part.text[low:high]))
        position += length
    return replace(value, parts=tuple(parts))


def secrets_of(exposure: Exposure) -> Iterable[str]:
    """Every string that would give an exposure's credential away."""
    known = exposure.value.known
    if known is not None:
        yield known
    for part in exposure.value.parts:
        if isinstance(part, Piece) and len(part.text) >= MIN_PART:
            yield part.text
