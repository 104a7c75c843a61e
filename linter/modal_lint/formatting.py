"""Text put together by ``%``, ``str.format``, ``string.Template``: known parts stay known and keep their origin."""

from __future__ import annotations

import string
from collections.abc import Callable

from modal_lint.lazy import lazy
from modal_lint.reads import ReadHole
from modal_lint.values import (
    HOLE,
    UNKNOWN,
    Const,
    EnvRead,
    Mapping,
    Piece,
    Sequence,
    Text,
    Unknown,
    Value,
    Values,
    merge_steps,
)

_PERCENT = lazy(r"%(?:\((?P<name>[^)]*)\))?[-#0 +]*(?:\d+|\*)?(?:\.(?:\d+|\*))?[hlL]?(?P<type>[a-zA-Z%])")
_TEMPLATE = lazy(r"\$(?:(?P<escaped>\$)|(?P<named>[_a-zA-Z]\w*)|\{(?P<braced>[_a-zA-Z]\w*)\})")
Lookup = Callable[[str], Values]


def percent(template: Text, right: Value) -> Values:
    """``template % right``."""
    pattern = template.known
    if pattern is None:
        return (Text((HOLE,)),)
    items = iter(right.items) if isinstance(right, Sequence) else iter([(right,)])

    def named(name: str) -> Values:
        return (right.get(name) or UNKNOWN) if isinstance(right, Mapping) else UNKNOWN

    made = Text((), template.steps, template.fallback)
    position = 0
    for match in _PERCENT.finditer(pattern):
        made = _literal(made, template, pattern[position : match.start()])
        position = match.end()
        if match["type"] == "%":
            made = _literal(made, template, "%")
        else:
            values = named(match["name"]) if match["name"] else next(items, UNKNOWN)
            if "." in match[0]:  # cut to a length
                values = tuple(value for value in values if not isinstance(value, EnvRead))
            made = _value(made, values)
    return (_literal(made, template, pattern[position:]),)


def brace(template: Text, positional: list[Values], named: Lookup) -> Values:
    """``template.format(…)``."""
    pattern = template.known
    if pattern is None:
        return (Text((HOLE,)),)
    made = Text((), template.steps, template.fallback)
    automatic = 0
    try:
        for literal, field, _, _ in string.Formatter().parse(pattern):
            made = _literal(made, template, literal)
            if field is None:
                continue
            if field == "":
                field, automatic = str(automatic), automatic + 1
            if field.isdigit():
                index = int(field)
                made = _value(made, positional[index] if index < len(positional) else UNKNOWN)
            else:
                made = _value(made, named(field) if field.isidentifier() else UNKNOWN)
    except ValueError:
        return (Text((HOLE,)),)
    return (made,)


def dollar(template: Text, named: Lookup) -> Values:
    """``string.Template(template).substitute(…)``."""
    pattern = template.known
    if pattern is None:
        return (Text((HOLE,)),)
    made = Text((), template.steps, template.fallback)
    position = 0
    for match in _TEMPLATE.finditer(pattern):
        made = _literal(made, template, pattern[position : match.start()])
        position = match.end()
        name = match["named"] or match["braced"]
        made = _value(made, named(name)) if name else _literal(made, template, "$")
    return (_literal(made, template, pattern[position:]),)


def _literal(made: Text, template: Text, part: str) -> Text:
    if not part:
        return made
    return Text((*made.parts, Piece(part, template.origin)), made.steps, made.fallback)


def _value(made: Text, values: Values) -> Text:
    """The text with one more value; of several possibilities a known one is taken."""
    value = next((one for one in values if not isinstance(one, Unknown)), None)
    if isinstance(value, Text):
        parts: tuple[object, ...] = value.parts
    elif isinstance(value, Const):
        parts = (Piece(str(value.value), value.origin),)
    elif isinstance(value, EnvRead):
        return Text((*made.parts, ReadHole(value)), made.steps, made.fallback)
    else:
        return Text((*made.parts, HOLE), made.steps, made.fallback)
    steps = merge_steps(made.steps, value.steps)
    return Text((*made.parts, *parts), steps, made.fallback or value.fallback)  # type: ignore[arg-type]
