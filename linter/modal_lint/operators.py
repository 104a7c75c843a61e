"""Operators on values: ``+``, ``%``, ``|``, f-strings, ``or``, conditional expressions, conditions."""

from __future__ import annotations

import ast
from typing import TYPE_CHECKING

from modal_lint.reads import ReadHole, text_of
from modal_lint.records import replace
from modal_lint.values import (
    HOLE,
    UNKNOWN,
    Const,
    Entry,
    EnvRead,
    External,
    Fallback,
    Growing,
    Hole,
    Mapping,
    Piece,
    Place,
    Sequence,
    Text,
    Unknown,
    Value,
    Values,
    concat,
    longer,
    merge_steps,
    text,
    truth,
    unite,
)

if TYPE_CHECKING:
    from modal_lint.calls import Frame
    from modal_lint.evaluate import Evaluator
    from modal_lint.scopes import Binding, Scope, Scopes

MAX_TEXTS = 8  # alternatives kept while a text is put together
MAX_LENGTH = 1_000_000  # of a text made by repetition or the like


def decoded(data: bytes) -> str:
    """Bytes as text: UTF-8, or byte by byte."""
    try:
        return data.decode()
    except UnicodeDecodeError:
        return data.decode("latin-1")


def as_text(value: Value) -> Text:
    """The text that ``str(value)`` gives, unknown where it is not known."""
    if isinstance(value, Text):
        return value
    if isinstance(value, Const):
        return Text((Piece(str(value.value), value.origin),), value.steps, value.fallback)
    if isinstance(value, EnvRead):
        return text_of(value)
    return Text((HOLE,))


def join_texts(groups: list[Values], separator: Text | None = None) -> Values:
    """Every text that one possibility of each group after the other gives."""
    results: list[Growing] = [((), 0, (), None)]
    for index, group in enumerate(groups):
        choices = _limited([as_text(value) for value in group])
        if separator is not None and index:
            results = [longer(made, separator) for made in results]
        results = [longer(made, choice) for made in results for choice in choices][:MAX_TEXTS]
    return tuple([Text(parts, steps, fallback) for parts, _, steps, fallback in results])


def _limited(choices: list[Text]) -> list[Text]:
    if len(choices) == 1:
        return choices
    known = [choice for choice in choices if not _is_hole(choice)]
    # Of what is not known, the value of a variable says the most.
    unknown = sorted(filter(_is_hole, choices), key=lambda choice: not isinstance(choice.parts[0], ReadHole))
    return (known + unknown[:1])[:MAX_TEXTS]


def _is_hole(choice: Text) -> bool:
    return len(choice.parts) == 1 and isinstance(choice.parts[0], Hole)


def fstring(ev: Evaluator, node: ast.JoinedStr, frame: Frame) -> Values:
    """``f"…"``: the parts one after the other."""
    return join_texts([ev.evaluate(part, frame) for part in node.values])


def formatted(ev: Evaluator, node: ast.FormattedValue, frame: Frame) -> Values:
    """``{value}`` in an f-string; a conversion or width does not change what a credential is."""
    values = ev.evaluate(node.value, frame)
    if node.format_spec is not None and "." in ast.unparse(node.format_spec):  # cut to a length
        values = _without_reads(values)
    return tuple([as_text(value) for value in values])


def binary(ev: Evaluator, node: ast.BinOp, frame: Frame) -> Values:
    """``left op right``; long sums are followed without recursion."""
    spine = [node]
    left: ast.expr = node.left
    while isinstance(left, ast.BinOp) and left not in frame.memo:
        spine.append(left)
        left = left.left
    values = ev.evaluate(left, frame)
    for step in reversed(spine):
        right = ev.evaluate(step.right, frame)
        if isinstance(step.op, ast.Mod):
            values = percent(values, right)
        else:
            made = [combine(step.op, one, other) for one in values[:MAX_TEXTS] for other in right[:MAX_TEXTS]]
            values = unite(*made)
    return values


