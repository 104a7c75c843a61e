"""Changes of calls and displays: entries and arguments out, arguments and list items in."""

from __future__ import annotations

import ast
from typing import TYPE_CHECKING

from modal_lint.rewrite.displays import extended, refuse_bindings, starred, without_entries
from modal_lint.rewrite.text import CannotRewrite, Source
from modal_lint.rewrite.tree import Parsed, parsed_ast

if TYPE_CHECKING:
    from collections.abc import Mapping
    from collections.abc import Sequence as Many

    from modal_lint.model import Edit, Span
    from modal_lint.rewrite.sequence import Item, Pieces

Argument = str | int


def replace(source: Source, span: Span, text: str) -> list[Edit]:
    """Put ``text`` in place of a span."""
    return [source.edit(*source.range(span), text)]


def remove_entries(source: Source, mapping: Span, entries: Many[Span]) -> list[Edit]:
    """Take entries out of a dict display or a ``dict(…)`` call; ``entries`` are their keys or keywords.

    Raises ``CannotRewrite`` where an entry is not found or binds a name.
    """
    parsed = Parsed(source, *source.range(mapping))
    pieces = without_entries(parsed, parsed.node, (parsed.start, parsed.end), entries)[0]
    return _checked(source, mapping, source.edits(parsed.start, parsed.end, pieces))


def remove_argument(source: Source, call: Span, argument: Argument) -> list[Edit]:
    """Take a keyword argument, or the positional one at an index, out of a call."""
    return rewrite_call(source, call, drop_arguments=(argument,))


def add_argument(source: Source, call: Span, text: str) -> list[Edit]:
    """Add the keyword argument ``text`` (``name=value``) at the end of a call, laid out as its other arguments."""
    change = _CallChange(source, call)
    change.append(text)
    return change.edits()


def replace_argument_value(source: Source, call: Span, keyword: str, text: str) -> list[Edit]:
    """Put ``text`` in place of a keyword argument's value; raises ``CannotRewrite`` where it is not passed."""
    change = _CallChange(source, call)
    change.set_value(change.item(keyword), text)
    return change.edits()


def append_to_list(source: Source, list_span: Span, text: str, *, at_front: bool = False) -> list[Edit]:
    """Add an item to a list, tuple or set display; any other expression is extended."""
    parsed = Parsed(source, *source.range(list_span))
    pieces = extended(parsed, parsed.node, (parsed.start, parsed.end), text, at_front=at_front)
    return _checked(source, list_span, source.edits(parsed.start, parsed.end, pieces))


def extend_expression(
    source: Source, span: Span, text: str, at_front: bool = False, *, may_be_none: bool = False
) -> list[Edit]:
    """Turn an expression that gives a sequence into ``[*expression, text]``; ``None`` becomes ``[text]``."""
    parsed = Parsed(source, *source.range(span))
    whole = (parsed.start, parsed.end)
    pieces = starred(parsed.node, whole, text, at_front=at_front, may_be_none=may_be_none)
    return _checked(source, span, source.edits(*whole, pieces))


def rewrite_call(
    source: Source,
    call: Span,
    *,
    drop_entries: Mapping[Argument, Many[Span]] | None = None,
    drop_arguments: Many[Argument] = (),
    set_argument: Mapping[str, str] | None = None,
    extend_list: Mapping[Argument, tuple[str, bool]] | None = None,
    drop_empty: bool = True,
) -> list[Edit]:
    """Make several changes of one call at once; the edits touch nothing else.

    Args:
        drop_entries: argument to the keys of the entries that its mapping loses.
        drop_arguments: arguments that go altogether.
        set_argument: keyword to the text of its new value; added where it is not passed.
        extend_list: argument to (item, at front); ``name=[item]`` is added where it is not passed.
        drop_empty: whether a mapping that lost its last entry and holds no comment goes with its argument.

    Raises:
        CannotRewrite: where an argument or entry is not found, binds a name, or its removal moves others.
    """
    change = _CallChange(source, call)
    for argument, (text, at_front) in (extend_list or {}).items():
        change.extend(argument, text, at_front=at_front)
    for name, text in (set_argument or {}).items():
        change.set_or_append(name, text)
    for argument, entries in (drop_entries or {}).items():
        change.drop_entries(argument, entries, drop_empty=drop_empty)
    for argument in drop_arguments:
        change.drop(change.item(argument))
    return change.edits()