def combine(op: ast.operator, left: Value, right: Value) -> Values:
    """What ``left op right`` may be."""
    if isinstance(op, ast.Add):
        return _add(left, right)
    if isinstance(op, ast.BitOr):
        return _union(left, right)
    if isinstance(op, ast.Mult):
        return _repeat(left, right)
    if isinstance(op, ast.Div) and (isinstance(left, Text) or isinstance(right, Text)):
        return (concat(concat(as_text(left), text("/", None)), as_text(right)),)  # pathlib
    return UNKNOWN


def _add(left: Value, right: Value) -> Values:
    if isinstance(left, Sequence) or isinstance(right, Sequence):
        items: tuple[Values, ...] = ()
        complete = True
        place = None
        for side in (left, right):
            if isinstance(side, Sequence):
                items += side.items
                complete = complete and side.complete
                place = place or side.place
            else:
                complete = False
        return (Sequence(items, complete, place, merge_steps(left.steps, right.steps)),)
    if isinstance(left, Text) or isinstance(right, Text):
        return (concat(as_text(left), as_text(right)),)
    return UNKNOWN


def _union(left: Value, right: Value) -> Values:
    if not isinstance(left, Mapping) and not isinstance(right, Mapping):
        return UNKNOWN
    from modal_lint.library import is_environ

    entries: list[Entry] = []
    complete = True
    for side in (left, right):
        if isinstance(side, Mapping):
            entries += [replace(entry, steps=entry.steps + side.steps) for entry in side.entries]
            complete = complete and side.complete
        else:
            complete = False
    return (Mapping(tuple(entries), complete, environ=is_environ((left, right))),)


def _repeat(left: Value, right: Value) -> Values:
    if isinstance(left, Const):
        left, right = right, left
    if isinstance(left, Sequence) and isinstance(right, Const) and isinstance(right.value, int):
        return (replace(left, items=left.items * max(0, min(right.value, MAX_TEXTS))),)
    if isinstance(left, Text) and isinstance(right, Const) and isinstance(right.value, int):
        known = left.known
        if known is not None and 0 <= len(known) * right.value <= MAX_LENGTH:
            return (Text((Piece(known * right.value, left.origin),), left.steps),)
    return UNKNOWN


def augmented(ev: Evaluator, binding: Binding, home: Scope, frame: Frame) -> Values:
    """``name op= value``: what the name held before, combined with the value."""
    node = binding.node
    assert isinstance(node, ast.AugAssign)
    before = ev.held_before(binding, home, frame)
    added = ev.evaluate(node.value, frame)
    if isinstance(node.op, ast.Mod):
        return percent(before, added)
    return unite(*(combine(node.op, one, other) for one in before[:MAX_TEXTS] for other in added[:MAX_TEXTS]))


def percent(left: Values, right: Values) -> Values:
    """``"…%s…" % values``."""
    from modal_lint import formatting

    made = [formatting.percent(one, other) for one in left for other in right if isinstance(one, Text)]
    return unite(*made) if made else UNKNOWN


def boolean(ev: Evaluator, node: ast.BoolOp, frame: Frame) -> Values:
    """``a or b`` and ``a and b``; a literal behind the read of an environment variable is its fallback."""
    groups = [ev.evaluate(value, frame) for value in node.values]
    if isinstance(node.op, ast.And):
        return unite(*(_unless(_without_reads(values), False) for values in groups[:-1]), groups[-1])
    reads = [value for values in groups for value in values if isinstance(value, EnvRead)]
    result: list[Values] = []
    for index, values in enumerate(groups):
        last = index == len(groups) - 1
        kept = values if last else _unless(values, True)
        if index and reads:
            kept = mark(kept, Fallback(reads[0].key, Place(frame.file, node), reads[0].place))
        result.append(kept)
        if not last and kept and all(truth(value) for value in kept):
            break
    return unite(*result)


def _unless(values: Values, wanted: bool) -> Values:
    """The possibilities that ``or`` (True) or ``and`` (False) may stop at."""
    return tuple(value for value in values if truth(value) is not (not wanted))


def _without_reads(values: Values) -> Values:
    """The same, a variable's value unknown: where ``and`` stops at it, it is empty or None; where it is cut, a part."""
    return tuple(Unknown() if isinstance(value, EnvRead) else value for value in values)


def conditional(ev: Evaluator, node: ast.IfExp, frame: Frame) -> Values:
    """``a if test else b``."""
    verdict = condition(ev, node.test, frame)
    if verdict is not None:
        return ev.evaluate(node.body if verdict else node.orelse, frame)
    body, other = ev.evaluate(node.body, frame), ev.evaluate(node.orelse, frame)
    read = next((value for value in (*body, *other) if isinstance(value, EnvRead)), None)
    if read is not None:
        fallback = Fallback(read.key, Place(frame.file, node), read.place)
        body, other = mark(body, fallback), mark(other, fallback)
    return unite(body, other)


def mark(values: Values, fallback: Fallback) -> Values:
    """The texts among the values, marked as used only when a variable is not set."""
    return tuple(
        replace(value, fallback=fallback) if isinstance(value, (Text, Const)) and value.fallback is None else value
        for value in values
    )


def guards(scopes: Scopes, binding: Binding) -> bool:
    """Whether a binding stands under ``if not name``, ``if name is None`` or an ``except KeyError``."""
    block = scopes.blocks.get(binding.node)
    if block is None:
        return False
    owner = block[0]
    if isinstance(owner, ast.ExceptHandler):
        return True
    if not isinstance(owner, ast.If) or block[1] != "body":
        return False
    test = owner.test
    if isinstance(test, ast.UnaryOp) and isinstance(test.op, ast.Not):
        return any(isinstance(n, ast.Name) and n.id == binding.name for n in ast.walk(test.operand))
    if isinstance(test, ast.Compare) and isinstance(test.left, ast.Name) and test.left.id == binding.name:
        return isinstance(test.ops[0], (ast.Is, ast.Eq))
    return False


def condition(ev: Evaluator, node: ast.AST, frame: Frame) -> bool | None:
    """Whether a test is true, where that is certain."""
    if isinstance(node, ast.UnaryOp) and isinstance(node.op, ast.Not):
        verdict = condition(ev, node.operand, frame)
        return None if verdict is None else not verdict
    if isinstance(node, ast.Compare):
        return _compared(ev, node, frame) if len(node.ops) == 1 else None
    return ev.truth(node, frame)


def _compared(ev: Evaluator, node: ast.Compare, frame: Frame) -> bool | None:
    left, right = ev.evaluate(node.left, frame), ev.evaluate(node.comparators[0], frame)
    if len(left) != 1 or len(right) != 1:
        return None
    one, other, op = left[0], right[0], node.ops[0]
    if isinstance(op, (ast.In, ast.NotIn)):
        if isinstance(other, Sequence) and other.complete and isinstance(one, Text) and one.known is not None:
            items = [item[0].known for item in other.items if len(item) == 1 and isinstance(item[0], Text)]
            if len(items) == len(other.items) and None not in items:
                return (one.known in items) is isinstance(op, ast.In)
        return None
    if isinstance(op, (ast.Is, ast.IsNot)) and isinstance(other, Const) and other.value is None:
        if isinstance(one, (Unknown, EnvRead, External)):
            return None
        return (isinstance(one, Const) and one.value is None) is isinstance(op, ast.Is)
    if isinstance(op, (ast.Eq, ast.NotEq)) and _plain(one) and _plain(other):
        return (_raw(one) == _raw(other)) is isinstance(op, ast.Eq)
    return None


def _plain(value: Value) -> bool:
    return isinstance(value, Const) or (isinstance(value, Text) and value.known is not None)


def _raw(value: Value) -> object:
    return value.value if isinstance(value, Const) else value.known if isinstance(value, Text) else None