class _CallChange:
    """The changes of one call, gathered on its arguments before any text is made."""

    def __init__(self, source: Source, call: Span) -> None:
        self.source = source
        self.call = call
        self.parsed = Parsed(source, *source.range(call))
        sequence = self.parsed.sequence(self.parsed.node)
        if not isinstance(self.parsed.node, ast.Call) or sequence is None:
            raise CannotRewrite("there is no call at this place")
        self.sequence = sequence
        self.items = list(sequence.items)
        self.dropped: list[Item] = []

    def find(self, argument: Argument) -> Item | None:
        """The item of an argument, None where a keyword is not passed."""
        if isinstance(argument, str):
            return next((item for item in self.items if getattr(item.parts[0], "arg", None) == argument), None)
        plain = self._positional()
        if not 0 <= argument < len(plain) or any(isinstance(it.parts[0], ast.Starred) for it in plain[: argument + 1]):
            raise CannotRewrite("the call has no such positional argument")
        return plain[argument]

    def _positional(self) -> list[Item]:
        return [item for item in self.items if not isinstance(item.parts[0], ast.keyword)]

    def item(self, argument: Argument) -> Item:
        found = self.find(argument)
        if found is None:
            raise CannotRewrite(f"the call has no argument {argument}")
        return found

    def set_value(self, item: Item, text: str) -> None:
        """Put new text in place of a value."""
        refuse_bindings(item.value)
        self._replace(item, [text])

    def _replace(self, item: Item, pieces: Pieces) -> None:
        if item.body != [(item.start, item.end)]:
            raise CannotRewrite("two changes touch the same argument")
        start, end = self.parsed.value_range(item)
        item.body = [(item.start, start), *pieces, (end, item.end)]

    def append(self, text: str) -> None:
        """Add an argument at the end."""
        if len(self.items) == 1:
            [item] = self.items
            if self.parsed.lacks_brackets(item):
                item.body = ["(", *item.body, ")"]
        self.sequence.append(text)

    def set_or_append(self, name: str, text: str) -> None:
        """Give a keyword a new value, or pass it."""
        item = self.find(name)
        if item is None:
            self.append(f"{name}={text}")
        else:
            self.set_value(item, text)

    def extend(self, argument: Argument, text: str, *, at_front: bool) -> None:
        """Add an item to an argument's sequence, or pass one."""
        item = self.find(argument)
        if item is None:
            self.append(f"{argument}=[{text}]")
            return
        place = self.parsed.value_range(item)
        self._replace(item, extended(self.parsed, item.value, place, text, at_front=at_front))

    def drop_entries(self, argument: Argument, entries: Many[Span], *, drop_empty: bool) -> None:
        """Take entries out of an argument's mapping, and the argument where nothing is left of it."""
        item = self.item(argument)
        pieces, empty = without_entries(self.parsed, item.value, self.parsed.value_range(item), entries)
        self._replace(item, pieces)
        if empty and drop_empty and (isinstance(argument, str) or self._is_last_positional(item)):
            self.drop(item)

    def drop(self, item: Item) -> None:
        """Take an argument out; one that is out already stays out."""
        if any(item is gone for gone in self.dropped):
            return
        refuse_bindings(item.value)
        if not isinstance(item.parts[0], ast.keyword) and not self._is_last_positional(item):
            raise CannotRewrite("without this argument the others would move")
        self.dropped.append(item)
        self.sequence.remove(item)

    def _is_last_positional(self, item: Item) -> bool:
        kept = [other for other in self._positional() if not any(other is gone for gone in self.dropped)]
        return bool(kept) and kept[-1] is item

    def edits(self) -> list[Edit]:
        sequence = self.sequence
        made = self.source.edits(sequence.start, sequence.end, sequence.pieces())
        return _checked(self.source, self.call, made)


def _checked(source: Source, span: Span, edits: list[Edit]) -> list[Edit]:
    """The edits, once the expression at ``span`` is known to parse with them."""
    start, end = source.range(span)
    text = source.plain[start:end]
    for edit in edits[::-1]:
        first, last = source.range(edit.span)
        text = text[: first - start] + edit.text + text[last - start :]
    parsed_ast(text)
    return edits
